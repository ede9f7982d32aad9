//! Who is connected, who listens to what, what is retained.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::Properties;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::topic;
use crate::facts::Facts;
use crate::service::Service;

/// Largest payload of a message (IoT Core quotas).
pub(crate) const PAYLOAD_LIMIT: usize = 128 * 1024;
/// Subscriptions per connection (IoT Core quotas).
const SUBSCRIPTIONS: usize = 50;
/// Messages that wait for a slow client; further ones are lost to it.
const OUTBOX: usize = 256;
/// Retained messages that are kept (ours; the service's own limit is far higher).
const RETAINED: usize = 10_000;

/// A message on its way from one client to others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// QoS 1; else 0.
    pub(crate) at_least_once: bool,
    /// From a publisher: keep it for later subscribers. To a subscriber: it was kept.
    pub(crate) retain: bool,
    /// What MQTT 5 passes on beside the payload.
    pub(crate) properties: Properties,
}

/// The broker's memory.
#[derive(Default)]
pub(crate) struct Broker {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    clients: HashMap<String, Client>,
    retained: BTreeMap<String, Message>,
    connections: u64,
}

struct Client {
    connection: u64,
    outbox: mpsc::Sender<Message>,
    taken_over: CancellationToken,
    /// Filter to highest quality of service: `true` is at least once.
    filters: BTreeMap<String, bool>,
}

/// One client's connection: dropped when the client goes.
pub(crate) struct Seat<'a> {
    broker: &'a Broker,
    client_id: String,
    connection: u64,
    /// Messages for this client.
    pub(crate) inbox: mpsc::Receiver<Message>,
    /// Cancelled when the same client id connects again.
    pub(crate) taken_over: CancellationToken,
}

impl Broker {
    /// Seats a client; whoever sat under the same id is told to go.
    pub(crate) fn seat(&self, client_id: &str) -> Seat<'_> {
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        let taken_over = CancellationToken::new();
        let mut state = self.lock();
        state.connections += 1;
        let connection = state.connections;
        let client = Client { connection, outbox, taken_over: taken_over.clone(), filters: BTreeMap::new() };
        if let Some(old) = state.clients.insert(client_id.into(), client) {
            old.taken_over.cancel();
        }
        Seat { broker: self, client_id: client_id.into(), connection, inbox, taken_over }
    }

    /// Keeps and passes on a message whose topic is allowed.
    pub(crate) fn publish(&self, message: Message, facts: &Facts) {
        facts.stored(Service::Iot, &message.topic, message.payload.len());
        let mut state = self.lock();
        if message.retain && topic::may_retain(&message.topic) {
            state.retain(&message);
        }
        for (client_id, client) in &state.clients {
            let best = client.filters.iter().filter(|(filter, _)| topic::matches(filter, &message.topic));
            if let Some(at_least_once) = best.map(|(_, quality)| *quality).max() {
                let at_least_once = at_least_once && message.at_least_once;
                let copy = Message { at_least_once, retain: false, ..message.clone() };
                if client.outbox.try_send(copy).is_err() {
                    warn!(
                        client_id,
                        topic = message.topic,
                        "the client is too slow, a message is lost to it"
                    );
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    fn retain(&mut self, message: &Message) {
        if message.payload.is_empty() {
            self.retained.remove(&message.topic);
        } else if self.retained.len() < RETAINED || self.retained.contains_key(&message.topic) {
            self.retained.insert(message.topic.clone(), message.clone());
        } else {
            warn!(topic = message.topic, "too many retained messages, this one is not kept");
        }
    }
}

impl Seat<'_> {
    /// Adds or changes a subscription. Gives what was retained for it.
    pub(crate) fn subscribe(&self, filter: &str, at_least_once: bool) -> Result<Option<Message>, TooMany> {
        let mut state = self.broker.lock();
        if let Some(client) =
            state.clients.get_mut(&self.client_id).filter(|one| one.connection == self.connection)
        {
            if client.filters.len() >= SUBSCRIPTIONS && !client.filters.contains_key(filter) {
                return Err(TooMany);
            }
            client.filters.insert(filter.into(), at_least_once);
        }
        let retained = if topic::is_exact(filter) { state.retained.get(filter).cloned() } else { None };
        Ok(retained
            .map(|message| Message { at_least_once: at_least_once && message.at_least_once, ..message }))
    }

    /// Ends a subscription; says whether it was there.
    pub(crate) fn unsubscribe(&self, filter: &str) -> bool {
        let mut state = self.broker.lock();
        let client = state.clients.get_mut(&self.client_id).filter(|one| one.connection == self.connection);
        client.is_some_and(|client| client.filters.remove(filter).is_some())
    }
}

/// The connection has 50 subscriptions already.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection has 50 subscriptions already")]
pub(crate) struct TooMany;

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut state = self.broker.lock();
        if state.clients.get(&self.client_id).is_some_and(|client| client.connection == self.connection) {
            state.clients.remove(&self.client_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use fake_facts::Teller;

    use super::*;

    fn facts() -> Facts {
        Facts::new(Teller::new(Box::new(std::io::sink())), CancellationToken::new())
    }

    fn message(topic: &str, retain: bool) -> Message {
        let payload = Bytes::from_static(b"x");
        Message { topic: topic.into(), payload, at_least_once: true, retain, properties: Vec::new() }
    }

    #[test]
    fn a_message_reaches_each_subscriber_once_at_the_best_of_its_filters() {
        let broker = Broker::default();
        let mut seat = broker.seat("one");
        seat.subscribe("a/+", false).unwrap();
        seat.subscribe("a/b", true).unwrap();
        broker.publish(message("a/b", false), &facts());
        assert!(seat.inbox.try_recv().unwrap().at_least_once);
        assert!(seat.inbox.try_recv().is_err());
    }

    #[test]
    fn retained_messages_go_to_exact_filters_only() {
        let broker = Broker::default();
        broker.publish(message("a/b", true), &facts());
        let seat = broker.seat("one");
        assert_eq!(seat.subscribe("a/+", true).unwrap(), None);
        assert!(seat.subscribe("a/b", true).unwrap().unwrap().retain);
        let empty = Message { payload: Bytes::new(), ..message("a/b", true) };
        broker.publish(empty, &facts());
        assert_eq!(seat.subscribe("a/b", true).unwrap(), None);
    }

    #[test]
    fn nothing_is_retained_below_the_dollar_sign() {
        let broker = Broker::default();
        broker.publish(message("$aws/things/x/shadow/update", true), &facts());
        let seat = broker.seat("one");
        assert_eq!(seat.subscribe("$aws/things/x/shadow/update", true).unwrap(), None);
    }

    #[test]
    fn the_newer_of_two_equal_client_ids_stays() {
        let broker = Broker::default();
        let old = broker.seat("same");
        let mut new = broker.seat("same");
        assert!(old.taken_over.is_cancelled());
        new.subscribe("a", false).unwrap();
        drop(old);
        broker.publish(message("a", false), &facts());
        assert!(new.inbox.try_recv().is_ok());
    }

    #[test]
    fn the_fifty_first_subscription_is_refused() {
        let broker = Broker::default();
        let seat = broker.seat("one");
        for index in 0..SUBSCRIPTIONS {
            seat.subscribe(&format!("t/{index}"), false).unwrap();
        }
        assert_eq!(seat.subscribe("t/one-more", false), Err(TooMany));
        assert!(seat.subscribe("t/0", true).is_ok());
    }
}
