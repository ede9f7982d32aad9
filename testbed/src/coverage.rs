//! Which documented control is proven by which scenario, check and broken twin. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::{CheckName, ControlId, ScenarioName};
use crate::scenario::controls;
use crate::scenario::model::Scenario;
use crate::scenario::twin::Twin;

/// One documented control, and what proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The control.
    pub control: ControlId,
    /// The checks that name it, by scenario and in its order; empty: no scenario proves it.
    pub checks: Vec<Proving>,
}

/// A check that proves a control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proving {
    /// Its scenario.
    pub scenario: ScenarioName,
    /// Its name.
    pub check: CheckName,
    /// Whether it proves a part of the control only.
    pub part: bool,
    /// Kernel features without which it is inconclusive.
    pub requires: Vec<String>,
    /// Broken twins of the scenario that this check must report.
    pub twins: Vec<ScenarioName>,
}

impl Coverage {
    /// Whether some check proves all of it.
    pub fn is_whole(&self) -> bool {
        self.checks.iter().any(|check| !check.part)
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
                    part: proof.part,
                    requires: check.requires.clone(),
                    twins: twins.clone(),
                });
            }
        }
    }
    let row = |control: ControlId| {
        let checks = rows.remove(&control).unwrap_or_default();
        Coverage { control, checks }
    };
    controls::all().map(row).collect()
}

/// The table for a reader: a line per control and check, then what is missing.
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
    fn isolation_address_time_names_and_redundancy_are_proven_or_said_not_to_be() {
        let limits = include_str!("../../docs/limitations.md");
        for row in shipped() {
            let area = &row.control.as_str()[4..7];
            if ["NET", "SGL", "DUA", "BRG", "NTP", "ADR", "RED", "DNS"].contains(&area) {
                let said = limits.contains(row.control.as_str());
                assert!(row.has_twin() || said, "{} has neither check with twin nor a line", row.control);
                // What is proven in part may have a line of what is missing.
                let whole = row.checks.iter().any(|check| !check.part && !check.twins.is_empty());
                assert!(!(whole && said), "{} is proven; the line is out of date", row.control);
            }
        }
    }

    #[test]
    fn the_table_names_what_is_missing() {
        let mut rows = shipped();
        let text = table(&rows);
        assert!(text.contains("PAN-NET-06  part   t1-direct-cable/prod-shut"), "{text}");
        assert!(!text.contains("no check: "), "{text}");
        let row = rows.iter_mut().find(|row| row.control.as_str() == "PAN-DNS-05").unwrap();
        row.checks.clear();
        let text = table(&rows);
        let missing = text.lines().find(|line| line.starts_with("no check: "));
        assert_eq!(missing, Some("no check: PAN-DNS-05"), "{text}");
    }
}
