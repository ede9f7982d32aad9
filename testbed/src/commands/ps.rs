//! `testbed ps`: the labs that are up.

use serde::Serialize;
use testbed::exit::Exit;
use testbed::stay::{Client, Entry, Error, Registry, Status};

use super::{say, talk, tell_error};

/// A lab, as `--json` has it.
#[derive(Serialize)]
struct Line {
    name: String,
    scenario: String,
    pid: i32,
    since: String,
    /// What it is at; `silent` if its owner does not answer.
    state: String,
    folder: Option<String>,
    /// What has ended in it by itself.
    fallen: Vec<String>,
    /// Faults that are in force.
    faults: Vec<String>,
}

/// Lists the labs.
pub(crate) fn ps(json: bool) -> Exit {
    let lines = match lines() {
        Ok(lines) => lines,
        Err(error) => return tell_error(&error),
    };
    if json {
        match serde_json::to_string_pretty(&lines) {
            Ok(text) => say(&format!("{text}\n")),
            Err(error) => {
                talk(&format!("error: {error}"));
                return Exit::Ours;
            }
        }
    } else if lines.is_empty() {
        talk("no lab is up");
    } else {
        say(&table(&lines));
    }
    Exit::Expected
}

fn lines() -> Result<Vec<Line>, Error> {
    let registry = Registry::open()?;
    let (labs, _) = registry.labs()?;
    Ok(labs.into_iter().filter_map(|lab| line(&registry, lab)).collect())
}

/// None for a lab that has ended meanwhile.
fn line(registry: &Registry, lab: Entry) -> Option<Line> {
    let status = Client::status(registry, &lab);
    if status.is_err() && !lab.owner.runs() {
        return None;
    }
    let state = status.as_ref().map_or("silent", |status| status.state.word()).to_owned();
    let (folder, fallen, faults) = match status {
        Ok(Status { folder, fallen, faults, .. }) => (folder, fallen, faults),
        Err(_) => (None, Vec::new(), Vec::new()),
    };
    Some(Line {
        name: lab.name.to_string(),
        scenario: lab.scenario.to_string(),
        pid: lab.owner.pid,
        since: lab.since,
        state,
        folder: folder.map(|folder| folder.display().to_string()),
        fallen,
        faults,
    })
}

fn table(lines: &[Line]) -> String {
    let widest =
        |cell: fn(&Line) -> usize, head: &str| lines.iter().map(cell).max().unwrap_or(0).max(head.len());
    let name = widest(|line| line.name.len(), "LAB");
    let scenario = widest(|line| line.scenario.len(), "SCENARIO");
    let row = |one: &str, two: &str, pid: &str, since: &str, state: &str| {
        format!("{one:<name$}  {two:<scenario$}  {pid:>7}  {since:<20}  {state}\n")
    };
    let mut text = row("LAB", "SCENARIO", "PID", "SINCE", "STATE");
    for line in lines {
        text.push_str(&row(&line.name, &line.scenario, &line.pid.to_string(), &line.since, &line.state));
        for what in &line.fallen {
            text.push_str(&format!("  {what}\n"));
        }
        for fault in &line.faults {
            text.push_str(&format!("  fault: {fault}\n"));
        }
    }
    text
}
