//! A relay that an appliance has no business to be: whoever reaches it is led on to wherever they say, by connections of a web proxy
//! (`CONNECT`; RFC 9110, section 9.3.6) and by datagrams. For broken twins.

mod datagrams;

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Where web proxies are looked for.
const PORT: u16 = 3128;
/// Whoever comes beyond these waits.
const MOST: usize = 16;
/// Longest wait for a request, for a connection onward, and of a relayed conversation.
const PATIENCE: Duration = Duration::from_secs(10);

/// Its ports, open.
pub(crate) struct Relay {
    connections: TcpListener,
    datagrams: UdpSocket,
}

/// Opens the ports on all addresses.
pub(crate) async fn listen() -> io::Result<Relay> {
    let connections = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    let datagrams = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, datagrams::PORT)).await?;
    Ok(Relay { connections, datagrams })
}

/// Serves until it is dropped.
pub(crate) async fn serve(relay: Relay) {
    tokio::join!(serve_connections(relay.connections), datagrams::serve(relay.datagrams));
}

async fn serve_connections(listener: TcpListener) {
    let room = Arc::new(Semaphore::new(MOST));
    let mut served = JoinSet::new();
    loop {
        while served.try_join_next().is_some() {}
        let Ok(seat) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                served.spawn(async move {
                    converse(stream).await;
                    drop(seat);
                });
            }
            Err(error) => tracing::debug!(%error, "nobody was let in to be relayed"),
        }
    }
}

/// One client: a request, and then whatever the two have to say to one another.
async fn converse(stream: TcpStream) {
    let (led, leads) = tokio::sync::oneshot::channel();
    let led = std::sync::Mutex::new(Some(led));
    let answer = service_fn(|mut request: Request<Incoming>| {
        let upgrade = hyper::upgrade::on(&mut request);
        let led = led.lock().ok().and_then(|mut led| led.take());
        async move {
            let onward = onward(&request).await;
            let status = if onward.is_some() { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
            if let (Some(onward), Some(led)) = (onward, led) {
                let _ = led.send((upgrade, onward));
            }
            let mut response = Response::new(Empty::<Bytes>::new());
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    let spoken = server.serve_connection(TokioIo::new(stream), answer).with_upgrades();
    let relayed = async {
        let Ok((upgrade, mut onward)) = leads.await else { return };
        let Ok(client) = upgrade.await else { return };
        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut onward).await;
    };
    let _ = timeout(PATIENCE, async { tokio::join!(spoken, relayed) }).await;
}

/// The connection that is asked for.
async fn onward(request: &Request<Incoming>) -> Option<TcpStream> {
    let place = (request.method() == Method::CONNECT).then(|| request.uri().authority())??;
    let connected = TcpStream::connect((place.host(), place.port_u16()?));
    timeout(PATIENCE, connected).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn whoever_asks_is_led_on_and_who_cannot_be_is_told_so() {
        let beyond = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let place = beyond.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = beyond.accept().await.unwrap();
            let mut asked = [0; 4];
            stream.read_exact(&mut asked).await.unwrap();
            stream.write_all(b"pong").await.unwrap();
            assert_eq!(&asked, b"ping");
        });
        let relay = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let at = relay.local_addr().unwrap();
        tokio::spawn(serve_connections(relay));
        let said = |line: String, more: &'static [u8]| async move {
            let mut stream = TcpStream::connect(at).await.unwrap();
            stream.write_all(line.as_bytes()).await.unwrap();
            stream.write_all(more).await.unwrap();
            let mut answer = Vec::new();
            timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
            String::from_utf8(answer).unwrap()
        };
        let led = said(format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n"), b"ping").await;
        assert!(led.starts_with("HTTP/1.1 200") && led.ends_with("pong"), "{led}");
        let told = said("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), b"").await;
        assert!(told.starts_with("HTTP/1.1 502"), "{told}");
    }
}
