//! Captures: what is stored, what is told, and what Wireshark makes of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::super::fixture::{
    self, APP, CAM, Hop, RTR_A, RTR_B, across, address, icmp, link, mac, tcp, tshark, udp,
};
use super::super::inside::{bridge_with_two_ports, index, inside, run};
use super::super::nonce::{self, Probe};
use super::super::{Counted, FileError, annotate, read_back};
use super::*;
use crate::kernel::ring::Statistics;
use crate::kernel::ring::sender::Sender;
use crate::names::{Mac, Traffic};
use crate::tap::sightings::StrayKind;

const KEY: u32 = 0xfeed_c0de;
const START: u64 = 1_700_000_000_123_456_789;

/// A recorder without a ring, and the frames that it was given.
struct Desk {
    file: PathBuf,
    recorder: Recorder,
    watch: Watch,
    at: u64,
}

impl Desk {
    fn new(file: &Path, max_bytes: u64) -> Desk {
        let ports = fixture::ports();
        let watch = Watch(Arc::new(Shared::at_ports(&ports)));
        let inventory = fixture::inventory();
        let settings = Settings { ports, inventory, file: Some(file.to_owned()), max_bytes, key: KEY };
        let recorder = Recorder::new(settings, watch.clone()).unwrap();
        Desk { file: file.to_owned(), recorder, watch, at: START }
    }

    fn pass(&mut self, hops: &[Hop]) {
        for hop in hops {
            self.recorder.take(&ring::Frame {
                ifindex: 100 + hop.port as u32,
                outgoing: hop.direction == Direction::ToNode,
                at: self.at,
                original_len: hop.bytes.len() as u32,
                bytes: hop.bytes.as_slice().into(),
            });
            self.at += 1;
        }
        self.recorder.publish(Statistics::default());
    }

    /// All that was captured. Where the file has every frame, reading it again tells the very same.
    fn finish(self) -> Captured {
        let (path, key) = (self.file, KEY);
        let reading = self.recorder.finish().unwrap();
        let mut live = self.watch.0.lock();
        let captured = reading.finish(live.health, std::mem::take(&mut live.sightings));
        if captured.health.unstored == 0 {
            let file = File::open(&path).unwrap();
            let expected = std::mem::take(&mut *self.watch.0.expected());
            let counted = Counted { expected, passed: captured.passed.clone() };
            let again = read_back(file, fixture::ports(), fixture::inventory(), key, counted).unwrap();
            assert!(!again.cut);
            assert_eq!(again.captured, captured);
        }
        captured
    }
}

fn probe(traffic: Traffic, n: u32) -> Probe {
    Probe {
        source_mac: mac(CAM),
        next_hop_mac: mac(RTR_A),
        source: address(CAM),
        dest: address(APP),
        traffic,
        source_port: 40_000,
        key: KEY,
        n,
        ttl: nonce::TTL,
        waypoint: None,
    }
}

/// The IP packet of a probe.
fn bare(probe: &Probe) -> Vec<u8> {
    nonce::craft(probe).unwrap().split_off(14)
}

const CAM_AT: &str = fixture::ADDRESSES[CAM];
const APP_AT: &str = fixture::ADDRESSES[APP];

#[test]
fn probes_are_sighted_and_neither_they_nor_their_answers_are_conversations() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    let syn = probe(Traffic::Tcp(554, 554), 1);
    let datagram = probe(Traffic::Udp(53, 53), 2);
    let ping = probe(Traffic::icmp(8), 3);
    for probe in [&syn, &datagram, &ping] {
        desk.pass(&across(CAM, &bare(probe)));
    }
    // What answers them: a SYN-ACK and the raw sender's own reset, an answer, an error, an echo.
    desk.pass(&across(APP, &tcp((APP_AT, 554), (CAM_AT, 40_000), 9, "SA", b"")));
    desk.pass(&across(CAM, &tcp((CAM_AT, 40_000), (APP_AT, 554), 2, "R", b"")));
    desk.pass(&across(APP, &udp((APP_AT, 53), (CAM_AT, 40_000), b"answer")));
    desk.pass(&link(RTR_A, CAM, 0x0800, &icmp("10.20.0.1", CAM_AT, 3, [0; 4], &bare(&datagram)[..28])));
    let mut echo = bare(&ping);
    echo[20] = 0;
    let (source, dest) = (echo[12..16].to_vec(), echo[16..20].to_vec());
    echo[12..16].copy_from_slice(&dest);
    echo[16..20].copy_from_slice(&source);
    desk.pass(&across(APP, &echo));
    // And what has nothing to do with them: a ping of the node's own, and an error about its own datagram.
    desk.pass(&across(CAM, &icmp(CAM_AT, APP_AT, 8, [0, 1, 0, 1], b"ping")));
    desk.pass(&across(CAM, &udp((CAM_AT, 40_001), (APP_AT, 53), b"ask")));
    let own = udp((CAM_AT, 40_001), (APP_AT, 53), b"ask");
    desk.pass(&link(RTR_A, CAM, 0x0800, &icmp("10.20.0.1", CAM_AT, 3, [0; 4], &own)));

    let ports = fixture::ports();
    for n in 1..=3 {
        let seen = desk.watch.sightings_of(n);
        let packets: Vec<u64> = seen.iter().map(|one| one.packet).collect();
        let first = u64::from(n - 1) * 4 + 1;
        assert_eq!(packets, [first, first + 1, first + 2, first + 3], "probe {n}");
        assert_eq!((seen[0].direction, &seen[0].port), (Direction::FromNode, &ports[CAM].name));
        assert_eq!((seen[3].direction, &seen[3].port), (Direction::ToNode, &ports[APP].name));
    }
    let Captured { probe_answers, conversations, .. } = desk.finish();
    assert_eq!(probe_answers, 4 * 4 + 2);
    let kinds: Vec<_> = conversations.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["icmp", "udp", "icmp"]);
}

/// What strayed of probe `n`: kind, port, direction, addressed.
fn strays_of(desk: &Desk, n: u32) -> Vec<(StrayKind, usize, Direction, bool)> {
    let place = |name| fixture::ports().iter().position(|port| port.name == name).unwrap();
    let strays = desk.watch.stray(n);
    strays.into_iter().map(|one| (one.kind, place(one.port), one.direction, one.addressed)).collect()
}

/// What [`strays_of`] says of a probe that was altered by the router.
const ALTERED_BEHIND_ROUTER: [(StrayKind, usize, Direction, bool); 2] = [
    (StrayKind::Altered, RTR_B, Direction::FromNode, false),
    (StrayKind::Altered, APP, Direction::ToNode, true),
];

#[test]
fn a_frame_is_for_the_link_that_it_is_addressed_to_and_not_for_those_that_it_is_flooded_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    let datagram = probe(Traffic::Udp(9, 9), 5);
    let group = Mac([1, 0, 0x5e, 0, 0, 1]);
    desk.pass(&link(CAM, RTR_A, 0x0800, &bare(&datagram)));
    desk.pass(&fixture::link_to(RTR_B, CAM, mac(APP), 0x0800, &bare(&datagram)));
    desk.pass(&fixture::link_to(RTR_B, APP, group, 0x0800, &bare(&datagram)));
    let seen = desk.watch.sightings_of(5);
    let addressed: Vec<bool> = seen.iter().map(|one| one.addressed).collect();
    assert_eq!(addressed, [false, true, false, false, true, true]);
    let live = desk.watch.0.lock();
    let delivered: Vec<_> = live.sightings.delivered(5).map(|one| one.port.to_string()).collect();
    assert_eq!(delivered, ["p1", "p3"]);
}

#[test]
fn a_probe_that_lost_its_nonce_on_the_way_is_altered_and_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    let kinds = [Traffic::Tcp(554, 554), Traffic::Udp(53, 53), Traffic::icmp(8), Traffic::protocol(47)];
    for (n, traffic) in (1..).zip(kinds) {
        let hops = across(CAM, &bare(&probe(traffic, n)));
        desk.pass(&hops[..2]);
        let mut altered = bare(&probe(traffic, n));
        // Window of TCP, checksum aside; key of the others.
        altered[if n == 1 { 34 } else { 28 }] ^= 0x55;
        desk.pass(&across(CAM, &altered)[2..]);
        assert_eq!(strays_of(&desk, n), ALTERED_BEHIND_ROUTER, "{traffic}");
        assert_eq!(desk.watch.sightings_of(n).len(), 2, "{traffic}");
    }
    // A rule that makes a reset of a SYN does not hide it: nobody had answered.
    desk.pass(&across(CAM, &bare(&probe(Traffic::Tcp(22, 22), 9)))[..2]);
    desk.pass(&across(CAM, &tcp((CAM_AT, 40_000), (APP_AT, 22), 9, "R", b""))[2..]);
    assert_eq!(strays_of(&desk, 9), ALTERED_BEHIND_ROUTER);
    let packets: Vec<u64> = desk.watch.stray(9).iter().map(|one| one.packet).collect();
    assert_eq!(packets, [19, 20]);
    assert_eq!(desk.finish().conversations, [], "an altered probe is no conversation");
}

#[test]
fn what_answers_a_probe_is_told_where_it_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    let (syn, data) = (tcp((APP_AT, 1), (CAM_AT, 40_000), 9, "SA", b""), b"answer");
    let answers = [
        (Traffic::Tcp(1, 1), syn),
        (Traffic::Tcp(2, 2), tcp((APP_AT, 2), (CAM_AT, 40_000), 9, "A", b"")),
        (Traffic::Udp(3, 3), udp((APP_AT, 3), (CAM_AT, 40_000), data)),
        (Traffic::icmp(8), icmp(APP_AT, CAM_AT, 0, [0x9c, 0x40, 0, 4], data)),
        (Traffic::icmp(13), icmp(APP_AT, CAM_AT, 14, [0x9c, 0x40, 0, 5], &[0; 12])),
    ];
    let answered = [(StrayKind::Answered, APP, Direction::FromNode, false)];
    for (n, (traffic, answer)) in (1..).zip(&answers) {
        desk.pass(&across(CAM, &bare(&probe(*traffic, n))));
        assert_eq!(strays_of(&desk, n), [], "{traffic}");
        // Twice, as a SYN-ACK is that nobody acknowledges.
        desk.pass(&across(APP, answer));
        desk.pass(&across(APP, answer));
        assert_eq!(strays_of(&desk, n), answered, "{traffic}");
        assert_eq!(desk.watch.stray(n)[0].packet, u64::from(n - 1) * 12 + 5, "{traffic}");
    }
    // The sender's own kernel resets what it knows nothing of.
    desk.pass(&across(CAM, &tcp((CAM_AT, 40_000), (APP_AT, 1), 2, "R", b"")));
    assert_eq!(strays_of(&desk, 1), answered);
    // A service that sends back all that it gets.
    let echoed = probe(Traffic::Udp(7, 7), 7);
    desk.pass(&across(CAM, &bare(&echoed)));
    let back =
        Probe { source: echoed.dest, dest: echoed.source, traffic: Traffic::Udp(40_000, 40_000), ..echoed };
    desk.pass(&across(APP, &bare(&Probe { source_port: 7, ..back })));
    assert_eq!(strays_of(&desk, 7), answered);
    assert_eq!(desk.finish().conversations, []);
}

#[test]
fn an_answer_is_told_of_the_probe_that_it_acknowledges() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    let shaped = |text: &str| Traffic::try_from(text.to_owned()).unwrap();
    let (syn, fin) = (shaped("tcp/554 from 53"), shaped("tcp/554 from 53 flags fin"));
    desk.pass(&across(CAM, &bare(&probe(syn, 3))));
    desk.pass(&across(CAM, &bare(&probe(fin, 9)))[..2]);
    // The SYN counts as a byte, so that 4 answers probe 3, although another one has gone its way since.
    let mut header = etherparse::TcpHeader::new(554, 53, 77, 1000);
    (header.syn, header.ack, header.acknowledgment_number) = (true, true, 4);
    let mut late = Vec::new();
    fixture::packet(APP_AT, CAM_AT).tcp_header(header).write(&mut late, &[]).unwrap();
    desk.pass(&across(APP, &late));
    assert_eq!(strays_of(&desk, 3), [(StrayKind::Answered, APP, Direction::FromNode, false)]);
    assert_eq!(strays_of(&desk, 9), []);
    // What the sender's kernel says to that is a refusal, whoever was answered.
    desk.pass(&across(CAM, &tcp((CAM_AT, 53), (APP_AT, 554), 4, "R", b"")));
    assert_eq!(strays_of(&desk, 9), []);
    desk.finish();
}

/// A segment of APP's from 554 to CAM's port that acknowledges this number.
fn acknowledging(port: u16, number: u32) -> Vec<u8> {
    let mut header = etherparse::TcpHeader::new(554, port, 77, 1000);
    (header.syn, header.ack, header.acknowledgment_number) = (true, true, number);
    let mut bytes = Vec::new();
    fixture::packet(APP_AT, CAM_AT).tcp_header(header).write(&mut bytes, &[]).unwrap();
    bytes
}

#[test]
fn only_what_acknowledges_another_probe_is_not_blamed_on_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    let shaped = |text: &str| Traffic::try_from(text.to_owned()).unwrap();
    let sent = [(20, "tcp/554 from 53"), (21, "tcp/9 from 53 flags psh"), (40, "tcp/554 from 53 flags psh")];
    for (n, text) in sent {
        desk.pass(&across(CAM, &bare(&probe(shaped(text), n))));
    }
    // To another address, where no tap sees how it comes to be from CAM.
    let elsewhere = Probe { source: address(RTR_A), ..probe(shaped("tcp/554 from 53"), 30) };
    desk.pass(&across(CAM, &bare(&elsewhere)));
    let answered = [(StrayKind::Answered, APP, Direction::FromNode, false)];

    // 21 went another way, and would be acknowledged by the same number.
    desk.pass(&across(APP, &acknowledging(53, 21)));
    assert_eq!([20, 21, 30, 40].map(|n| strays_of(&desk, n).len()), [1, 0, 0, 0]);
    desk.pass(&across(APP, &acknowledging(53, 31)));
    assert_eq!([20, 21, 30, 40].map(|n| strays_of(&desk, n).len()), [1, 0, 1, 0]);
    // Nobody's number, one behind a probe that counts for nothing, and its own.
    for number in [7_000, 41, 40] {
        let mut desk = Desk::new(&folder.path().join(format!("{number}.pcapng")), MAX_BYTES);
        for (n, text) in sent {
            desk.pass(&across(CAM, &bare(&probe(shaped(text), n))));
        }
        desk.pass(&across(APP, &acknowledging(53, number)));
        assert_eq!(strays_of(&desk, 40), answered, "{number}");
        assert_eq!([20, 21].map(|n| strays_of(&desk, n).len()), [0, 0], "{number}");
        desk.finish();
    }
    desk.finish();
}

#[test]
fn a_refusal_is_no_answer_and_a_connection_the_other_way_neither() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    for (n, traffic) in [(1, Traffic::Tcp(22, 22)), (2, Traffic::Udp(22, 22)), (3, Traffic::icmp(8))] {
        let hops = across(CAM, &bare(&probe(traffic, n)));
        desk.pass(&hops);
        let error = icmp("10.20.0.1", CAM_AT, 3, [0; 4], &bare(&probe(traffic, n)));
        desk.pass(&link(RTR_A, CAM, 0x0800, &error));
    }
    desk.pass(&across(APP, &tcp((APP_AT, 22), (CAM_AT, 40_000), 0, "RA", b"")));
    desk.pass(&across(APP, &tcp((APP_AT, 22), (CAM_AT, 40_000), 0, "S", b"")));
    for n in 1..=3 {
        assert_eq!(strays_of(&desk, n), [], "probe {n}");
    }
    let [own] = &desk.finish().conversations[..] else { panic!("the connection the other way") };
    assert_eq!((own.opener.port, own.answerer.port), (22, 40_000));
}

#[test]
fn two_probes_that_meet_are_told_apart_and_a_reset_refuses_either() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    let out = probe(Traffic::Tcp(20_001, 20_001), 1);
    let back = Probe {
        source: out.dest,
        dest: out.source,
        traffic: Traffic::Tcp(40_000, 40_000),
        source_port: 20_001,
        n: 2,
        ..out
    };
    desk.pass(&across(CAM, &bare(&out)));
    desk.pass(&across(APP, &bare(&back)));
    desk.pass(&across(APP, &tcp((APP_AT, 20_001), (CAM_AT, 40_000), 0, "RA", b"")));
    desk.pass(&across(CAM, &tcp((CAM_AT, 40_000), (APP_AT, 20_001), 0, "RA", b"")));
    assert_eq!((strays_of(&desk, 1), strays_of(&desk, 2)), (vec![], vec![]));
    assert_eq!((desk.watch.sightings_of(1).len(), desk.watch.sightings_of(2).len()), (4, 4));
}

#[test]
fn the_same_kind_of_probe_both_ways_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    let out = probe(Traffic::icmp(8), 1);
    let back = Probe { source: out.dest, dest: out.source, n: 2, ..out };
    desk.pass(&across(CAM, &bare(&out)));
    desk.pass(&across(APP, &bare(&back)));
    assert_eq!((desk.watch.sightings_of(1).len(), desk.watch.sightings_of(2).len()), (4, 4));
}

#[test]
fn wireshark_sees_interfaces_directions_times_and_comments() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.pcapng");
    let mut desk = Desk::new(&file, MAX_BYTES);
    desk.pass(&across(CAM, &udp((CAM_AT, 1), (APP_AT, 2), b"odd")));
    desk.pass(&across(CAM, &bare(&probe(Traffic::Tcp(554, 554), 7))));
    desk.finish();
    let comments = [(2, "entered the router"), (8, "left — in spite of the rules")];
    annotate(&file, &comments.map(|(packet, text)| (packet, text.to_owned())).into()).unwrap();
    // A second round keeps the first one's comments.
    annotate(&file, &BTreeMap::from([(2, "again".to_owned())])).unwrap();

    let fields = ["number", "interface_name", "packet_flags_direction", "time_epoch", "comment"];
    let mut arguments = vec!["-T", "fields", "-E", "separator=|", "-E", "aggregator=;"];
    let fields = fields.map(|field| format!("frame.{field}"));
    fields.iter().for_each(|field| arguments.extend(["-e", field]));
    let rows: Vec<String> = tshark(&file, &arguments).lines().map(str::to_owned).collect();
    assert_eq!(rows.len(), 8);
    assert_eq!(rows[0], "1|cam.eth0|0x00000001|1700000000.123456789|");
    assert_eq!(rows[1], "2|rtr.lan0|0x00000002|1700000000.123456790|entered the router;again");
    assert_eq!(rows[2], "3|rtr.lan1|0x00000001|1700000000.123456791|");
    assert_eq!(rows[7], "8|app.eth0|0x00000002|1700000000.123456796|left — in spite of the rules");
    let described = tshark(&file, &["-T", "fields", "-e", "frame.interface_description", "-c", "1"]);
    assert_eq!(described.trim(), "segment cam, port p0");
    assert_eq!(tshark(&file, &["-Y", "_ws.malformed || tcp.checksum.status == 0"]), "");
}

#[test]
fn a_comment_for_a_packet_that_is_not_there_leaves_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.pcapng");
    let mut desk = Desk::new(&file, MAX_BYTES);
    desk.pass(&across(CAM, &udp((CAM_AT, 1), (APP_AT, 2), b"x")));
    desk.finish();
    let before = std::fs::read(&file).unwrap();
    for packet in [0, 5] {
        let wrong = BTreeMap::from([(1, "fine".to_owned()), (packet, "not there".to_owned())]);
        assert!(matches!(annotate(&file, &wrong), Err(FileError::NoSuchPacket { packets: 4, .. })));
    }
    std::fs::write(folder.path().join("other"), "no capture").unwrap();
    assert!(matches!(annotate(&folder.path().join("other"), &BTreeMap::new()), Err(FileError::Read { .. })));
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no part of a copy is left");
}

#[test]
fn a_full_file_counts_on_and_probes_leave_room_for_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.pcapng");
    let mut desk = Desk::new(&file, 20_000);
    for n in 0..200 {
        desk.pass(&across(CAM, &bare(&probe(Traffic::Udp(9, 9), n))));
    }
    desk.pass(&across(CAM, &udp((CAM_AT, 1), (APP_AT, 2), &[0; 1000])));
    let health = desk.watch.health();
    assert_eq!(health.frames, 804);
    assert!(health.unstored > 500, "{health:?}");
    assert_eq!(desk.watch.sightings_of(199).iter().map(|seen| seen.packet).max(), Some(0));
    let stored = health.frames - health.unstored;
    let [seen] = &desk.finish().conversations[..] else { panic!("one conversation") };
    assert_eq!((seen.first_packet, seen.reached_packet), (stored - 3, Some(stored)));
    assert_eq!(tshark(&file, &["-T", "fields", "-e", "frame.number"]).lines().count() as u64, stored);
}

#[test]
fn a_file_that_cannot_be_made_is_said_at_once() {
    let ports = fixture::ports();
    for file in ["/nowhere/capture.pcapng", "/dev/full"] {
        let settings = Settings {
            ports: ports.clone(),
            inventory: fixture::inventory(),
            file: Some(file.into()),
            max_bytes: MAX_BYTES,
            key: KEY,
        };
        let live = Shared::at_ports(&ports);
        let made = Recorder::new(settings, Watch(Arc::new(live)));
        assert!(matches!(made, Err(Error::File(FileError::Write { .. }))), "{file}");
    }
}

/// A capture at both ports of a real bridge.
fn live(file: &Path) -> Capture {
    let mut ports = fixture::ports();
    ports.retain(|port| [CAM, RTR_A].contains(&(port.ifindex as usize - 100)));
    ports[0].ifindex = index("pa");
    ports[1].ifindex = index("pb");
    let ring = Ring::open(ring::BLOCK_SIZE, 8).unwrap();
    let settings = Settings {
        ports,
        inventory: fixture::inventory(),
        file: Some(file.to_owned()),
        max_bytes: MAX_BYTES,
        key: KEY,
    };
    Capture::start(ring, settings).unwrap()
}

#[test]
fn a_real_capture_tells_of_probes_while_it_runs() {
    inside(concat!(module_path!(), "::a_real_capture_tells_of_probes_while_it_runs"), || {
        bridge_with_two_ports();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capture.pcapng");
        let capture = live(&file);
        let watch = capture.watch();
        let sender = Sender::at(index("a"));
        for n in 0..2_000 {
            sender.send(&nonce::craft(&probe(Traffic::Udp(9, 9), n)).unwrap());
        }
        for hop in link(CAM, RTR_A, 0x0800, &udp((CAM_AT, 7), (APP_AT, 8), b"own")).iter().take(1) {
            sender.send(&hop.bytes);
        }
        let [from, to] = [0, 1].map(|place| fixture::ports()[place].name.clone());
        let deadline = Instant::now() + Duration::from_secs(10);
        let arrived = watch.wait_for(1_999, &to, Direction::ToNode, deadline).unwrap();
        let sent = watch.wait_for(1_999, &from, Direction::FromNode, deadline).unwrap();
        assert!(sent.packet < arrived.packet && sent.at <= arrived.at);
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(watch.wait_for(1_999, &from, Direction::ToNode, soon), None);

        let captured = capture.finish().unwrap();
        assert_eq!(captured.health, TapHealth { frames: 4_002, dropped: 0, unstored: 0 });
        assert!((0..2_000).all(|n| captured.sightings.of(n).count() > 0));
        assert!((0..2_000).all(|n| captured.sightings.of(n).count() == 2));
        let [own] = &captured.conversations[..] else { panic!("{:?}", captured.conversations) };
        assert_eq!((own.opener.port, own.packets_out, own.payload_out), (7, 1, 3));
        let row = tshark(&file, &["-Y", "udp.dstport == 8", "-T", "fields", "-e", "frame.number"]);
        assert_eq!(row.lines().next().unwrap(), own.first_packet.to_string());
        let never = Instant::now() + Duration::from_secs(60);
        assert_eq!(
            watch.wait_for(5_000, &to, Direction::ToNode, never),
            None,
            "nobody waits for what is over"
        );
    });
}

#[test]
fn a_disk_that_fills_up_is_an_error_at_the_end() {
    inside(concat!(module_path!(), "::a_disk_that_fills_up_is_an_error_at_the_end"), || {
        bridge_with_two_ports();
        let folder = tempfile::tempdir().unwrap();
        run(&format!("mount -t tmpfs -o size=64k none {}", folder.path().display()));
        let capture = live(&folder.path().join("capture.pcapng"));
        let watch = capture.watch();
        let sender = Sender::at(index("a"));
        let big = link(CAM, RTR_B, 0x88b5, &[0; 8_000]).remove(0);
        // More than the disk takes, less than the ring does.
        for _ in 0..40 {
            sender.send(&big.bytes);
        }
        let last = nonce::craft(&probe(Traffic::Udp(9, 9), 1)).unwrap();
        sender.send(&last);
        let deadline = Instant::now() + Duration::from_secs(10);
        let to = fixture::ports()[1].name.clone();
        let seen = watch.wait_for(1, &to, Direction::ToNode, deadline).unwrap();
        assert_eq!(seen.packet, 0, "it is seen all the same");
        let Err(Error::File(FileError::Write { source, .. })) = capture.finish() else { panic!("no error") };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
        run(&format!("umount {}", folder.path().display()));
    });
}

#[test]
fn watchers_know_which_names_led_whom_to_an_address_also_in_the_next_stretch() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("names"), MAX_BYTES);
    let answer = |name: &str| {
        let name = Name::from_ascii(name).unwrap();
        let mut message = Message::new(7, MessageType::Response, OpCode::Query);
        message.add_query(Query::query(name.clone(), RecordType::A));
        message.answers.push(Record::from_rdata(name, 60, RData::A(A([192, 0, 2, 1].into()))));
        across(CAM, &udp((CAM_AT, 53), (APP_AT, 40_001), &message.to_vec().unwrap()))
    };
    desk.pass(&answer("two.example.org."));
    desk.pass(&answer("One.example.org."));
    let names = |desk: &Desk, node: &str| desk.watch.names_of(&node.parse().unwrap(), [192, 0, 2, 1].into());
    assert_eq!(names(&desk, "app"), ["one.example.org", "two.example.org"]);
    assert!(names(&desk, "cam").is_empty(), "it has told, and was not told");
    desk.recorder.turn(None).unwrap();
    desk.pass(&answer("two.example.org."));
    assert_eq!(names(&desk, "app"), ["one.example.org", "two.example.org"]);
}

#[test]
fn a_stretch_has_its_own_file_counts_and_sightings() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let mut desk = Desk::new(&first, MAX_BYTES);
    let ask = || across(CAM, &udp((CAM_AT, 40_001), (APP_AT, 53), b"ask"));
    desk.pass(&across(CAM, &bare(&probe(Traffic::Udp(53, 53), 1))));
    desk.pass(&ask());
    let one = desk.recorder.turn(Some(second.clone())).unwrap();
    assert_eq!((one.health.frames, one.conversations.len()), (8, 1));
    assert_eq!(one.sightings.of(1).count(), 4);
    assert!(desk.watch.sightings_of(1).is_empty(), "the next stretch has not seen it");

    desk.pass(&ask()[..2]);
    let two = desk.recorder.turn(None).unwrap();
    assert_eq!((two.health.frames, two.health.unstored), (2, 0));
    // Who sent the datagram is known; who only answered the probe earlier has no frame now.
    let heard: Vec<_> = two.stations.iter().map(|station| (station.first_packet, station.frames)).collect();
    assert_eq!(heard, [(1, 1), (0, 0)]);
    let now: Vec<_> = two.conversations.iter().filter(|one| !one.earlier).collect();
    assert_eq!((now.len(), now[0].first_packet, two.conversations.len()), (1, 1, 2));
    // Without a file nothing is missed.
    desk.pass(&ask());
    assert_eq!(desk.watch.health(), TapHealth { frames: 4, dropped: 0, unstored: 0 });
    drop(desk);
    for (file, packets) in [(&first, 8), (&second, 2)] {
        assert_eq!(tshark(file, &["-T", "fields", "-e", "frame.number"]).lines().count(), packets);
    }
}

#[test]
fn a_file_that_cannot_be_made_is_told_and_the_capture_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("first"), MAX_BYTES);
    let refused = desk.recorder.turn(Some(folder.path().join("no/such/folder")));
    assert!(matches!(refused, Err(Error::File(FileError::Write { .. }))));
    desk.pass(&across(CAM, &udp((CAM_AT, 40_001), (APP_AT, 53), b"ask")));
    assert_eq!(desk.recorder.turn(None).unwrap().health.frames, 4);
}

#[test]
fn a_turn_of_a_real_capture_takes_all_that_came_before_it() {
    inside(concat!(module_path!(), "::a_turn_of_a_real_capture_takes_all_that_came_before_it"), || {
        bridge_with_two_ports();
        let folder = tempfile::tempdir().unwrap();
        let capture = live(&folder.path().join("first"));
        let sender = Sender::at(index("a"));
        for stretch in 0..3_u32 {
            for n in 0..200 {
                sender.send(&nonce::craft(&probe(Traffic::Udp(9, 9), stretch * 1_000 + n)).unwrap());
            }
            let captured = capture.turn(Some(folder.path().join(stretch.to_string()))).unwrap();
            let whole = (0..200).all(|n| captured.sightings.of(stretch * 1_000 + n).count() == 2);
            assert!(whole && captured.health.frames == 400, "{stretch}: {:?}", captured.health);
        }
        assert_eq!(capture.finish().unwrap().health.frames, 0);
    });
}

mod bulk;
mod forged;
