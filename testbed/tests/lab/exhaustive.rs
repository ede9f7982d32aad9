//! Everything sent: each port, type and protocol, whatever the rules speak of.

use testbed::report::RunJson;
use testbed::verdict::Verdict;

use crate::sites::{self, OWN_RULES, SWEEP, SWEEP_RULES, changed};
use crate::support::{ONE_RUN, Place, Said, runs_of, say};

/// Runs the site that is attacked with this only check, and with these rules in the router.
#[track_caller]
fn attack(check: &str, rules: &str, how: &[&str], code: i32) -> (RunJson, Said) {
    let (site, _) = SWEEP.split_once("checks:\n").expect("it has checks");
    let scenario = format!("{site}checks:\n  shut:\n    {check}\n    proves: PAN-NET-07 (part)\n");
    let place = Place::new();
    let mut run = place.run(&sites::sweep(&place, &scenario, rules, OWN_RULES));
    run.args(["--json", "-"]).args(how);
    let said = say(run, ONE_RUN).expect_code(code);
    (runs_of(&said).runs.remove(0), said)
}

const ACROSS: &str = "no_reach: { from: guest, to: door }\n    alive: [S01, S02, S03]";

#[test]
fn holes_that_no_list_has_are_found_by_sending_everything() {
    let policy = "type filter hook forward priority filter; policy drop;";
    let holes = "tcp dport 48213 accept\n\t\tudp sport 53 accept\n\t\ttcp flags ack accept\n\t\ticmp type timestamp-request icmp code 7 accept\n\t\tip protocol 132 accept";
    let rules = changed(SWEEP_RULES, policy, &format!("{policy}\n\t\t{holes}"));
    let listed = ACROSS.replace("to: door", "to: door, ports: [tcp/22, udp/53, icmp/8, proto/47]");
    attack(&listed, &rules, &[], 0);
    let (run, said) = attack(ACROSS, &rules, &["--exhaustive"], 1);
    let [check] = &run.checks[..] else { panic!("one check: {said}") };
    assert_eq!(check.verdict, Verdict::Fail, "{said}");
    assert!(check.summary.contains("1 pair, 199168 kinds and "), "{said}");
    let [finding] = &check.findings[..] else { panic!("one finding: {said}") };
    let holes = "on tcp/48213, icmp/13/7, proto/132, udp-from/53, tcp-flags/16-31, tcp-flags/48-63, ";
    assert!(finding.text.contains(holes), "{}: {said}", finding.text);
    // Besides those of cells.
    let arrived = finding.text.rsplit_once('(').and_then(|(_, of)| of.split(' ').next()?.parse::<u32>().ok());
    assert!(arrived.is_some_and(|arrived| arrived > 132), "{}: {said}", finding.text);
    assert_eq!(finding.by.as_deref(), Some("inet site through tcp dport 48213 accept"), "{said}");
    assert!(finding.packets.iter().any(|packet| packet.shows.contains("arrived at door's tap")), "{said}");
}

#[test]
fn a_clean_router_is_not_accused_and_what_a_flow_allows_is_left_out() {
    let own = "no_reach: { from: guest, to: rtr, cover: all, except: S02 }\n    alive: [S02]";
    let (run, said) = attack(own, SWEEP_RULES, &[], 0);
    // Everything but echo requests to one of the router's addresses, the usual list to the other.
    assert!(run.checks[0].summary.contains("1 pair, 198928 kinds and "), "{said}");
}
