//! Life-cycle events: who connects, disconnects, subscribes (AWS IoT developer guide, "Lifecycle events"). Pure.

use std::net::IpAddr;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::mqtt::Message;

/// What events say of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) client_id: String,
    /// Certificate id.
    pub(crate) principal: String,
    /// Same for all events of one connection.
    pub(crate) session: String,
    pub(crate) address: IpAddr,
    /// Counts the connections of this client id, from 0.
    pub(crate) version: u64,
}

/// A connection stands.
pub(crate) fn connected(visitor: &Visitor, now_ms: i64) -> Message {
    let more = json!({ "ipAddress": visitor.address.to_string(), "versionNumber": visitor.version });
    event("presence", "connected", visitor, now_ms, more)
}

/// A connection is over; `reason` is one of the documented words.
pub(crate) fn disconnected(visitor: &Visitor, by_client: bool, reason: &str, now_ms: i64) -> Message {
    let more = json!({
        "clientInitiatedDisconnect": by_client, "disconnectReason": reason,
        "ipAddress": visitor.address.to_string(), "versionNumber": visitor.version,
    });
    event("presence", "disconnected", visitor, now_ms, more)
}

/// Filters were subscribed to (`subscribed`), or are no longer (`unsubscribed`).
pub(crate) fn subscriptions(word: &str, visitor: &Visitor, filters: &[&str], now_ms: i64) -> Message {
    event("subscriptions", word, visitor, now_ms, json!({ "topics": filters }))
}

fn event(kind: &str, word: &str, visitor: &Visitor, now_ms: i64, more: Value) -> Message {
    let mut said = json!({
        "clientId": visitor.client_id, "timestamp": now_ms, "eventType": word,
        "sessionIdentifier": visitor.session, "principalIdentifier": visitor.principal,
    });
    if let (Some(said), Value::Object(more)) = (said.as_object_mut(), more) {
        said.extend(more);
    }
    let topic = format!("$aws/events/{kind}/{word}/{}", visitor.client_id);
    Message::own(topic, Bytes::from(said.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_who_and_when_in_milliseconds() {
        let visitor = Visitor {
            client_id: "app".into(),
            principal: "c1".into(),
            session: "s".into(),
            address: [10, 0, 0, 1].into(),
            version: 3,
        };
        let gone = disconnected(&visitor, false, "CONNECTION_LOST", 1_700_000_000_123);
        assert_eq!(gone.topic, "$aws/events/presence/disconnected/app");
        let said: Value = serde_json::from_slice(&gone.payload).unwrap();
        let expected = json!({
            "clientId": "app", "timestamp": 1_700_000_000_123_i64, "eventType": "disconnected",
            "sessionIdentifier": "s", "principalIdentifier": "c1", "clientInitiatedDisconnect": false,
            "disconnectReason": "CONNECTION_LOST", "ipAddress": "10.0.0.1", "versionNumber": 3,
        });
        assert_eq!(said, expected);
        let listens = subscriptions("subscribed", &visitor, &["a", "b/#"], 7);
        assert_eq!(listens.topic, "$aws/events/subscriptions/subscribed/app");
        let said: Value = serde_json::from_slice(&listens.payload).unwrap();
        assert_eq!(said["topics"], json!(["a", "b/#"]));
    }
}
