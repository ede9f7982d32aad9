//! JSON for programs: `verdicts.json` of a run, and `--json` over several. `docs/verdicts-json.md` explains every
//! key; keys are added, but none is renamed, dropped or given another meaning without a new `version`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Report, StageTime};
use crate::event::{Failure, Stage};
use crate::exit::Exit;
use crate::names::{CheckName, ControlId, NodeName, ScenarioName};
use crate::observation::{FaultSeen, TapHealth};
use crate::parts::Part;
use crate::record::rule_use::RuleUse;
use crate::scenario::model::{Place, Proof};
use crate::twin::TwinReport;
use crate::utc::Utc;
use crate::verdict::{CheckVerdict, ControlSeen, CoveredSeen, Finding, MatrixSeen, PauseSeen, Verdict};

/// Version of the format.
const VERSION: u32 = 1;

/// Several runs: what `--json` writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunsJson {
    /// Version of the format.
    pub version: u32,
    /// Exit code of the process.
    pub exit: u8,
    /// The runs, in the order they were made.
    pub runs: Vec<RunJson>,
}

/// One run: `verdicts.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunJson {
    /// Version of the format.
    pub version: u32,
    /// The scenario.
    pub scenario: ScenarioName,
    /// The documents under test.
    pub documents: Vec<String>,
    /// When the run started, RFC 3339, UTC.
    pub started: String,
    /// Exit code of a process that does this run only.
    pub exit: u8,
    /// How many checks came to which verdict.
    pub counts: Counts,
    /// Each check, in the scenario's order.
    pub checks: Vec<CheckJson>,
    /// How the taps did.
    pub capture: Capture,
    /// Stages and how long they took.
    pub stages: Vec<StageJson>,
    /// Faults that were in force when it began, in the words of the command line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_force: Vec<String>,
    /// Faults that were carried out meanwhile, for checks or by hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultJson>,
    /// Which rules were never used, of each node some of whose rules count; no verdict goes by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rule_use: Vec<RuleUse>,
    /// Where the evidence is; left out within the folder itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Inconclusive checks that count as expected in `exit`: the kernel lacks what they require, and a list says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<CheckName>,
    /// For a broken twin: whether it was reported as it expects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<TwinReport>,
    /// The part of the testbed itself that a test had broken: what the run says of the site is worth nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_part: Option<Part>,
    /// Why the run ended before its time, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Numbers of checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "named as the verdicts")]
pub struct Counts {
    pub pass: usize,
    pub fail: usize,
    pub inconclusive: usize,
}

/// Frames captured, in the site and in its open copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capture {
    /// In the site.
    pub site: TapHealth,
    /// In the open copy.
    pub open_copy: TapHealth,
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StageJson {
    /// Which.
    pub stage: Stage,
    /// How long it took, milliseconds.
    pub ms: u64,
}

/// One fault that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultJson {
    /// Which, in the words of the command line.
    pub fault: String,
    /// When it began, nanoseconds since 1970-01-01 UTC, as times in captures are.
    pub at: u64,
    /// When it was done.
    pub done_at: u64,
    /// What was done, or why it failed.
    pub done: String,
    /// Whether somebody asked for it by hand, and no check.
    pub by_hand: bool,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckJson {
    /// Its name.
    pub name: CheckName,
    /// `reach`, `no_reach`, `plays`, `direction`, `peers_of`, `members`, `clock`, `address`, `spare`, `carries`,
    /// `no_bridge`, `no_hop`, `own_leg`, `listens`, `explained`, `matrix`, `name`, `taint`, `tls`, `lint`, `periodic`, `scan`, `attacks`, `no_video`, `no_stream`, `inventory`, `job`, `calls`, `talks`, `names_agree`, `rtsp`, `endures`, `after`.
    pub word: String,
    /// `pass`, `fail`, `inconclusive`.
    pub verdict: Verdict,
    /// What was seen, in one line.
    pub summary: String,
    /// Controls it proves.
    pub proves: Vec<ProofJson>,
    /// Where the scenario has it.
    pub place: Place,
    /// What should not be; empty unless it failed.
    pub findings: Vec<FindingJson>,
    /// Controls that were missed; empty for a pass.
    pub reasons: Vec<String>,
    /// Kernel features that it requires and that are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// Controls of a negative, counted.
    pub controls: Vec<ControlSeen>,
    /// For `after`: how what goes on paused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<PauseSeen>,
    /// For a negative that covers everything: where all of it went, and where the list and cells alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<CoveredSeen>,
    /// For `matrix`: what was meant, measured and predicted, by pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix: Option<MatrixSeen>,
}

/// A control, and whether only part of it is proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofJson {
    /// For example `PAN-NET-04`.
    pub control: ControlId,
    /// True if only part of it.
    pub part: bool,
}

/// One thing that should not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingJson {
    /// In one line.
    pub text: String,
    /// Source and target, where there is a pair.
    pub pair: Option<PairJson>,
    /// The device that should have stopped it.
    pub stops_at: Option<NodeName>,
    /// The rule or policy that let it through, as nft's trace names it.
    pub by: Option<String>,
    /// Packets to look at.
    pub packets: Vec<PacketJson>,
}

/// Source and target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PairJson {
    pub from: NodeName,
    pub to: NodeName,
}

/// A packet of `capture.pcapng`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PacketJson {
    /// Its number, from 1, as Wireshark counts.
    pub number: u64,
    /// What it shows.
    pub shows: String,
}

/// `verdicts.json` of a run, indented, with a line end.
pub fn run_json(report: &Report) -> String {
    to_text(&RunJson { folder: None, ..run(report) })
}

/// All runs, for `--json`, and how the process ends: a scenario that could not be read has no run, but counts.
pub fn runs_json(reports: &[Report], exit: Exit) -> String {
    to_text(&RunsJson { version: VERSION, exit: exit.code(), runs: reports.iter().map(run).collect() })
}

fn to_text(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("these types have string keys only");
    text.push('\n');
    text
}

fn run(report: &Report) -> RunJson {
    RunJson {
        version: VERSION,
        scenario: report.judgement.scenario.clone(),
        documents: report.plan.documents.clone(),
        started: Utc::from(report.started).rfc3339(),
        exit: report.exit().code(),
        counts: Counts {
            pass: report.count(Verdict::Pass),
            fail: report.count(Verdict::Fail),
            inconclusive: report.count(Verdict::Inconclusive),
        },
        checks: report.judgement.checks.iter().map(check).collect(),
        capture: Capture { site: report.taps, open_copy: report.open_taps },
        stages: report.stages.iter().map(stage_json).collect(),
        in_force: report.in_force.clone(),
        faults: report.faults.iter().map(fault_json).collect(),
        rule_use: report.rule_use.clone(),
        folder: report.folder.as_ref().map(|folder| folder.display().to_string()),
        accepted: report.accepted().map(|check| check.check.clone()).collect(),
        twin: report.twin.clone(),
        broken_part: report.broken_part,
        failure: report.failure.clone(),
    }
}

fn fault_json(one: &FaultSeen) -> FaultJson {
    FaultJson {
        fault: one.fault.to_string(),
        at: one.at,
        done_at: one.done_at,
        done: one.done.clone(),
        by_hand: one.by_hand,
    }
}

fn stage_json(one: &StageTime) -> StageJson {
    StageJson { stage: one.stage, ms: u64::try_from(one.took.as_millis()).unwrap_or(u64::MAX) }
}

fn check(check: &CheckVerdict) -> CheckJson {
    let proof = |proof: &Proof| ProofJson { control: proof.control.clone(), part: proof.part };
    CheckJson {
        name: check.check.clone(),
        word: check.word.clone(),
        verdict: check.verdict,
        summary: check.summary.clone(),
        proves: check.proves.iter().map(proof).collect(),
        place: check.place.clone(),
        findings: check.findings.iter().map(finding).collect(),
        reasons: check.reasons.clone(),
        lacks: check.lacks.clone(),
        controls: check.controls.clone(),
        pauses: check.pauses.clone(),
        covered: check.covered.clone(),
        matrix: check.matrix.clone(),
    }
}

fn finding(finding: &Finding) -> FindingJson {
    let packet = |(shows, number): &(String, u64)| PacketJson { number: *number, shows: shows.clone() };
    FindingJson {
        text: finding.text.clone(),
        pair: finding.pair.clone().map(|(from, to)| PairJson { from, to }),
        stops_at: finding.stops_at.clone(),
        by: finding.by.clone(),
        packets: finding.packets.iter().map(packet).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::example::{
        accepting_report, bad_report, blinded_report, broken_report, counted_report, failed_report,
        good_report, twin_report,
    };
    use super::*;
    use crate::plan::{LeftOut, Unopened};
    use crate::verdict::{PairSeen, ProbeOnly};

    /// The page that explains every key.
    const PAGE: &str = include_str!("../../../docs/verdicts-json.md");

    #[test]
    fn what_is_written_reads_back() {
        let reports = [good_report(), bad_report(), failed_report(), twin_report(false)];
        let read: RunsJson = serde_json::from_str(&runs_json(&reports, Exit::Ours)).unwrap();
        assert_eq!((read.version, read.exit, read.runs.len()), (1, 4, 4));
        assert_eq!(read.runs[1], run(&bad_report()));
        let alone: RunJson = serde_json::from_str(&run_json(&bad_report())).unwrap();
        assert_eq!(alone.folder, None, "the folder does not say where it is");
        assert_eq!((alone.exit, alone.counts), (1, Counts { pass: 2, fail: 1, inconclusive: 2 }));
    }

    #[test]
    fn the_shape_stays_as_it_is() {
        insta::assert_snapshot!(run_json(&bad_report()));
    }

    #[test]
    fn the_page_explains_every_key_and_no_other() {
        let mut undecided = twin_report(false);
        undecided.twin.as_mut().unwrap().undecided.push("app-opens".parse().unwrap());
        let pause =
            PauseSeen { what: "video of dock at app".into(), at_fault_us: 71_000, longest_us: 71_000 };
        undecided.judgement.checks[0].pauses.push(pause);
        undecided.judgement.checks[0].matrix = Some(matrix());
        undecided.judgement.checks[0].covered = vec![covered()];
        let reports = [
            accepting_report(),
            blinded_report(),
            broken_report(),
            counted_report(),
            failed_report(),
            undecided,
        ];
        let written = runs_json(&reports, Exit::Ours);
        let mut keys = BTreeSet::new();
        collect(&serde_json::from_str(&written).unwrap(), &mut keys);
        let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let explained: BTreeSet<String> = rows.map(|(key, _)| key.to_owned()).collect();
        assert_eq!(explained, keys);
    }

    /// With one of each.
    fn matrix() -> MatrixSeen {
        let (from, to): (NodeName, NodeName) = ("app".parse().unwrap(), "vms".parse().unwrap());
        let pair = PairSeen {
            from: from.clone(),
            to: to.clone(),
            family: 4,
            as_meant: 16,
            leak: 1,
            blocked: 0,
            unmeasured: 0,
            model_differs: 0,
            probe_only: 1,
        };
        let unopened = Unopened {
            flow: "F03".parse().unwrap(),
            from: from.clone(),
            to: to.clone(),
            traffic: "udp/67".parse().unwrap(),
            why: "no probe opens it".into(),
        };
        let left_out = LeftOut { from, to, address: None, why: "they are neighbours".into() };
        let probe_only = ProbeOnly { why: "a quota".into(), count: 1 };
        MatrixSeen {
            pairs: vec![pair],
            probe_only: vec![probe_only],
            unopened: vec![unopened],
            left_out: vec![left_out],
        }
    }

    fn covered() -> CoveredSeen {
        CoveredSeen {
            from: "app".parse().unwrap(),
            to: "vms".parse().unwrap(),
            address: "10.30.0.10".parse().unwrap(),
            everybody_in: Some("prod".parse().unwrap()),
            passing_for: Some("dock-1".parse().unwrap()),
            frames: true,
            everything: false,
            packets: 17,
        }
    }

    fn collect(value: &Value, keys: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| {
                keys.insert(key.clone());
                collect(value, keys);
            }),
            Value::Array(items) => items.iter().for_each(|item| collect(item, keys)),
            _ => {}
        }
    }
}
