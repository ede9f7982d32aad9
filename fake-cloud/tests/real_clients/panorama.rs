//! Panorama's own service as boto3 sees it, joined up with a device that speaks MQTT.

use serde_json::{Value, json};

use crate::support::Fake;

fn scene(scene: &str) -> Value {
    let cloud = Fake::with(&["--device=app", "--monitor-every=200"]);
    cloud.python("panorama_client.py", &[scene])
}

#[test]
fn a_new_device_gets_its_own_certificate_and_goes_online() {
    let seen = scene("provision");
    assert_eq!(seen["status"], "AWAITING_PROVISIONING");
    let waits = json!(["AWAITING_CREDENTIALS", "AWAITING_PROVISIONING", { "a": "b" }]);
    assert_eq!((&seen["before"], &seen["network"]), (&waits, &json!(true)));
    let files = json!([
        "certificates/claim.pem.crt",
        "certificates/claim.pem.key",
        "certificates/root.ca.pem",
        "config.json"
    ]);
    assert_eq!((&seen["files"], &seen["connected"]), (&files, &json!("Success")));
    assert_eq!(seen["rejected"], "InvalidCertificateOwnershipToken");
    assert_eq!((&seen["named"], &seen["cut"]), (&json!(true), &json!("cut")));
    assert_eq!((&seen["offline"], &seen["gone"]), (&json!("OFFLINE"), &json!("OFFLINE")));
    assert_eq!(seen["online"], json!(["ONLINE", "1.2.3", "ONLINE"]));
    let port = |state: &str, ip: &str, mac: &str| json!({ "ConnectionStatus": state, "IpAddress": ip, "HwAddress": mac });
    let ntp = json!({
        "ConnectionStatus": "CONNECTED", "IpAddress": "192.168.0.1", "NtpServerName": "0.pool.ntp.org",
    });
    let ports = json!({
        "Ethernet0Status": port("CONNECTED", "192.168.0.10/24", "02:00:00:00:00:01"),
        "Ethernet1Status": port("NOT_CONNECTED", "--", "02:00:00:00:00:02"), "NtpStatus": ntp,
    });
    assert_eq!(seen["ports"], ports);
}

#[test]
fn a_device_that_does_not_answer_is_offline_until_it_does() {
    assert_eq!(scene("silent")["states"], json!(["ONLINE", "OFFLINE", "ONLINE"]));
}

#[test]
fn updates_and_restarts_are_followed_step_by_step() {
    let seen = scene("jobs");
    let document = json!({ "operation": "ota", "imageVersion": "2.0.0", "allowMajorVersionUpdate": false });
    assert_eq!((&seen["ids"], &seen["told"]), (&json!(["app-0", "app-1"]), &json!(["app-0", document])));
    assert_eq!(seen["states"], json!(["PENDING", "DOWNLOADING", "VERIFYING", "REBOOTING", "COMPLETED"]));
    let latest = json!({ "ImageVersion": "2.0.0", "JobType": "OTA", "Status": "COMPLETED" });
    assert_eq!(seen["latest"], json!(["2.0.0", latest]));
    assert_eq!((&seen["failed"], &seen["listed"]), (&json!("FAILED"), &json!(["app-1", "app-0"])));
    let invalid = json!(["ValidationException", 400, true, { "Reason": "FIELD_VALIDATION_FAILED" }]);
    assert_eq!((&seen["two"], &seen["no image"]), (&invalid, &invalid));
    let none = json!({ "ResourceId": "none", "ResourceType": "DEVICE" });
    assert_eq!(seen["none"], json!(["ResourceNotFoundException", 404, true, none]));
}

#[test]
fn an_application_is_deployed_with_its_artefacts_and_removed() {
    let seen = scene("application");
    assert_eq!(
        (&seen["early"], &seen["version"]),
        (&json!("FAILED"), &json!(["REGISTER_COMPLETED", true, "p1"]))
    );
    assert_eq!((&seen["fetched"], &seen["hashes"]), (&json!(["weights", "{}"]), &json!(2)));
    let states = [
        "DEPLOYMENT_REQUESTED",
        "DEPLOYMENT_IN_PROGRESS",
        "DEPLOYMENT_SUCCEEDED",
        "REMOVAL_REQUESTED",
        "REMOVAL_SUCCEEDED",
    ];
    assert_eq!((&seen["states"], &seen["health"]), (&json!(states), &json!("RUNNING")));
    assert_eq!((&seen["nodes"], &seen["listed"]), (&json!(["RUNNING", "PAUSED"]), &json!([true])));
    assert_eq!(
        seen["eleventh"],
        json!(["ServiceQuotaExceededException", 402, true, { "QuotaCode": "applications" }])
    );
    assert_eq!(seen["no manifest"][0], "ValidationException");
}

#[test]
fn a_camera_becomes_a_node_and_its_password_stays_a_secret() {
    let seen = scene("camera");
    let parameters = json!({
        "Username": "viewer", "Password": "SAVED_AS_SECRET", "StreamUrl": "rtsp://10.20.0.11:554/stream",
    });
    assert_eq!(seen["job"], json!(["SUCCEEDED", parameters]));
    assert_eq!((&seen["node"], &seen["listed"]), (&json!(["dock", "dock-camera", "MEDIA"]), &json!(1)));
    assert_eq!(seen["again"], json!(["ConflictException", 409, true]));
    assert_eq!(seen["no stream"][0], "ValidationException");
}

#[test]
fn devices_are_listed_described_tagged_and_deleted() {
    let seen = scene("devices");
    assert_eq!((&seen["listed"], &seen["pages"]), (&json!(["a", "app", "b"]), &json!([1, 2])));
    assert_eq!(seen["found"], json!(["at the door", { "y": "2" }]));
    assert_eq!(seen["gone"], json!(["ResourceNotFoundException", 404, true]));
    assert_eq!(
        (&seen["static"][0], &seen["unknown"]),
        (&json!("ValidationException"), &json!("UNKNOWN_OPERATION"))
    );
}
