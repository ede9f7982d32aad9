//! RTP time stamps of 32 bits, which go round, → ticks that do not.

/// The latest ticks, if any packet has come.
#[derive(Debug, Default)]
pub(super) struct Unwrap(Option<i64>);

impl Unwrap {
    /// Ticks of the next packet, from anywhere: the nearest to those of the one before that have its stamp. They begin with a whole
    /// round, so that what is shown earlier than the first has its place. `None` if it is too short to have a stamp (RFC 3550,
    /// section 5.1).
    pub(super) fn of(&mut self, packet: &[u8]) -> Option<i64> {
        let stamp = u32::from_be_bytes(*packet.get(4..)?.first_chunk()?);
        let ticks = match self.0 {
            None => i64::from(stamp) + (1 << 32),
            // Ticks that have come to their end stay there; no camera sends so long.
            Some(latest) => latest.saturating_add(i64::from(stamp.wrapping_sub(latest as u32) as i32)),
        };
        self.0 = Some(ticks);
        Some(ticks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(stamps: &[u32]) -> Vec<i64> {
        let mut unwrap = Unwrap::default();
        let packets = stamps.iter().map(|stamp| [&[0x80, 96, 0, 1][..], &stamp.to_be_bytes(), &[9]].concat());
        packets.map(|packet| unwrap.of(&packet).unwrap()).collect()
    }

    #[test]
    fn stamps_that_go_round_go_on_and_back_again() {
        let round = 1 << 32;
        assert_eq!(
            ticks(&[u32::MAX - 2, 6, 3, u32::MAX, 9]),
            [2 * round - 3, 2 * round + 6, 2 * round + 3, 2 * round - 1, 2 * round + 9]
        );
        assert_eq!(ticks(&[5, u32::MAX]), [round + 5, round - 1], "earlier than the first");
    }

    #[test]
    fn what_is_too_short_has_none() {
        let mut unwrap = Unwrap::default();
        assert_eq!((unwrap.of(&[]), unwrap.of(&[0x80; 7])), (None, None));
    }
}
