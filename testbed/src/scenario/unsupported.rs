//! The list of checks that may stay inconclusive for want of a kernel feature, as `--accept-unsupported` reads it.
//!
//! It changes how a process ends, and no verdict: what is listed stays inconclusive in every report.

use serde::{Deserialize, Serialize};

use super::mistakes::{Mistake, Mistakes, Source, nearest};
use super::model::{Check, Scenario};
use super::raw;
use super::shape::{At, Shape, expected};
use super::tree::Value;
use super::yaml;
use crate::names::{CheckName, ScenarioName};

/// A check that may stay inconclusive where the kernel lacks a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsupported {
    /// The scenario; its broken twins are meant, too.
    pub scenario: ScenarioName,
    /// Its check.
    pub check: CheckName,
    /// The feature, one of those that the check requires.
    pub feature: String,
}

/// Reads a list; `known` are the scenarios that it may speak of. `[]` is a list as well.
///
/// Errors: every mistake of the file: what is unknown, what a check does not require, what stands twice.
pub fn read_unsupported(source: &Source, known: &[Scenario]) -> Result<Vec<Unsupported>, Mistakes> {
    let mut out = Mistakes::over(vec![source.clone()]);
    let mut list: Vec<(Unsupported, At<CheckName>)> = Vec::new();
    if let Some(root) = yaml::parse(&source.text, 0, &mut out) {
        match &root.value {
            Value::List(items) => {
                for item in items {
                    let raw = raw::Unsupported::read(item, item.spot, &mut out);
                    list.extend(raw.and_then(|raw| entry(&raw, known, &list, &mut out)));
                }
            }
            _ => out.push(expected("a list", &root, root.spot)),
        }
    }
    if out.has_errors() { Err(out) } else { Ok(list.into_iter().map(|(one, _)| one).collect()) }
}

/// One entry, unless a name in it is unknown.
fn entry(
    raw: &raw::Unsupported,
    known: &[Scenario],
    earlier: &[(Unsupported, At<CheckName>)],
    out: &mut Mistakes,
) -> Option<(Unsupported, At<CheckName>)> {
    let (scenario, check, feature) = (raw.scenario.good()?, raw.check.good()?, raw.feature.good()?);
    let found = known_check(scenario, check, known, out)?;
    if !found.requires.iter().any(|one| one == feature.value.0) {
        let label = format!("`{}` does not require it", check.value);
        let mistake = Mistake::error("a feature that the check does not require", feature.spot, label);
        out.push(match found.requires.as_slice() {
            [] => mistake.help("the check requires nothing: leave the entry out"),
            requires => mistake.help(format!("it requires {}", requires.join(", "))),
        });
        return None;
    }
    let feature = feature.value.0.to_owned();
    let one = Unsupported { scenario: scenario.value.clone(), check: check.value.clone(), feature };
    if let Some((_, first)) = earlier.iter().find(|(other, _)| *other == one) {
        let mistake = Mistake::error("an entry stands twice", check.spot, "this is the second");
        out.push(mistake.also(first.spot, "the first is here"));
        return None;
    }
    Some((one, check.clone()))
}

fn known_check<'a>(
    scenario: &At<ScenarioName>,
    check: &At<CheckName>,
    known: &'a [Scenario],
    out: &mut Mistakes,
) -> Option<&'a Check> {
    let suggest = |what: &str, near: Option<&str>| match near {
        Some(near) => format!("{what}; did you mean `{near}`?"),
        None => what.to_owned(),
    };
    let Some(found) = known.iter().find(|one| one.name == scenario.value) else {
        let names = known.iter().map(|one| one.name.as_str());
        let near = nearest(scenario.value.as_str(), names);
        let label = suggest("neither run here nor beside this list", near);
        out.push(Mistake::error("the list names an unknown scenario", scenario.spot, label));
        return None;
    };
    let checked = found.checks.iter().find(|one| one.name == check.value);
    if checked.is_none() {
        let near = nearest(check.value.as_str(), found.checks.iter().map(|one| one.name.as_str()));
        let label = suggest("the scenario has no check of this name", near);
        out.push(Mistake::error("the list names an unknown check", check.spot, label));
    }
    checked
}
