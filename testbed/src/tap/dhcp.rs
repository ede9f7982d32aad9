//! DHCP messages at the link of the client that they are from or for; and offers at the link of whoever makes them.

use std::net::Ipv4Addr;

use dhcproto::v4::{DhcpOption, Message, MessageType, OptionCode};
use dhcproto::{Decodable, Decoder};

use super::capture::Port;
use super::frame::{Content, Frame, Transport};
use super::inventory::Inventory;
use super::sightings::{Direction, Seen};
use crate::names::Mac;
use crate::observation::{DhcpKind, DhcpSays, DhcpSeen, OfferSent};

/// UDP ports of servers and clients (RFC 2131, section 4.1).
const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// Where the client's Ethernet address stands in a message (RFC 2131, section 2: `chaddr`).
const CHADDR: usize = 28;
/// Where a proxy's rules are (Web Proxy Auto-Discovery): no option that anybody has been given the number of.
const PROXY: u8 = 252;
/// Messages that are kept; a client that asks more often than this learns nothing new.
const MOST: usize = 10_000;

/// Of the oldest, and of the latest messages of earlier stretches, so many are kept.
const MOST_EARLIER: usize = 1_000;

/// What has been seen of DHCP so far.
#[derive(Debug, Default)]
pub(super) struct Dhcp {
    messages: Vec<DhcpSeen>,
    offers: Vec<OfferSent>,
}

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
        let client =
            udp.payload.get(CHADDR..CHADDR + 6).map(|bytes| Mac(bytes.try_into().unwrap_or_default()));
        let wanted = match seen.direction {
            Direction::FromNode if udp.dest_port == CLIENT => {
                return self.take_offer(udp.payload, client, seen, port);
            }
            Direction::FromNode => udp.dest_port == SERVER,
            Direction::ToNode => udp.dest_port == CLIENT,
        };
        if !wanted || client.is_none() || !macs.contains(&client) || self.messages.len() >= MOST {
            return;
        }
        let Ok(message) = Message::decode(&mut Decoder::new(udp.payload)) else { return };
        let from = match seen.direction {
            Direction::FromNode => None,
            Direction::ToNode => inventory.owner(frame.source).map(|owner| owner.node.clone()),
        };
        let from_server = seen.direction == Direction::ToNode;
        self.messages.push(DhcpSeen {
            node: port.node.clone(),
            link: port.link.clone(),
            packet: seen.packet,
            at: seen.at,
            kind: kind(&message),
            asks: option(&message, OptionCode::RequestedIpAddress),
            gives: Some(message.yiaddr()).filter(|address| !address.is_unspecified()),
            server: option(&message, OptionCode::ServerIdentifier),
            says: if from_server { says(&message) } else { DhcpSays::default() },
            from,
            earlier: false,
        });
    }

    /// Keeps what a node offers a client, the first time that it does.
    fn take_offer(&mut self, payload: &[u8], client: Option<Mac>, seen: Seen, port: &Port) {
        let Some(to) = client.filter(|_| self.offers.len() < MOST) else { return };
        let known = |one: &OfferSent| (&one.node, &one.link, one.to) == (&port.node, &port.link, to);
        if self.offers.iter().any(known) {
            return;
        }
        let Ok(message) = Message::decode(&mut Decoder::new(payload)) else { return };
        if kind(&message) == DhcpKind::Offer {
            let (node, link, gives) = (port.node.clone(), port.link.clone(), message.yiaddr());
            self.offers.push(OfferSent { node, link, packet: seen.packet, at: seen.at, to, gives });
        }
    }

    /// All offers so far. In the next stretch they are earlier ones.
    pub(super) fn offers(&mut self) -> Vec<OfferSent> {
        let told = self.offers.clone();
        self.offers.iter_mut().for_each(|offer| offer.packet = 0);
        told
    }

    /// All but the first so many.
    pub(super) fn since(&self, known: usize) -> &[DhcpSeen] {
        self.messages.get(known..).unwrap_or_default()
    }

    /// The end of a stretch: all so far. In the next one these are *earlier* ones, the oldest and the latest of them.
    pub(super) fn turn(&mut self) -> Vec<DhcpSeen> {
        let told = self.messages.clone();
        self.messages.iter_mut().for_each(|message| (message.packet, message.earlier) = (0, true));
        if self.messages.len() > 2 * MOST_EARLIER {
            self.messages.drain(MOST_EARLIER..self.messages.len() - MOST_EARLIER);
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

/// What a server tells beside the address.
fn says(message: &Message) -> DhcpSays {
    let mut says = DhcpSays::default();
    let lead = |(to, via): (String, &Ipv4Addr)| format!("{to} via {via}");
    for (code, option) in message.opts().iter() {
        match option {
            DhcpOption::Router(routers) => says.routers.clone_from(routers),
            DhcpOption::DomainNameServer(names) => says.names.clone_from(names),
            DhcpOption::NtpServers(times) => says.times.clone_from(times),
            DhcpOption::AddressLeaseTime(seconds) => says.lease = Some(*seconds),
            DhcpOption::StaticRoutingTable(routes) => {
                says.routes.extend(routes.iter().map(|(to, via)| lead((to.to_string(), via))));
            }
            DhcpOption::ClasslessStaticRoute(routes) => {
                says.routes.extend(routes.iter().map(|(to, via)| lead((to.to_string(), via))));
            }
            DhcpOption::Unknown(other) if *code == OptionCode::Unknown(PROXY) => {
                says.proxy = Some(String::from_utf8_lossy(other.data()).into_owned());
            }
            _ => {}
        }
    }
    says.routes.sort();
    says
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
    fn what_a_server_tells_is_read_and_a_client_tells_nothing() {
        let own: Ipv4Addr = [10, 30, 0, 1].into();
        let mut offer = message(mac(APP), MessageType::Offer);
        offer.set_yiaddr([10, 30, 0, 99]);
        for option in [
            DhcpOption::Router(vec![own]),
            DhcpOption::DomainNameServer(vec![own]),
            DhcpOption::NtpServers(vec![own]),
            DhcpOption::AddressLeaseTime(30),
            DhcpOption::StaticRoutingTable(vec![([192, 0, 2, 1].into(), own)]),
            DhcpOption::ClasslessStaticRoute(vec![("128.0.0.0/1".parse().unwrap(), own)]),
            DhcpOption::Unknown(dhcproto::v4::UnknownOption::new(
                OptionCode::Unknown(PROXY),
                b"http://p".to_vec(),
            )),
        ] {
            offer.opts_mut().insert(option);
        }
        let mut question = message(mac(APP), MessageType::Request);
        question.opts_mut().insert(DhcpOption::AddressLeaseTime(7));
        let seen = taken(&[
            (APP, Direction::FromNode, frame(&question, APP, [255; 6], (68, 67))),
            (APP, Direction::ToNode, frame(&offer, RTR_B, mac(APP).0, (67, 68))),
        ]);
        assert!(seen[0].says.is_nothing());
        let all = DhcpSays {
            routers: vec![own],
            names: vec![own],
            times: vec![own],
            routes: vec!["128.0.0.0/1 via 10.30.0.1".into(), "192.0.2.1 via 10.30.0.1".into()],
            proxy: Some("http://p".into()),
            lease: Some(30),
        };
        assert_eq!(seen[1].says, all);
    }

    #[test]
    fn an_offer_is_seen_where_it_leaves_the_first_time_for_each_client() {
        let mut dhcp = Dhcp::default();
        let mut hear = |packet, kind, client| {
            let mut message = message(client, kind);
            message.set_yiaddr([10, 30, 0, 99]);
            let bytes = frame(&message, RTR_B, [255; 6], (67, 68));
            let seen = Seen { packet, at: packet, port: RTR_B as u16, direction: Direction::FromNode };
            let at = (&ports()[RTR_B], [Some(mac(RTR_B)), None]);
            dhcp.take(&Frame::of(&bytes).unwrap(), seen, at, &inventory());
        };
        hear(1, MessageType::Ack, mac(APP));
        hear(2, MessageType::Offer, mac(APP));
        hear(3, MessageType::Offer, mac(APP));
        hear(4, MessageType::Offer, mac(RTR_B));
        let offers = dhcp.offers();
        assert_eq!(
            offers.iter().map(|one| (one.packet, one.to)).collect::<Vec<_>>(),
            [(2, mac(APP)), (4, mac(RTR_B))]
        );
        assert_eq!((offers[0].node.as_str(), offers[0].gives), ("rtr", [10, 30, 0, 99].into()));
        assert_eq!(dhcp.offers().iter().map(|one| one.packet).collect::<Vec<_>>(), [0, 0]);
        assert!(dhcp.turn().is_empty());
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
