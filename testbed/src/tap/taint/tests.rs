//! Captures with a clip in them, in every form, and captures that could not have shown it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use etherparse::{IpFragOffset, IpHeaders, Ipv4Header, PacketBuilder};

use super::super::file::{CaptureFile, Stored};
use super::super::fixture::{APP, CAM, RTR_B, across, icmp, link, mac, ports, tcp, udp};
use super::super::openssl::{self, EC, RSA};
use super::super::sightings::Direction;
use super::fixture::noise;
use super::*;
use crate::names::Mac;
use crate::observation::{Encoding, Layer, TaintFound, Way};

const KEY: u32 = 7;
const PASSWORD: &str = "0c0ffee0deadbeef";
const OTHER: &str = "5ca1ab1e0ddba115";
const FROM: (&str, u16) = ("10.20.0.7", 554);
const TO: (&str, u16) = ("10.30.0.5", 4000);

/// Two pictures, the second of which is `noise(2, 3000)` behind its header.
fn stream() -> Vec<u8> {
    let slices = [(0x65, noise(1, 2000)), (0x41, noise(2, 3000))];
    let units = slices.map(|(header, bytes)| [&[0, 0, 0, 1, header][..], &bytes].concat());
    [&[0, 0, 0, 1, 0x67, 9, 9][..], &units.concat()].concat()
}

fn passwords() -> BTreeMap<NodeName, String> {
    [("cam", PASSWORD), ("door", OTHER)].map(|(of, is)| (of.parse().unwrap(), is.to_owned())).into()
}

fn clips() -> Clips {
    Clips::from([("cam".parse().unwrap(), Ok(stream()))])
}

/// A capture of these frames, each at one tap; packets are numbered from 1.
fn capture(frames: &[(usize, Direction, Vec<u8>)], cut_to: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.pcapng");
    let mut file = CaptureFile::create(&path, &ports()).unwrap();
    for (port, direction, frame) in frames {
        let (port, direction, original_len) = (*port, *direction, frame.len() as u32);
        let bytes = &frame[..frame.len().min(cut_to)];
        file.store(&Stored { port, direction, at: 1, original_len, bytes }, u64::MAX);
    }
    file.close().unwrap();
    std::fs::read(path).unwrap()
}

fn searched(frames: &[(usize, Direction, Vec<u8>)]) -> TaintSeen {
    search(&*capture(frames, usize::MAX), ports(), &clips(), &passwords(), KEY, &[], b"").unwrap()
}

/// Each packet in a frame, as the appliance's tap sees it.
fn at_app(packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<(usize, Direction, Vec<u8>)> {
    let frame = |packet: Vec<u8>| (APP, Direction::ToNode, link(RTR_B, APP, 0x0800, &packet).remove(1).bytes);
    packets.into_iter().map(frame).collect()
}

/// The canaries that a lab sends, at each tap.
fn canaries() -> Vec<(usize, Direction, Vec<u8>)> {
    let frame = |(place, port): (usize, Port)| {
        let head = [&canary::NEXT_PORT_ONLY.0[..], &mac(place).0, &[0x88, 0xb5], &[0; 46]].concat();
        (place, Direction::FromNode, [head, canary::sent(KEY, &port.name)].concat())
    };
    ports().into_iter().enumerate().map(frame).collect()
}

fn segment(sequence: usize, bytes: &[u8]) -> Vec<u8> {
    tcp(FROM, TO, 100 + sequence as u32, "A", bytes)
}

fn found(seen: &TaintSeen, layer: Layer, encoding: Encoding) -> Option<&TaintFound> {
    seen.found.iter().find(|one| one.way == Way { layer, encoding })
}

#[test]
fn a_clip_is_found_at_every_tap_that_its_frame_passes_and_nowhere_else() {
    let clip = noise(2, 3000);
    let packet = udp(FROM, TO, &[b"behind it ", &clip[500..700]].concat());
    let hops = across(CAM, &packet).into_iter().map(|hop| (hop.port, hop.direction, hop.bytes));
    let seen = searched(&hops.collect::<Vec<_>>());
    let taps: Vec<_> = seen.found.iter().map(|one| (one.port.as_str(), one.from_node, one.bytes)).collect();
    assert_eq!(taps, [("p0", true, 200), ("p1", false, 200), ("p2", true, 200), ("p3", false, 200)]);
    let first = seen.found[3].first;
    // Ethernet, IP, UDP, ten bytes; the slice has its header in front.
    assert_eq!((first.packet, first.offset), (4, 14 + 20 + 8 + 10));
    assert_eq!((first.picture, first.at, first.length), (1, 501, 200));
    let without = searched(&at_app([udp(FROM, TO, &noise(3, 1400))]));
    assert_eq!((without.found.len(), without.taps[APP].frames), (0, 1));
}

#[test]
fn sixty_four_bytes_across_segments_are_found_in_any_order_and_overlapping() {
    let text = [&b"x"[..], &noise(2, 64)].concat();
    let parts = [(0, 20), (20, 40), (40, 65)];
    for order in [[0, 1, 2], [0, 2, 1], [0, 1, 1]] {
        let sent = order.map(|part| segment(parts[part].0, &text[parts[part].0..parts[part].1]));
        let overlapping = segment(30, &text[30..]);
        let seen = searched(&at_app(sent.into_iter().chain([overlapping])));
        let one = found(&seen, Layer::Stream, Encoding::Raw).unwrap_or_else(|| panic!("{order:?}"));
        assert_eq!((one.bytes, one.first.packet, one.first.offset), (64, 1, 1), "{order:?}");
    }
}

#[test]
fn a_forged_segment_that_opens_another_connection_hides_nothing() {
    let clip = noise(2, 3000);
    let sent = [segment(0, &clip[..70]), tcp(FROM, TO, 9, "S", b""), segment(70, &clip[70..200])];
    let seen = searched(&at_app(sent));
    assert_eq!(found(&seen, Layer::Frame, Encoding::Raw).unwrap().bytes, 70 + 130);
    assert_eq!(found(&seen, Layer::Stream, Encoding::Raw).unwrap().bytes, 70 + 130);
}

#[test]
fn text_is_found_in_frames_and_across_segments() {
    let clip = noise(2, 3000);
    for (text, encoding) in
        [(STANDARD.encode(&clip[..900]), Encoding::Base64), (hex::encode(&clip[..900]), Encoding::Hex)]
    {
        let seen = searched(&at_app([udp(FROM, TO, &text.as_bytes()[..400])]));
        let one = found(&seen, Layer::Frame, encoding).unwrap();
        assert_eq!((one.first.offset, one.first.at), (14 + 20 + 8, 1));
        let segments = text.as_bytes().chunks(30).enumerate().map(|(nth, part)| segment(nth * 30, part));
        let seen = searched(&at_app(segments));
        let one = found(&seen, Layer::Stream, encoding).unwrap();
        assert!(one.bytes >= 890 && one.first.packet == 1, "{one:?}");
        assert_eq!(found(&seen, Layer::Frame, encoding), None, "no frame has enough of it");
    }
}

/// An IP packet with these bytes behind its header, in pieces of 24 bytes.
fn pieces(bytes: &[u8]) -> Vec<Vec<u8>> {
    let piece = |(place, part): (usize, &[u8])| {
        let mut header =
            Ipv4Header::new(0, 9, etherparse::ip_number::UDP, [10, 0, 0, 1], [10, 0, 0, 2]).unwrap();
        header.identification = 77;
        header.more_fragments = (place + 1) * 24 < bytes.len();
        header.fragment_offset = IpFragOffset::try_new((place * 3) as u16).unwrap();
        let mut packet = Vec::new();
        let builder = PacketBuilder::ip(IpHeaders::Ipv4(header, Default::default()));
        builder.write(&mut packet, etherparse::ip_number::UDP, part).unwrap();
        packet
    };
    bytes.chunks(24).enumerate().map(piece).collect()
}

#[test]
fn a_packet_in_pieces_is_put_together_in_any_order() {
    let whole = [&[0; 8][..], &noise(2, 100)].concat();
    let mut sent = pieces(&whole);
    sent.reverse();
    let seen = searched(&at_app(sent.clone()));
    let one = found(&seen, Layer::Pieces, Encoding::Raw).unwrap();
    assert_eq!((one.bytes, one.first.offset), (100, 8));
    assert_eq!(one.first.packet, sent.len() as u64, "it begins in the piece that came last");
    assert_eq!(found(&seen, Layer::Frame, Encoding::Raw), None);
    // Half of them missing: what hangs together is too little.
    let seen = searched(&at_app(sent.into_iter().step_by(2)));
    assert_eq!(seen.found, []);
}

#[test]
fn what_an_error_quotes_is_told_apart() {
    let quoted = udp(FROM, TO, &noise(2, 3000)[..80]);
    let seen = searched(&at_app([icmp("10.30.0.1", "10.20.0.7", 3, [0; 4], &quoted)]));
    let one = found(&seen, Layer::Quote, Encoding::Raw).unwrap();
    assert_eq!((one.bytes, seen.found.len()), (80, 1));
    // Quotes of small segments hang together as the segments did.
    let clip = noise(2, 3000);
    let errors = clip[..200]
        .chunks(40)
        .enumerate()
        .map(|(nth, part)| icmp("10.30.0.1", "10.20.0.7", 3, [0; 4], &segment(nth * 40, part)));
    let seen = searched(&at_app(errors));
    assert_eq!(found(&seen, Layer::Quote, Encoding::Raw).unwrap().first.length, 200);
    assert_eq!(found(&seen, Layer::Stream, Encoding::Raw), None);
}

/// A session in which the client says this in records of at most so many bytes, from hello to end; with its key log.
fn session(said: &[u8], record: usize) -> (Vec<Vec<u8>>, String) {
    let (random, secret) = ([5; 32], [6; 32]);
    let hello = |kind: u8, rest: &[u8]| {
        let body = [&[3, 3][..], &random, &[0], rest].concat();
        let length = body.len() as u8;
        [&[22, 3, 3, 0, length + 4, kind, 0, 0, length][..], &body].concat()
    };
    let mut client = keys::Opener::new(0x1302, &secret).unwrap();
    let asks = hello(1, &[0, 2, 0x13, 2, 1, 0]);
    // The handshake's own records have other keys.
    let mut out = [&[23, 3, 3, 0, 20][..], &[9; 20]].concat();
    said.chunks(record).for_each(|part| out.extend(client.seal(part).unwrap()));
    let answers = tcp(TO, FROM, 500, "A", &hello(2, &[0x13, 2, 0]));
    let mut packets = vec![tcp(FROM, TO, 99, "S", b""), segment(0, &asks), answers];
    packets.extend(out.chunks(700).enumerate().map(|(nth, part)| segment(asks.len() + nth * 700, part)));
    let key_log = format!("CLIENT_TRAFFIC_SECRET_0 {} {}\n", hex::encode(random), hex::encode(secret));
    (packets, key_log)
}

/// One session that nobody could read.
fn closed() -> BTreeMap<std::net::IpAddr, u64> {
    BTreeMap::from([(TO.0.parse().unwrap(), 1)])
}

#[test]
fn what_is_said_inside_tls_is_found_where_the_secrets_are_known() {
    let clip = noise(2, 3000);
    for (said, encoding) in
        [(clip.clone(), Encoding::Raw), (STANDARD.encode(&clip).into_bytes(), Encoding::Base64)]
    {
        let said = [&b"POST / HTTP/1.1\r\n\r\n"[..], &[b'x'; 600], &said].concat();
        let (packets, key_log) = session(&said, 400);
        let frames = at_app(packets);
        let searched = |key_log: &str| {
            search(
                &*capture(&frames, usize::MAX),
                ports(),
                &clips(),
                &passwords(),
                KEY,
                &[],
                key_log.as_bytes(),
            )
            .unwrap()
        };
        let seen = searched(&key_log);
        let one = found(&seen, Layer::Inside, encoding).unwrap_or_else(|| panic!("{:?}", seen.found));
        assert!(one.bytes >= 2900 && one.first.packet > 2, "{one:?}");
        assert_eq!(seen.found.len(), 1, "and nowhere else: {:?}", seen.found);
        assert_eq!(seen.closed, BTreeMap::new());
        assert_eq!(searched("").found, [], "without the secrets it stays closed");
        assert_eq!(searched("").closed, closed(), "and that is told");
        assert_eq!(searched(&key_log.replace("06", "07")).found, []);
    }
}

/// What a client and a server of OpenSSL's said with TLS 1.2 and this suite, each the same line, as segments; with the
/// client's key log.
fn session_12(key: &[&str], suite: &str, line: &str) -> (Vec<Vec<u8>>, String) {
    let talk = openssl::talk(key, &["-tls1_2"], &["-tls1_2", "-cipher", suite], line);
    let [client, server] = talk.bytes;
    let hello = 5 + usize::from(u16::from_be_bytes([client[3], client[4]]));
    let back =
        server.chunks(500).enumerate().map(|(nth, part)| tcp(TO, FROM, 500 + (nth * 500) as u32, "A", part));
    let out = client[hello..].chunks(500).enumerate();
    let out = out.map(|(nth, part)| segment(hello + nth * 500, part));
    let begin = [tcp(FROM, TO, 99, "S", b""), segment(0, &client[..hello])];
    (begin.into_iter().chain(back).chain(out).collect(), String::from_utf8(talk.key_log).unwrap())
}

#[test]
fn what_is_said_inside_tls_1_2_is_found_as_openssl_says_it() {
    // The server says backwards what it hears.
    let digits = hex::encode(&noise(2, 3000)[..400]);
    let line: String = digits.chars().chain(digits.chars().rev()).collect();
    for (key, suite) in [
        (&EC[..], "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (&EC[..], "ECDHE-ECDSA-AES256-GCM-SHA384"),
        (&EC[..], "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (&RSA[..], "ECDHE-RSA-AES256-GCM-SHA384"),
    ] {
        let (packets, key_log) = session_12(key, suite, &line);
        let frames = at_app(packets);
        let searched = |key_log: &str| {
            search(
                &*capture(&frames, usize::MAX),
                ports(),
                &clips(),
                &passwords(),
                KEY,
                &[],
                key_log.as_bytes(),
            )
            .unwrap()
        };
        let seen = searched(&key_log);
        let one = found(&seen, Layer::Inside12, Encoding::Hex).unwrap_or_else(|| panic!("{suite}: {seen:?}"));
        assert_eq!((one.places, one.bytes, seen.found.len()), (2, 800, 1), "{suite}: what each of both said");
        assert_eq!(seen.closed, BTreeMap::new(), "{suite}");
        assert_eq!(searched("").found, [], "{suite}: without the secrets it stays closed");
        assert_eq!(searched("").closed, closed(), "{suite}: and that is told");
        let (_, others) = session_12(key, suite, "x");
        assert_eq!(searched(&others).found, [], "{suite}: those of another session open nothing");
        // One record that is not as it was sent: what follows cannot be in its turn.
        let mut bent = frames.clone();
        let last = bent.iter().rposition(|(_, _, frame)| frame.len() > 400).unwrap();
        bent[last].2[200] ^= 1;
        let seen = search(
            &*capture(&bent, usize::MAX),
            ports(),
            &clips(),
            &passwords(),
            KEY,
            &[],
            key_log.as_bytes(),
        );
        assert_eq!(seen.unwrap().found[0].bytes, 400, "{suite}: only the other end's is left");
    }
}

#[test]
fn tls_1_2_with_another_suite_stays_closed() {
    let digits = hex::encode(&noise(2, 3000)[..400]);
    let (packets, key_log) = session_12(&EC, "ECDHE-ECDSA-AES128-SHA256", &digits);
    let seen = search(
        &*capture(&at_app(packets), usize::MAX),
        ports(),
        &clips(),
        &passwords(),
        KEY,
        &[],
        key_log.as_bytes(),
    );
    assert!(key_log.contains("CLIENT_RANDOM"));
    assert_eq!(seen.unwrap().found, []);
}

#[test]
fn whatever_a_frame_carries_is_searched() {
    let group = Mac([1, 0x80, 0xc2, 0, 0, 0x0e]);
    let frame = [&group.0[..], &mac(CAM).0, &[0x88, 0xcc], &noise(2, 300)].concat();
    let seen = searched(&[(CAM, Direction::FromNode, frame)]);
    assert_eq!(found(&seen, Layer::Frame, Encoding::Raw).unwrap().bytes, 300);
}

#[test]
fn every_tap_misses_its_canary_where_none_was_sent_or_another_lab_sent_it() {
    let all: Vec<Way> = Way::all().collect();
    let sent: Vec<Way> = all.iter().copied().filter(|way| way.layer == Layer::Frame).collect();
    let seen = searched(&canaries());
    assert!(
        seen.taps.iter().all(|tap| tap.missed.is_empty() && tap.missed_words.is_empty() && tap.frames == 1),
        "{:?}",
        seen.taps
    );
    assert_eq!(seen.found, []);

    let seen = searched(&canaries()[1..]);
    assert_eq!(seen.taps[0].missed_words, sent);
    assert_eq!(seen.taps[0].missed, sent, "what is put together shows its own, what is sent does not");
    assert!(seen.taps[1..].iter().all(|tap| tap.missed.is_empty()));

    let other =
        search(&*capture(&canaries(), usize::MAX), ports(), &clips(), &passwords(), KEY + 1, &[], b"")
            .unwrap();
    assert!(other.taps.iter().all(|tap| tap.missed == sent));

    // A canary at another tap shows nothing of this one.
    let mut moved = canaries();
    moved[0].0 = 1;
    assert_eq!(searched(&moved).taps[0].missed, sent);
}

#[test]
fn a_capture_that_cuts_frames_short_says_so_and_misses_canaries() {
    let frames = [canaries(), at_app([udp(FROM, TO, &noise(2, 600))])].concat();
    let seen = search(&*capture(&frames, 96), ports(), &clips(), &passwords(), KEY, &[], b"").unwrap();
    assert_eq!(seen.taps.iter().map(|tap| tap.cut).collect::<Vec<_>>(), [1, 1, 1, 2]);
    assert!(seen.taps.iter().all(|tap| !tap.missed.is_empty()));
}

#[test]
fn a_clip_that_is_not_there_is_named() {
    let clips = Clips::from([("cam".parse().unwrap(), Err("gone".to_owned()))]);
    let seen =
        search(&*capture(&canaries(), usize::MAX), ports(), &clips, &passwords(), KEY, &[], b"").unwrap();
    assert_eq!((seen.cameras.len(), seen.unknown), (0, vec![("cam".parse().unwrap(), "gone".to_owned())]));
}

#[test]
fn too_many_connections_at_once_are_said() {
    let clip = noise(2, 3000);
    let many = (0..5000_u16).map(|port| tcp(FROM, (TO.0, port), 0, "A", b"x"));
    let seen = searched(&at_app(many.chain([segment(0, &clip)])));
    assert_eq!((seen.let_go, found(&seen, Layer::Stream, Encoding::Raw).unwrap().bytes), (1, 3000));
}

#[test]
fn a_password_is_found_in_a_header_and_across_segments() {
    let basic = format!(
        "DESCRIBE rtsp://x/ RTSP/1.0\r\nAuthorization: Basic {}\r\n\r\n",
        STANDARD.encode(format!("viewer:{PASSWORD}"))
    );
    let seen =
        searched(&at_app(basic.as_bytes().chunks(9).enumerate().map(|(nth, part)| segment(nth * 9, part))));
    let [one] = &seen.passwords[..] else { panic!("{:?}", seen.passwords) };
    assert_eq!(one.way, Way { layer: Layer::Stream, encoding: Encoding::Base64 });
    // Behind 50 bytes, and the ten characters of what is known of `viewer:`.
    assert_eq!((one.places, one.offset, one.packet), (1, 60, 7));
    let seen = searched(&at_app([udp(FROM, TO, format!("password={PASSWORD}").as_bytes())]));
    assert_eq!((seen.passwords[0].port.as_str(), seen.passwords[0].offset), ("p3", 14 + 20 + 8 + 9));
    assert_eq!(seen.passwords[0].camera.as_str(), "cam");
    // Whoever's it is: that of a camera whose video is not looked for, too.
    let seen = searched(&at_app([udp(FROM, TO, format!("{PASSWORD} {OTHER}").as_bytes())]));
    assert_eq!(seen.passwords.iter().map(|one| one.camera.as_str()).collect::<Vec<_>>(), ["cam", "door"]);
    assert_eq!(seen.found, []);
}

#[test]
fn text_of_rtsp_is_told_by_who_says_it_and_how() {
    let asked = b"OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    let pieces = asked.chunks(9).enumerate().map(|(nth, part)| segment(nth * 9, part));
    let seen = searched(&at_app(pieces.chain([udp(FROM, TO, &asked.repeat(2))])));
    let told: Vec<_> = seen
        .rtsp
        .iter()
        .map(|one| (one.way.to_string(), one.ends.map(|ends| ends.tcp), one.places))
        .collect();
    // The pieces of nine bytes have it whole only once: where one begins with it.
    let expected =
        [("raw in a frame", false, 2), ("raw in a frame", true, 1), ("raw in a TCP stream", true, 1)];
    let expected: Vec<_> = expected.map(|(way, tcp, places)| (way.to_owned(), Some(tcp), places)).into();
    assert_eq!(told, expected);
    assert!(seen.rtsp.iter().all(|one| one.port.as_str() == "p3" && !one.flooded));
    assert_eq!(seen.rtsp[2].packet, seen.rtsp[1].packet, "the piece in which it is");
    let written = searched(&at_app([udp(FROM, TO, hex::encode("a RTSP/2.0").as_bytes())]));
    assert_eq!(written.rtsp[0].way.encoding, Encoding::Hex);
    assert_eq!(searched(&at_app([udp(FROM, TO, b"RTSP/1. 0 rtsp/1.0")])).rtsp, []);
}
