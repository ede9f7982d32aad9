//! What is read of logs, a page at a time (CloudWatch Logs API reference: DescribeLogGroups, DescribeLogStreams,
//! GetLogEvents, FilterLogEvents).

use serde::Deserialize;
use serde_json::{Value, json};

use super::pattern::Pattern;
use super::store::{Kept, State, Stream};
use super::{absent, invalid, with_token};
use crate::answer::Failure;

/// Groups or streams per page.
const NAMES: usize = 50;
/// Events per page.
const EVENTS: usize = 10_000;
/// Bytes of messages per page.
const BYTES: usize = 1_048_576;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeGroups {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    limit: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeStreams {
    #[serde(flatten)]
    group: GroupChoice,
    log_stream_name_prefix: Option<String>,
    order_by: Option<Order>,
    #[serde(default)]
    descending: bool,
    limit: Option<usize>,
    next_token: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
enum Order {
    LogStreamName,
    LastEventTime,
}

/// A group by its name or its ARN.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupChoice {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
}

/// Which times are wanted; the end is not among them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Times {
    start_time: Option<i64>,
    end_time: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Get {
    #[serde(flatten)]
    group: GroupChoice,
    log_stream_name: String,
    #[serde(flatten)]
    times: Times,
    next_token: Option<String>,
    #[serde(default)]
    start_from_head: bool,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    #[serde(flatten)]
    group: GroupChoice,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    #[serde(flatten)]
    times: Times,
    #[serde(default)]
    filter_pattern: String,
    next_token: Option<String>,
    limit: Option<usize>,
}

impl State {
    pub(super) fn describe_groups(&self, asked: &DescribeGroups, arn: &str) -> Result<Value, Failure> {
        let limit = limit(asked.limit, NAMES)?;
        let after = asked.next_token.as_deref();
        let wanted = |name: &str| match (&asked.log_group_name_prefix, &asked.log_group_name_pattern) {
            (Some(_), Some(_)) => Err(invalid("a prefix and a pattern exclude one another")),
            (Some(prefix), None) => Ok(name.starts_with(prefix)),
            // A pattern is looked for anywhere, whatever the case.
            (None, Some(part)) => Ok(name.to_lowercase().contains(&part.to_lowercase())),
            (None, None) => Ok(true),
        };
        let mut found = Vec::new();
        for (name, group) in &self.groups {
            if wanted(name)? && after.is_none_or(|after| name.as_str() > after) {
                found.push((name, group));
            }
        }
        let token = next_name(&found, limit);
        let shown = |(name, group): &(&String, &super::store::Group)| {
            json!({
                "logGroupName": name,
                "creationTime": group.created,
                "arn": format!("{arn}{name}:*"),
                "logGroupArn": format!("{arn}{name}"),
                "storedBytes": 0,
                "metricFilterCount": 0,
            })
        };
        let groups: Vec<Value> = found.iter().take(limit).map(shown).collect();
        Ok(with_token(json!({ "logGroups": groups }), token))
    }

    pub(super) fn describe_streams(&mut self, asked: &DescribeStreams, arn: &str) -> Result<Value, Failure> {
        let limit = limit(asked.limit, NAMES)?;
        let prefix = asked.log_stream_name_prefix.as_deref();
        let by_time = asked.order_by == Some(Order::LastEventTime);
        if by_time && prefix.is_some() {
            return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        let group = asked.group.name()?;
        let arn = format!("{arn}{group}");
        let streams = self.group(group)?.streams.iter();
        let mut found: Vec<_> =
            streams.filter(|(name, _)| name.starts_with(prefix.unwrap_or_default())).collect();
        if by_time {
            found.sort_by_key(|(_, stream)| stream.last());
        }
        if asked.descending {
            found.reverse();
        }
        if let Some(after) = &asked.next_token {
            let at = found.iter().position(|(name, _)| *name == after).ok_or_else(foreign_token)?;
            found.drain(..=at);
        }
        let token = next_name(&found, limit);
        let streams: Vec<Value> =
            found.iter().take(limit).map(|(name, stream)| stream.describe(name, &arn)).collect();
        Ok(with_token(json!({ "logStreams": streams }), token))
    }

    /// One page. Tokens are `f/` or `b/` and a position; going forward stops where the token no longer changes.
    pub(super) fn get(&mut self, asked: &Get) -> Result<Value, Failure> {
        let limit = limit(asked.limit, EVENTS)?;
        let stream = self.stream(asked.group.name()?, &asked.log_stream_name)?;
        let events: Vec<&Kept> = stream.events.iter().filter(|kept| asked.times.have(kept)).collect();
        let (from, to) = page(asked.next_token.as_deref(), asked.start_from_head, events.len(), limit)?;
        Ok(json!({
            "events": events[from..to],
            "nextForwardToken": format!("f/{to}"),
            "nextBackwardToken": format!("b/{from}"),
        }))
    }

    /// Events of all streams by their time, one page. A token names the last event of the page before: its time and number.
    pub(super) fn filter(&mut self, asked: &Filter) -> Result<Value, Failure> {
        let limit = limit(asked.limit, EVENTS)?;
        let pattern = Pattern::read(&asked.filter_pattern)?;
        let after = asked.next_token.as_deref().map(read_place).transpose()?;
        if asked.log_stream_names.is_some() && asked.log_stream_name_prefix.is_some() {
            return Err(invalid("logStreamNames and logStreamNamePrefix exclude one another"));
        }
        let group = self.group(asked.group.name()?)?;
        let named = asked.log_stream_names.iter().flatten();
        if named.into_iter().any(|name| !group.streams.contains_key(name)) {
            return Err(absent("log stream"));
        }
        let streams = group.streams.iter().filter(|(name, _)| asked.is_of(name));
        let wanted = |kept: &Kept| {
            asked.times.have(kept)
                && pattern.wants(&kept.event.message)
                && after.is_none_or(|after| place(kept) > after)
        };
        let mut found: Vec<(&String, &Kept)> =
            streams.flat_map(|(name, stream)| stream.events.iter().map(move |kept| (name, kept))).collect();
        found.retain(|(_, kept)| wanted(kept));
        found.sort_by_key(|(_, kept)| place(kept));
        let (mut bytes, mut shown) = (0, Vec::new());
        for (name, kept) in found.iter().take(limit) {
            bytes += kept.event.message.len();
            if bytes > BYTES && !shown.is_empty() {
                break;
            }
            let mut event = json!(kept);
            event["logStreamName"] = json!(name);
            event["eventId"] = json!(format!("{:056}", kept.number));
            shown.push(event);
        }
        let last = shown.len().checked_sub(1).map(|last| place(found[last].1));
        let token = last.filter(|_| shown.len() < found.len()).map(|(at, number)| format!("{at}/{number}"));
        Ok(with_token(json!({ "events": shown, "searchedLogStreams": [] }), token))
    }
}

impl Filter {
    fn is_of(&self, stream: &String) -> bool {
        match (&self.log_stream_names, &self.log_stream_name_prefix) {
            (Some(names), _) => names.contains(stream),
            (None, Some(prefix)) => stream.starts_with(prefix),
            (None, None) => true,
        }
    }
}

impl GroupChoice {
    fn name(&self) -> Result<&str, Failure> {
        match (&self.log_group_name, &self.log_group_identifier) {
            (Some(name), None) => Ok(name),
            (None, Some(arn)) => Ok(arn.rsplit_once(":log-group:").map_or(arn, |(_, name)| name)),
            _ => Err(invalid("exactly one of logGroupName and logGroupIdentifier is needed")),
        }
    }
}

impl Times {
    fn have(&self, kept: &Kept) -> bool {
        self.start_time.is_none_or(|start| kept.event.timestamp >= start)
            && self.end_time.is_none_or(|end| kept.event.timestamp < end)
    }
}

impl Stream {
    /// When its last event was; none is before all.
    fn last(&self) -> Option<i64> {
        self.events.last().map(|kept| kept.event.timestamp)
    }

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
            value["lastIngestionTime"] = self.events.iter().map(|kept| kept.ingestion_time).max().into();
            value["uploadSequenceToken"] = format!("{:056}", self.events.len()).into();
        }
        value
    }
}

/// Where an event is among those of all streams.
fn place(kept: &Kept) -> (i64, u64) {
    (kept.event.timestamp, kept.number)
}

fn read_place(token: &str) -> Result<(i64, u64), Failure> {
    let place = token.split_once('/').and_then(|(at, number)| Some((at.parse().ok()?, number.parse().ok()?)));
    place.ok_or_else(foreign_token)
}

/// The last name of a page that is not the last.
fn next_name<T>(found: &[(&String, T)], limit: usize) -> Option<String> {
    (found.len() > limit).then(|| found[limit - 1].0.clone())
}

fn limit(asked: Option<usize>, most: usize) -> Result<usize, Failure> {
    let limit = asked.unwrap_or(most);
    if (1..=most).contains(&limit) {
        Ok(limit)
    } else {
        Err(invalid(format!("the limit must be 1 to {most}")))
    }
}

fn foreign_token() -> Failure {
    invalid("the next token is none of ours")
}

fn page(token: Option<&str>, from_head: bool, total: usize, limit: usize) -> Result<(usize, usize), Failure> {
    let position = |text: &str| text.parse::<usize>().map(|at| at.min(total)).map_err(|_| foreign_token());
    match token.map(|token| token.split_once('/').unwrap_or_default()) {
        Some(("f", at)) => position(at).map(|from| (from, total.min(from.saturating_add(limit)))),
        Some(("b", at)) => position(at).map(|to| (to.saturating_sub(limit), to)),
        Some(_) => Err(foreign_token()),
        None if from_head => Ok((0, total.min(limit))),
        None => Ok((total.saturating_sub(limit), total)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::tests::{put, with_streams};
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

    fn filtered(state: &mut State, mut asked: Value) -> (Vec<String>, Option<String>) {
        asked["logGroupName"] = json!("g");
        let page = state.filter(&serde_json::from_value(asked).unwrap()).unwrap();
        let text = |event: &Value| event["message"].as_str().unwrap().to_owned();
        let token = page["nextToken"].as_str().map(str::to_owned);
        (page["events"].as_array().unwrap().iter().map(text).collect(), token)
    }

    #[test]
    fn events_of_all_streams_come_by_their_time_page_by_page() {
        let mut state = with_streams(&["a", "b", "other"]);
        state.put(put("a", &[(1, "one"), (3, "three")]), 9).unwrap();
        state.put(put("b", &[(2, "two"), (3, "three again")]), 9).unwrap();
        state.put(put("other", &[(2, "else")]), 9).unwrap();
        let of = |state: &mut State, asked| filtered(state, asked).0;
        assert_eq!(of(&mut state, json!({})), ["one", "two", "else", "three", "three again"]);
        assert_eq!(of(&mut state, json!({ "logStreamNames": ["b"] })), ["two", "three again"]);
        assert_eq!(of(&mut state, json!({ "logStreamNamePrefix": "o" })), ["else"]);
        assert_eq!(of(&mut state, json!({ "startTime": 2, "endTime": 3 })), ["two", "else"]);
        assert_eq!(of(&mut state, json!({ "filterPattern": "three -again" })), ["three"]);
        let (first, token) = filtered(&mut state, json!({ "limit": 2 }));
        let (rest, none) = filtered(&mut state, json!({ "nextToken": token }));
        assert_eq!(
            (first.len(), rest, none),
            (2, ["else", "three", "three again"].map(str::to_owned).into(), None)
        );
    }

    #[test]
    fn streams_are_listed_by_name_or_by_their_last_event() {
        let mut state = with_streams(&["a", "b", "c"]);
        state.put(put("b", &[(5, "m")]), 9).unwrap();
        state.put(put("a", &[(7, "m")]), 9).unwrap();
        let mut names = |mut asked: Value| -> Result<String, &str> {
            asked["logGroupName"] = json!("g");
            let found = state.describe_streams(&serde_json::from_value(asked).unwrap(), "arn:");
            let found = found.map_err(|failure| failure.code)?;
            let names = found["logStreams"].as_array().unwrap().iter();
            Ok(names.map(|one| one["logStreamName"].as_str().unwrap()).collect())
        };
        assert_eq!(names(json!({})), Ok("abc".into()));
        assert_eq!(names(json!({ "limit": 1, "nextToken": "a" })), Ok("b".into()));
        assert_eq!(names(json!({ "orderBy": "LastEventTime", "descending": true })), Ok("abc".into()));
        assert_eq!(names(json!({ "orderBy": "LastEventTime" })), Ok("cba".into()));
        assert_eq!(names(json!({ "descending": true, "logStreamNamePrefix": "b" })), Ok("b".into()));
        let both = json!({ "orderBy": "LastEventTime", "logStreamNamePrefix": "b" });
        for bad in [both, json!({ "limit": 51 }), json!({ "limit": 0 }), json!({ "nextToken": "x" })] {
            assert_eq!(names(bad), Err("InvalidParameterException"));
        }
    }
}
