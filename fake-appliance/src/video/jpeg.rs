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
/// Shorter than a payload's own header (RFC 2435, section 3.1).
const HEADER: usize = 8;
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
    /// Its time, ticks.
    at: i64,
}

impl Assembly {
    /// For a session of so many frames a second, as its description says; `None` if that is no rate.
    pub(super) fn new(rate: Option<f32>) -> Option<Self> {
        let rate = rate.filter(|rate| RATES.contains(rate))?;
        Some(Self { rate: f64::from(rate), first: None, packets: Vec::new(), bytes: 0, at: 0 })
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
        let begins = payload.len() >= HEADER && payload[1..4] == [0; 3];
        let continues = payload.len() >= HEADER
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
        self.packets.push(whole.to_vec());
        piece.last.then(|| std::mem::take(&mut self.packets))
    }

    fn number(&self, timestamp: Timestamp) -> Option<u64> {
        let ticks = timestamp.timestamp().saturating_sub(self.first?);
        number(ticks, timestamp.clock_rate().get(), self.rate)
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

    /// Packets as (time, offset, whether some are lost before it, whether it is the last); how many of each frame came.
    fn frames(packets: &[(i64, u8, bool, bool)]) -> Vec<(i64, usize)> {
        let mut assembly = Assembly::new(Some(15.0)).unwrap();
        let mut whole = Vec::new();
        for &(at, offset, lost, last) in packets {
            let payload = [0, 0, 0, offset, 1, 255, 80, 45, 9];
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
        assert!(assembly.piece(piece(false), &[0; 9], &large).is_none());
        assert!(assembly.piece(piece(true), &[0, 0, 1, 0, 1, 255, 80, 45], &large).is_none());
        assert!(assembly.packets.is_empty());
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
