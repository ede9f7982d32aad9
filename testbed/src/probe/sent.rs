//! What was sent of each aim, each crossing, each leg that is asked and each group that is joined, in the plain form in which it is kept: the plan knows the rest.

use serde::{Deserialize, Serialize};

use super::hops::INSTRUMENTS;
use super::ports::ports_of;
use super::{Asked, Crossed, Hopped, Joined, Sending, Swept};
use crate::names::CheckName;
use crate::observation::TraceStep;
use crate::plan::{Check, Plan, Word};

/// An aim that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AimSent {
    /// The check.
    pub check: CheckName,
    /// Which of the check's aims, from 0.
    pub aim: usize,
    /// The number by which its packets are entered in the ledger.
    pub number: usize,
    /// Whether its packets were sent again and again, through a change.
    pub again: bool,
    /// When the first packet was sent, nanoseconds since 1970-01-01 UTC.
    pub started_at: u64,
    /// When the last one was.
    pub ended_at: u64,
    /// When packets were sent, from one sign of life to the next.
    pub slices: Vec<(u64, u64)>,
    /// Errors of sending.
    pub errors: Vec<String>,
    /// The way of the first packet that arrived, sent again, through the rules.
    pub trace: Vec<TraceStep>,
}

/// A crossing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrossingSent {
    /// The check.
    pub check: CheckName,
    /// Which of the check's crossings, from 0.
    pub crossing: usize,
    /// Per frame: its number in the site, that of its instrument control there, that of its path control in the copy.
    pub numbers: Vec<[Option<u32>; 3]>,
    /// When the first frame was sent, nanoseconds since 1970-01-01 UTC.
    pub started_at: u64,
    /// When the last one was.
    pub ended_at: u64,
    /// Errors of sending.
    pub errors: Vec<String>,
}

/// A hop that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopSent {
    /// The check.
    pub check: CheckName,
    /// Which of the check's hops, from 0.
    pub hop: usize,
    /// Per frame: its number in the site, that of its path control in the copy, those of its instrument control at each tap.
    pub numbers: Vec<Vec<Option<u32>>>,
    /// When the first frame was sent, nanoseconds since 1970-01-01 UTC.
    pub started_at: u64,
    /// When the last one was.
    pub ended_at: u64,
    /// Errors of sending.
    pub errors: Vec<String>,
}

/// A group that was joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinSent {
    /// The check.
    pub check: CheckName,
    /// Which of the check's groups, from 0: those that were joined to hear nothing, and behind them those of who may hear.
    pub join: usize,
    /// The number of its instrument control in the site, and that of its path control in the copy.
    pub numbers: [Option<u32>; 2],
    /// When it was joined, nanoseconds since 1970-01-01 UTC.
    pub started_at: u64,
    /// When it was left.
    pub ended_at: u64,
    /// Datagrams of the camera's that the kernel handed out.
    pub heard: u64,
    /// When it handed out the first and the last.
    pub heard_at: Option<(u64, u64)>,
    /// Errors of joining and sending.
    pub errors: Vec<String>,
}

/// Questions that were asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedSent {
    /// The check.
    pub check: CheckName,
    /// Which of the check's questions, all of one leg and family, from 0.
    pub questions: usize,
    /// The number of each question, in the plan's order; those of the path are of the copy.
    pub numbers: Vec<Option<u32>>,
    /// When the first one that must not be answered was asked, nanoseconds since 1970-01-01 UTC.
    pub started_at: u64,
    /// When the last one had come to the leg.
    pub ended_at: u64,
    /// Errors of asking.
    pub errors: Vec<String>,
}

impl Swept {
    /// What is kept of it, the so-many-th aim of its check.
    pub fn sent(self, aim: usize) -> AimSent {
        AimSent {
            aim,
            check: self.check,
            number: self.number,
            again: self.again,
            started_at: self.started_at,
            ended_at: self.ended_at,
            slices: self.slices,
            errors: self.errors,
            trace: self.trace,
        }
    }

    /// The aim again, one of all that its check sends; none if the site's plan has no such.
    pub fn of(sent: AimSent, plan: &Plan, sending: &[Sending]) -> Option<Self> {
        let sending = sending.get(sent.aim)?.clone();
        Some(Swept {
            ports: ports_of(plan, &sending.aim)?,
            sending,
            check: sent.check,
            number: sent.number,
            again: sent.again,
            started_at: sent.started_at,
            ended_at: sent.ended_at,
            slices: sent.slices,
            errors: sent.errors,
            trace: sent.trace,
        })
    }
}

impl Crossed {
    /// What is kept of it, the so-many-th crossing of its check.
    pub fn sent(self, crossing: usize) -> CrossingSent {
        CrossingSent {
            crossing,
            check: self.check,
            numbers: self.numbers,
            started_at: self.started_at,
            ended_at: self.ended_at,
            errors: self.errors,
        }
    }

    /// The crossing again; none if the site's plan has no such.
    pub fn of(sent: CrossingSent, plan: &Plan) -> Option<Self> {
        let Word::NoBridge { crossings, .. } = &check(plan, &sent.check)?.word else { return None };
        let crossing = crossings.get(sent.crossing)?.clone();
        (crossing.frames.len() == sent.numbers.len()).then_some(Crossed {
            check: sent.check,
            crossing,
            numbers: sent.numbers,
            started_at: sent.started_at,
            ended_at: sent.ended_at,
            errors: sent.errors,
        })
    }
}

impl Hopped {
    /// What is kept of it, the so-many-th hop of its check.
    pub fn sent(self, hop: usize) -> HopSent {
        HopSent {
            hop,
            check: self.check,
            numbers: self.numbers,
            started_at: self.started_at,
            ended_at: self.ended_at,
            errors: self.errors,
        }
    }

    /// The hop again; none if the site's plan has no such.
    pub fn of(sent: HopSent, plan: &Plan) -> Option<Self> {
        let Word::NoHop { hops, .. } = &check(plan, &sent.check)?.word else { return None };
        let hop = hops.get(sent.hop)?.clone();
        let fits = hop.frames.len() == sent.numbers.len()
            && sent.numbers.iter().all(|one| one.len() == INSTRUMENTS + hop.judges.len());
        fits.then_some(Hopped {
            check: sent.check,
            hop,
            numbers: sent.numbers,
            started_at: sent.started_at,
            ended_at: sent.ended_at,
            errors: sent.errors,
        })
    }
}

impl Joined {
    /// What is kept of it, the so-many-th of its check.
    pub fn sent(self, join: usize) -> JoinSent {
        JoinSent {
            join,
            check: self.check,
            numbers: self.numbers,
            started_at: self.started_at,
            ended_at: self.ended_at,
            heard: self.heard,
            heard_at: self.heard_at,
            errors: self.errors,
        }
    }

    /// The group again; none if the site's plan has no such.
    pub fn of(sent: JoinSent, plan: &Plan) -> Option<Self> {
        let Word::NoStream { joins, hears, .. } = &check(plan, &sent.check)?.word else { return None };
        let join = joins.iter().chain(hears).nth(sent.join)?.clone();
        Some(Joined {
            check: sent.check,
            join,
            numbers: sent.numbers,
            started_at: sent.started_at,
            ended_at: sent.ended_at,
            heard: sent.heard,
            heard_at: sent.heard_at,
            errors: sent.errors,
        })
    }
}

impl Asked {
    /// What is kept of it, the so-many-th of its check.
    pub fn sent(self, questions: usize) -> AskedSent {
        AskedSent {
            questions,
            check: self.check,
            numbers: self.numbers,
            started_at: self.started_at,
            ended_at: self.ended_at,
            errors: self.errors,
        }
    }

    /// The questions again; none if the site's plan has no such.
    pub fn of(sent: AskedSent, plan: &Plan) -> Option<Self> {
        let Word::OwnLeg { questions } = &check(plan, &sent.check)?.word else { return None };
        let questions = questions.get(sent.questions)?.clone();
        (questions.all().len() == sent.numbers.len()).then_some(Asked {
            check: sent.check,
            questions,
            numbers: sent.numbers,
            started_at: sent.started_at,
            ended_at: sent.ended_at,
            errors: sent.errors,
        })
    }
}

fn check<'a>(plan: &'a Plan, name: &CheckName) -> Option<&'a Check> {
    plan.checks.iter().find(|check| check.name == *name)
}
