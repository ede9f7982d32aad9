//! How long frames were under way, and for how long none came; times in which a check broke the site aside.

use std::time::Duration;

use crate::names::NodeName;
use crate::observation::Observations;
use crate::scenario::model::Bounds;

use super::periodic::undisturbed;
use super::plays::videos;
use super::wording::length;

/// What has arrived is told of so often while something arrives, nanoseconds: so much of a silence at the end may be
/// none.
const TOLD_EVERY: u64 = 250_000_000;

/// The timing of one camera's frames at one node; what is not known is absent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timing {
    latency_p50: Option<Duration>,
    latency_p99: Option<Duration>,
    latency_max: Option<Duration>,
    longest_gap: Option<Duration>,
    /// Frames that arrived before they were sent, by clocks that disagree.
    early: usize,
}

impl Timing {
    pub(super) fn of(seen: &Observations, at: &NodeName, camera: &str) -> Self {
        let took = took(seen, at, camera);
        let (early, took): (Vec<i64>, Vec<i64>) = took.into_iter().partition(|took| *took < 0);
        let mut latencies: Vec<_> =
            took.iter().map(|took| Duration::from_micros(took.unsigned_abs())).collect();
        latencies.sort_unstable();
        Self {
            latency_p50: percentile(&latencies, 50),
            latency_p99: percentile(&latencies, 99),
            latency_max: percentile(&latencies, 100),
            longest_gap: longest_gap(seen, at, camera),
            early: early.len(),
        }
    }

    /// What is called what, how much is allowed of what is asked for, and what was seen.
    fn asked(
        &self,
        bounds: &Bounds,
    ) -> impl Iterator<Item = (&'static str, Duration, Option<Duration>)> + use<> {
        let all = [
            ("latency p50", bounds.latency_p50, self.latency_p50),
            ("latency p99", bounds.latency_p99, self.latency_p99),
            ("latency max", bounds.latency_max, self.latency_max),
            ("longest gap", bounds.longest_gap, self.longest_gap),
        ];
        all.into_iter().filter_map(|(what, most, seen)| Some((what, most?, seen)))
    }

    /// Everything that took too long, in words.
    pub(super) fn faults(&self, bounds: &Bounds) -> Vec<String> {
        let asks = [bounds.latency_p50, bounds.latency_p99, bounds.latency_max].iter().any(Option::is_some);
        let early = (asks && self.early > 0).then(|| format!("{} arrived before they were sent", self.early));
        let slow = self.asked(bounds).filter_map(|(what, most, seen)| {
            let seen = seen.filter(|seen| *seen > most)?;
            Some(format!("{what} {} (at most {} allowed)", length(seen), length(most)))
        });
        early.into_iter().chain(slow).collect()
    }

    /// Why something that is asked cannot be said. So many frames arrived of which it was not told when.
    pub(super) fn unknown(&self, bounds: &Bounds, untold: u64) -> Vec<String> {
        let absent = self.asked(bounds).filter(|(.., seen)| seen.is_none());
        let mut unknown: Vec<String> = absent.map(|(what, ..)| format!("{what} is not known")).collect();
        if untold > 0 && self.asked(bounds).next().is_some() {
            unknown.push(format!("it is not known when {untold} frames arrived"));
        }
        unknown
    }

    /// What was seen of what is asked for, as the end of a sentence.
    pub(super) fn told(&self, bounds: &Bounds) -> String {
        self.asked(bounds).filter_map(|(what, _, seen)| Some(format!(", {what} {}", length(seen?)))).collect()
    }

    /// Of each the longer one.
    pub(super) fn or_longer(self, other: &Self) -> Self {
        Self {
            latency_p50: self.latency_p50.max(other.latency_p50),
            latency_p99: self.latency_p99.max(other.latency_p99),
            latency_max: self.latency_max.max(other.latency_max),
            longest_gap: self.longest_gap.max(other.longest_gap),
            early: self.early.max(other.early),
        }
    }
}

/// How long frames were under way, microseconds, in the order in which they arrived; negative by clocks that disagree.
fn took(seen: &Observations, at: &NodeName, camera: &str) -> Vec<i64> {
    let broken =
        |arrived: u64| seen.changes.iter().any(|change| (change.at..change.end_at).contains(&arrived));
    let frames = videos(seen, at, camera).flat_map(|video| video.arrived.iter().zip(&video.took_us));
    frames.filter(|(arrived, _)| !broken(**arrived)).filter_map(|(_, took)| *took).collect()
}

/// Of frames in the order of their latencies: so long at most were so many of a hundred under way (nearest rank).
fn percentile(latencies: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (latencies.len() * percent).div_ceil(100);
    latencies.get(rank.checked_sub(1)?).copied()
}

/// From one arrival to the next, or to the end.
fn longest_gap(seen: &Observations, at: &NodeName, camera: &str) -> Option<Duration> {
    let arrived: Vec<u64> = videos(seen, at, camera).flat_map(|video| &video.arrived).copied().collect();
    let silence = arrived.last().map(|last| [*last, seen.until.saturating_sub(TOLD_EVERY).max(*last)]);
    let silence = silence.map(|silence| undisturbed(&silence, &seen.changes)).unwrap_or_default();
    undisturbed(&arrived, &seen.changes).into_iter().chain(silence).max()
}
