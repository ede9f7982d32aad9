//! Rules that look at something that no usual list has: by default packets are sent that have it.

use testbed::report::RunJson;
use testbed::verdict::Verdict;

use crate::sites::{self, OWN_RULES, SWEEP, SWEEP_RULES, changed};
use crate::support::{ONE_RUN, Place, Said, assert_judged_alike, runs_of, say};

const DEFAULT: &str = "no_reach: { from: guest, to: door }";

/// What is sent where nothing is known of the rules.
const USUAL: &str = "no_reach: { from: guest, to: door, ports: [tcp/22, tcp/80, tcp/443, tcp/554, tcp/8080, udp/53, udp/123, \
                     udp/5353, icmp/8, proto/47, ntp/large] }";

/// A rule that lets something in that nobody meant, the same as it was meant, and a part of a packet that shows it: a device
/// takes one from the time to live before it looks at it.
const HOLES: [(&str, &str, &str); 9] = [
    ("udp dport 47808 accept", "udp dport 47808 drop", "udp/47808 from "),
    (
        "tcp sport 53 tcp dport 48213 accept",
        "tcp sport 53 tcp dport 48213 ct state established accept",
        "tcp/48213 from 53",
    ),
    (
        "tcp flags & (fin | syn | rst | ack) == fin accept",
        "tcp flags & (fin | syn | rst | ack) == fin drop",
        " flags fin",
    ),
    ("ip protocol 99 accept", "ip protocol 99 ct state established accept", "proto/99"),
    (
        "udp sport 1024-65535 udp dport 5000-5010 accept",
        "udp sport 1024-65535 udp dport 5000-5010 ct state established accept",
        "udp/5000 from 1024",
    ),
    ("ip dscp ef accept", "ip dscp ef ct state established accept", " dscp 46"),
    ("ip ttl 200 accept", "ip ttl 200 ct state established accept", " ttl 201"),
    (
        "icmp type timestamp-request icmp code 7 accept",
        "icmp type timestamp-request icmp code 7 drop",
        "icmp/13/7",
    ),
    (
        "meta l4proto { tcp, udp } th sport 20 th dport 49152-65535 accept",
        "meta l4proto { tcp, udp } th sport 20 th dport 49152-65535 ct state established accept",
        "tcp/49152 from 20",
    ),
];

/// Runs the site that is attacked with this only check, and with these rules in the router; a run folder comes to the same.
#[track_caller]
fn attack(check: &str, rules: &[&str], code: i32) -> (RunJson, Said) {
    let (site, _) = SWEEP.split_once("checks:\n").expect("it has checks");
    let scenario = format!(
        "{site}checks:\n  shut:\n    {check}\n    alive: [S01, S02, S03]\n    proves: PAN-NET-07 (part)\n"
    );
    let policy = "type filter hook forward priority filter; policy drop;";
    let rules = changed(SWEEP_RULES, policy, &format!("{policy}\n\t\t{}", rules.join("\n\t\t")));
    let place = Place::new();
    let mut run = place.run(&sites::sweep(&place, &scenario, &rules, OWN_RULES));
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN).expect_code(code);
    let [folder] = &place.run_folders()[..] else { panic!("one run: {said}") };
    assert_judged_alike(&place, folder);
    (runs_of(&said).runs.remove(0), said)
}

#[test]
fn each_hole_is_found_with_a_packet_that_shows_it_and_its_rule() {
    for (hole, _, packet) in HOLES {
        let (run, said) = attack(DEFAULT, &[hole], 1);
        let check = &run.checks[0];
        let [finding] = &check.findings[..] else { panic!("one finding of {hole}: {said}") };
        assert_eq!(check.verdict, Verdict::Fail, "{hole}: {said}");
        assert!(finding.text.contains(packet), "{hole}: {}: {said}", finding.text);
        let by = finding.by.as_deref().unwrap_or_default();
        assert!(by.starts_with("inet site through ") && by.ends_with(" accept"), "{hole}: {by}: {said}");
        assert!(
            finding.packets.iter().any(|one| one.shows.contains("arrived at door's tap")),
            "{hole}: {said}"
        );
        assert!(check.controls.iter().all(|control| control.held), "{hole}: {said}");
    }
}

#[test]
fn rules_as_they_were_meant_are_not_accused() {
    let meant = HOLES.map(|(_, meant, _)| meant);
    let (run, said) = attack(DEFAULT, &meant, 0);
    assert!(run.checks[0].summary.contains(" cells of the rules"), "{said}");
}

#[test]
fn a_list_finds_none_of_them() {
    let holes = HOLES.map(|(hole, _, _)| hole);
    let (run, said) = attack(USUAL, &holes, 0);
    assert!(!run.checks[0].summary.contains("cells"), "{said}");
}

#[test]
fn what_is_too_much_to_be_sent_is_no_pass_unless_a_list_or_all_is_asked_for() {
    let ports = |first: u32| (0..70).map(|at| (first + 3 * at).to_string()).collect::<Vec<_>>().join(", ");
    let rule = format!("tcp dport {{ {} }} tcp sport {{ {} }} drop", ports(1000), ports(5000));
    let (run, said) = attack(DEFAULT, &[&rule], 3);
    let check = &run.checks[0];
    assert_eq!(check.verdict, Verdict::Inconclusive, "{said}");
    let reason = check.reasons.iter().find(|reason| reason.starts_with("cells:"));
    assert!(reason.is_some_and(|reason| reason.contains("combinations of ports and flags of TCP")), "{said}");
    attack(USUAL, &[&rule], 0);
}
