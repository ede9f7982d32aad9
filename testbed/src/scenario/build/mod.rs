//! The file as written → what it means: names resolved, values checked against one another, defaults filled in.
//!
//! One file per part of the scenario. Each goes on after a mistake; what depends on something unreadable is left
//! out rather than reported a second time.

mod addresses;
mod after;
mod applications;
mod attacks;
mod bound;
mod checks;
mod clash;
mod clocks;
mod clouds;
mod commissions;
mod direction;
mod directory;
mod explained;
mod faults;
mod flows;
mod hostile;
mod jobs;
mod leases;
mod links;
mod lints;
mod matrix;
mod misbehaves;
mod named;
mod nodes;
mod policy;
mod required;
mod rtsp;
mod runs;
mod scans;
mod segments;
mod sets;
mod spares;
mod spoken_rtsp;
mod switches;
mod taint;
mod tls;
mod uplinks;
mod wires;

use super::files::Files;
use super::mistakes::{Mistake, Mistakes};
use super::model::{Scenario, Site};
use super::raw;
use super::shape::{At, Slot};
use crate::names::{CheckName, FlowId};

pub use checks::{DEFAULT_PORTS, all_ports, usual_ports};
pub(crate) use directory::Directory;
pub(crate) use faults::which as which_cable;

/// A scenario, with what is needed to read a twin against it.
pub(crate) struct Built {
    pub(crate) scenario: Scenario,
    pub(crate) directory: Directory,
}

/// What a raw scenario means. Complete only if `out` has no errors afterwards.
pub(crate) fn build(raw: &raw::Scenario, files: &Files, out: &mut Mistakes) -> Option<Built> {
    let raw::Sited(site) = raw.site.good()?;
    let segments = segments::build(site, out);
    let directory = Directory::build(site, out);
    let nodes = nodes::build(site, &segments, &directory, files, out);
    let switches = switches::build(site, &directory, &nodes, &segments, files, out);
    let flows = flows::build(raw, &directory, files, out);
    flows.check_services(&nodes, out);
    let checks = checks::build(raw, files, &directory, &nodes, &segments, &flows, out);
    segments::check_ends(&segments, &nodes, out);
    segments::warn_of_unused(&segments, &nodes, out);
    let name = raw.name.good()?;
    if raw.checks.is_absent() {
        let label = "without `checks` a run shows nothing";
        out.push(Mistake::warning("the scenario asserts nothing", name.spot, label));
    }
    let scenario = Scenario {
        name: name.value.clone(),
        documents: raw.documents.list().iter().map(|document| document.value.0.clone()).collect(),
        owners: lints::owners(raw),
        site: Site { segments: segments.into_model(), switches, nodes, groups: directory.groups() },
        flows: flows.known.into_iter().map(|known| known.flow).collect(),
        checks,
    };
    Some(Built { scenario, directory })
}

/// The value of a slot, or a default.
fn or<T: Clone>(slot: &Slot<At<T>>, default: T) -> T {
    slot.good().map_or(default, |at| at.value.clone())
}

/// The flows that are allowed, and whether all of them are known.
pub(crate) struct Flows {
    known: Vec<KnownFlow>,
    complete: bool,
}

/// A flow and where it was allowed.
struct KnownFlow {
    flow: super::model::Flow,
    spot: super::tree::Spot,
}

impl Flows {
    fn get(&self, id: &FlowId) -> Option<&super::model::Flow> {
        self.known.iter().map(|known| &known.flow).find(|flow| flow.id == *id)
    }
}

/// "check `dock-plays`", for titles.
fn check_title(name: &CheckName) -> String {
    format!("check `{name}`")
}
