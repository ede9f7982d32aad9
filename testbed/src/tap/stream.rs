//! One direction of a TCP connection, put in order: each byte once, whatever was sent again or came out of turn.
//!
//! Bounded: a hole that is not filled before [`MOST_HELD`] bytes lie behind it is given up and reported as missing.

/// Bytes that may wait behind a hole.
const MOST_HELD: usize = 256 * 1024;
/// Segments that may wait behind a hole.
const MOST_SEGMENTS: usize = 256;

/// Takes what comes out of a [`Stream`].
pub(super) trait Sink {
    /// The next bytes in order.
    fn data(&mut self, bytes: &[u8]);
    /// Bytes are missing here, for good.
    fn gap(&mut self);
}

/// Puts segments in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    /// Sequence number of the next byte; none before the first segment.
    next: Option<u32>,
    /// Segments behind a hole, by distance.
    held: Vec<(u32, Vec<u8>)>,
    held_bytes: usize,
    /// Bytes given out that nobody has taken.
    bytes: u64,
}

impl Stream {
    /// Bytes given out since the last call, each once.
    pub(super) fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }

    /// Whether bytes wait behind a hole.
    pub(super) fn has_hole(&self) -> bool {
        !self.held.is_empty()
    }

    /// Takes a segment: the sequence number of its first byte, or of its SYN.
    pub(super) fn push(&mut self, sequence: u32, syn: bool, payload: &[u8], sink: &mut impl Sink) {
        let start = sequence.wrapping_add(u32::from(syn));
        let next = *self.next.get_or_insert(start);
        if payload.is_empty() {
            return;
        }
        match distance(next, start) {
            0 => self.give(payload, sink),
            ahead if ahead > 0 => self.hold(start, payload),
            behind => {
                // Sent again; its end may be new. A keep-alive's one byte is not (RFC 9293, section 3.8.4).
                let known = behind.unsigned_abs() as usize;
                if let Some(fresh) = payload.get(known..).filter(|fresh| !fresh.is_empty()) {
                    self.give(fresh, sink);
                }
            }
        }
        self.release(sink);
        while self.held_bytes > MOST_HELD || self.held.len() > MOST_SEGMENTS {
            self.give_up_hole(sink);
        }
    }

    /// The end of the capture: whatever still waits behind a hole comes out.
    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        while !self.held.is_empty() {
            self.give_up_hole(sink);
        }
    }

    fn give(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        self.next = self.next.map(|next| next.wrapping_add(bytes.len() as u32));
        self.bytes += bytes.len() as u64;
        sink.data(bytes);
    }

    fn hold(&mut self, start: u32, payload: &[u8]) {
        let next = self.next.unwrap_or(start);
        let at = self.held.partition_point(|(held, _)| distance(next, *held) < distance(next, start));
        match self.held.get_mut(at) {
            // The same segment again: the longer one has all of it.
            Some((held, bytes)) if *held == start => {
                if payload.len() > bytes.len() {
                    self.held_bytes += payload.len() - bytes.len();
                    *bytes = payload.to_vec();
                }
            }
            _ => {
                self.held_bytes += payload.len();
                self.held.insert(at, (start, payload.to_vec()));
            }
        }
    }

    /// Gives out what no hole is in front of any more.
    fn release(&mut self, sink: &mut impl Sink) {
        while let (Some(next), Some((start, _))) = (self.next, self.held.first()) {
            let behind = distance(next, *start);
            if behind > 0 {
                return;
            }
            let (_, bytes) = self.held.remove(0);
            self.held_bytes -= bytes.len();
            if let Some(fresh) = bytes.get(behind.unsigned_abs() as usize..) {
                self.give(fresh, sink);
            }
        }
    }

    fn give_up_hole(&mut self, sink: &mut impl Sink) {
        if let Some((start, _)) = self.held.first() {
            self.next = Some(*start);
            sink.gap();
        }
        self.release(sink);
    }
}

/// How far `to` lies ahead of `from`, modulo 2^32 (RFC 9293, section 3.4).
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Collected {
        bytes: Vec<u8>,
        gaps: usize,
    }

    impl Sink for Collected {
        fn data(&mut self, bytes: &[u8]) {
            self.bytes.extend_from_slice(bytes);
        }
        fn gap(&mut self) {
            self.gaps += 1;
        }
    }

    #[test]
    fn bytes_sent_again_count_once() {
        let (mut stream, mut out) = (Stream::default(), Collected::default());
        stream.push(u32::MAX, true, b"", &mut out);
        stream.push(0, false, b"abcd", &mut out);
        stream.push(0, false, b"abcd", &mut out);
        stream.push(2, false, b"cdef", &mut out);
        stream.push(5, false, b"f", &mut out);
        assert_eq!((out.bytes.as_slice(), stream.take_bytes(), out.gaps), (&b"abcdef"[..], 6, 0));
    }

    #[test]
    fn a_hole_that_is_never_filled_is_reported_and_the_rest_goes_on() {
        let (mut stream, mut out) = (Stream::default(), Collected::default());
        stream.push(100, true, b"", &mut out);
        stream.push(101, false, b"ab", &mut out);
        stream.push(110, false, b"yz", &mut out);
        assert_eq!((out.bytes.as_slice(), out.gaps), (&b"ab"[..], 0));
        stream.finish(&mut out);
        assert_eq!((out.bytes.as_slice(), out.gaps), (&b"abyz"[..], 1));
    }

    #[test]
    fn what_waits_behind_a_hole_is_bounded() {
        let (mut stream, mut out) = (Stream::default(), Collected::default());
        stream.push(0, false, b"a", &mut out);
        for part in 0..10_000_u32 {
            stream.push(10 + part * 1_000, false, &[0; 1_000], &mut out);
            assert!(stream.held_bytes <= MOST_HELD && stream.held.len() <= MOST_SEGMENTS);
        }
        assert_eq!(out.gaps, 1);
    }

    proptest! {
        #[test]
        fn any_order_of_segments_gives_the_bytes_in_order(
            first in any::<u32>(),
            cuts in prop::collection::vec(1..40_usize, 1..30),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        ) {
            let whole: Vec<u8> = (0..cuts.iter().sum()).map(|at: usize| at as u8).collect();
            let starts: Vec<usize> =
                cuts.iter().scan(0, |at, cut| { *at += cut; Some(*at - cut) }).collect();
            let (mut stream, mut out) = (Stream::default(), Collected::default());
            stream.push(first.wrapping_sub(1), true, b"", &mut out);
            let random = order.iter().map(|index| index.index(cuts.len()));
            for part in random.chain(0..cuts.len()) {
                let bytes = &whole[starts[part]..starts[part] + cuts[part]];
                stream.push(first.wrapping_add(starts[part] as u32), false, bytes, &mut out);
            }
            prop_assert_eq!(out.gaps, 0);
            prop_assert_eq!(stream.take_bytes() as usize, whole.len());
            prop_assert_eq!(out.bytes, whole);
        }

        #[test]
        fn no_segments_make_it_panic(
            segments in prop::collection::vec((any::<u32>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..50)), 0..60),
        ) {
            let (mut stream, mut out) = (Stream::default(), Collected::default());
            for (sequence, syn, payload) in segments {
                stream.push(sequence, syn, &payload, &mut out);
            }
            stream.finish(&mut out);
            prop_assert_eq!(stream.take_bytes() as usize, out.bytes.len());
            prop_assert_eq!(stream.held_bytes, 0);
        }
    }
}
