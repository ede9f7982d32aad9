//! `names_agree`: the right name, another one, none, another host, and silence.

use fake_facts::{Fact, Line};

use super::super::example::{START, conversation, of};
use super::*;
use crate::observation::{HandshakeSeen, LookupSeen, NodeFact, Offered};

const CHECK: &str = "dock-alone";
const NAME: &str = "iot.example.org";

/// The verdict on one TLS connection from the appliance to the cloud, where something is changed.
fn judged(change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let word = |plan: &mut Plan| check_of(plan, CHECK).word = Word::NamesAgree { flows: vec![of("F07")] };
    after_both(CHECK, word, |seen| {
        seen.conversations.retain(|one| one.answerer.node != Some(of("aws")));
        let one = conversation("tcp", ("app", "10.20.0.5", 40_200), ("aws", "203.0.113.10", 443), 90);
        seen.handshakes = vec![HandshakeSeen {
            opener: one.opener.clone(),
            answerer: one.answerer.clone(),
            packet: one.first_packet,
            at: START + 5,
            offered: Offered {
                versions: vec![0x0304],
                suites: vec![0x1301],
                name: Some(NAME.to_uppercase()),
                protocols: Vec::new(),
            },
            agreed: None,
            alerts: [None, None],
            keyed: true,
            said: [100, 100],
            earlier: false,
        }];
        seen.conversations.push(one);
        seen.lookups.push(LookupSeen {
            node: of("app"),
            packet: 77,
            at: START,
            name: NAME.into(),
            addresses: vec![of("203.0.113.10")],
            from: None,
            asked_as: None,
            earlier: false,
        });
        change(seen);
    })
}

fn refused(port: u16, reason: &str) -> NodeFact {
    let peer = format!("10.20.0.5:{port}").parse().unwrap();
    let fact = Fact::Refused { service: "iot".into(), peer, reason: reason.into() };
    NodeFact { node: of("aws"), line: Line { at: START + 9, fact } }
}

#[test]
fn a_name_that_was_asked_for_and_had_this_address_is_right() {
    let verdict = judged(|_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(verdict.summary, "1 connection in TLS, with IOT.EXAMPLE.ORG");
}

#[test]
fn another_name_another_address_and_none_are_found() {
    let text = "F07 app -> aws: IOT.EXAMPLE.ORG is said in TLS to 203.0.113.10, which was never told for it";
    type Change = fn(&mut LookupSeen);
    let changes: [Change; 4] = [
        |one| one.name = "other.example.org".into(),
        |one| one.addresses = vec![of("203.0.113.11")],
        |one| one.at = START + 6,
        |one| one.node = of("vms"),
    ];
    for change in changes {
        let verdict = judged(|seen| change(seen.lookups.last_mut().unwrap()));
        assert_fails(&verdict, &[text]);
        assert_eq!(verdict.findings[0].packets[0].1, 90, "the first packet of the connection");
    }
    let none = |seen: &mut Observations| {
        seen.handshakes[0].offered.name = None;
        seen.facts.push(refused(40_200, "no TLS server name"));
    };
    let text =
        "F07 app -> aws: no server name is said in TLS to 203.0.113.10; aws refuses: no TLS server name";
    assert_fails(&judged(none), &[text]);
}

#[test]
fn another_host_is_found_by_what_the_cloud_says_of_this_connection() {
    let reason = "MisdirectedRequest: x.example.org is asked for where TLS has named iot.example.org";
    let verdict = judged(|seen| seen.facts.push(refused(40_200, reason)));
    let text = "F07 app -> aws: x.example.org is asked for where TLS has named iot.example.org; refused with status 421";
    assert_fails(&verdict, &[text]);
    for other in [refused(40_201, reason), refused(40_200, "AccessDenied: no")] {
        let verdict = judged(|seen| seen.facts.push(other));
        assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    }
}

#[test]
fn a_flow_on_which_nothing_was_said_in_tls_is_inconclusive() {
    let verdict = judged(|seen| seen.handshakes.clear());
    assert_inconclusive(&verdict, &["vacuous", "nothing was said in TLS on F07 app -> aws"]);
}
