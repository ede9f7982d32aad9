//! A second lab in which every rule counts: which rules of the site nothing uses.
//!
//! The site's own files need not count, and are loaded as they are; so the same is run once more in a copy whose rules
//! count. What that copy comes to is of no interest, its counters are.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Stdio;

use super::commander::{LabLog, command};
use super::order::Order;
use super::scenario::ours;
use crate::event::Failure;
use crate::evidence::{RunFile, RunFolder, RunReader};
use crate::kernel::root::Root;
use crate::kernel::snapshot::Snapshot;
use crate::plan::Plan;
use crate::record::rule_use::RuleUse;
use crate::report::Report;

/// Runs the order once more, in a lab whose rules count, and keeps in the evidence what they counted.
///
/// Errors: why that lab ended before its time; the evidence then has nothing of it.
pub(super) async fn count(
    evidence: &RunFolder,
    order: &Order,
    report: &Report,
    interrupted: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let copy = RunFolder::create(evidence.path(), report.started, &report.plan.scenario)?;
    let counted = in_copy(evidence, &copy, order, interrupted).await;
    let gone = fs::remove_dir_all(copy.path()).map_err(|error| ours(error.to_string()));
    counted.and(gone)
}

async fn in_copy(
    evidence: &RunFolder,
    copy: &RunFolder,
    order: &Order,
    interrupted: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let run_folder = fs::canonicalize(copy.path()).map_err(|error| ours(error.to_string()))?;
    let root = Root { write: vec![run_folder.clone()], ..order.root.clone() };
    let order = Order { run_folder, root, counting: true, ..order.clone() };
    // Of what goes wrong there the failure tells.
    let log = LabLog { to: Stdio::null(), verbose: 0, json: false };
    command(&order, log, |_| {}, interrupted).await.seen?;
    keep(evidence, &RunReader::of(copy.path()), &order.plan).map_err(|error| ours(error.to_string()))
}

fn keep(evidence: &RunFolder, copy: &RunReader, plan: &Plan) -> io::Result<()> {
    for node in plan.nodes.iter().filter(|node| node.ruleset.is_some()) {
        let taken: Snapshot = copy
            .json(&RunFile::After(node.name.clone()))
            .map_err(|damage| io::Error::other(damage.to_string()))?;
        let path = evidence.file(&RunFile::Counted(node.name.clone()));
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().mode(0o700).recursive(true).create(folder)?;
        fs::write(&path, taken.rules)?;
    }
    Ok(())
}

/// What the evidence says of the use of rules: of the copy that counts, if there was one, else of the site itself.
pub(super) fn rule_use(evidence: &RunReader, plan: &Plan) -> Vec<RuleUse> {
    let filtering = plan.nodes.iter().filter(|node| node.ruleset.is_some());
    let of_node = |node: &crate::plan::Node| {
        let name = &node.name;
        if let Ok(listing) = evidence.bytes(&RunFile::Counted(name.clone())) {
            return RuleUse::of(name, true, &String::from_utf8_lossy(&listing));
        }
        let taken: Snapshot = evidence.json(&RunFile::After(name.clone())).ok()?;
        RuleUse::of(name, false, &taken.rules)
    };
    filtering.filter_map(of_node).collect()
}
