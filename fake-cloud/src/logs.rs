//! CloudWatch Logs: groups, streams and events, kept in memory.

mod list;
mod pattern;
mod store;

use std::sync::Mutex;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::store::State;
use crate::answer::{Failure, Wire};
use crate::cloud::Cloud;
use crate::https::Call;
use crate::service::Service;

const TARGET: &str = "Logs_20140328.";

/// The log groups of this run.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    state: Mutex<State>,
}

/// Answers one call.
pub(crate) fn answer(call: &Call<'_>, cloud: &Cloud) -> Result<Bytes, Failure> {
    let target =
        call.parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let now = cloud.clock.milliseconds();
    let arn = format!("arn:aws:logs:{}:{}:log-group:", cloud.names.region(), cloud.names.account());
    let mut state = cloud.logs.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let answer = match target.strip_prefix(TARGET) {
        Some("CreateLogGroup") => state.create_group(read(call)?, now),
        Some("CreateLogStream") => state.create_stream(read(call)?, now),
        Some("PutLogEvents") => {
            let put: store::Put = read(call)?;
            let stream = put.log_stream_name.clone();
            let kept = state.put(put, now)?;
            cloud.facts.stored(Service::Logs, &stream, kept.bytes);
            Ok(kept.answer)
        }
        Some("DescribeLogGroups") => state.describe_groups(&read(call)?, &arn),
        Some("DescribeLogStreams") => state.describe_streams(&read(call)?, &arn),
        Some("GetLogEvents") => state.get(&read(call)?),
        Some("FilterLogEvents") => state.filter(&read(call)?),
        _ => Err(Failure::unknown_action(Wire::Json11, target)),
    };
    // Operations without a result answer with an empty body, as the service does.
    answer.map(|value| if value.is_null() { Bytes::new() } else { value.to_string().into() })
}

fn read<T: DeserializeOwned>(call: &Call<'_>) -> Result<T, Failure> {
    serde_json::from_slice(&call.body)
        .map_err(|error| Failure::new(400, "SerializationException", error.to_string()))
}

/// What a page goes on with, beside its items.
fn with_token(mut page: Value, token: Option<String>) -> Value {
    if let Some(token) = token {
        page["nextToken"] = json!(token);
    }
    page
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

fn full(what: &str) -> Failure {
    Failure::new(400, "LimitExceededException", format!("this cloud keeps no more {what}"))
}
