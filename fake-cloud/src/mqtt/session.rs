//! One MQTT client, from CONNECT to the end.

use std::sync::Arc;
use std::time::Duration;

use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, DisconnectReasonCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::broker::{Arrival, LONGEST_SESSION, Message, PAYLOAD_LIMIT, Seat};
use super::packets::{self, Asked, Granted, Terms, Version, Will, Wish};
use super::topic;
use super::wire::{End, Wire as Bytes, broken};
use crate::answer::{Failure, Wire};
use crate::cloud::{Cloud, Heard};
use crate::iot::registry::{Deed, Principal};
use crate::iot::{self, Caller, presence};
use crate::keys::request_id;
use crate::service::Service;
use crate::tls::Peer;

/// From the handshake to CONNECT.
const FIRST_PACKET: Duration = Duration::from_secs(10);
/// Longest client id, in bytes (IoT Core quotas).
const LONGEST_ID: usize = 128;
/// Filters in one SUBSCRIBE (IoT Core quotas).
const FILTERS: usize = 8;
/// Between two messages that waited for the client: ten a second (IoT Core developer guide, "persistent sessions").
const STORED_PACE: Duration = Duration::from_millis(100);

/// Serves one client whose handshake is done.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite>(
    stream: S,
    peer: Peer,
    (cloud, heard): (Arc<Cloud>, Heard),
    stop: CancellationToken,
) {
    let mut session = Session { wire: Bytes::new(stream), peer, cloud: &cloud };
    let end = session.run(heard, &stop).await;
    match end {
        End::Rule(_, reason) => cloud.facts.refused(Service::Iot, session.peer.socket, reason),
        End::Lost(reason) => debug!(reason, peer = %session.peer.socket, "MQTT client lost"),
        other => debug!(end = ?other, peer = %session.peer.socket, "MQTT session over"),
    }
}

struct Session<'a, S> {
    wire: Bytes<S>,
    peer: Peer,
    cloud: &'a Cloud,
}

/// A client that was let in.
struct Guest<'a> {
    version: Version,
    seat: Seat<'a>,
    principal: Principal,
    visitor: presence::Visitor,
    silence: Duration,
    pace: Interval,
}

impl Guest<'_> {
    fn may(&self, deed: Deed<'_>) -> bool {
        self.principal.may(deed, Some(&self.visitor.client_id))
    }
}

/// What a client wants that comes in.
struct Connect {
    version: Version,
    client_id: String,
    keep_alive: u16,
    will: Option<Will>,
    clean: bool,
    kept: Duration,
}

impl<'a, S: AsyncRead + AsyncWrite> Session<'a, S> {
    async fn run(&mut self, heard: Heard, stop: &CancellationToken) -> End {
        let first = tokio::select! {
            first = tokio::time::timeout(FIRST_PACKET, self.wire.first()) => first,
            () = stop.cancelled() => return End::Stopped,
        };
        let mut asked = match first {
            Ok(Ok(asked)) => asked.into_iter(),
            Ok(Err(end)) => return end,
            Err(_) => return broken("no CONNECT within 10 s"),
        };
        let Some(Asked::Connect { version, client_id, keep_alive, will, clean, kept }) = asked.next() else {
            return broken("the first packet is no CONNECT");
        };
        let kept = Duration::from_secs(kept.into()).min(LONGEST_SESSION);
        let connect = Connect { version, client_id, keep_alive, will, clean, kept };
        let mut guest = match self.welcome(&connect).await {
            Ok(guest) => guest,
            Err(end) => return end,
        };
        let (cloud, name) = (self.cloud, self.peer.sni.clone());
        let end = tokio::select! {
            end = self.attend(&mut guest, asked.collect()) => end.unwrap_or_else(|end| end),
            () = cloud.replaced(name.as_deref(), heard) => End::Stopped,
            () = stop.cancelled() => End::Stopped,
        };
        self.part(guest, &end, connect.will).await;
        end
    }

    async fn welcome(&mut self, connect: &Connect) -> Result<Guest<'a>, End> {
        let Connect { version, client_id, kept, .. } = connect;
        let checked = self.check(connect).and_then(|principal| self.let_through().map(|()| principal));
        let principal = match checked {
            Ok(principal) => principal,
            Err((code, reason)) => {
                self.wire.write(&packets::unwelcome(*version, code)).await?;
                return Err(End::Rule(DisconnectReasonCode::NotAuthorized, reason));
            }
        };
        let keep_alive = counted_keep_alive(connect.keep_alive);
        let seat = self.cloud.broker.seat(Arrival {
            client_id: client_id.clone(),
            principal: principal.clone(),
            clean: connect.clean,
            kept: *kept,
        });
        let kept = u32::try_from(kept.as_secs()).unwrap_or(u32::MAX);
        let terms = Terms { keep_alive, resumed: seat.resumed, kept };
        self.wire.send(packets::welcome(*version, terms)).await?;
        self.cloud.facts.accepted(Service::Iot, &self.peer, &principal.certificate_id);
        let visitor = presence::Visitor {
            client_id: client_id.clone(),
            principal: principal.certificate_id.clone(),
            session: request_id(),
            address: self.peer.socket.ip(),
            version: seat.version,
        };
        iot::came(self.cloud, &visitor);
        let mut pace = interval(STORED_PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let silence = Duration::from_secs(u64::from(keep_alive)) * 3 / 2;
        Ok(Guest { version: *version, seat, principal, visitor, silence, pace })
    }

    /// Whether a client may come in, and who it is.
    fn check(&self, connect: &Connect) -> Result<Principal, (ConnectReasonCode, String)> {
        check(&connect.client_id, connect.will.as_ref())?;
        let refused = |reason: String| (ConnectReasonCode::NotAuthorized, reason);
        let certificate = self.peer.certificate_id.as_deref().unwrap_or_default();
        let known = self.cloud.principal(certificate);
        let principal = known.ok_or_else(|| refused("the certificate is nobody's".into()))?;
        let may = |deed| principal.may(deed, Some(&connect.client_id));
        if !may(Deed::Connect(&connect.client_id)) {
            return Err(refused(format!("its policy does not allow the client id `{}`", connect.client_id)));
        }
        match &connect.will {
            Some(will) if !may(Deed::Publish(&will.message.topic)) => {
                Err(refused(format!("its policy does not allow the last will `{}`", will.message.topic)))
            }
            _ => Ok(principal),
        }
    }

    /// Whether there are not too many sessions; only who might come in counts.
    fn let_through(&self) -> Result<(), (ConnectReasonCode, String)> {
        let checked = self.cloud.throttle.check(Service::Iot, Wire::RestJson);
        let words = |failure: Failure| format!("{}: {}", failure.code, failure.message);
        checked.map_err(|failure| (ConnectReasonCode::QuotaExceeded, words(failure)))
    }

    /// Answers and delivers until the end.
    async fn attend(&mut self, guest: &mut Guest<'_>, early: Vec<Asked>) -> Result<End, End> {
        if let Some(end) = self.answer_all(guest, early).await? {
            return Ok(end);
        }
        let mut deadline = Instant::now() + guest.silence;
        loop {
            let may_deliver = self.wire.may_deliver();
            tokio::select! {
                length = self.wire.more() => {
                    let asked = self.wire.take_in(length?).await?;
                    deadline = Instant::now() + guest.silence;
                    if let Some(end) = self.answer_all(guest, asked).await? {
                        return Ok(end);
                    }
                }
                Some(message) = guest.seat.inbox.recv(), if may_deliver => self.deliver(guest, message).await?,
                _ = guest.pace.tick(), if may_deliver && !guest.seat.backlog.is_empty() => {
                    if let Some(message) = guest.seat.backlog.pop_front() {
                        self.deliver(guest, message).await?;
                    }
                }
                () = guest.seat.taken_over.cancelled() => return Ok(End::TakenOver),
                () = tokio::time::sleep_until(deadline) => return Ok(End::Silence),
            }
        }
    }

    async fn deliver(&mut self, guest: &mut Guest<'_>, message: Message) -> Result<(), End> {
        if message.is_late() {
            return Ok(());
        }
        let packet_id = if message.at_least_once { Some(self.wire.packet_id()?) } else { None };
        // Noted first: should the connection break now, it is sent again to a client that comes back.
        if let Some(packet_id) = packet_id {
            guest.seat.in_flight.insert(packet_id, message.clone());
        }
        self.wire.deliver(guest.version, &message, packet_id).await
    }

    async fn answer_all(&mut self, guest: &mut Guest<'_>, all: Vec<Asked>) -> Result<Option<End>, End> {
        for asked in all {
            if asked.packet_id() == Some(0) {
                return Err(broken("a packet identifier of 0"));
            }
            match asked {
                Asked::Connect { .. } => return Err(broken("a second CONNECT")),
                Asked::Malformed => return Err(broken("a malformed packet")),
                Asked::Publish { message, twice, packet_id } => {
                    self.publish(guest, message, twice, packet_id).await?;
                }
                Asked::Subscribe { packet_id, filters } => self.subscribe(guest, packet_id, &filters).await?,
                Asked::Unsubscribe { packet_id, filters } => {
                    self.unsubscribe(guest, packet_id, &filters).await?;
                }
                Asked::Confirm { packet_id } => {
                    guest.seat.in_flight.remove(&packet_id);
                }
                Asked::Disconnect { with_will, kept } => return Ok(Some(End::Client { with_will, kept })),
                Asked::Nothing => {}
            }
        }
        Ok(None)
    }

    async fn publish(
        &mut self,
        guest: &Guest<'_>,
        message: Message,
        twice: bool,
        packet_id: Option<u16>,
    ) -> Result<(), End> {
        if twice {
            return Err(End::Rule(
                DisconnectReasonCode::QosNotSupported,
                "quality of service 2 is not offered".into(),
            ));
        }
        if message.payload.len() > PAYLOAD_LIMIT {
            return Err(End::Rule(DisconnectReasonCode::PacketTooLarge, "a payload above 128 KiB".into()));
        }
        if let Err(bad) = topic::check_name(&message.topic) {
            let reason = format!("publish to `{}`: {bad}", message.topic);
            return Err(End::Rule(DisconnectReasonCode::TopicNameInvalid, reason));
        }
        if !guest.may(Deed::Publish(&message.topic))
            || message.retain && !guest.may(Deed::Retain(&message.topic))
        {
            return self.forbid(guest, &message.topic, packet_id).await;
        }
        let caller = Caller { client_id: &guest.visitor.client_id, principal: Some(&guest.principal) };
        iot::take(self.cloud, caller, message);
        match packet_id {
            Some(packet_id) => self.wire.send(packets::received(guest.version, packet_id)).await,
            None => Ok(()),
        }
    }

    /// A message that the policy does not allow ends the connection; MQTT 5 has a confirmation that says so instead.
    async fn forbid(&mut self, guest: &Guest<'_>, topic: &str, packet_id: Option<u16>) -> Result<(), End> {
        let reason = format!("publish to `{topic}`: its policy does not allow that");
        match packet_id {
            Some(packet_id) if guest.version == Version::V5 => {
                self.cloud.facts.refused(Service::Iot, self.peer.socket, reason);
                self.wire.send(packets::not_authorized(packet_id)).await
            }
            _ => Err(End::Rule(DisconnectReasonCode::NotAuthorized, reason)),
        }
    }

    async fn subscribe(&mut self, guest: &mut Guest<'_>, packet_id: u16, wishes: &[Wish]) -> Result<(), End> {
        if wishes.is_empty() {
            return Err(broken("a SUBSCRIBE without filters"));
        }
        if wishes.len() > FILTERS {
            return Err(End::Rule(
                DisconnectReasonCode::QuotaExceeded,
                "more than 8 filters in one SUBSCRIBE".into(),
            ));
        }
        if guest.version == Version::V3 && wishes.iter().any(|wish| wish.twice) {
            // The service documents silence: no SUBACK comes. MQTT 5 was told the limit and gets 1.
            let reason = "subscribe with quality of service 2, which is not offered";
            self.cloud.facts.refused(Service::Iot, self.peer.socket, reason);
            return Ok(());
        }
        let (mut granted, mut retained) = (Vec::new(), Vec::new());
        for wish in wishes {
            granted.push(self.grant(guest, wish, &mut retained)?);
        }
        self.wire.send(packets::subscribed(guest.version, packet_id, &granted)).await?;
        let taken = wishes.iter().zip(&granted).filter(|(_, granted)| granted.is_good());
        let taken: Vec<&str> = taken.map(|(wish, _)| wish.filter.as_str()).collect();
        if !taken.is_empty() {
            let now = self.cloud.clock.milliseconds();
            self.cloud.broker.publish(presence::subscriptions("subscribed", &guest.visitor, &taken, now));
        }
        for message in retained {
            if guest.may(Deed::Receive(&message.topic)) {
                self.deliver(guest, message).await?;
            }
        }
        Ok(())
    }

    async fn unsubscribe(
        &mut self,
        guest: &Guest<'_>,
        packet_id: u16,
        filters: &[String],
    ) -> Result<(), End> {
        if filters.is_empty() {
            return Err(broken("an UNSUBSCRIBE without filters"));
        }
        let existed: Vec<bool> = filters.iter().map(|filter| guest.seat.unsubscribe(filter)).collect();
        self.wire.send(packets::unsubscribed(guest.version, packet_id, &existed)).await?;
        let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
        let now = self.cloud.clock.milliseconds();
        self.cloud.broker.publish(presence::subscriptions("unsubscribed", &guest.visitor, &filters, now));
        Ok(())
    }

    fn grant(&self, guest: &Guest<'_>, wish: &Wish, retained: &mut Vec<Message>) -> Result<Granted, End> {
        let (granted, refusal) = match topic::check_filter(&wish.filter) {
            Err(topic::Bad::Reserved) => {
                let reason = format!("subscribe to `{}`: {}", wish.filter, topic::Bad::Reserved);
                return Err(End::Rule(DisconnectReasonCode::TopicFilterInvalid, reason));
            }
            Err(bad) => (Granted::Refused, bad.to_string()),
            Ok(()) if !guest.may(Deed::Subscribe(&wish.filter)) => {
                (Granted::Forbidden, "its policy does not allow that".into())
            }
            Ok(()) => match guest.seat.subscribe(&wish.filter, wish.at_least_once) {
                Ok(message) => {
                    retained.extend(message);
                    return Ok(if wish.at_least_once { Granted::AtLeastOnce } else { Granted::AtMostOnce });
                }
                Err(too_many) => (Granted::Refused, too_many.to_string()),
            },
        };
        let reason = format!("subscribe to `{}`: {refusal}", wish.filter);
        self.cloud.facts.refused(Service::Iot, self.peer.socket, reason);
        Ok(granted)
    }

    /// Says good-bye where the protocol can, and publishes the will unless the client took its leave.
    async fn part(&mut self, mut guest: Guest<'_>, end: &End, will: Option<Will>) {
        if let Some(packet) = farewell(end).and_then(|reason| packets::farewell(guest.version, reason)) {
            // The client may be gone; then there is nobody to tell.
            let _ = self.wire.send(packet).await;
        }
        if let End::Client { kept: Some(kept), .. } = end {
            guest.seat.kept = Duration::from_secs((*kept).into()).min(LONGEST_SESSION);
        }
        let Guest { visitor, principal, seat, .. } = guest;
        drop(seat);
        self.wire.close().await;
        let by_client = matches!(end, End::Client { .. });
        let gone =
            presence::disconnected(&visitor, by_client, reason_word(end), self.cloud.clock.milliseconds());
        iot::went(self.cloud, &visitor, gone);
        match (end, will) {
            (End::Client { with_will: false, .. }, _) | (_, None) => {}
            (_, Some(will)) => {
                let caller = Caller { client_id: &visitor.client_id, principal: Some(&principal) };
                iot::take(self.cloud, caller, will.message);
            }
        }
    }
}

fn farewell(end: &End) -> Option<DisconnectReasonCode> {
    match end {
        End::Client { .. } | End::Lost(_) => None,
        End::Silence => Some(DisconnectReasonCode::KeepAliveTimeout),
        End::TakenOver => Some(DisconnectReasonCode::SessionTakenOver),
        End::Rule(code, _) => Some(*code),
        End::Stopped => Some(DisconnectReasonCode::ServerShuttingDown),
    }
}

/// The word of the life-cycle event (IoT Core developer guide, "Connect/Disconnect events").
fn reason_word(end: &End) -> &'static str {
    match end {
        End::Client { .. } => "CLIENT_INITIATED_DISCONNECT",
        End::Lost(_) => "CONNECTION_LOST",
        End::Silence => "MQTT_KEEP_ALIVE_TIMEOUT",
        End::TakenOver => "DUPLICATE_CLIENTID",
        End::Rule(DisconnectReasonCode::NotAuthorized, _) => "FORBIDDEN_ACCESS",
        End::Rule(..) => "CLIENT_ERROR",
        End::Stopped => "SERVER_INITIATED_DISCONNECT",
    }
}

/// Whether a CONNECT may come in.
fn check(client_id: &str, will: Option<&Will>) -> Result<(), (ConnectReasonCode, String)> {
    if client_id.is_empty() || client_id.len() > LONGEST_ID {
        return Err((ConnectReasonCode::ClientIdentifierNotValid, "a client id has 1 to 128 bytes".into()));
    }
    match will {
        Some(will) if will.twice => {
            Err((ConnectReasonCode::QosNotSupported, "quality of service 2 is not offered".into()))
        }
        Some(will) => topic::check_name(&will.message.topic)
            .map_err(|bad| (ConnectReasonCode::TopicNameInvalid, format!("last will: {bad}"))),
        None => Ok(()),
    }
}

/// Keep-alive seconds that count: 30 to 1200, and 1200 where the client wants none (IoT Core quotas).
fn counted_keep_alive(asked: u16) -> u16 {
    if asked == 0 { 1200 } else { asked.clamp(30, 1200) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alive_is_held_between_30_and_1200_seconds() {
        assert_eq!([0, 1, 30, 600, 1200, 65535].map(counted_keep_alive), [1200, 30, 30, 600, 1200, 1200]);
    }

    #[test]
    fn a_client_id_has_1_to_128_bytes() {
        assert!(check("", None).is_err());
        assert!(check("app", None).is_ok());
        assert!(check(&"a".repeat(128), None).is_ok());
        assert!(check(&"a".repeat(129), None).is_err());
    }
}
