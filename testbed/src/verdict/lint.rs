//! `lint`: rules on the drawing of the site. No packet is looked at; a waiver stands on what other checks show.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::CheckName;
use crate::observation::Observations;
use crate::plan::{Joined, Kit, Plan, Word};
use crate::scenario::lint::{Duty, LintRule, Waiver, Zone};

use super::judge::{Draft, verdict_on};
use super::wording::{counted, listed};
use super::{Finding, Verdict};

pub(super) fn draft(plan: &Plan, word: &Word, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Lint { rules, waive, kits, owners } = word else { return draft };
    if kits.is_empty() && rules.iter().any(|rule| rule.is_about_kits()) {
        draft.reasons.add("vacuous", "no appliance of the site is a developer kit (`kit: true`)");
    }
    let mut waived = Vec::new();
    for rule in rules {
        let broken = broken(*rule, kits, owners);
        match waive.iter().find(|waiver| waiver.rule == *rule) {
            Some(waiver) if !broken.is_empty() => {
                stands(plan, waiver, broken, seen, &mut draft);
                waived.push(waiver);
            }
            _ => draft.findings.extend(broken.into_iter().map(finding)),
        }
    }
    draft.summary = summary(rules, kits, owners, &waived);
    draft
}

/// How the site breaks a rule.
fn broken(rule: LintRule, kits: &[Kit], owners: &BTreeMap<Duty, String>) -> Vec<String> {
    match rule {
        LintRule::KitInTest => kits.iter().flat_map(in_production).collect(),
        LintRule::KitNotAcrossInternet => kits.iter().filter_map(|kit| across(kit, Zone::Internet)).collect(),
        LintRule::KitNotAcrossProductionCameras => {
            kits.iter().filter_map(|kit| across(kit, Zone::ProductionCameras)).collect()
        }
        LintRule::Owners => {
            let unowned = Duty::ALL.iter().filter(|(_, duty)| !owners.contains_key(duty));
            unowned
                .map(|(name, _)| format!("nobody answers for `{name}`: name somebody in `owners`"))
                .collect()
        }
    }
}

/// Every way between a kit and a production network that is drawn.
fn in_production(kit: &Kit) -> Vec<String> {
    let joined = kit.joins.iter().filter(|join| join.zones.contains(&Zone::Production));
    let joined = joined.map(|join| {
        format!("kit {} is joined to {} (by {}), which is production", kit.node, join.segment, join.link)
    });
    let flows = kit.flows.iter().filter(|flow| flow.zones.contains(&Zone::Production));
    let flows = flows.map(|flow| {
        let (from, to) = if flow.outwards { (&kit.node, &flow.peer) } else { (&flow.peer, &kit.node) };
        let (id, segment) = (&flow.flow, &flow.segment);
        format!(
            "{id} allows {from} to open something to {to}: {segment} is production, and {} a kit",
            kit.node
        )
    });
    joined.chain(flows).collect()
}

/// A kit that joins a sensitive or isolated network and another one of this kind.
fn across(kit: &Kit, other: Zone) -> Option<String> {
    let of = |zones: &[Zone]| {
        let zones = zones.to_owned();
        move |join: &&Joined| join.zones.iter().any(|zone| zones.contains(zone))
    };
    let pair = kit.joins.iter().filter(of(&[Zone::Sensitive, Zone::Isolated])).find_map(|apart| {
        let mut others = kit.joins.iter().filter(|join| join.segment != apart.segment);
        Some((apart, others.find(|join| join.zones.contains(&other))?))
    });
    pair.map(|(apart, beside)| {
        let zone = apart.zones.iter().find(|zone| matches!(zone, Zone::Sensitive | Zone::Isolated));
        let zone = zone.map(ToString::to_string).unwrap_or_default();
        format!("kit {} joins {} ({zone}) and {} ({other})", kit.node, apart.segment, beside.segment)
    })
}

/// A waiver holds only where each of its checks passes in this very run.
fn stands(plan: &Plan, waiver: &Waiver, broken: Vec<String>, seen: &Observations, draft: &mut Draft) {
    let verdicts: Vec<(&CheckName, Option<Verdict>)> =
        waiver.shown_by.iter().map(|name| (name, verdict_on(plan, name, seen))).collect();
    let failed: Vec<_> = verdicts.iter().filter(|(_, verdict)| *verdict == Some(Verdict::Fail)).collect();
    if !failed.is_empty() {
        let names = listed(failed.iter().map(|(name, _)| name), 6);
        let fails = if failed.len() == 1 { "fails" } else { "fail" };
        draft.findings.extend(
            broken
                .into_iter()
                .map(|text| finding(format!("{text}; the waiver is void, since {names} {fails}"))),
        );
        return;
    }
    for (name, _) in verdicts.iter().filter(|(_, verdict)| *verdict != Some(Verdict::Pass)) {
        draft.reasons.add("waiver", format!("`{}` is waived on {name}, which does not pass", waiver.rule));
    }
}

fn summary(rules: &[LintRule], kits: &[Kit], owners: &BTreeMap<Duty, String>, waived: &[&Waiver]) -> String {
    let mut said = vec![counted(rules.len(), "rule")];
    if rules.iter().any(|rule| rule.is_about_kits()) {
        said.extend(kits.iter().map(reached));
    }
    if rules.contains(&LintRule::Owners) {
        said.push(format!("{} of {} duties have an owner", owners.len(), Duty::ALL.len()));
    }
    said.extend(waived.iter().map(|waiver| format!("`{}` is waived: {}", waiver.rule, waiver.because)));
    said.join("; ")
}

/// `app joins wire (isolated) and iso (internet); its flows lead to iso, wan`.
fn reached(kit: &Kit) -> String {
    let joins = kit.joins.iter().map(|join| {
        let zones = join.zones.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        let zones = if zones.is_empty() { "of no kind".to_owned() } else { zones };
        format!("{} ({zones})", join.segment)
    });
    let led: BTreeSet<_> = kit.flows.iter().map(|flow| &flow.segment).collect();
    format!("kit {} joins {}, its flows lead to {}", kit.node, listed(joins, 4), listed(led, 6))
}

fn finding(text: String) -> Finding {
    Finding { text, pair: None, stops_at: None, packets: Vec::new(), by: None }
}
