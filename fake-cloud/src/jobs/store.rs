//! All jobs and their executions: who has what to do, in which order, and who is to hear of a change. Pure; times are
//! milliseconds since 1970.
//!
//! Whoever waits for work is told by two messages (AWS IoT developer guide, "Jobs notifications"): `notify` when the list
//! of what is pending has changed, `notify-next` when another execution has become the next one. Both follow from how the
//! queue was before a change and how it is after it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::ask::{Ask, Change, Refusal};
use super::execution::{Execution, Status};

/// Seconds that presigned links are good for, unless a job says otherwise (API reference, PresignedUrlConfig).
pub(crate) const LINKS_LAST: u64 = 3600;

/// One job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// JSON text.
    pub(crate) document: String,
    /// Where the document came from, if it was not given.
    pub(crate) source: Option<String>,
    pub(crate) description: Option<String>,
    /// ARNs.
    pub(crate) targets: Vec<String>,
    /// Minutes that an execution may be in progress.
    pub(crate) minutes: Option<i64>,
    /// Seconds that presigned links in the document are good for.
    pub(crate) links_last: u64,
    pub(crate) canceled: bool,
    pub(crate) force_canceled: bool,
    pub(crate) comment: Option<String>,
    pub(crate) reason_code: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) completed_at: Option<i64>,
}

impl Job {
    /// With a document, and nothing else that can be chosen.
    pub(crate) fn new(id: &str, document: &str, now: i64) -> Self {
        Self {
            id: id.into(),
            document: document.into(),
            source: None,
            description: None,
            targets: Vec::new(),
            minutes: None,
            links_last: LINKS_LAST,
            canceled: false,
            force_canceled: false,
            comment: None,
            reason_code: None,
            created_at: now,
            updated_at: now,
            completed_at: None,
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Store {
    jobs: BTreeMap<String, Job>,
    /// By thing, then by job.
    executions: BTreeMap<String, BTreeMap<String, Execution>>,
    places: u64,
    /// How long a minute of a timer takes, milliseconds.
    minute: i64,
}

/// A thing that is to hear of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) thing: String,
    /// The list of what is pending has changed.
    pub(crate) list: bool,
    /// The next execution is another one.
    pub(crate) next: bool,
}

/// What a queue shows.
#[derive(PartialEq, Eq)]
struct View {
    pending: BTreeSet<String>,
    next: Option<String>,
}

/// How the document of an execution is written: links are signed when it is handed over.
pub(crate) type Writer<'a> = &'a dyn Fn(&Job) -> Value;

impl Store {
    /// Empty; `minute`: how long a minute of a timer takes, milliseconds.
    pub(crate) fn new(minute: i64) -> Self {
        Self { jobs: BTreeMap::new(), executions: BTreeMap::new(), places: 0, minute }
    }

    /// The job of that name.
    pub(crate) fn job(&self, id: &str) -> Option<&Job> {
        self.jobs.get(id)
    }

    /// All jobs, the latest first.
    pub(crate) fn jobs(&self) -> Vec<&Job> {
        let mut jobs: Vec<&Job> = self.jobs.values().collect();
        jobs.sort_by_key(|job| std::cmp::Reverse(job.created_at));
        jobs
    }

    /// The execution of a job by a thing.
    pub(crate) fn execution(&self, thing: &str, job: &str) -> Option<&Execution> {
        self.executions.get(thing)?.get(job)
    }

    /// All executions of a job, by thing.
    pub(crate) fn of_job<'a>(&'a self, job: &'a str) -> impl Iterator<Item = (&'a str, &'a Execution)> {
        self.executions.iter().filter_map(move |(thing, all)| Some((thing.as_str(), all.get(job)?)))
    }

    /// All executions of a thing, in the order in which they were queued.
    pub(crate) fn of_thing(&self, thing: &str) -> Vec<&Execution> {
        let mut all: Vec<_> = self.executions.get(thing).into_iter().flat_map(BTreeMap::values).collect();
        all.sort_by_key(|execution| execution.place);
        all
    }

    /// Queues a job for these things.
    pub(crate) fn create(&mut self, job: Job, things: &[String], now: i64) -> Vec<Notice> {
        let mut notices = Vec::new();
        for thing in things {
            self.places += 1;
            let execution = Execution::new(&job.id, self.places, now);
            notices.extend(self.watch(thing, |store| {
                store.executions.entry(thing.clone()).or_default().insert(job.id.clone(), execution);
            }));
        }
        self.jobs.insert(job.id.clone(), job);
        notices
    }

    /// Cancels what is queued, and with `force` what is in progress.
    pub(crate) fn cancel(&mut self, id: &str, force: bool, now: i64) -> Vec<Notice> {
        let things: Vec<String> = self.of_job(id).map(|(thing, _)| thing.to_owned()).collect();
        let notices = things.iter().filter_map(|thing| self.cancel_one(thing, id, force, now)).collect();
        if let Some(job) = self.jobs.get_mut(id) {
            (job.canceled, job.force_canceled) = (true, force);
            (job.updated_at, job.completed_at) = (now, Some(now));
        }
        notices
    }

    /// Why a job was cancelled, for people.
    pub(crate) fn remark(&mut self, id: &str, comment: Option<String>, reason_code: Option<String>) {
        if let Some(job) = self.jobs.get_mut(id) {
            (job.comment, job.reason_code) = (comment, reason_code);
        }
    }

    /// The same for one thing.
    pub(crate) fn cancel_one(&mut self, thing: &str, id: &str, force: bool, now: i64) -> Option<Notice> {
        self.watch(thing, |store| {
            let execution = store.executions.get_mut(thing).and_then(|all| all.get_mut(id));
            let may = |status| status == Status::Queued || force && status == Status::InProgress;
            if let Some(execution) = execution.filter(|execution| may(execution.status)) {
                execution.force_canceled = force;
                execution.enter(Status::Canceled, None, now);
                store.settle(id, now);
            }
        })
    }

    /// Forgets a job and its executions.
    pub(crate) fn delete(&mut self, id: &str) -> Vec<Notice> {
        let things: Vec<String> = self.of_job(id).map(|(thing, _)| thing.to_owned()).collect();
        let notices = things.iter().filter_map(|thing| self.delete_one(thing, id)).collect();
        self.jobs.remove(id);
        notices
    }

    /// Forgets one execution.
    pub(crate) fn delete_one(&mut self, thing: &str, id: &str) -> Option<Notice> {
        self.watch(thing, |store| {
            store.executions.get_mut(thing).and_then(|all| all.remove(id));
        })
    }

    /// Answers a thing; says who is to hear of it.
    pub(crate) fn answer(
        &mut self,
        thing: &str,
        ask: &Ask,
        write: Writer<'_>,
        now: i64,
    ) -> (Result<Value, Refusal>, Option<Notice>) {
        let mut answer = Err(Refusal::not_found("nobody asked"));
        let notice = self.watch(thing, |store| answer = store.answer_one(thing, ask, write, now));
        (answer, notice)
    }

    fn answer_one(&mut self, thing: &str, ask: &Ask, write: Writer<'_>, now: i64) -> Result<Value, Refusal> {
        match ask {
            Ask::Pending => {
                let of = |status| -> Vec<Value> {
                    self.pending(thing)
                        .into_iter()
                        .filter(|one| one.status == status)
                        .map(Execution::summary)
                        .collect()
                };
                Ok(json!({ "inProgressJobs": of(Status::InProgress), "queuedJobs": of(Status::Queued) }))
            }
            Ask::Start { details, step_minutes } => {
                let next = self.pending(thing).first().map(|next| next.job.clone());
                let Some(id) = next else { return Ok(json!({})) };
                self.start(thing, &id, details.as_ref(), *step_minutes, now);
                Ok(json!({ "execution": self.described(thing, &id, Some(write), now) }))
            }
            Ask::Describe { job, number, document } => {
                let Some(id) = job.clone().or_else(|| Some(self.pending(thing).first()?.job.clone())) else {
                    return Ok(json!({}));
                };
                let execution = self.find(thing, &id, *number)?;
                if execution.status.is_terminal() {
                    return Err(Refusal::terminal(format!("the execution is {}", execution.status.word())));
                }
                Ok(json!({ "execution": self.described(thing, &id, document.then_some(write), now) }))
            }
            Ask::Update { job, change, number, state, document } => {
                self.find(thing, job, *number)?;
                self.change(thing, job, change, now)?;
                let mut said = json!({});
                if *state {
                    said["executionState"] = self.find(thing, job, *number)?.state();
                }
                if let (true, Some(job)) = (*document, self.jobs.get(job)) {
                    said["jobDocument"] = write(job);
                }
                Ok(said)
            }
        }
    }

    fn start(
        &mut self,
        thing: &str,
        id: &str,
        details: Option<&Map<String, Value>>,
        step: Option<i64>,
        now: i64,
    ) {
        let (lasts, minute) = (self.lasts(id), self.minute);
        let execution = self.executions.get_mut(thing).and_then(|all| all.get_mut(id));
        // One that is in progress already is told as it is.
        if let Some(execution) = execution.filter(|execution| execution.status == Status::Queued) {
            execution.enter(Status::InProgress, lasts, now);
            execution.details = details.cloned().unwrap_or_default();
            execution.set_step(step, minute, now);
        }
    }

    fn change(&mut self, thing: &str, id: &str, change: &Change, now: i64) -> Result<(), Refusal> {
        let (lasts, minute) = (self.lasts(id), self.minute);
        if let Some(execution) = self.executions.get_mut(thing).and_then(|all| all.get_mut(id)) {
            execution.change(change, lasts, minute, now)?;
            self.settle(id, now);
        }
        Ok(())
    }

    /// Ends what has taken too long.
    pub(crate) fn expire(&mut self, now: i64) -> Vec<Notice> {
        let late = |execution: &Execution| execution.deadline().is_some_and(|deadline| deadline <= now);
        let found: Vec<(String, String)> = self
            .executions
            .iter()
            .flat_map(|(thing, all)| all.values().map(move |execution| (thing, execution)))
            .filter(|(_, execution)| late(execution))
            .map(|(thing, execution)| (thing.clone(), execution.job.clone()))
            .collect();
        let end = |(thing, id): &(String, String)| {
            self.watch(thing, |store| {
                if let Some(execution) = store.executions.get_mut(thing).and_then(|all| all.get_mut(id)) {
                    execution.enter(Status::TimedOut, None, now);
                    store.settle(id, now);
                }
            })
        };
        found.iter().filter_map(end).collect()
    }

    /// When the next timer runs out.
    pub(crate) fn deadline(&self) -> Option<i64> {
        self.executions.values().flat_map(BTreeMap::values).filter_map(Execution::deadline).min()
    }

    /// What a thing has to do: what it has begun first, then by age.
    pub(crate) fn pending(&self, thing: &str) -> Vec<&Execution> {
        let mut pending = self.of_thing(thing);
        pending.retain(|execution| !execution.status.is_terminal());
        pending.sort_by_key(|execution| (execution.status != Status::InProgress, execution.place));
        pending
    }

    /// An execution as a thing is told of it.
    pub(crate) fn described(&self, thing: &str, id: &str, write: Option<Writer<'_>>, now: i64) -> Value {
        let Some(execution) = self.execution(thing, id) else { return Value::Null };
        let mut said = execution.described(now);
        if let (Some(write), Some(job)) = (write, self.jobs.get(id)) {
            said["jobDocument"] = write(job);
        }
        said
    }

    /// `IN_PROGRESS`, `CANCELED` or `COMPLETED`.
    pub(crate) fn status(&self, job: &Job) -> &'static str {
        match (job.canceled, job.completed_at) {
            (true, _) => "CANCELED",
            (false, Some(_)) => "COMPLETED",
            (false, None) => "IN_PROGRESS",
        }
    }

    fn find(&self, thing: &str, id: &str, number: Option<u64>) -> Result<&Execution, Refusal> {
        let found = self.execution(thing, id).filter(|one| number.is_none_or(|number| number == one.number));
        found.ok_or_else(|| Refusal::not_found(format!("the thing has no such execution of `{id}`")))
    }

    fn lasts(&self, id: &str) -> Option<i64> {
        Some(self.jobs.get(id)?.minutes?.saturating_mul(self.minute))
    }

    /// A job is completed when all its executions have ended.
    fn settle(&mut self, id: &str, now: i64) {
        let over = self.of_job(id).all(|(_, execution)| execution.status.is_terminal());
        if let Some(job) = self.jobs.get_mut(id) {
            job.updated_at = now;
            job.completed_at = job.completed_at.or(over.then_some(now));
        }
    }

    fn watch(&mut self, thing: &str, act: impl FnOnce(&mut Self)) -> Option<Notice> {
        let before = self.view(thing);
        act(self);
        let after = self.view(thing);
        let (list, next) = (before.pending != after.pending, before.next != after.next);
        (list || next).then(|| Notice { thing: thing.into(), list, next })
    }

    fn view(&self, thing: &str) -> View {
        let pending = self.pending(thing);
        let next = pending.first().map(|next| next.job.clone());
        View { pending: pending.into_iter().map(|one| one.job.clone()).collect(), next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str) -> Job {
        Job::new(id, "{}", 0)
    }

    fn told(notices: &[Notice]) -> Vec<(bool, bool)> {
        notices.iter().map(|notice| (notice.list, notice.next)).collect()
    }

    fn with(ids: &[&str]) -> Store {
        let mut store = Store::new(60_000);
        for id in ids {
            store.create(job(id), &["app".into()], 0);
        }
        store
    }

    fn update(store: &mut Store, id: &str, status: Status) -> (Result<Value, Refusal>, Option<Notice>) {
        let change = Change { status, ..Change::default() };
        let ask = Ask::Update { job: id.into(), change, number: None, state: false, document: false };
        store.answer("app", &ask, &|_| json!({}), 1)
    }

    /// The table "Jobs notifications", row by row: `notify` and `notify-next`.
    #[test]
    fn who_waits_is_told_as_documented() {
        let mut store = Store::new(60_000);
        let app = ["app".to_owned()];
        assert_eq!(told(&store.create(job("one"), &app, 0)), [(true, true)], "queued, the queue was empty");
        assert_eq!(told(&store.create(job("two"), &app, 0)), [(true, false)], "queued behind another");
        assert_eq!(update(&mut store, "one", Status::InProgress).1, None, "the first is begun");
        let (_, notice) = update(&mut store, "one", Status::Succeeded);
        assert_eq!(told(&[notice.unwrap()]), [(true, true)], "the first ends");
        store.create(job("three"), &app, 0);
        let (_, notice) = update(&mut store, "three", Status::InProgress);
        assert_eq!(told(&[notice.unwrap()]), [(false, true)], "a later one is begun before the first");
        let (_, notice) = update(&mut store, "two", Status::Rejected);
        assert_eq!(told(&[notice.unwrap()]), [(true, false)], "a later one ends");
        assert_eq!(told(&store.cancel("three", false, 2)), [], "in progress, it is not cancelled");
        assert_eq!(told(&store.cancel("three", true, 2)), [(true, true)]);
        assert!(store.pending("app").is_empty());
    }

    #[test]
    fn what_is_in_progress_comes_first_then_the_oldest() {
        let mut store = with(&["b", "a", "c"]);
        let order = |store: &Store| -> Vec<String> {
            store.pending("app").iter().map(|one| one.job.clone()).collect()
        };
        assert_eq!(order(&store), ["b", "a", "c"]);
        update(&mut store, "c", Status::InProgress).0.unwrap();
        assert_eq!(order(&store), ["c", "b", "a"]);
        let start = Ask::Start { details: None, step_minutes: None };
        let (told, _) = store.answer("app", &start, &|_| json!({ "do": 1 }), 1);
        let told = told.unwrap();
        assert_eq!(
            (&told["execution"]["jobId"], &told["execution"]["versionNumber"]),
            (&json!("c"), &json!(2))
        );
        assert_eq!(told["execution"]["jobDocument"], json!({ "do": 1 }));
    }

    #[test]
    fn an_execution_that_has_ended_is_told_no_more_and_one_of_others_never() {
        let mut store = with(&["one"]);
        update(&mut store, "one", Status::Succeeded).0.unwrap();
        assert_eq!(store.status(store.job("one").unwrap()), "COMPLETED");
        let describe =
            |job: Option<&str>, number| Ask::Describe { job: job.map(Into::into), number, document: true };
        let mut code = |thing: &str, ask: &Ask| {
            store.answer(thing, ask, &|_| json!({}), 1).0.map_err(|refusal| refusal.code())
        };
        assert_eq!(code("app", &describe(Some("one"), None)), Err("TerminalStateReached"));
        assert_eq!(code("app", &describe(None, None)), Ok(json!({})));
        assert_eq!(code("other", &describe(Some("one"), None)), Err("ResourceNotFound"));
        assert_eq!(code("app", &describe(Some("one"), Some(2))), Err("ResourceNotFound"));
    }

    #[test]
    fn a_step_that_takes_too_long_is_timed_out() {
        let mut store = with(&["one", "two"]);
        let start = Ask::Start { details: None, step_minutes: Some(1) };
        store.answer("app", &start, &|_| json!({}), 1000).0.unwrap();
        assert_eq!(store.deadline(), Some(61_000));
        assert_eq!(told(&store.expire(60_999)), []);
        assert_eq!(told(&store.expire(61_000)), [(true, true)]);
        assert_eq!(store.execution("app", "one").unwrap().status, Status::TimedOut);
        assert_eq!(store.deadline(), None);
    }
}
