//! What each kind of job is, once begun: the steps that the cloud is told, and how it ends.

use serde_json::{Value, json};
use std::time::Duration;

use super::fetch::{Artefact, Unfit};
use super::jobs::{Means, SHORTEST, Task};
use crate::own::{detail, details};
use crate::scan;
use crate::voice::Voice;

/// What the last step before a restart is called.
pub(super) const RESTARTING: &str = "REBOOTING";

/// One step of a job.
pub(super) enum Step {
    /// It goes on; details for the cloud.
    Going(Option<Value>),
    /// It has ended: the status, and details.
    Over(&'static str, Option<Value>),
    /// The appliance restarts; what is left follows after that.
    Restart,
}

/// The stream of a camera that is nowhere (RFC 5737).
const NOT_THERE: &str = "rtsp://192.0.2.77:554/stream";

/// Most characters of a detail, and most details of a job's status (API "UpdateJobExecution", `statusDetails`).
const LONGEST_DETAIL: usize = 1024;
const MOST_DETAILS: usize = 10;

/// The streams that were found, as the cloud is told: as `cameras`, and where these are too many for one detail as `cameras-2` and so on.
/// What is too much for all of them is left out.
fn told_of(streams: &[String]) -> Value {
    let mut parts = vec![String::new()];
    for stream in streams {
        let part = parts.last_mut().filter(|part| part.len() + 1 + stream.len() <= LONGEST_DETAIL);
        match part {
            Some(part) if part.is_empty() => part.push_str(stream),
            Some(part) => *part += &format!(" {stream}"),
            None => parts.push(stream.clone()),
        }
    }
    let key = |nth: usize| if nth == 0 { "cameras".to_owned() } else { format!("cameras-{}", nth + 1) };
    // A detail has one character at least.
    let none = |part: String| if part.is_empty() { "none".to_owned() } else { part };
    let told = parts.into_iter().take(MOST_DETAILS).enumerate();
    Value::Object(told.map(|(nth, part)| (key(nth), Value::String(none(part)))).collect())
}

/// Does a job, and says each step of it.
pub(super) async fn work<F: Future<Output = ()>>(
    task: &Task,
    means: &Means,
    voice: &Voice,
    say: impl Fn(Step) -> F,
) {
    if means.only_says_so && task.operation != "scan-cameras" {
        return say(Step::Over("SUCCEEDED", None)).await;
    }
    let over = match task.operation.as_str() {
        "scan-cameras" => match &means.scans {
            Some(search) => {
                say(Step::Going(None)).await;
                let found = scan::scan(search, voice).await;
                let mut streams: Vec<_> = found.into_iter().map(|one| one.stream).collect();
                if means.tells_of_others {
                    streams.splice(..streams.len().min(1), [NOT_THERE.to_owned()]);
                }
                Ok(Some(told_of(&streams)))
            }
            None => {
                return say(Step::Over("REJECTED", Some(details("reason", "it looks for no cameras")))).await;
            }
        },
        "reboot" if task.restarted => Ok(None),
        "reboot" => return restart(&say).await,
        "ota" => match update(task, means, &say).await {
            Some(over) => over,
            None => return,
        },
        "deploy" => deploy(task, means, &say).await,
        "remove" => match means.own.removed(application(task)) {
            true => Ok(None),
            false => Err("no such application runs".into()),
        },
        "signal" if means.own.runs(application(task)) => Ok(None),
        "signal" => Err("no such application runs".into()),
        "configuration" => configure(task, means),
        "credentials" if task.restarted => Ok(None),
        "credentials" => match certify(task, means).await {
            Ok(()) => return restart(&say).await,
            Err(fault) => Err(fault),
        },
        _ => return say(Step::Over("REJECTED", Some(details("reason", "the operation is not known")))).await,
    };
    match over {
        Ok(details) => say(Step::Over("SUCCEEDED", details)).await,
        Err(fault) => {
            voice.failed("job", Some(&task.operation), &fault.reason);
            say(Step::Over("FAILED", Some(fault.details()))).await;
        }
    }
}

fn step(word: &str) -> Step {
    Step::Going(Some(json!({ "step": word })))
}

async fn restart<F: Future<Output = ()>>(say: &impl Fn(Step) -> F) {
    say(step(RESTARTING)).await;
    say(Step::Restart).await;
}

type Over = Result<Option<Value>, Fault>;

/// Why a job failed.
struct Fault {
    reason: String,
    /// What was fetched, and is not what the job says that it is.
    spoiled: Option<String>,
}

impl Fault {
    /// As the cloud is told.
    fn details(&self) -> Value {
        let mut told = details("reason", &self.reason);
        if let Some(spoiled) = &self.spoiled {
            told["spoiled"] = detail(spoiled).into();
        }
        told
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self { reason, spoiled: None }
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

/// Why something that was to be fetched is not taken.
fn unfit(why: Unfit) -> Fault {
    let reason = why.to_string();
    let spoiled = match why {
        Unfit::Spoiled { name, .. } => Some(name),
        Unfit::Late | Unfit::Absent(_) => None,
    };
    Fault { reason, spoiled }
}

/// An update: fetched where the job says from where, then in use after a restart. None: the restart comes first.
async fn update<F: Future<Output = ()>>(
    task: &Task,
    means: &Means,
    say: &impl Fn(Step) -> F,
) -> Option<Over> {
    let Some(version) = task.document["imageVersion"].as_str().filter(|version| !version.is_empty()) else {
        return Some(Err("the job names no imageVersion".into()));
    };
    if task.restarted {
        means.own.updated(&detail(version));
        return Some(Ok(None));
    }
    say(step("DOWNLOADING")).await;
    if let Some(image) = Artefact::read(&task.document)
        && let Err(why) = means.fetcher.fetch(&image).await
    {
        return Some(Err(unfit(why)));
    }
    say(step("VERIFYING")).await;
    restart(say).await;
    None
}

/// A deployment: every artefact is fetched, and is what it should be.
async fn deploy<F: Future<Output = ()>>(task: &Task, means: &Means, say: &impl Fn(Step) -> F) -> Over {
    let application = application(task);
    if application.is_empty() {
        return Err("the job names no applicationInstanceId".into());
    }
    say(step("DOWNLOADING")).await;
    let artefacts = task.document["artefacts"].as_array().map(Vec::as_slice).unwrap_or_default();
    for entry in artefacts {
        let artefact = Artefact::read(entry).ok_or("an artefact has no url")?;
        means.fetcher.fetch(&artefact).await.map_err(unfit)?;
    }
    if let Some(replaced) = task.document["replaces"].as_str() {
        means.own.removed(replaced);
    }
    means.own.deployed(application);
    Ok(Some(details("artefacts", &artefacts.len().to_string())))
}

fn application(task: &Task) -> &str {
    task.document["applicationInstanceId"].as_str().unwrap_or_default()
}

/// A configuration: how often there are signs of life.
fn configure(task: &Task, means: &Means) -> Over {
    let every = task.document["monitorEveryMs"].as_u64().map(Duration::from_millis);
    let every = every.filter(|every| *every >= SHORTEST).ok_or("monitorEveryMs is a number from 50 on")?;
    means.own.set_every(every);
    Ok(Some(details("monitorEveryMs", &means.own.every().as_millis().to_string())))
}

/// New credentials: certificate chain and key lie where two links lead.
async fn certify(task: &Task, means: &Means) -> Result<(), Fault> {
    let artefact = |key: &str| Artefact::read(&task.document[key]).ok_or(format!("the job has no {key}"));
    let chain = means.fetcher.fetch(&artefact("certificate")?).await.map_err(unfit)?;
    let key = means.fetcher.fetch(&artefact("privateKey")?).await.map_err(unfit)?;
    Ok((means.certify)(&chain, &key)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_streams_are_told_of_in_as_many_details_as_it_takes() {
        assert_eq!(told_of(&[]), json!({ "cameras": "none" }));
        let two = ["rtsp://a/x".to_owned(), "rtsp://b/x".to_owned()];
        assert_eq!(told_of(&two), json!({ "cameras": "rtsp://a/x rtsp://b/x" }));
        let many: Vec<_> = (0..100).map(|nth| format!("rtsp://10.20.0.{nth}:554/stream")).collect();
        let Value::Object(told) = told_of(&many) else { panic!("details are named") };
        let all: Vec<_> = told.values().filter_map(Value::as_str).collect();
        assert!(all.len() > 2 && all.iter().all(|said| said.len() <= LONGEST_DETAIL), "{told:?}");
        assert_eq!(all.iter().flat_map(|said| said.split(' ')).count(), 100);
    }
}
