//! Moments as people and folder names write them, in UTC. Pure: the clock is read elsewhere.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment of the Gregorian calendar, to the second, in UTC; moments before 1970 count as 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Utc {
    year: u64,
    month: u64,
    day: u64,
    second_of_day: u64,
}

impl From<SystemTime> for Utc {
    fn from(at: SystemTime) -> Self {
        let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        let (year, month, day) = date(seconds / 86_400);
        Self { year, month, day, second_of_day: seconds % 86_400 }
    }
}

impl Utc {
    /// `20260131T235959Z` (ISO 8601, basic): sorts by time, and has no character that a file name minds.
    pub(crate) fn compact(self) -> String {
        let (hour, minute, second) = self.clock();
        format!("{:04}{:02}{:02}T{hour:02}{minute:02}{second:02}Z", self.year, self.month, self.day)
    }

    /// `2026-01-31T23:59:59Z` (RFC 3339).
    pub(crate) fn rfc3339(self) -> String {
        let (hour, minute, second) = self.clock();
        format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", self.year, self.month, self.day)
    }

    fn clock(self) -> (u64, u64, u64) {
        (self.second_of_day / 3600, self.second_of_day / 60 % 60, self.second_of_day % 60)
    }
}

/// Year, month and day so many days after 1970-01-01.
///
/// Years are taken to begin in March, so that the leap day is a year's last; then a cycle of 400 years has 146,097
/// days, and five months in a row from March or August have 153.
fn date(days: u64) -> (u64, u64, u64) {
    let from_year_0 = days + 719_468; // days from 0000-03-01 to 1970-01-01
    let (cycle, of_cycle) = (from_year_0 / 146_097, from_year_0 % 146_097);
    let year_of_cycle = (of_cycle - of_cycle / 1460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = cycle * 400 + year_of_cycle + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Utc {
        Utc::from(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn moments_are_written_as_the_calendar_has_them() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_799, "20000229T235959Z"),
            (1_077_926_400, "20040228T000000Z"),
            (1_798_761_599, "20261231T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(at(seconds).compact(), text);
        }
        assert_eq!(at(1_798_761_599).rfc3339(), "2026-12-31T23:59:59Z");
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..146_097 {
            assert_eq!(date(days), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 => 28 + u64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, day) if day == last => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }
}
