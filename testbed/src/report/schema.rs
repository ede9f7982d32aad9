//! JSON Schema of `verdicts.json` and of what `--json` writes: made from the types that are written.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{RunJson, RunsJson};

/// JSON Schema (draft 7) of one run, `verdicts.json`, or of several, `--json`.
///
/// Keys that it does not know may be there: the format grows without a new version.
pub fn verdicts_schema() -> Value {
    let settings = SchemaSettings::draft07().for_serialize().with_transform(RecursiveTransform(unlink));
    settings.into_generator().into_root_schema_for::<Verdicts>().to_value()
}

struct Verdicts;

impl JsonSchema for Verdicts {
    fn schema_name() -> Cow<'static, str> {
        "Verdicts".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (run, runs) = (generator.subschema_for::<RunJson>(), generator.subschema_for::<RunsJson>());
        json_schema!({ "description": "One run (verdicts.json), or several (--json).", "anyOf": [run, runs] })
    }
}

/// Descriptions are the docstrings, whose links lead nowhere here.
fn unlink(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace("[`", "`").replace("`]", "`");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use boon::{Compiler, Schemas};

    use super::super::example::{
        accepting_report, bad_report, blinded_report, broken_report, failed_report, good_report, twin_report,
    };
    use super::super::{Report, run_json, runs_json};
    use super::*;
    use crate::exit::Exit;

    /// What the schema says of a document.
    fn valid(document: &Value) -> Result<(), String> {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("file:///verdicts.json", verdicts_schema()).unwrap();
        let schema = compiler.compile("file:///verdicts.json", &mut schemas).unwrap();
        schemas.validate(document, schema).map_err(|error| format!("{error:#}"))
    }

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn it_stays_as_it_is() {
        insta::assert_snapshot!(format!("{:#}", verdicts_schema()));
    }

    #[test]
    fn it_fits_everything_that_is_written() {
        let mut reports: Vec<Report> =
            vec![good_report(), bad_report(), accepting_report(), broken_report(), failed_report()];
        reports.extend([blinded_report(), twin_report(true), twin_report(false)]);
        for report in &reports {
            valid(&read(&run_json(report))).unwrap();
        }
        valid(&read(&runs_json(&reports, Exit::Ours))).unwrap();
        valid(&read(&runs_json(&[], Exit::Input))).unwrap();
    }

    #[test]
    fn it_fits_nothing_else() {
        let run = read(&run_json(&bad_report()));
        for key in ["version", "scenario", "exit", "counts", "checks", "capture", "stages", "started"] {
            let mut without = run.clone();
            without.as_object_mut().unwrap().remove(key).unwrap();
            assert!(valid(&without).is_err(), "{key} may be missing");
        }
        for (pointer, wrong) in [
            ("/checks/0/verdict", Value::from("maybe")),
            ("/checks/0/place/line", Value::from("42")),
            ("/checks/2/findings/0/pair", Value::from("app -> vms")),
            ("/counts/pass", Value::from(-1)),
            ("/stages/0/stage", Value::from("lunch")),
        ] {
            let mut wronged = run.clone();
            *wronged.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = wrong;
            assert!(valid(&wronged).is_err(), "{pointer}");
        }
        let mut grown = run;
        grown["checks"][0]["colour"] = "green".into();
        valid(&grown).expect("the format may grow");
    }

    #[test]
    fn it_has_the_keys_that_the_page_explains() {
        fn collect(schema: &Value, keys: &mut BTreeSet<String>) {
            match schema {
                Value::Object(map) => {
                    if let Some(Value::Object(own)) = map.get("properties") {
                        keys.extend(own.keys().cloned());
                    }
                    map.values().for_each(|value| collect(value, keys));
                }
                Value::Array(items) => items.iter().for_each(|item| collect(item, keys)),
                _ => {}
            }
        }
        let page = include_str!("../../../docs/verdicts-json.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        // Verdicts and controls are rows, too.
        let explained: BTreeSet<String> = rows.map(|(key, _)| key.to_owned()).collect();
        let mut keys = BTreeSet::new();
        collect(&verdicts_schema(), &mut keys);
        assert_eq!(keys, explained);
    }
}
