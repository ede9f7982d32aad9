//! The last frame that came of any camera, for an appliance that hands video over.

use std::sync::Arc;

use tokio::sync::watch;

/// Kept by whoever pulls, read by whoever hands over; clones are of the same.
#[derive(Clone)]
pub(crate) struct Frames(Arc<watch::Sender<Vec<u8>>>);

impl Frames {
    pub(super) fn none_yet() -> Self {
        Self(Arc::new(watch::channel(Vec::new()).0))
    }

    /// A frame as it came has arrived.
    pub(super) fn keep(&self, frame: &[u8]) {
        self.0.send_replace(frame.to_vec());
    }

    /// The last one; waits for the first.
    pub(crate) async fn last(&self) -> Vec<u8> {
        let mut frames = self.0.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let last = frames.wait_for(|frame| !frame.is_empty()).await;
        last.map(|frame| frame.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_last_frame_is_waited_for_once_and_then_there() {
        let frames = Frames::none_yet();
        assert!(tokio::time::timeout(Duration::ZERO, frames.last()).await.is_err());
        frames.keep(b"first");
        frames.keep(b"second");
        assert_eq!(frames.last().await, b"second");
        assert_eq!(frames.last().await, b"second");
    }
}
