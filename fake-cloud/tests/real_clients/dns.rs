//! Names as dig and dnspython see them.

use std::process::Command;

use fake_facts::Fact;

use crate::support::{Fake, run, text};

fn dig(cloud: &Fake, arguments: &[&str]) -> String {
    let server = cloud.socket("dns");
    let mut command = Command::new("dig");
    command.args([&format!("@{}", server.ip()), "-p", &server.port().to_string(), "+tries=1", "+time=5"]);
    text(&run(command.args(arguments), "dig", "Debian package bind9-dnsutils").stdout)
}

fn is_asked(fact: &Fact, wanted: &str, wanted_kind: &str, count: usize) -> bool {
    matches!(fact, Fact::Asked { name, kind, answers, .. }
        if name == wanted && kind == wanted_kind && answers.len() == count)
}

#[test]
fn every_endpoint_has_an_address_over_udp_and_tcp() {
    let cloud = Fake::start();
    let both = cloud.client.names.clone();
    for transport in ["+notcp", "+tcp"] {
        for names in [&both.corrected, &both.as_printed] {
            for name in [&names.iot, &names.monitoring, &names.logs, &names.s3] {
                let seen = dig(&cloud, &[transport, name]);
                assert!(seen.contains("status: NOERROR") && seen.contains("flags: qr aa rd;"), "{seen}");
                assert_eq!(dig(&cloud, &[transport, "+short", name]).trim(), "127.0.0.1");
                cloud.wait_for(name, |fact| is_asked(fact, name, "A", 1));
            }
        }
    }
}

#[test]
fn wildcards_answer_for_any_prefix() {
    let cloud = Fake::start();
    for name in ["anything-ats.iot.eu-west-1.amazonaws.com", "any-bucket.s3.eu-west-1.amazonaws.com"] {
        let seen = dig(&cloud, &["+short", name]);
        assert_eq!(seen.trim(), "127.0.0.1", "{name}");
    }
}

#[test]
fn an_unknown_name_does_not_exist_and_another_zone_is_refused() {
    let cloud = Fake::start();
    for name in ["nothing.amazonaws.com", "kms.eu-west-1.amazonaws.com", "logs.us-east-1.amazonaws.com"] {
        let seen = dig(&cloud, &[name]);
        assert!(seen.contains("status: NXDOMAIN") && seen.contains("SOA"), "{seen}");
        cloud.wait_for(name, |fact| is_asked(fact, name, "A", 0));
    }
    let seen = dig(&cloud, &["example.com"]);
    assert!(seen.contains("status: REFUSED"), "{seen}");
    cloud.wait_for("the refused question", |fact| is_asked(fact, "example.com", "A", 0));
}

#[test]
fn a_family_without_addresses_is_an_empty_answer() {
    let cloud = Fake::start();
    let seen = dig(&cloud, &["-t", "AAAA", "logs.eu-west-1.amazonaws.com"]);
    assert!(seen.contains("status: NOERROR") && seen.contains("ANSWER: 0") && seen.contains("SOA"), "{seen}");
}

#[test]
fn names_are_compared_without_regard_to_case() {
    let cloud = Fake::start();
    assert_eq!(dig(&cloud, &["+short", "LOGS.eu-west-1.AmazonAWS.com"]).trim(), "127.0.0.1");
    cloud.wait_for("the name in lower case", |fact| is_asked(fact, "logs.eu-west-1.amazonaws.com", "A", 1));
}

#[test]
fn printed_names_exist_only_when_asked_for() {
    let cloud = Fake::with(&["--names=corrected"]);
    let seen = dig(&cloud, &[cloud.client.names.as_printed.logs.as_str()]);
    assert!(seen.contains("status: REFUSED"), "{seen}");
    let cloud = Fake::with(&["--names=as-printed"]);
    assert!(dig(&cloud, &[cloud.client.names.corrected.logs.as_str()]).contains("status: NXDOMAIN"));
    assert_eq!(dig(&cloud, &["+short", &cloud.client.names.as_printed.logs]).trim(), "127.0.0.1");
}

#[test]
fn the_pool_of_time_servers_leads_to_ours() {
    let cloud = Fake::start();
    assert_eq!(dig(&cloud, &["+short", "0.pool.ntp.org"]).trim(), "127.0.0.1");
}

#[test]
fn a_resolver_library_is_content_with_answers_by_each_transport() {
    let cloud = Fake::start();
    let (name, server) = (cloud.client.endpoints.logs.clone(), cloud.socket("dns"));
    let missing = "nothing.amazonaws.com";
    let (ip, port) = (server.ip().to_string(), server.port().to_string());
    let seen = cloud.python("names_client.py", &[&ip, &port, &name, missing]);
    let wanted = serde_json::json!({
        "udp": ["127.0.0.1"], "tcp": ["127.0.0.1"],
        "plain": ["NOERROR", true, false, false], "edns": ["NOERROR", true, false, true],
    });
    assert_eq!(seen[&name], wanted);
    let wanted = serde_json::json!({
        "udp": "no such name", "tcp": "no such name",
        "plain": ["NXDOMAIN", true, false, false], "edns": ["NXDOMAIN", true, false, true],
    });
    assert_eq!(seen[missing], wanted);
}
