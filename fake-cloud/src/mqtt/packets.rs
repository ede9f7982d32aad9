//! MQTT 3.1.1 and 5 seen as one: what a client asks, and the packets that answer it.

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::{
    MaximumQos, Packet, Properties, Property, Qos, ServerKeepAlive, SharedSubscriptionAvailable, SubEntry,
    v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, DisconnectReasonCode, SubackReasonCode, SubackReturnCode,
    UnsubackReasonCode,
};

use super::broker::Message;

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
    Disconnect {
        with_will: bool,
    },
    /// An answer to us, or something that the library answers.
    Nothing,
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
}

impl From<Packet> for Asked {
    fn from(packet: Packet) -> Self {
        match packet {
            Packet::V3_1_1Connect(p) => Self::Connect {
                version: Version::V3,
                client_id: p.client_id().into(),
                keep_alive: p.keep_alive(),
                will: will(p.will_topic(), p.will_payload(), p.will_qos(), p.will_retain()),
            },
            Packet::V5_0Connect(p) => Self::Connect {
                version: Version::V5,
                client_id: p.client_id().into(),
                keep_alive: p.keep_alive(),
                will: will(p.will_topic(), p.will_payload(), p.will_qos(), p.will_retain()),
            },
            Packet::V3_1_1Publish(p) => {
                let message = message(p.topic_name(), p.payload().as_slice(), p.qos(), p.retain());
                Self::Publish { message, twice: p.qos() == Qos::ExactlyOnce, packet_id: p.packet_id() }
            }
            Packet::V5_0Publish(p) => {
                let mut message = message(p.topic_name(), p.payload().as_slice(), p.qos(), p.retain());
                message.properties =
                    p.props().iter().filter(|property| is_passed_on(property)).cloned().collect();
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
            Packet::V3_1_1Disconnect(_) => Self::Disconnect { with_will: false },
            Packet::V5_0Disconnect(p) => Self::Disconnect {
                with_will: p.reason_code() == Some(DisconnectReasonCode::DisconnectWithWillMessage),
            },
            _ => Self::Nothing,
        }
    }
}

fn message(topic: &str, payload: &[u8], qos: Qos, retain: bool) -> Message {
    Message {
        topic: topic.into(),
        payload: Bytes::copy_from_slice(payload),
        at_least_once: qos != Qos::AtMostOnce,
        retain,
        properties: Vec::new(),
    }
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
            | Property::MessageExpiryInterval(_)
            | Property::ContentType(_)
            | Property::ResponseTopic(_)
            | Property::CorrelationData(_)
            | Property::UserProperty(_)
    )
}

/// CONNACK that lets the client in, with the keep-alive seconds that count.
pub(super) fn welcome(version: Version, keep_alive: u16) -> Packet {
    match version {
        Version::V3 => v3_1_1::Connack::builder()
            .session_present(false)
            .return_code(ConnectReturnCode::Accepted)
            .build()
            .expect(OWN)
            .into(),
        Version::V5 => {
            let properties: Properties = vec![
                Property::MaximumQos(MaximumQos::new(1).expect(OWN)),
                Property::SharedSubscriptionAvailable(SharedSubscriptionAvailable::new(0).expect(OWN)),
                Property::ServerKeepAlive(ServerKeepAlive::new(keep_alive).expect(OWN)),
            ];
            v5_0::Connack::builder()
                .session_present(false)
                .reason_code(ConnectReasonCode::Success)
                .props(properties)
                .build()
                .expect(OWN)
                .into()
        }
    }
}

/// CONNACK that does not let the client in. On 3.1.1 AWS IoT answers with code 7, which the standard has not, so
/// the bytes are written out.
pub(super) fn unwelcome(version: Version, reason: ConnectReasonCode) -> Vec<u8> {
    match version {
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

/// SUBACK.
pub(super) fn subscribed(version: Version, packet_id: u16, granted: &[Granted]) -> Packet {
    match version {
        Version::V3 => {
            let code = |one: &Granted| match one {
                Granted::AtMostOnce => SubackReturnCode::SuccessMaximumQos0,
                Granted::AtLeastOnce => SubackReturnCode::SuccessMaximumQos1,
                Granted::Refused => SubackReturnCode::Failure,
            };
            let codes: Vec<_> = granted.iter().map(code).collect();
            v3_1_1::Suback::builder().packet_id(packet_id).return_codes(codes).build().expect(OWN).into()
        }
        Version::V5 => {
            let code = |one: &Granted| match one {
                Granted::AtMostOnce => SubackReasonCode::GrantedQos0,
                Granted::AtLeastOnce => SubackReasonCode::GrantedQos1,
                Granted::Refused => SubackReasonCode::UnspecifiedError,
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
            .retain(message.retain)
            .packet_id(packet_id)
            .payload(&message.payload[..])
            .props(message.properties.clone())
            .build()
            .expect(OWN)
            .into(),
    }
}

/// DISCONNECT from the server; 3.1.1 has none.
pub(super) fn farewell(version: Version, reason: DisconnectReasonCode) -> Option<Packet> {
    match version {
        Version::V3 => None,
        Version::V5 => Some(v5_0::Disconnect::builder().reason_code(reason).build().expect(OWN).into()),
    }
}
