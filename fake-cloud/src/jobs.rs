//! Jobs for things, as far as a thing asks for them: IoT Core's jobs by MQTT (AWS IoT, "Jobs device MQTT API").
//!
//! A thing asks `$aws/things/NAME/jobs/$next/get` and is told at `…/get/accepted` what there is to do; it says how that
//! goes at `$aws/things/NAME/jobs/ID/update`. A job that has ended is not told again. Nothing is pushed.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::mqtt::Message;

/// What things have to do.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<BTreeMap<String, Job>>);

/// One job of one thing.
struct Job {
    id: String,
    operation: String,
    status: String,
}

impl Jobs {
    /// One job for each of these things: its name, and the operation.
    pub(crate) fn new(jobs: &[(String, String)]) -> Self {
        let job = |(nth, (thing, operation)): (usize, &(String, String))| {
            let id = format!("{operation}-{}", nth + 1);
            (thing.clone(), Job { id, operation: operation.clone(), status: "QUEUED".into() })
        };
        Self(Mutex::new(jobs.iter().enumerate().map(job).collect()))
    }

    /// What a message of a thing is answered with; none if it asks nothing of jobs.
    pub(crate) fn answer(&self, message: &Message, now: i64) -> Option<Message> {
        let (thing, asked) = message.topic.strip_prefix("$aws/things/")?.split_once("/jobs/")?;
        let mut jobs = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let job = jobs.get_mut(thing);
        let said = match asked.rsplit_once('/')? {
            ("$next", "get") => Ok(next(job.as_deref(), now)),
            (id, "update") => update(job.filter(|job| job.id == id), &message.payload, now),
            _ => return None,
        };
        let (word, payload) = match said {
            Ok(payload) => ("accepted", payload),
            Err(payload) => ("rejected", payload),
        };
        Some(Message {
            topic: format!("{}/{word}", message.topic),
            payload: Bytes::from(payload.to_string()),
            at_least_once: false,
            retain: false,
            properties: Vec::new(),
        })
    }
}

fn next(job: Option<&Job>, now: i64) -> Value {
    match job.filter(|job| matches!(job.status.as_str(), "QUEUED" | "IN_PROGRESS")) {
        None => json!({ "timestamp": now }),
        Some(Job { id, operation, status }) => json!({
            "timestamp": now,
            "execution": {
                "jobId": id, "status": status, "versionNumber": 1, "executionNumber": 1,
                "jobDocument": { "operation": operation },
            },
        }),
    }
}

fn update(job: Option<&mut Job>, payload: &[u8], now: i64) -> Result<Value, Value> {
    let rejected = |code: &str| json!({ "code": code, "timestamp": now });
    let job = job.ok_or_else(|| rejected("ResourceNotFound"))?;
    let told: Value = serde_json::from_slice(payload).map_err(|_| rejected("InvalidJson"))?;
    let known = ["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"];
    let status = told["status"].as_str().filter(|status| known.contains(status));
    job.status = status.ok_or_else(|| rejected("InvalidRequest"))?.to_owned();
    Ok(json!({ "timestamp": now }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(jobs: &Jobs, topic: &str, payload: &str) -> Option<(String, Value)> {
        let message = Message {
            topic: topic.into(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            at_least_once: false,
            retain: false,
            properties: Vec::new(),
        };
        let answer = jobs.answer(&message, 7)?;
        Some((answer.topic, serde_json::from_slice(&answer.payload).unwrap()))
    }

    #[test]
    fn a_job_is_told_until_it_has_ended() {
        let jobs = Jobs::new(&[("app".into(), "scan-cameras".into())]);
        let next = || ask(&jobs, "$aws/things/app/jobs/$next/get", "{}").unwrap();
        let (topic, told) = next();
        assert_eq!(topic, "$aws/things/app/jobs/$next/get/accepted");
        assert_eq!(told["execution"]["jobDocument"]["operation"], "scan-cameras");
        let update = |status: &str| {
            let payload = json!({ "status": status }).to_string();
            ask(&jobs, "$aws/things/app/jobs/scan-cameras-1/update", &payload).unwrap()
        };
        assert_eq!(update("IN_PROGRESS").0, "$aws/things/app/jobs/scan-cameras-1/update/accepted");
        assert_eq!(next().1["execution"]["status"], "IN_PROGRESS");
        assert_eq!(update("DREAMT").1["code"], "InvalidRequest");
        update("SUCCEEDED");
        assert!(next().1.get("execution").is_none());
    }

    #[test]
    fn there_is_nothing_to_do_for_others() {
        let jobs = Jobs::new(&[("app".into(), "scan-cameras".into())]);
        let (_, told) = ask(&jobs, "$aws/things/other/jobs/$next/get", "{}").unwrap();
        assert_eq!(told, json!({ "timestamp": 7 }));
        let (topic, _) = ask(&jobs, "$aws/things/app/jobs/other-1/update", "{}").unwrap();
        assert!(topic.ends_with("/update/rejected"));
        for topic in
            ["panorama/app/status", "$aws/things/app/shadow/get", "$aws/things/app/jobs/$next/get/accepted"]
        {
            assert_eq!(ask(&jobs, topic, "{}"), None, "{topic}");
        }
    }
}
