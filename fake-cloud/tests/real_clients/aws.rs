//! CloudWatch, Logs and S3 as boto3 sees them, under their real host names.

use fake_facts::Fact;
use serde_json::{Value, json};

use crate::support::{Fake, is_refusal, is_stored};

fn scene(cloud: &Fake, arguments: &[&str]) -> Value {
    cloud.python("aws_client.py", arguments)
}

/// The forms of CloudWatch, by the names that botocore has for them, and what each sends.
const FORMS: [(&str, &str); 3] = [
    ("smithy-rpc-v2-cbor", "application/cbor"),
    ("json", "application/x-amz-json-1.0"),
    ("query", "application/x-www-form-urlencoded; charset=utf-8"),
];

#[test]
fn metrics_arrive_and_are_listed_in_each_of_three_forms() {
    let dimensions =
        json!([{ "Name": "A", "Value": "<b> & c" }, { "Name": "DeviceId", "Value": "device-1" }]);
    let metric = |name, dimensions: &Value| json!({ "Namespace": "PanoramaDeviceMetrics", "MetricName": name, "Dimensions": dimensions });
    for (form, content_type) in FORMS {
        let cloud = Fake::start();
        let seen = scene(&cloud, &["metric", form]);
        assert_eq!(seen["content_type"], content_type);
        let listed =
            [metric("DeviceActive", &dimensions), metric("Many", &json!([])), metric("Summed", &json!([]))];
        assert_eq!((&seen["listed"], &seen["of_dimension"]), (&json!(listed), &json!(1)), "{form}");
        let value = "InvalidParameterValue";
        let classes = json!({ "value": value, "time": value, "both": "InvalidParameterCombination" });
        assert_eq!(seen["classes"], classes, "{form}");
        let accepted = cloud.wait_for("accepted", |fact| matches!(fact, Fact::Accepted { .. }));
        let Fact::Accepted { service, identity, sni, .. } = accepted else { unreachable!() };
        assert_eq!((service.as_str(), identity), ("monitoring", cloud.client.access_key_id.clone()));
        assert_eq!(sni.as_deref(), Some("monitoring.eu-west-1.amazonaws.com"));
        cloud.wait_for("stored", |fact| is_stored(fact, "monitoring", "DeviceActive"));
    }
}

#[test]
fn a_compressed_call_with_a_thousand_metrics_arrives_whole_in_each_form() {
    let cloud = Fake::start();
    for (form, _) in FORMS {
        let seen = scene(&cloud, &["many-metrics", form]);
        assert_eq!(seen, json!({ "encoding": "gzip", "listed": 1000 }), "{form}");
    }
}

#[test]
fn the_binary_form_is_understood_as_the_rust_sdk_writes_it() {
    let cloud = Fake::start();
    let seen = scene(&cloud, &["rust-form"]);
    assert_eq!((&seen["status"], &seen["protocol"]), (&json!(200), &json!("rpc-v2-cbor")));
    assert_eq!((&seen["content_type"], &seen["body"]), (&json!("application/cbor"), &json!("a0")));
    assert!(seen["bad"].as_str().unwrap().contains("UnknownOperationException"), "{seen}");
    cloud.wait_for("stored", |fact| is_stored(fact, "monitoring", "FromRust"));
}

#[test]
fn log_lines_are_kept_in_their_stream() {
    let cloud = Fake::start();
    let seen = scene(&cloud, &["log"]);
    assert_eq!(seen["messages"], json!(["first", "second"]));
    assert_eq!(seen["pages"], json!([["first"], ["second"]]));
    assert_eq!(seen["streams"], json!(["occ_log", "syslog"]));
    assert_eq!(seen["filtered"], json!(["ERROR third", "first", "second"]));
    assert_eq!(seen["errors"], json!([["syslog", "ERROR third"]]));
    assert_eq!(seen["rejected"], json!({ "tooOldLogEventEndIndex": 1 }));
    assert_eq!((&seen["newest"], &seen["pattern"]), (&json!("occ_log"), &json!("InvalidParameterException")));
    assert_eq!(seen["again"], "ResourceAlreadyExistsException");
    assert_eq!(seen["absent"], "ResourceNotFoundException");
    cloud.wait_for("stored", |fact| is_stored(fact, "logs", "occ_log"));
}

#[test]
fn an_object_comes_back_as_it_was_put() {
    let cloud = Fake::start();
    let (arn, bucket) = (cloud.client.access_point_arn.clone(), cloud.client.bucket.clone());
    for place in [&arn, &bucket] {
        let seen = scene(&cloud, &["object", place]);
        assert_eq!(seen["equal"], true, "{seen}");
        assert_eq!(seen["keys"], json!(["packages/a b+c.bin"]));
        assert_eq!((&seen["after_delete"], &seen["head_after_delete"]), (&json!("NoSuchKey"), &json!("404")));
        let stored = cloud.wait_for("stored", |fact| is_stored(fact, "s3", "packages/a b+c.bin"));
        assert!(matches!(stored, Fact::Stored { bytes: 300_000, .. }), "{stored:?}");
    }
}

#[test]
fn uploads_in_parts_and_with_other_checksums_come_back_too() {
    let cloud = Fake::start();
    let seen = scene(&cloud, &["upload-forms"]);
    assert_eq!(seen, json!({ "in_parts": true, "CRC64NVME": true, "SHA256": true, "when_required": true }));
    let stored = cloud.wait_for("stored", |fact| is_stored(fact, "s3", "in-parts"));
    assert!(matches!(stored, Fact::Stored { bytes: 20_000_000, .. }), "{stored:?}");
}

#[test]
fn buckets_and_access_points_that_do_not_exist_are_named() {
    let cloud = Fake::start();
    assert_eq!(
        scene(&cloud, &["missing"]),
        json!({ "bucket": "NoSuchBucket", "access_point": "NoSuchAccessPoint" })
    );
}

#[test]
fn a_presigned_link_works_unless_it_was_changed() {
    let cloud = Fake::start();
    assert_eq!(scene(&cloud, &["presigned"]), json!({ "status": 200, "equal": true, "changed": 403 }));
}

/// Error codes of the four services for one kind of mistake.
fn codes(cloud: &Fake, mistake: &str) -> Value {
    let seen = scene(cloud, &["mistake", mistake]);
    for service in ["monitoring", "logs", "s3", "iot"] {
        let code = seen[service][1].as_str().unwrap();
        cloud.wait_for("refusal", |fact| is_refusal(fact, service, code));
    }
    seen
}

#[test]
fn a_wrong_secret_is_refused_by_each_service_in_its_protocol() {
    let cloud = Fake::start();
    let expected = json!({
        "monitoring": [400, "InvalidSignatureException"],
        "logs": [400, "InvalidSignatureException"],
        "s3": [403, "SignatureDoesNotMatch"],
        "iot": [403, "InvalidSignatureException"],
    });
    assert_eq!(codes(&cloud, "secret"), expected);
}

#[test]
fn an_unknown_key_is_refused_by_each_service_in_its_protocol() {
    let cloud = Fake::start();
    let expected = json!({
        "monitoring": [400, "UnrecognizedClientException"],
        "logs": [400, "UnrecognizedClientException"],
        "s3": [403, "InvalidAccessKeyId"],
        "iot": [403, "UnrecognizedClientException"],
    });
    assert_eq!(codes(&cloud, "key"), expected);
}

#[test]
fn a_cloud_whose_clock_is_off_refuses_what_is_signed_now() {
    // Beyond the window of 5 minutes, within the 15 minutes of S3.
    let cloud = Fake::with(&["--clock-offset=600"]);
    let seen = scene(&cloud, &["mistake", "none"]);
    let expected = json!({
        "monitoring": [400, "InvalidSignatureException"],
        "logs": [400, "InvalidSignatureException"],
        "s3": [200, "none"],
        "iot": [403, "InvalidSignatureException"],
    });
    assert_eq!(seen, expected);
    let cloud = Fake::with(&["--clock-offset=-1000"]);
    assert_eq!(scene(&cloud, &["mistake", "none"])["s3"], json!([403, "RequestTimeTooSkewed"]));
}

#[test]
fn errors_are_of_the_modelled_class_and_carry_a_request_id_and_a_date() {
    let cloud = Fake::start();
    let seen = scene(&cloud, &["error-form"]);
    assert_eq!(seen["class"], "ResourceNotFoundException");
    assert_eq!(seen["metric_class"], "InvalidParameterValueException");
    assert_eq!(seen["request_id"].as_str().unwrap().len(), 36);
    assert!(seen["date"].as_str().unwrap().ends_with(" GMT"));
}

#[test]
fn an_unknown_operation_is_named_in_the_protocol_of_the_request() {
    let cloud = Fake::start();
    let expected = json!({ "monitoring": "UnknownOperationException", "logs": "UnknownOperationException" });
    assert_eq!(scene(&cloud, &["unknown-operation"]), expected);
}

#[test]
fn clients_try_again_what_was_too_much_and_give_up_in_the_words_of_their_protocol() {
    let once = ["monitoring", "logs", "s3", "iot", "sts"].map(|service| format!("--throttle={service}=1"));
    let cloud = Fake::with(&once.each_ref().map(String::as_str));
    let tried_again = json!([200, "none", 1]);
    let expected = json!({
        "monitoring": tried_again, "logs": tried_again, "s3": tried_again, "iot": tried_again, "sts": tried_again,
    });
    assert_eq!(scene(&cloud, &["throttled"]), expected);
    let always = ["monitoring", "logs", "s3", "iot", "sts"].map(|service| format!("--throttle={service}=9"));
    let cloud = Fake::with(&always.each_ref().map(String::as_str));
    let expected = json!({
        "monitoring": [400, "ThrottlingException", 2],
        "logs": [400, "ThrottlingException", 2],
        "s3": [503, "SlowDown", 2],
        "iot": [429, "ThrottlingException", 2],
        "sts": [400, "Throttling", 2],
    });
    assert_eq!(scene(&cloud, &["throttled"]), expected);
    cloud.wait_for("refusal", |fact| is_refusal(fact, "logs", "ThrottlingException"));
}

#[test]
fn a_body_above_the_limit_is_refused_before_it_is_sent() {
    let cloud = Fake::start();
    let expected = json!({ "monitoring": 413, "logs": 413, "s3": 400, "iot": 413 });
    assert_eq!(scene(&cloud, &["announced", "200000000"]), expected);
    cloud.wait_for("refusal", |fact| is_refusal(fact, "s3", "EntityTooLarge"));
}
