//! DHCP messages at the link of the client that they are from or for.

use std::net::Ipv4Addr;

use dhcproto::v4::{DhcpOption, Message, MessageType, OptionCode};
use dhcproto::{Decodable, Decoder};

use super::capture::Port;
use super::frame::{Content, Frame, Transport};
use super::inventory::Inventory;
use super::sightings::{Direction, Seen};
use crate::names::Mac;
use crate::observation::{DhcpKind, DhcpSeen};

/// UDP ports of servers and clients (RFC 2131, section 4.1).
const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// Where the client's Ethernet address stands in a message (RFC 2131, section 2: `chaddr`).
const CHADDR: usize = 28;
/// Messages that are kept; a client that asks more often than this learns nothing new.
const MOST: usize = 10_000;

/// Of the oldest, and of the latest messages of earlier stretches, so many are kept.
const MOST_EARLIER: usize = 1_000;

/// What has been seen of DHCP so far.
#[derive(Debug, Default)]
pub(super) struct Dhcp(Vec<DhcpSeen>);

impl Dhcp {
    /// Takes a frame at a port whose link has one of these Ethernet addresses; keeps it if it is DHCP of that very link.
    pub(super) fn take(
        &mut self,
        frame: &Frame<'_>,
        seen: Seen,
        (port, macs): (&Port, [Option<Mac>; 2]),
        inventory: &Inventory,
    ) {
        let Content::Ip(packet) = &frame.content else { return };
        let Transport::Udp(udp) = packet.transport else { return };
        let wanted = match seen.direction {
            Direction::FromNode => udp.dest_port == SERVER,
            Direction::ToNode => udp.dest_port == CLIENT,
        };
        let client =
            udp.payload.get(CHADDR..CHADDR + 6).map(|bytes| Mac(bytes.try_into().unwrap_or_default()));
        if !wanted || client.is_none() || !macs.contains(&client) || self.0.len() >= MOST {
            return;
        }
        let Ok(message) = Message::decode(&mut Decoder::new(udp.payload)) else { return };
        let from = match seen.direction {
            Direction::FromNode => None,
            Direction::ToNode => inventory.owner(frame.source).map(|owner| owner.node.clone()),
        };
        self.0.push(DhcpSeen {
            node: port.node.clone(),
            link: port.link.clone(),
            packet: seen.packet,
            at: seen.at,
            kind: kind(&message),
            asks: option(&message, OptionCode::RequestedIpAddress),
            gives: Some(message.yiaddr()).filter(|address| !address.is_unspecified()),
            server: option(&message, OptionCode::ServerIdentifier),
            from,
            earlier: false,
        });
    }

    /// All but the first so many.
    pub(super) fn since(&self, known: usize) -> &[DhcpSeen] {
        self.0.get(known..).unwrap_or_default()
    }

    /// The end of a stretch: all so far. In the next one these are *earlier* ones, the oldest and the latest of them.
    pub(super) fn turn(&mut self) -> Vec<DhcpSeen> {
        let told = self.0.clone();
        self.0.iter_mut().for_each(|message| (message.packet, message.earlier) = (0, true));
        if self.0.len() > 2 * MOST_EARLIER {
            self.0.drain(MOST_EARLIER..self.0.len() - MOST_EARLIER);
        }
        told
    }
}

fn kind(message: &Message) -> DhcpKind {
    match message.opts().get(OptionCode::MessageType) {
        Some(DhcpOption::MessageType(kind)) => match kind {
            MessageType::Discover => DhcpKind::Discover,
            MessageType::Offer => DhcpKind::Offer,
            MessageType::Request => DhcpKind::Request,
            MessageType::Ack => DhcpKind::Ack,
            MessageType::Nak => DhcpKind::Nak,
            MessageType::Decline => DhcpKind::Decline,
            MessageType::Release => DhcpKind::Release,
            _ => DhcpKind::Other,
        },
        _ => DhcpKind::Other,
    }
}

fn option(message: &Message, code: OptionCode) -> Option<Ipv4Addr> {
    match message.opts().get(code)? {
        DhcpOption::RequestedIpAddress(address) | DhcpOption::ServerIdentifier(address) => Some(*address),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use dhcproto::Encodable;
    use etherparse::PacketBuilder;

    use super::*;
    use crate::tap::fixture::{APP, RTR_B, inventory, mac, ports};

    /// A message between client and server, as a frame.
    fn frame(message: &Message, from: usize, to: [u8; 6], ports: (u16, u16)) -> Vec<u8> {
        let builder =
            PacketBuilder::ethernet2(mac(from).0, to).ipv4([0; 4], [255; 4], 64).udp(ports.0, ports.1);
        let payload = message.to_vec().unwrap();
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &payload).unwrap();
        bytes
    }

    fn message(client: Mac, kind: MessageType) -> Message {
        let mut message = Message::default();
        message.set_chaddr(&client.0);
        message.opts_mut().insert(DhcpOption::MessageType(kind));
        message
    }

    fn taken(frames: &[(usize, Direction, Vec<u8>)]) -> Vec<DhcpSeen> {
        let mut dhcp = Dhcp::default();
        for (packet, (place, direction, bytes)) in (1..).zip(frames) {
            let seen = Seen { packet, at: 7, port: *place as u16, direction: *direction };
            let frame = Frame::of(bytes).unwrap();
            dhcp.take(&frame, seen, (&ports()[*place], [Some(mac(*place)), None]), &inventory());
        }
        dhcp.turn()
    }

    #[test]
    fn question_and_answer_are_read_at_the_clients_link_only() {
        let mut discover = message(mac(APP), MessageType::Discover);
        discover.opts_mut().insert(DhcpOption::RequestedIpAddress([10, 30, 0, 5].into()));
        let mut ack = message(mac(APP), MessageType::Ack);
        ack.set_yiaddr([10, 30, 0, 99]);
        ack.opts_mut().insert(DhcpOption::ServerIdentifier([10, 30, 0, 1].into()));
        let question = frame(&discover, APP, [255; 6], (68, 67));
        let answer = frame(&ack, RTR_B, mac(APP).0, (67, 68));
        let seen = taken(&[
            (APP, Direction::FromNode, question.clone()),
            (RTR_B, Direction::ToNode, question),
            (RTR_B, Direction::FromNode, answer.clone()),
            (APP, Direction::ToNode, answer),
        ]);
        let [asked, given] = seen.as_slice() else { panic!("{seen:#?}") };
        assert_eq!((asked.node.as_str(), asked.packet, asked.kind), ("app", 1, DhcpKind::Discover));
        assert_eq!((asked.asks, asked.gives, &asked.from), (Some([10, 30, 0, 5].into()), None, &None));
        assert_eq!((given.packet, given.kind), (4, DhcpKind::Ack));
        assert_eq!((given.gives, given.server), (Some([10, 30, 0, 99].into()), Some([10, 30, 0, 1].into())));
        assert_eq!(given.from.as_ref().map(|node| node.as_str()), Some("rtr"));
    }

    #[test]
    fn messages_of_an_earlier_stretch_are_known_the_oldest_and_the_latest() {
        let bytes = frame(&message(mac(APP), MessageType::Discover), APP, [255; 6], (68, 67));
        let mut dhcp = Dhcp::default();
        let hear = |dhcp: &mut Dhcp, packet| {
            let seen = Seen { packet, at: packet, port: APP as u16, direction: Direction::FromNode };
            dhcp.take(
                &Frame::of(&bytes).unwrap(),
                seen,
                (&ports()[APP], [Some(mac(APP)), None]),
                &inventory(),
            );
        };
        let many = 3 * MOST_EARLIER as u64;
        (1..=many).for_each(|packet| hear(&mut dhcp, packet));
        assert!(dhcp.turn().iter().all(|message| !message.earlier && message.packet == message.at));
        hear(&mut dhcp, many + 1);
        let told = dhcp.turn();
        assert_eq!(told.len(), 2 * MOST_EARLIER + 1);
        let (latest, earlier) = told.split_last().unwrap();
        assert!(!latest.earlier && earlier.iter().all(|message| message.earlier && message.packet == 0));
        assert_eq!((earlier[0].at, earlier[2 * MOST_EARLIER - 1].at), (1, many));
    }

    #[test]
    fn what_is_no_dhcp_is_left_alone() {
        let whole = frame(&message(mac(APP), MessageType::Discover), APP, [255; 6], (68, 67));
        let other_port = frame(&message(mac(APP), MessageType::Discover), APP, [255; 6], (68, 69));
        let mut lengths: Vec<_> =
            (14..whole.len()).map(|length| (APP, Direction::FromNode, whole[..length].to_vec())).collect();
        lengths.push((APP, Direction::FromNode, other_port));
        // an Ethernet address longer than there is room for
        let mut long = whole;
        long[14 + 20 + 8 + 2] = 255;
        lengths.push((APP, Direction::FromNode, long));
        assert!(taken(&lengths).iter().all(|one| one.kind != DhcpKind::Ack));
    }
}
