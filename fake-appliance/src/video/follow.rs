//! Where a camera sends whoever asks for its stream: what an appliance that follows wants to know, and no other asks.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use url::Url;

use crate::net;

/// Longest answer that is read, bytes.
const MAX_ANSWER: u64 = 16 << 10;
/// Longest wait for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The address in the answer to DESCRIBE (RFC 2326, section 12.25); `None` if there is none.
pub(super) async fn location(url: &Url, peer: SocketAddr) -> Option<Url> {
    let mut stream = net::connect(&[peer]).await.ok()?;
    let request = format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    let mut bounded = stream.take(MAX_ANSWER);
    let read = async {
        while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
            if bounded.read_buf(&mut answer).await.ok()? == 0 {
                break;
            }
        }
        Some(())
    };
    timeout(PATIENCE, read).await.ok()??;
    found(&String::from_utf8_lossy(&answer))
}

/// The field `Location` of a message.
pub(super) fn found(answer: &str) -> Option<Url> {
    let fields = answer.lines().filter_map(|line| line.split_once(':'));
    let mut locations = fields.filter(|(name, _)| name.eq_ignore_ascii_case("Location"));
    Url::parse(locations.next()?.1.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_any_case() {
        let answer = "RTSP/1.0 302 Found\r\nCSeq: 1\r\nlocation: rtsp://10.0.0.9/x\r\n\r\n";
        assert_eq!(found(answer).unwrap().as_str(), "rtsp://10.0.0.9/x");
        assert_eq!(found("RTSP/1.0 302 Found\r\n\r\n"), None);
        assert_eq!(found("Location: nowhere\r\n"), None);
    }
}
