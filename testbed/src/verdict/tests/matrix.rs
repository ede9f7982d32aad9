//! `matrix`: leaks, what is blocked, and each way in which the listed rules can say something else than the packets.

use super::super::example::{accepts, aims, alive, leak, of};
use super::*;
use crate::observation::{Control, RulesSeen, Stray, StrayKind};
use crate::plan::{Aim, Route};
use crate::verdict::{MatrixSeen, PairSeen};

const CHECK: &str = "vms-shut";

/// The router's rules as nft lists them: both policies, and what lies in the chains.
fn listing(own: &str, through: &str, rules: &str) -> String {
    let chain = |name: &str, hook: &str, policy: &str, handle: u32| {
        format!(
            r#"{{"chain": {{"family": "inet", "table": "site", "name": "{name}", "handle": {handle}, "type": "filter",
            "hook": "{hook}", "prio": 0, "policy": "{policy}"}}}}"#
        )
    };
    let (own, through) = (chain("own", "input", own, 1), chain("through", "forward", through, 2));
    let table = r#"{"table": {"family": "inet", "name": "site", "handle": 9}}"#;
    let rules = if rules.is_empty() { String::new() } else { format!(", {rules}") };
    format!(r#"{{"nftables": [{table}, {own}, {through}{rules}]}}"#)
}

/// A rule that accepts a protocol to one port in one of these chains.
fn accepting(chain: &str, protocol: &str, port: u16) -> String {
    let left = format!(r#"{{"payload": {{"protocol": "{protocol}", "field": "dport"}}}}"#);
    format!(
        r#"{{"rule": {{"family": "inet", "table": "site", "chain": "{chain}", "handle": 7, "expr":
        [{{"match": {{"op": "==", "left": {left}, "right": {port}}}}}, {{"accept": null}}]}}}}"#
    )
}

/// What the example's flows need, and nothing else.
fn right() -> String {
    listing("drop", "drop", &[accepting("own", "udp", 53), accepting("through", "tcp", 443)].join(", "))
}

/// The same with one rule more.
fn with(rule: &str) -> String {
    let rules = [accepting("own", "udp", 53), accepting("through", "tcp", 443), rule.to_owned()];
    listing("drop", "drop", &rules.join(", "))
}

/// The example with Ethernet addresses and routes of its own, and a matrix in the place of its negative.
fn site() -> Plan {
    let mut plan = plan();
    for (number, node) in plan.nodes.iter_mut().enumerate() {
        for (place, link) in node.links.iter_mut().enumerate() {
            link.mac = of(&format!("02:00:00:00:{number:02x}:{place:02x}"));
        }
        let gateway = match node.links[0].segment.as_str() {
            _ if node.forwards => continue,
            "cam" => "10.20.0.1",
            "prod" => "10.30.0.1",
            _ => "203.0.113.2",
        };
        node.routes.push(Route { to: of("0.0.0.0/0"), via: of(gateway) });
    }
    let next_hop = plan.node(&of("rtr")).unwrap().links[0].mac;
    let aims = aims().into_iter().map(|aim| Aim { next_hop, ..aim }).collect();
    let opens = alive().into_iter().zip([of("10.20.0.5"), of("10.30.0.10")]).collect();
    let between = plan.nodes.iter().map(|node| node.name.clone()).collect();
    let word = Word::Matrix { between, aims, opens, unopened: Vec::new(), left_out: Vec::new() };
    check_of(&mut plan, CHECK).word = word;
    plan
}

/// The verdict with this listing of the router's rules, after a change to what is seen.
fn judged(listing: &str, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let site = site();
    let aims = check_of(&mut site.clone(), CHECK).word.aims().to_vec();
    let change = |seen: &mut Observations| {
        seen.aims.iter_mut().zip(aims).for_each(|(one, aim)| one.aim = aim);
        let listing = listing.to_owned();
        seen.rules.push(RulesSeen { check: of(CHECK), node: of("rtr"), of_switches: false, listing });
        change(seen);
    };
    after_both(CHECK, |plan| *plan = site, change)
}

/// As meant, leaked, blocked, not measured, the model differs, probe only.
fn sums(verdict: &CheckVerdict) -> [u64; 6] {
    let MatrixSeen { pairs, .. } = verdict.matrix.as_ref().unwrap();
    let sum = |of: fn(&PairSeen) -> u64| pairs.iter().map(of).sum();
    [
        sum(|p| p.as_meant),
        sum(|p| p.leak),
        sum(|p| p.blocked),
        sum(|p| p.unmeasured),
        sum(|p| p.model_differs),
        sum(|p| p.probe_only),
    ]
}

#[test]
fn what_is_meant_measured_and_predicted_alike_passes() {
    let verdict = judged(&right(), |_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:?}");
    assert_eq!(sums(&verdict), [10, 0, 0, 0, 0, 0]);
    assert_eq!(verdict.matrix.unwrap().pairs.len(), 4);
    assert!(verdict.summary.starts_with("10 as meant, 0 leaked"), "{}", verdict.summary);
}

#[test]
fn a_listing_that_opens_more_than_arrives_is_found() {
    let verdict = judged(&with(&accepting("through", "tcp", 22)), |_| {});
    assert_eq!(verdict.verdict, Verdict::Fail);
    let [finding] = &verdict.findings[..] else { panic!("{:?}", verdict.findings) };
    assert_eq!(
        finding.text,
        "the model differs: from dock-1 to vms, by the rules as listed tcp/22 to 10.30.0.10 arrives at vms, and it did \
         not arrive"
    );
    assert_eq!(sums(&verdict), [10, 0, 0, 0, 1, 0]);
}

#[test]
fn a_listing_that_opens_less_than_arrives_is_found_beside_the_leak() {
    let verdict = judged(&right(), |seen| {
        leak(&mut seen.aims[0], "udp/2", Some(111));
        seen.aims[0].trace = vec![accepts("rtr", "inet site through", "udp dport 2 accept")];
    });
    let texts: Vec<&str> = verdict.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert!(texts[0].starts_with("dock-1 reached vms 10.30.0.10 on udp/2"), "{texts:?}");
    assert_eq!(verdict.findings[0].by.as_deref(), Some("inet site through udp dport 2 accept"));
    assert_eq!(
        texts[1],
        "the model differs: from dock-1 to vms, by the rules as listed udp/2 to 10.30.0.10 stopped at rtr by inet site \
         through policy, and it got through"
    );
    assert_eq!(sums(&verdict), [9, 1, 0, 0, 1, 0]);
}

#[test]
fn a_leak_that_the_listing_has_too_is_a_leak_alone() {
    let verdict = judged(&with(&accepting("own", "tcp", 22)), |seen| leak(&mut seen.aims[1], "tcp/22", None));
    assert_eq!(verdict.findings.len(), 1, "{:?}", verdict.findings);
    assert_eq!(sums(&verdict), [9, 1, 0, 0, 0, 0]);
}

#[test]
fn what_went_astray_is_a_leak() {
    let verdict = judged(&right(), |seen| {
        let (kind, traffic) = (StrayKind::Answered, of("tcp/22"));
        let stray = Stray { kind, traffic, entered_packet: Some(100), packet: Some(102), at: 0 };
        seen.aims[0].kinds[0].strays.push(stray);
    });
    assert_eq!(verdict.verdict, Verdict::Fail);
    assert_eq!(sums(&verdict), [9, 1, 0, 0, 1, 0]);
}

#[test]
fn what_is_allowed_and_never_answered_is_blocked_and_the_listing_says_why() {
    let rules = listing("drop", "drop", &accepting("own", "udp", 53));
    let silent = |seen: &mut Observations| {
        for open in seen.opens.iter_mut().filter(|one| one.check.as_str() == CHECK) {
            if open.open.to.as_str() == "aws" {
                open.answered_after_us = None;
            }
        }
        // The cloud and the appliance live: another conversation of theirs is answered.
        let mut other = seen.opens[1].clone();
        (other.open.port, other.answered_after_us) = (of("tcp/8883"), Some(900));
        seen.opens.push(other);
    };
    let verdict = judged(&rules, silent);
    assert_eq!(verdict.verdict, Verdict::Fail);
    assert_eq!(
        verdict.findings[0].text,
        "F07 app -> aws 203.0.113.10 tcp/443 is allowed and was never answered; by the rules as listed it is stopped at \
         rtr by inet site through policy"
    );
    assert_eq!(sums(&verdict), [9, 0, 1, 0, 0, 0]);
}

#[test]
fn an_opening_whose_ends_say_nothing_else_either_is_not_measured() {
    let verdict = judged(&right(), |seen| {
        for open in seen.opens.iter_mut().filter(|one| one.check.as_str() == CHECK) {
            open.answered_after_us = None;
        }
    });
    assert_eq!(verdict.verdict, Verdict::Inconclusive);
    assert_eq!(sums(&verdict), [8, 0, 0, 2, 0, 0]);
}

#[test]
fn an_answer_that_the_listing_stops_is_found() {
    let verdict = judged(&listing("drop", "drop", &accepting("through", "tcp", 443)), |_| {});
    assert_eq!(
        verdict.findings[0].text,
        "the model differs: from vms to rtr, by the rules as listed udp/53 to 10.30.0.1 stopped at rtr by inet site own \
         policy, and it got through"
    );
    assert_eq!(sums(&verdict), [10, 0, 0, 0, 1, 0]);
}

#[test]
fn what_the_model_does_not_know_is_counted_and_is_no_agreement() {
    let unknown = r#"{"rule": {"family": "inet", "table": "site", "chain": "through", "handle": 8, "expr":
        [{"match": {"op": "==", "left": {"something": {"new": 1}}, "right": 1}}, {"accept": null}]}}"#;
    let verdict = judged(&with(unknown), |_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:?}");
    let [only] = &verdict.matrix.as_ref().unwrap().probe_only[..] else { panic!("{:?}", verdict.matrix) };
    assert_eq!(only.count, 4, "{only:?}");
    assert_eq!(sums(&verdict), [10, 0, 0, 0, 0, 4]);
}

#[test]
fn silence_that_no_instrument_backs_is_not_measured_and_not_compared() {
    let verdict = judged(&with(&accepting("through", "tcp", 22)), |seen| {
        seen.aims[0].kinds[0].instrument = Control { sent: 1, seen: 0 };
    });
    assert_eq!(verdict.verdict, Verdict::Inconclusive);
    assert_eq!(sums(&verdict), [9, 0, 0, 1, 0, 0]);
}

#[test]
fn without_a_model_nothing_passes() {
    type Change = fn(&mut Observations);
    let changes: [(&str, Change); 4] = [
        ("model: no node's rules were listed", |seen| seen.rules.clear()),
        ("model: the rules of `rtr` are not given", |seen| seen.rules[0].node = of("app")),
        ("model: no node's rules were listed", |seen| seen.rules[0].check = of("dock-plays")),
        ("model: rules of `rtr`: read nft's listing as JSON", |seen| seen.rules[0].listing = "{".into()),
    ];
    for (reason, change) in changes {
        let verdict = judged(&right(), change);
        assert_eq!(verdict.verdict, Verdict::Inconclusive, "{reason}");
        assert!(verdict.reasons.iter().any(|one| one.starts_with(reason)), "{reason}: {:?}", verdict.reasons);
    }
}

#[test]
fn nothing_sent_is_no_pass() {
    let verdict = judged(&right(), |seen| seen.aims.clear());
    assert_eq!(verdict.verdict, Verdict::Inconclusive);
    assert!(verdict.reasons.iter().any(|one| one.starts_with("sent")), "{:?}", verdict.reasons);
    let empty = |plan: &mut Plan| {
        *plan = site();
        if let Word::Matrix { aims, .. } = &mut check_of(plan, CHECK).word {
            aims.clear();
        }
    };
    let verdict = after_both(CHECK, empty, |seen| seen.aims.clear());
    assert_eq!(verdict.verdict, Verdict::Inconclusive);
    assert!(verdict.reasons.iter().any(|one| one.starts_with("vacuous")), "{:?}", verdict.reasons);
}
