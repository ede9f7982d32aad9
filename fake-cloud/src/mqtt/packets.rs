//! MQTT 3.1.1 and 5 seen as one: what a client asks, and the packets that answer it.

use std::time::Duration;

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::{
    MaximumQos, MessageExpiryInterval, Packet, Properties, Property, Qos, ReceiveMaximum, RetainAvailable,
    ServerKeepAlive, SessionExpiryInterval, SharedSubscriptionAvailable, SubEntry,
    SubscriptionIdentifierAvailable, TopicAliasMaximum, WildcardSubscriptionAvailable, v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, DisconnectReasonCode, PubackReasonCode, SubackReasonCode,
    SubackReturnCode, UnsubackReasonCode,
};
use tokio::time::Instant;

use super::broker::Message;

/// Publications that a client may have unconfirmed (IoT Core quotas, "inbound unacknowledged QoS 1 publish requests").
const RECEIVE_MAXIMUM: u16 = 100;
/// Topic aliases of a client (IoT Core quotas).
const TOPIC_ALIASES: u16 = 8;
const OWN: &str = "every field of our own packets is set and in range";

/// The two versions in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V3,
    V5,
}

/// What a client sent.
#[derive(Debug)]
pub(super) enum Asked {
    Connect {
        version: Version,
        client_id: String,
        keep_alive: u16,
        will: Option<Will>,
        /// Nothing of an earlier session is wanted.
        clean: bool,
        /// For how many seconds the session shall outlive the connection.
        kept: u32,
    },
    Publish {
        message: Message,
        twice: bool,
        packet_id: Option<u16>,
    },
    Subscribe {
        packet_id: u16,
        filters: Vec<Wish>,
    },
    Unsubscribe {
        packet_id: u16,
        filters: Vec<String>,
    },
    /// PUBACK.
    Confirm {
        packet_id: u16,
    },
    Disconnect {
        with_will: bool,
        /// Another time for the session to outlive the connection, seconds.
        kept: Option<u32>,
    },
    /// A packet that may not be so, though the codec lets it pass.
    Malformed,
    /// An answer to us, or something that the library answers.
    Nothing,
}

impl Asked {
    /// The packet identifier, where there is one; 0 is none (section 2.3.1, which the codec does not look at).
    pub(super) fn packet_id(&self) -> Option<u16> {
        match self {
            Self::Publish { packet_id, .. } => *packet_id,
            Self::Subscribe { packet_id, .. }
            | Self::Unsubscribe { packet_id, .. }
            | Self::Confirm { packet_id } => Some(*packet_id),
            _ => None,
        }
    }
}

/// The client's last will.
#[derive(Debug)]
pub(super) struct Will {
    pub(super) message: Message,
    /// Quality of service 2, which is not offered.
    pub(super) twice: bool,
}

/// One filter of a SUBSCRIBE.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) filter: String,
    /// Quality of service 1 or 2.
    pub(super) at_least_once: bool,
    /// Quality of service 2, which is not offered.
    pub(super) twice: bool,
}

/// How one filter of a SUBSCRIBE fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Granted {
    AtMostOnce,
    AtLeastOnce,
    Refused,
    /// The policy of its certificate does not allow it.
    Forbidden,
}

impl Granted {
    pub(super) fn is_good(self) -> bool {
        matches!(self, Self::AtMostOnce | Self::AtLeastOnce)
    }
}

impl From<Packet> for Asked {
    fn from(packet: Packet) -> Self {
        match packet {
            // A will is whole or not at all ([MQTT-3.1.2-13] and [MQTT-3.1.2-15] of 3.1.1, 3.1.2.6 and 3.1.2.7 of 5).
            Packet::V3_1_1Connect(p)
                if !p.will_flag() && (p.will_qos() != Qos::AtMostOnce || p.will_retain()) =>
            {
                Self::Malformed
            }
            Packet::V5_0Connect(p)
                if !p.will_flag() && (p.will_qos() != Qos::AtMostOnce || p.will_retain()) =>
            {
                Self::Malformed
            }
            Packet::V3_1_1Connect(p) => Self::Connect {
                version: Version::V3,
                client_id: p.client_id().into(),
                keep_alive: p.keep_alive(),
                will: will(p.will_topic(), p.will_payload(), p.will_qos(), p.will_retain()),
                clean: p.clean_session(),
                // That version has no time of its own: as long as it goes.
                kept: if p.clean_session() { 0 } else { u32::MAX },
            },
            Packet::V5_0Connect(p) => Self::Connect {
                version: Version::V5,
                client_id: p.client_id().into(),
                keep_alive: p.keep_alive(),
                will: will(p.will_topic(), p.will_payload(), p.will_qos(), p.will_retain()),
                clean: p.clean_start(),
                kept: session_expiry(p.props()).unwrap_or(0),
            },
            Packet::V3_1_1Publish(p) => {
                let message = message(p.topic_name(), p.payload().as_slice(), p.qos(), p.retain());
                Self::Publish { message, twice: p.qos() == Qos::ExactlyOnce, packet_id: p.packet_id() }
            }
            Packet::V5_0Publish(p) => {
                let mut message = message(p.topic_name(), p.payload().as_slice(), p.qos(), p.retain());
                message.properties =
                    p.props().iter().filter(|property| is_passed_on(property)).cloned().collect();
                message.until = lifetime(p.props());
                Self::Publish { message, twice: p.qos() == Qos::ExactlyOnce, packet_id: p.packet_id() }
            }
            Packet::V3_1_1Subscribe(p) => {
                Self::Subscribe { packet_id: p.packet_id(), filters: filters(p.entries()) }
            }
            Packet::V5_0Subscribe(p) => {
                Self::Subscribe { packet_id: p.packet_id(), filters: filters(p.entries()) }
            }
            Packet::V3_1_1Unsubscribe(p) => Self::Unsubscribe {
                packet_id: p.packet_id(),
                filters: p.entries().iter().map(|entry| entry.as_str().into()).collect(),
            },
            Packet::V5_0Unsubscribe(p) => Self::Unsubscribe {
                packet_id: p.packet_id(),
                filters: p.entries().iter().map(|entry| entry.as_str().into()).collect(),
            },
            Packet::V3_1_1Puback(p) => Self::Confirm { packet_id: p.packet_id() },
            Packet::V5_0Puback(p) => Self::Confirm { packet_id: p.packet_id() },
            Packet::V3_1_1Disconnect(_) => Self::Disconnect { with_will: false, kept: None },
            Packet::V5_0Disconnect(p) => Self::Disconnect {
                with_will: p.reason_code() == Some(DisconnectReasonCode::DisconnectWithWillMessage),
                kept: p.props().as_ref().and_then(|properties| session_expiry(properties)),
            },
            _ => Self::Nothing,
        }
    }
}

fn message(topic: &str, payload: &[u8], qos: Qos, retain: bool) -> Message {
    Message {
        at_least_once: qos != Qos::AtMostOnce,
        retain,
        ..Message::own(topic.into(), Bytes::copy_from_slice(payload))
    }
}

fn session_expiry(properties: &[Property]) -> Option<u32> {
    properties.iter().find_map(|property| match property {
        Property::SessionExpiryInterval(interval) => Some(interval.val()),
        _ => None,
    })
}

fn lifetime(properties: &[Property]) -> Option<Instant> {
    properties.iter().find_map(|property| match property {
        Property::MessageExpiryInterval(interval) => {
            Instant::now().checked_add(Duration::from_secs(interval.val().into()))
        }
        _ => None,
    })
}

fn will(topic: Option<&str>, payload: Option<&[u8]>, qos: Qos, retain: bool) -> Option<Will> {
    let message = message(topic?, payload.unwrap_or_default(), qos, retain);
    Some(Will { message, twice: qos == Qos::ExactlyOnce })
}

fn filters(entries: &[SubEntry]) -> Vec<Wish> {
    let read = |entry: &SubEntry| {
        let qos = entry.sub_opts().qos();
        let (at_least_once, twice) = (qos != Qos::AtMostOnce, qos == Qos::ExactlyOnce);
        Wish { filter: entry.topic_filter().into(), at_least_once, twice }
    };
    entries.iter().map(read).collect()
}

/// What a broker hands on unchanged (MQTT 5, section 3.3.2.3).
fn is_passed_on(property: &Property) -> bool {
    matches!(
        property,
        Property::PayloadFormatIndicator(_)
            | Property::ContentType(_)
            | Property::ResponseTopic(_)
            | Property::CorrelationData(_)
            | Property::UserProperty(_)
    )
}

/// What CONNACK says to a client that is let in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The keep-alive seconds that count.
    pub(super) keep_alive: u16,
    /// An earlier session goes on.
    pub(super) resumed: bool,
    /// For how many seconds the session will outlive the connection.
    pub(super) kept: u32,
}

/// CONNACK that lets the client in.
pub(super) fn welcome(version: Version, terms: Terms) -> Packet {
    match version {
        Version::V3 => v3_1_1::Connack::builder()
            .session_present(terms.resumed)
            .return_code(ConnectReturnCode::Accepted)
            .build()
            .expect(OWN)
            .into(),
        Version::V5 => v5_0::Connack::builder()
            .session_present(terms.resumed)
            .reason_code(ConnectReasonCode::Success)
            .props(limits(terms))
            .build()
            .expect(OWN)
            .into(),
    }
}

/// What the broker can do, as it says so to clients of MQTT 5.
fn limits(terms: Terms) -> Properties {
    vec![
        Property::SessionExpiryInterval(SessionExpiryInterval::new(terms.kept).expect(OWN)),
        Property::ReceiveMaximum(ReceiveMaximum::new(RECEIVE_MAXIMUM).expect(OWN)),
        Property::MaximumQos(MaximumQos::new(1).expect(OWN)),
        Property::RetainAvailable(RetainAvailable::new(1).expect(OWN)),
        Property::TopicAliasMaximum(TopicAliasMaximum::new(TOPIC_ALIASES).expect(OWN)),
        Property::WildcardSubscriptionAvailable(WildcardSubscriptionAvailable::new(1).expect(OWN)),
        Property::SubscriptionIdentifierAvailable(SubscriptionIdentifierAvailable::new(0).expect(OWN)),
        Property::SharedSubscriptionAvailable(SharedSubscriptionAvailable::new(0).expect(OWN)),
        Property::ServerKeepAlive(ServerKeepAlive::new(terms.keep_alive).expect(OWN)),
    ]
}

/// CONNACK that does not let the client in. On 3.1.1 AWS IoT answers with code 7, which the standard has not, so
/// the bytes are written out. For what is too much the standard has "server unavailable" (table 3.1); that the service says so is not
/// published, as is the code of MQTT 5 (IoT Core developer guide, "MQTT reason codes").
pub(super) fn unwelcome(version: Version, reason: ConnectReasonCode) -> Vec<u8> {
    match version {
        Version::V3 if reason == ConnectReasonCode::QuotaExceeded => vec![0x20, 0x02, 0x00, 0x03],
        Version::V3 => vec![0x20, 0x02, 0x00, 0x07],
        Version::V5 => v5_0::Connack::builder()
            .session_present(false)
            .reason_code(reason)
            .build()
            .expect(OWN)
            .to_continuous_buffer(),
    }
}

/// PUBACK.
pub(super) fn received(version: Version, packet_id: u16) -> Packet {
    match version {
        Version::V3 => v3_1_1::Puback::builder().packet_id(packet_id).build().expect(OWN).into(),
        Version::V5 => v5_0::Puback::builder().packet_id(packet_id).build().expect(OWN).into(),
    }
}

/// PUBACK of MQTT 5 that says that the message was not taken.
pub(super) fn not_authorized(packet_id: u16) -> Packet {
    let answer = v5_0::Puback::builder().packet_id(packet_id).reason_code(PubackReasonCode::NotAuthorized);
    answer.build().expect(OWN).into()
}

/// SUBACK.
pub(super) fn subscribed(version: Version, packet_id: u16, granted: &[Granted]) -> Packet {
    match version {
        Version::V3 => {
            let code = |one: &Granted| match one {
                Granted::AtMostOnce => SubackReturnCode::SuccessMaximumQos0,
                Granted::AtLeastOnce => SubackReturnCode::SuccessMaximumQos1,
                Granted::Refused | Granted::Forbidden => SubackReturnCode::Failure,
            };
            let codes: Vec<_> = granted.iter().map(code).collect();
            v3_1_1::Suback::builder().packet_id(packet_id).return_codes(codes).build().expect(OWN).into()
        }
        Version::V5 => {
            let code = |one: &Granted| match one {
                Granted::AtMostOnce => SubackReasonCode::GrantedQos0,
                Granted::AtLeastOnce => SubackReasonCode::GrantedQos1,
                Granted::Refused => SubackReasonCode::UnspecifiedError,
                Granted::Forbidden => SubackReasonCode::NotAuthorized,
            };
            let codes: Vec<_> = granted.iter().map(code).collect();
            v5_0::Suback::builder().packet_id(packet_id).reason_codes(codes).build().expect(OWN).into()
        }
    }
}

/// UNSUBACK; `existed` has one entry per filter.
pub(super) fn unsubscribed(version: Version, packet_id: u16, existed: &[bool]) -> Packet {
    match version {
        Version::V3 => v3_1_1::Unsuback::builder().packet_id(packet_id).build().expect(OWN).into(),
        Version::V5 => {
            let code = |existed: &bool| match existed {
                true => UnsubackReasonCode::Success,
                false => UnsubackReasonCode::NoSubscriptionExisted,
            };
            let codes: Vec<_> = existed.iter().map(code).collect();
            v5_0::Unsuback::builder().packet_id(packet_id).reason_codes(codes).build().expect(OWN).into()
        }
    }
}

/// PUBLISH to a subscriber; with a packet id it is sent at least once.
pub(super) fn deliver(version: Version, message: &Message, packet_id: Option<u16>) -> Packet {
    let qos = if packet_id.is_some() { Qos::AtLeastOnce } else { Qos::AtMostOnce };
    match version {
        Version::V3 => v3_1_1::Publish::builder()
            .topic_name(message.topic.as_str())
            .expect(OWN)
            .qos(qos)
            .dup(message.again)
            .retain(message.retain)
            .packet_id(packet_id)
            .payload(&message.payload[..])
            .build()
            .expect(OWN)
            .into(),
        Version::V5 => v5_0::Publish::builder()
            .topic_name(message.topic.as_str())
            .expect(OWN)
            .qos(qos)
            .dup(message.again)
            .retain(message.retain)
            .packet_id(packet_id)
            .payload(&message.payload[..])
            .props(passed_on(message))
            .build()
            .expect(OWN)
            .into(),
    }
}

/// A broker that held a message for a while says how long it is still wanted (MQTT 5, section 3.3.2.3.3).
fn passed_on(message: &Message) -> Properties {
    let mut properties = message.properties.clone();
    properties.extend(message.until.map(|until| {
        let left = until.saturating_duration_since(Instant::now()).as_secs().max(1);
        let left = MessageExpiryInterval::new(u32::try_from(left).unwrap_or(u32::MAX)).expect(OWN);
        Property::MessageExpiryInterval(left)
    }));
    properties
}

/// DISCONNECT from the server; 3.1.1 has none.
pub(super) fn farewell(version: Version, reason: DisconnectReasonCode) -> Option<Packet> {
    match version {
        Version::V3 => None,
        Version::V5 => Some(v5_0::Disconnect::builder().reason_code(reason).build().expect(OWN).into()),
    }
}
