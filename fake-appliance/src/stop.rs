//! The one signal that everything ends.

use tokio::sync::watch;

/// Told once, by the run; heard by every task, however late it listens.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    pub(crate) fn heard_from(sender: &watch::Sender<bool>) -> Self {
        Self(sender.subscribe())
    }

    /// Returns when everything ends. A run that is gone without saying so means the same.
    pub(crate) async fn told(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Does work that needs no farewell until everything ends.
    pub(crate) async fn or_done(mut self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = self.told() => {}
            () = work => {}
        }
    }
}
