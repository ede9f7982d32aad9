//! The times to live of packets on one way, where they leave and where they arrive. Pure.

use crate::observation::LostHops;

/// Which times to live (RFC 791) or hop limits (RFC 8200) were seen: a bit for each of 256.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lives([u64; 4]);

impl Lives {
    /// Takes note of one; none of a packet that has none.
    pub(super) fn take(&mut self, lives: Option<u8>) {
        let Some(lives) = lives else { return };
        self.0[usize::from(lives / 64)] |= 1 << (lives % 64);
    }

    fn has(&self, lives: i16) -> bool {
        u8::try_from(lives).is_ok_and(|lives| self.0[usize::from(lives / 64)] & 1 << (lives % 64) != 0)
    }

    fn all(&self) -> impl DoubleEndedIterator<Item = i16> {
        (0..=i16::from(u8::MAX)).filter(|lives| self.has(*lives))
    }

    /// What those that arrived have less than these; none if there is nothing on one of the sides.
    ///
    /// The least is held beside the least and the greatest beside the greatest. Whatever lies in between must have left with just as many
    /// more as these two have lost; else it is held beside the next that left with as many or more.
    pub(super) fn less(&self, arrived: &Self) -> Option<LostHops> {
        let least = self.all().next()? - arrived.all().next()?;
        let greatest = self.all().next_back()? - arrived.all().next_back()?;
        let mut lost = LostHops::all(least).with(LostHops::all(greatest));
        for there in arrived.all().filter(|there| least == greatest && !self.has(there + least)) {
            let next = self.all().find(|left| *left >= there).or_else(|| self.all().next_back())?;
            lost = lost.with(LostHops::all(next - there));
        }
        Some(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(left: &[u8], arrived: &[u8]) -> Option<(i16, i16)> {
        let lives = |all: &[u8]| {
            let mut lives = Lives::default();
            all.iter().for_each(|one| lives.take(Some(*one)));
            lives
        };
        lives(left).less(&lives(arrived)).map(|lost| (lost.fewest, lost.most))
    }

    #[test]
    fn those_that_lost_as_many_are_told_as_one() {
        assert_eq!(lost(&[64], &[63]), Some((1, 1)));
        assert_eq!(lost(&[1, 64, 255], &[0, 63, 254]), Some((1, 1)));
        assert_eq!(lost(&[64, 255], &[64, 255]), Some((0, 0)));
        assert_eq!(lost(&[], &[63]), None);
        assert_eq!(lost(&[64], &[]), None);
    }

    #[test]
    fn one_in_between_that_lost_others_is_told() {
        assert_eq!(lost(&[1, 64, 255], &[0, 60, 254]), Some((1, 4)));
        assert_eq!(lost(&[1, 64, 255], &[0, 60, 63, 254]), Some((1, 4)), "beside one that lost as it should");
        assert_eq!(
            lost(&[1, 64, 255], &[0, 63, 200, 254]),
            Some((1, 55)),
            "raised, or another that lost many"
        );
        assert_eq!(lost(&[60, 64], &[59, 64]), Some((0, 1)));
    }

    #[test]
    fn one_that_has_more_than_all_that_left_was_raised() {
        assert_eq!(lost(&[64], &[255]), Some((-191, -191)));
        assert_eq!(lost(&[64], &[63, 255]), Some((-191, 1)));
    }
}
