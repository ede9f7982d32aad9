//! Jobs, shadows and certificates as boto3 sees them, under their real host names.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Fake, run, text};

fn scene(cloud: &Fake, scene: &str) -> Value {
    cloud.python("iot_client.py", &[scene])
}

#[test]
fn jobs_are_ruled_from_the_control_plane() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "control");
    let thing = "arn:aws:iot:eu-west-1:123456789012:thing/app";
    assert_eq!(seen["arn"], "arn:aws:iot:eu-west-1:123456789012:job/one");
    assert_eq!(seen["again"], "one", "the same again is no mistake");
    assert_eq!(seen["job"], json!(["IN_PROGRESS", [thing], "first", 1]));
    assert_eq!((&seen["timeout"], &seen["recent"]), (&json!(10), &json!(true)));
    assert_eq!((&seen["listed"], &seen["pages"]), (&json!(["one", "two"]), &json!([1, 1])));
    assert_eq!((&seen["of_thing"], &seen["of_job"]), (&json!(["two", "one"]), &json!([thing])));
    assert_eq!(seen["execution"], json!(["QUEUED", 1, thing]));
    assert_eq!(seen["document"], r#"{"do": "it"}"#);
    assert_eq!(seen["canceled"], json!(["CANCELED", "no", "X", "CANCELED"]));
    let refusals = json!({
        "again": ["ResourceAlreadyExistsException", 409],
        "no thing": ["ResourceNotFoundException", 404],
        "no document": ["InvalidRequestException", 400],
        "no object": ["InvalidRequestException", 400],
        "not there": ["ResourceNotFoundException", 404],
        "in progress": ["InvalidStateTransitionException", 409],
        "no execution": ["ResourceNotFoundException", 404],
    });
    assert_eq!((&seen["refusals"], &seen["left"]), (&refusals, &json!([])));
}

#[test]
fn a_device_works_its_jobs_off_over_https() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "data");
    assert_eq!(seen["pending"], json!([[], ["one", "two"]]));
    assert_eq!(seen["next"], json!(["one", "QUEUED", "app", r#"{"do": "it"}"#]));
    assert_eq!(seen["begun"], json!(["one", "IN_PROGRESS", 2, { "step": "1" }]));
    assert_eq!(seen["whole_seconds"], true);
    let state = json!({ "status": "IN_PROGRESS", "statusDetails": { "step": "2" }, "versionNumber": 3 });
    assert_eq!(seen["going"], json!([state, r#"{"do": "it"}"#]));
    let refusals = json!({
        "stale": ["InvalidRequestException", 400],
        "ended": ["InvalidStateTransitionException", 409],
        "described": ["TerminalStateException", 410],
        "no job": ["ResourceNotFoundException", 404],
        "no thing": ["ResourceNotFoundException", 404],
        "status": ["InvalidRequestException", 400],
    });
    assert_eq!(seen["refusals"], refusals);
    assert_eq!((&seen["left"], &seen["job"]), (&json!(["two"]), &json!("COMPLETED")));
    assert_eq!(seen["control"], json!(["SUCCEEDED", { "step": "2" }]));
}

#[test]
fn documents_have_32_kib_and_links_that_are_signed_when_they_are_handed_over() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "documents");
    assert_eq!(seen["fetched"], json!([200, "artefact"]), "{seen}");
    assert_eq!((&seen["altered"], &seen["whole"]), (&json!(403), &json!(true)));
    assert_eq!(seen["more"], json!(["LimitExceededException", 400]));
    assert_eq!(seen["no source"], json!(["InvalidRequestException", 400]));
}

#[test]
fn what_takes_too_long_is_timed_out() {
    let cloud = Fake::with(&["--job-minute=300"]);
    let seen = scene(&cloud, "timers");
    assert_eq!((&seen["step"], &seen["whole"]), (&json!("TIMED_OUT"), &json!("TIMED_OUT")));
    assert_eq!((&seen["left"], &seen["free"]), (&json!(true), &json!("IN_PROGRESS")));
    assert_eq!(seen["late"], json!(["InvalidStateTransitionException", 409]));
}

#[test]
fn the_endpoints_of_the_account_are_told_and_the_retired_one_is_not() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "endpoints");
    let data = cloud.client.endpoints.iot.clone();
    assert_eq!(seen["credentials"], data.replace("-ats.iot.", ".credentials.iot."));
    assert_eq!((&seen["data"], &seen["jobs"]), (&json!(data), &json!(["InvalidRequestException", 400])));
}

#[test]
fn shadows_are_kept_over_https() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "shadow");
    assert_eq!(seen["wanted"], json!([{ "desired": { "on": true } }, 1]));
    assert_eq!(seen["got"], json!({ "desired": { "on": true }, "delta": { "on": true } }));
    assert_eq!(seen["names"], json!(["one", "two"]));
    assert_eq!((&seen["deleted"], &seen["anew"]), (&json!(1), &json!(2)), "the version outlives its shadow");
    let refusals = json!({
        "absent": ["ResourceNotFoundException", 404],
        "stale": ["ConflictException", 409],
        "no json": ["InvalidRequestException", 400],
        "large": ["RequestEntityTooLargeException", 413],
    });
    assert_eq!(seen["refusals"], refusals);
}

#[test]
fn a_certificate_that_is_made_lets_in_as_what_it_is_given() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "certificates");
    assert_eq!(seen["things"], json!(["app", "new"]));
    assert_eq!(seen["malformed"], json!(["MalformedPolicyException", 400]));
    assert_eq!(seen["no policy"], json!(["ResourceNotFoundException", 404]));
    let files = ["certificate.pem", "key.pem"].map(|name| cloud.folder().join(name));
    std::fs::write(&files[0], seen["pem"].as_str().unwrap()).unwrap();
    std::fs::write(&files[1], seen["key"].as_str().unwrap()).unwrap();
    let mut command = Command::new("openssl");
    command.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(&files[0]);
    let printed = text(&run(&mut command, "openssl", "Debian package openssl").stdout);
    let id = printed.split('=').nth(1).unwrap().trim().replace(':', "").to_lowercase();
    assert_eq!(seen["id"], json!(id));
    let paths = files.each_ref().map(|path| path.to_str().unwrap());
    // It holds another certificate than that script's own, and is let in with it.
    let seen = cloud.python("mqtt_client.py", &["foreign-certificate", "4", paths[0], paths[1]]);
    assert_eq!(seen["connected"], json!("Success"));
}
