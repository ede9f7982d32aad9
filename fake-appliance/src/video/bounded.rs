//! How long a camera's answers are: found out before the RTSP client listens to it, which takes a header of any length.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use url::Url;

/// Longest header that is read, bytes: far more than any camera has to say.
const MAX_HEAD: usize = 64 << 10;
/// What the system may take of it before it is read, bytes.
const BUFFER: u32 = 4 << 10;

/// An answer has a header of more than [`MAX_HEAD`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the camera answers with a header of more than {} KiB", MAX_HEAD >> 10)]
pub(super) struct TooLong;

/// Asks the camera what it can (OPTIONS, which takes no password) and reads the answer's header.
///
/// What else may be wrong with it, or with the connection, the client finds out. Waits as long as the camera: whoever asks
/// bounds that. Errors: the header is too long.
pub(super) async fn check(url: &Url, peer: SocketAddr) -> Result<(), TooLong> {
    match head(url, peer).await {
        Ok(length) if length > MAX_HEAD => Err(TooLong),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// How many bytes were read up to the end of the header, of the connection, or of what is read at most.
async fn head(url: &Url, peer: SocketAddr) -> std::io::Result<usize> {
    let socket = if peer.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_recv_buffer_size(BUFFER)?;
    let mut stream = socket.connect(peer).await?;
    stream.write_all(format!("OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n").as_bytes()).await?;
    let (mut read, mut buffer, mut ending) = (0, vec![0; 4 << 10], Vec::new());
    while read <= MAX_HEAD {
        let length = stream.read(&mut buffer).await?;
        read += length;
        ending.extend_from_slice(&buffer[..length]);
        if length == 0 || ending.windows(4).any(|window| window == b"\r\n\r\n") {
            break;
        }
        // An end may be cut by the next read.
        ending.drain(..ending.len().saturating_sub(3));
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of a camera that answers so, and then waits.
    async fn answering(answer: Vec<u8>) -> Result<(), TooLong> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            // Whoever has read enough is gone before all is written.
            let _ = client.write_all(&answer).await;
            let _ = client.read_to_end(&mut Vec::new()).await;
        });
        let checked = check(&format!("rtsp://{peer}/stream").parse().unwrap(), peer).await;
        serving.await.unwrap();
        checked
    }

    #[tokio::test]
    async fn only_a_header_without_measure_is_refused() {
        let padded =
            |bytes: usize| format!("RTSP/1.0 200 OK\r\nX: {}\r\n\r\n", "a".repeat(bytes)).into_bytes();
        assert_eq!(answering(padded(10)).await, Ok(()));
        assert_eq!(answering(padded(60_000)).await, Ok(()));
        assert_eq!(answering(padded(70_000)).await, Err(TooLong));
        assert_eq!(answering(vec![0xff; 8 << 20]).await, Err(TooLong));
    }

    #[tokio::test]
    async fn who_is_not_there_is_the_clients_business() {
        let peer = "127.0.0.1:1".parse().unwrap();
        assert_eq!(check(&"rtsp://127.0.0.1:1/stream".parse().unwrap(), peer).await, Ok(()));
    }
}
