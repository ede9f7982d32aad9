//! Probes of every kind: each is known again, by nothing that is the same in another lab.

use super::craft::kind;
use super::*;
use crate::names::{Header, Mac, Ntp, Shape, Traffic};
use crate::plan::{Carries, Tag};

const KEY: u32 = 0xfeed_c0de;

fn probe(traffic: Traffic, six: bool) -> Probe {
    let [source, dest] = match six {
        false => ["10.20.0.7", "10.30.0.9"],
        true => ["2001:db8:20::7", "2001:db8:30::9"],
    };
    Probe {
        source_mac: Mac([2, 0, 0, 0, 0, 1]),
        next_hop_mac: Mac([2, 0, 0, 0, 0, 2]),
        source: source.parse().unwrap(),
        dest: dest.parse().unwrap(),
        traffic,
        source_port: 40_001,
        key: KEY,
        n: 0x0102_7e57,
        ttl: TTL,
        waypoint: None,
    }
}

fn every_kind() -> impl Iterator<Item = (Traffic, bool)> {
    let times = [Ntp::Question, Ntp::Control, Ntp::Private, Ntp::Large, Ntp::Answer];
    let ports = [0, 1, 53, 554, 65_535];
    let both = move |traffic: Traffic| [(traffic, false), (traffic, true)];
    let tcp = ports.into_iter().flat_map(move |port| both(Traffic::Tcp(port, port)));
    let udp = ports.into_iter().flat_map(move |port| both(Traffic::Udp(port, port)));
    let other = (0..=255).flat_map(move |number| both(Traffic::protocol(number)));
    let icmp = (0..=255).flat_map(|kind| [(Traffic::icmp(kind), false), (Traffic::icmp6(kind), true)]);
    let time = times.into_iter().flat_map(move |kind| both(Traffic::Ntp(kind)));
    let from = ports.into_iter().flat_map(move |port| {
        both(Traffic::TcpFrom(port, port)).into_iter().chain(both(Traffic::UdpFrom(port, port)))
    });
    let flags = (0..=255).flat_map(move |flags| both(Traffic::TcpFlags(flags, flags)));
    tcp.chain(udp).chain(other).chain(icmp).chain(time).chain(from).chain(flags).chain(shaped())
}

fn shaped() -> impl Iterator<Item = (Traffic, bool)> {
    let four = ["icmp/8 ttl 3", "icmp/3/4 dscp 46"].map(|text| (text, false));
    let six = [("icmp6/135 ttl 255", true)];
    let both = [
        "tcp/0 from 65535 flags none",
        "tcp/80 from 53 flags fin|cwr ttl 9 dscp 63",
        "udp/123 from 9",
        "udp/9 from 123 ttl 255",
        "udp/47808 from 1024 dscp 1",
        "proto/47 ttl 7",
        "proto/0 dscp 3",
    ];
    let both = both.into_iter().flat_map(|text| [(text, false), (text, true)]);
    let all = four.into_iter().chain(six).chain(both);
    all.map(|(text, six)| (Traffic::try_from(text.to_owned()).unwrap(), six))
}

#[test]
fn a_shaped_packet_has_what_was_chosen() {
    use crate::tap::frame::Transport;
    for (traffic, six) in shaped() {
        let Traffic::Shaped(shape) = traffic else { panic!("{traffic} is shaped") };
        let bytes = craft(&probe(traffic, six)).unwrap();
        // RFC 791 section 3.1, RFC 8200 section 3.
        let (ttl, dscp) = match six {
            false => (bytes[22], bytes[15] >> 2),
            true => (bytes[21], (bytes[14] << 4 | bytes[15] >> 4) >> 2),
        };
        assert_eq!((ttl, dscp), (shape.ttl, shape.dscp), "{traffic}, IPv6: {six}");
        let packet = Packet::of(&bytes[14..]).unwrap();
        match (shape.header, packet.transport) {
            (Header::Tcp { to, from, flags }, Transport::Tcp(_)) => {
                let at = if six { 54 } else { 34 };
                assert_eq!(bytes[at..at + 4], [from.to_be_bytes(), to.to_be_bytes()].concat(), "{traffic}");
                assert_eq!(bytes[at + 13], flags, "{traffic}");
            }
            (Header::Udp { to, from }, Transport::Udp(udp)) => {
                assert_eq!((udp.source_port, udp.dest_port), (from, to), "{traffic}");
            }
            (Header::Plain(_), _) => {}
            other => panic!("{traffic} is read as {other:?}"),
        }
    }
}

#[test]
fn every_kind_of_probe_is_known_again() {
    for (traffic, six) in every_kind() {
        let probe = probe(traffic, six);
        let bytes = craft(&probe).unwrap();
        let frame = Frame::of(&bytes).unwrap();
        assert_eq!(of(&frame, KEY), Some(probe.n), "{traffic} over {}", probe.source);
        assert_eq!(of(&frame, KEY ^ 1), None, "{traffic} is no probe of another lab");
        let Content::Ip(packet) = &frame.content else { panic!("{traffic} reads as an IP packet") };
        assert_eq!((packet.source, packet.dest), (probe.source, probe.dest));
        let alone = Packet::of(&bytes[14..]).unwrap();
        assert_eq!(of_packet(&alone, KEY), Some(probe.n), "{traffic} behind a filter");
    }
}

#[test]
fn a_packet_in_pieces_or_with_options_is_known_again() {
    let packed = ["tcp/22 from 5", "udp/53 from 5"].map(|text| [(text, false), (text, true)]);
    let packed = packed.into_iter().flatten().chain([("icmp/8", false), ("icmp6/128", true)]);
    for (text, six) in packed.chain([("proto/47", false), ("proto/47", true)]) {
        let probe_of = |form: &str| probe(Traffic::try_from(format!("{text} {form}")).unwrap(), six);
        let other = if text.starts_with("icmp") { 0 } else { 443 };
        let overlapping = format!("overlapping {other}");
        for (form, count) in
            [("with options", 1), ("in pieces", 2), ("in tiny-pieces", 2), (overlapping.as_str(), 3)]
        {
            let probe = probe_of(form);
            let frames = frames(&probe).unwrap();
            assert_eq!(frames.len(), count, "{text} {form}");
            for bytes in &frames {
                let frame = Frame::of(bytes).unwrap();
                assert_eq!(of(&frame, KEY), Some(probe.n), "{text} {form}, IPv6: {six}");
                assert_eq!(of(&frame, KEY ^ 1), None);
                if !six {
                    let header = 14 + usize::from(bytes[14] & 15) * 4;
                    assert_eq!(ones(&[&bytes[14..header]]), 0xffff, "header of {text} {form}");
                    assert_eq!(usize::from(bytes[16]) << 8 | usize::from(bytes[17]), bytes.len() - 14);
                }
            }
        }
        for (form, second) in [("in pieces", 24), ("in tiny-pieces", 8)] {
            let (whole, parts) = (craft(&probe_of(form)).unwrap(), frames(&probe_of(form)).unwrap());
            let pieces: Vec<_> = parts.iter().map(|bytes| Frame::of(bytes).unwrap()).collect();
            let [Content::Ip(first), Content::Ip(last)] = [&pieces[0].content, &pieces[1].content] else {
                panic!()
            };
            let places = [first, last].map(|piece| piece.fragment.map(|at| (at.offset, at.more)));
            assert_eq!(places, [Some((0, true)), Some((second, false))], "{text}, IPv6: {six}");
            let ids = [first, last].map(|piece| piece.fragment.map(|at| at.id));
            assert_eq!(ids[0], ids[1]);
            let start = if six { 54 } else { 34 };
            assert_eq!([first.bytes, last.bytes].concat(), whole[start..], "{text}, IPv6: {six}");
            if !text.starts_with("proto") {
                assert_eq!(transport_sum(&whole, six), 0xffff, "{text} {form}, IPv6: {six}");
            }
            assert_eq!(of(&Frame::of(&whole).unwrap(), KEY), Some(probe_of(form).n), "put together");
        }
    }
}

#[test]
fn a_packet_with_a_route_of_its_own_is_for_the_waypoint_first() {
    let route = |form: &str, waypoint: Option<&str>, six| {
        let one = probe(Traffic::try_from(format!("tcp/22 from 5 {form}")).unwrap(), six);
        let one = Probe { waypoint: waypoint.map(|text| text.parse().unwrap()), ..one };
        let bytes = craft(&one).unwrap();
        assert_eq!(of(&Frame::of(&bytes).unwrap(), KEY), Some(one.n), "{form}");
        bytes
    };
    let by_way = route("with loose-route", Some("10.20.0.1"), false);
    assert_eq!((&by_way[30..34], &by_way[34..42]), (&[10, 20, 0, 1][..], &[131, 7, 4, 10, 30, 0, 9, 0][..]));
    assert_eq!(ones(&[&by_way[14..42]]), 0xffff);
    let datagram = Probe {
        waypoint: Some("10.20.0.1".parse().unwrap()),
        ..probe(Traffic::try_from("udp/9 from 5 with loose-route".to_owned()).unwrap(), false)
    };
    assert_eq!(craft(&datagram).unwrap()[48..50], [0, 0], "a checksum that is right at both");
    // At its end it has been there.
    let gone = route("with strict-route", None, false);
    assert_eq!((&gone[30..34], &gone[34..42]), (&[10, 30, 0, 9][..], &[137, 7, 8, 10, 30, 0, 9, 0][..]));
    let six = route("with loose-route", None, true);
    assert_eq!((six[20], &six[54..58]), (43, &[6, 2, 0, 0][..]), "type 0, no segments left");
}

#[test]
fn pieces_that_overlap_say_another_port_in_the_same_place() {
    for six in [false, true] {
        let one = probe(Traffic::try_from("tcp/22 from 5 overlapping 443".to_owned()).unwrap(), six);
        let parts = frames(&one).unwrap();
        let pieces: Vec<_> = parts.iter().map(|bytes| Frame::of(bytes).unwrap()).collect();
        let told = pieces.iter().map(|frame| match frame.content {
            Content::Ip(packet) => packet.fragment.map(|at| (at.offset, at.more, packet.ports())),
            _ => None,
        });
        let (first, last) = (|to| Some((0, true, Some((5, to)))), Some((24, false, None)));
        assert_eq!(told.collect::<Vec<_>>(), [first(22), first(443), last], "IPv6: {six}");
    }
}

/// Sum over the transport of a frame and its pseudo-header.
fn transport_sum(frame: &[u8], six: bool) -> u16 {
    let (addresses, start, number) = match six {
        false => (&frame[26..34], 34, frame[23]),
        true => (&frame[22..54], 54, frame[20]),
    };
    let length = ((frame.len() - start) as u32).to_be_bytes();
    match number {
        1 => ones(&[&frame[start..]]),
        _ => ones(&[addresses, &length, &[0, number], &frame[start..]]),
    }
}

#[test]
fn a_frame_of_each_ethertype_that_is_sent_is_known_again() {
    for ether_type in (0..=u16::MAX).filter(|one| crate::names::is_bare(*one)) {
        let probe = probe(Traffic::Ether(ether_type, ether_type), false);
        let bytes = craft(&probe).unwrap();
        assert_eq!(bytes.len(), 60);
        assert_eq!(bytes[12..14], ether_type.to_be_bytes());
        assert_eq!(of(&Frame::of(&bytes).unwrap(), KEY), Some(probe.n), "{ether_type:#06x}");
        assert_eq!(of(&Frame::of(&bytes).unwrap(), KEY ^ 1), None);
    }
    assert!(craft(&probe(Traffic::Ether(1, 2), false)).is_err());
}

#[test]
fn a_stray_frame_is_known_again_whatever_it_carries() {
    let tag = |ether_type, number, priority| Tag { ether_type, number, priority };
    let dest = Mac([0x01, 0x80, 0xc2, 0, 0, 1]);
    let tagged = |outer, inner| Carries::Tagged { outer, inner };
    let strays = [
        (Carries::Unknown, None),
        (Carries::Llc, None),
        (Carries::Ether(0x8808), None),
        (tagged(tag(0x8100, 20, 0), None), Some(20)),
        (tagged(tag(0x8100, 0, 5), None), Some(0)),
        (tagged(tag(0x88a8, 4094, 0), None), Some(4094)),
        (tagged(tag(0x8100, 20, 0), Some(tag(0x8100, 30, 0))), Some(20)),
        (tagged(tag(0x88a8, 4094, 0), Some(tag(0x8100, 30, 0))), Some(4094)),
    ];
    for (carries, vlan) in strays {
        let stray = Stray { source: Mac([2, 0, 0, 0, 0, 1]), dest, key: KEY, n: 0x0102_7e57 };
        let bytes = craft_stray(&stray, &carries).unwrap();
        let frame = Frame::of(&bytes).unwrap();
        assert_eq!((of(&frame, KEY), frame.vlan), (Some(stray.n), vlan), "{carries:?}");
        assert_eq!(of(&frame, KEY ^ 1), None);
    }
    let stray = Stray { source: Mac([2, 0, 0, 0, 0, 1]), dest, key: KEY, n: 1 };
    let two = tagged(tag(0x88a8, 4094, 0), Some(tag(0x8100, 30, 5)));
    let bytes = craft_stray(&stray, &two).unwrap();
    assert_eq!(bytes[12..22], [0x88, 0xa8, 0x0f, 0xfe, 0x81, 0, 0xa0, 30, 0x88, 0xb5]);
}

#[test]
fn nothing_that_marks_a_probe_is_the_same_under_two_keys() {
    let keys = [0, 1, KEY, KEY ^ 1, KEY ^ (1 << 31), u32::MAX];
    for key in keys {
        assert_ne!(window(key), 0);
        for other in keys.into_iter().filter(|other| *other != key) {
            assert_ne!(window(key), window(other), "{key:x} {other:x}");
            let same = mark(key).iter().zip(mark(other)).filter(|(one, two)| *one == two).count();
            assert!(same < 4, "{key:x} {other:x}: {same} of 8 bytes");
        }
    }
    for (traffic, six) in every_kind() {
        let marked = |key| craft(&Probe { key, ..probe(traffic, six) }).unwrap();
        let frame = marked(KEY ^ 1);
        assert_eq!(of(&Frame::of(&frame).unwrap(), KEY), None, "{traffic}");
        let start = if six { 54 } else { 34 };
        assert_ne!(frame[start + 8..], marked(KEY)[start + 8..], "{traffic}");
    }
}

#[test]
fn a_probe_with_another_mark_or_window_is_none() {
    let mut datagram = craft(&probe(Traffic::Udp(9, 9), false)).unwrap();
    datagram[34 + 16] ^= 1;
    assert_eq!(of(&Frame::of(&datagram).unwrap(), KEY), None);
    let mut syn = craft(&probe(Traffic::Tcp(9, 9), false)).unwrap();
    syn[34 + 14] ^= 1;
    assert_eq!(of(&Frame::of(&syn).unwrap(), KEY), None);
}

#[test]
fn a_probe_of_another_protocol_has_24_bytes_and_that_number() {
    for (traffic, six) in every_kind() {
        let Traffic::Protocol(number, _) = kind(&probe(traffic, six)) else { continue };
        let bytes = craft(&probe(traffic, six)).unwrap();
        let header = if six { 40 } else { 20 };
        assert_eq!(bytes.len(), 14 + header + 24);
        assert_eq!(bytes[if six { 20 } else { 23 }], number);
    }
}

#[test]
fn checksums_are_those_of_the_packet() {
    for (traffic, six) in every_kind() {
        let bytes = craft(&probe(traffic, six)).unwrap();
        let (addresses, transport) = match six {
            false => (&bytes[26..34], &bytes[34..]),
            true => (&bytes[22..54], &bytes[54..]),
        };
        let number = match kind(&probe(traffic, six)) {
            Traffic::Shaped(Shape { header: Header::Tcp { .. }, .. }) => 6,
            Traffic::Shaped(_) => 17,
            Traffic::Tcp(..) | Traffic::TcpFrom(..) | Traffic::TcpFlags(..) => 6,
            Traffic::Udp(..) | Traffic::UdpFrom(..) | Traffic::Ntp(_) => 17,
            Traffic::Icmp(..) => 1,
            Traffic::Icmp6(..) => 58,
            Traffic::Protocol(..) | Traffic::Ether(..) => continue,
        };
        if !six {
            assert_eq!(ones(&[&bytes[14..34]]), 0xffff, "header of {traffic}");
        }
        // The pseudo header of RFC 9293 section 3.1 and RFC 8200 section 8.1; ICMP for IPv4 has none.
        let length = (transport.len() as u32).to_be_bytes();
        let whole = match kind(&probe(traffic, six)) {
            Traffic::Icmp(..) => ones(&[transport]),
            _ => ones(&[addresses, &length, &[0, number], transport]),
        };
        assert_eq!(whole, 0xffff, "{traffic}, IPv6: {six}");
    }
}

/// Sum in ones' complement; all ones over bytes with a right checksum in them (RFC 1071).
fn ones(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum = words.map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low)));
    let sum: u32 = sum.sum();
    ((sum & 0xffff) + (sum >> 16)) as u16
}

#[test]
fn families_must_fit_and_a_range_is_no_packet() {
    let mixed = Probe { dest: "::1".parse().unwrap(), ..probe(Traffic::Udp(1, 1), false) };
    assert!(matches!(craft(&mixed), Err(Error::Family { .. })));
    assert!(matches!(craft(&probe(Traffic::icmp(8), true)), Err(Error::Family { .. })));
    assert!(matches!(craft(&probe(Traffic::icmp6(128), false)), Err(Error::Family { .. })));
    assert!(matches!(craft(&probe(Traffic::Tcp(1, 2), false)), Err(Error::Range(_))));
}

#[test]
fn a_timestamp_reply_that_copies_a_part_of_a_probe_is_none() {
    let mut bytes = craft(&probe(Traffic::icmp(13), false)).unwrap();
    bytes[14 + 20] = 14;
    // Receive and transmit timestamps, as RFC 792 has them.
    bytes[14 + 20 + 12..14 + 20 + 20].copy_from_slice(&[1, 2, 3, 4, 1, 2, 3, 4]);
    assert_eq!(of(&Frame::of(&bytes).unwrap(), KEY), None);
}
