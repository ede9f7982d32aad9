//! RTP packets of a group → the packets of whole frames (RFC 3550, section 5.1).
//!
//! A frame of which anything is missing is left out as a whole, since what is made of the rest would be no frame that anybody
//! sent; the numbers of the others then say that it is missing. One before whose first packet something is missing may have
//! lost its beginning, and is left out as well. So is what comes late: on one link packets keep their
//! order, and one that does not is an accident that shall be seen.

/// Most that the packets of one frame may have, bytes: several times a picture of the largest size that cameras here have.
const MOST: usize = 8 << 20;

/// What has come of the frame that is not whole yet.
#[derive(Debug)]
pub(super) struct Gather {
    payload: u8,
    source: Option<u32>,
    /// Number of the packet that comes next.
    next: u16,
    /// Time stamp of a frame of which something is missing.
    broken: Option<u32>,
    /// Time stamp of the packets.
    stamp: u32,
    packets: Vec<Vec<u8>>,
    bytes: usize,
    /// Packets of video that came, whatever became of them.
    taken: u64,
}

struct Header {
    payload: u8,
    marker: bool,
    number: u16,
    stamp: u32,
    source: u32,
}

impl Header {
    fn read(packet: &[u8]) -> Option<Self> {
        let [first, second, a, b, c, d, e, f, g, h, i, j, ..] = *packet else { return None };
        (first >> 6 == 2).then_some(Self {
            payload: second & 0x7f,
            marker: second & 0x80 != 0,
            number: u16::from_be_bytes([a, b]),
            stamp: u32::from_be_bytes([c, d, e, f]),
            source: u32::from_be_bytes([g, h, i, j]),
        })
    }
}

impl Gather {
    /// Nothing has come yet; packets of other payload types than this are nobody's.
    pub(super) fn new(payload: u8) -> Self {
        Self {
            payload,
            source: None,
            next: 0,
            broken: None,
            stamp: 0,
            packets: Vec::new(),
            bytes: 0,
            taken: 0,
        }
    }

    /// How many packets of video have come, whatever became of them.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes a datagram; the packets of a frame, or of two, that are whole with it.
    pub(super) fn take(&mut self, datagram: &[u8]) -> Option<Vec<Vec<u8>>> {
        let header = Header::read(datagram).filter(|header| header.payload == self.payload)?;
        self.taken += 1;
        if self.source != Some(header.source) {
            // Whoever begins anew begins with a frame.
            self.forget();
            (self.source, self.next, self.broken) = (Some(header.source), header.number, None);
        }
        match header.number.wrapping_sub(self.next) {
            0 => {}
            ahead if ahead < 1 << 15 => self.broke_at(header.stamp),
            _ => return None,
        }
        self.next = header.number.wrapping_add(1);
        if self.broken == Some(header.stamp) {
            return None;
        }
        self.broken = None;
        // Frames may end without a mark: the time of the next one ends them, too.
        let mut whole = if self.stamp == header.stamp { Vec::new() } else { self.forget() };
        self.stamp = header.stamp;
        self.bytes += datagram.len();
        if self.bytes > MOST {
            self.broke_at(header.stamp);
        } else {
            self.packets.push(datagram.to_vec());
        }
        if header.marker {
            whole.extend(self.forget());
        }
        (!whole.is_empty()).then_some(whole)
    }

    fn broke_at(&mut self, stamp: u32) {
        self.forget();
        self.broken = Some(stamp);
    }

    fn forget(&mut self) -> Vec<Vec<u8>> {
        self.bytes = 0;
        std::mem::take(&mut self.packets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u16, stamp: u32, marker: bool) -> Vec<u8> {
        from(9, number, stamp, marker)
    }

    fn from(source: u32, number: u16, stamp: u32, marker: bool) -> Vec<u8> {
        let mut packet = vec![0x80, 96 | u8::from(marker) << 7];
        packet.extend(number.to_be_bytes());
        packet.extend(stamp.to_be_bytes());
        packet.extend(source.to_be_bytes());
        packet.push(number as u8);
        packet
    }

    /// The last byte of each packet of the frames that became whole, one after the other.
    fn whole(packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut gather = Gather::new(96);
        let frames = packets.iter().filter_map(|packet| gather.take(packet));
        frames.map(|frame| frame.iter().map(|packet| packet[12]).collect()).collect()
    }

    #[test]
    fn frames_end_with_a_mark_or_with_the_next_ones_time() {
        let packets = [packet(1, 10, false), packet(2, 10, true), packet(3, 20, false), packet(4, 30, true)];
        assert_eq!(whole(&packets), [vec![1, 2], vec![3, 4]]);
    }

    #[test]
    fn a_frame_of_which_anything_is_missing_is_left_out() {
        let first = [packet(1, 10, true), packet(3, 20, false), packet(4, 20, true), packet(5, 30, true)];
        assert_eq!(whole(&first), [[1], [5]]);
        let middle = [packet(1, 10, false), packet(3, 10, true), packet(4, 20, true)];
        assert_eq!(whole(&middle), [[4]]);
        let last = [packet(1, 10, false), packet(3, 20, false), packet(4, 20, true), packet(5, 30, true)];
        assert_eq!(whole(&last), [[5]]);
    }

    #[test]
    fn numbers_go_round_and_what_comes_late_or_twice_is_nothing() {
        let packets =
            [packet(65_535, 10, true), packet(0, 20, true), packet(0, 20, true), packet(65_535, 10, true)];
        assert_eq!(whole(&packets), [[255], [0]]);
    }

    #[test]
    fn another_source_begins_anew_and_another_payload_is_nobodys() {
        let mut strange = packet(2, 10, true);
        strange[1] = 97;
        let short = packet(2, 10, true)[..11].to_vec();
        let old = [0; 13].to_vec();
        let packets = [packet(1, 10, false), strange, short, old, from(8, 700, 5, true)];
        assert_eq!(whole(&packets), [[188]]);
    }

    #[test]
    fn a_frame_without_end_is_forgotten() {
        let mut gather = Gather::new(96);
        let mut large = packet(0, 10, false);
        large.resize(60_000, 0);
        for number in 0..200u16 {
            large[2..4].copy_from_slice(&number.to_be_bytes());
            assert_eq!(gather.take(&large), None);
            assert!(gather.packets.iter().map(Vec::len).sum::<usize>() <= MOST);
        }
        assert_eq!(gather.take(&packet(200, 20, true)).map(|frame| frame.len()), Some(1));
    }
}
