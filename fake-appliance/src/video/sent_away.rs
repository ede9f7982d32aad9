//! Where a camera sends whoever plays it, in the middle of a session: what an appliance that follows wants to know, and no
//! other asks. The RTSP client takes no requests, so that this has a session of its own, and little to say in it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;
use url::Url;

use super::follow::found;
use super::talk::{Talk, field};
use crate::config::Camera;

/// Longest wait for being sent away.
const PATIENCE: Duration = Duration::from_secs(5);

/// The address in the request `REDIRECT` (RFC 2326, section 10.10) that follows upon `PLAY`; `None` if none comes in time, or
/// the camera plays nothing.
pub(super) async fn location(camera: &Camera, url: &Url, peer: SocketAddr) -> Option<Url> {
    timeout(PATIENCE, listen(camera, url, peer)).await.ok()?
}

async fn listen(camera: &Camera, url: &Url, peer: SocketAddr) -> Option<Url> {
    let mut talk = Talk::open(camera, peer).await.ok()?;
    let described = talk.ask("DESCRIBE", url.as_str(), "Accept: application/sdp\r\n").await.ok()?;
    let control = described.split("m=video").nth(1)?.split("a=control:").nth(1)?.lines().next()?.trim();
    let below = if control.contains("://") { control.to_owned() } else { format!("{url}/{control}") };
    let set_up = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let set_up = talk.ask("SETUP", &below, set_up).await.ok()?;
    let session = field(&set_up, "Session")?.split(';').next()?.to_owned();
    talk.ask("PLAY", url.as_str(), &format!("Session: {session}\r\n")).await.ok()?;
    loop {
        let message = talk.message().await.ok()?;
        if message.starts_with("REDIRECT ") {
            return found(&message);
        }
    }
}
