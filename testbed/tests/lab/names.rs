//! Rules that let out by name: shut before the name is looked up, open afterwards, and by nobody else's lookup. Whoever opens
//! something there to show that a way lives asks for the name again.

use testbed::verdict::Verdict;

use crate::sites;
use crate::support::{ONE_RUN, Place, User, runs_of, say, scenarios};

/// Runs the site; the host `app` looks what is open before and after each lookup, and ends accordingly.
fn run(place: &Place, scenario: &str, code: i32) -> String {
    let site = sites::names(place, scenario);
    let mut run = sites::run_allowed(place, &site);
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN).expect_code(code);
    let failure = runs_of(&said).runs[0].failure.clone();
    failure.map(|failure| format!("{}\n{}", failure.text, failure.last_lines.join("\n"))).unwrap_or_default()
}

#[test]
fn only_a_lookup_in_the_network_itself_opens_and_only_what_was_looked_up() {
    let place = Place::new();
    run(&place, sites::NAMES, 0);
    let state = std::fs::read_to_string(place.run_folders()[0].join("after/rtr.json")).unwrap();
    assert!(
        state.contains("elements = { 203.0.113.10"),
        "the snapshot shows what the set was filled with: {state}"
    );
    let before = std::fs::read_to_string(place.run_folders()[0].join("before/rtr.json")).unwrap();
    assert!(!before.contains("elements"), "it was empty before: {before}");
}

#[test]
fn another_network_whose_answers_fill_the_set_is_told_apart() {
    let both = "sets: { office: [{ names: \"*.iot.eu-west-1.amazonaws.com\", ip4: inet site iot4 }], inside:";
    let scenario = sites::changed(sites::NAMES, "sets: { inside:", both);
    let said = run(&Place::new(), &scenario, 1);
    assert!(said.contains("open before the network itself has asked"), "{said}");
}

#[test]
fn a_pattern_that_takes_in_more_names_is_told_apart() {
    let scenario =
        sites::changed(sites::NAMES, "\"*.iot.eu-west-1.amazonaws.com\", ip4", "\"*.amazonaws.com\", ip4");
    // The set then has the address of the logs, too; what is opened is still the one that was looked up.
    let place = Place::new();
    run(&place, &scenario, 0);
    let state = std::fs::read_to_string(place.run_folders()[0].join("after/rtr.json")).unwrap();
    assert!(state.contains("203.0.113.12"), "{state}");
}

#[test]
fn sets_are_filled_without_root() {
    let place = Place::of(User::Ordinary);
    let site = sites::names(&place, sites::NAMES);
    let said = say(sites::run_allowed(&place, &site), ONE_RUN);
    let refused = said.status.code() == Some(3) && said.all().contains("scripts/setup userns");
    assert!(refused || said.status.code() == Some(0), "{said}");
}

/// Nothing else holds the check up: no video is waited for, and no rules are listed. Half of such runs asked too early once.
#[test]
fn a_negative_that_could_begin_at_once_waits_until_the_appliance_has_asked_for_names() {
    let place = Place::new();
    let shipped = place.bring(&scenarios()).join("t4-leases-and-names.yaml");
    let shipped = std::fs::read_to_string(shipped).expect("a shipped scenario");
    let (site, _) = shipped.split_once("\nchecks:\n").expect("it has checks");
    let check = "pair: { no_reach: { from: desk, to: dock, ports: tcp/80 }, alive: [F01, F07, S02], proves: PAN-NET-11 (part) }";
    let mine = place.write("scenarios/mine.yaml", format!("{site}\nchecks:\n  {check}\n"));
    for _ in 0..3 {
        say(sites::run_allowed(&place, &mine), ONE_RUN).expect_code(0);
    }
}

/// The site whose set forgets within a second, and a negative that the host `app` shows alive after this; the check's verdict, and
/// its reasons.
#[track_caller]
fn shown_alive(before: &str) -> (Verdict, String) {
    let (site, _) = sites::NAMES.split_once("    app:\n").expect("the last host is `app`");
    let words = serde_json::to_string(&["bash", "-ec", before]).expect("texts are JSON");
    let scenario = format!(
        "{site}    app:\n      segment: inside\n      address: 192.0.2.5\n      resolver: rtr\n\
         \x20     run: {{ command: {words}, ready: {{ line: shut }}, to_end: true }}\n\
         flows:\n\
         \x20 - {{ id: S01, from: app, to: aws, ports: tcp/443, services: iot, why: it is let out by name }}\n\
         \x20 - {{ id: S02, from: desk, to: rtr, ports: udp/53, why: the office asks for names }}\n\
         checks:\n\
         \x20 shut:\n\
         \x20   no_reach: {{ from: desk, to: aws, ports: tcp/80 }}\n\
         \x20   alive: [S01, S02]\n\
         \x20   proves: PAN-DNS-01 (part)\n"
    );
    let place = Place::new();
    place.write("site/names.nft", sites::changed(sites::NAMES_RULES, "timeout 1h", "timeout 1s"));
    let mut run = sites::run_allowed(&place, &place.write("site/names.yaml", scenario));
    run.args(["--json", "-"]);
    let mut runs = runs_of(&say(run, ONE_RUN)).runs;
    let check = runs.remove(0).checks.remove(0);
    (check.verdict, format!("{:#?}", check.reasons))
}

/// Says `shut` when what was open is so no more.
const UNTIL_SHUT: &str = "while timeout 1 bash -c 'exec 3<>/dev/tcp/203.0.113.10/443'; do :; done; echo shut";

#[test]
fn a_name_that_the_rules_have_forgotten_is_looked_up_again_before_it_is_connected_to() {
    let asked = format!("getent ahostsv4 one.iot.eu-west-1.amazonaws.com; {UNTIL_SHUT}");
    let (verdict, reasons) = shown_alive(&asked);
    assert_eq!(verdict, Verdict::Pass, "{reasons}");
}

#[test]
fn nobody_looks_up_what_its_node_has_never_asked_for() {
    let asked = format!("getent ahostsv4 logs.eu-west-1.amazonaws.com; {UNTIL_SHUT}");
    let (verdict, reasons) = shown_alive(&asked);
    assert_eq!(verdict, Verdict::Inconclusive, "{reasons}");
    assert!(reasons.contains("S01 app -> aws 203.0.113.10 tcp/443 did not answer"), "{reasons}");
}
