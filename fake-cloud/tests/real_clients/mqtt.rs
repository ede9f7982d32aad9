//! The broker as paho-mqtt sees it, in versions 3.1.1 and 5.

use fake_facts::Fact;
use serde_json::json;

use crate::support::{Fake, is_refusal, is_stored};

/// Runs one scene of the script; `version` is the protocol level, 4 for 3.1.1.
fn scene(cloud: &Fake, scene: &str, version: u8) -> serde_json::Value {
    cloud.python("mqtt_client.py", &[scene, &version.to_string()])
}

#[test]
fn a_thing_hears_its_own_message() {
    let cloud = Fake::start();
    let thing = cloud.client.things["app"].certificate_id.clone();
    for version in [4, 5] {
        let seen = scene(&cloud, "echo", version);
        assert_eq!(seen["connected"], "Success");
        assert_eq!(seen["messages"], json!([["testbed/echo", "hello", 1, false]]));
        let accepted = cloud.wait_for("accepted", |fact| matches!(fact, Fact::Accepted { .. }));
        let Fact::Accepted { service, identity, sni, alpn, tls, .. } = accepted else { unreachable!() };
        assert_eq!((service.as_str(), identity), ("iot", thing.clone()));
        assert_eq!(sni.as_deref(), Some(cloud.client.endpoints.iot.as_str()));
        assert_eq!((alpn.as_deref(), tls.as_deref()), (Some("x-amzn-mqtt-ca"), Some("TLSv1_3")));
        cloud.wait_for("stored", |fact| is_stored(fact, "iot", "testbed/echo"));
    }
}

#[test]
fn without_a_certificate_nobody_gets_in() {
    let cloud = Fake::start();
    assert_eq!(scene(&cloud, "without-certificate", 4)["connected"], json!(null));
    cloud.wait_for("refusal", |fact| is_refusal(fact, "iot", "certificate"));
}

#[test]
fn a_certificate_of_another_authority_does_not_let_in() {
    let (cloud, other) = (Fake::start(), Fake::start());
    let thing = &other.client.things["app"];
    let paths = [&thing.certificate, &thing.key].map(|path| path.to_str().unwrap().to_owned());
    let seen = cloud.python("mqtt_client.py", &["foreign-certificate", "4", &paths[0], &paths[1]]);
    assert_eq!(seen["connected"], json!(null));
    cloud.wait_for("refusal", |fact| is_refusal(fact, "iot", "certificate"));
}

#[test]
fn without_the_protocol_name_mqtt_is_not_spoken() {
    let cloud = Fake::start();
    assert_eq!(scene(&cloud, "without-alpn", 4)["connected"], json!(null));
    cloud.wait_for("refusal", |fact| is_refusal(fact, "iot", "not HTTP"));
}

#[test]
fn the_newer_of_two_equal_client_ids_stays() {
    let cloud = Fake::start();
    for version in [4, 5] {
        let seen = scene(&cloud, "same-id-twice", version);
        assert_eq!((&seen["first_cut"], &seen["second_lives"]), (&json!(true), &json!(true)), "{seen}");
    }
}

#[test]
fn a_retained_message_goes_to_exact_filters_only() {
    let cloud = Fake::start();
    for version in [4, 5] {
        let seen = scene(&cloud, "retained", version);
        assert_eq!(seen["messages"], json!([["kept/topic", "kept", 1, true]]), "{seen}");
    }
}

#[test]
fn a_hash_does_not_match_its_parent() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "parent-of-hash", 4);
    assert_eq!(seen["messages"], json!([["parent/child", "child", 1, false]]));
}

#[test]
fn quality_of_service_2_and_reserved_topics_end_the_connection() {
    let cloud = Fake::start();
    for (name, reason) in [("publish-qos-2", "quality of service 2"), ("publish-reserved", "reserved")] {
        for version in [4, 5] {
            assert_eq!(scene(&cloud, name, version)["cut"], json!(true), "{name} {version}");
            cloud.wait_for(name, |fact| is_refusal(fact, "iot", reason));
        }
    }
}

#[test]
fn a_subscription_with_quality_of_service_2_is_not_answered_on_3_1_1() {
    let cloud = Fake::start();
    // CONNECT takes no packet id, so the first SUBSCRIBE is 1 and the second 2.
    assert_eq!(scene(&cloud, "subscribe-qos-2", 4), json!({ "answered": 2 }));
    cloud.wait_for("refusal", |fact| is_refusal(fact, "iot", "quality of service 2"));
    assert_eq!(scene(&cloud, "subscribe-qos-2", 5), json!({ "answered": 1 }));
}

#[test]
fn version_5_is_told_the_limits_of_the_broker() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "echo", 5);
    assert_eq!(
        seen["limits"],
        json!({ "MaximumQoS": 1, "ServerKeepAlive": 60, "SharedSubscriptionAvailable": 0 })
    );
}

#[test]
fn the_last_will_is_published_for_a_client_that_vanishes() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "will", 4);
    assert_eq!(seen["messages"], json!([["testbed/will", "gone", 1, false]]));
}

#[test]
fn a_message_posted_over_https_reaches_subscribers() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "posted", 4);
    assert_eq!(seen["messages"], json!([["testbed/posted", "posted", 1, false]]));
}
