//! What searches have found so far: whoever pulls a camera that it knows by no more than its address waits for it here.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::watch;

use super::Found;

/// Streams by the address of their camera; clones are of the same.
#[derive(Clone)]
pub(crate) struct Streams(Arc<watch::Sender<BTreeMap<IpAddr, String>>>);

impl Streams {
    pub(crate) fn nothing_yet() -> Self {
        Self(Arc::new(watch::channel(BTreeMap::new()).0))
    }

    /// A search has found these; what an earlier one has found elsewhere stays known.
    pub(super) fn learn(&self, found: &[Found]) {
        self.0.send_modify(|known| {
            known.extend(found.iter().map(|found| (found.address, found.stream.clone())));
        });
    }

    /// The stream of the camera at this address; waits until a search has found it.
    pub(crate) async fn stream_at(&self, address: IpAddr) -> String {
        let mut known = self.0.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let found = known.wait_for(|known| known.contains_key(&address)).await;
        found.ok().and_then(|known| known.get(&address).cloned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_stream_is_waited_for_until_its_camera_is_found() {
        let known = Streams::nothing_yet();
        let found = |last: u8, stream: &str| Found {
            endpoint: String::new(),
            address: IpAddr::from([10, 20, 0, last]),
            stream: stream.to_owned(),
        };
        known.learn(&[found(12, "rtsp://10.20.0.12/stream")]);
        let waited = known.stream_at([10, 20, 0, 11].into());
        tokio::pin!(waited);
        assert!(timeout(Duration::ZERO, &mut waited).await.is_err());
        known.learn(&[found(11, "rtsp://10.20.0.11/main")]);
        assert_eq!(waited.await, "rtsp://10.20.0.11/main");
        known.learn(&[found(11, "rtsp://10.20.0.11/other")]);
        assert_eq!(known.stream_at([10, 20, 0, 11].into()).await, "rtsp://10.20.0.11/other");
        assert_eq!(known.stream_at([10, 20, 0, 12].into()).await, "rtsp://10.20.0.12/stream");
    }
}
