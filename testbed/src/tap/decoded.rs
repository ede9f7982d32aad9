//! Cited packets in words, read out of a finished capture: what a reader of a report wants to know before Wireshark.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::IpAddr;

use pcap_file::pcapng::{Block, PcapNgReader};

use super::annotate::{HELD, is_packet};
use super::frame::{Content, Frame, Packet, Tcp, Transport};

/// Packets of a capture in words, by number from 1. Numbers that it does not have are left out.
///
/// Errors: the capture cannot be read, in the reader's words.
pub fn decoded(capture: impl Read, wanted: &BTreeSet<u64>) -> Result<BTreeMap<u64, String>, String> {
    let mut words = BTreeMap::new();
    let Some(last) = wanted.last() else { return Ok(words) };
    let mut reader = PcapNgReader::with_capacity(capture, HELD).map_err(|error| error.to_string())?;
    let mut number = 0;
    while number < *last
        && let Some(next) = reader.next_raw_block()
    {
        let (block, state) = next.map_err(|error| error.to_string())?;
        number += u64::from(is_packet(&block));
        if is_packet(&block)
            && wanted.contains(&number)
            && let Block::EnhancedPacket(packet) = block.try_into_block(state).map_err(|e| e.to_string())?
        {
            words.insert(number, in_words(&packet.data));
        }
    }
    Ok(words)
}

/// `02:…:01 > 02:…:02, tag 20, 10.20.0.7 > 10.30.0.5 ttl 64, TCP 20000 > 554 SYN, 60 bytes`.
fn in_words(bytes: &[u8]) -> String {
    let Some(frame) = Frame::of(bytes) else {
        return format!("no whole Ethernet header, {} bytes", bytes.len());
    };
    let tag = frame.vlan.map(|tag| format!("tag {tag}"));
    let content = match &frame.content {
        Content::Arp(arp) if arp.asks => format!("ARP: {} asks for {}", arp.sender, arp.target),
        Content::Arp(arp) => format!("ARP: {} tells {} that it is at {}", arp.sender, arp.target, arp.mac),
        Content::Ip(packet) => of_packet(packet),
        Content::Other(_) => format!("EtherType 0x{:04x}", frame.ether_type),
    };
    let parts = [Some(format!("{} > {}", frame.source, frame.dest)), tag, Some(content)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{}, {} bytes", parts.join(", "), frame.length)
}

fn of_packet(packet: &Packet<'_>) -> String {
    let hops = if packet.source.is_ipv4() { "ttl" } else { "hop limit" };
    let fragment =
        packet.fragment.map(|piece| format!(", fragment {:#x} from byte {}", piece.id, piece.offset));
    let transport = match &packet.transport {
        Transport::Tcp(tcp) => of_tcp(tcp),
        Transport::Udp(udp) => {
            format!("UDP {} > {}, {} bytes of payload", udp.source_port, udp.dest_port, udp.payload.len())
        }
        Transport::Icmp(icmp) => {
            let name = if matches!(packet.source, IpAddr::V4(_)) { "ICMP" } else { "ICMPv6" };
            format!("{name} type {} code {}", icmp.kind, icmp.code)
        }
        Transport::Ports(source, dest) => format!("protocol {}, ports {source} > {dest}", packet.protocol),
        Transport::None => format!("protocol {}", packet.protocol),
    };
    format!(
        "{} > {} {hops} {}{}, {transport}",
        packet.source,
        packet.dest,
        packet.hops,
        fragment.unwrap_or_default()
    )
}

fn of_tcp(tcp: &Tcp<'_>) -> String {
    let flags = [(tcp.syn, "SYN"), (tcp.fin, "FIN"), (tcp.rst, "RST"), (tcp.ack, "ACK")];
    let flags: Vec<&str> = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
    let flags = if flags.is_empty() { "no flags".to_owned() } else { flags.join(" ") };
    let payload = match tcp.payload.len() {
        0 => String::new(),
        some => format!(", {some} bytes of payload"),
    };
    format!("TCP {} > {} {flags} seq {}{payload}", tcp.source_port, tcp.dest_port, tcp.sequence)
}

#[cfg(test)]
mod tests {
    use super::super::file::{CaptureFile, Stored};
    use super::super::fixture::{CAM, RTR_A, icmp, link, ports, tcp, udp};
    use super::super::sightings::Direction;
    use super::*;

    fn framed(packet: &[u8]) -> Vec<u8> {
        let kind = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
        link(CAM, RTR_A, kind, packet).remove(0).bytes
    }

    #[test]
    fn a_packet_is_told_from_its_outermost_header_to_its_innermost() {
        let syn = tcp(("10.20.0.7", 20000), ("10.30.0.5", 554), 7, "S", b"");
        let words = "02:00:00:00:00:01 > 02:00:00:00:00:02, 10.20.0.7 > 10.30.0.5 ttl 64, TCP 20000 > 554 SYN seq 7, 54 bytes";
        assert_eq!(in_words(&framed(&syn)), words);
        let plain = framed(&syn);
        let tagged = [&plain[..12], &[0x81, 0, 0, 20], &plain[12..]].concat();
        assert!(in_words(&tagged).contains(":02, tag 20, 10.20.0.7"), "{}", in_words(&tagged));
        let data = tcp(("10.20.0.7", 20000), ("10.30.0.5", 554), 8, "A", b"four");
        assert!(
            in_words(&framed(&data)).contains("ACK seq 8, 4 bytes of payload, "),
            "{}",
            in_words(&framed(&data))
        );
        let datagram = udp(("2001:db8::1", 5), ("2001:db8::2", 53), b"x");
        let words = in_words(&framed(&datagram));
        assert!(
            words.contains("2001:db8::1 > 2001:db8::2 hop limit 255, UDP 5 > 53, 1 bytes of payload"),
            "{words}"
        );
        let echo = icmp("10.20.0.7", "10.30.0.5", 8, [0; 4], b"");
        assert!(in_words(&framed(&echo)).contains("ICMP type 8 code 0"), "{}", in_words(&framed(&echo)));
    }

    #[test]
    fn what_is_no_packet_is_told_as_what_it_is() {
        assert_eq!(in_words(&[1, 2]), "no whole Ethernet header, 2 bytes");
        let unknown = link(CAM, RTR_A, 0x88b5, b"?").remove(0).bytes;
        assert!(in_words(&unknown).contains("EtherType 0x88b5"), "{}", in_words(&unknown));
    }

    #[test]
    fn packets_are_read_by_their_numbers_and_those_that_are_not_there_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capture.pcapng");
        let mut file = CaptureFile::create(&path, &ports()).unwrap();
        for sequence in 1..=3 {
            let bytes = framed(&tcp(("10.20.0.7", 20000), ("10.30.0.5", 554), sequence, "S", b""));
            let direction = Direction::FromNode;
            file.store(&Stored { port: 0, at: 1, direction, original_len: 0, bytes: &bytes }, u64::MAX);
        }
        file.close().unwrap();
        let read = |wanted: &[u64]| {
            decoded(std::fs::File::open(&path).unwrap(), &wanted.iter().copied().collect()).unwrap()
        };
        let words = read(&[2, 3, 9]);
        assert_eq!(words.keys().copied().collect::<Vec<_>>(), [2, 3]);
        assert!(words[&2].contains("seq 2") && words[&3].contains("seq 3"), "{words:?}");
        assert!(read(&[]).is_empty());
        assert!(decoded(&b"no capture"[..], &BTreeSet::from([1])).is_err());
    }
}
