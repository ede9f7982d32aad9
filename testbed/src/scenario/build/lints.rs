//! `lint`: rules on the drawing, and waivers that stand on what other checks prove.

use std::collections::BTreeMap;

use super::super::lint::{Duty, LintRule, Waiver, left_unshown};
use super::super::mistakes::{Mistake, nearest};
use super::super::model::{Proof, Word};
use super::super::raw;
use super::super::shape::At;
use super::checks::Reader;
use super::flows::values;
use crate::names::CheckName;

/// Who answers for what.
pub(crate) fn owners(raw: &raw::Scenario) -> BTreeMap<Duty, String> {
    let Some(raw::Owners { network, cameras, updates, privacy }) = raw.owners.good() else {
        return BTreeMap::new();
    };
    let written = [
        (Duty::Network, network),
        (Duty::Cameras, cameras),
        (Duty::Updates, updates),
        (Duty::Privacy, privacy),
    ];
    written.into_iter().filter_map(|(duty, who)| Some((duty, who.good()?.value.0.clone()))).collect()
}

impl Reader<'_> {
    pub(super) fn lint(&mut self, word: &raw::Lint, own: &At<CheckName>) -> Option<Word> {
        let rules = self.rules(word);
        let mut waive: Vec<Waiver> = Vec::new();
        for raw in word.waive.list() {
            let Some(waiver) = self.waiver(raw, own) else { continue };
            let spot = raw.rule.good()?.spot;
            if !rules.contains(&waiver.rule) {
                let title = format!("{} waives a rule that it does not ask for", self.whose);
                self.out.push(Mistake::error(title, spot, format!("`{}` is not in `rules`", waiver.rule)));
            } else if waive.iter().any(|other| other.rule == waiver.rule) {
                let title = format!("{} waives a rule twice", self.whose);
                self.out.push(Mistake::error(title, spot, "it is waived above already"));
            } else {
                waive.push(waiver);
            }
        }
        (!rules.is_empty()).then_some(Word::Lint { rules, waive })
    }

    fn rules(&mut self, word: &raw::Lint) -> Vec<LintRule> {
        let mut rules = Vec::new();
        for rule in word.rules.good().map_or(&[][..], |many| &many.0) {
            if rules.contains(&rule.value) {
                let title = format!("{} names a rule twice", self.whose);
                self.out.push(Mistake::error(title, rule.spot, "it is in the list already"));
            } else {
                rules.push(rule.value);
            }
        }
        rules
    }

    fn waiver(&mut self, raw: &raw::Waive, own: &At<CheckName>) -> Option<Waiver> {
        let rule = raw.rule.good()?;
        if !rule.value.may_be_waived() {
            let title = format!("{} waives what no site may break", self.whose);
            let label = format!("`{}` has no waiver", rule.value);
            self.out.push(Mistake::error(title, rule.spot, label));
            return None;
        }
        self.shown(raw, own);
        let because = raw.because.good()?.value.0.clone();
        let shown_by = raw.shown_by.good().map(|_| values(&raw.shown_by))?;
        Some(Waiver { rule: rule.value, because, shown_by })
    }

    /// The checks that a waiver names must exist, look at packets, and prove together what it stands on.
    fn shown(&mut self, raw: &raw::Waive, own: &At<CheckName>) {
        let Some(named) = raw.shown_by.good() else { return };
        let (mut proofs, mut all) = (Vec::new(), true);
        for name in &named.0 {
            match self.proofs_of(name, own) {
                Some(more) => proofs.extend(more),
                None => all = false,
            }
        }
        let unshown = left_unshown(&proofs);
        if let (Some(first), true, false) = (named.0.first(), all, unshown.is_empty()) {
            let ids = unshown.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let title = format!("{} waives a rule on too little", self.whose);
            let mistake = Mistake::error(title, first.spot, format!("none of these checks proves {ids}"));
            self.out.push(mistake.help(
                "a kit may join two networks only where checks show that it is no way between them: name those \
                 that prove PAN-BRG-01 to PAN-BRG-04",
            ));
        }
    }

    /// What a check that a waiver names proves; none if that cannot be known.
    fn proofs_of(&mut self, name: &At<CheckName>, own: &At<CheckName>) -> Option<Vec<Proof>> {
        let checks = self.raw.checks.good()?;
        let Some((_, check)) = checks.entries.iter().find(|(known, _)| known.value == name.value) else {
            let names = checks.entries.iter().map(|(known, _)| known.value.as_str());
            let label = match nearest(name.value.as_str(), names) {
                Some(near) => format!("no check has this name; did you mean `{near}`?"),
                None => "no check has this name".to_owned(),
            };
            let title = format!("{} waives a rule on an unknown check", self.whose);
            if !checks.incomplete {
                self.out.push(Mistake::error(title, name.spot, label));
            }
            return None;
        };
        let check = check.as_ref()?;
        if name.value == own.value || !check.lint.is_absent() {
            let title = format!("{} waives a rule on what looks at no packet", self.whose);
            self.out.push(Mistake::error(title, name.spot, format!("`{}` is a `lint`", name.value)));
            return None;
        }
        check.proves.good().map(|_| values(&check.proves))
    }
}
