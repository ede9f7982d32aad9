//! The scenario of a run folder, run again and held against the record.

use std::path::Path;

use super::offline::{Damaged, Rejudged, rejudge, twin_of};
use super::scenario::{Options, ours, run};
use crate::event::{Event, Failure};
use crate::evidence::{RunFile, RunInfo, RunReader};
use crate::replay::{differences, flow_table};
use crate::report::Report;
use crate::scenario::model::Scenario;

/// What a replay came to.
#[derive(Debug)]
pub struct Replayed {
    /// The new run.
    pub report: Report,
    /// In what it differs from the record; none if it ended before its time.
    pub differences: Vec<String>,
    /// How many verdicts and flows the record has.
    pub recorded: (usize, usize),
    /// What is to be known of the record, in a line each.
    pub notes: Vec<String>,
}

/// Runs the scenario of a run folder again, of the files that lie there, and compares. The new run has a folder of its own.
///
/// Errors: the record cannot be judged.
pub async fn replay(
    record: &Path,
    options: &Options,
    listen: impl FnMut(&Event),
    interrupted: impl Future<Output = ()>,
) -> Result<Replayed, Damaged> {
    let reader = RunReader::of(record);
    let was = rejudge(record)?;
    let scenario: Scenario = reader.json(&RunFile::Scenario)?;
    let info: RunInfo = reader.json(&RunFile::Run)?;
    let twin = twin_of(&reader, &info)?;
    // Where the site was built of no file there may be no folder.
    let (given, empty) = (record.join(RunFile::Given(String::new()).path()), tempfile::tempdir());
    let folder = match (std::fs::canonicalize(&given), &empty) {
        (Ok(folder), _) => folder,
        (Err(_), Ok(empty)) => empty.path().to_owned(),
        (Err(_), Err(error)) => {
            let report = super::not_run(&scenario, ours(format!("a temporary folder: {error}")));
            return Ok(of(report, Vec::new(), was));
        }
    };
    let mut report = run(&scenario, twin.as_ref(), &folder, options, listen, interrupted).await;
    let differences = match (&report.failure, &report.folder) {
        (None, Some(folder)) => match rejudge(folder) {
            Ok(is) => differences(
                &was.report.plan,
                (&was.report.judgement, &was.conversations),
                (&is.report.judgement, &is.conversations),
            ),
            Err(damaged) => {
                report.failure = Some(failed(&damaged));
                Vec::new()
            }
        },
        _ => Vec::new(),
    };
    Ok(of(report, differences, was))
}

fn failed(damaged: &Damaged) -> Failure {
    ours(format!("what was just written cannot be judged: {damaged}"))
}

fn of(report: Report, differences: Vec<String>, was: Rejudged) -> Replayed {
    let recorded =
        (was.report.judgement.checks.len(), flow_table(&was.report.plan, &was.conversations).len());
    Replayed { report, differences, recorded, notes: was.notes }
}
