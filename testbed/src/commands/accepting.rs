//! The list of checks that may stay inconclusive for want of a kernel feature.

use std::collections::BTreeSet;
use std::path::PathBuf;

use testbed::cli::Accept;
use testbed::load::{self, LoadError};
use testbed::scenario::Unsupported;
use testbed::scenario::model::Scenario;

use super::loading::Loaded;

/// The list that was given for these jobs; empty without one.
pub(super) fn for_jobs(accept: &Accept, jobs: &[Loaded]) -> Result<Vec<Unsupported>, LoadError> {
    let good = jobs.iter().filter(|job| job.twin.is_none());
    let run: Vec<Scenario> = good.map(|job| job.scenario.clone()).collect();
    read(accept, &run, jobs.iter().map(|job| job.folder.clone()).collect())
}

/// The list that was given for a scenario that is known already.
pub(super) fn for_scenario(accept: &Accept, scenario: Scenario) -> Result<Vec<Unsupported>, LoadError> {
    read(accept, &[scenario], BTreeSet::new())
}

fn read(
    accept: &Accept,
    run: &[Scenario],
    folders: BTreeSet<PathBuf>,
) -> Result<Vec<Unsupported>, LoadError> {
    match &accept.accept_unsupported {
        Some(path) => load::unsupported(path, run, &folders),
        None => Ok(Vec::new()),
    }
}
