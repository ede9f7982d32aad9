//! The cloud's clock: the host's, moved by a fixed offset, in the forms that the protocols write it.
//!
//! Network namespaces share the real-time clock, so a test that wants a cloud with a wrong clock asks for an
//! offset here; signatures, `Date` headers and NTP all follow it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::macros::format_description;

/// The host's real-time clock plus a fixed offset.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    offset_ns: i64,
}

impl Clock {
    /// A clock that is ahead of the host by `offset_seconds`, behind when negative.
    pub(crate) fn ahead_by(offset_seconds: i64) -> Self {
        Self::ahead_by_ns(offset_seconds.saturating_mul(1_000_000_000))
    }

    /// The same in nanoseconds; 64 bits hold 292 years.
    pub(crate) fn ahead_by_ns(offset_ns: i64) -> Self {
        Self { offset_ns }
    }

    /// What this clock shows.
    pub(crate) fn now(self) -> SystemTime {
        let shift = Duration::from_nanos(self.offset_ns.unsigned_abs());
        let now = SystemTime::now();
        let shown = if self.offset_ns < 0 { now.checked_sub(shift) } else { now.checked_add(shift) };
        shown.unwrap_or(UNIX_EPOCH)
    }

    /// Milliseconds since 1970, as CloudWatch Logs counts.
    pub(crate) fn milliseconds(self) -> i64 {
        self.now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis() as i64)
    }

    /// The `Date` header's form (RFC 9110, section 5.6.7).
    pub(crate) fn http_date(self) -> String {
        let form = format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
        );
        self.utc().format(form).expect("every field of the form exists in a date with time")
    }

    fn utc(self) -> OffsetDateTime {
        OffsetDateTime::from(self.now())
    }
}

/// `2026-01-31T12:00:00Z`.
pub(crate) fn iso8601(at: SystemTime) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    OffsetDateTime::from(at).format(form).expect("every field of the form exists in a date with time")
}

/// Reads `20260131T120000Z`, the form of `X-Amz-Date`; `None` if it is anything else.
pub(crate) fn read_amz_date(text: &str) -> Option<SystemTime> {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    Some(time::PrimitiveDateTime::parse(text, form).ok()?.assume_utc().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signing_date_is_read_and_written_back() {
        let at = read_amz_date("20260131T235959Z").unwrap();
        assert_eq!(iso8601(at), "2026-01-31T23:59:59Z");
        assert!(read_amz_date("2026-01-31T23:59:59Z").is_none());
        assert!(read_amz_date("").is_none());
    }

    #[test]
    fn the_offset_moves_the_clock_both_ways() {
        let ahead = Clock::ahead_by(3600).now();
        let behind = Clock::ahead_by(-3600).now();
        let gap = ahead.duration_since(behind).unwrap();
        assert!(gap.abs_diff(Duration::from_secs(7200)) < Duration::from_secs(60));
    }
}
