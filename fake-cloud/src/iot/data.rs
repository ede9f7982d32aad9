//! IoT Core's HTTPS side, with a certificate or a signature: publish, and what is retained (API "AWS IoT data").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::registry::{Deed, Principal};
use super::{Caller, refused};
use crate::answer::Failure;
use crate::cloud::Cloud;
use crate::https::Call;
use crate::keys::request_id;
use crate::mqtt::{Message, PAYLOAD_LIMIT, topic};

/// Most retained messages in one answer.
const PAGE: usize = 200;

/// `POST /topics/<topic, percent-encoded>?qos=0|1`.
pub(super) fn publish(
    topic: &str,
    call: &Call<'_>,
    cloud: &Cloud,
    who: Option<&Principal>,
) -> Result<Value, Failure> {
    if call.body.len() > PAYLOAD_LIMIT {
        return Err(Failure::new(
            413,
            "RequestEntityTooLargeException",
            "the payload is larger than 128 KiB",
        ));
    }
    topic::check_name(topic)
        .map_err(|error| Failure::new(400, "InvalidRequestException", error.to_string()))?;
    let at_least_once = call.field("qos").is_some_and(|value| value == "1");
    let retain = call.field("retain").is_some_and(|value| value == "true");
    let may = |who: &Principal| {
        who.may(Deed::Publish(topic), None) && (!retain || who.may(Deed::Retain(topic), None))
    };
    if who.is_some_and(|who| !may(who)) {
        return Err(refused());
    }
    let message = Message { at_least_once, retain, ..Message::own(topic.into(), call.body.clone()) };
    // Nobody waits at the other end of a connection for what is answered by message.
    let client_id = request_id();
    match who {
        Some(_) => super::take(cloud, Caller { client_id: &client_id, principal: who }, message),
        None => super::pass_on(cloud, message),
    }
    Ok(json!({ "message": "OK", "traceId": client_id }))
}

/// `GET /retainedMessage/<topic>`.
pub(super) fn retained(topic: &str, cloud: &Cloud) -> Result<Value, Failure> {
    let nothing = || Failure::new(404, "ResourceNotFoundException", "nothing is retained there");
    let (message, since) = cloud.broker.retained(topic).ok_or_else(nothing)?;
    let mut said = summary(&message, since, cloud);
    said["payload"] = STANDARD.encode(&message.payload).into();
    Ok(said)
}

/// `GET /retainedMessage?maxResults=&nextToken=`.
pub(super) fn all_retained(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let most = call.field("maxResults").map_or(Ok(PAGE), |most| most.parse());
    let most = most.ok().filter(|most| (1..=PAGE).contains(most));
    let most = most.ok_or_else(|| Failure::new(400, "InvalidRequestException", "maxResults is 1 to 200"))?;
    let after = call.field("nextToken");
    let mut found = cloud.broker.all_retained(after.as_deref(), most + 1);
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| more).map(|(last, _)| last.topic.clone());
    let topics: Vec<Value> = found
        .iter()
        .map(|(message, since)| {
            let mut said = summary(message, *since, cloud);
            said["payloadSize"] = message.payload.len().into();
            said
        })
        .collect();
    Ok(json!({ "retainedTopics": topics, "nextToken": next }))
}

fn summary(message: &Message, since: Instant, cloud: &Cloud) -> Value {
    let age = i64::try_from(since.elapsed().as_millis()).unwrap_or(0);
    let qos = u8::from(message.at_least_once);
    json!({ "topic": message.topic, "qos": qos, "lastModifiedTime": cloud.clock.milliseconds() - age })
}

/// The JSON of an answer.
pub(super) fn written(answer: Value) -> Bytes {
    answer.to_string().into()
}
