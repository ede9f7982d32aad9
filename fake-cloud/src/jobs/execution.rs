//! One job of one thing: its states, who may change them, and its timers. Pure; times are milliseconds since 1970.

use serde_json::{Map, Value, json};

use super::ask::{Change, Refusal};

/// The states of an execution (AWS IoT developer guide, "Job execution states").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Queued,
    InProgress,
    Succeeded,
    Failed,
    TimedOut,
    Rejected,
    Removed,
    Canceled,
}

/// Every state with its word.
const WORDS: [(Status, &str); 8] = [
    (Status::Queued, "QUEUED"),
    (Status::InProgress, "IN_PROGRESS"),
    (Status::Succeeded, "SUCCEEDED"),
    (Status::Failed, "FAILED"),
    (Status::TimedOut, "TIMED_OUT"),
    (Status::Rejected, "REJECTED"),
    (Status::Removed, "REMOVED"),
    (Status::Canceled, "CANCELED"),
];

impl Status {
    /// The word of the protocol.
    pub(crate) fn word(self) -> &'static str {
        WORDS.iter().find(|row| row.0 == self).expect("the table has every state").1
    }

    /// The state of that name.
    pub(crate) fn named(word: &str) -> Option<Self> {
        WORDS.iter().find(|row| row.1 == word).map(|row| row.0)
    }

    /// Nothing follows.
    pub(crate) fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::InProgress)
    }

    /// Whether a device may say it of itself.
    pub(crate) fn is_a_devices(self) -> bool {
        matches!(self, Self::InProgress | Self::Succeeded | Self::Failed | Self::Rejected)
    }
}

/// One job of one thing.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub(crate) job: String,
    /// Place in the order in which all executions were queued.
    pub(crate) place: u64,
    pub(crate) number: u64,
    pub(crate) status: Status,
    pub(crate) details: Map<String, Value>,
    pub(crate) queued_at: i64,
    pub(crate) started_at: Option<i64>,
    pub(crate) updated_at: i64,
    /// Grows with each change, from 1.
    pub(crate) version: u64,
    pub(crate) force_canceled: bool,
    /// When the step timer runs out.
    pub(crate) step_ends: Option<i64>,
    /// When the timer of the whole execution runs out.
    pub(crate) ends: Option<i64>,
}

impl Execution {
    /// Queued now.
    pub(crate) fn new(job: &str, place: u64, now: i64) -> Self {
        Self {
            job: job.into(),
            place,
            number: 1,
            status: Status::Queued,
            details: Map::new(),
            queued_at: now,
            started_at: None,
            updated_at: now,
            version: 1,
            force_canceled: false,
            step_ends: None,
            ends: None,
        }
    }

    /// Moves on to a state; timers end with the execution. `lasts`: how long it may be in progress, milliseconds.
    pub(crate) fn enter(&mut self, status: Status, lasts: Option<i64>, now: i64) {
        if status == Status::InProgress && self.status == Status::Queued {
            self.started_at = Some(now);
            self.ends = lasts.map(|lasts| now.saturating_add(lasts));
        }
        if status.is_terminal() {
            (self.step_ends, self.ends) = (None, None);
        }
        self.status = status;
        self.updated_at = now;
        self.version += 1;
    }

    /// Does what a device says. `minute`: how long a minute of its timers takes, milliseconds.
    pub(crate) fn change(
        &mut self,
        change: &Change,
        lasts: Option<i64>,
        minute: i64,
        now: i64,
    ) -> Result<(), Refusal> {
        if change.expected_version.is_some_and(|expected| expected != self.version) {
            let message = format!("the version is {}, not the expected one", self.version);
            return Err(Refusal::version_mismatch(message).of(self));
        }
        if self.status.is_terminal() {
            let message = format!("the execution is {} and stays so", self.status.word());
            return Err(Refusal::transition(message).of(self));
        }
        self.enter(change.status, lasts, now);
        if let Some(details) = &change.details {
            self.details = details.clone();
        }
        self.set_step(change.step_minutes, minute, now);
        Ok(())
    }

    /// Sets the step timer, or (−1) takes it away.
    pub(crate) fn set_step(&mut self, minutes: Option<i64>, minute: i64, now: i64) {
        match minutes {
            Some(-1) => self.step_ends = None,
            Some(minutes) if !self.status.is_terminal() => {
                self.step_ends = Some(now.saturating_add(minutes.saturating_mul(minute)));
            }
            _ => {}
        }
    }

    /// When the first of its timers runs out.
    pub(crate) fn deadline(&self) -> Option<i64> {
        let timers = [self.step_ends, self.ends];
        timers.into_iter().flatten().min().filter(|_| self.status == Status::InProgress)
    }

    /// What lists say of it: whole seconds.
    pub(crate) fn summary(&self) -> Value {
        let mut said = json!({
            "jobId": self.job, "queuedAt": self.queued_at / 1000, "lastUpdatedAt": self.updated_at / 1000,
            "executionNumber": self.number, "versionNumber": self.version,
        });
        if let Some(started) = self.started_at {
            said["startedAt"] = (started / 1000).into();
        }
        said
    }

    /// The same with its state.
    pub(crate) fn described(&self, now: i64) -> Value {
        let mut said = self.summary();
        said["status"] = self.status.word().into();
        if !self.details.is_empty() {
            said["statusDetails"] = self.details.clone().into();
        }
        if let Some(deadline) = self.deadline() {
            said["approximateSecondsBeforeTimedOut"] = ((deadline - now).max(0) / 1000).into();
        }
        said
    }

    /// `executionState` of answers.
    pub(crate) fn state(&self) -> Value {
        json!({ "status": self.status.word(), "statusDetails": self.details, "versionNumber": self.version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(status: Status) -> Change {
        Change { status, ..Change::default() }
    }

    #[test]
    fn nothing_follows_an_end_and_each_change_counts() {
        let mut execution = Execution::new("j", 0, 1000);
        assert_eq!((execution.status, execution.version), (Status::Queued, 1));
        execution.change(&to(Status::InProgress), None, 60_000, 2000).unwrap();
        assert_eq!((execution.version, execution.started_at), (2, Some(2000)));
        execution.change(&to(Status::InProgress), None, 60_000, 3000).unwrap();
        assert_eq!((execution.version, execution.started_at), (3, Some(2000)));
        execution.change(&to(Status::Succeeded), None, 60_000, 4000).unwrap();
        for status in [Status::InProgress, Status::Succeeded, Status::Failed, Status::Rejected] {
            let refusal = execution.change(&to(status), None, 60_000, 5000).unwrap_err();
            assert_eq!(refusal.code(), "InvalidStateTransition");
        }
        assert_eq!((execution.status, execution.version), (Status::Succeeded, 4));
    }

    #[test]
    fn an_unexpected_version_changes_nothing() {
        let mut execution = Execution::new("j", 0, 0);
        let change = Change { expected_version: Some(2), ..to(Status::InProgress) };
        let refusal = execution.change(&change, None, 60_000, 1).unwrap_err();
        assert_eq!((refusal.code(), execution.status), ("VersionMismatch", Status::Queued));
        let change = Change { expected_version: Some(1), ..change };
        execution.change(&change, None, 60_000, 1).unwrap();
    }

    #[test]
    fn the_first_timer_counts_until_the_end() {
        let mut execution = Execution::new("j", 0, 0);
        let change = Change { step_minutes: Some(2), ..to(Status::InProgress) };
        execution.change(&change, Some(5000), 1000, 100).unwrap();
        assert_eq!(execution.deadline(), Some(2100));
        execution.set_step(Some(-1), 1000, 200);
        assert_eq!(execution.deadline(), Some(5100));
        execution.enter(Status::Failed, None, 300);
        assert_eq!(execution.deadline(), None);
    }
}
