//! Which frame the camera shows now.
//!
//! The clip goes on while nobody watches; whoever watches decides where it is: sessions begin at frame 0.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The frame that was sent last, and when; before that, the camera's start.
#[derive(Debug)]
pub(super) struct Shown(Mutex<(u64, Instant)>);

impl Shown {
    /// A camera that starts now.
    pub(super) fn new() -> Self {
        Self(Mutex::new((0, Instant::now())))
    }

    /// This frame is sent now.
    pub(super) fn sent(&self, number: u64) {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = (number, Instant::now());
    }

    /// The frame that is shown now, at this many a second.
    pub(super) fn now(&self, fps: u32) -> u64 {
        let (number, since) = *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        after(number, since.elapsed(), fps)
    }
}

fn after(number: u64, elapsed: Duration, fps: u32) -> u64 {
    number + (elapsed.as_nanos() * u128::from(fps) / 1_000_000_000) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_go_on_from_the_one_that_was_sent() {
        assert_eq!(after(7, Duration::from_millis(99), 10), 7);
        assert_eq!(after(7, Duration::from_millis(100), 10), 8);
        assert_eq!(after(0, Duration::from_secs(60), 15), 900);
        let shown = Shown::new();
        shown.sent(1000);
        assert!(shown.now(60) >= 1000);
    }
}
