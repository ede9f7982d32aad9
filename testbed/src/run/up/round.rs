//! Judgements of a lab that stays, one after the other: each with a run folder of its own inside the lab's.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::timeout;

use super::Site;
use super::desk::Asked;
use crate::event::{Event, Failure, Fault, Stage};
use crate::evidence::{RunFile, RunFolder, RunInfo};
use crate::exit::Exit;
use crate::plan::Plan;
use crate::report::{self, Colour, Report};
use crate::run::order::Order;
use crate::run::scenario::{accepted, conclude, empty_report, ours, rules, stage_times, write_plan};
use crate::stay::{Answer, Judged};

/// How long the last word to somebody who waits may take.
pub(super) const HEARD_WITHIN: Duration = Duration::from_millis(500);

/// Judgements made and to be made.
pub(super) struct Rounds<'a> {
    site: Site<'a>,
    plan: Plan,
    /// The lab's number.
    run: u32,
    /// The lab's folder, whole.
    folder: PathBuf,
    waiting: VecDeque<Asked>,
    current: Option<Round>,
}

/// One that goes on.
struct Round {
    asked: Asked,
    evidence: RunFolder,
    info: RunInfo,
    report: Report,
    begun: Instant,
    stages: Vec<(Stage, u64)>,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(site: Site<'a>, order: &Order) -> Self {
        let (plan, run, folder) = (order.plan.clone(), order.run, order.run_folder.clone());
        Self { site, plan, run, folder, waiting: VecDeque::new(), current: None }
    }

    pub(super) fn line_up(&mut self, asked: Asked) {
        self.waiting.push_back(asked);
    }

    pub(super) fn goes_on(&self) -> bool {
        self.current.is_some()
    }

    /// Begins the next judgement, unless one goes on or none is asked for; its folder.
    pub(super) fn begin(&mut self) -> Option<PathBuf> {
        if self.current.is_some() {
            return None;
        }
        while let Some(asked) = self.waiting.pop_front() {
            let mut report = empty_report(self.site.scenario);
            report.plan = self.plan.clone();
            report.rules = rules(&self.plan, self.site.folder);
            report.started = SystemTime::now();
            report.accept = accepted(&asked.accept, self.site.scenario, self.site.twin);
            match self.make_folder(&mut report) {
                Ok((evidence, info)) => {
                    let (begun, stages) = (Instant::now(), Vec::new());
                    let folder = evidence.path().to_owned();
                    self.current = Some(Round { asked, evidence, info, report, begun, stages });
                    return Some(folder);
                }
                Err(failure) => {
                    report.failure = Some(failure);
                    answer(&asked, report);
                }
            }
        }
        None
    }

    fn make_folder(&self, report: &mut Report) -> Result<(RunFolder, RunInfo), Failure> {
        let name = self.site.twin.map_or(&self.site.scenario.name, |twin| &twin.name);
        let evidence = RunFolder::create(&self.folder, report.started, name)?;
        report.folder = Some(evidence.path().to_owned());
        write_plan(&evidence, self.site.scenario, &self.plan, self.site.folder)?;
        let begun = RunInfo::begun(report.started, self.run, self.site.twin, &report.accept);
        let info = RunInfo { stays: true, ..begun };
        evidence.write_json(&RunFile::Run, &info)?;
        Ok((evidence, info))
    }

    /// Notes a stage, and passes it on, as it does warnings.
    pub(super) fn hear(&mut self, event: &Event) {
        let Some(round) = &mut self.current else { return };
        let answer = match event {
            Event::Stage { stage, .. } => {
                round.stages.push((*stage, milliseconds(round.begun)));
                Answer::Stage { stage: *stage }
            }
            Event::Warning { text } => Answer::Warning { text: text.clone() },
            _ => return,
        };
        // Whoever asked may have left; the evidence is kept all the same.
        let _ = round.asked.answers.send(answer);
    }

    /// The current judgement is over: it is concluded, and whoever asked is answered.
    pub(super) fn over(&mut self, event: Event) {
        let Some(round) = self.current.take() else { return };
        let Round { asked, evidence, info, mut report, begun, stages } = round;
        report.stages = stage_times(&stages, milliseconds(begun));
        let seen = match event {
            Event::Observed(seen) => Ok(*seen),
            Event::NotJudged(failure) => Err(failure),
            other => Err(ours(format!("the lab answered with {other:?}"))),
        };
        report.failure = conclude(&evidence, info, self.site.twin, seen, &mut report).err();
        answer(&asked, report);
    }

    /// The lab is gone: whoever waits is told, and has heard it when this returns, or is slow.
    pub(super) async fn interrupt(&mut self) {
        let failure = Failure {
            fault: Fault::Interrupted,
            text: "the lab was taken down".into(),
            node: None,
            last_lines: Vec::new(),
        };
        let current = self.current.as_ref().map(|round| round.asked.answers.clone());
        let waiting: Vec<_> =
            current.into_iter().chain(self.waiting.iter().map(|one| one.answers.clone())).collect();
        self.over(Event::NotJudged(failure.clone()));
        for asked in self.waiting.drain(..) {
            let mut report = empty_report(self.site.scenario);
            report.failure = Some(failure.clone());
            answer(&asked, report);
        }
        for answers in waiting {
            let _ = timeout(HEARD_WITHIN, answers.closed()).await;
        }
    }
}

fn answer(asked: &Asked, mut report: Report) {
    // As the one who asked would name it.
    report.folder = report.folder.map(|folder| match folder.strip_prefix(&asked.from) {
        Ok(relative) => relative.to_owned(),
        Err(_) => folder,
    });
    let exit = Exit::Expected.worse(report.exit());
    let colour = if asked.colour { Colour::Ansi } else { Colour::Plain };
    let reports = std::slice::from_ref(&report);
    let judged = Judged {
        exit: exit.code(),
        text: report::text(&report, colour),
        timings: report::timings_text(&report),
        json: report::runs_json(reports, exit),
        junit: report::junit(reports),
        sarif: report::sarif(reports, exit),
        summary: report::summary_markdown(reports),
    };
    let _ = asked.answers.send(Answer::Judged(Box::new(judged)));
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
