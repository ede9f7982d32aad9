//! Hard places: each has the documented answer, and others do not notice.

use fake_cloud::journal;
use serde_json::json;

use crate::mqtt::with_operator;
use crate::support::{Fake, is_refusal};

#[test]
fn thousands_of_handshakes_that_are_never_done_keep_nobody_out() {
    let cloud = Fake::start();
    let seen = cloud.python("hard_client.py", &["half_open", "3000"]);
    let served = json!([[200, "none"], [200, "none"]]);
    assert_eq!(seen, json!({ "served": served, "body": "while they are open", "opened": 3000 }));
    cloud.wait_for("those before them are sent away", |fact| is_refusal(fact, "tls", "newer clients"));
}

#[test]
fn a_clock_that_is_off_by_six_minutes_is_too_much_for_all_but_s3_and_by_sixteen_for_s3_too() {
    let mistakes = |minutes: i32| {
        let cloud = Fake::with(&[&format!("--clock-offset={}", minutes * 60)]);
        cloud.python("aws_client.py", &["mistake", "none"])
    };
    let expected = |s3: serde_json::Value| {
        json!({
            "monitoring": [400, "InvalidSignatureException"],
            "logs": [400, "InvalidSignatureException"],
            "s3": s3,
            "iot": [403, "InvalidSignatureException"],
        })
    };
    let good = json!([200, "none"]);
    assert_eq!(mistakes(4)["monitoring"], good, "four minutes are within every window");
    for sign in [-1, 1] {
        assert_eq!(mistakes(6 * sign), expected(good.clone()));
        assert_eq!(mistakes(16 * sign), expected(json!([403, "RequestTimeTooSkewed"])));
    }
}

#[test]
fn two_devices_with_one_name_and_one_where_it_may_not_go_disturb_nobody_else() {
    let cloud = with_operator(&[]);
    for (version, refused) in [(4, "cut"), (5, "Not authorized")] {
        let seen = cloud.python("mqtt_client.py", &["bystander", &version.to_string()]);
        let heard = [("first", "1"), ("second", "2"), ("fourth", "4")];
        let heard = heard.map(|(topic, payload)| json!([format!("panorama/app/{topic}"), payload]));
        assert_eq!(seen, json!({ "refused": refused, "messages": heard }), "{version}");
        cloud.wait_for("refusal", |fact| is_refusal(fact, "iot", "publish to `panorama/operator/status`"));
    }
}

#[test]
fn a_job_document_of_32_kib_reaches_a_device_by_mqtt_in_both_versions() {
    for version in ["4", "5"] {
        let seen = Fake::start().python("mqtt_client.py", &["whole-document", version]);
        assert_eq!(seen, json!({ "whole": true, "status": "IN_PROGRESS" }), "{version}");
    }
}

#[test]
fn a_full_disk_is_an_internal_error_of_s3_and_nobody_elses() {
    let cloud = Fake::on_small_disk("8m", &[]);
    let seen = cloud.python_on_disk("hard_client.py", &["full_disk"]);
    let (good, full) = (json!([200, "none"]), json!([500, "InternalError"]));
    let others = json!({ "metrics": good, "identity": good, "logs": 1, "object": true });
    let expected = json!({
        "before": good, "stored": true, "full": [full, full], "others": others, "after": good, "read": true,
    });
    assert_eq!(seen, expected);
    let stored = journal::stored(&cloud.folder_on_disk()).unwrap();
    let after = ("s3".to_owned(), "after".to_owned());
    assert_eq!(stored.get(&after).map(|stored| stored.bytes), Some(1000), "the journal goes on");
}
