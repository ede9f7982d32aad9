//! Jobs for things (AWS IoT developer guide, "Jobs"): what there is to do, asked by message or over HTTPS, told of by
//! message, and ruled from the control plane.
//!
//! ```text
//! execution  one job of one thing: states, timers       ask      what a device asks, and its refusals
//! store      all of them: queues, who hears of changes  links    presigned links in documents
//! control    the control plane's side
//! ```

mod ask;
pub(crate) mod control;
mod execution;
mod links;
mod store;

use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::ask::{Ask, Refusal};
pub(crate) use self::ask::{Question, is_job_id};
pub(crate) use self::execution::{Execution, Status};
pub(crate) use self::links::{Links, place};
pub(crate) use self::store::Job;
use self::store::{Notice, Store};
use crate::answer::Failure;
use crate::cloud::Cloud;
use crate::mqtt::Message;

/// What follows `$aws/`, of a thing's topics.
const THINGS: &str = "$aws/things/";

/// All jobs of the account.
pub(crate) struct Jobs {
    store: Mutex<Store>,
    links: Links,
    /// A timer may have been set.
    changed: Notify,
}

/// What a message of a thing leads to.
pub(crate) struct Reply {
    /// For whoever asked.
    pub(crate) answer: Message,
    /// For whoever listens, after the answer.
    pub(crate) notices: Vec<Message>,
    /// The thing, and the job that it has changed.
    pub(crate) changed: Option<(String, String)>,
}

impl Jobs {
    /// None yet; `minute`: how long a minute of a timer takes, milliseconds.
    pub(crate) fn new(minute: i64, links: Links) -> Self {
        Self { store: Mutex::new(Store::new(minute)), links, changed: Notify::new() }
    }

    /// Queues a job for these things; gives who is to be told what.
    pub(crate) fn create(&self, job: Job, things: &[String], now: i64) -> Vec<Message> {
        let mut store = self.lock();
        let notices = store.create(job, things, now);
        self.messages(&store, &notices, now)
    }

    /// Forgets a job and its executions; gives who is to be told what.
    pub(crate) fn delete(&self, id: &str, now: i64) -> Vec<Message> {
        let mut store = self.lock();
        let notices = store.delete(id);
        self.messages(&store, &notices, now)
    }

    /// The execution of a job by a thing, if there is one.
    pub(crate) fn execution(&self, thing: &str, job: &str) -> Option<Execution> {
        self.lock().execution(thing, job).cloned()
    }

    /// What a message of a thing leads to; none if it asks nothing of jobs.
    pub(crate) fn take(&self, message: &Message, now: i64) -> Option<Reply> {
        let (thing, rest) = message.topic.strip_prefix(THINGS)?.split_once("/jobs/")?;
        let question = Question::of_topic(rest)?;
        let mut store = self.lock();
        let (body, unread) = match ask::object(&message.payload) {
            Ok(body) => (body, None),
            Err(refusal) => (Map::new(), Some(refusal)),
        };
        let (token, bad_token) = match ask::token(&body) {
            Ok(token) => (token, None),
            Err(refusal) => (None, Some(refusal)),
        };
        let ask = unread.or(bad_token).map_or_else(|| question.with(&body), Err);
        let (said, notice) = match &ask {
            Ok(ask) => store.answer(thing, ask, &|job| self.document(job), now),
            Err(refusal) => (Err(refusal.clone()), None),
        };
        let changed = match (&ask, &said) {
            (Ok(Ask::Update { job, .. }), Ok(_)) => Some((thing.to_owned(), job.clone())),
            // Nothing is started where nothing waits.
            (Ok(Ask::Start { .. }), Ok(said)) => {
                let job = said["execution"]["jobId"].as_str();
                job.map(|job| (thing.to_owned(), job.to_owned()))
            }
            _ => None,
        };
        let notices = self.messages(&store, notice.as_slice(), now);
        drop(store);
        self.changed.notify_one();
        Some(Reply { answer: answer(&message.topic, said, token, now), notices, changed })
    }

    /// The same over HTTPS: the answer, or why not; and who is to be told what. Documents are texts there.
    pub(crate) fn over_https(
        &self,
        thing: &str,
        question: Question<'_>,
        body: &Map<String, Value>,
        now: i64,
    ) -> Result<(Value, Vec<Message>), Failure> {
        let refused = |refusal: Refusal| {
            let (status, code, message) = refusal.over_https();
            Failure::new(status, code, message)
        };
        let ask = question.with(body).map_err(refused)?;
        let mut store = self.lock();
        let write = |job: &Job| Value::String(self.links.sign(&job.document, job.links_last));
        let (said, notice) = store.answer(thing, &ask, &write, now);
        let mut said = said.map_err(refused)?;
        if let Some(execution) = said.get_mut("execution") {
            execution["thingName"] = thing.into();
        }
        let notices = self.messages(&store, notice.as_slice(), now);
        drop(store);
        self.changed.notify_one();
        Ok((said, notices))
    }

    fn document(&self, job: &Job) -> Value {
        let text = self.links.sign(&job.document, job.links_last);
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    fn messages(&self, store: &Store, notices: &[Notice], now: i64) -> Vec<Message> {
        let mut messages = Vec::new();
        for Notice { thing, list, next } in notices {
            if *list {
                messages.push(told(format!("{THINGS}{thing}/jobs/notify"), &self.list(store, thing, now)));
            }
            if *next {
                let mut said = json!({ "timestamp": now / 1000 });
                if let Some(next) = store.pending(thing).first() {
                    let write = |job: &Job| self.document(job);
                    said["execution"] = store.described(thing, &next.job, Some(&write), now);
                }
                messages.push(told(format!("{THINGS}{thing}/jobs/notify-next"), &said));
            }
        }
        messages
    }

    fn list(&self, store: &Store, thing: &str, now: i64) -> Value {
        let mut jobs = Map::new();
        for execution in store.pending(thing) {
            let list = jobs.entry(execution.status.word()).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(execution.summary());
            }
        }
        json!({ "timestamp": now / 1000, "jobs": jobs })
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn answer(topic: &str, said: Result<Value, Refusal>, token: Option<String>, now: i64) -> Message {
    let (word, mut said) = match said {
        Ok(said) => ("accepted", said),
        Err(refusal) => ("rejected", refusal.said()),
    };
    said["timestamp"] = (now / 1000).into();
    if let Some(token) = token {
        said["clientToken"] = token.into();
    }
    told(format!("{topic}/{word}"), &said)
}

fn told(topic: String, said: &Value) -> Message {
    Message::own(topic, Bytes::from(said.to_string()))
}

/// Answers a call of the jobs data plane (API "AWS IoT Jobs data plane"); `path`: what follows `/things/THING/jobs`.
pub(crate) fn data(
    thing: &str,
    path: &[&str],
    call: &crate::https::Call<'_>,
    cloud: &Cloud,
) -> Result<Value, Failure> {
    use hyper::Method;
    let question = match (&call.parts.method, path) {
        (&Method::GET, []) => Question::Pending,
        (&Method::PUT, ["$next"]) => Question::Start,
        (&Method::GET, [job]) => Question::Describe(job),
        (&Method::POST, [job]) => Question::Update(job),
        _ => return Err(Failure::unknown_action(call.wire, call.parts.uri.path())),
    };
    if !cloud.registry.has_thing(thing) {
        return Err(Failure::new(404, "ResourceNotFoundException", format!("there is no thing `{thing}`")));
    }
    let body = match call.parts.method {
        Method::GET => of_query(call),
        _ if call.body.is_empty() => Map::new(),
        _ => ask::object(&call.body)
            .map_err(|_| Failure::new(400, "InvalidRequestException", "the body is no JSON object"))?,
    };
    let (said, notices) = cloud.jobs.over_https(thing, question, &body, cloud.clock.milliseconds())?;
    cloud.publish_own(notices);
    if let Question::Update(job) = question {
        crate::iot::changed(cloud, thing, job);
    }
    Ok(said)
}

fn of_query(call: &crate::https::Call<'_>) -> Map<String, Value> {
    let read = |name: &str| {
        let text = call.field(name)?;
        Some((name.to_owned(), serde_json::from_str(&text).unwrap_or(Value::String(text))))
    };
    ["executionNumber", "includeJobDocument"].into_iter().filter_map(read).collect()
}

/// Ends executions whose timers run out, until `stop`.
pub(crate) async fn run_timers(cloud: &Cloud, stop: CancellationToken) {
    loop {
        let now = cloud.clock.milliseconds();
        let (messages, next) = {
            let mut store = cloud.jobs.lock();
            let notices = store.expire(now);
            (cloud.jobs.messages(&store, &notices, now), store.deadline())
        };
        cloud.publish_own(messages);
        let wait = async {
            match next {
                Some(next) => {
                    let left = u64::try_from(next - now).unwrap_or(0);
                    tokio::time::sleep(std::time::Duration::from_millis(left)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => {}
            () = cloud.jobs.changed.notified() => {}
            () = stop.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(document: &str) -> Jobs {
        let jobs = Jobs::new(60_000, Links::none());
        let job = Job::new("j-1", document, 1_000);
        let told = jobs.create(job, &["app".into()], 1_000);
        let topics: Vec<&str> = told.iter().map(|message| message.topic.as_str()).collect();
        assert_eq!(topics, ["$aws/things/app/jobs/notify", "$aws/things/app/jobs/notify-next"]);
        jobs
    }

    fn take(jobs: &Jobs, topic: &str, payload: &str) -> Option<(String, Value, usize)> {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        let reply = jobs.take(&Message::own(topic.into(), payload), 7_999)?;
        let said = serde_json::from_slice(&reply.answer.payload).unwrap();
        Some((reply.answer.topic, said, reply.notices.len()))
    }

    #[test]
    fn an_answer_has_the_time_in_whole_seconds_and_the_token_of_the_question() {
        let jobs = jobs(r#"{"do":"it"}"#);
        let (topic, said, _) =
            take(&jobs, "$aws/things/app/jobs/$next/get", r#"{"clientToken":"t"}"#).unwrap();
        assert_eq!(topic, "$aws/things/app/jobs/$next/get/accepted");
        assert_eq!((&said["timestamp"], &said["clientToken"]), (&json!(7), &json!("t")));
        let expected = json!({
            "jobId": "j-1", "status": "QUEUED", "queuedAt": 1, "lastUpdatedAt": 1, "executionNumber": 1,
            "versionNumber": 1, "jobDocument": { "do": "it" },
        });
        assert_eq!(said["execution"], expected);
        let (topic, said, told) =
            take(&jobs, "$aws/things/app/jobs/j-1/update", r#"{"status":"DREAMT","clientToken":"u"}"#)
                .unwrap();
        assert_eq!((topic.as_str(), told), ("$aws/things/app/jobs/j-1/update/rejected", 0));
        assert_eq!((&said["code"], &said["clientToken"]), (&json!("InvalidRequest"), &json!("u")));
        let done = r#"{"status":"SUCCEEDED","includeJobExecutionState":true}"#;
        let (_, said, told) = take(&jobs, "$aws/things/app/jobs/j-1/update", done).unwrap();
        assert_eq!((&said["executionState"]["status"], told), (&json!("SUCCEEDED"), 2));
        let (_, said, _) = take(&jobs, "$aws/things/app/jobs/j-1/update", done).unwrap();
        assert_eq!(
            (&said["code"], &said["executionState"]["versionNumber"]),
            (&json!("InvalidStateTransition"), &json!(2))
        );
    }

    #[test]
    fn what_is_no_json_is_refused_and_other_topics_are_none_of_jobs() {
        let jobs = jobs("{}");
        for bad in ["", "x", "[]", "{"] {
            let (topic, said, _) = take(&jobs, "$aws/things/app/jobs/get", bad).unwrap();
            assert_eq!(
                (topic.as_str(), &said["code"]),
                ("$aws/things/app/jobs/get/rejected", &json!("InvalidJson"))
            );
        }
        for topic in
            ["panorama/app/status", "$aws/things/app/shadow/get", "$aws/things/app/jobs/$next/get/accepted"]
        {
            assert_eq!(take(&jobs, topic, "{}"), None, "{topic}");
        }
    }
}
