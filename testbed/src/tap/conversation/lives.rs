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
    /// Each is held beside the next that left with as many or more; where there is none it was raised, and is held beside the greatest.
    /// If they differ so, but are all that left, each with as many less and but for those that had no more to lose, that is what they
    /// lost.
    pub(super) fn less(&self, arrived: &Self) -> Option<LostHops> {
        let greatest = self.all().next_back()?;
        let next = |there: &i16| self.all().find(|left| left >= there).unwrap_or(greatest);
        let lost = arrived.all().map(|there| LostHops::all(next(&there) - there)).reduce(LostHops::with)?;
        let as_one = greatest - arrived.all().next_back()?;
        let came = |left: i16| left <= as_one || arrived.has(left - as_one);
        let are_one = self.all().all(came) && arrived.all().all(|there| self.has(there + as_one));
        Some(if lost.fewest < lost.most && are_one { LostHops::all(as_one) } else { lost })
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
    fn one_that_died_on_its_way_changes_nothing_for_those_that_arrived() {
        assert_eq!(lost(&[1, 64], &[63]), Some((1, 1)));
        assert_eq!(lost(&[1, 2, 3, 64], &[1, 62]), Some((2, 2)), "two routers");
        assert_eq!(lost(&[1, 64], &[62]), Some((2, 2)));
        assert_eq!(lost(&[64, 255], &[63]), Some((1, 1)), "one that was not let pass");
        assert_eq!(lost(&[1, 64], &[1, 64]), Some((0, 0)));
    }

    #[test]
    fn neighbours_that_lost_as_many_are_told_as_one() {
        assert_eq!(lost(&[63, 64], &[62, 63]), Some((1, 1)));
        assert_eq!(lost(&[60, 61, 64], &[57, 58, 61]), Some((3, 3)));
        assert_eq!(lost(&[1, 64], &[2, 65]), Some((-1, -1)), "all of them raised");
        assert_eq!(lost(&[63, 64], &[62, 64]), Some((0, 1)));
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
