//! Which documented control is proven by which scenario, check and broken twin. Pure.

mod catalogue;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::names::{CheckName, ControlId, ScenarioName};
use crate::scenario::controls;
use crate::scenario::model::Scenario;
use crate::scenario::twin::Twin;
use catalogue::{LACKS, WANTS};

/// One documented control, and what proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The control.
    pub control: ControlId,
    /// The checks that name it, by scenario and in its order; empty: no scenario proves it.
    pub checks: Vec<Proving>,
    /// Words of which no check proves it or a part of it, though it is shown by one of each.
    pub wants: Vec<String>,
    /// What no check can show of it, or no shipped one does.
    pub lacks: Vec<String>,
}

/// A check that proves a control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proving {
    /// Its scenario.
    pub scenario: ScenarioName,
    /// Its name.
    pub check: CheckName,
    /// Its word, such as `no_reach`.
    pub word: String,
    /// Whether it proves a part of the control only.
    pub part: bool,
    /// Kernel features without which it is inconclusive.
    pub requires: Vec<String>,
    /// Broken twins of the scenario that this check must report.
    pub twins: Vec<ScenarioName>,
}

impl Coverage {
    /// Whether it is proven in full: by checks of all words that it is shown by, one of which at least is known to turn red.
    pub fn is_whole(&self) -> bool {
        !self.checks.is_empty() && self.wants.is_empty() && self.lacks.is_empty() && self.has_twin()
    }

    /// Whether some check that proves it is known to turn red.
    pub fn has_twin(&self) -> bool {
        self.checks.iter().any(|check| !check.twins.is_empty())
    }
}

/// Every documented control in the order of the catalogue, with what these scenarios and twins say of it.
pub fn coverage(scenarios: &[Scenario], twins: &[Twin]) -> Vec<Coverage> {
    let mut rows: BTreeMap<ControlId, Vec<Proving>> = BTreeMap::new();
    for scenario in scenarios {
        for check in &scenario.checks {
            let fails = |twin: &&Twin| twin.of == scenario.name && twin.fail.contains_key(&check.name);
            let twins: Vec<_> = twins.iter().filter(fails).map(|twin| twin.name.clone()).collect();
            for proof in &check.proves {
                rows.entry(proof.control.clone()).or_default().push(Proving {
                    scenario: scenario.name.clone(),
                    check: check.name.clone(),
                    word: check.word.name(),
                    part: proof.part,
                    requires: check.requires.clone(),
                    twins: twins.clone(),
                });
            }
        }
    }
    let row = |control: ControlId| {
        let checks = rows.remove(&control).unwrap_or_default();
        let (wants, lacks) = (wants(&control, &checks), lacks(&control));
        Coverage { control, checks, wants, lacks }
    };
    controls::all().map(row).collect()
}

/// The words that are wanting.
fn wants(control: &ControlId, checks: &[Proving]) -> Vec<String> {
    let there: BTreeSet<&str> = checks.iter().map(|check| check.word.as_str()).collect();
    let wanted = WANTS.iter().filter(|(id, _)| *id == control.as_str()).flat_map(|(_, words)| *words);
    wanted.filter(|word| !there.contains(*word)).map(|word| (*word).to_owned()).collect()
}

fn lacks(control: &ControlId) -> Vec<String> {
    let of_it = LACKS.iter().filter(|(ids, _)| ids.contains(&control.as_str()));
    of_it.map(|(_, text)| (*text).to_owned()).collect()
}

/// The table for a reader: a line per control and check, then what is missing of which control.
pub fn table(rows: &[Coverage]) -> String {
    let mut text = String::new();
    for row in rows {
        for (number, check) in row.checks.iter().enumerate() {
            let control = if number == 0 { row.control.as_str() } else { "" };
            let part = if check.part { "part" } else { "whole" };
            let twins = match check.twins.len() {
                0 => "-".to_owned(),
                _ => check.twins.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            };
            let place = format!("{}/{}", check.scenario, check.check);
            text.push_str(&format!("{control:<11} {part:<5}  {place:<36}  {twins}\n"));
        }
    }
    text.push_str(&in_part(rows));
    let missing: Vec<_> =
        rows.iter().filter(|row| row.checks.is_empty()).map(|row| row.control.as_str()).collect();
    if !missing.is_empty() {
        text.push_str(&format!("\nno check: {}\n", missing.join(", ")));
    }
    let proven = rows.len() - missing.len();
    let whole = rows.iter().filter(|row| row.is_whole()).count();
    let with_twin = rows.iter().filter(|row| row.has_twin()).count();
    let all = rows.len();
    text.push_str(&format!(
        "\n{all} controls: {proven} with a check, {whole} of them in full; {with_twin} with a broken twin\n"
    ));
    text
}

/// What is missing of the controls that are proven in part.
fn in_part(rows: &[Coverage]) -> String {
    let mut text = String::new();
    for row in rows.iter().filter(|row| !row.checks.is_empty() && !row.is_whole()) {
        let wants = row.wants.iter().map(|word| format!("no check with `{word}`"));
        let no_twin = (!row.has_twin()).then(|| "no broken twin".to_owned());
        let missing: Vec<_> = wants.chain(no_twin).chain(row.lacks.iter().cloned()).collect();
        text.push_str(&format!("{:<11} {}\n", row.control.as_str(), missing.join("; ")));
    }
    match text.is_empty() {
        true => text,
        false => format!("\nin part, for want of:\n{text}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::load;

    fn shipped() -> Vec<Coverage> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
        let paths = load::find(std::slice::from_ref(&folder)).unwrap();
        let scenarios: Vec<_> = paths.iter().map(|path| load::scenario(path).unwrap().scenario).collect();
        let twins = paths.iter().flat_map(|path| load::twins_of(path).unwrap());
        let twins: Vec<_> = twins.map(|path| load::twin(&path).unwrap().twin).collect();
        coverage(&scenarios, &twins)
    }

    #[test]
    fn every_control_has_a_row_and_checks_find_their_twins() {
        let rows = shipped();
        assert_eq!(rows.len(), 72, "as many as the catalogue has");
        let row = rows.iter().find(|row| row.control.as_str() == "PAN-NET-06").unwrap();
        let check = row.checks.iter().find(|check| check.check.as_str() == "vms-shut").unwrap();
        assert!(
            check.part && check.twins.iter().any(|twin| twin.as_str() == "t3-forward-accept"),
            "{check:?}"
        );
        let other = check.twins.iter().find(|twin| twin.as_str().starts_with("t5"));
        assert_eq!(other, None, "a twin of another scenario shows nothing of this check");
    }

    #[test]
    fn every_control_is_proven_in_full_or_said_not_to_be() {
        for row in shipped() {
            assert_eq!(row.wants, Vec::<String>::new(), "{}", row.control);
            assert!(row.has_twin(), "{} has no broken twin", row.control);
            assert_eq!(row.is_whole(), row.lacks.is_empty(), "{}", row.control);
        }
    }

    #[test]
    fn what_is_missing_is_what_the_limitations_say() {
        let limits = include_str!("../../docs/limitations.md");
        let told: Vec<&str> = limits.lines().filter(|line| line.starts_with("| PAN-")).collect();
        let known: Vec<String> =
            LACKS.iter().map(|(ids, text)| format!("| {} | {text} |", ids.join(", "))).collect();
        assert_eq!(told, known);
    }

    #[test]
    fn the_catalogue_has_a_row_for_each_control_and_words_that_there_are() {
        let ids: Vec<_> = controls::all().collect();
        let rows: Vec<_> = WANTS.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.iter().map(|id| id.as_str()).collect::<Vec<_>>(), rows);
        let used: BTreeSet<String> =
            shipped().into_iter().flat_map(|row| row.checks).map(|check| check.word).collect();
        for (id, words) in WANTS {
            assert!(!words.is_empty() && words.iter().all(|word| used.contains(*word)), "{id}: {words:?}");
        }
        for id in LACKS.iter().flat_map(|(ids, _)| *ids) {
            assert!(rows.contains(id), "{id} is no control");
        }
    }

    #[test]
    fn a_control_is_whole_by_checks_of_all_its_words() {
        let rows = || shipped().into_iter().find(|row| row.control.as_str() == "PAN-NET-06").unwrap();
        let whole = rows();
        assert!(whole.is_whole(), "{whole:?}");
        let without: Vec<_> = whole.checks.iter().filter(|check| check.word != "matrix").cloned().collect();
        assert_eq!(wants(&whole.control, &without), ["matrix"]);
        let claimed: Vec<_> = without.into_iter().map(|check| Proving { part: false, ..check }).collect();
        assert_eq!(wants(&whole.control, &claimed), ["matrix"], "whatever a check says of itself");
    }

    #[test]
    fn the_table_names_what_is_missing() {
        let mut rows = shipped();
        let text = table(&rows);
        assert!(text.contains("PAN-NET-06  part   t1-direct-cable/prod-shut"), "{text}");
        let lacking = text.split_once("\nin part, for want of:\n").map_or("", |(_, lacking)| lacking);
        for id in LACKS.iter().flat_map(|(ids, _)| *ids) {
            assert!(lacking.lines().any(|line| line.starts_with(&format!("{id}  "))), "{text}");
        }
        assert!(!text.contains("no check: "), "{text}");
        let row = rows.iter_mut().find(|row| row.control.as_str() == "PAN-DNS-05").unwrap();
        row.checks.clear();
        let text = table(&rows);
        let missing = text.lines().find(|line| line.starts_with("no check: "));
        assert_eq!(missing, Some("no check: PAN-DNS-05"), "{text}");
    }
}
