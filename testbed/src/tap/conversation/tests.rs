//! Frames at the taps of the small site → conversations.

use crate::observation::LostHops;
use proptest::prelude::*;

use super::super::fixture::{self, APP, CAM, Hop, RTR_A, RTR_B, across, icmp, link, link_to, tcp, udp};
use super::*;
use crate::names::{LinkName, Mac};

/// The taps; frames are numbered and timed in the order in which they pass.
struct Wire {
    table: Table,
    packet: u64,
}

impl Wire {
    fn new() -> Wire {
        Wire { table: Table::new(fixture::inventory(), &fixture::ports()), packet: 0 }
    }

    fn pass(&mut self, hops: &[Hop]) {
        for hop in hops {
            self.packet += 1;
            let port = hop.port as u16;
            let seen = Seen { packet: self.packet, at: self.packet * 10, port, direction: hop.direction };
            self.table.take(&hop.frame(), seen);
        }
    }

    fn finish(mut self) -> Vec<Conversation> {
        self.table.finish(&fixture::ports())
    }
}

const CLIENT: (&str, u16) = ("10.30.0.5", 40_000);
const SERVER: (&str, u16) = ("10.20.0.7", 554);

/// The appliance opens a connection to the camera: six taps more than packets.
fn handshake(wire: &mut Wire) {
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 100, "S", b"")));
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 500, "SA", b"")));
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "A", b"")));
}

#[test]
fn a_connection_is_its_openers_and_each_packet_counts_once() {
    let mut wire = Wire::new();
    handshake(&mut wire);
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "A", b"hello")));
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "A", b"hello")));
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 501, "A", b"you too")));
    let [seen] = &wire.finish()[..] else { panic!("one conversation") };
    assert_eq!(seen.kind, "tcp");
    assert_eq!(seen.opener.node.as_ref().unwrap().as_str(), "app");
    assert_eq!((seen.answerer.node.as_ref().unwrap().as_str(), seen.answerer.port), ("cam", 554));
    assert_eq!((seen.first_packet, seen.first_at, seen.last_at), (1, 10, 240));
    assert_eq!((seen.packets_out, seen.packets_back), (4, 2));
    assert_eq!((seen.payload_out, seen.payload_back), (5, 7));
    assert_eq!((seen.reached_packet, seen.answered_packet), (Some(4), Some(8)));
    assert_eq!((seen.media_out, seen.media_back, seen.syn_back), (0, 0, false));
    let ports: Vec<_> = seen.ports.iter().map(LinkName::as_str).collect();
    assert_eq!(ports, ["p3", "p2", "p1", "p0"]);
}

#[test]
fn what_goes_to_a_group_is_weighed_although_nobody_has_the_address() {
    let mut wire = Wire::new();
    let to = |address| udp(("10.20.0.7", 50_000), (address, 5004), b"twelve bytes");
    wire.pass(&link_to(CAM, RTR_A, Mac([1, 0, 0x5e, 0x7f, 0, 1]), 0x0800, &to("239.255.0.1")));
    wire.pass(&link(CAM, RTR_A, 0x0800, &to("10.20.0.99")));
    let loads = wire.table.loads();
    let [one] = &loads[..] else { panic!("{loads:?}") };
    assert_eq!((one.opener.as_str(), one.answerer.address.to_string().as_str()), ("cam", "239.255.0.1"));
    assert_eq!((one.asked.second_bytes, one.asked.datagram_bytes, one.answered.second_bytes), (12, 12, 0));
}

#[test]
fn a_packet_that_a_router_drops_reaches_nobody() {
    let mut wire = Wire::new();
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 7, "S", b""))[..2]);
    let [seen] = &wire.finish()[..] else { panic!("one conversation") };
    assert_eq!((seen.packets_out, seen.reached_packet, seen.answered_packet), (1, None, None));
}

#[test]
fn a_frame_flooded_to_another_ethernet_address_reaches_nobody() {
    let mut wire = Wire::new();
    let packet = udp(("10.20.0.1", 9), ("10.20.0.7", 9), b"x");
    wire.pass(&link_to(RTR_A, CAM, Mac([2, 9, 9, 9, 9, 9]), 0x0800, &packet));
    assert_eq!(wire.finish()[0].reached_packet, None);
}

#[test]
fn a_syn_from_the_answerer_is_noticed() {
    let mut wire = Wire::new();
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 100, "S", b"")));
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 500, "S", b"")));
    let [seen] = &wire.finish()[..] else { panic!("one conversation") };
    assert!(seen.syn_back);
    assert_eq!(seen.opener.port, 40_000);
}

#[test]
fn the_same_ports_again_after_an_end_are_a_new_conversation() {
    let mut wire = Wire::new();
    handshake(&mut wire);
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "FA", b"")));
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 501, "RA", b"")));
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 9_000, "S", b"")));
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 9_000, "S", b"")));
    let seen = wire.finish();
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].packets_out, seen[0].packets_back, seen[0].syn_back), (3, 2, false));
    assert_eq!(seen[1].opener.node.as_ref().unwrap().as_str(), "cam");
    assert_eq!((seen[1].packets_out, seen[1].first_packet), (2, 21));
}

#[test]
fn media_is_counted_on_the_way_it_takes_whatever_is_lost_or_repeated() {
    let mut wire = Wire::new();
    handshake(&mut wire);
    let request = b"PLAY rtsp://10.20.0.7/ RTSP/1.0\r\nCSeq: 4\r\n\r\n";
    let answer = b"RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n";
    let mut rtp = vec![b'$', 0, 0, 112, 0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    rtp.extend_from_slice(&[7; 100]);
    let media = [rtp.as_slice(), &rtp, &rtp].concat();
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "A", request)));
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 501, "A", answer)));
    let start = 501 + answer.len() as u32;
    for part in [0..50, 150..300, 50..160, 0..50, 300..media.len()] {
        let at = start + part.start as u32;
        wire.pass(&across(CAM, &tcp(SERVER, CLIENT, at, "A", &media[part])));
    }
    let [seen] = &wire.finish()[..] else { panic!("one conversation") };
    assert_eq!((seen.media_out, seen.media_back), (0, 300));
    assert_eq!(seen.payload_back, (answer.len() + media.len()) as u64);
}

#[test]
fn two_that_ping_one_another_have_a_conversation_each() {
    let mut wire = Wire::new();
    wire.pass(&across(APP, &icmp(CLIENT.0, SERVER.0, 8, [0, 1, 0, 1], b"ping")));
    wire.pass(&across(CAM, &icmp(SERVER.0, CLIENT.0, 0, [0, 1, 0, 1], b"ping")));
    wire.pass(&across(CAM, &icmp(SERVER.0, CLIENT.0, 8, [0, 2, 0, 1], b"ping")));
    let seen = wire.finish();
    let openers: Vec<_> = seen.iter().map(|one| one.opener.node.as_ref().unwrap().as_str()).collect();
    assert_eq!(openers, ["app", "cam"]);
    assert_eq!((seen[0].packets_out, seen[0].packets_back, seen[0].payload_back), (1, 1, 4));
    assert_eq!((seen[0].kind.as_str(), seen[0].opener.port), ("icmp", 0));
}

#[test]
fn pieces_of_one_datagram_are_one_conversation() {
    let mut wire = Wire::new();
    let whole = udp(("10.30.0.5", 5000), ("10.20.0.7", 6000), &[9; 64]);
    for (offset, more, part) in [(0_u16, true, 20..60), (5, false, 60..92)] {
        let mut piece = [&whole[..20], &whole[part]].concat();
        let total = piece.len() as u16;
        piece[2..4].copy_from_slice(&total.to_be_bytes());
        piece[6..8].copy_from_slice(&(offset | if more { 0x2000 } else { 0 }).to_be_bytes());
        wire.pass(&across(APP, &piece));
    }
    let [seen] = &wire.finish()[..] else { panic!("one conversation") };
    assert_eq!((seen.kind.as_str(), seen.answerer.port, seen.payload_out), ("udp", 6000, 64));
}

#[test]
fn a_forged_source_counts_where_it_really_came_from() {
    let mut wire = Wire::new();
    wire.pass(&across(CAM, &udp(("10.30.0.1", 1), ("10.30.0.5", 2), b"forged")));
    let [seen] = &wire.finish()[..] else { panic!("one conversation") };
    assert_eq!(seen.opener.node.as_ref().unwrap().as_str(), "rtr");
    assert_eq!((seen.packets_out, seen.ports[0].as_str()), (1, "p0"));
    assert_eq!(seen.reached_packet, Some(4));
}

#[test]
fn what_a_router_rewrites_is_a_conversation_of_its_own() {
    let mut wire = Wire::new();
    let rewritten = ("10.20.0.1", 61_000);
    wire.pass(&link(APP, RTR_B, 0x0800, &udp(CLIENT, ("10.20.0.7", 53), b"q")));
    wire.pass(&link(RTR_A, CAM, 0x0800, &udp(rewritten, ("10.20.0.7", 53), b"q")));
    wire.pass(&link(CAM, RTR_A, 0x0800, &udp(("10.20.0.7", 53), rewritten, b"a")));
    wire.pass(&link(RTR_B, APP, 0x0800, &udp(("10.20.0.7", 53), CLIENT, b"a")));
    let seen = wire.finish();
    let openers: Vec<_> = seen.iter().map(|one| one.opener.node.as_ref().unwrap().as_str()).collect();
    assert_eq!(openers, ["app", "rtr"]);
    for one in &seen {
        assert_eq!((one.packets_out, one.packets_back), (1, 1));
        assert!(one.answered_packet.is_some());
    }
}

#[test]
fn upkeep_of_links_has_its_kinds() {
    let mut wire = Wire::new();
    let all = Mac([0xff; 6]);
    let arp = |operation, sender: [u8; 4], target: [u8; 4]| {
        let mac = [0; 6];
        [&[0, 1, 8, 0, 6, 4, 0, operation][..], &mac, &sender, &mac, &target].concat()
    };
    wire.pass(&link_to(CAM, RTR_A, all, 0x0806, &arp(1, [10, 20, 0, 7], [10, 20, 0, 1])));
    wire.pass(&link(RTR_A, CAM, 0x0806, &arp(2, [10, 20, 0, 1], [10, 20, 0, 7])));
    let target: std::net::Ipv6Addr = "fe80::ff:fe00:2".parse().unwrap();
    let solicit = icmp("fe80::ff:fe00:1", "ff02::1:ff00:2", 135, [0; 4], &target.octets());
    wire.pass(&link_to(CAM, RTR_A, Mac([0x33, 0x33, 0xff, 0, 0, 2]), 0x86dd, &solicit));
    let advertise = icmp("fe80::ff:fe00:2", "fe80::ff:fe00:1", 136, [0x60, 0, 0, 0], &target.octets());
    wire.pass(&link(RTR_A, CAM, 0x86dd, &advertise));
    wire.pass(&link_to(CAM, RTR_A, all, 0x86dd, &icmp("::", "ff02::16", 143, [0, 0, 0, 1], &[])));
    let mut group = udp(("10.20.0.7", 0), ("224.0.0.22", 0), b"");
    group[9] = 2;
    wire.pass(&link_to(CAM, RTR_A, all, 0x0800, &group));
    wire.pass(&link_to(CAM, RTR_A, all, 0x88cc, &[0; 46]));
    wire.pass(&link_to(CAM, RTR_A, all, 38, &[0x42; 46]));

    let seen = wire.finish();
    let kinds: Vec<_> = seen.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["arp", "nd", "mld", "igmp", "ether-88cc", "ether-0000"]);
    for one in &seen {
        assert_eq!(one.opener.node.as_ref().map(NodeName::as_str), Some("cam"), "{}", one.kind);
        assert!(one.reached_packet.is_some(), "{}", one.kind);
    }
    for one in &seen[..2] {
        assert_eq!(one.answerer.node.as_ref().map(NodeName::as_str), Some("rtr"), "{}", one.kind);
        assert_eq!((one.packets_out, one.packets_back), (1, 1), "{}", one.kind);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_taps_panic(
        frames in prop::collection::vec((0..4_u16, any::<bool>(), prop::collection::vec(any::<u8>(), 14..120)), 0..20),
        kinds in prop::collection::vec(prop_oneof![Just([8, 0]), Just([0x86, 0xdd]), Just([8, 6]), Just([0x81, 0])], 20),
    ) {
        let mut table = Table::new(fixture::inventory(), &fixture::ports());
        for ((port, to_node, mut bytes), kind) in frames.into_iter().zip(kinds) {
            bytes[12..14].copy_from_slice(&kind);
            let direction = if to_node { Direction::ToNode } else { Direction::FromNode };
            if let Some(frame) = Frame::of(&bytes) {
                table.take(&frame, Seen { packet: 1, at: 1, port, direction });
            }
        }
        table.finish(&fixture::ports());
    }

    #[test]
    fn a_damaged_frame_makes_no_tap_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        which in 0..4_usize,
    ) {
        let quoted = udp(CLIENT, SERVER, b"quoted");
        let packets = [
            tcp(CLIENT, SERVER, 1, "S", b"RTSP/1.0 200 OK\r\n\r\n$"),
            udp(("2001:db8::1", 1), ("2001:db8::2", 2), b"payload"),
            icmp(CLIENT.0, SERVER.0, 3, [0; 4], &quoted),
            icmp("fe80::1", "ff02::1", 135, [0; 4], &[1; 16]),
        ];
        let mut bytes = across(APP, &packets[which]).remove(0).bytes;
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let mut table = Table::new(fixture::inventory(), &fixture::ports());
        if let Some(frame) = Frame::of(&bytes) {
            table.take(&frame, Seen { packet: 1, at: 1, port: 0, direction: Direction::FromNode });
        }
        prop_assert!(table.finish(&fixture::ports()).len() <= 1);
    }
}

/// Nanoseconds after the start at which a test's stretch ends.
const SOON: u64 = 1_000;

#[test]
fn a_connection_that_goes_on_keeps_its_opener_and_counts_from_nothing() {
    let mut wire = Wire::new();
    handshake(&mut wire);
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "A", b"DESCRIBE * RTSP/1.0\r\n\r\n")));
    let first = wire.table.turn(&fixture::ports(), SOON);
    assert_eq!(
        (first.len(), first[0].packets_out, first[0].payload_out, first[0].earlier),
        (1, 3, 23, false)
    );
    // The camera speaks first in the next stretch, from its own port.
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 501, "A", b"answer")));
    let [earlier, now] = &wire.table.turn(&fixture::ports(), SOON)[..] else { panic!("two") };
    assert!(earlier.earlier && !now.earlier);
    assert_eq!(earlier.opener.node.as_ref().unwrap().as_str(), "app");
    assert_eq!((earlier.opener.port, earlier.answerer.port, earlier.first_packet), (0, 554, 0));
    assert_eq!((now.opener.node.as_ref().unwrap().as_str(), now.opener.port), ("app", 40_000));
    assert_eq!((now.packets_out, now.packets_back, now.payload_back), (0, 1, 6));
    assert_eq!((now.first_packet, now.reached_packet, now.answered_packet), (17, None, Some(20)));
}

#[test]
fn a_stretch_in_which_nothing_came_has_only_what_was_earlier() {
    let mut wire = Wire::new();
    handshake(&mut wire);
    assert_eq!(wire.table.turn(&fixture::ports(), SOON).len(), 1);
    for _ in 0..2 {
        let told = wire.table.turn(&fixture::ports(), SOON);
        assert!(told.len() == 1 && told[0].earlier, "{told:?}");
    }
}

#[test]
fn a_connection_that_was_quiet_for_long_or_closed_a_while_ago_is_not_known_again() {
    let opener_after = |closing: &str, now: u64| {
        let mut wire = Wire::new();
        handshake(&mut wire);
        wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, closing, b"")));
        let _ = wire.table.turn(&fixture::ports(), now);
        wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 501, "A", b"x")));
        let told = wire.table.turn(&fixture::ports(), now);
        told.iter().find(|one| !one.earlier).unwrap().opener.node.clone().unwrap().to_string()
    };
    assert_eq!(opener_after("A", SOON), "app");
    assert_eq!(opener_after("A", QUIET_CONNECTION / 2), "app");
    assert_eq!(opener_after("A", QUIET_CONNECTION * 2), "cam");
    assert_eq!(opener_after("R", SOON), "app");
    assert_eq!(opener_after("R", QUIET * 2), "cam");
    assert_eq!(opener_after("FA", SOON), "app");
    assert_eq!(opener_after("FA", QUIET * 2), "cam");
}

#[test]
fn the_last_packets_of_what_was_closed_earlier_open_nothing() {
    let mut wire = Wire::new();
    handshake(&mut wire);
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "FA", b"")));
    let before = wire.table.turn(&fixture::ports(), SOON);
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 501, "FA", b"")));
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 102, "A", b"")));
    let told = wire.table.turn(&fixture::ports(), SOON);
    assert!(before.len() == 1 && told.len() == 1 && told[0].earlier, "{told:?}");
    assert_eq!(told[0].packets_out, before[0].packets_out, "they are of the next stretch's past");
    let later = &wire.table.turn(&fixture::ports(), SOON)[0];
    assert_eq!(
        (later.packets_out, later.packets_back),
        (before[0].packets_out + 1, before[0].packets_back + 1)
    );
    // From the same port something is opened anew, and by the other end, too.
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 900, "S", b"")));
    let told = wire.table.turn(&fixture::ports(), SOON);
    assert_eq!(told.last().unwrap().opener.node.as_ref().unwrap().as_str(), "cam");
}

#[test]
fn whatever_is_said_after_the_end_is_told() {
    let after_the_end = |from, packet: &[u8]| {
        let mut wire = Wire::new();
        handshake(&mut wire);
        wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "R", b"")));
        let _ = wire.table.turn(&fixture::ports(), SOON);
        wire.pass(&across(from, packet));
        wire.table.turn(&fixture::ports(), SOON).iter().filter(|one| !one.earlier).count()
    };
    assert_eq!(after_the_end(CAM, &tcp(SERVER, CLIENT, 501, "A", b"")), 0);
    // Ahead of what is known, so that no byte of it is in order.
    assert_eq!(after_the_end(CAM, &tcp(SERVER, CLIENT, 9501, "A", b"x")), 1);
    // The very SYN that opened it, again.
    assert_eq!(after_the_end(APP, &tcp(CLIENT, SERVER, 100, "S", b"")), 1);
}

#[test]
fn earlier_conversations_of_a_kind_are_one_whatever_their_ports_were() {
    let mut wire = Wire::new();
    for round in 0..3_u16 {
        for port in 0..10 {
            let client = ("10.30.0.5", 40_000 + round * 10 + port);
            wire.pass(&across(APP, &udp(client, ("10.20.0.7", 53), b"ask")));
        }
        let told = wire.table.turn(&fixture::ports(), SOON);
        let earlier: Vec<_> = told.iter().filter(|one| one.earlier).collect();
        assert_eq!((earlier.len(), told.len()), (usize::from(round > 0), 10 + usize::from(round > 0)));
        let packets: u64 = earlier.iter().map(|one| one.packets_out).sum();
        assert_eq!(packets, u64::from(round) * 10);
    }
}

/// The same with another time to live behind the router.
fn with_hops_left(hops: Vec<Hop>, left: u8) -> Vec<Hop> {
    let with = |(place, mut hop): (usize, Hop)| {
        // Two taps are before the router, and two behind it; the octet is the ninth of the header (RFC 791).
        if place >= 2 {
            hop.bytes[14 + 8] = left;
        }
        hop
    };
    hops.into_iter().enumerate().map(with).collect()
}

#[test]
fn hops_are_what_packets_have_less_where_they_arrive() {
    let mut wire = Wire::new();
    let mut pass = |from, packet: Vec<u8>, left| wire.pass(&with_hops_left(across(from, &packet), left));
    pass(APP, udp(CLIENT, SERVER, b"one"), 63);
    pass(APP, udp(CLIENT, SERVER, b"two"), 60);
    pass(APP, udp(CLIENT, SERVER, b"three"), 63);
    pass(CAM, udp(SERVER, CLIENT, b"answer"), 200);
    let told = wire.table.turn(&fixture::ports(), SOON);
    let lost = |fewest, most| Some(LostHops { fewest, most });
    assert_eq!(told[0].lost_hops, [lost(1, 4), lost(-136, -136)]);
    // One that lost what it should hides none that did not.
    for left in [63, 200] {
        wire.pass(&with_hops_left(across(CAM, &udp(SERVER, CLIENT, b"answer")), left));
    }
    let told = wire.table.turn(&fixture::ports(), SOON);
    assert_eq!(told.last().unwrap().lost_hops, [None, lost(-136, 1)]);
    // What does not arrive has lost nothing that is known.
    wire.pass(&across(APP, &udp(CLIENT, SERVER, b"four"))[..2]);
    let told = wire.table.turn(&fixture::ports(), SOON);
    assert_eq!(told.last().unwrap().lost_hops, [None; 2]);
}
