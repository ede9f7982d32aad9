//! When a frame was sent by the camera's own clock, as its RTCP reports tell it (RFC 3550, section 6.4.1): all that says so of
//! JPEG, which carries no identity. Of other frames nobody asks, but a careless appliance, which believes it.

use retina::Timestamp;
use retina::rtcp::ReceivedCompoundPacket;

/// From the epoch of NTP, 1900, to that of Unix, seconds.
const FROM_1900_TO_1970: u64 = 2_208_988_800;

/// The latest report: a moment of the camera's clock, nanoseconds since 1970, and where video was then, seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ToldTime(Option<(i128, f64)>);

impl ToldTime {
    /// A report has come.
    pub(super) fn heard(&mut self, report: &ReceivedCompoundPacket) {
        let sent = report.pkts().find_map(|packet| packet.as_sender_report().ok().flatten());
        if let (Some(sent), Some(video)) = (sent, report.rtp_timestamp()) {
            self.0 = Some((unix(sent.ntp_timestamp().0), video.elapsed_secs()));
        }
    }

    /// When a frame of this time stamp was sent, by that clock; `None` before the first report.
    pub(super) fn of(&self, frame: Timestamp) -> Option<u64> {
        let (moment, video) = self.0?;
        let since = (frame.elapsed_secs() - video) * 1e9;
        u64::try_from(moment + since as i128).ok()
    }
}

/// Seconds in the upper half and their fraction in the lower, since 1900 → nanoseconds since 1970.
fn unix(ntp: u64) -> i128 {
    let seconds = i128::from(ntp >> 32) - i128::from(FROM_1900_TO_1970);
    seconds * 1_000_000_000 + ((i128::from(ntp & 0xffff_ffff) * 1_000_000_000) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_reports_is_turned_into_that_of_the_host() {
        assert_eq!(unix(FROM_1900_TO_1970 << 32), 0);
        assert_eq!(unix((FROM_1900_TO_1970 + 5) << 32 | 1 << 31), 5_500_000_000);
        assert_eq!(unix(0), -2_208_988_800_000_000_000);
    }
}
