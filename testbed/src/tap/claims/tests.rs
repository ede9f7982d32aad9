//! Frames at the taps of the small site → what explains them, or why nothing does.

use dhcproto::v4::{DhcpOption, Message, MessageType, Opcode};
use dhcproto::{Encodable, Encoder};

use super::super::fixture::{
    self, ADDRESSES, APP, CAM, Hop, RTR_A, RTR_B, across, icmp, link, link_to, mac, tcp, udp,
};
use super::*;
use crate::observation::{Claim as Told, Claimed};

const SECOND: u64 = 1_000_000_000;
const CLIENT: (&str, u16) = (ADDRESSES[APP], 40_000);
const SERVER: (&str, u16) = (ADDRESSES[CAM], 554);
const NAMES: (&str, u16) = (ADDRESSES[RTR_B], 53);
const ALL: Mac = Mac([0xff; 6]);

/// The taps; a millisecond from frame to frame.
struct Wire {
    claims: Claims,
    packet: u64,
    now: u64,
}

impl Wire {
    fn new() -> Wire {
        Wire::of(&fixture::inventory())
    }

    fn of(inventory: &Inventory) -> Wire {
        Wire { claims: Claims::new(&fixture::ports(), inventory), packet: 0, now: SECOND }
    }

    /// One on whose wire the appliance has opened its connection.
    fn open() -> Wire {
        let mut wire = Wire::new();
        wire.pass(&across(APP, &tcp(CLIENT, SERVER, 100, "S", b"")));
        wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 500, "SA", b"")));
        wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "A", b"")));
        wire
    }

    fn pass(&mut self, hops: &[Hop]) {
        hops.iter().for_each(|hop| self.take(hop, Part::None));
    }

    fn take(&mut self, hop: &Hop, part: Part) {
        self.packet += 1;
        self.now += 1_000_000;
        let seen =
            Seen { packet: self.packet, at: self.now, port: hop.port as u16, direction: hop.direction };
        self.claims.take(&hop.frame(), part, seen);
    }

    fn later(&mut self, seconds: u64) -> &mut Wire {
        self.now += seconds * SECOND;
        self
    }

    /// Frames that are explained, and how many there were.
    fn explained(&mut self) -> (u64, u64) {
        let told = self.claims.turn();
        let claimed = told.claimed.iter().map(|one| one.frames).sum::<u64>();
        let not: u64 = told.unexplained.iter().map(|one| one.frames).sum::<u64>() + told.more;
        assert!(told.unexplained.iter().all(|one| one.first_packet > 0 && !one.what.is_empty()));
        (claimed, claimed + not)
    }

    /// What explains all of it.
    fn by(&mut self) -> Vec<Told> {
        let told = self.claims.turn();
        assert_eq!(told.unexplained, [], "all of it is explained");
        let mut by: Vec<Told> = told.claimed.into_iter().map(|Claimed { by, .. }| by).collect();
        by.dedup();
        by
    }

    /// Why the frames that were passed since the last time are not explained; each kind of them once.
    fn why(&mut self) -> Vec<String> {
        self.claims.turn().unexplained.into_iter().map(|one| one.why).collect()
    }
}

fn flows(ids: &[&str]) -> Told {
    Told::Flows(ids.iter().map(|id| id.parse().unwrap()).collect())
}

/// What is passed once all is open is explained by nothing, for this reason, at every tap.
#[track_caller]
fn refused(hops: &[Hop], why: &Why) {
    let mut wire = Wire::open();
    wire.explained();
    wire.pass(hops);
    let told = wire.claims.turn();
    let whys: Vec<&str> = told.unexplained.iter().map(|one| one.why.as_str()).collect();
    assert!(!whys.is_empty() && whys.iter().all(|told| *told == why.to_string()), "{:#?}", told.unexplained);
    let frames: u64 = told.unexplained.iter().map(|one| one.frames).sum();
    assert_eq!((frames, told.claimed.len()), (hops.len() as u64, 0), "{told:#?}");
}

fn arp(asks: bool, from: (Mac, &str), to: &str) -> Vec<u8> {
    let operation = if asks { 1 } else { 2 };
    let address = |text: &str| text.parse::<std::net::Ipv4Addr>().unwrap().octets();
    [&[0, 1, 8, 0, 6, 4, 0, operation][..], &from.0.0, &address(from.1), &[0; 6], &address(to)].concat()
}

fn dhcp(kind: MessageType, client: Mac, exchange: u32) -> Vec<u8> {
    let mut message = Message::default();
    let asks = matches!(kind, MessageType::Discover | MessageType::Request);
    message.set_opcode(if asks { Opcode::BootRequest } else { Opcode::BootReply });
    message.set_xid(exchange).set_chaddr(&client.0);
    message.opts_mut().insert(DhcpOption::MessageType(kind));
    let mut bytes = Vec::new();
    message.encode(&mut Encoder::new(&mut bytes)).unwrap();
    bytes
}

#[test]
fn a_conversation_is_its_flows_from_the_opening_to_the_end() {
    let mut wire = Wire::open();
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 501, "A", b"video")));
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 506, "FA", b"")));
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "FA", b"")));
    assert_eq!(wire.by(), [flows(&["F01"])]);
    wire.pass(&link(APP, RTR_B, 0x0800, &udp(CLIENT, NAMES, b"?")));
    wire.pass(&link(RTR_B, APP, 0x0800, &udp(NAMES, CLIENT, b"!")));
    wire.pass(&link(APP, RTR_B, 0x0800, &icmp(ADDRESSES[APP], ADDRESSES[RTR_B], 8, [0, 9, 0, 1], b"ping")));
    wire.pass(&link(RTR_B, APP, 0x0800, &icmp(ADDRESSES[RTR_B], ADDRESSES[APP], 0, [0, 9, 0, 1], b"ping")));
    assert_eq!(wire.by(), [flows(&["F15"])]);
}

#[test]
fn who_may_not_open_is_not_explained_nor_what_is_answered() {
    let wrong = tcp((ADDRESSES[CAM], 40_000), (ADDRESSES[APP], 554), 1, "S", b"");
    refused(&across(CAM, &wrong), &Why::NotAllowed);
    refused(&across(APP, &tcp(CLIENT, (ADDRESSES[CAM], 80), 1, "S", b"")), &Why::NotAllowed);
    refused(
        &link(CAM, RTR_A, 0x0800, &udp((ADDRESSES[CAM], 5353), ("224.0.0.251", 5353), b"mdns")),
        &Why::NotAllowed,
    );
    refused(
        &link(APP, RTR_B, 0x0800, &icmp(ADDRESSES[APP], ADDRESSES[RTR_B], 13, [0, 9, 0, 1], b"time?")),
        &Why::NotAllowed,
    );
    refused(&link(CAM, RTR_A, 0x88cc, b"a switch says its name"), &Why::NotAllowed);
    let mut wire = Wire::new();
    wire.pass(&across(CAM, &wrong));
    let back = tcp((ADDRESSES[APP], 554), (ADDRESSES[CAM], 40_000), 1, "SA", b"");
    wire.pass(&across(APP, &back));
    assert_eq!(wire.explained(), (0, 8), "the answer is none of a conversation");
}

#[test]
fn an_answer_without_a_question_is_told_as_that() {
    refused(&across(CAM, &tcp(SERVER, (ADDRESSES[APP], 41_000), 1, "SA", b"")), &Why::Unasked);
    refused(&across(CAM, &tcp(SERVER, (ADDRESSES[APP], 41_000), 1, "A", b"data")), &Why::Unasked);
    refused(&across(APP, &tcp((ADDRESSES[APP], 41_000), SERVER, 1, "A", b"data")), &Why::Midway);
    refused(&link(RTR_B, APP, 0x0800, &udp(NAMES, (ADDRESSES[APP], 41_000), b"!")), &Why::Unasked);
    refused(
        &link(RTR_B, APP, 0x0800, &icmp(ADDRESSES[RTR_B], ADDRESSES[APP], 0, [0, 9, 0, 1], b"pong")),
        &Why::Unasked,
    );
    refused(&across(CAM, &tcp(SERVER, CLIENT, 900, "S", b"")), &Why::WrongOpener);
}

#[test]
fn a_late_answer_of_udp_is_none() {
    let mut wire = Wire::new();
    wire.pass(&link(APP, RTR_B, 0x0800, &udp(CLIENT, NAMES, b"?")));
    wire.later(29).pass(&link(RTR_B, APP, 0x0800, &udp(NAMES, CLIENT, b"!")));
    assert_eq!(wire.explained(), (4, 4));
    wire.later(2).pass(&link(RTR_B, APP, 0x0800, &udp(NAMES, CLIENT, b"!")));
    assert_eq!(wire.why(), [Why::Unasked.to_string()]);
}

#[test]
fn after_its_end_a_connection_says_nothing_new() {
    let mut wire = Wire::open();
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 501, "A", b"video")));
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 506, "RA", b"")));
    assert_eq!(wire.by(), [flows(&["F01"])]);
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "A", b"under way")));
    wire.later(5).pass(&across(CAM, &tcp(SERVER, CLIENT, 501, "A", b"video")));
    assert_eq!(wire.by(), [flows(&["F01"])], "what was said before may be said again");
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 506, "A", b"more video")));
    assert_eq!(wire.why(), [Why::Over.to_string(), Why::Over.to_string()], "on both segments");
    wire.later(60).pass(&across(CAM, &tcp(SERVER, CLIENT, 506, "RA", b"")));
    assert_eq!(wire.explained(), (0, 4));
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 7_000, "S", b"")));
    assert_eq!(wire.by(), [flows(&["F01"])], "it may be opened anew");
}

#[test]
fn a_reset_that_did_not_arrive_ends_nothing() {
    let mut wire = Wire::open();
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 501, "RA", b""))[..1]);
    wire.later(5).pass(&across(APP, &tcp(CLIENT, SERVER, 101, "A", b"still here?")));
    assert_eq!(wire.by(), [flows(&["F01"])]);
}

#[test]
fn whoever_is_not_in_the_inventory_is_a_stranger_and_one_who_pretends_is_found() {
    let packet = tcp(CLIENT, SERVER, 100, "S", b"");
    let from = |source: Mac, port: usize, packet: &[u8]| {
        let mut hops = link_to(port, if port == CAM { RTR_A } else { RTR_B }, mac(RTR_A), 0x0800, packet);
        hops.iter_mut().for_each(|hop| hop.bytes[6..12].copy_from_slice(&source.0));
        hops
    };
    refused(&from(Mac([2, 0, 0, 0, 0, 99]), APP, &packet), &Why::Stranger);
    refused(&from(mac(RTR_A), CAM, &packet), &Why::Disguised);
    refused(&link(CAM, RTR_A, 0x0800, &packet), &Why::Forged("app".parse().unwrap()));
    refused(&link(CAM, RTR_A, 0x0800, &udp(("10.99.0.1", 1), (ADDRESSES[RTR_A], 53), b"?")), &Why::Nobodys);
}

#[test]
fn a_frame_is_in_its_place_only() {
    // The router leads video into the wrong segment: nothing of it belongs there.
    let names = udp(CLIENT, NAMES, b"?");
    let mut wire = Wire::new();
    wire.pass(&link(APP, RTR_B, 0x0800, &names));
    assert_eq!(wire.by(), [flows(&["F15"])]);
    wire.pass(&link(RTR_A, CAM, 0x0800, &names));
    assert_eq!(wire.why(), [Why::Elsewhere("F15".parse().unwrap()).to_string()]);
    // A camera passes on what is not its own.
    let mut wire = Wire::open();
    wire.explained();
    wire.pass(&link(CAM, RTR_A, 0x0800, &tcp(CLIENT, SERVER, 101, "A", b"x")));
    assert_eq!(wire.why(), [Why::Forged("app".parse().unwrap()).to_string()]);
    // Tagged, though the segment is none of a VLAN.
    let mut tagged = link(CAM, RTR_A, 0x0800, &tcp(SERVER, CLIENT, 501, "A", b"x"));
    tagged.iter_mut().for_each(|hop| drop(hop.bytes.splice(12..12, [0x81, 0, 0, 30])));
    refused(&tagged, &Why::Tag(None));
}

#[test]
fn neighbours_find_one_another_under_their_own_addresses() {
    let mut wire = Wire::new();
    let asks = arp(true, (mac(APP), ADDRESSES[APP]), ADDRESSES[RTR_B]);
    wire.pass(&link_to(APP, RTR_B, ALL, 0x0806, &asks));
    wire.pass(&link(RTR_B, APP, 0x0806, &arp(false, (mac(RTR_B), ADDRESSES[RTR_B]), ADDRESSES[APP])));
    // Before it takes its address, and once it has.
    wire.pass(&link_to(APP, RTR_B, ALL, 0x0806, &arp(true, (mac(APP), "0.0.0.0"), ADDRESSES[APP])));
    wire.pass(&link_to(APP, RTR_B, ALL, 0x0806, &arp(false, (mac(APP), ADDRESSES[APP]), ADDRESSES[APP])));
    assert_eq!(wire.by(), [Told::Upkeep(Upkeep::Arp)]);
    let ask = |from: (Mac, &str), to| link_to(APP, RTR_B, ALL, 0x0806, &arp(true, from, to));
    refused(&ask((mac(APP), ADDRESSES[APP]), "10.30.0.77"), &Why::Undeclared);
    refused(&ask((mac(APP), ADDRESSES[APP]), ADDRESSES[CAM]), &Why::Undeclared);
    refused(&ask((mac(APP), "10.30.0.77"), ADDRESSES[RTR_B]), &Why::NotItsOwn);
    refused(&ask((mac(CAM), ADDRESSES[APP]), ADDRESSES[RTR_B]), &Why::NotItsOwn);
    let reply = arp(false, (mac(RTR_B), ADDRESSES[RTR_B]), ADDRESSES[APP]);
    refused(&link(RTR_B, APP, 0x0806, &reply), &Why::Unasked);
    let with_a_letter = [&asks[..], &[b'x'; 64]].concat();
    refused(&link_to(APP, RTR_B, ALL, 0x0806, &with_a_letter), &Why::Misshapen);
}

#[test]
fn a_probes_question_for_a_neighbour_is_answered_by_that_one_and_nobody_else() {
    let asks = link_to(APP, RTR_B, ALL, 0x0806, &arp(true, (mac(APP), ADDRESSES[APP]), ADDRESSES[RTR_B]));
    let replies = |from: (Mac, &str)| link(RTR_B, APP, 0x0806, &arp(false, from, ADDRESSES[APP]));
    let mut wire = Wire::new();
    asks.iter().for_each(|hop| wire.take(hop, Part::Probe(7)));
    replies((mac(RTR_B), ADDRESSES[RTR_B])).iter().for_each(|hop| wire.take(hop, Part::Answer(7)));
    assert_eq!(wire.by(), [Told::Upkeep(Upkeep::Arp)]);
    for wrong in [(mac(CAM), ADDRESSES[RTR_B]), (mac(RTR_B), ADDRESSES[RTR_A])] {
        replies(wrong).iter().for_each(|hop| wire.take(hop, Part::Answer(7)));
        assert_eq!(wire.why(), [Why::NotItsOwn.to_string()]);
    }
}

#[test]
fn upkeep_has_a_bound() {
    let mut wire = Wire::new();
    let asks = link_to(APP, RTR_B, ALL, 0x0806, &arp(true, (mac(APP), ADDRESSES[APP]), ADDRESSES[RTR_B]));
    for _ in 0..120 {
        wire.pass(&asks);
        wire.now -= 2_000_000;
    }
    let (explained, all) = wire.explained();
    assert_eq!((explained, all), (200, 240), "a hundred in a second, at both taps");
}

/// The link-local address of the place's link.
fn local(place: usize) -> String {
    mac(place).link_local().to_string()
}

#[test]
fn ipv6_neighbours_likewise_and_no_router_where_none_is() {
    let octets = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().octets();
    let (app, rtr) = (local(APP), local(RTR_B));
    let to_group = |packet: &[u8]| link_to(APP, RTR_B, Mac([0x33, 0x33, 0xff, 0, 0, 1]), 0x86dd, packet);
    let group = solicited(&rtr);
    let mut wire = Wire::new();
    wire.pass(&to_group(&icmp(&app, &group, 135, [0; 4], &octets(&rtr))));
    wire.pass(&link(RTR_B, APP, 0x86dd, &icmp(&rtr, &app, 136, [0x60, 0, 0, 0], &octets(&rtr))));
    assert_eq!(wire.by(), [Told::Upkeep(Upkeep::Neighbours)]);
    refused(&to_group(&icmp(&app, &group, 135, [0; 4], &octets("fe80::77"))), &Why::Undeclared);
    refused(&to_group(&icmp("fe80::77", &group, 135, [0; 4], &octets(&rtr))), &Why::NotItsOwn);
    let unasked = icmp(&rtr, &app, 136, [0x60, 0, 0, 0], &octets(&rtr));
    refused(&link(RTR_B, APP, 0x86dd, &unasked), &Why::Unasked);
    let of_another = icmp(&rtr, &app, 136, [0x20, 0, 0, 0], &octets(&app));
    refused(&link(RTR_B, APP, 0x86dd, &of_another), &Why::NotItsOwn);
    let mut from_afar = icmp(&app, &group, 135, [0; 4], &octets(&rtr));
    from_afar[7] = 64;
    refused(&to_group(&from_afar), &Why::Misshapen);
    refused(&to_group(&icmp(&app, "ff02::2", 133, [0; 4], b"")), &Why::NoRouter);
    refused(&to_group(&icmp(&app, "ff02::1", 134, [0; 4], &[0; 8])), &Why::NoRouter);
    refused(&to_group(&icmp(&rtr, &app, 137, [0; 4], &[0; 32])), &Why::NotAllowed);
}

fn solicited(address: &str) -> String {
    allowed::solicited_node(address.parse().unwrap()).to_string()
}

#[test]
fn membership_is_of_groups_of_ones_own() {
    let report = |group: &str| {
        let group = group.parse::<std::net::Ipv6Addr>().unwrap().octets();
        let record = [&[4, 0, 0, 0][..], &group].concat();
        let mut packet = icmp(&local(APP), "ff02::16", 143, [0, 0, 0, 1], &record);
        packet[7] = 1;
        link_to(APP, RTR_B, Mac([0x33, 0x33, 0, 0, 0, 0x16]), 0x86dd, &packet)
    };
    let mut wire = Wire::new();
    wire.pass(&report(&solicited(&local(APP))));
    assert_eq!(wire.by(), [Told::Upkeep(Upkeep::Groups)]);
    refused(&report("ff02::fb"), &Why::Undeclared);
    // Only routers listen for what routers are told.
    refused(&report("ff02::2"), &Why::Undeclared);
    // Whoever may be looked for listens for searches.
    refused(&report("ff02::c"), &Why::Undeclared);
    let mut plan = fixture::plan();
    plan.flows.push(fixture::flow("F05", ("rtr", "app"), &local(APP), &["udp/3702"]));
    let mut searched = Wire::of(&Inventory::of(&plan));
    searched.pass(&report("ff02::c"));
    assert_eq!(searched.by(), [Told::Upkeep(Upkeep::Groups)]);
    let igmp = |group: [u8; 4]| {
        let mut packet = udp((ADDRESSES[APP], 0), ("224.0.0.22", 0), &[]);
        packet.truncate(20);
        packet.extend([0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0]);
        packet.extend(group);
        (packet[3], packet[8], packet[9]) = (36, 1, 2);
        link_to(APP, RTR_B, Mac([1, 0, 0x5e, 0, 0, 0x16]), 0x0800, &packet)
    };
    wire.pass(&igmp([224, 0, 0, 1]));
    assert_eq!(wire.by(), [Told::Upkeep(Upkeep::Groups)]);
    refused(&igmp([224, 0, 0, 251]), &Why::Undeclared);
}

#[test]
fn an_address_is_asked_for_and_given_by_whom_the_flow_names() {
    let broadcast = |bytes: &[u8]| {
        let packet = udp(("0.0.0.0", 68), ("255.255.255.255", 67), bytes);
        link_to(APP, RTR_B, ALL, 0x0800, &packet)
    };
    let answer = |from: usize, bytes: &[u8]| {
        link(from, APP, 0x0800, &udp((ADDRESSES[from], 67), (ADDRESSES[APP], 68), bytes))
    };
    let mut wire = Wire::new();
    wire.pass(&broadcast(&dhcp(MessageType::Discover, mac(APP), 7)));
    wire.pass(&answer(RTR_B, &dhcp(MessageType::Offer, mac(APP), 7)));
    // Its kernel knows nothing of who listens below IP.
    let offer = udp((ADDRESSES[RTR_B], 67), (ADDRESSES[APP], 68), b"an offer");
    wire.pass(&link(APP, RTR_B, 0x0800, &icmp(ADDRESSES[APP], ADDRESSES[RTR_B], 3, [0; 4], &offer[..28])));
    assert_eq!(wire.by(), [flows(&["F16"]), Told::Error]);
    refused(&answer(RTR_B, &dhcp(MessageType::Offer, mac(APP), 8)), &Why::Unasked);
    refused(&broadcast(&dhcp(MessageType::Discover, mac(CAM), 9)), &Why::NotItsOwn);
    let camera = udp(("0.0.0.0", 68), ("255.255.255.255", 67), &dhcp(MessageType::Discover, mac(CAM), 9));
    refused(&link_to(CAM, RTR_A, ALL, 0x0800, &camera), &Why::NotAllowed);
}

/// Where the appliance may look for what the router's leg is here.
fn searching() -> Wire {
    let mut plan = fixture::plan();
    plan.flows.push(fixture::flow("F05", ("app", "rtr"), ADDRESSES[RTR_B], &["udp/3702"]));
    Wire::of(&Inventory::of(&plan))
}

/// A packet to the group of WS-Discovery.
fn to_searched(from: usize, address: &str, hops: u8) -> Vec<Hop> {
    let mut packet = udp((address, 50_000), ("239.255.255.250", 3702), b"who?");
    packet[8] = hops;
    let to = if from == APP { RTR_B } else { APP };
    link_to(from, to, Mac([1, 0, 0x5e, 0x7f, 0xff, 0xfa]), 0x0800, &packet)
}

#[test]
fn a_search_is_explained_on_its_link_with_its_answers() {
    let answer =
        || link(RTR_B, APP, 0x0800, &udp((ADDRESSES[RTR_B], 3702), (ADDRESSES[APP], 50_000), b"I am"));
    let mut wire = searching();
    wire.pass(&to_searched(APP, ADDRESSES[APP], 1));
    wire.pass(&answer());
    wire.later(5).pass(&answer());
    assert_eq!(wire.by(), [flows(&["F05"])]);
    let why = |wire: &mut Wire, hops: &[Hop]| {
        wire.pass(hops);
        let told = wire.why();
        assert!(!told.is_empty() && told.iter().all(|why| *why == told[0]), "{told:?}");
        told[0].clone()
    };
    assert_eq!(why(wire.later(20), &answer()), Why::Unasked.to_string(), "it comes late");
    assert_eq!(why(&mut searching(), &answer()), Why::Unasked.to_string());
    let far = to_searched(APP, ADDRESSES[APP], 64);
    assert_eq!(why(&mut searching(), &far), Why::MayLeave.to_string(), "it would pass a router");
    let forged = to_searched(APP, "10.30.0.9", 1);
    assert_eq!(why(&mut searching(), &forged), Why::NotItsOwn.to_string());
    let hello = to_searched(RTR_B, ADDRESSES[RTR_B], 1);
    assert_eq!(why(&mut searching(), &hello), Why::NotAllowed.to_string(), "nobody asked");
    let question = to_searched(APP, ADDRESSES[APP], 1);
    assert_eq!(why(&mut Wire::new(), &question), Why::NotAllowed.to_string(), "no flow lets it look");
}

/// A packet by IPv6 to a group of WS-Discovery, from the appliance to the router's leg there.
fn to_searched_by_six(source: &str, group: &str, hops: u8) -> Vec<Hop> {
    let mut packet = udp((source, 50_000), (group, 3702), b"who?");
    packet[7] = hops;
    link_to(APP, RTR_B, Mac([0x33, 0x33, 0, 0, 0, 0xc]), 0x86dd, &packet)
}

#[test]
fn a_search_by_ipv6_is_explained_on_its_link_with_its_answers_too() {
    let (app, rtr) = (local(APP), local(RTR_B));
    let answer = || link(RTR_B, APP, 0x86dd, &udp((&rtr, 3702), (&app, 50_000), b"I am"));
    let searching = || {
        let mut plan = fixture::plan();
        plan.flows.push(fixture::flow("F05", ("app", "rtr"), &rtr, &["udp/3702"]));
        Wire::of(&Inventory::of(&plan))
    };
    let mut wire = searching();
    wire.pass(&to_searched_by_six(&app, "ff02::c", 1));
    wire.pass(&answer());
    assert_eq!(wire.by(), [flows(&["F05"])]);
    let why = |hops: &[Hop]| {
        let mut wire = searching();
        wire.pass(hops);
        wire.why()[0].clone()
    };
    assert_eq!(why(&answer()), Why::Unasked.to_string());
    assert_eq!(why(&to_searched_by_six(&app, "ff02::c", 64)), Why::MayLeave.to_string());
    assert_eq!(why(&to_searched_by_six(&app, "ff05::c", 1)), Why::MayLeave.to_string(), "of the whole site");
    assert_eq!(why(&to_searched_by_six("fe80::77", "ff02::c", 1)), Why::NotItsOwn.to_string());
}

#[test]
fn who_has_asked_may_be_gone_when_the_answer_to_its_search_comes() {
    let answer = udp((ADDRESSES[RTR_B], 3702), (ADDRESSES[APP], 50_000), b"I am");
    let gone = |about: &[u8]| {
        link(APP, RTR_B, 0x0800, &icmp(ADDRESSES[APP], ADDRESSES[RTR_B], 3, [0; 4], &about[..28]))
    };
    let mut wire = searching();
    wire.pass(&to_searched(APP, ADDRESSES[APP], 1));
    wire.pass(&gone(&answer));
    assert!(wire.why().iter().all(|why| *why == Why::QuotesNothing.to_string()), "it has not been answered");
    wire.pass(&link(RTR_B, APP, 0x0800, &answer));
    wire.later(5).pass(&gone(&answer));
    assert_eq!(wire.by(), [flows(&["F05"]), Told::Error]);
    let elsewhere = udp((ADDRESSES[RTR_B], 3702), (ADDRESSES[APP], 50_001), b"I am");
    wire.pass(&gone(&elsewhere));
    assert_eq!(wire.why(), [Why::QuotesNothing.to_string()], "that port has not asked");
    wire.later(20).pass(&gone(&answer));
    assert_eq!(wire.why(), [Why::QuotesNothing.to_string()], "long after it");
}

/// Where the camera may send to its group, for the router beside it to hear.
fn casting() -> Wire {
    let mut plan = fixture::plan();
    let mut flow = fixture::flow("S04", ("rtr", "cam"), ADDRESSES[CAM], &["udp/5004-5005"]);
    flow.pairs[0].group = Some(crate::plan::Group {
        address: "239.255.0.1".parse().unwrap(),
        ports: (5004, 5007),
        segments: vec!["cam".parse().unwrap()],
    });
    plan.flows.push(flow);
    plan.flows.push(fixture::flow("F01", ("rtr", "cam"), ADDRESSES[CAM], &["tcp/554"]));
    Wire::of(&Inventory::of(&plan))
}

/// One on whose wire the router has asked the camera for it.
fn cast() -> Wire {
    let mut wire = begun();
    wire.pass(&link(RTR_A, CAM, 0x0800, &tcp((ADDRESSES[RTR_A], 40_000), SERVER, 101, "A", b"")));
    assert_eq!(wire.by(), [flows(&["F01"])]);
    wire
}

/// Whoever may hear the group has been answered by the camera, and has said nothing to it since.
fn begun() -> Wire {
    let (mut wire, client) = (casting(), (ADDRESSES[RTR_A], 40_000));
    wire.pass(&link(RTR_A, CAM, 0x0800, &tcp(client, SERVER, 100, "S", b"")));
    wire.pass(&link(CAM, RTR_A, 0x0800, &tcp(SERVER, client, 500, "SA", b"")));
    wire
}

/// A packet to this group, in the segment of whoever sends it.
fn to_cast(from: usize, source: &str, group: (&str, u16), hops: u8) -> Vec<Hop> {
    let mut packet = udp((source, 50_000), group, b"a frame");
    packet[8] = hops;
    let to = [RTR_A, CAM, APP, RTR_B][from];
    link_to(from, to, Mac([1, 0, 0x5e, 0x7f, 0, 1]), 0x0800, &packet)
}

#[test]
fn what_a_camera_sends_to_its_group_is_explained_in_its_segment_at_the_ports_of_the_flow() {
    let frame = |port| to_cast(CAM, ADDRESSES[CAM], ("239.255.0.1", port), 1);
    let mut wire = cast();
    wire.pass(&frame(5004));
    wire.later(60).pass(&frame(5005));
    assert_eq!(wire.by(), [flows(&["S04"])]);
    let why = |wire: &mut Wire, hops: &[Hop]| {
        wire.pass(hops);
        let told = wire.why();
        assert!(!told.is_empty() && told.iter().all(|why| *why == told[0]), "{told:?}");
        told[0].clone()
    };
    for (sent, expected) in [
        (frame(5006), Why::NotAllowed),
        (frame(9000), Why::NotAllowed),
        (to_cast(CAM, ADDRESSES[CAM], ("239.255.0.2", 5004), 1), Why::NotAllowed),
        (to_cast(CAM, "10.20.0.99", ("239.255.0.1", 5004), 1), Why::NotItsOwn),
        (to_cast(CAM, ADDRESSES[CAM], ("239.255.0.1", 5004), 64), Why::MayLeave),
        (to_cast(RTR_A, ADDRESSES[RTR_A], ("239.255.0.1", 5004), 1), Why::NotAllowed),
        // Somebody passes it on.
        (to_cast(RTR_B, ADDRESSES[CAM], ("239.255.0.1", 5004), 1), Why::NotAllowed),
    ] {
        assert_eq!(why(&mut cast(), &sent), expected.to_string());
    }
    assert_eq!(why(&mut casting(), &frame(5004)), Why::Unasked.to_string(), "nobody plays it");
    assert_eq!(why(&mut begun(), &frame(5004)), Why::Unasked.to_string(), "nobody goes on to play it");
    assert_eq!(why(cast().later(80), &frame(5004)), Why::Unasked.to_string(), "nobody plays it any more");
    assert_eq!(why(&mut Wire::new(), &frame(5004)), Why::NotAllowed.to_string(), "no flow has it");
}

/// A report of a group (RFC 3376, section 4.2).
fn joins(from: usize, group: [u8; 4]) -> Vec<Hop> {
    let mut packet = udp((ADDRESSES[from], 0), ("224.0.0.22", 0), &[]);
    packet.truncate(20);
    packet.extend([0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0]);
    packet.extend(group);
    (packet[3], packet[8], packet[9]) = (36, 1, 2);
    let to = [RTR_A, CAM, APP, RTR_B][from];
    link_to(from, to, Mac([1, 0, 0x5e, 0, 0, 0x16]), 0x0800, &packet)
}

#[test]
fn whoever_may_hear_a_cameras_group_joins_it_there_and_nobody_else() {
    let mut wire = casting();
    wire.pass(&joins(RTR_A, [239, 255, 0, 1]));
    wire.pass(&joins(CAM, [239, 255, 0, 1]));
    assert_eq!(wire.by(), [Told::Upkeep(Upkeep::Groups)]);
    for (from, group) in [(APP, [239, 255, 0, 1]), (RTR_B, [239, 255, 0, 1]), (RTR_A, [239, 255, 0, 2])] {
        wire.pass(&joins(from, group));
        let why = wire.why();
        assert!(!why.is_empty() && why.iter().all(|why| *why == Why::Undeclared.to_string()), "{why:?}");
    }
    refused(&joins(CAM, [239, 255, 0, 1]), &Why::Undeclared);
}

#[test]
fn whoever_joins_a_group_for_a_check_may_say_so_on_that_link() {
    let mut plan = fixture::plan();
    let port = fixture::ports().swap_remove(APP).name;
    let join = crate::plan::Join {
        camera: "cam".parse().unwrap(),
        camera_port: "p-cam".parse().unwrap(),
        sends_from: (mac(CAM), ADDRESSES[CAM].parse().unwrap()),
        group: "239.255.0.1".parse().unwrap(),
        ports: (5004, 5005),
        from: "app".parse().unwrap(),
        link: "eth0".parse().unwrap(),
        from_port: port,
        address: ADDRESSES[APP].parse().unwrap(),
    };
    let word = crate::plan::Word::NoStream {
        tries: Vec::new(),
        knows_password: true,
        may: Vec::new(),
        joins: vec![join],
        hears: Vec::new(),
    };
    let check = crate::verdict::example::plan().checks.swap_remove(0);
    plan.checks.push(crate::plan::Check { word, ..check });
    let mut wire = Wire::of(&Inventory::of(&plan));
    wire.pass(&joins(APP, [239, 255, 0, 1]));
    assert_eq!(wire.by(), [Told::Upkeep(Upkeep::Groups)]);
    for (from, group) in [(RTR_B, [239, 255, 0, 1]), (RTR_A, [239, 255, 0, 1]), (APP, [239, 255, 0, 2])] {
        wire.pass(&joins(from, group));
        let why = wire.why();
        assert!(!why.is_empty() && why.iter().all(|why| *why == Why::Undeclared.to_string()), "{why:?}");
    }
}

#[test]
fn whoever_may_be_looked_for_is_in_the_group_for_that() {
    let mut wire = searching();
    wire.pass(&joins(RTR_B, [239, 255, 255, 250]));
    assert_eq!(wire.by(), [Told::Upkeep(Upkeep::Groups)]);
    wire.pass(&joins(APP, [239, 255, 255, 250]));
    assert!(wire.why().iter().all(|why| *why == Why::Undeclared.to_string()));
    refused(&joins(RTR_B, [239, 255, 255, 250]), &Why::Undeclared);
}

#[test]
fn an_error_is_about_a_packet_that_was_explained() {
    let quoted = tcp(CLIENT, SERVER, 100, "S", b"");
    let error = |kind: u8, from: &str, to: &str, about: &[u8]| icmp(from, to, kind, [0; 4], &about[..28]);
    let mut wire = Wire::open();
    wire.explained();
    wire.pass(&link(RTR_B, APP, 0x0800, &error(3, ADDRESSES[RTR_B], ADDRESSES[APP], &quoted)));
    wire.pass(&across(CAM, &error(3, ADDRESSES[CAM], ADDRESSES[APP], &quoted)));
    assert_eq!(wire.by(), [Told::Error]);
    let never = tcp((ADDRESSES[APP], 41_000), SERVER, 1, "S", b"");
    let from_router = |packet: &[u8]| link(RTR_B, APP, 0x0800, packet);
    refused(&from_router(&error(3, ADDRESSES[RTR_B], ADDRESSES[APP], &never)), &Why::QuotesNothing);
    // A redirect is never needed, and an error is for who sent what it is about.
    refused(&from_router(&error(5, ADDRESSES[RTR_B], ADDRESSES[APP], &quoted)), &Why::QuotesNothing);
    let astray = error(3, ADDRESSES[RTR_A], ADDRESSES[CAM], &quoted);
    refused(&link(RTR_A, CAM, 0x0800, &astray), &Why::QuotesNothing);
    wire.later(61).pass(&from_router(&error(3, ADDRESSES[RTR_B], ADDRESSES[APP], &quoted)));
    assert_eq!(wire.why(), [Why::QuotesNothing.to_string()], "long after it");
}

#[test]
fn probes_are_for_their_numbers_and_what_answers_them_is_known() {
    let hops = across(CAM, &tcp((ADDRESSES[CAM], 20_000), (ADDRESSES[APP], 22), 7, "S", b""));
    let mut wire = Wire::new();
    wire.take(&hops[0], Part::Probe(7));
    assert_eq!(wire.explained(), (0, 0), "the ledger tells of it");
    wire.take(&hops[1], Part::Refusal);
    wire.take(&hops[2], Part::Answer(7));
    assert_eq!(wire.by(), [Told::ProbeAnswer]);
    wire.take(&hops[3], Part::Altered(7));
    assert_eq!(wire.why(), [Why::Altered.to_string()]);
}

#[test]
fn each_kind_is_told_once_with_its_first_frame_and_the_flood_is_counted() {
    let mut wire = Wire::new();
    let to = |port: u16| across(CAM, &udp((ADDRESSES[CAM], 9_000), (ADDRESSES[APP], port), b"x"));
    for port in 0..600 {
        wire.pass(&to(port)[..2]);
    }
    wire.pass(&to(3));
    let told = wire.claims.turn();
    assert_eq!(told.unexplained.len(), crate::observation::MOST_UNEXPLAINED);
    let third = &told.unexplained[3];
    assert_eq!(third.what, format!("udp/3 from {} to {}", ADDRESSES[CAM], ADDRESSES[APP]));
    assert_eq!((third.first_packet, third.frames, third.from.as_ref().unwrap().as_str()), (7, 4, "cam"));
    // A hundred kinds at two taps each, and the one of the other segment.
    assert_eq!(told.more, 200 + 2);
}

/// A matcher that claims too much would be noticed: of everything that is wrong here, one frame each, nothing is claimed,
/// and with nothing allowed not even what is right.
#[test]
fn where_nothing_is_allowed_nothing_is_explained() {
    let mut plan = fixture::plan();
    plan.flows.clear();
    let mut wire =
        Wire { claims: Claims::new(&fixture::ports(), &Inventory::of(&plan)), packet: 0, now: SECOND };
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 100, "S", b"")));
    wire.pass(&across(CAM, &tcp(SERVER, CLIENT, 500, "SA", b"")));
    wire.pass(&link(APP, RTR_B, 0x0800, &udp(CLIENT, NAMES, b"?")));
    let asks = dhcp(MessageType::Discover, mac(APP), 7);
    wire.pass(&link_to(APP, RTR_B, ALL, 0x0800, &udp(("0.0.0.0", 68), ("255.255.255.255", 67), &asks)));
    assert_eq!(wire.explained(), (0, 12));
    plan.nodes.iter_mut().flat_map(|node| &mut node.links).for_each(|link| link.addresses.clear());
    let mut wire =
        Wire { claims: Claims::new(&fixture::ports(), &Inventory::of(&plan)), packet: 0, now: SECOND };
    wire.pass(&link_to(APP, RTR_B, ALL, 0x0806, &arp(true, (mac(APP), ADDRESSES[APP]), ADDRESSES[RTR_B])));
    assert_eq!(wire.explained(), (0, 2));
}

#[test]
fn every_tap_tells_its_canaries_and_nothing_of_them_stays() {
    let mut wire = Wire::open();
    let told = wire.claims.turn();
    let shown: Vec<_> = told.canaries.iter().map(|one| (one.port.as_str(), one.shown)).collect();
    assert_eq!(shown, [("p0", 4), ("p1", 4), ("p2", 4), ("p3", 4)]);
    assert!(told.canaries.iter().all(|one| one.explained.is_empty()), "{:#?}", told.canaries);
    assert_eq!(wire.explained(), (0, 0), "none is counted");
    wire.pass(&across(APP, &tcp(CLIENT, SERVER, 101, "PA", b"PLAY")));
    assert_eq!(wire.by(), [flows(&["F01"])], "what was open is open");
}

#[test]
fn a_tap_of_a_link_without_ipv4_has_its_canaries_too() {
    let mut plan = fixture::plan();
    plan.nodes.iter_mut().flat_map(|node| &mut node.links).for_each(|link| link.addresses.clear());
    let mut claims = Claims::new(&fixture::ports(), &Inventory::of(&plan));
    for one in claims.turn().canaries {
        assert_eq!((one.shown, one.explained.as_slice()), (3, &[][..]), "{}", one.port);
    }
}
