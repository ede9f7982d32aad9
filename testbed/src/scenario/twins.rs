//! Broken twins: a good scenario's tree with a change in it, and what must be reported of it.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Built, Directory};
use super::changes::Changing;
use super::files::{Files, Missing, mentioned};
use super::leaf::Pair;
use super::mistakes::{Mistake, Mistakes, Source, nearest};
use super::model::{Check, Word};
use super::raw;
use super::read::from_tree;
use super::shape::{At, Shape};
use super::template::site_from_file;
use super::tree::{Node, Spot};
use super::twin::{Expected, Twin};
use super::yaml;
use crate::names::{CheckName, NodeName, ScenarioName};

/// A broken twin that can be planned.
#[derive(Clone, Debug)]
pub struct ReadTwin {
    /// What it means.
    pub twin: Twin,
    /// What is worth a look all the same.
    pub warnings: Mistakes,
}

/// Path of the good scenario, from the scenario's folder, if the text is a twin that names an acceptable one.
///
/// Errors: every mistake of the twin by itself.
pub fn twin_of(twin: &Source) -> Result<String, Mistakes> {
    let mut out = Mistakes::over(vec![twin.clone()]);
    let raw =
        yaml::parse(&twin.text, 0, &mut out).and_then(|root| raw::Twin::read(&root, root.spot, &mut out));
    match raw.as_ref().and_then(|raw| raw.twin_of.good()) {
        Some(path) => Ok(path.value.0.clone()),
        None => Err(out),
    }
}

/// Paths that the changed scenario names, as far as these files tell; see [`super::mentions()`].
pub fn mentions_of_twin(twin: &Source, good: &Source, files: &Files) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut out = Mistakes::over(vec![twin.clone(), good.clone()]);
    let raw =
        yaml::parse(&twin.text, 0, &mut out).and_then(|root| raw::Twin::read(&root, root.spot, &mut out));
    if let (Some(raw), Some(mut tree)) = (raw, yaml::parse(&good.text, 1, &mut out)) {
        mentioned(&tree, &mut paths);
        site_from_file(&mut tree, files, &mut out);
        change(&mut tree, &raw, &mut out);
        mentioned(&tree, &mut paths);
    }
    paths
}

/// Reads a broken twin against its good scenario, or why that cannot be read. The twin's name is its file's, without
/// the ending; the changed scenario goes by that name, too.
///
/// Errors: every mistake of either file and of their policies.
pub fn read_twin(
    twin: &Source,
    good: Result<&Source, &Missing>,
    files: &Files,
) -> Result<ReadTwin, Mistakes> {
    let mut out = Mistakes::over(vec![twin.clone()]);
    match assemble(twin, good, files, &mut out) {
        Some(twin) if !out.has_errors() => Ok(ReadTwin { twin, warnings: out }),
        _ => Err(out),
    }
}

fn assemble(
    twin: &Source,
    good: Result<&Source, &Missing>,
    files: &Files,
    out: &mut Mistakes,
) -> Option<Twin> {
    let root = yaml::parse(&twin.text, 0, out)?;
    let name = name_of(twin, root.spot, out);
    let raw = raw::Twin::read(&root, root.spot, out)?;
    let mut tree = good_tree(&raw, good, out)?;
    site_from_file(&mut tree, files, out);
    change(&mut tree, &raw, out);
    let mut built = from_tree(&tree, files, out)?;
    let (fail, stays) = expectations(&raw, &built, out);
    if out.has_errors() {
        return None; // what would be missing below has been told
    }
    let of = built.scenario.name.clone();
    let named = |name: &CheckName| fail.contains_key(name) || stays.contains(name);
    // a waiver says nothing without the checks that it stands on, nor what is forgotten without what moves there
    let checks = built.scenario.checks.iter().filter(|check| named(&check.name));
    let stood_on: BTreeSet<CheckName> = checks.flat_map(|check| stands_on(&check.word)).collect();
    built.scenario.checks.retain(|check| named(&check.name) || stood_on.contains(&check.name));
    built.scenario.name = name.clone()?;
    let says = raw.says.good()?.value.0.clone();
    Some(Twin { name: name?, says, of, scenario: built.scenario, fail, stays })
}

/// The checks that a check stands on.
fn stands_on(word: &Word) -> Vec<CheckName> {
    match word {
        Word::Lint { waive, .. } => waive.iter().flat_map(|waiver| waiver.shown_by.clone()).collect(),
        Word::NoReach { forgotten, .. } => forgotten.iter().map(|one| one.since.clone()).collect(),
        _ => Vec::new(),
    }
}

fn good_tree(raw: &raw::Twin, good: Result<&Source, &Missing>, out: &mut Mistakes) -> Option<Node> {
    match good {
        Ok(good) => {
            let number = out.add_source(good.clone());
            yaml::parse(&good.text, number, out)
        }
        Err(missing) => {
            let spot = raw.twin_of.good()?.spot;
            out.push(Mistake::error("the good scenario cannot be used", spot, missing.to_string()));
            None
        }
    }
}

/// The file's name is the twin's.
fn name_of(twin: &Source, spot: Spot, out: &mut Mistakes) -> Option<ScenarioName> {
    let file = twin.path.rsplit('/').next().unwrap_or("");
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    match stem.parse() {
        Ok(name) => Some(name),
        Err(wrong) => {
            let label = format!("`{stem}` {wrong}");
            out.push(Mistake::error("a twin's file name is its name", spot, label));
            None
        }
    }
}

/// Makes the twin's changes.
fn change(tree: &mut Node, raw: &raw::Twin, out: &mut Mistakes) {
    let stays = ["version", "name"];
    if let Some(changes) = raw.change.good() {
        Changing { of: "the good scenario", stays: &stays }.make(tree, changes, out);
    }
}

/// What must be reported: known checks, pairs that they look at.
fn expectations(
    raw: &raw::Twin,
    built: &Built,
    out: &mut Mistakes,
) -> (BTreeMap<CheckName, Expected>, Vec<CheckName>) {
    let (mut fail, mut stays) = (BTreeMap::new(), Vec::new());
    let Some(expect) = raw.expect.good() else { return (fail, stays) };
    for (name, failing) in expect.fail.good().map_or(&[][..], |named| &named.entries) {
        let (Some(check), Some(failing)) = (find(name, built, out), failing) else { continue };
        let pairs = pairs(name, failing, check, &built.directory, out);
        let by = failing.by.good().map(|by| by.value.0.clone());
        let finds = failing.finds.good().map_or(&[][..], |many| &many.0);
        let finds = finds.iter().map(|text| text.value.0.clone()).collect();
        fail.insert(name.value.clone(), Expected { pairs, finds, by });
    }
    for name in expect.stays.good().map_or(&[][..], |many| &many.0) {
        if find(name, built, out).is_none() {
            continue;
        }
        if fail.contains_key(&name.value) || stays.contains(&name.value) {
            out.push(Mistake::error("a check is named twice", name.spot, "it stands above already"));
        } else {
            stays.push(name.value.clone());
        }
    }
    (fail, stays)
}

fn find<'a>(name: &At<CheckName>, built: &'a Built, out: &mut Mistakes) -> Option<&'a Check> {
    let checks = &built.scenario.checks;
    let found = checks.iter().find(|check| check.name == name.value);
    // with other mistakes about, the check may be one that could not be read
    if found.is_none() && !out.has_errors() {
        let label = match nearest(name.value.as_str(), checks.iter().map(|check| check.name.as_str())) {
            Some(near) => format!("the scenario has no check of this name; did you mean `{near}`?"),
            None => "the scenario has no check of this name".to_owned(),
        };
        out.push(Mistake::error("a twin names an unknown check", name.spot, label));
    }
    found
}

fn pairs(
    name: &At<CheckName>,
    failing: &raw::Failing,
    check: &Check,
    directory: &Directory,
    out: &mut Mistakes,
) -> Vec<(NodeName, NodeName)> {
    let written = failing.pairs.good().map_or(&[][..], |many| &many.0);
    let known = match &check.word {
        Word::Reach { from, to, .. } => Some((from, to, false)),
        Word::NoReach { from, to, both_ways, .. } => Some((from, to, *both_ways)),
        _ => None,
    };
    let Some((from, to, both_ways)) = known else {
        if let Some(first) = written.first() {
            out.push(Mistake::error("this check speaks of no pairs", first.spot, "write `finds` instead"));
        } else if failing.finds.is_absent() {
            let label = "what must be reported? write `finds: [the beginning of each finding]`";
            out.push(Mistake::error("`finds` is missing", name.spot, label));
        }
        return Vec::new();
    };
    if failing.pairs.is_absent() {
        let label = "which pairs must be reported? write `pairs: [dock -> vms]`";
        out.push(Mistake::error("`pairs` is missing", name.spot, label));
    }
    let mut pairs = Vec::new();
    for pair in written {
        for (a, b) in each_pair(pair, directory, out) {
            let asked =
                (from.contains(&a) && to.contains(&b)) || (both_ways && to.contains(&a) && from.contains(&b));
            if !asked || a == b {
                let label = format!("`{}` does not ask about {a} -> {b}", name.value);
                out.push(Mistake::error("a pair that the check does not look at", pair.spot, label));
                break;
            }
            if pairs.contains(&(a.clone(), b.clone())) {
                let label = format!("{a} -> {b} is in the list already");
                out.push(Mistake::error("a pair is named twice", pair.spot, label));
                break;
            }
            pairs.push((a, b));
        }
    }
    pairs
}

/// The pairs of nodes that a pair of names stands for.
fn each_pair(pair: &At<Pair>, directory: &Directory, out: &mut Mistakes) -> Vec<(NodeName, NodeName)> {
    let mut members = |name: &NodeName| {
        let name = At { value: name.clone(), spot: pair.spot };
        directory.find(&name, "a pair", out).map(|entry| entry.members.clone()).unwrap_or_default()
    };
    let (from, to) = (members(&pair.value.from), members(&pair.value.to));
    from.iter().flat_map(|a| to.iter().map(|b| (a.clone(), b.clone()))).collect()
}
