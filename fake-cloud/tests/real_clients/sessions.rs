//! STS and the credentials provider, and what their credentials are good for.

use fake_facts::Fact;
use serde_json::{Value, json};

use crate::support::{Fake, is_refusal};

fn scene(cloud: &Fake, name: &str) -> Value {
    cloud.python("sessions_client.py", &[name])
}

#[test]
fn a_certificate_is_good_for_credentials_that_every_service_takes() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "thing");
    assert_eq!(seen["keys"], json!(["accessKeyId", "expiration", "secretAccessKey", "sessionToken"]));
    assert_eq!((&seen["status"], &seen["used"], &seen["unnamed"]), (&json!(200), &json!(true), &json!(200)));
    let certificate = &cloud.client.things["app"].certificate_id;
    let arn = format!("arn:aws:sts::123456789012:assumed-role/panorama-appliance/{certificate}");
    assert_eq!((&seen["who"][0], &seen["who"][1]), (&json!("123456789012"), &json!(arn)));
    assert!(seen["who"][2].as_str().unwrap().ends_with(&format!(":{certificate}")), "{seen}");
    cloud.wait_for("accepted by certificate", |fact| {
        matches!(fact, Fact::Accepted { service, identity, .. } if service == "credentials" && identity == certificate)
    });
    cloud.wait_for("accepted by session", |fact| {
        matches!(fact, Fact::Accepted { service, identity, .. } if service == "s3" && identity.starts_with("ASIA"))
    });
}

#[test]
fn credentials_are_for_the_holder_of_the_certificate_only() {
    let cloud = Fake::with(&["--thing=app", "--thing=other"]);
    let seen = scene(&cloud, "strangers");
    let denied = json!([403, "Access Denied"]);
    for kind in ["thing", "another's"] {
        assert_eq!(json!([seen[kind][0], seen[kind][1]["message"]]), denied, "{kind}");
    }
    assert_eq!((&seen["alias"][0], &seen["method"]), (&json!(404), &json!(404)));
    assert_eq!(seen["certificate"], "TLS");
    cloud.wait_for("refusal", |fact| is_refusal(fact, "credentials", "AccessDeniedException"));
}

#[test]
fn the_role_is_taken_on_for_as_long_as_is_allowed() {
    let cloud = Fake::start();
    let role = "panorama-appliance";
    let seen = scene(&cloud, "role");
    let arn = format!("arn:aws:sts::123456789012:assumed-role/{role}/operator@site");
    assert_eq!(seen["who"][1], "arn:aws:iam::123456789012:user/operator");
    assert_eq!((&seen["assumed"], &seen["who_then"][1]), (&json!(arn), &json!(arn)));
    assert_eq!((&seen["used"], &seen["life_apart"]), (&json!(true), &json!(3)));
    assert_eq!(seen["other_role"], json!([403, "AccessDenied"]));
    for kind in ["short", "chained_long", "name"] {
        assert_eq!(seen[kind], json!([400, "ValidationError"]), "{kind}");
    }
    assert_eq!(seen["unknown"], json!([400, "InvalidAction"]));
}

#[test]
fn older_clients_find_the_global_name_of_the_token_service() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "older-clients");
    assert_eq!(seen, json!({ "global": [200, "none"], "regional": [403, "SignatureDoesNotMatch"] }));
}

#[test]
fn a_cloud_that_is_started_again_still_knows_whom_it_gave_credentials() {
    let mut cloud = Fake::start();
    let given = cloud.python("again_client.py", &["ask"]);
    let certificate = cloud.client.things["app"].certificate_id.clone();
    cloud.start_again(&[]);
    let token = given.to_string();
    assert_eq!(cloud.python("again_client.py", &["use", &token]), json!([200, "none"]));
    assert_eq!(cloud.client.things["app"].certificate_id, certificate, "the thing may be holding it");
    // By the cloud's own clock the hour is over, for whoever signs by that clock.
    cloud.start_again(&["--clock-offset=3700"]);
    assert_eq!(cloud.python("again_client.py", &["use", &token, "3700"]), json!([403, "ExpiredToken"]));
}

#[test]
fn every_kind_of_bad_signature_is_refused_in_the_protocol_of_the_request() {
    let cloud = Fake::with(&["--credentials-last=3"]);
    let seen = cloud.python("refusals_client.py", &[]);
    assert_eq!(seen["ended-session-before"], json!([200, "none"]));
    let mismatch = json!([403, "SignatureDoesNotMatch"]);
    // Kind; JSON of both versions and CBOR; query; REST with JSON; S3.
    let table = [
        ("none", json!([200, "none"]), json!([200, "none"]), json!([200, "none"])),
        (
            "missing",
            exception("MissingAuthenticationToken"),
            query(403, "MissingAuthenticationToken"),
            s3(403, "AccessDenied"),
        ),
        (
            "version-two",
            exception("IncompleteSignature"),
            query(400, "IncompleteSignature"),
            s3(400, "InvalidRequest"),
        ),
        (
            "incomplete",
            exception("IncompleteSignature"),
            query(400, "IncompleteSignature"),
            s3(400, "AuthorizationHeaderMalformed"),
        ),
        ("scope", exception("InvalidSignature"), mismatch.clone(), s3(400, "AuthorizationHeaderMalformed")),
        ("unsigned", exception("InvalidSignature"), mismatch.clone(), s3(403, "AccessDenied")),
        (
            "unknown-key",
            exception("UnrecognizedClient"),
            query(403, "InvalidClientTokenId"),
            s3(403, "InvalidAccessKeyId"),
        ),
        (
            "token",
            exception("UnrecognizedClient"),
            query(403, "InvalidClientTokenId"),
            s3(400, "InvalidToken"),
        ),
        ("expired", exception("ExpiredToken"), query(403, "ExpiredToken"), s3(400, "ExpiredToken")),
        ("skew", exception("InvalidSignature"), mismatch.clone(), s3(403, "RequestTimeTooSkewed")),
        ("secret", exception("InvalidSignature"), mismatch.clone(), mismatch.clone()),
        ("body", exception("InvalidSignature"), mismatch.clone(), s3(400, "XAmzContentSHA256Mismatch")),
    ];
    for (kind, json, query, s3) in table {
        for protocol in ["json10", "json11", "cbor"] {
            assert_eq!(seen[protocol][kind], json, "{protocol}, {kind}");
        }
        let rest = if kind == "none" { json.clone() } else { json!([403, json[1]]) };
        assert_eq!(seen["rest-json"][kind], rest, "{kind}");
        assert_eq!(seen["query"][kind], query, "{kind}");
        assert_eq!(seen["s3"][kind], s3, "{kind}");
    }
    assert_eq!(seen["s3"]["link"], json!([200, "none"]));
    assert_eq!(seen["s3"]["old-link"], json!([403, "AccessDenied"]));
    assert_eq!(seen["s3"]["link-of-ended-session"], json!([400, "ExpiredToken"]));
}

fn exception(word: &str) -> Value {
    json!([400, format!("{word}Exception")])
}

fn query(status: u16, code: &str) -> Value {
    json!([status, code])
}

fn s3(status: u16, code: &str) -> Value {
    json!([status, code])
}
