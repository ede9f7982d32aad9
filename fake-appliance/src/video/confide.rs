//! What a careless appliance tells its cameras beside asking for video: far more than anybody has to, or that media of its own is
//! to come.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use url::Url;

use super::{Shared, commission};

/// So often, and so many requests at a time, with so many bytes of nothing in each.
const EVERY: Duration = Duration::from_secs(1);
const REQUESTS: usize = 8;
const PADDING: usize = 1000;
/// Longest wait for a camera that takes none of it.
const PATIENCE: Duration = Duration::from_secs(2);

/// What it tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing, at length.
    TooMuch,
    /// What it is going to send (RFC 2326, section 10.3).
    Announced,
}

/// Tells a camera so, again and again, once there was a frame of it.
pub(crate) async fn confide(shared: Arc<Shared>, told: Told) {
    shared.until_received(1).await;
    let mut pace = interval(EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        let telling = async {
            let stream = commission::stream(&shared).await.map_err(io::Error::other)?;
            tell(&Url::parse(stream).map_err(io::Error::other)?, told).await
        };
        if let Err(error) =
            timeout(PATIENCE, telling).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        {
            tracing::debug!(camera = shared.camera.name, %error, "the camera would not hear it");
        }
    }
}

/// In a connection of its own, without a session. What is answered is read and let go.
async fn tell(stream: &Url, told: Told) -> io::Result<()> {
    let host = stream.host_str().ok_or(io::ErrorKind::InvalidInput)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut connection = TcpStream::connect((host, stream.port().unwrap_or(554))).await?;
    let requests = match told {
        Told::TooMuch => (1..=REQUESTS).map(|number| request(stream, number)).collect(),
        Told::Announced => vec![announcement(stream)],
    };
    connection.write_all(requests.concat().as_bytes()).await?;
    connection.shutdown().await?;
    tokio::io::copy(&mut connection.take(1 << 20), &mut tokio::io::sink()).await.map(drop)
}

/// For a parameter, which needs no session (RFC 2326, section 10.8).
fn request(stream: &Url, number: usize) -> String {
    let more = "0".repeat(PADDING);
    format!("GET_PARAMETER {stream} RTSP/1.0\r\nCSeq: {number}\r\nX-More: {more}\r\n\r\n")
}

/// Of sound that is going to be sent.
fn announcement(stream: &Url) -> String {
    let described =
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=control:streamid=0\r\n";
    let header = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n", described.len());
    format!("ANNOUNCE {stream} RTSP/1.0\r\nCSeq: 1\r\n{header}\r\n{described}")
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What a camera hears that refuses it.
    async fn heard(told: Told) -> String {
        let camera = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = Url::parse(&format!("rtsp://{}/stream", camera.local_addr().unwrap())).unwrap();
        let hear = async {
            let (mut here, _) = camera.accept().await.unwrap();
            let mut heard = String::new();
            here.read_to_string(&mut heard).await.unwrap();
            here.write_all(b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n").await.unwrap();
            heard
        };
        let (told, heard) = tokio::join!(tell(&stream, told), hear);
        told.unwrap();
        heard
    }

    #[tokio::test]
    async fn a_camera_is_told_all_of_it_whatever_it_answers() {
        let heard = heard(Told::TooMuch).await;
        assert_eq!(heard.matches("GET_PARAMETER rtsp://127.0.0.1:").count(), REQUESTS);
        assert_eq!(heard.matches("\r\n\r\n").count(), REQUESTS);
        assert!(heard.len() > 8000, "{}", heard.len());
    }

    #[tokio::test]
    async fn a_camera_is_told_what_is_to_come_with_its_description() {
        let heard = heard(Told::Announced).await;
        assert!(heard.starts_with("ANNOUNCE rtsp://127.0.0.1:"), "{heard}");
        let (header, body) = heard.split_once("\r\n\r\n").unwrap();
        assert!(header.ends_with(&format!("Content-Length: {}", body.len())), "{heard}");
        sdp_types::Session::parse(body.as_bytes()).unwrap();
    }
}
