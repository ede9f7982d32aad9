//! Rules that let in what is for everybody, which no packet to a node's own address meets: broadcast addresses, and the
//! groups of all nodes and all routers.

use testbed::report::RunJson;
use testbed::verdict::Verdict;

use crate::sites::changed;
use crate::support::{ONE_RUN, Place, Said, assert_judged_alike, runs_of, say};

const SITE: &str = include_str!("everybody.yaml");
const RULES: &str = include_str!("everybody.nft");

const USUAL: &str = "no_reach: { from: guest, to: [rtr, door, lamp], except: S01 }\n    alive: [S01, S02]";
const BROADCAST: &str =
    "no_reach: { from: guest, to: [rtr, door, lamp], except: S01, broadcast: true }\n    alive: [S01, S02]";

/// A rule that lets something for everybody into the router, the same as it was meant, and what its finding names.
const INTO_THE_ROUTER: [(&str, &str, &str); 6] = [
    (
        "meta pkttype broadcast accept",
        "meta pkttype broadcast drop",
        "255.255.255.255 (everybody in office) on tcp/22",
    ),
    (
        "ip daddr 198.51.100.255 accept",
        "ip daddr 198.51.100.255 drop",
        "198.51.100.255 (everybody in office) on ",
    ),
    // Of its other leg: for the router itself, as long as it does not forward broadcasts.
    (
        "ip daddr 192.0.2.255 udp dport 9999 accept",
        "ip daddr 192.0.2.255 udp dport 9999 drop",
        "192.0.2.255 (everybody in office) on udp/9999",
    ),
    (
        "fib daddr type broadcast tcp dport 1-1000 accept",
        "fib daddr type broadcast tcp dport 1-1000 drop",
        "on tcp/22",
    ),
    ("ip6 daddr ff02::2 accept", "ip6 daddr ff02::2 drop", "ff02::2 (everybody in office) on tcp/22"),
    (
        "meta pkttype multicast meta l4proto udp accept",
        "meta pkttype multicast meta l4proto udp drop",
        "ff02::1 (everybody in office) on udp/53",
    ),
];

/// Carries broadcasts over into the cameras' network, as a relay for discovery might.
const RELAY: &str = "table netdev relay {
	chain over {
		type filter hook ingress device \"office0\" priority filter; policy accept;
		meta pkttype broadcast dup to \"cam0\"
	}
}";

#[track_caller]
fn attack(check: &str, own: &str, beside: &str, code: i32) -> (RunJson, Said) {
    let place = Place::new();
    let rules = changed(&changed(RULES, "# OWN", own), "# BESIDE", beside);
    place.write("site/everybody.nft", rules);
    let scenario = place.write("site/everybody.yaml", changed(SITE, "CHECK", check));
    let mut run = place.run(&scenario);
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN).expect_code(code);
    let [folder] = &place.run_folders()[..] else { panic!("one run: {said}") };
    assert_judged_alike(&place, folder);
    (runs_of(&said).runs.remove(0), said)
}

#[test]
fn what_is_for_everybody_finds_each_rule_that_lets_it_into_the_router() {
    for (hole, _, shows) in INTO_THE_ROUTER {
        let (run, said) = attack(BROADCAST, hole, "", 1);
        let check = &run.checks[0];
        let [finding] = &check.findings[..] else { panic!("one finding of {hole}: {said}") };
        assert!(
            finding.text.starts_with("guest reached rtr ") && finding.text.contains(shows),
            "{hole}: {said}"
        );
        assert_eq!(finding.by.as_deref(), Some(&*format!("inet site own {hole}")), "{said}");
        assert!(check.controls.iter().all(|control| control.held), "{hole}: {said}");
    }
}

#[test]
fn rules_that_keep_it_out_are_not_accused_and_nothing_of_it_is_unexplained() {
    let meant = INTO_THE_ROUTER.map(|(_, meant, _)| meant).join("\n\t\t");
    let explained =
        format!("{BROADCAST}\n    proves: PAN-NET-07 (part)\n  nothing-else:\n    explained: all");
    let (run, said) = attack(&explained, &meant, &RELAY.replace("dup to \"cam0\"", "counter"), 0);
    let check = &run.checks[0];
    let whom = |one: &testbed::verdict::CoveredSeen| {
        let segment = one.everybody_in.as_ref().filter(|_| one.passing_for.is_none())?;
        Some(format!("{} {} {segment}", one.to, one.address))
    };
    let told: Vec<String> = check.covered.iter().filter_map(whom).collect();
    let expected = [
        "rtr 255.255.255.255 office",
        "rtr 198.51.100.255 office",
        "rtr ff02::1 office",
        "rtr ff02::2 office",
        "rtr 192.0.2.255 office",
        "door 192.0.2.255 cam",
        "door 255.255.255.255 cam",
        "door ff02::1 cam",
        "door ff02::2 cam",
        "door 224.0.0.251 cam",
        "door 224.0.0.252 cam",
        "door 239.255.255.250 cam",
        "door 224.0.0.5 cam",
        "door 224.0.0.9 cam",
        "door 239.192.0.1 cam",
        "door 233.252.0.1 cam",
        "door ff02::fb cam",
        "door ff02::1:3 cam",
        "door ff02::c cam",
        "door ff05::c cam",
        "door ff02::5 cam",
        "door ff02::9 cam",
        "door ff02::1:2 cam",
        "door ff05::1:3 cam",
        "door ff0e::db8:0:1 cam",
    ];
    assert_eq!(told[..expected.len()], expected, "the lamp is in the door's segment: {said}");
    assert_eq!(told[expected.len()..], ["door ff02::1 cam"], "by nobody: {said}");
    assert!(
        check.summary.ends_with(
            "the list and cells at 14 addresses more and at 26 addresses of everybody and from 5 forged sources"
        ),
        "{said}"
    );
}

#[test]
fn packets_to_single_addresses_find_none_of_them() {
    let holes = INTO_THE_ROUTER.map(|(hole, _, _)| hole).join("\n\t\t");
    let (run, said) = attack(USUAL, &holes, RELAY, 0);
    assert!(!run.checks[0].summary.contains("everybody") && run.checks[0].covered.is_empty(), "{said}");
}

#[test]
fn what_a_relay_carries_over_is_found_at_the_taps_of_the_segment_behind_it() {
    let (run, said) = attack(BROADCAST, "", RELAY, 1);
    let check = &run.checks[0];
    let [finding, handed @ ..] = &check.findings[..] else { panic!("a finding: {said}") };
    assert_eq!(check.verdict, Verdict::Fail, "{said}");
    // So it was with what was for those beside the router.
    let nodes = ["lamp", "door"].map(|node| format!("rtr 198.51.100.255 was handed to {node}"));
    assert!(
        handed.len() == 2 && nodes.iter().all(|end| handed.iter().any(|one| one.text.ends_with(end))),
        "{said}"
    );
    assert!(
        finding.text.starts_with("guest reached door 255.255.255.255 (everybody in cam) on tcp/22"),
        "{said}"
    );
    assert!(finding.packets.iter().any(|one| one.shows.contains("arrived at a tap of cam")), "{said}");
    assert_eq!(finding.stops_at.as_ref().map(ToString::to_string).as_deref(), Some("rtr"), "{said}");
}

#[test]
fn a_matrix_sends_it_too_and_leaves_its_prediction_to_probes() {
    let matrix = "matrix: { between: [guest, rtr, door, lamp], broadcast: true }";
    let (hole, _, _) = INTO_THE_ROUTER[0];
    let (run, said) = attack(matrix, hole, RELAY, 1);
    let check = &run.checks[0];
    let texts: Vec<&str> = check.findings.iter().map(|finding| finding.text.as_str()).collect();
    for beginning in [
        "guest reached rtr 255.255.255.255 (everybody in office) on ",
        "guest reached door 255.255.255.255 (everybody in cam) on ",
        "door reached rtr 255.255.255.255 (everybody in cam) on ",
        "lamp reached rtr 255.255.255.255 (everybody in cam) on ",
    ] {
        assert!(texts.iter().any(|text| text.starts_with(beginning)), "{beginning}: {texts:#?}");
    }
    assert_eq!(
        texts.iter().filter(|text| !text.contains(" was handed to ")).count(),
        4,
        "{texts:#?}: {said}"
    );
    let matrix = check.matrix.as_ref().expect("a matrix has a table");
    let left = matrix.probe_only.iter().find(|one| one.why == "it is sent past the addresses of the plan");
    assert!(left.is_some_and(|left| left.count > 100), "{:#?}", matrix.probe_only);
}
