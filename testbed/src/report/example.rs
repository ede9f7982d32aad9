//! Reports that the tests of this room stand on: all well, much wrong, ended early, and of a broken twin.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use super::course::Pictured;
use super::{Course, Report, StageTime, Stream, course};
use crate::event::{Failure, Stage};
use crate::observation::{FaultSeen, Observations};
use crate::parts::Part;
use crate::plan::fault::Fault;
use crate::plan::{Check, LeftOut, Unopened, Word};
use crate::record::rule_use::{RuleText, RuleUse};
use crate::scenario::Unsupported;
use crate::scenario::model::Place;
use crate::twin::TwinReport;
use crate::verdict::example::{accepts, good, leak, of, plan};
use crate::verdict::{CheckVerdict, Finding, MatrixSeen, PairSeen, ProbeOnly, Verdict, judge};

/// The rule file of the example's router.
const RULES: &str = "\
table inet site {
\tchain through {
\t\ttype filter hook forward priority filter; policy accept;
\t}
}
";

pub(super) fn good_report() -> Report {
    report(&good())
}

/// Two leaks (one with a trace), a call home, a control missed.
pub(super) fn bad_report() -> Report {
    let mut seen = good();
    leak(&mut seen.aims[0], "udp/2", Some(112));
    leak(&mut seen.aims[0], "tcp/22", Some(114));
    seen.aims[0].trace = vec![accepts("rtr", "inet site through", "policy")];
    leak(&mut seen.aims[1], "tcp/22", None);
    seen.opens[1].answered_after_us = None;
    seen.conversations[3].packets_back = 0;
    seen.missing.push(("vlan-tags".into(), "no 802.1Q".into()));
    let mut report = report(&seen);
    let mut plan = plan();
    plan.checks.iter_mut().take(3).for_each(|check| check.requires.clear());
    plan.checks[2].proves.push(crate::scenario::model::Proof { control: of("PAN-SGL-02"), part: true });
    report.judgement = judge(&plan, &seen);
    let words = "02:00:00:00:00:01 > 02:00:00:00:00:02, 10.20.0.11 > 10.30.0.10 ttl 64, TCP 20000 > 22 SYN seq 7, 54 bytes";
    report.packets = [(110, words.to_owned()), (114, words.to_owned())].into();
    report
}

/// As [`bad_report`], with the check that lacks a feature of the kernel in the list, and one that passes.
pub(super) fn accepting_report() -> Report {
    let mut report = bad_report();
    let listed =
        |check: &str| Unsupported { scenario: of("small"), check: of(check), feature: "vlan-tags".into() };
    let passes = report.judgement.checks.iter().find(|check| check.verdict == Verdict::Pass);
    let passes = passes.map(|check| check.check.to_string()).expect("something passes");
    let lacks = report.judgement.checks.iter().find(|check| !check.lacks.is_empty());
    let lacks = lacks.map(|check| check.check.to_string()).expect("something is lacking");
    report.accept = vec![listed(&lacks), listed(&passes)];
    report
}

pub(super) fn failed_report() -> Report {
    let mut report = good_report();
    report.judgement.checks.clear();
    report.failure = Some(Failure {
        fault: crate::event::Fault::Ours,
        text: "fake-camera died before it was ready\nlook at logs/dock-1.log".into(),
        node: Some(of("dock-1")),
        last_lines: vec!["no element \"x264enc\"".into()],
    });
    report
}

/// The good run of a lab that stays, while its cables were pulled and plugged in by hand.
pub(super) fn broken_report() -> Report {
    let mut report = good_report();
    report.in_force = vec!["cut desk.eth0".into()];
    report.faults.push(FaultSeen {
        fault: Fault::HealAll,
        at: 1_798_761_599_500_000_000,
        done_at: 1_798_761_599_500_400_000,
        done: "mended: cut desk.eth0".into(),
        by_hand: true,
        mended: vec![of("desk")],
    });
    report
}

/// The good run, with a second one in which rules counted.
pub(super) fn counted_report() -> Report {
    let never = |rule: &str| RuleText { chain: "inet site through".into(), rule: rule.into() };
    let rtr = RuleUse {
        node: of("rtr"),
        in_copy: true,
        used: 5,
        never_used: vec![never("iifname \"lan\" udp dport 9 accept"), never("ct state invalid drop")],
        uncounted: 0,
    };
    let app = RuleUse { node: of("app"), in_copy: false, used: 1, never_used: Vec::new(), uncounted: 3 };
    Report { rule_use: vec![app, rtr], ..good_report() }
}

/// The good run, of a testbed whose taps a test had blinded.
pub(super) fn blinded_report() -> Report {
    Report { broken_part: Some(Part::BlindTap), ..good_report() }
}

pub(super) fn twin_report(agrees: bool) -> Report {
    let differences = ["vms-shut does not report app -> vms", "app-opens must still pass, and fails: no"];
    let twin = TwinReport {
        twin: of("small-accept"),
        says: "the router forwards everything".into(),
        agrees,
        differences: differences.iter().filter(|_| !agrees).map(ToString::to_string).collect(),
        undecided: Vec::new(),
    };
    Report { twin: Some(twin), ..bad_report() }
}

/// All that can be on a page, with texts that would be more than text if they were not escaped.
pub(super) fn hostile_report() -> Report {
    let evil = "</title></svg><script>alert(1)</script>\"'&<b onload=x>";
    let mut report = bad_report();
    let drawn = matrix_report();
    report.plan.checks.extend(drawn.plan.checks.into_iter().next_back());
    report.judgement.checks.extend(drawn.judgement.checks.into_iter().next_back());
    report.plan.documents = vec![evil.into()];
    report.plan.remarks = vec![evil.into()];
    report.plan.flows[0].why = evil.into();
    report.plan.nodes[3].ruleset = Some(evil.into());
    report.folder = Some(evil.into());
    report.in_force = vec![evil.into()];
    report.packets.values_mut().for_each(|words| *words = evil.into());
    report.packets.insert(1, evil.into());
    report.faults = broken_report().faults;
    report.faults[0].done = evil.into();
    report.failure = failed_report().failure;
    if let Some(failure) = &mut report.failure {
        (failure.text, failure.last_lines) = (evil.into(), vec![evil.into()]);
    }
    report.twin = twin_report(false).twin;
    if let Some(twin) = &mut report.twin {
        (twin.says, twin.differences) = (evil.into(), vec![evil.into()]);
    }
    report.course.streams.iter_mut().for_each(|stream| stream.camera = evil.into());
    report.judgement.checks.iter_mut().for_each(|check| make_hostile(check, evil));
    report
}

fn make_hostile(check: &mut CheckVerdict, evil: &str) {
    check.summary = evil.into();
    check.place.file = evil.into();
    check.reasons = vec![evil.into()];
    check.controls.iter_mut().for_each(|control| control.seen = evil.into());
    if let Some(matrix) = &mut check.matrix {
        matrix.left_out.iter_mut().for_each(|one| one.why = evil.into());
        matrix.unopened.iter_mut().for_each(|one| one.why = evil.into());
        matrix.probe_only.iter_mut().for_each(|one| one.why = evil.into());
    }
    for finding in &mut check.findings {
        (finding.text, finding.by) = (evil.into(), Some(evil.into()));
        finding.packets = vec![(evil.into(), 1)];
    }
}

/// What a page has to show at its worst: checks that failed, with a matrix, video that paused while a fault stood, and a twin
/// that is undecided.
pub(super) fn full_report() -> Report {
    let mut report = bad_report();
    let drawn = matrix_report();
    report.plan.checks.extend(drawn.plan.checks.into_iter().next_back());
    report.judgement.checks.extend(drawn.judgement.checks.into_iter().next_back());
    report.twin = twin_report(true).twin;
    if let Some(twin) = &mut report.twin {
        twin.agrees = false;
        twin.undecided = vec![of("app-opens"), of("dock-alone")];
    }
    let began = 1_798_761_599_000_000_000;
    let at = |ms: u64| began + ms * 1_000_000;
    let stream =
        |camera: &str, spans| Stream { camera: camera.into(), at: of("app"), frames: 50, lost: 0, spans };
    report.course = Course {
        streams: vec![
            stream("dock-1", vec![(at(1100), at(2400)), (at(3900), at(5200))]),
            stream("dock-2", vec![(at(1200), at(5200))]),
        ],
        probes: vec![(of("vms-shut"), vec![(at(4500), at(4600))])],
        pictures: vec![Pictured { camera: "dock-1".into(), at: of("app"), jpeg: "/9j/2wBDAP//Zg==".into() }],
        changes: vec![(of("dock-plays"), (at(2400), at(3600)))],
    };
    let fault = |fault, ms, done: &str, by_hand| FaultSeen {
        fault,
        at: at(ms),
        done_at: at(ms + 1),
        done: done.into(),
        by_hand,
        mended: Vec::new(),
    };
    report.faults = vec![
        fault(Fault::ClearState { node: of("rtr") }, 2400, "connection tracking is empty", false),
        fault(Fault::HealAll, 5000, "nothing was to be mended", true),
    ];
    report
}

/// A good run with a matrix that has a pair of each kind, and many of which it says nothing.
pub(super) fn matrix_report() -> Report {
    let mut report = good_report();
    let between = report.plan.nodes.iter().map(|node| node.name.clone()).collect();
    let word = Word::Matrix {
        between,
        aims: Vec::new(),
        opens: Vec::new(),
        unopened: Vec::new(),
        left_out: Vec::new(),
    };
    let (name, place) = (of("as-drawn"), report.plan.checks[0].place.clone());
    let check = Check { name, word, place: Place { line: 45, ..place }, ..report.plan.checks[0].clone() };
    report.judgement.checks.push(CheckVerdict {
        check: check.name.clone(),
        place: check.place.clone(),
        proves: check.proves.clone(),
        word: "matrix".into(),
        verdict: Verdict::Fail,
        summary: "counts".into(),
        findings: vec![Finding {
            text: "dock-1 reached vms 10.30.0.10 on tcp/22".into(),
            pair: Some((of("dock-1"), of("vms"))),
            stops_at: Some(of("rtr")),
            packets: vec![("tcp/22 arrived".into(), 114)],
            by: Some("inet site through policy".into()),
        }],
        reasons: Vec::new(),
        lacks: Vec::new(),
        controls: Vec::new(),
        pauses: Vec::new(),
        covered: Vec::new(),
        matrix: Some(matrix()),
    });
    report.plan.checks.push(check);
    report
}

fn matrix() -> MatrixSeen {
    let pair = |from: &str,
                to: &str,
                family,
                [as_meant, leak, blocked, unmeasured, model_differs, probe_only]: [u64; 6]| {
        PairSeen {
            from: of(from),
            to: of(to),
            family,
            as_meant,
            leak,
            blocked,
            unmeasured,
            model_differs,
            probe_only,
        }
    };
    let neighbours = "they are neighbours, and nothing stands between them: `aws` has no rules of its own";
    let left_out = |from: &str, to: &str, at: Option<&str>| LeftOut {
        from: of(from),
        to: of(to),
        address: at.map(of),
        why: neighbours.into(),
    };
    MatrixSeen {
        pairs: vec![
            pair("dock-1", "vms", 4, [99, 3, 0, 0, 2, 0]),
            pair("app", "aws", 4, [7, 0, 1, 0, 0, 0]),
            pair("vms", "aws", 4, [7, 0, 0, 0, 1, 0]),
            pair("vms", "aws", 6, [8, 0, 0, 0, 0, 0]),
            pair("app", "vms", 4, [17, 0, 0, 1, 0, 0]),
            pair("rtr", "aws", 4, [2, 0, 0, 0, 0, 0]),
            pair("vms", "rtr", 4, [3, 0, 0, 0, 0, 0]),
            pair("dock-2", "vms", 4, [102, 0, 0, 0, 0, 4]),
            pair("app", "dock-1", 4, [1, 0, 0, 0, 0, 0]),
            pair("app", "dock-2", 4, [0, 0, 0, 0, 0, 0]),
        ],
        probe_only: vec![ProbeOnly { why: "a quota".into(), count: 4 }],
        unopened: vec![Unopened {
            flow: of("S02"),
            from: of("vms"),
            to: of("rtr"),
            traffic: of("udp/67"),
            why: "no probe opens it and gets an answer".into(),
        }],
        left_out: vec![
            left_out("rtr", "aws", Some("203.0.113.10")),
            left_out("rtr", "aws", Some("203.0.113.11")),
            left_out("dock-1", "dock-2", None),
        ],
    }
}

fn report(seen: &Observations) -> Report {
    let plan = plan();
    let stages = [
        (Stage::Enter, 12),
        (Stage::Build, 240),
        (Stage::Start, 800),
        (Stage::Exercise, 3400),
        (Stage::Probe, 900),
        (Stage::End, 150),
    ];
    Report {
        rule_use: Vec::new(),
        file: Some("scenarios/small.yaml".into()),
        started: UNIX_EPOCH + Duration::from_secs(1_798_761_599),
        planned: plan.checks.len(),
        judgement: judge(&plan, seen),
        stages: stages.map(|(stage, ms)| StageTime { stage, took: Duration::from_millis(ms) }).to_vec(),
        taps: seen.taps,
        open_taps: seen.open_taps,
        in_force: seen.in_force.clone(),
        faults: seen.faults.clone(),
        course: course(seen),
        packets: BTreeMap::new(),
        folder: Some("runs/20261231T235959Z-small".into()),
        twin: None,
        accept: Vec::new(),
        broken_part: None,
        failure: None,
        plan,
        rules: [("small.nft".to_owned(), RULES.to_owned())].into(),
    }
}
