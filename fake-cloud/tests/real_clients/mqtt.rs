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
        assert_eq!(seen["messages"], json!([["panorama/app/echo", "hello", 1, false]]));
        let accepted = cloud.wait_for("accepted", |fact| matches!(fact, Fact::Accepted { .. }));
        let Fact::Accepted { service, identity, sni, alpn, tls, .. } = accepted else { unreachable!() };
        assert_eq!((service.as_str(), identity), ("iot", thing.clone()));
        assert_eq!(sni.as_deref(), Some(cloud.client.endpoints.iot.as_str()));
        assert_eq!((alpn.as_deref(), tls.as_deref()), (Some("x-amzn-mqtt-ca"), Some("TLSv1_3")));
        cloud.wait_for("stored", |fact| is_stored(fact, "iot", "panorama/app/echo"));
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
fn somebody_in_the_brokers_place_speaks_mqtt_and_gives_a_job_to_whom_its_certificate_does_not_put_off() {
    const ORDER: &str = r#"{"place":["wrong-ca","tls1.2"],"services":["iot"],"every_ms":2500}"#;
    for version in [4, 5] {
        let cloud = Fake::told(&format!("{ORDER}\n"));
        cloud.wait_for("peers", |fact| matches!(fact, Fact::StandInsPlaced { .. }));
        let seen = scene(&cloud, "misled", version);
        let jobs = "$aws/things/app/jobs";
        let told = json!(["Granted QoS 0", format!("{jobs}/notify-next"), "Granted QoS 0", "Success"]);
        assert_eq!((&seen["wary"], &seen["connected"]), (&json!(null), &json!("Success")));
        assert_eq!((&seen["told"], &seen["topic"]), (&told, &json!(format!("{jobs}/$next/get/accepted"))));
        let document = json!({ "operation": "configuration", "monitorEveryMs": 2500 });
        assert_eq!(seen["document"], document);
        let misled = cloud.wait_for("misled", |fact| matches!(fact, Fact::Misled { .. }));
        let Fact::Misled { kind, operation, status, .. } = misled else { unreachable!() };
        assert_eq!(
            (kind.as_str(), operation.as_str(), status.as_str()),
            ("tls1.2", "configuration", "SUCCEEDED")
        );
    }
}

#[test]
fn sessions_that_are_too_many_are_refused_in_the_words_of_each_version() {
    for (version, words) in [(4, "Server unavailable"), (5, "Quota exceeded")] {
        let cloud = Fake::with(&["--throttle=iot=2"]);
        let seen = scene(&cloud, "too-many", version);
        assert_eq!(seen["reasons"], json!([words, words, "Success"]));
        cloud.wait_for("refusal", |fact| is_refusal(fact, "iot", "ThrottlingException: Rate exceeded"));
    }
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
        assert_eq!(seen["messages"], json!([["panorama/app/kept/topic", "kept", 1, true]]), "{seen}");
    }
}

#[test]
fn a_hash_does_not_match_its_parent() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "parent-of-hash", 4);
    assert_eq!(seen["messages"], json!([["panorama/app/parent/child", "child", 1, false]]));
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
        json!({
            "MaximumQoS": 1, "ServerKeepAlive": 60, "SharedSubscriptionAvailable": 0, "RetainAvailable": 1,
            "ReceiveMaximum": 100, "TopicAliasMaximum": 8, "SubscriptionIdentifierAvailable": 0,
            "SessionExpiryInterval": 0,
        })
    );
}

#[test]
fn the_last_will_is_published_for_a_client_that_vanishes() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "will", 4);
    assert_eq!(seen["messages"], json!([["panorama/app/will", "gone", 1, false]]));
}

#[test]
fn a_message_posted_over_https_reaches_subscribers() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "posted", 4);
    assert_eq!(seen["messages"], json!([["panorama/app/posted", "posted", 1, false]]));
}

/// A cloud with a thing `app` and somebody whose policy allows everything.
pub(crate) fn with_operator(arguments: &[&str]) -> Fake {
    let document = tempfile::NamedTempFile::new().unwrap();
    let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}"#;
    std::fs::write(document.path(), all).unwrap();
    let policy = format!("--policy=operator={}", document.path().display());
    let own = ["--thing=app", "--thing=operator", policy.as_str()];
    Fake::with(&[&own, arguments].concat())
}

#[test]
fn a_thing_may_use_its_own_topics_and_its_own_name_only() {
    let cloud = with_operator(&[]);
    let seen = scene(&cloud, "of-others", 4);
    let told = |what: &str| seen[what].as_str().unwrap().to_owned();
    assert_eq!((told("own"), told("other")), ("Granted QoS 1".into(), "Unspecified error".into()), "{seen}");
    assert_eq!((told("everybody"), told("publish")), ("Unspecified error".into(), "cut".into()), "{seen}");
    assert_eq!(seen["client_id"], json!("Unspecified error"), "code 7, which the client has no word for");
    cloud.wait_for("refused", |fact| is_refusal(fact, "iot", "publish to `panorama/operator/status`"));
    cloud.wait_for("refused", |fact| is_refusal(fact, "iot", "does not allow the client id `operator`"));

    let seen = scene(&cloud, "of-others", 5);
    for what in ["other", "everybody", "publish", "client_id"] {
        assert_eq!(seen[what], json!("Not authorized"), "{what} {seen}");
    }
}

#[test]
fn messages_wait_for_a_client_that_comes_back() {
    let cloud = with_operator(&[]);
    for version in [4, 5] {
        let seen = scene(&cloud, "away", version);
        assert_eq!(seen["present"], json!([false, true, false]), "{version}");
        let order = |payload: &str| json!(["panorama/app/orders", payload, 1, false]);
        let live = json!(["panorama/app/news", "live", 0, false]);
        assert_eq!(seen["messages"], json!([order("0"), order("1"), order("2"), live]), "{version}");
    }
}

#[test]
fn life_cycle_events_tell_who_comes_and_how_it_goes() {
    let cloud = with_operator(&[]);
    for version in [4, 5] {
        let seen = scene(&cloud, "presence", version);
        let mut told: Vec<(String, String)> = seen["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| (event[0].as_str().unwrap().into(), event[1].as_str().unwrap_or_default().into()))
            .collect();
        told.sort();
        let expected = [
            ("connected", ""),
            ("connected", ""),
            ("disconnected", "CONNECTION_LOST"),
            ("disconnected", "DUPLICATE_CLIENTID"),
            ("subscribed", ""),
        ];
        assert_eq!(told, expected.map(|(topic, reason)| (topic.into(), reason.into())));
        let first = &seen["events"][0][2];
        assert_eq!(first["principalIdentifier"], json!(cloud.client.things["app"].certificate_id));
        assert_eq!((&first["clientId"], &first["ipAddress"]), (&json!("app"), &json!("127.0.0.1")));
        assert!(first["timestamp"].as_i64().unwrap() > 1_700_000_000_000, "milliseconds: {first}");
    }
}

#[test]
fn what_is_retained_is_listed_over_https() {
    let cloud = Fake::start();
    let seen = scene(&cloud, "kept-over-https", 4);
    let topics = json!(["panorama/app/kept/one", "panorama/app/kept/two"]);
    assert_eq!(seen, json!({ "topics": topics, "payload": "one", "qos": 1, "absent": 404 }));
}
