//! A restart that a job asks for: whatever goes on ends there, stays down while an appliance would start, and begins anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Has everything restart; cheap to clone.
#[derive(Clone)]
pub(crate) struct Restart {
    last: Arc<watch::Sender<Last>>,
    lasts: Duration,
}

/// The last restart.
#[derive(Clone, Copy)]
struct Last {
    /// How many there were.
    times: u64,
    /// When all is up again.
    up: Instant,
}

/// Hears of restarts since it was made.
#[derive(Clone)]
pub(crate) struct Restarts(watch::Receiver<Last>);

impl Restart {
    /// `lasts`: how long all stays down.
    pub(crate) fn new(lasts: Duration) -> Self {
        let none = Last { times: 0, up: Instant::now() };
        Self { last: Arc::new(watch::channel(none).0), lasts }
    }

    /// Everything goes down.
    pub(crate) fn now(&self) {
        let up = Instant::now() + self.lasts;
        self.last.send_modify(|last| *last = Last { times: last.times + 1, up });
    }

    /// How many there were.
    pub(crate) fn times(&self) -> u64 {
        self.last.borrow().times
    }

    pub(crate) fn heard(&self) -> Restarts {
        Restarts(self.last.subscribe())
    }
}

impl Restarts {
    /// Returns at the next restart that was not heard of yet; never if there can be none any more.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when all is up again after the last restart; at once if it is.
    pub(crate) async fn over(&self) {
        let up = self.0.borrow().up;
        sleep_until(up).await;
    }

    /// Does work that needs no farewell, and anew after each restart.
    pub(crate) async fn anew<F: Future<Output = ()>>(mut self, work: impl Fn() -> F) {
        loop {
            self.over().await;
            tokio::select! {
                biased;
                () = self.next() => {}
                () = work() => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_restart_is_heard_once_by_each_and_also_late() {
        let restart = Restart::new(Duration::ZERO);
        let (mut early, mut other) = (restart.heard(), restart.heard());
        restart.now();
        early.next().await;
        other.next().await;
        early.over().await;
        let again = timeout(Duration::ZERO, early.next()).await;
        assert!(again.is_err(), "once");
    }

    #[tokio::test]
    async fn nothing_is_up_before_a_restart_has_lasted() {
        let restart = Restart::new(Duration::from_secs(3600));
        let (mut heard, late) = (restart.heard(), restart.heard());
        heard.over().await;
        restart.now();
        heard.next().await;
        for one in [heard, late] {
            assert!(timeout(Duration::ZERO, one.over()).await.is_err());
        }
    }

    #[tokio::test]
    async fn work_is_cut_off_by_a_restart_and_begun_anew() {
        let (restart, begun) = (Restart::new(Duration::ZERO), Cell::new(0));
        let work = || async {
            begun.set(begun.get() + 1);
            if begun.get() == 1 {
                restart.now();
                std::future::pending::<()>().await;
            }
        };
        restart.heard().anew(work).await;
        assert_eq!(begun.get(), 2);
    }
}
