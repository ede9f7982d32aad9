//! JSON Schema of the files, for editors: made from the types that read them.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::raw;

/// JSON Schema (draft 7, which editors know best) of a scenario.
pub fn schema() -> Value {
    schema_of::<raw::Scenario>()
}

/// JSON Schema of a broken twin.
pub fn twin_schema() -> Value {
    schema_of::<raw::Twin>()
}

/// JSON Schema of a policy.
pub fn policy_schema() -> Value {
    schema_of::<raw::Policy>()
}

fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<T>().to_value()
}
