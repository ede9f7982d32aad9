//! CloudWatch Logs: groups, streams and events, kept in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::{Failure, Wire};
use crate::cloud::Cloud;
use crate::https::Call;
use crate::service::Service;

const TARGET: &str = "Logs_20140328.";
/// Events per PutLogEvents (API model) and per page of GetLogEvents.
const EVENTS_PER_CALL: usize = 10_000;
/// Bytes per PutLogEvents, counting 26 for each event (CloudWatch Logs API reference, PutLogEvents).
const BYTES_PER_CALL: usize = 1_048_576;
const BYTES_PER_EVENT: usize = 26;
/// Everything that is kept, in bytes.
const KEPT: usize = 64 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Event {
    /// Milliseconds since 1970.
    timestamp: i64,
    message: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    #[serde(flatten)]
    event: Event,
    ingestion_time: i64,
}

#[derive(Debug)]
struct Stream {
    created: i64,
    events: Vec<Kept>,
}

#[derive(Debug)]
struct Group {
    created: i64,
    streams: BTreeMap<String, Stream>,
}

#[derive(Debug, Default)]
struct State {
    groups: BTreeMap<String, Group>,
    bytes: usize,
}

/// The log groups of this run.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    state: Mutex<State>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupName {
    log_group_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StreamName {
    log_group_name: String,
    log_stream_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Put {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeGroups {
    log_group_name_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeStreams {
    log_group_name: String,
    log_stream_name_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Get {
    log_group_name: String,
    log_stream_name: String,
    next_token: Option<String>,
    #[serde(default)]
    start_from_head: bool,
    limit: Option<usize>,
    start_time: Option<i64>,
    end_time: Option<i64>,
}

/// Answers one call.
pub(crate) fn answer(call: &Call<'_>, cloud: &Cloud) -> Result<Bytes, Failure> {
    let target =
        call.parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let now = cloud.clock.milliseconds();
    let mut state = cloud.logs.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let answer = match target.strip_prefix(TARGET) {
        Some("CreateLogGroup") => state.create_group(read(call)?, now),
        Some("CreateLogStream") => state.create_stream(read(call)?, now),
        Some("PutLogEvents") => {
            let put: Put = read(call)?;
            let (stream, bytes) = (put.log_stream_name.clone(), put.size());
            let answer = state.put(put, now);
            if answer.is_ok() {
                cloud.facts.stored(Service::Logs, &stream, bytes);
            }
            answer
        }
        Some("DescribeLogGroups") => state.describe_groups(&read(call)?, cloud),
        Some("DescribeLogStreams") => state.describe_streams(&read(call)?, cloud),
        Some("GetLogEvents") => state.get(&read(call)?),
        _ => Err(Failure::unknown_action(Wire::Json11, target)),
    };
    // Operations without a result answer with an empty body, as the service does.
    answer.map(|value| if value.is_null() { Bytes::new() } else { value.to_string().into() })
}

fn read<T: DeserializeOwned>(call: &Call<'_>) -> Result<T, Failure> {
    serde_json::from_slice(&call.body)
        .map_err(|error| Failure::new(400, "SerializationException", error.to_string()))
}

impl Put {
    fn size(&self) -> usize {
        self.log_events.iter().map(|event| event.message.len()).sum()
    }
}

impl State {
    fn create_group(&mut self, name: GroupName, now: i64) -> Result<Value, Failure> {
        check_name(&name.log_group_name)?;
        if self.groups.contains_key(&name.log_group_name) {
            return Err(exists("log group"));
        }
        self.groups.insert(name.log_group_name, Group { created: now, streams: BTreeMap::new() });
        Ok(Value::Null)
    }

    fn create_stream(&mut self, name: StreamName, now: i64) -> Result<Value, Failure> {
        check_name(&name.log_stream_name)?;
        let group = self.group(&name.log_group_name)?;
        if group.streams.contains_key(&name.log_stream_name) {
            return Err(exists("log stream"));
        }
        group.streams.insert(name.log_stream_name, Stream { created: now, events: Vec::new() });
        Ok(Value::Null)
    }

    fn put(&mut self, put: Put, now: i64) -> Result<Value, Failure> {
        let size = put.size();
        let counted = size + BYTES_PER_EVENT * put.log_events.len();
        if put.log_events.is_empty() || put.log_events.len() > EVENTS_PER_CALL || counted > BYTES_PER_CALL {
            return Err(invalid("log events must be 1 to 10 000 and at most 1 MiB"));
        }
        if !put.log_events.is_sorted_by_key(|event| event.timestamp) {
            return Err(invalid(
                "log events in a single PutLogEvents request must be in chronological order",
            ));
        }
        if self.bytes + size > KEPT {
            return Err(Failure::new(400, "LimitExceededException", "this cloud keeps no more log events"));
        }
        let stream = self.stream(&put.log_group_name, &put.log_stream_name)?;
        stream.events.extend(put.log_events.into_iter().map(|event| Kept { event, ingestion_time: now }));
        stream.events.sort_by_key(|kept| kept.event.timestamp);
        let token = format!("{:056}", stream.events.len());
        self.bytes += size;
        Ok(json!({ "nextSequenceToken": token }))
    }

    fn describe_groups(&self, asked: &DescribeGroups, cloud: &Cloud) -> Result<Value, Failure> {
        let prefix = asked.log_group_name_prefix.as_deref().unwrap_or_default();
        let groups = self.groups.iter().filter(|(name, _)| name.starts_with(prefix));
        let groups: Vec<Value> = groups
            .map(|(name, group)| {
                let arn = format!("{}:*", group_arn(cloud, name));
                json!({ "logGroupName": name, "creationTime": group.created, "arn": arn })
            })
            .collect();
        Ok(json!({ "logGroups": groups }))
    }

    fn describe_streams(&mut self, asked: &DescribeStreams, cloud: &Cloud) -> Result<Value, Failure> {
        let prefix = asked.log_stream_name_prefix.as_deref().unwrap_or_default();
        let arn = group_arn(cloud, &asked.log_group_name);
        let streams =
            self.group(&asked.log_group_name)?.streams.iter().filter(|(name, _)| name.starts_with(prefix));
        let streams: Vec<Value> = streams.map(|(name, stream)| stream.describe(name, &arn)).collect();
        Ok(json!({ "logStreams": streams }))
    }

    /// One page. Tokens are `f/` or `b/` and a position; going forward stops where the token no longer changes.
    fn get(&mut self, asked: &Get) -> Result<Value, Failure> {
        let stream = self.stream(&asked.log_group_name, &asked.log_stream_name)?;
        let wanted = |kept: &&Kept| {
            asked.start_time.is_none_or(|start| kept.event.timestamp >= start)
                && asked.end_time.is_none_or(|end| kept.event.timestamp < end)
        };
        let events: Vec<&Kept> = stream.events.iter().filter(wanted).collect();
        let limit = asked.limit.unwrap_or(EVENTS_PER_CALL).clamp(1, EVENTS_PER_CALL);
        let (from, to) = page(asked.next_token.as_deref(), asked.start_from_head, events.len(), limit)?;
        Ok(json!({
            "events": events[from..to],
            "nextForwardToken": format!("f/{to}"),
            "nextBackwardToken": format!("b/{from}"),
        }))
    }

    fn group(&mut self, name: &str) -> Result<&mut Group, Failure> {
        self.groups.get_mut(name).ok_or_else(|| absent("log group"))
    }

    fn stream(&mut self, group: &str, name: &str) -> Result<&mut Stream, Failure> {
        self.group(group)?.streams.get_mut(name).ok_or_else(|| absent("log stream"))
    }
}

impl Stream {
    fn describe(&self, name: &str, group_arn: &str) -> Value {
        let mut value = json!({
            "logStreamName": name,
            "creationTime": self.created,
            "arn": format!("{group_arn}:log-stream:{name}"),
            "storedBytes": 0,
        });
        if let (Some(first), Some(last)) = (self.events.first(), self.events.last()) {
            value["firstEventTimestamp"] = first.event.timestamp.into();
            value["lastEventTimestamp"] = last.event.timestamp.into();
            value["lastIngestionTime"] = last.ingestion_time.into();
        }
        value
    }
}

fn page(token: Option<&str>, from_head: bool, total: usize, limit: usize) -> Result<(usize, usize), Failure> {
    let position = |text: &str| text.parse::<usize>().map(|at| at.min(total));
    let bad = |_| invalid("the next token is none of ours");
    match token.map(|token| token.split_once('/').unwrap_or_default()) {
        Some(("f", at)) => position(at).map(|from| (from, total.min(from + limit))).map_err(bad),
        Some(("b", at)) => position(at).map(|to| (to.saturating_sub(limit), to)).map_err(bad),
        Some(_) => Err(invalid("the next token is none of ours")),
        None if from_head => Ok((0, total.min(limit))),
        None => Ok((total.saturating_sub(limit), total)),
    }
}

fn group_arn(cloud: &Cloud, group: &str) -> String {
    format!("arn:aws:logs:{}:{}:log-group:{group}", cloud.names.region(), cloud.names.account())
}

fn check_name(name: &str) -> Result<(), Failure> {
    let allowed = (1..=512).contains(&name.len()) && !name.contains([':', '*']);
    if allowed { Ok(()) } else { Err(invalid(format!("`{name}` is not allowed as a name"))) }
}

fn exists(what: &str) -> Failure {
    Failure::new(400, "ResourceAlreadyExistsException", format!("The specified {what} already exists"))
}

fn absent(what: &str) -> Failure {
    Failure::new(400, "ResourceNotFoundException", format!("The specified {what} does not exist."))
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(400, "InvalidParameterException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_meet_end_to_end_and_the_last_token_repeats() {
        assert_eq!(page(None, true, 25, 10).unwrap(), (0, 10));
        assert_eq!(page(Some("f/10"), true, 25, 10).unwrap(), (10, 20));
        assert_eq!(page(Some("f/20"), true, 25, 10).unwrap(), (20, 25));
        assert_eq!(page(Some("f/25"), true, 25, 10).unwrap(), (25, 25));
        assert_eq!(page(None, false, 25, 10).unwrap(), (15, 25));
        assert_eq!(page(Some("b/15"), false, 25, 10).unwrap(), (5, 15));
        assert_eq!(page(Some("x"), false, 25, 10).unwrap_err().code, "InvalidParameterException");
    }

    #[test]
    fn events_go_only_into_a_stream_that_exists_and_in_order() {
        let mut state = State::default();
        let put = |times: &[i64]| Put {
            log_group_name: "g".into(),
            log_stream_name: "s".into(),
            log_events: times.iter().map(|at| Event { timestamp: *at, message: "m".into() }).collect(),
        };
        assert_eq!(state.put(put(&[1]), 9).unwrap_err().code, "ResourceNotFoundException");
        state.create_group(GroupName { log_group_name: "g".into() }, 9).unwrap();
        state
            .create_stream(StreamName { log_group_name: "g".into(), log_stream_name: "s".into() }, 9)
            .unwrap();
        assert!(state.put(put(&[1, 2]), 9).is_ok());
        assert_eq!(state.put(put(&[2, 1]), 9).unwrap_err().code, "InvalidParameterException");
        assert_eq!(state.put(put(&[]), 9).unwrap_err().code, "InvalidParameterException");
        let again = state.create_group(GroupName { log_group_name: "g".into() }, 9);
        assert_eq!(again.unwrap_err().code, "ResourceAlreadyExistsException");
    }
}
