//! RTP (RFC 3550): what a packet carries, and which datagrams are RTP at all.
//!
//! A datagram says of itself neither that it is RTP nor that it is not, and what RTSP agreed on says nothing about a sender
//! who keeps to no agreement. So a source is believed as receivers believe it (RFC 3550, appendix A.1): once two packets of
//! it came one right after the other. What came before is counted then, too.

/// Bytes of an RTP header without contributing sources and extension (RFC 3550, section 5.1).
const HEADER: usize = 12;
/// Sources of one direction that are told apart; those after them are not looked at.
const MOST_SOURCES: usize = 8;

/// One direction of a UDP conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Datagrams {
    sources: Vec<Source>,
    /// Payload bytes of sources that are believed and that nobody has taken.
    bytes: u64,
}

/// What names itself as one sender (a synchronization source).
#[derive(Clone, Debug)]
struct Source {
    name: [u8; 4],
    last: u16,
    believed: bool,
    /// Payload bytes from before it was believed.
    held: u64,
}

impl Datagrams {
    /// Payload bytes of RTP found since the last call.
    pub(super) fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }

    /// Takes a datagram.
    pub(super) fn take(&mut self, datagram: &[u8]) {
        if !may_be(datagram) {
            return;
        }
        let [_, _, high, low, _, _, _, _, a, b, c, d, ..] = *datagram else { return };
        let (name, number) = ([a, b, c, d], u16::from_be_bytes([high, low]));
        if self.sources.len() < MOST_SOURCES && self.sources.iter().all(|source| source.name != name) {
            self.sources.push(Source { name, last: number, believed: false, held: 0 });
        }
        let Some(source) = self.sources.iter_mut().find(|source| source.name == name) else { return };
        source.held += payload(datagram);
        source.believed |= number == source.last.wrapping_add(1);
        source.last = number;
        if source.believed {
            self.bytes += std::mem::take(&mut source.held);
        }
    }
}

/// Whether a datagram could be RTP: of version 2, and none of the packet types of RTCP (RFC 5761, section 4).
pub(super) fn may_be(datagram: &[u8]) -> bool {
    matches!(*datagram, [flags, kind, ..] if datagram.len() >= HEADER && flags >> 6 == 2 && !(192..=223).contains(&kind))
}

/// Payload bytes of an RTP packet, less contributing sources, extension and padding (RFC 3550, section 5.1); 0 for
/// what is none.
pub(super) fn payload(packet: &[u8]) -> u64 {
    let payload = || {
        let [flags, ..] = *packet else { return None };
        if flags >> 6 != 2 {
            return None;
        }
        let mut start = HEADER + 4 * usize::from(flags & 0x0f);
        if flags & 0x10 != 0 {
            let words = packet.get(start + 2..start + 4)?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
        }
        let padding = if flags & 0x20 != 0 { usize::from(*packet.last()?) } else { 0 };
        packet.len().checked_sub(start)?.checked_sub(padding)
    };
    payload().unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rtp(flags: u8, behind_header: &[u8]) -> Vec<u8> {
        packet(flags, 96, 1, 9, behind_header)
    }

    fn packet(flags: u8, kind: u8, number: u16, source: u32, behind_header: &[u8]) -> Vec<u8> {
        let mut packet = vec![flags, kind];
        packet.extend(number.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(source.to_be_bytes());
        packet.extend_from_slice(behind_header);
        packet
    }

    fn found(datagrams: &[Vec<u8>]) -> u64 {
        let mut direction = Datagrams::default();
        datagrams.iter().for_each(|datagram| direction.take(datagram));
        direction.take_bytes()
    }

    #[test]
    fn payload_is_what_lies_behind_sources_and_extension_and_before_padding() {
        assert_eq!(payload(&rtp(0x80, b"abc")), 3);
        assert_eq!(payload(&rtp(0x82, b"ssssSSSSabc")), 3);
        assert_eq!(payload(&rtp(0x90, b"\x00\x01\x00\x01eeeeabc")), 3);
        assert_eq!(payload(&rtp(0xa0, b"abc\x00\x00\x03")), 3);
        for broken in [&rtp(0x8f, b"abc")[..], &rtp(0xa0, b"\xff"), &rtp(0x00, b"abc"), b"\x80", b""] {
            assert_eq!(payload(broken), 0);
        }
    }

    #[test]
    fn a_source_counts_once_two_packets_came_in_sequence_and_then_all_of_it() {
        let one = |number| packet(0x80, 96, number, 7, b"media");
        assert_eq!(found(&[one(65_535)]), 0);
        assert_eq!(found(&[one(65_535), one(0)]), 10);
        assert_eq!(found(&[one(5), one(9), one(3)]), 0);
        assert_eq!(found(&[one(5), one(9), one(10), one(40)]), 20);
        let other = packet(0x80, 96, 6, 8, b"of another source");
        assert_eq!(found(&[one(5), other.clone(), one(6), other]), 10);
    }

    #[test]
    fn what_only_looks_like_it_does_not_count() {
        // RTCP, the time of a server that says a leap second comes, a question for a name with such a number.
        let rtcp = |number| packet(0x80, 200, number, 7, &[0; 40]);
        let mut time = vec![0xa4, 2, 3, 0xe9];
        time.resize(48, 0);
        let mut name = b"\x80\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
        name.extend_from_slice(b"\x03iot\x00\x00\x01\x00\x01");
        let mut next = name.clone();
        next[1] = 2;
        assert_eq!(found(&[rtcp(1), rtcp(2), time.clone(), time, name, next]), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..60),
        ) {
            let mut direction = Datagrams::default();
            for mut datagram in datagrams {
                if let Some(first) = datagram.first_mut() {
                    *first |= 0x80;
                }
                direction.take(&datagram);
            }
            prop_assert!(direction.sources.len() <= MOST_SOURCES);
        }
    }
}
