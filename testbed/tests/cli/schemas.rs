//! What editors and shells read.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Place, breaks, say, scenarios, yaml_files};

const SOON: Duration = Duration::from_secs(20);

fn testbed(arguments: &[&str]) -> String {
    let mut command = Place::new().testbed();
    command.current_dir("/").args(arguments);
    let said = say(command, SOON).expect_code(0);
    assert!(said.stderr.is_empty(), "{said}");
    said.stdout
}

/// Names of all properties anywhere in a schema.
fn properties(schema: &Value, into: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(own)) = map.get("properties") {
                into.extend(own.keys().cloned());
            }
            map.values().for_each(|value| properties(value, into));
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, into)),
        _ => {}
    }
}

#[test]
fn the_schema_is_json_and_knows_every_key_that_the_scenarios_have() {
    let schema: Value = serde_json::from_str(&testbed(&["schema"])).expect("the schema is JSON");
    assert!(
        schema["$schema"].as_str().is_some_and(|is| is.contains("json-schema.org/")),
        "{}",
        schema["$schema"]
    );
    assert_eq!(testbed(&["schema"]), testbed(&["schema", "scenario"]));
    let mut known = BTreeSet::new();
    properties(&schema, &mut known);
    for key in [
        "version",
        "name",
        "documents",
        "site",
        "flows",
        "checks",
        "segments",
        "switches",
        "cameras",
        "appliances",
        "routers",
        "clouds",
        "hosts",
        "subnets",
        "vlan",
        "ruleset",
        "trunk",
        "use",
        "no_reach",
        "reach",
        "plays",
        "direction",
        "peers_of",
        "alive",
        "requires",
        "proves",
        "run",
        "to_end",
        "within",
    ] {
        assert!(known.contains(key), "the schema does not know `{key}`");
    }
    // No `additionalProperties`, no flagging of mistyped keys.
    assert_eq!(schema["additionalProperties"], Value::Bool(false));
    let twin: Value = serde_json::from_str(&testbed(&["schema", "twin"])).expect("the schema is JSON");
    let mut known = BTreeSet::new();
    properties(&twin, &mut known);
    for key in ["twin_of", "says", "change", "expect"] {
        assert!(known.contains(key), "the twins' schema does not know `{key}`");
    }
    assert!(yaml_files(&scenarios()).len() >= 2);
}

#[test]
fn the_schema_of_verdicts_is_the_one_that_runs_are_held_against() {
    let schema: Value = serde_json::from_str(&testbed(&["schema", "verdicts"])).expect("the schema is JSON");
    assert_eq!(schema, testbed::report::verdicts_schema());
    assert!(breaks(b"{}").is_some(), "it holds for something and not for anything");
    assert!(breaks(br#"{"version": 1, "exit": 0, "runs": []}"#).is_none());
    assert!(breaks(br#"{"version": 1, "exit": 0, "runs": [{}]}"#).is_some());
}

#[test]
fn completions_know_the_commands_in_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = testbed(&["completions", shell]);
        for word in ["twins", "doctor", "allow-run"] {
            assert!(script.contains(word), "{shell} does not complete `{word}`");
        }
    }
    // The one shell that is surely there reads its own.
    let place = Place::new();
    let file = place.write("completions", testbed(&["completions", "bash"]));
    let mut bash = place.command("bash");
    bash.arg("-n").arg(file);
    say(bash, SOON).expect_code(0);
}
