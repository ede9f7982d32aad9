//! A negative that cannot pass by accident: a router's own addresses, an appliance that filters for itself, a site that
//! is dead, a kernel that lacks what a check needs.

use testbed::report::{CheckJson, RunJson};
use testbed::verdict::Verdict;

use crate::sites::{self, OWN_RULES, SWEEP, SWEEP_RULES, changed};
use crate::support::{ONE_RUN, Place, Said, runs_of, say};

/// Runs the site that is attacked.
#[track_caller]
fn attack(scenario: &str, router: &str, appliance: &str, code: i32) -> (RunJson, Said) {
    let place = Place::new();
    let mut run = place.run(&sites::sweep(&place, scenario, router, appliance));
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN).expect_code(code);
    (runs_of(&said).runs.remove(0), said)
}

#[track_caller]
fn check<'a>(run: &'a RunJson, name: &str) -> &'a CheckJson {
    run.checks.iter().find(|check| check.name.as_str() == name).unwrap_or_else(|| panic!("no check {name}"))
}

#[test]
fn a_good_site_passes_and_says_where_arrival_was_judged() {
    let (run, said) = attack(SWEEP, SWEEP_RULES, OWN_RULES, 0);
    let judged = |name: &str, where_: &str| {
        let check = check(&run, name);
        let instrument =
            check.controls.iter().find(|control| control.control == "instrument").expect("a control");
        assert!(instrument.held && instrument.seen.contains(where_), "{name}: {instrument:?}: {said}");
        assert!(
            check.controls.iter().all(|control| control.held) && check.controls.len() == 3,
            "{name}: {said}"
        );
    };
    // A router's own addresses, and an appliance that filters for itself, on the attacker's own segment.
    judged("router-shut", "behind the input filter of rtr");
    judged("app-shut", "behind the input filter of app");
    judged("guest-out", "at the targets' taps");
}

#[test]
fn filters_that_let_through_are_found_out_behind_them() {
    let open = |rules: &str| rules.replace("policy drop", "policy accept");
    let (run, said) = attack(SWEEP, &open(SWEEP_RULES), &open(OWN_RULES), 1);
    for (name, device, rule) in
        [("router-shut", "rtr", "inet site own policy"), ("app-shut", "app", "inet own in policy")]
    {
        let check = check(&run, name);
        assert_eq!(check.verdict, Verdict::Fail, "{said}");
        let finding = &check.findings[0];
        assert_eq!(finding.stops_at.as_ref().map(ToString::to_string).as_deref(), Some(device), "{said}");
        assert_eq!(finding.by.as_deref(), Some(rule), "{said}");
    }
    assert_eq!(check(&run, "guest-out").findings.len(), 2, "door and app: {said}");
}

#[test]
fn a_dead_site_is_inconclusive_and_names_the_flows_that_did_not_answer() {
    // Nothing gets through these rules: no attack, but no sign of life either.
    let dead = changed(SWEEP_RULES, "icmp type echo-request accept", "icmp type echo-request drop");
    let (run, said) = attack(SWEEP, &dead, OWN_RULES, 3);
    for name in ["router-shut", "guest-out"] {
        let check = check(&run, name);
        assert_eq!(check.verdict, Verdict::Inconclusive, "{said}");
        let alive = check.reasons.iter().find(|reason| reason.starts_with("alive:"));
        let alive = alive.unwrap_or_else(|| panic!("{name} does not name the control: {said}"));
        assert!(alive.contains("S02 guest -> rtr") && alive.contains("did not answer"), "{alive}");
    }
    assert_eq!(check(&run, "app-shut").verdict, Verdict::Pass, "it lives without the router: {said}");
}

#[test]
fn of_several_sites_it_is_said_what_became_of_all_that_was_planned_and_one_inconclusive_check_is_no_success()
{
    let place = Place::new();
    sites::sweep(&place, SWEEP, SWEEP_RULES, OWN_RULES);
    let dead = changed(SWEEP_RULES, "icmp type echo-request accept", "icmp type echo-request drop");
    place.write("site/dead.nft", dead);
    let scenario = changed(SWEEP, "name: sweep", "name: dead");
    place.write("site/dead.yaml", changed(&scenario, "ruleset: sweep.nft", "ruleset: dead.nft"));
    let said = say(place.run(&place.path().join("site")), ONE_RUN).expect_code(3);
    let last = "in all 6 checks planned: 4 passed, 0 failed, 2 inconclusive (0 accepted)";
    assert_eq!(said.stdout.lines().last(), Some(last), "{said}");
}

#[test]
fn a_target_whose_service_is_absent_is_inconclusive() {
    // Nobody listens where the flow of life goes; the door could as well be unplugged.
    let scenario = changed(SWEEP, "ports: tcp/554", "ports: tcp/8080");
    let (run, said) = attack(&scenario, SWEEP_RULES, OWN_RULES, 3);
    for name in ["app-shut", "guest-out"] {
        let check = check(&run, name);
        assert_eq!(check.verdict, Verdict::Inconclusive, "{said}");
        let alive = check.reasons.iter().find(|reason| reason.starts_with("alive:"));
        assert!(
            alive.is_some_and(|alive| alive.contains("S01 app -> door") && alive.contains("tcp/8080")),
            "{said}"
        );
    }
}

#[test]
fn a_feature_that_the_kernel_lacks_is_inconclusive_with_that_reason() {
    let place = Place::new();
    let mut doctor = place.testbed();
    doctor.arg("doctor");
    let has = say(doctor, ONE_RUN).stdout.contains("yes  kernel: vlan-tags");
    let scenario =
        changed(SWEEP, "    proves: PAN-NET-11", "    requires: vlan-tags\n    proves: PAN-NET-11");
    let (run, said) = attack(&scenario, SWEEP_RULES, OWN_RULES, if has { 0 } else { 3 });
    let check = check(&run, "router-shut");
    if has {
        assert_eq!(check.verdict, Verdict::Pass, "{said}");
        return;
    }
    assert_eq!(check.verdict, Verdict::Inconclusive, "{said}");
    assert!(
        check.reasons.iter().any(|reason| reason.contains("needs `vlan-tags`, which is missing here")),
        "{said}"
    );
    assert_eq!(run.counts.pass, 2, "the others do not need it: {said}");
}

#[test]
fn a_leak_stays_a_fail_where_the_kernel_lacks_what_its_check_asks_for_and_no_list_accepts_it() {
    let place = Place::new();
    let scenario =
        changed(SWEEP, "    proves: PAN-NET-11", "    requires: vlan-tags\n    proves: PAN-NET-11");
    let open = SWEEP_RULES.replace("policy drop", "policy accept");
    let list = place
        .write("lists/unsupported.yaml", "- { scenario: sweep, check: router-shut, feature: vlan-tags }\n");
    let mut run = place.run(&sites::sweep(&place, &scenario, &open, OWN_RULES));
    run.args(["--json", "-", "--accept-unsupported"]).arg(list);
    let said = say(run, ONE_RUN).expect_code(1);
    let run = runs_of(&said).runs.remove(0);
    let check = check(&run, "router-shut");
    assert_eq!(check.verdict, Verdict::Fail, "{said}");
    assert_eq!(check.findings[0].by.as_deref(), Some("inet site own policy"), "{said}");
}
