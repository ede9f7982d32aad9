//! What is written for programs beside the schema that is published of it.

use boon::{Compiler, Schemas};
use serde_json::Value;

/// How a text breaks the schema that `testbed schema verdicts` prints; none if it does not.
pub(crate) fn breaks(text: &[u8]) -> Option<String> {
    const AT: &str = "file:///verdicts.schema.json";
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource(AT, testbed::report::verdicts_schema()).expect("the schema is JSON");
    let schema = compiler.compile(AT, &mut schemas).expect("the schema is one");
    let document: Value = match serde_json::from_slice(text) {
        Ok(document) => document,
        Err(error) => return Some(error.to_string()),
    };
    schemas.validate(&document, schema).err().map(|error| format!("{error:#}"))
}
