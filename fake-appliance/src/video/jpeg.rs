//! JPEG in RTP (RFC 2435): frames that are put together from their packets, and numbered by their time stamps.
//!
//! RTP has no place in a JPEG for an identity. Which frame of its session one is follows from its time and the rate that the
//! camera's description tells (RFC 4566, `a=framerate`), counted from the session's first packet, which is of frame 0. Whose it
//! is nothing says but its picture. The RTSP client hands out frames with a hole in the middle as if they were whole, hence
//! the packets.

use retina::Timestamp;
use retina::rtp::ReceivedPacket;

/// A JPEG's packets take no more than this, bytes; an offset within one could say 16 MiB.
const MOST_BYTES: usize = 4 << 20;
/// A payload's own header (RFC 2435, section 3.1), bytes.
const HEADER: usize = 8;
/// That of restart intervals, for types from 64 to 127 (section 3.1.7), and that before tables (section 3.1.8).
const RESTARTS: usize = 4;
const TABLES: usize = 4;
/// A time stamp may be so much too early, in frames: stamps are whole ticks, and are rounded. One that lies between two frames
/// is that of the earlier.
const EARLY: f64 = 0.25;
/// Rates that are believed, frames a second.
const RATES: std::ops::RangeInclusive<f32> = 0.1..=1000.0;

/// A frame of which every packet has come.
pub(super) struct Frame {
    /// Its packets, whole, in their order.
    pub(super) packets: Vec<Vec<u8>>,
    pub(super) timestamp: Timestamp,
    /// Which one of its session it is; `None` if it is older than the first.
    pub(super) number: Option<u64>,
}

/// What has come of a session, and of the frame that is not whole yet.
#[derive(Debug)]
pub(super) struct Assembly {
    /// Frames a second.
    rate: f64,
    /// Time of frame 0, ticks.
    first: Option<i64>,
    /// Of the frame that is under way: its packets, none of them missing so far.
    packets: Vec<Vec<u8>>,
    bytes: usize,
    /// Where its next packet goes on, bytes of its scan.
    next: usize,
    /// Its time, ticks.
    at: i64,
}

impl Assembly {
    /// For a session of so many frames a second, as its description says; `None` if that is no rate.
    pub(super) fn new(rate: Option<f32>) -> Option<Self> {
        let rate = rate.filter(|rate| RATES.contains(rate))?;
        Some(Self { rate: f64::from(rate), first: None, packets: Vec::new(), bytes: 0, next: 0, at: 0 })
    }

    /// Takes the next packet; gives the frame that ends with it, unless some of it is missing.
    pub(super) fn push(&mut self, packet: &ReceivedPacket) -> Option<Frame> {
        let timestamp = packet.timestamp();
        let piece = Piece { at: timestamp.timestamp(), lost: packet.loss() > 0, last: packet.mark() };
        let packets = self.piece(piece, packet.payload(), packet.raw())?;
        Some(Frame { packets, timestamp, number: self.number(timestamp) })
    }

    /// The packets of the frame that ends with this one.
    fn piece(&mut self, piece: Piece, payload: &[u8], whole: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.first.get_or_insert(piece.at);
        let fragment = Fragment::of(payload);
        let begins = fragment.is_some_and(|fragment| fragment.offset == 0);
        let continues = fragment.is_some_and(|fragment| fragment.offset == self.next)
            && !(begins || self.packets.is_empty() || piece.lost)
            && piece.at == self.at
            && self.bytes + whole.len() <= MOST_BYTES;
        if begins || !continues {
            (self.at, self.bytes) = (piece.at, 0);
            self.packets.clear();
        }
        if !(begins || continues) {
            return None;
        }
        self.bytes += whole.len();
        self.next = fragment.map_or(0, |fragment| fragment.offset + fragment.length);
        self.packets.push(whole.to_vec());
        piece.last.then(|| std::mem::take(&mut self.packets))
    }

    fn number(&self, timestamp: Timestamp) -> Option<u64> {
        let ticks = timestamp.timestamp().saturating_sub(self.first?);
        number(ticks, timestamp.clock_rate().get(), self.rate)
    }
}

/// A piece of a frame's scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fragment {
    offset: usize,
    length: usize,
}

impl Fragment {
    /// That of a payload; `None` if it is shorter than it says.
    fn of(payload: &[u8]) -> Option<Self> {
        let [_, high, middle, low, kind, quality, _, _, rest @ ..] = payload else { return None };
        let offset = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        let restarts = if (64..128).contains(kind) { RESTARTS } else { 0 };
        // Tables come once, in front.
        let tables = match (offset, quality) {
            (0, 128..) => {
                let length = rest.get(restarts + 2..restarts + TABLES)?;
                TABLES + usize::from(u16::from_be_bytes([length[0], length[1]]))
            }
            _ => 0,
        };
        let length = payload.len().checked_sub(HEADER + restarts + tables)?;
        Some(Self { offset, length })
    }
}

/// What a packet says beside its payload.
#[derive(Clone, Copy)]
struct Piece {
    /// Ticks.
    at: i64,
    /// Whether packets are missing before it.
    lost: bool,
    /// Whether it is its frame's last one.
    last: bool,
}

/// Which frame comes so many ticks after frame 0.
fn number(ticks: i64, clock: u32, rate: f64) -> Option<u64> {
    let frames = (ticks as f64 * rate / f64::from(clock) + EARLY).floor();
    (frames >= 0.0).then_some(frames as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of four bytes as (time, offset, whether some are lost before it, whether it is the last); how many of each frame came.
    fn frames(packets: &[(i64, u8, bool, bool)]) -> Vec<(i64, usize)> {
        let mut assembly = Assembly::new(Some(15.0)).unwrap();
        let mut whole = Vec::new();
        for &(at, offset, lost, last) in packets {
            let payload = [0, 0, 0, offset, 1, 80, 80, 45, 9, 9, 9, 9];
            let packets = assembly.piece(Piece { at, lost, last }, &payload, &payload);
            whole.extend(packets.map(|packets| (at, packets.len())));
        }
        whole
    }

    #[test]
    fn frames_end_where_they_say_so() {
        let (first, rest, last) = ((1, 0, false, false), (1, 4, false, false), (1, 8, false, true));
        assert_eq!(frames(&[first, rest, last, (2, 0, false, true)]), [(1, 3), (2, 1)]);
    }

    #[test]
    fn a_frame_of_which_a_packet_is_missing_is_none() {
        let next = [(2, 0, false, false), (2, 4, false, true)];
        let with_next = |packets: &[_]| frames(&[packets, &next].concat());
        // In its middle, at its end, and at its beginning.
        assert_eq!(with_next(&[(1, 0, false, false), (1, 8, true, false), (1, 9, false, true)]), [(2, 2)]);
        assert_eq!(with_next(&[(1, 0, false, false), (1, 4, false, false)]), [(2, 2)]);
        assert_eq!(with_next(&[(1, 4, true, false), (1, 8, false, true)]), [(2, 2)]);
        // In its middle, and whoever sends it counts as if it had never been there.
        assert_eq!(with_next(&[(1, 0, false, false), (1, 8, false, false), (1, 12, false, true)]), [(2, 2)]);
        // Between its beginning and another one's end.
        assert_eq!(frames(&[(1, 0, false, false), (2, 4, false, true)]), []);
        // What is missing before it is none of it.
        assert_eq!(frames(&[(1, 0, true, false), (1, 4, false, true)]), [(1, 2)]);
    }

    #[test]
    fn what_is_no_jpeg_or_too_long_is_none() {
        let mut assembly = Assembly::new(Some(15.0)).unwrap();
        let piece = |last| Piece { at: 1, lost: false, last };
        assert!(assembly.piece(piece(true), &[0; 7], &[0; 7]).is_none());
        let large = vec![0; MOST_BYTES];
        let begins = [0; HEADER + 256];
        assert!(assembly.piece(piece(false), &begins, &large).is_none());
        assert!(assembly.piece(piece(true), &[0, 0, 1, 0, 1, 255, 80, 45], &large).is_none());
        assert!(assembly.packets.is_empty());
    }

    #[test]
    fn where_a_piece_of_a_frame_lies_is_told_by_all_its_headers() {
        let header = |offset, kind, quality| [0, 0, 0, offset, kind, quality, 80, 45];
        let of = |parts: &[&[u8]]| Fragment::of(&parts.concat()).map(|one| (one.offset, one.length));
        assert_eq!(of(&[&header(7, 1, 80), &[9; 5]]), Some((7, 5)));
        assert_eq!(of(&[&header(0, 1, 255), &[0, 0, 0, 2], &[1; 2], &[9; 5]]), Some((0, 5)));
        assert_eq!(of(&[&header(7, 1, 255), &[9; 5]]), Some((7, 5)), "tables come once");
        assert_eq!(of(&[&header(0, 65, 255), &[0; 4], &[0, 0, 0, 2], &[1; 2], &[9; 5]]), Some((0, 5)));
        assert_eq!(of(&[&header(7, 65, 80), &[0; 4], &[9; 5]]), Some((7, 5)));
        assert_eq!(of(&[&header(0, 1, 255), &[0, 0, 0, 20], &[1; 2]]), None, "tables that are not there");
        assert_eq!(of(&[&header(0, 1, 255), &[0, 0]]), None);
        assert_eq!(Fragment::of(&[0; 7]), None);
    }

    #[test]
    fn the_first_packet_is_of_frame_0_whole_or_not() {
        let mut assembly = Assembly::new(Some(15.0)).unwrap();
        assembly.piece(Piece { at: 9000, lost: false, last: false }, &[0, 0, 4, 0, 1, 255, 80, 45], &[]);
        assert_eq!(assembly.first, Some(9000));
    }

    #[test]
    fn times_that_are_rounded_or_lie_between_two_tell_a_number() {
        for rate in [1u64, 7, 15, 25, 30, 60] {
            for frame in [0, 1, 2, 29, 30, 31, 1000, 5_000_000] {
                let ticks = (frame * 90_000 / rate) as i64;
                let half = (90_000 / rate / 2) as i64;
                let told = [ticks - 1, ticks, ticks + 1, ticks + half];
                let numbers = told.map(|ticks| number(ticks, 90_000, rate as f64));
                assert_eq!(numbers, [Some(frame); 4], "{rate} a second");
            }
        }
        assert_eq!(number(-6000, 90_000, 15.0), None);
        assert_eq!(number(i64::MAX, 1, 1000.0), Some(u64::MAX));
    }

    #[test]
    fn without_a_rate_there_are_no_numbers() {
        for rate in [None, Some(0.0), Some(-15.0), Some(f32::NAN), Some(f32::INFINITY)] {
            assert!(Assembly::new(rate).is_none(), "{rate:?}");
        }
        assert!(Assembly::new(Some(29.97)).is_some());
    }
}
