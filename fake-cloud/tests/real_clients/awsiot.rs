//! The devices of AWS's own SDKs, unmodified: real names, looked up by DNS, and the real port, in a network namespace.

use serde_json::{Value, json};

use crate::support::Fake;

/// A cloud in a namespace, with two jobs for the thing.
fn cloud() -> Fake {
    let services = ["iot", "monitoring", "logs", "s3", "iot-control", "panorama", "dns", "ntp"];
    let binds = services.map(|service| format!("--bind={service}=127.0.0.1"));
    let mut arguments: Vec<&str> = binds.iter().map(String::as_str).collect();
    arguments.extend(["--job=app=first", "--job=app=second"]);
    Fake::in_namespace(&[], &arguments)
}

fn scene(cloud: &Fake, scene: &str) -> Value {
    cloud.python_beside("awsiot_client.py", &[scene])
}

#[test]
fn the_jobs_sample_of_the_sdk_works_its_jobs_off() {
    let seen = scene(&cloud(), "jobs3");
    let done = json!([["first-1", "first", 2], ["second-2", "second", 2]]);
    assert_eq!(seen, json!({ "done": done, "rejected": "InvalidStateTransition", "nothing_left": true }));
}

#[test]
fn so_does_its_second_client_over_mqtt_5() {
    let seen = scene(&cloud(), "jobs5");
    let done = json!([["first-1", "first", 2], ["second-2", "second", 2]]);
    let queued = json!(["first-1", "second-2"]);
    assert_eq!(
        seen,
        json!({ "queued": queued, "done": done, "rejected": "TerminalStateReached", "nothing_left": true })
    );
}

#[test]
fn the_shadow_sample_of_the_sdk_hears_wishes_and_reports() {
    let seen = scene(&cloud(), "shadow3");
    let expected = json!({
        "absent": 404, "wish": [{ "color": "red" }, 1], "last": [{ "color": "red" }, 2, "t"], "documents": [1, 2],
        "deltas": 1,
    });
    assert_eq!(seen, expected);
}

#[test]
fn named_shadows_over_mqtt_5_are_asked_and_answered() {
    let seen = scene(&cloud(), "shadow5");
    assert_eq!(seen, json!({ "said": 1, "got": [{ "on": true }, { "on": true }], "gone": 1 }));
}

#[test]
fn the_sdk_before_that_one_works_a_job_off() {
    let seen = scene(&cloud(), "first_sdk");
    assert_eq!(seen, json!({ "done": ["first-1", "first"], "left": true }));
}
