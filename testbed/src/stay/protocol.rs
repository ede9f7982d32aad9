//! What is said on the control socket of a lab that stays: JSON, one line each way at a time. Pure.
//!
//! A connection carries one [`Request`] and then the [`Answer`]s to it, the last of which [ends it](Answer::is_last).
//! Only the lab's own user is answered. A request is at most [`LONGEST_REQUEST`] bytes long, an answer
//! [`LONGEST_ANSWER`]. With [`Answer::Entered`] come two open files: pidfds of the lab's first process and of its worker,
//! by which its namespaces can be joined.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::event::{Entrance, Entrances, Failure, Stage, Tap};
use crate::names::{LabName, NodeName, PortRef, ScenarioName, SegmentName};
use crate::scenario::Unsupported;
use crate::scenario::fault::Fault;

/// Number of this protocol: whoever knows another one does not ask.
pub const VERSION: u32 = 4;

/// Longest request, bytes: a path and a few words.
pub const LONGEST_REQUEST: usize = 64 * 1024;

/// Longest answer, bytes: a report with many findings.
pub const LONGEST_ANSWER: usize = 256 * 1024 * 1024;

/// What may be asked of a lab that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// How it is: [`Answer::Status`].
    Status,
    /// The way in: [`Answer::Entered`], with two files.
    Enter,
    /// Carry out the checks once more: [`Answer::Stage`] and [`Answer::Warning`] as it goes on, then [`Answer::Judged`]. One after the other
    /// where several ask.
    Judge {
        /// Whether the report may have colours.
        colour: bool,
        /// Paths in the report count from here where they can.
        from: PathBuf,
        /// Checks that may stay inconclusive for want of a kernel feature.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        accept: Vec<Unsupported>,
    },
    /// Carry out a fault: [`Answer::Faulted`] when it is done. One after the other where several ask.
    Fault {
        /// Which.
        fault: Box<Fault<PortRef>>,
    },
    /// End: [`Answer::Ending`] at once; the lab is gone when its owner is.
    Down,
}

/// What a lab answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// How it is.
    Status(Status),
    /// The way in.
    Entered {
        /// Where its nodes are entered, and its taps.
        entrances: Entrances,
    },
    /// A judgement goes on.
    Stage {
        /// With this.
        stage: Stage,
    },
    /// Something of a judgement that goes on is worth a look.
    Warning {
        /// In one line.
        text: String,
    },
    /// A judgement is over.
    Judged(Box<Judged>),
    /// A fault was carried out.
    Faulted {
        /// What was done, in a line.
        done: String,
        /// What is in force now, in the words of the command line.
        in_force: Vec<String>,
    },
    /// The lab ends.
    Ending,
    /// Nothing was done.
    Refused(Failure),
}

impl Answer {
    /// Whether no other comes after it.
    pub fn is_last(&self) -> bool {
        !matches!(self, Answer::Stage { .. } | Answer::Warning { .. })
    }
}

/// How a lab is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its name.
    pub name: LabName,
    /// What it was built from.
    pub scenario: ScenarioName,
    /// What it is at.
    pub state: State,
    /// Its folder: plan, logs, and a run folder for each judgement.
    pub folder: Option<PathBuf>,
    /// Its nodes.
    pub nodes: Vec<NodeName>,
    /// Its segments.
    pub segments: Vec<SegmentName>,
    /// What has ended in it by itself, one line each.
    pub fallen: Vec<String>,
    /// Faults that are in force, in the words of the command line.
    #[serde(default)]
    pub faults: Vec<String>,
}

/// What a lab is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is being built and started.
    Starting,
    /// It stands, and all its services run.
    Up,
    /// It stands, and something in it has ended by itself.
    Damaged,
    /// Its checks are being carried out.
    Judging,
    /// It is being taken down.
    Ending,
}

impl State {
    /// The state in a word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Up => "up",
            State::Damaged => "damaged",
            State::Judging => "judging",
            State::Ending => "ending",
        }
    }
}

/// A judgement, as reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// How a command ends that did nothing but this.
    pub exit: u8,
    /// For people.
    pub text: String,
    /// How long each stage took, for people.
    pub timings: String,
    /// For programs, as `--json` of `run` has it.
    pub json: String,
    /// For CI systems.
    pub junit: String,
    /// For code hosts.
    pub sarif: String,
    /// Of a job's step, in Markdown.
    pub summary: String,
}

/// A name that is none of the lab's: what it is not, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lab `{lab}` has no {what} `{name}`{}", hint(similar, all))]
pub struct NoSuch {
    lab: String,
    what: &'static str,
    name: String,
    similar: Option<String>,
    all: Vec<String>,
}

/// Most names that are listed where none is similar.
const MOST_LISTED: usize = 12;

fn hint(similar: &Option<String>, all: &[String]) -> String {
    match similar {
        Some(name) => format!("; did you mean `{name}`?"),
        None if all.len() <= MOST_LISTED => format!("; it has {}", all.join(", ")),
        None => String::new(),
    }
}

fn no_such<'a>(
    lab: &LabName,
    what: &'static str,
    name: &str,
    all: impl Iterator<Item = &'a str> + Clone,
) -> NoSuch {
    NoSuch {
        lab: lab.to_string(),
        what,
        name: name.to_owned(),
        similar: crate::scenario::nearest(name, all.clone()).map(str::to_owned),
        all: all.map(str::to_owned).collect(),
    }
}

/// Where a node of the lab is entered.
pub fn entrance<'a>(lab: &LabName, entrances: &'a Entrances, name: &str) -> Result<&'a Entrance, NoSuch> {
    let names = entrances.nodes.keys().map(NodeName::as_str);
    entrances.nodes.get(name).ok_or_else(|| no_such(lab, "node", name, names))
}

/// The taps of one segment of the lab, or all.
pub fn taps_of(lab: &LabName, taps: Vec<Tap>, segment: Option<&str>) -> Result<Vec<Tap>, NoSuch> {
    let Some(wanted) = segment else { return Ok(taps) };
    let names: std::collections::BTreeSet<&str> = taps.iter().map(|tap| tap.segment.as_str()).collect();
    if !names.contains(wanted) {
        return Err(no_such(lab, "segment", wanted, names.iter().copied()));
    }
    Ok(taps.into_iter().filter(|tap| tap.segment.as_str() == wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap(node: &str, segment: &str) -> Tap {
        Tap {
            port: format!("p-{node}").parse().unwrap(),
            ifindex: 7,
            tag: None,
            node: node.parse().unwrap(),
            link: "eth0".parse().unwrap(),
            segment: segment.parse().unwrap(),
        }
    }

    fn lab() -> LabName {
        "small".parse().unwrap()
    }

    #[test]
    fn a_request_is_a_line_of_json_with_its_name() {
        let judge = Request::Judge { colour: true, from: "/home".into(), accept: Vec::new() };
        let line = serde_json::to_string(&judge).unwrap();
        assert_eq!(line, r#"{"request":"judge","colour":true,"from":"/home"}"#);
        assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), judge);
        assert_eq!(serde_json::from_str::<Request>(r#"{"request":"down"}"#).unwrap(), Request::Down);
        assert!(serde_json::from_str::<Request>(r#"{"request":"dance"}"#).is_err());
    }

    #[test]
    fn only_a_stage_has_something_after_it() {
        assert!(!Answer::Stage { stage: Stage::Probe }.is_last());
        assert!(Answer::Ending.is_last());
    }

    #[test]
    fn the_taps_of_a_segment_are_told_from_all_others() {
        let all = vec![tap("door", "cam"), tap("app", "cam"), tap("guest", "office")];
        assert_eq!(taps_of(&lab(), all.clone(), None).unwrap().len(), 3);
        let cam = taps_of(&lab(), all.clone(), Some("cam")).unwrap();
        assert_eq!(cam.iter().map(|tap| tap.node.as_str()).collect::<Vec<_>>(), ["door", "app"]);
        let wrong = taps_of(&lab(), all.clone(), Some("came")).unwrap_err().to_string();
        assert_eq!(wrong, "lab `small` has no segment `came`; did you mean `cam`?");
        let wrong = taps_of(&lab(), all, Some("everything")).unwrap_err().to_string();
        assert_eq!(wrong, "lab `small` has no segment `everything`; it has cam, office");
    }
}
