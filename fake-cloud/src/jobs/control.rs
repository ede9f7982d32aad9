//! Jobs as the control plane rules them (API "AWS IoT", version 2015-05-28). Times are seconds with fractions there.

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::is_job_id;
use super::execution::{Execution, Status};
use super::store::{Job, LINKS_LAST, Store};
use crate::answer::Failure;
use crate::cloud::Cloud;
use crate::https::Call;
use crate::mqtt::Message;

/// Largest document, bytes.
const LARGEST: usize = 32_768;
/// Entries of a list, unless fewer are asked for.
const PAGE: usize = 250;

/// What CreateJob may say; what else it says is refused, since nothing would come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Create {
    targets: Vec<String>,
    document: Option<String>,
    document_source: Option<String>,
    description: Option<String>,
    target_selection: Option<String>,
    presigned_url_config: Option<Presigned>,
    timeout_config: Option<Timeout>,
    /// Names and values for people.
    #[serde(default)]
    tags: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Presigned {
    expires_in_sec: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timeout {
    in_progress_timeout_in_minutes: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancel {
    comment: Option<String>,
    reason_code: Option<String>,
    expected_version: Option<u64>,
}

/// Answers a call, if its path is one of jobs.
pub(crate) fn answer(
    method: &Method,
    path: &[&str],
    call: &Call<'_>,
    cloud: &Cloud,
) -> Option<Result<Value, Failure>> {
    Some(match (method, path) {
        (&Method::PUT, ["jobs", id]) => create(id, call, cloud),
        (&Method::GET, ["jobs", id]) => describe(id, cloud),
        (&Method::DELETE, ["jobs", id]) => delete(id, call, cloud),
        (&Method::GET, ["jobs"]) => list(call, cloud),
        (&Method::PUT, ["jobs", id, "cancel"]) => cancel(id, call, cloud),
        (&Method::GET, ["jobs", id, "job-document"]) => document(id, cloud),
        (&Method::GET, ["jobs", id, "things"]) => of_job(id, call, cloud),
        (&Method::GET, ["things", thing, "jobs"]) => of_thing(thing, call, cloud),
        (&Method::GET, ["things", thing, "jobs", id]) => describe_one(thing, id, call, cloud),
        (&Method::PUT, ["things", thing, "jobs", id, "cancel"]) => cancel_one(thing, id, call, cloud),
        (&Method::DELETE, ["things", thing, "jobs", id, "executionNumber", number]) => {
            delete_one(thing, id, number, call, cloud)
        }
        _ => return None,
    })
}

fn create(id: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let asked: Create = body(call)?;
    if !is_job_id(id) {
        return Err(invalid("a job id has 1 to 64 letters, digits, - and _"));
    }
    if asked.target_selection.as_deref().is_some_and(|how| how != "SNAPSHOT") {
        return Err(invalid("targetSelection: only SNAPSHOT is offered"));
    }
    let text = match (&asked.document, &asked.document_source) {
        (Some(document), None) => document.clone(),
        (None, Some(source)) => {
            cloud.objects.text(source).ok_or_else(|| invalid("there is no such document"))?
        }
        _ => return Err(invalid("either document or documentSource")),
    };
    if text.len() > LARGEST {
        return Err(Failure::new(400, "LimitExceededException", "the document is larger than 32768 bytes"));
    }
    if !serde_json::from_str(&text).is_ok_and(|read: Value| read.is_object()) {
        return Err(invalid("the document is no JSON object"));
    }
    let things = things(&asked.targets, cloud)?;
    let now = cloud.clock.milliseconds();
    let mut job = Job::new(id, &text, now);
    job.source = asked.document_source;
    job.description = asked.description;
    job.targets = asked.targets;
    job.minutes = minutes(asked.timeout_config)?;
    job.links_last = links_last(asked.presigned_url_config)?;
    // Tags are for people, and nobody asks for them.
    drop(asked.tags);
    if let Some(there) = cloud.jobs.lock().job(id) {
        return match (&there.document, &there.targets) == (&job.document, &job.targets) {
            true => Ok(named(there, cloud)),
            false => {
                Err(Failure::new(409, "ResourceAlreadyExistsException", format!("job {id} already exists")))
            }
        };
    }
    let said = named(&job, cloud);
    cloud.publish_own(cloud.jobs.create(job, &things, now));
    Ok(said)
}

fn things(targets: &[String], cloud: &Cloud) -> Result<Vec<String>, Failure> {
    if targets.is_empty() {
        return Err(invalid("a job has at least one target"));
    }
    let prefix = cloud.arn("iot", "thing/");
    let mut things = Vec::new();
    for target in targets {
        let thing = target.strip_prefix(&prefix).filter(|thing| cloud.registry.has_thing(thing));
        let thing = thing.ok_or_else(|| not_found(format!("there is no thing {target}")))?;
        if !things.iter().any(|known| known == thing) {
            things.push(thing.to_owned());
        }
    }
    Ok(things)
}

fn minutes(timeout: Option<Timeout>) -> Result<Option<i64>, Failure> {
    let minutes = timeout.and_then(|timeout| timeout.in_progress_timeout_in_minutes);
    match minutes.is_none_or(|minutes| (1..=10_080).contains(&minutes)) {
        true => Ok(minutes),
        false => Err(invalid("inProgressTimeoutInMinutes is 1 to 10080")),
    }
}

fn links_last(presigned: Option<Presigned>) -> Result<u64, Failure> {
    let seconds = presigned.and_then(|presigned| presigned.expires_in_sec).unwrap_or(LINKS_LAST);
    match (60..=3600).contains(&seconds) {
        true => Ok(seconds),
        false => Err(invalid("expiresInSec is 60 to 3600")),
    }
}

fn named(job: &Job, cloud: &Cloud) -> Value {
    let arn = cloud.arn("iot", &format!("job/{}", job.id));
    json!({ "jobArn": arn, "jobId": job.id, "description": job.description })
}

fn describe(id: &str, cloud: &Cloud) -> Result<Value, Failure> {
    let store = cloud.jobs.lock();
    let job = find(&store, id)?;
    let mut said = named(job, cloud);
    let more = json!({
        "targetSelection": "SNAPSHOT", "status": store.status(job), "targets": job.targets,
        "createdAt": seconds(job.created_at), "lastUpdatedAt": seconds(job.updated_at),
        "completedAt": job.completed_at.map(seconds), "forceCanceled": job.force_canceled,
        "comment": job.comment, "reasonCode": job.reason_code, "isConcurrent": false,
        "jobProcessDetails": counts(&store, id),
        "presignedUrlConfig": { "expiresInSec": job.links_last },
        "timeoutConfig": { "inProgressTimeoutInMinutes": job.minutes },
    });
    if let (Some(said), Value::Object(more)) = (said.as_object_mut(), more) {
        said.extend(more);
    }
    Ok(json!({ "documentSource": job.source, "job": said }))
}

fn counts(store: &Store, id: &str) -> Value {
    let of = |status| store.of_job(id).filter(|(_, execution)| execution.status == status).count();
    json!({
        "numberOfCanceledThings": of(Status::Canceled), "numberOfSucceededThings": of(Status::Succeeded),
        "numberOfFailedThings": of(Status::Failed), "numberOfRejectedThings": of(Status::Rejected),
        "numberOfQueuedThings": of(Status::Queued), "numberOfInProgressThings": of(Status::InProgress),
        "numberOfRemovedThings": of(Status::Removed), "numberOfTimedOutThings": of(Status::TimedOut),
    })
}

fn list(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let store = cloud.jobs.lock();
    let wanted = call.field("status");
    let jobs =
        store.jobs().into_iter().filter(|job| wanted.as_deref().is_none_or(|word| word == store.status(job)));
    let all = jobs.map(|job| {
        json!({
            "jobArn": cloud.arn("iot", &format!("job/{}", job.id)), "jobId": job.id,
            "targetSelection": "SNAPSHOT", "status": store.status(job), "isConcurrent": false,
            "createdAt": seconds(job.created_at), "lastUpdatedAt": seconds(job.updated_at),
            "completedAt": job.completed_at.map(seconds),
        })
    });
    page("jobs", all.collect(), call)
}

fn document(id: &str, cloud: &Cloud) -> Result<Value, Failure> {
    Ok(json!({ "document": find(&cloud.jobs.lock(), id)?.document }))
}

fn cancel(id: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let asked: Cancel = optional_body(call)?;
    let (force, now) = (flag(call, "force"), cloud.clock.milliseconds());
    let mut store = cloud.jobs.lock();
    let job = find(&store, id)?;
    if store.status(job) != "IN_PROGRESS" {
        return Err(Failure::new(
            400,
            "InvalidRequestException",
            format!("job {id} is {}", store.status(job)),
        ));
    }
    let said = named(job, cloud);
    let notices = store.cancel(id, force, now);
    store.remark(id, asked.comment, asked.reason_code);
    let messages = cloud.jobs.messages(&store, &notices, now);
    done(cloud, store, messages);
    Ok(said)
}

fn delete(id: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let now = cloud.clock.milliseconds();
    {
        let store = cloud.jobs.lock();
        let job = find(&store, id)?;
        if !flag(call, "force") && store.status(job) == "IN_PROGRESS" {
            return Err(transition(format!("job {id} is IN_PROGRESS")));
        }
    }
    cloud.publish_own(cloud.jobs.delete(id, now));
    Ok(json!({}))
}

fn of_job(id: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let store = cloud.jobs.lock();
    find(&store, id)?;
    let wanted = wanted(call)?;
    let all =
        store.of_job(id).filter(|(_, execution)| wanted.is_none_or(|status| status == execution.status));
    let all = all.map(|(thing, execution)| {
        let arn = cloud.arn("iot", &format!("thing/{thing}"));
        json!({ "thingArn": arn, "jobExecutionSummary": summary(execution) })
    });
    page("executionSummaries", all.collect(), call)
}

fn of_thing(thing: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    if !cloud.registry.has_thing(thing) {
        return Err(not_found(format!("there is no thing {thing}")));
    }
    let wanted = wanted(call)?;
    let store = cloud.jobs.lock();
    let all = store.of_thing(thing).into_iter().rev();
    let all = all.filter(|execution| wanted.is_none_or(|status| status == execution.status));
    let all =
        all.map(|execution| json!({ "jobId": execution.job, "jobExecutionSummary": summary(execution) }));
    page("executionSummaries", all.collect(), call)
}

fn describe_one(thing: &str, id: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let store = cloud.jobs.lock();
    let number = call.field("executionNumber");
    let execution = find_one(&store, thing, id, number.as_deref())?;
    let mut said = summary(execution);
    let more = json!({
        "jobId": id, "thingArn": cloud.arn("iot", &format!("thing/{thing}")),
        "forceCanceled": execution.force_canceled, "versionNumber": execution.version,
        "statusDetails": { "detailsMap": execution.details },
    });
    if let (Some(said), Value::Object(more)) = (said.as_object_mut(), more) {
        said.extend(more);
    }
    Ok(json!({ "execution": said }))
}

fn cancel_one(thing: &str, id: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let asked: Cancel = optional_body(call)?;
    let (force, now) = (flag(call, "force"), cloud.clock.milliseconds());
    let mut store = cloud.jobs.lock();
    let execution = find_one(&store, thing, id, None)?;
    if asked.expected_version.is_some_and(|version| version != execution.version) {
        return Err(Failure::new(409, "VersionConflictException", "the version is not the expected one"));
    }
    let may = execution.status == Status::Queued || force && execution.status == Status::InProgress;
    if !may {
        return Err(transition(format!("the execution is {}", execution.status.word())));
    }
    let notice = store.cancel_one(thing, id, force, now);
    let messages = cloud.jobs.messages(&store, notice.as_slice(), now);
    done(cloud, store, messages);
    Ok(json!({}))
}

fn delete_one(thing: &str, id: &str, number: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let now = cloud.clock.milliseconds();
    let mut store = cloud.jobs.lock();
    let execution = find_one(&store, thing, id, Some(number))?;
    if !flag(call, "force") && !execution.status.is_terminal() {
        return Err(transition(format!("the execution is {}", execution.status.word())));
    }
    let notice = store.delete_one(thing, id);
    let messages = cloud.jobs.messages(&store, notice.as_slice(), now);
    done(cloud, store, messages);
    Ok(json!({}))
}

/// Messages go out when the store is free again.
fn done(cloud: &Cloud, store: std::sync::MutexGuard<'_, Store>, messages: Vec<Message>) {
    drop(store);
    cloud.jobs.changed.notify_one();
    cloud.publish_own(messages);
}

fn find<'a>(store: &'a Store, id: &str) -> Result<&'a Job, Failure> {
    store.job(id).ok_or_else(|| not_found(format!("there is no job {id}")))
}

fn find_one<'a>(
    store: &'a Store,
    thing: &str,
    id: &str,
    number: Option<&str>,
) -> Result<&'a Execution, Failure> {
    let number = number.map(str::parse).transpose().map_err(|_| invalid("executionNumber is a number"))?;
    let found =
        store.execution(thing, id).filter(|one| number.is_none_or(|number: u64| number == one.number));
    found.ok_or_else(|| not_found(format!("thing {thing} has no such execution of job {id}")))
}

fn summary(execution: &Execution) -> Value {
    json!({
        "status": execution.status.word(), "queuedAt": seconds(execution.queued_at),
        "startedAt": execution.started_at.map(seconds), "lastUpdatedAt": seconds(execution.updated_at),
        "executionNumber": execution.number,
    })
}

fn wanted(call: &Call<'_>) -> Result<Option<Status>, Failure> {
    let read = |word: String| Status::named(&word).ok_or_else(|| invalid("no such status"));
    call.field("status").map(read).transpose()
}

/// One page of a list: `maxResults` entries from the place that `nextToken` names.
pub(crate) fn page(name: &str, all: Vec<Value>, call: &Call<'_>) -> Result<Value, Failure> {
    let number = |name: &str, unless: usize| {
        let text = call.field(name).or_else(|| call.field(&capital(name)));
        text.map_or(Ok(unless), |text| text.parse().map_err(|_| invalid(&format!("{name} is none of ours"))))
    };
    let (from, most) = (number("nextToken", 0)?, number("maxResults", PAGE)?);
    if !(1..=PAGE).contains(&most) {
        return Err(invalid("maxResults is 1 to 250"));
    }
    let next = Some(from.saturating_add(most)).filter(|next| *next < all.len()).map(|next| next.to_string());
    let entries: Vec<Value> = all.into_iter().skip(from).take(most).collect();
    Ok(json!({ name: entries, "nextToken": next }))
}

/// Some lists of some services write their fields with a capital.
fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn flag(call: &Call<'_>, name: &str) -> bool {
    call.field(name).is_some_and(|value| value == "true")
}

/// The body of a call, or why it is none.
pub(crate) fn body<T: for<'de> Deserialize<'de>>(call: &Call<'_>) -> Result<T, Failure> {
    serde_json::from_slice(&call.body).map_err(|error| invalid(&error.to_string()))
}

fn optional_body<T: for<'de> Deserialize<'de> + Default>(call: &Call<'_>) -> Result<T, Failure> {
    if call.body.is_empty() { Ok(T::default()) } else { body(call) }
}

fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn invalid(message: &str) -> Failure {
    Failure::new(400, "InvalidRequestException", message)
}

fn not_found(message: String) -> Failure {
    Failure::new(404, "ResourceNotFoundException", message)
}

fn transition(message: String) -> Failure {
    Failure::new(409, "InvalidStateTransitionException", message)
}
