//! A restart that a job asks for: whatever goes on ends there and begins anew.

use std::sync::Arc;

use tokio::sync::watch;

/// Has everything restart; cheap to clone.
#[derive(Clone)]
pub(crate) struct Restart(Arc<watch::Sender<u64>>);

/// Hears of restarts since it was made.
#[derive(Clone)]
pub(crate) struct Restarts(watch::Receiver<u64>);

impl Restart {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::channel(0).0))
    }

    /// Everything restarts.
    pub(crate) fn now(&self) {
        self.0.send_modify(|times| *times += 1);
    }

    /// How many there were.
    pub(crate) fn times(&self) -> u64 {
        *self.0.borrow()
    }

    pub(crate) fn heard(&self) -> Restarts {
        Restarts(self.0.subscribe())
    }
}

impl Restarts {
    /// Returns at the next restart that was not heard of yet; never if there can be none any more.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_restart_is_heard_once_by_each_and_also_late() {
        let restart = Restart::new();
        let (mut early, mut other) = (restart.heard(), restart.heard());
        restart.now();
        early.next().await;
        other.next().await;
        let again = tokio::time::timeout(std::time::Duration::ZERO, early.next()).await;
        assert!(again.is_err(), "once");
    }
}
