//! Who is connected, who listens to what, what is retained, and what waits for those who come back.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::Properties;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::topic;
use crate::iot::registry::{Deed, Principal};

/// Largest payload of a message (IoT Core quotas).
pub(crate) const PAYLOAD_LIMIT: usize = 128 * 1024;
/// Longest life of a session without its client (IoT Core quotas, "persistent session expiry period").
pub(crate) const LONGEST_SESSION: Duration = Duration::from_secs(3600);
/// Subscriptions per connection (IoT Core quotas).
const SUBSCRIPTIONS: usize = 50;
/// Messages that wait for a slow client; further ones are lost to it.
const OUTBOX: usize = 256;
/// Messages that wait for a client that is away (ours; the service's own limit is not published).
const STORED: usize = 1000;
/// Retained messages that are kept (ours; the service's own limit is far higher).
const RETAINED: usize = 10_000;
/// Client ids whose connections are counted; with more of them all counts begin again.
const COUNTED: usize = 10_000;

/// A message on its way from one client to others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// QoS 1; else 0.
    pub(crate) at_least_once: bool,
    /// From a publisher: keep it for later subscribers. To a subscriber: it was kept.
    pub(crate) retain: bool,
    /// It may have been delivered before (DUP).
    pub(crate) again: bool,
    /// When nobody wants it any more (MQTT 5, section 3.3.2.3.3).
    pub(crate) until: Option<Instant>,
    /// What MQTT 5 passes on beside the payload.
    pub(crate) properties: Properties,
}

impl Message {
    /// One of the cloud's own, at least once where that was subscribed to.
    pub(crate) fn own(topic: String, payload: Bytes) -> Self {
        Self {
            topic,
            payload,
            at_least_once: true,
            retain: false,
            again: false,
            until: None,
            properties: Vec::new(),
        }
    }

    /// Whether its time is over.
    pub(crate) fn is_late(&self) -> bool {
        self.until.is_some_and(|until| until <= Instant::now())
    }
}

/// The broker's memory.
#[derive(Default)]
pub(crate) struct Broker {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: HashMap<String, Session>,
    /// Since when each is kept.
    retained: BTreeMap<String, (Message, Instant)>,
    connections: u64,
    /// How often a client id has connected.
    counts: HashMap<String, u64>,
}

/// What is kept under one client id.
struct Session {
    principal: Principal,
    /// Filter to highest quality of service: `true` is at least once.
    filters: BTreeMap<String, bool>,
    /// For how long it outlives its connection.
    kept: Duration,
    /// The connection that it was taken over from.
    from: Option<u64>,
    presence: Presence,
}

enum Presence {
    Here { connection: u64, outbox: mpsc::Sender<Message>, taken_over: CancellationToken },
    Away { until: Instant, stored: VecDeque<Message> },
}

/// Who wants to be seated.
#[derive(Clone)]
pub(crate) struct Arrival {
    pub(crate) client_id: String,
    pub(crate) principal: Principal,
    /// Nothing of an earlier session is wanted.
    pub(crate) clean: bool,
    /// For how long the session outlives the connection.
    pub(crate) kept: Duration,
}

/// One client's connection: dropped when the client goes.
pub(crate) struct Seat<'a> {
    broker: &'a Broker,
    client_id: String,
    connection: u64,
    /// For how long the session outlives this connection.
    pub(crate) kept: Duration,
    /// An earlier session goes on.
    pub(crate) resumed: bool,
    /// How many connections this client id had before.
    pub(crate) version: u64,
    /// Messages for this client.
    pub(crate) inbox: mpsc::Receiver<Message>,
    /// Messages that came while it was away.
    pub(crate) backlog: VecDeque<Message>,
    /// Delivered at least once, and not confirmed yet.
    pub(crate) in_flight: BTreeMap<u16, Message>,
    /// Cancelled when the same client id connects again.
    pub(crate) taken_over: CancellationToken,
}

impl Broker {
    /// Seats a client; whoever sat under the same id is told to go.
    pub(crate) fn seat(&self, arrival: Arrival) -> Seat<'_> {
        let Arrival { client_id, principal, clean, kept } = arrival;
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        let taken_over = CancellationToken::new();
        let mut state = self.lock();
        state.forget_expired();
        state.connections += 1;
        let connection = state.connections;
        let version = state.count(&client_id);
        let old = state.sessions.remove(&client_id);
        if let Some(Session { presence: Presence::Here { taken_over, .. }, .. }) = &old {
            taken_over.cancel();
        }
        // One that ends with its connection ends when that is taken over.
        let old = old.filter(|old| !clean && !old.kept.is_zero());
        let resumed = old.is_some();
        let (filters, backlog, from) = match old {
            Some(Session { filters, presence: Presence::Away { stored, .. }, .. }) => (filters, stored, None),
            Some(Session { filters, presence: Presence::Here { connection, .. }, .. }) => {
                (filters, VecDeque::new(), Some(connection))
            }
            None => Default::default(),
        };
        let presence = Presence::Here { connection, outbox, taken_over: taken_over.clone() };
        state.sessions.insert(client_id.clone(), Session { principal, filters, kept, from, presence });
        let in_flight = BTreeMap::new();
        Seat {
            broker: self,
            client_id,
            connection,
            kept,
            resumed,
            version,
            inbox,
            backlog,
            in_flight,
            taken_over,
        }
    }

    /// Keeps and passes on a message whose topic is allowed.
    pub(crate) fn publish(&self, message: Message) {
        let mut state = self.lock();
        state.forget_expired();
        if message.retain && topic::may_retain(&message.topic) {
            state.retain(&message);
        }
        for (client_id, session) in &mut state.sessions {
            let Some(at_least_once) = session.best_filter(&message.topic) else { continue };
            if session.principal.may(Deed::Receive(&message.topic), Some(client_id)) {
                let at_least_once = at_least_once && message.at_least_once;
                session.hand(client_id, Message { at_least_once, retain: false, ..message.clone() });
            }
        }
    }

    /// Passes a message on to one client, whether or not it has subscribed, if it is there.
    pub(crate) fn send_to(&self, client_id: &str, message: Message) {
        let mut state = self.lock();
        if let Some(session) =
            state.sessions.get_mut(client_id).filter(|one| matches!(one.presence, Presence::Here { .. }))
        {
            let at_least_once = session.best_filter(&message.topic).unwrap_or(false);
            session.hand(client_id, Message { at_least_once, retain: false, ..message });
        }
    }

    /// Whether a client of that name is connected.
    pub(crate) fn is_here(&self, client_id: &str) -> bool {
        let state = self.lock();
        state.sessions.get(client_id).is_some_and(|session| matches!(session.presence, Presence::Here { .. }))
    }

    /// The message that is retained under a topic, and since when.
    pub(crate) fn retained(&self, topic: &str) -> Option<(Message, Instant)> {
        self.lock().retained.get(topic).filter(|(message, _)| !message.is_late()).cloned()
    }

    /// Retained messages by topic, and since when they are, from `after` on.
    pub(crate) fn all_retained(&self, after: Option<&str>, most: usize) -> Vec<(Message, Instant)> {
        let state = self.lock();
        let later =
            state.retained.iter().filter(|(topic, _)| after.is_none_or(|after| topic.as_str() > after));
        later.map(|(_, kept)| kept.clone()).filter(|(message, _)| !message.is_late()).take(most).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Session {
    fn best_filter(&self, topic: &str) -> Option<bool> {
        let matching = self.filters.iter().filter(|(filter, _)| topic::matches(filter, topic));
        matching.map(|(_, quality)| *quality).max()
    }

    /// To the client, or where it finds it when it comes back: there only what is to come at least once.
    fn hand(&mut self, client_id: &str, message: Message) {
        match &mut self.presence {
            Presence::Here { outbox, .. } => {
                if let Err(error) = outbox.try_send(message) {
                    let message = error.into_inner();
                    warn!(
                        client_id,
                        topic = message.topic,
                        "the client is too slow, a message is lost to it"
                    );
                }
            }
            Presence::Away { stored, .. } if message.at_least_once && stored.len() < STORED => {
                stored.push_back(message);
            }
            Presence::Away { .. } if message.at_least_once => {
                warn!(
                    client_id,
                    topic = message.topic,
                    "too much waits for the client, a message is lost to it"
                );
            }
            Presence::Away { .. } => {}
        }
    }
}

impl State {
    fn forget_expired(&mut self) {
        let now = Instant::now();
        self.sessions.retain(|_, session| match session.presence {
            Presence::Away { until, .. } => until > now,
            Presence::Here { .. } => true,
        });
    }

    fn count(&mut self, client_id: &str) -> u64 {
        if self.counts.len() >= COUNTED && !self.counts.contains_key(client_id) {
            self.counts.clear();
        }
        let count = self.counts.entry(client_id.into()).or_default();
        *count += 1;
        *count - 1
    }

    fn retain(&mut self, message: &Message) {
        if message.payload.is_empty() {
            self.retained.remove(&message.topic);
        } else if self.retained.len() < RETAINED || self.retained.contains_key(&message.topic) {
            self.retained.insert(message.topic.clone(), (message.clone(), Instant::now()));
        } else {
            warn!(topic = message.topic, "too many retained messages, this one is not kept");
        }
    }

    /// The session of this very connection.
    fn of(&mut self, client_id: &str, wanted: u64) -> Option<&mut Session> {
        self.sessions.get_mut(client_id).filter(
            |session| matches!(session.presence, Presence::Here { connection, .. } if connection == wanted),
        )
    }
}

impl Seat<'_> {
    /// Adds or changes a subscription. Gives what was retained for it.
    pub(crate) fn subscribe(&self, filter: &str, at_least_once: bool) -> Result<Option<Message>, TooMany> {
        let mut state = self.broker.lock();
        if let Some(session) = state.of(&self.client_id, self.connection) {
            if session.filters.len() >= SUBSCRIPTIONS && !session.filters.contains_key(filter) {
                return Err(TooMany);
            }
            session.filters.insert(filter.into(), at_least_once);
        }
        drop(state);
        let retained = if topic::is_exact(filter) { self.broker.retained(filter) } else { None };
        Ok(retained
            .map(|(message, _)| Message { at_least_once: at_least_once && message.at_least_once, ..message }))
    }

    /// Ends a subscription; says whether it was there.
    pub(crate) fn unsubscribe(&self, filter: &str) -> bool {
        let mut state = self.broker.lock();
        let session = state.of(&self.client_id, self.connection);
        session.is_some_and(|session| session.filters.remove(filter).is_some())
    }

    /// What was not confirmed, and what was not even sent, in their order.
    fn leftovers(&mut self) -> VecDeque<Message> {
        let sent = std::mem::take(&mut self.in_flight).into_values();
        let mut left: VecDeque<Message> = sent.map(|message| Message { again: true, ..message }).collect();
        left.append(&mut self.backlog);
        while let Ok(message) = self.inbox.try_recv() {
            left.push_back(message);
        }
        left.retain(|message| message.at_least_once);
        left
    }
}

/// The connection has 50 subscriptions already.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection has 50 subscriptions already")]
pub(crate) struct TooMany;

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let broker = self.broker;
        let mut state = broker.lock();
        let left = self.leftovers();
        match state.of(&self.client_id, self.connection) {
            Some(_) if self.kept.is_zero() => {
                state.sessions.remove(&self.client_id);
            }
            Some(session) => {
                session.presence = Presence::Away { until: Instant::now() + self.kept, stored: left };
            }
            // Whoever has taken over this session gets what this connection did not bring to an end.
            None => {
                let taken = state.sessions.get_mut(&self.client_id);
                if let Some(session) = taken.filter(|session| session.from == Some(self.connection)) {
                    left.into_iter().for_each(|message| session.hand(&self.client_id, message));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iot::policy::Policy;
    use crate::iot::registry::Registry;

    fn arrival(client_id: &str, clean: bool, kept: Duration) -> Arrival {
        let all =
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}"#;
        let registry = Registry::default();
        registry.admit("c", None, Policy::read(all).unwrap());
        let principal = registry.principal("c", &"r:a".into(), std::time::SystemTime::now()).unwrap();
        Arrival { client_id: client_id.into(), principal, clean, kept }
    }

    fn seat<'a>(broker: &'a Broker, client_id: &str) -> Seat<'a> {
        broker.seat(arrival(client_id, true, Duration::ZERO))
    }

    fn message(topic: &str, retain: bool) -> Message {
        Message { retain, ..Message::own(topic.into(), Bytes::from_static(b"x")) }
    }

    #[test]
    fn a_message_reaches_each_subscriber_once_at_the_best_of_its_filters() {
        let broker = Broker::default();
        let mut seat = seat(&broker, "one");
        seat.subscribe("a/+", false).unwrap();
        seat.subscribe("a/b", true).unwrap();
        broker.publish(message("a/b", false));
        assert!(seat.inbox.try_recv().unwrap().at_least_once);
        assert!(seat.inbox.try_recv().is_err());
    }

    #[test]
    fn retained_messages_go_to_exact_filters_only() {
        let broker = Broker::default();
        broker.publish(message("a/b", true));
        let seat = seat(&broker, "one");
        assert_eq!(seat.subscribe("a/+", true).unwrap(), None);
        assert!(seat.subscribe("a/b", true).unwrap().unwrap().retain);
        let empty = Message { payload: Bytes::new(), ..message("a/b", true) };
        broker.publish(empty);
        assert_eq!(seat.subscribe("a/b", true).unwrap(), None);
    }

    #[test]
    fn nothing_is_retained_below_the_dollar_sign() {
        let broker = Broker::default();
        broker.publish(message("$aws/things/x/shadow/update", true));
        let seat = seat(&broker, "one");
        assert_eq!(seat.subscribe("$aws/things/x/shadow/update", true).unwrap(), None);
    }

    #[test]
    fn the_newer_of_two_equal_client_ids_stays() {
        let broker = Broker::default();
        let old = seat(&broker, "same");
        let mut new = seat(&broker, "same");
        assert!(old.taken_over.is_cancelled());
        assert_eq!((old.version, new.version), (0, 1));
        new.subscribe("a", false).unwrap();
        drop(old);
        broker.publish(message("a", false));
        assert!(new.inbox.try_recv().is_ok());
    }

    #[test]
    fn the_fifty_first_subscription_is_refused() {
        let broker = Broker::default();
        let seat = seat(&broker, "one");
        for index in 0..SUBSCRIPTIONS {
            seat.subscribe(&format!("t/{index}"), false).unwrap();
        }
        assert_eq!(seat.subscribe("t/one-more", false), Err(TooMany));
        assert!(seat.subscribe("t/0", true).is_ok());
    }

    #[test]
    fn what_comes_while_a_client_is_away_waits_for_it_and_so_does_what_it_did_not_confirm() {
        let broker = Broker::default();
        let hour = arrival("one", false, LONGEST_SESSION);
        let mut seat = broker.seat(hour.clone());
        assert!(!seat.resumed);
        seat.subscribe("a", true).unwrap();
        seat.subscribe("never", false).unwrap();
        seat.in_flight.insert(7, message("sent", false));
        drop(seat);
        broker.publish(message("a", false));
        broker.publish(message("never", false));
        let seat = broker.seat(hour.clone());
        assert!(seat.resumed);
        let found: Vec<_> =
            seat.backlog.iter().map(|message| (message.topic.as_str(), message.again)).collect();
        assert_eq!(found, [("sent", true), ("a", false)]);
        // Taken over, it goes on as well; a clean one does not, and neither does one that was to end with its connection.
        let mut taken = broker.seat(hour.clone());
        assert!(taken.resumed && taken.backlog.is_empty());
        drop(seat);
        assert_eq!(taken.inbox.try_recv().unwrap().topic, "sent");
        taken.in_flight.insert(1, message("sent", false));
        let mut clean = broker.seat(Arrival { clean: true, kept: Duration::ZERO, ..hour.clone() });
        assert!(!clean.resumed);
        drop(taken);
        assert!(clean.inbox.try_recv().is_err());
        assert!(!broker.seat(hour).resumed);
    }

    #[test]
    fn a_session_is_forgotten_when_its_time_is_over() {
        let broker = Broker::default();
        let moment = arrival("one", false, Duration::from_nanos(1));
        drop(broker.seat(moment.clone()));
        assert!(!broker.seat(moment.clone()).resumed);
        drop(broker.seat(Arrival { kept: LONGEST_SESSION, ..moment.clone() }));
        assert!(broker.seat(moment).resumed);
    }

    #[test]
    fn a_message_to_one_client_needs_no_subscription_and_reaches_nobody_else() {
        let broker = Broker::default();
        let (mut one, mut other) = (seat(&broker, "one"), seat(&broker, "other"));
        other.subscribe("answers", true).unwrap();
        broker.send_to("one", message("answers", false));
        assert!(!one.inbox.try_recv().unwrap().at_least_once);
        assert!(other.inbox.try_recv().is_err());
    }
}
