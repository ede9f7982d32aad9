//! `lint`: rules on the drawing, and waivers that stand on what other checks show.

use super::super::example::{leak, of};
use super::*;
use crate::plan::{Joined, Kit, KitFlow};
use crate::scenario::lint::{Duty, LintRule, Waiver, Zone};

const CHECK: &str = "dock-alone";

fn joined(segment: &str, zones: &[Zone]) -> Joined {
    Joined { link: of("eth0"), segment: of(segment), zones: zones.to_vec() }
}

fn kit(joins: Vec<Joined>) -> Kit {
    Kit { node: of("app"), joins, flows: Vec::new() }
}

fn lint(rules: &[LintRule], waive: Vec<Waiver>, kits: Vec<Kit>) -> Word {
    let owners = [(Duty::Network, "Ann".to_owned()), (Duty::Privacy, "Bob".to_owned())].into();
    Word::Lint { rules: rules.to_vec(), waive, kits, owners }
}

fn judged(word: Word) -> CheckVerdict {
    judged_after(word, |_| {})
}

fn judged_after(word: Word, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    after_both(CHECK, |plan| check_of(plan, CHECK).word = word, change)
}

#[test]
fn a_kit_in_production_is_told_with_each_way_that_leads_there() {
    let mut one = kit(vec![joined("cam", &[Zone::Test]), joined("prod", &[Zone::Production])]);
    let flow = |outwards| KitFlow {
        flow: of("S07"),
        peer: of("vms"),
        outwards,
        segment: of("prod"),
        zones: vec![Zone::Production],
    };
    one.flows = vec![flow(true), flow(false)];
    let verdict = judged(lint(&[LintRule::KitInTest], vec![], vec![one]));
    assert_eq!(verdict.verdict, Verdict::Fail);
    let texts: Vec<_> = verdict.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "kit app is joined to prod (by eth0), which is production",
            "S07 allows app to open something to vms: prod is production, and app a kit",
            "S07 allows vms to open something to app: prod is production, and app a kit",
        ]
    );
}

#[test]
fn two_networks_are_two_and_a_rule_that_nothing_breaks_passes() {
    let both = kit(vec![joined("cam", &[Zone::Isolated, Zone::Internet])]);
    let rules = [LintRule::KitInTest, LintRule::KitNotAcrossInternet];
    assert_eq!(judged(lint(&rules, vec![], vec![both])).verdict, Verdict::Pass, "one network is not two");
    let across = kit(vec![joined("cam", &[Zone::ProductionCameras]), joined("lab", &[Zone::Sensitive])]);
    let rules = [LintRule::KitNotAcrossInternet, LintRule::KitNotAcrossProductionCameras];
    let verdict = judged(lint(&rules, vec![], vec![across]));
    assert_eq!(verdict.findings.len(), 1);
    assert_eq!(verdict.findings[0].text, "kit app joins lab (sensitive) and cam (production-cameras)");
}

#[test]
fn a_site_without_a_kit_shows_nothing_of_kits_and_owners_are_asked_of_every_site() {
    let verdict = judged(lint(&[LintRule::KitInTest], vec![], vec![]));
    assert_eq!((verdict.verdict, verdict.findings.len()), (Verdict::Inconclusive, 0));
    assert!(verdict.reasons[0].starts_with("vacuous: no appliance"), "{:?}", verdict.reasons);
    let verdict = judged(lint(&[LintRule::Owners], vec![], vec![]));
    let texts: Vec<_> = verdict.findings.iter().map(|finding| finding.text.clone()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].starts_with("nobody answers for `cameras`"), "{texts:?}");
}

#[test]
fn a_waiver_holds_while_its_checks_pass_and_no_longer() {
    let waived = || {
        let waiver = Waiver {
            rule: LintRule::KitNotAcrossInternet,
            because: "nothing else is there".into(),
            shown_by: vec![of("vms-shut")],
        };
        let across = kit(vec![joined("cam", &[Zone::Isolated]), joined("wan", &[Zone::Internet])]);
        lint(&[LintRule::KitNotAcrossInternet], vec![waiver], vec![across])
    };
    let verdict = judged(waived());
    assert_eq!((verdict.verdict, verdict.findings.len()), (Verdict::Pass, 0), "{verdict:?}");
    assert!(verdict.summary.contains("is waived: nothing else is there"), "{}", verdict.summary);

    let verdict = judged_after(waived(), |seen| leak(&mut seen.aims[0], "tcp/22", Some(90)));
    assert_eq!(verdict.verdict, Verdict::Fail);
    assert!(verdict.findings[0].text.ends_with("the waiver is void, since vms-shut fails"), "{verdict:?}");

    let verdict = judged_after(waived(), |seen| seen.opens.clear());
    assert_inconclusive(&verdict, &["waiver", "vms-shut, which does not pass"]);
}
