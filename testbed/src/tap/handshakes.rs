//! TLS connections, each at the tap of whoever opens it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::capture::Port;
use super::frame::{Content, Frame, Tcp, Transport};
use super::hello::Said;
use super::inventory::Inventory;
use super::sightings::{Direction, Seen};
use super::stream::Stream;
use crate::names::NodeName;
use crate::observation::{Agreed, End, HandshakeSeen};

/// Connections that are followed at a time; of more only the first are.
const MOST: usize = 10_000;

/// Connections of earlier stretches that are remembered, one of each kind between two ends.
const MOST_PAST: usize = 1000;

/// Who opened a connection, and to whom.
type Ends = (SocketAddr, SocketAddr);

/// What has been heard so far.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    open: BTreeMap<Ends, Connection>,
    /// Connections whose ends have begun another one since.
    over: Vec<HandshakeSeen>,
    /// What came about in earlier stretches and is over.
    past: Vec<HandshakeSeen>,
}

#[derive(Debug)]
struct Connection {
    opener: NodeName,
    /// Sequence number of its first SYN.
    first: u32,
    packet: u64,
    at: u64,
    /// What the opener says, and what it is told.
    out: (Stream, Said),
    back: (Stream, Said),
    closed: bool,
    /// Closed, and told, in an earlier stretch.
    over: bool,
    earlier: bool,
}

impl Handshakes {
    /// Takes a frame at a port; of TCP connections that its node opened itself.
    pub(super) fn take(&mut self, frame: &Frame<'_>, seen: Seen, port: &Port, inventory: &Inventory) {
        let Content::Ip(packet) = &frame.content else { return };
        let Transport::Tcp(tcp) = packet.transport else { return };
        let source = SocketAddr::new(packet.source, tcp.source_port);
        let dest = SocketAddr::new(packet.dest, tcp.dest_port);
        match seen.direction {
            Direction::FromNode => {
                let begins = tcp.syn && !tcp.ack;
                if begins && inventory.node(packet.source) == Some(&port.node) {
                    self.begin((source, dest), tcp.sequence, seen, inventory, &port.node);
                }
                self.say((source, dest), &port.node, &tcp, true);
            }
            Direction::ToNode => self.say((dest, source), &port.node, &tcp, false),
        }
    }

    /// A first SYN; sent again it changes nothing, and with another number, or after an end, it is another connection.
    fn begin(&mut self, ends: Ends, first: u32, seen: Seen, inventory: &Inventory, opener: &NodeName) {
        if let Some(known) = self.open.get(&ends) {
            if !known.closed && known.first == first {
                return;
            }
            // What was told in an earlier stretch vouches for nothing that begins now.
            if !known.over {
                self.over.extend(known.tell(ends, inventory));
            }
        } else if self.open.len() >= MOST {
            return;
        }
        let connection = Connection {
            opener: opener.clone(),
            first,
            packet: seen.packet,
            at: seen.at,
            out: Default::default(),
            back: Default::default(),
            closed: false,
            over: false,
            earlier: false,
        };
        self.open.insert(ends, connection);
    }

    fn say(&mut self, ends: Ends, node: &NodeName, tcp: &Tcp<'_>, out: bool) {
        let Some(connection) = self.open.get_mut(&ends).filter(|known| known.opener == *node) else { return };
        let (stream, said) = if out { &mut connection.out } else { &mut connection.back };
        stream.push(tcp.sequence, tcp.syn, tcp.payload, said);
        connection.closed |= tcp.rst || (tcp.fin && out);
        if connection.closed && connection.out.1.offered.is_none() {
            self.open.remove(&ends);
        }
    }

    /// The end of a stretch: all connections on which TLS was spoken. Those that go on are *earlier* ones in the next, and so are those
    /// that were closed in this one: their last packets may be under way.
    pub(super) fn turn(&mut self, inventory: &Inventory) -> Vec<HandshakeSeen> {
        let mut over = std::mem::take(&mut self.over);
        let known =
            self.open.iter().filter_map(|(ends, one)| Some((one.closed, one.tell(*ends, inventory)?)));
        let (closed, going_on): (Vec<_>, Vec<_>) = known.partition(|(closed, _)| *closed);
        over.extend(closed.into_iter().map(|(_, one)| one));
        let mut told: Vec<_> = going_on.into_iter().map(|(_, one)| one).collect();
        told.extend(over.iter().chain(&self.past).cloned());
        told.sort_by_key(|one| (one.at, one.packet));
        self.open.retain(|_, one| !one.over);
        self.open.values_mut().for_each(|one| (one.earlier, one.packet, one.over) = (true, 0, one.closed));
        over.into_iter().for_each(|one| self.remember(one));
        told
    }
}

impl Handshakes {
    /// Keeps one connection of each kind, for a later stretch in which there may be none: whatever port it was opened from.
    fn remember(&mut self, one: HandshakeSeen) {
        let alike = |known: &HandshakeSeen| {
            (&known.opener.node, &known.answerer, &known.offered, known.agreed, known.keyed)
                == (&one.opener.node, &one.answerer, &one.offered, one.agreed, one.keyed)
                && known.said.map(|said| said > 0) == one.said.map(|said| said > 0)
        };
        if self.past.len() < MOST_PAST && !self.past.iter().any(alike) {
            let opener = End { port: 0, ..one.opener.clone() };
            self.past.push(HandshakeSeen { opener, packet: 0, earlier: true, ..one });
        }
    }
}

impl Connection {
    fn tell(&self, (opener, answerer): Ends, inventory: &Inventory) -> Option<HandshakeSeen> {
        let end = |node: Option<&NodeName>, at: SocketAddr| End {
            node: node.cloned(),
            address: at.ip(),
            port: at.port(),
        };
        let (out, back) = (&self.out.1, &self.back.1);
        Some(HandshakeSeen {
            opener: end(Some(&self.opener), opener),
            answerer: end(inventory.node(answerer.ip()), answerer),
            packet: self.packet,
            at: self.at,
            offered: out.offered.clone()?,
            agreed: back.agreed.map(|(version, suite)| Agreed { version, suite }),
            alerts: [out.alert, back.alert],
            keyed: out.keyed,
            said: [out.bytes, back.bytes],
            earlier: self.earlier,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ADDRESSES, APP, CAM, Hop, across, inventory, ports, tcp};
    use super::super::openssl::{self, RSA};
    use super::*;
    use crate::scenario::model::TlsVersion;

    struct Wire {
        handshakes: Handshakes,
        packet: u64,
    }

    impl Wire {
        fn new() -> Self {
            Self { handshakes: Handshakes::default(), packet: 0 }
        }

        fn pass(&mut self, hops: &[Hop]) {
            for hop in hops {
                self.packet += 1;
                let seen = Seen {
                    packet: self.packet,
                    at: self.packet,
                    port: hop.port as u16,
                    direction: hop.direction,
                };
                self.handshakes.take(&hop.frame(), seen, &ports()[hop.port], &inventory());
            }
        }

        /// The appliance opens a connection from this port, says something in pieces, and ends it.
        fn visit(&mut self, port: u16, said: &[u8], flags: &str) {
            let (app, cam) = ((ADDRESSES[APP], port), (ADDRESSES[CAM], 443));
            self.pass(&across(APP, &tcp(app, cam, 10, "S", b"")));
            self.pass(&across(CAM, &tcp(cam, app, 80, "SA", b"")));
            for (nth, piece) in said.chunks(20).enumerate() {
                self.pass(&across(APP, &tcp(app, cam, 11 + 20 * nth as u32, "A", piece)));
            }
            self.pass(&across(APP, &tcp(app, cam, 11 + said.len() as u32, flags, b"")));
        }

        /// A session between the appliance and a server at the camera, as it was on the wire.
        fn talk(&mut self, port: u16, [client, server]: &[Vec<u8>; 2]) {
            let (app, cam) = ((ADDRESSES[APP], port), (ADDRESSES[CAM], 443));
            self.pass(&across(APP, &tcp(app, cam, 10, "S", b"")));
            self.pass(&across(CAM, &tcp(cam, app, 80, "SA", b"")));
            let hello = 5 + usize::from(u16::from_be_bytes([client[3], client[4]]));
            self.pass(&across(APP, &tcp(app, cam, 11, "A", &client[..hello])));
            for (nth, piece) in server.chunks(1000).enumerate() {
                self.pass(&across(CAM, &tcp(cam, app, 81 + 1000 * nth as u32, "A", piece)));
            }
            for (nth, piece) in client[hello..].chunks(1000).enumerate() {
                let at = (11 + hello + 1000 * nth) as u32;
                self.pass(&across(APP, &tcp(app, cam, at, "A", piece)));
            }
        }

        fn turn(&mut self) -> Vec<(String, u16, u64, bool)> {
            let told = self.handshakes.turn(&inventory()).into_iter();
            told.map(|one| {
                assert_eq!(one.offered.suites, [0xc02b]);
                let node = one.opener.node.unwrap().to_string();
                (node, one.opener.port, one.packet, one.earlier)
            })
            .collect()
        }
    }

    /// A hello that offers TLS 1.2 and one suite, and nothing else.
    fn hello() -> Vec<u8> {
        let random = [7; 32];
        let body = [&[3, 3][..], &random, &[0, 0, 2, 0xc0, 0x2b, 1, 0]].concat();
        let length = body.len() as u8;
        [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()
    }

    #[test]
    fn a_session_with_dhe_is_told_as_one_with_forward_secrecy_and_one_with_rsa_as_none() {
        for (suite, number, weak) in
            [("DHE-RSA-AES128-GCM-SHA256", 0x009e, 0), ("AES128-GCM-SHA256", 0x009c, 2)]
        {
            let options = ["-tls1_2", "-cipher", suite];
            let talk = openssl::talk(&RSA, &options, &options, "hello");
            let mut wire = Wire::new();
            wire.talk(40_000, &talk.bytes);
            let [seen] = wire.handshakes.turn(&inventory()).try_into().expect("one session");
            assert_eq!(seen.agreed.map(|agreed| (agreed.version, agreed.suite)), Some((0x0303, number)));
            assert!(seen.keyed && seen.said.iter().all(|said| *said > 0), "something was said: {seen:?}");
            let told = crate::verdict::weaknesses(&seen, TlsVersion::Tls12);
            assert_eq!(told.len(), weak, "offered and agreed on: {told:?}");
        }
    }

    #[test]
    fn a_connection_is_told_once_though_it_passes_many_taps() {
        let mut wire = Wire::new();
        wire.visit(40_000, &hello(), "A");
        assert_eq!(wire.turn(), [("app".to_owned(), 40_000, 1, false)]);
        assert_eq!(wire.turn(), [("app".to_owned(), 40_000, 0, true)], "it goes on");
    }

    #[test]
    fn a_port_that_is_used_again_is_another_connection() {
        let mut wire = Wire::new();
        wire.visit(40_000, &hello(), "FA");
        let second = wire.packet + 1;
        wire.visit(40_000, &hello(), "FA");
        let first = ("app".to_owned(), 40_000, 1, false);
        assert_eq!(wire.turn(), [first, ("app".to_owned(), 40_000, second, false)]);
        let kind = ("app".to_owned(), 0, 0, true);
        let latest = ("app".to_owned(), 40_000, 0, true);
        assert_eq!(wire.turn(), [kind.clone(), latest], "its last packets may be under way");
        assert_eq!(wire.turn(), [kind], "both are over, and were of a kind");
    }

    #[test]
    fn what_was_told_earlier_vouches_for_nothing_that_begins_from_its_port() {
        let mut wire = Wire::new();
        wire.visit(40_000, &hello(), "FA");
        assert_eq!(wire.turn(), [("app".to_owned(), 40_000, 1, false)]);
        wire.visit(40_000, b"GET / HTTP/1.1\r\n\r\n", "FA");
        let kind = ("app".to_owned(), 0, 0, true);
        assert_eq!(wire.turn(), [kind]);
    }

    /// Nobody saw the end of the first, as where a SYN is dropped and given up.
    #[test]
    fn another_first_syn_is_another_connection_whether_the_one_before_ended_or_not() {
        let mut wire = Wire::new();
        let (app, cam) = ((ADDRESSES[APP], 40_000), (ADDRESSES[CAM], 443));
        wire.pass(&across(APP, &tcp(app, cam, 7_000, "S", b"")));
        let begun = wire.packet + 1;
        wire.visit(40_000, &hello(), "A");
        assert_eq!(wire.turn(), [("app".to_owned(), 40_000, begun, false)]);
    }

    #[test]
    fn what_is_no_tls_is_not_told_of() {
        let mut wire = Wire::new();
        wire.visit(40_000, b"GET / HTTP/1.1\r\n\r\n", "FA");
        wire.visit(40_001, b"", "R");
        assert_eq!(wire.turn(), []);
        assert!(wire.handshakes.open.is_empty(), "nothing of it is kept");
    }
}
