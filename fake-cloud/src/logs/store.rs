//! What is kept of logs, and what may be added (CloudWatch Logs API reference: CreateLogGroup, CreateLogStream,
//! PutLogEvents).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{absent, exists, full, invalid};
use crate::answer::Failure;

/// Events per PutLogEvents.
const EVENTS_PER_CALL: usize = 10_000;
/// Bytes per PutLogEvents, counting 26 for each event.
const BYTES_PER_CALL: usize = 1_048_576;
const BYTES_PER_EVENT: usize = 26;
/// Between the first and the last event of a call, milliseconds.
const SPAN: i64 = 24 * HOUR;
/// How old an event may be, and how far ahead, milliseconds.
const OLDEST: i64 = 14 * 24 * HOUR;
const NEWEST: i64 = 2 * HOUR;
const HOUR: i64 = 3_600_000;
/// Everything that is kept, in bytes; each group, stream and event counts for what it takes beside its text.
const KEPT: usize = 64 * 1024 * 1024;
const BESIDE_TEXT: usize = 128;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Event {
    /// Milliseconds since 1970.
    pub(super) timestamp: i64,
    pub(super) message: String,
}

/// An event in its stream.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    #[serde(flatten)]
    pub(super) event: Event,
    pub(super) ingestion_time: i64,
    /// Which of all events it was.
    #[serde(skip)]
    pub(super) number: u64,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) created: i64,
    /// By their time.
    pub(super) events: Vec<Kept>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) created: i64,
    pub(super) streams: BTreeMap<String, Stream>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) groups: BTreeMap<String, Group>,
    bytes: usize,
    events: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupName {
    log_group_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StreamName {
    log_group_name: String,
    log_stream_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Put {
    log_group_name: String,
    pub(super) log_stream_name: String,
    log_events: Vec<Event>,
}

/// What became of a call.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) answer: Value,
    /// Bytes of the messages that were kept.
    pub(super) bytes: usize,
}

impl State {
    pub(super) fn create_group(&mut self, name: GroupName, now: i64) -> Result<Value, Failure> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/.#".contains(&byte);
        let name = check_name(name.log_group_name, |name| name.bytes().all(allowed))?;
        if self.groups.contains_key(&name) {
            return Err(exists("log group"));
        }
        self.take(name.len(), "log groups")?;
        self.groups.insert(name, Group { created: now, streams: BTreeMap::new() });
        Ok(Value::Null)
    }

    pub(super) fn create_stream(&mut self, name: StreamName, now: i64) -> Result<Value, Failure> {
        let stream = check_name(name.log_stream_name, |name| !name.contains([':', '*']))?;
        if self.group(&name.log_group_name)?.streams.contains_key(&stream) {
            return Err(exists("log stream"));
        }
        self.take(stream.len(), "log streams")?;
        let group = self.group(&name.log_group_name)?;
        group.streams.insert(stream, Stream { created: now, events: Vec::new() });
        Ok(Value::Null)
    }

    /// Keeps events; those that are too old or too new are left out, and that is said.
    pub(super) fn put(&mut self, put: Put, now: i64) -> Result<Taken, Failure> {
        put.check()?;
        self.stream(&put.log_group_name, &put.log_stream_name)?;
        let old = put.log_events.partition_point(|event| event.timestamp < now - OLDEST);
        let new = put.log_events.partition_point(|event| event.timestamp <= now + NEWEST);
        let all = put.log_events.len();
        let events: Vec<Event> = put.log_events.into_iter().take(new).skip(old).collect();
        let bytes = events.iter().map(|event| event.message.len()).sum();
        self.take(bytes + events.len() * BESIDE_TEXT, "log events")?;
        let first = self.events;
        self.events += events.len() as u64;
        let stream = self.stream(&put.log_group_name, &put.log_stream_name)?;
        let numbered = (first..).zip(events);
        stream.events.extend(numbered.map(|(number, event)| Kept { event, ingestion_time: now, number }));
        stream.events.sort_by_key(|kept| kept.event.timestamp);
        let mut answer = json!({ "nextSequenceToken": format!("{:056}", stream.events.len()) });
        if old > 0 {
            answer["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"] = json!(old);
        }
        if new < all {
            answer["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"] = json!(new);
        }
        Ok(Taken { answer, bytes })
    }

    pub(super) fn group(&mut self, name: &str) -> Result<&mut Group, Failure> {
        self.groups.get_mut(name).ok_or_else(|| absent("log group"))
    }

    pub(super) fn stream(&mut self, group: &str, name: &str) -> Result<&mut Stream, Failure> {
        self.group(group)?.streams.get_mut(name).ok_or_else(|| absent("log stream"))
    }

    /// Counts what is to be kept.
    fn take(&mut self, bytes: usize, of: &str) -> Result<(), Failure> {
        let sum = self.bytes + bytes + BESIDE_TEXT;
        if sum > KEPT {
            return Err(full(of));
        }
        self.bytes = sum;
        Ok(())
    }
}

impl Put {
    fn check(&self) -> Result<(), Failure> {
        let events = &self.log_events;
        let bytes: usize = events.iter().map(|event| event.message.len() + BYTES_PER_EVENT).sum();
        if events.is_empty() || events.len() > EVENTS_PER_CALL || bytes > BYTES_PER_CALL {
            return Err(invalid("log events must be 1 to 10 000 and at most 1 MiB"));
        }
        if events.iter().any(|event| event.message.is_empty() || event.timestamp < 0) {
            return Err(invalid("a log event has a message, and a time since 1970"));
        }
        if !events.is_sorted_by_key(|event| event.timestamp) {
            return Err(invalid(
                "log events in a single PutLogEvents request must be in chronological order",
            ));
        }
        let span = events.last().zip(events.first()).map(|(last, first)| last.timestamp - first.timestamp);
        if span.is_some_and(|span| span > SPAN) {
            return Err(invalid(
                "the batch of log events in a single PutLogEvents request cannot span more than 24 hours",
            ));
        }
        Ok(())
    }
}

fn check_name(name: String, allowed: impl Fn(&str) -> bool) -> Result<String, Failure> {
    match (1..=512).contains(&name.len()) && allowed(&name) {
        true => Ok(name),
        false => Err(invalid(format!("`{name}` is not allowed as a name"))),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A state with the group `g` and these streams in it.
    pub(in crate::logs) fn with_streams(names: &[&str]) -> State {
        let mut state = State::default();
        state.create_group(GroupName { log_group_name: "g".into() }, 9).unwrap();
        for name in names {
            let name = StreamName { log_group_name: "g".into(), log_stream_name: (*name).into() };
            state.create_stream(name, 9).unwrap();
        }
        state
    }

    pub(in crate::logs) fn put(stream: &str, events: &[(i64, &str)]) -> Put {
        let event = |(at, text): &(i64, &str)| Event { timestamp: *at, message: (*text).into() };
        let log_events = events.iter().map(event).collect();
        Put { log_group_name: "g".into(), log_stream_name: stream.into(), log_events }
    }

    #[test]
    fn events_go_only_into_a_stream_that_exists_and_in_order() {
        let code = |state: &mut State, events: &[(i64, &str)]| {
            state.put(put("s", events), 9).map_or_else(|failure| failure.code, |_| "none")
        };
        assert_eq!(code(&mut State::default(), &[(1, "m")]), "ResourceNotFoundException");
        assert_eq!(code(&mut with_streams(&[]), &[(1, "m")]), "ResourceNotFoundException");
        let mut state = with_streams(&["s"]);
        assert_eq!(code(&mut state, &[(1, "m"), (2, "m")]), "none");
        let long = "m".repeat(BYTES_PER_CALL);
        let span = [(0, "m"), (SPAN + 1, "m")];
        for bad in [&[(2, "m"), (1, "m")][..], &[], &[(1, "")], &[(-1, "m")], &[(1, long.as_str())], &span] {
            assert_eq!(code(&mut state, bad), "InvalidParameterException", "{:?}", bad.len());
        }
        let again = state.create_group(GroupName { log_group_name: "g".into() }, 9);
        assert_eq!(again.unwrap_err().code, "ResourceAlreadyExistsException");
        let spaced = state.create_group(GroupName { log_group_name: "a b".into() }, 9);
        assert_eq!(spaced.unwrap_err().code, "InvalidParameterException");
    }

    #[test]
    fn events_of_another_time_are_left_out_and_that_is_said() {
        let now = 20 * 24 * HOUR;
        let mut state = with_streams(&["s"]);
        let at = |times: &[i64]| times.iter().map(|at| (*at, "m")).collect::<Vec<_>>();
        let old = state.put(put("s", &at(&[now - OLDEST - 1, now - OLDEST])), now).unwrap();
        assert_eq!(
            (old.bytes, &old.answer["rejectedLogEventsInfo"]),
            (1, &json!({ "tooOldLogEventEndIndex": 1 }))
        );
        let new = state.put(put("s", &at(&[now, now + NEWEST, now + NEWEST + 1])), now).unwrap();
        assert_eq!(
            (new.bytes, &new.answer["rejectedLogEventsInfo"]),
            (2, &json!({ "tooNewLogEventStartIndex": 2 }))
        );
        assert_eq!(state.stream("g", "s").unwrap().events.len(), 3);
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut state = with_streams(&["s"]);
        let text = "m".repeat(1_000_000);
        let puts = (0..100).find_map(|_| state.put(put("s", &[(1, text.as_str())]), 9).err());
        assert_eq!(puts.unwrap().code, "LimitExceededException");
        let group = (0..).map(|at| state.create_group(GroupName { log_group_name: format!("{at:0500}") }, 9));
        let group = group.take(200_000).find_map(Result::err);
        assert_eq!(group.unwrap().code, "LimitExceededException");
    }
}
