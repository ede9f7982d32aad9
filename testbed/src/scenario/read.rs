//! The way in: texts → a scenario, or everything that is wrong with it.

use std::collections::BTreeSet;

use super::build::{Built, build};
use super::files::{Files, mentioned};
use super::mistakes::{Mistake, Mistakes, Source};
use super::model::Scenario;
use super::raw;
use super::shape::Shape;
use super::template::site_from_file;
use super::tree::Node;
use super::yaml;

/// A scenario that can be planned.
#[derive(Clone, Debug)]
pub struct Read {
    /// What it means.
    pub scenario: Scenario,
    /// What is worth a look all the same.
    pub warnings: Mistakes,
}

/// Reads a scenario. `files` holds what its folder has of the files that [`mentions`] lists.
///
/// Errors: every mistake of the file and of its policies, each with its place.
pub fn read(source: &Source, files: &Files) -> Result<Read, Mistakes> {
    let mut out = Mistakes::over(vec![source.clone()]);
    let built = yaml::parse(&source.text, 0, &mut out).and_then(|mut root| {
        site_from_file(&mut root, files, &mut out);
        from_tree(&root, files, &mut out)
    });
    match built {
        Some(built) if !out.has_errors() => Ok(Read { scenario: built.scenario, warnings: out }),
        _ => Err(out),
    }
}

/// A scenario's tree → what it means. Valid only if `out` has no errors afterwards.
pub(crate) fn from_tree(root: &Node, files: &Files, out: &mut Mistakes) -> Option<Built> {
    if let Some(twin) = root.get("twin_of") {
        let label = "run it with `testbed twins` and its scenario";
        out.push(Mistake::error("this is a broken twin, not a scenario", twin.spot, label));
        return None;
    }
    let raw = raw::Scenario::read(root, root.spot, out)?;
    build(&raw, files, out)
}

/// Paths below the scenario's folder that its text names: rule files, policies, its site's own file, and what that names
/// in turn once it is among `files`. None if it is not YAML.
pub fn mentions(source: &Source, files: &Files) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut out = Mistakes::over(vec![source.clone()]);
    if let Some(mut root) = yaml::parse(&source.text, 0, &mut out) {
        mentioned(&root, &mut paths);
        site_from_file(&mut root, files, &mut out);
        mentioned(&root, &mut paths);
    }
    paths
}

/// True for a text with the top-level keys `version` and `site`; also if it is broken further down.
pub fn is_scenario(text: &str) -> bool {
    let source = Source { path: String::new(), text: text.to_owned() };
    match yaml::parse(text, 0, &mut Mistakes::over(vec![source])) {
        Some(root) => root.get("version").is_some() && root.get("site").is_some(),
        None => ["version:", "site:"].iter().all(|key| text.lines().any(|line| line.starts_with(key))),
    }
}
