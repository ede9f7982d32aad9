//! `talks`: as it should be, another service, port, name, opener, and silence.

use fake_facts::{Fact, Line};

use super::super::example::{START, conversation, of};
use super::*;
use crate::observation::{Conversation, LookupSeen, NodeFact};
use crate::plan::Spoken;
use crate::scenario::model::CloudService;

const CHECK: &str = "dock-alone";
const APP: (&str, &str, u16) = ("app", "10.20.0.5", 40200);

fn spoken(service: CloudService, address: &str, name: &str) -> Spoken {
    Spoken { service, addresses: vec![of(address)], names: vec![name.into()] }
}

fn lookup(name: &str) -> LookupSeen {
    let addresses = vec![of("203.0.113.10")];
    LookupSeen {
        node: of("app"),
        packet: 77,
        at: START,
        name: name.into(),
        addresses,
        from: None,
        asked_as: None,
        earlier: false,
    }
}

fn heard(service: &str, sni: &str) -> NodeFact {
    let fact = Fact::Accepted {
        service: service.into(),
        peer: of("10.20.0.5:40200"),
        identity: "abc".into(),
        sni: Some(sni.into()),
        alpn: None,
        tls: None,
    };
    NodeFact { node: of("aws"), line: Line { at: START, fact } }
}

/// The verdict where the appliance talks with IoT Core and its logs, and something else is changed.
fn judged(change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let word = |plan: &mut Plan| {
        let iot = spoken(CloudService::Iot, "203.0.113.10", "*.iot.eu-west-1.amazonaws.com");
        let logs = spoken(CloudService::Logs, "203.0.113.12", "logs.eu-west-1.amazonaws.com");
        check_of(plan, CHECK).word =
            Word::Talks { of: of("app"), cloud: of("aws"), services: vec![iot, logs] };
    };
    after_both(CHECK, word, |seen| {
        seen.conversations.retain(|one| one.answerer.node != Some(of("aws")));
        seen.conversations.push(conversation("tcp", APP, ("aws", "203.0.113.10", 443), 90));
        seen.conversations.push(conversation("tcp", APP, ("aws", "203.0.113.12", 443), 91));
        let names = ["a-ats.iot.eu-west-1.amazonaws.com", "logs.eu-west-1.amazonaws.com"];
        seen.lookups.extend(names.map(lookup));
        // Credentials come from IoT Core.
        let said = [("iot", names[0]), ("credentials", names[0]), ("logs", names[1])];
        seen.facts.extend(said.map(|(service, name)| heard(service, name)));
        change(seen);
    })
}

#[test]
fn the_services_that_are_named_are_all_that_is_talked_with() {
    let verdict = judged(|_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(
        verdict.summary,
        "2 conversations between app and aws, 2 names asked for; heard by credentials, iot, logs"
    );
}

#[test]
fn another_address_port_or_opener_is_found() {
    let elsewhere = judged(|seen| {
        seen.conversations.push(conversation("tcp", APP, ("aws", "203.0.113.16", 443), 92));
        seen.conversations.push(conversation("tcp", APP, ("aws", "203.0.113.10", 8883), 93));
        seen.conversations.push(conversation(
            "tcp",
            ("aws", "203.0.113.10", 5000),
            ("app", "10.20.0.5", 22),
            94,
        ));
    });
    assert_fails(
        &elsewhere,
        &[
            "app opens tcp/443 at aws's 203.0.113.16",
            "app opens tcp/8883 at aws's 203.0.113.10",
            "aws opens tcp/22 towards app",
        ],
    );
    assert_eq!(elsewhere.findings[0].packets, [("app opens it".to_owned(), 92)]);
}

#[test]
fn another_name_or_service_is_found() {
    let asked = judged(|seen| {
        let panorama = "panorama.eu-west-1.amazonaws.com";
        seen.lookups.extend([lookup(panorama), lookup("iot.eu-west-1.amazonaws.com"), lookup("")]);
        seen.facts.push(heard("panorama", panorama));
    });
    assert_fails(
        &asked,
        &[
            "app asks for panorama.eu-west-1.amazonaws.com, which is no name of these services",
            "app asks for iot.eu-west-1.amazonaws.com, which is no name of these services",
            "app was heard by aws's panorama as panorama.eu-west-1.amazonaws.com",
        ],
    );
}

/// To see what a look-alike opens, the appliance is told to ask for it: it does not want it.
#[test]
fn a_name_that_is_asked_for_on_purpose_is_none_of_its_own() {
    let name = "aws-logs.eu-west-1.amazonaws.com";
    let text = format!("app asks for {name}, which is no name of these services");
    let asks = |asker: &'static str, at| {
        judged(move |seen| {
            seen.lookups.push(lookup(name));
            seen.faults.push(asked_on_purpose(name, asker, at));
        })
    };
    assert_eq!(asks("app", START).verdict, Verdict::Pass);
    assert_fails(&asks("vms", START), &[&text]);
    // It wanted it by itself before.
    assert_fails(&asks("app", START + 1), &[&text]);
}

#[test]
fn a_service_without_tls_must_have_answered() {
    let with_time = |packets_back: Option<u64>| {
        let word = |plan: &mut Plan| {
            let ntp = Spoken { names: vec![], ..spoken(CloudService::Ntp, "203.0.113.15", "") };
            let logs = spoken(CloudService::Logs, "203.0.113.12", "logs.eu-west-1.amazonaws.com");
            check_of(plan, CHECK).word =
                Word::Talks { of: of("app"), cloud: of("aws"), services: vec![logs, ntp] };
        };
        after_both(CHECK, word, |seen| {
            seen.conversations.retain(|one| one.answerer.node != Some(of("aws")));
            let ntp = conversation("udp", APP, ("aws", "203.0.113.15", 123), 90);
            seen.conversations.extend(packets_back.map(|packets_back| Conversation { packets_back, ..ntp }));
            seen.lookups.push(lookup("logs.eu-west-1.amazonaws.com"));
            seen.facts.push(heard("logs", "logs.eu-west-1.amazonaws.com"));
        })
    };
    assert_eq!(with_time(Some(1)).verdict, Verdict::Pass);
    for silent in [None, Some(0)] {
        assert_fails(&with_time(silent), &["app was never answered by aws's ntp"]);
    }
}

#[test]
fn who_is_not_heard_or_asks_for_no_name_does_not_pass() {
    let silent = judged(|seen| {
        seen.facts
            .retain(|fact| !matches!(&fact.line.fact, Fact::Accepted { service, .. } if service == "logs"));
    });
    assert_fails(&silent, &["app was never heard by aws's logs"]);
    // Another node's words are not its own, whatever that node is.
    let anothers = judged(|seen| {
        for fact in &mut seen.facts {
            if let Fact::Accepted { service, peer, .. } = &mut fact.line.fact
                && service == "logs"
            {
                *peer = of("10.30.0.10:40200");
            }
        }
    });
    assert_fails(&anothers, &["app was never heard by aws's logs"]);
    assert_inconclusive(&judged(|seen| seen.lookups.clear()), &["names", "app was told of no name"]);
}
