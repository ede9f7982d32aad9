//! One MQTT client, from CONNECT to the end.

use std::sync::Arc;
use std::time::Duration;

use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, DisconnectReasonCode};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::broker::{Message, PAYLOAD_LIMIT, Seat};
use super::packets::{self, Asked, Granted, Version, Will, Wish};
use super::topic;
use super::wire::{End, Wire, broken};
use crate::cloud::Cloud;
use crate::service::Service;
use crate::tls::Peer;

/// From the handshake to CONNECT.
const FIRST_PACKET: Duration = Duration::from_secs(10);
/// Longest client id, in bytes (IoT Core quotas).
const LONGEST_ID: usize = 128;
/// Filters in one SUBSCRIBE (IoT Core quotas).
const FILTERS: usize = 8;

/// Serves one client whose handshake is done.
pub(crate) async fn serve(
    stream: TlsStream<TcpStream>,
    peer: Peer,
    cloud: Arc<Cloud>,
    stop: CancellationToken,
) {
    let mut session = Session { wire: Wire::new(stream), peer, cloud: &cloud };
    let end = tokio::select! {
        end = session.run() => end,
        () = stop.cancelled() => End::Stopped,
    };
    match end {
        End::Rule(_, reason) => cloud.facts.refused(Service::Iot, session.peer.socket, reason),
        End::Lost(reason) => debug!(reason, peer = %session.peer.socket, "MQTT client lost"),
        other => debug!(end = ?other, peer = %session.peer.socket, "MQTT session over"),
    }
}

struct Session<'a> {
    wire: Wire,
    peer: Peer,
    cloud: &'a Cloud,
}

/// A client that was let in.
struct Guest<'a> {
    version: Version,
    seat: Seat<'a>,
    silence: Duration,
}

impl<'a> Session<'a> {
    async fn run(&mut self) -> End {
        let mut asked = match tokio::time::timeout(FIRST_PACKET, self.wire.first()).await {
            Ok(Ok(asked)) => asked.into_iter(),
            Ok(Err(end)) => return end,
            Err(_) => return broken("no CONNECT within 10 s"),
        };
        let Some(Asked::Connect { version, client_id, keep_alive, will }) = asked.next() else {
            return broken("the first packet is no CONNECT");
        };
        let mut guest = match self.welcome(version, &client_id, keep_alive, will.as_ref()).await {
            Ok(guest) => guest,
            Err(end) => return end,
        };
        let end = self.attend(&mut guest, asked.collect()).await.unwrap_or_else(|end| end);
        self.part(guest, &end, will).await;
        end
    }

    async fn welcome(
        &mut self,
        version: Version,
        client_id: &str,
        keep_alive: u16,
        will: Option<&Will>,
    ) -> Result<Guest<'a>, End> {
        if let Err((code, reason)) = check(client_id, will) {
            self.wire.write(&packets::unwelcome(version, code)).await?;
            return Err(End::Rule(DisconnectReasonCode::NotAuthorized, reason));
        }
        let keep_alive = counted_keep_alive(keep_alive);
        let seat = self.cloud.broker.seat(client_id);
        self.wire.send(packets::welcome(version, keep_alive)).await?;
        let identity = self.peer.certificate_id.as_deref().unwrap_or_default();
        self.cloud.facts.accepted(Service::Iot, &self.peer, identity);
        Ok(Guest { version, seat, silence: Duration::from_secs(u64::from(keep_alive)) * 3 / 2 })
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
                Some(message) = guest.seat.inbox.recv(), if may_deliver => self.wire.deliver(guest.version, &message).await?,
                () = guest.seat.taken_over.cancelled() => return Ok(End::TakenOver),
                () = tokio::time::sleep_until(deadline) => return Ok(End::Silence),
            }
        }
    }

    async fn answer_all(&mut self, guest: &Guest<'_>, all: Vec<Asked>) -> Result<Option<End>, End> {
        for asked in all {
            match asked {
                Asked::Connect { .. } => return Err(broken("a second CONNECT")),
                Asked::Publish { message, twice, packet_id } => {
                    self.publish(guest.version, message, twice, packet_id).await?;
                }
                Asked::Subscribe { packet_id, filters } => self.subscribe(guest, packet_id, &filters).await?,
                Asked::Unsubscribe { packet_id, filters } => {
                    let existed: Vec<bool> =
                        filters.iter().map(|filter| guest.seat.unsubscribe(filter)).collect();
                    self.wire.send(packets::unsubscribed(guest.version, packet_id, &existed)).await?;
                }
                Asked::Disconnect { with_will } => return Ok(Some(End::Client { with_will })),
                Asked::Nothing => {}
            }
        }
        Ok(None)
    }

    async fn publish(
        &mut self,
        version: Version,
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
        let answer = self.cloud.jobs.answer(&message, self.cloud.clock.milliseconds() / 1000);
        self.cloud.broker.publish(message, &self.cloud.facts);
        if let Some(answer) = answer {
            self.cloud.broker.publish(answer, &self.cloud.facts);
        }
        match packet_id {
            Some(packet_id) => self.wire.send(packets::received(version, packet_id)).await,
            None => Ok(()),
        }
    }

    async fn subscribe(&mut self, guest: &Guest<'_>, packet_id: u16, wishes: &[Wish]) -> Result<(), End> {
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
        for message in retained {
            self.wire.deliver(guest.version, &message).await?;
        }
        Ok(())
    }

    fn grant(&self, guest: &Guest<'_>, wish: &Wish, retained: &mut Vec<Message>) -> Result<Granted, End> {
        let refusal = match topic::check_filter(&wish.filter) {
            Err(topic::Bad::Reserved) => {
                let reason = format!("subscribe to `{}`: {}", wish.filter, topic::Bad::Reserved);
                return Err(End::Rule(DisconnectReasonCode::TopicFilterInvalid, reason));
            }
            Err(bad) => bad.to_string(),
            Ok(()) => match guest.seat.subscribe(&wish.filter, wish.at_least_once) {
                Ok(message) => {
                    retained.extend(message);
                    return Ok(if wish.at_least_once { Granted::AtLeastOnce } else { Granted::AtMostOnce });
                }
                Err(too_many) => too_many.to_string(),
            },
        };
        let reason = format!("subscribe to `{}`: {refusal}", wish.filter);
        self.cloud.facts.refused(Service::Iot, self.peer.socket, reason);
        Ok(Granted::Refused)
    }

    /// Says good-bye where the protocol can, and publishes the will unless the client took its leave.
    async fn part(&mut self, guest: Guest<'_>, end: &End, will: Option<Will>) {
        let reason = match end {
            End::Client { .. } | End::Lost(_) => None,
            End::Silence => Some(DisconnectReasonCode::KeepAliveTimeout),
            End::TakenOver => Some(DisconnectReasonCode::SessionTakenOver),
            End::Rule(code, _) => Some(*code),
            End::Stopped => Some(DisconnectReasonCode::ServerShuttingDown),
        };
        if let Some(packet) = reason.and_then(|reason| packets::farewell(guest.version, reason)) {
            // The client may be gone; then there is nobody to tell.
            let _ = self.wire.send(packet).await;
        }
        drop(guest);
        self.wire.close().await;
        match (end, will) {
            (End::Client { with_will: false }, _) | (_, None) => {}
            (_, Some(will)) => self.cloud.broker.publish(will.message, &self.cloud.facts),
        }
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
