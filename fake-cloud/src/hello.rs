//! A client's first words, read while they are still in the socket, so that whoever answers has them whole.

use std::time::Duration;

use rustls::server::Acceptor;
use tokio::net::TcpStream;

use crate::tls::MQTT_ALPN;

/// Longest that is looked at: a record of TLS with its header (RFC 8446, section 5.1).
const LONGEST: usize = 5 + (1 << 14);
/// Until it is looked again whether more has come: a socket whose first bytes stay in it does not tell.
const AGAIN: Duration = Duration::from_millis(5);

/// What is known of a client by its ClientHello.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Hello {
    /// The server that it wants; none as well where it says no TLS.
    pub(crate) name: Option<String>,
    /// It offers to speak MQTT.
    pub(crate) mqtt: bool,
}

/// Waits for a client's first words; none if it has none and goes.
pub(crate) async fn peek(client: &TcpStream) -> Option<Hello> {
    let (mut bytes, mut before) = (vec![0; LONGEST], 0);
    loop {
        let length = client.peek(&mut bytes).await.ok().filter(|length| *length > 0)?;
        if length > before
            && let Some(hello) = read(&bytes[..length])
        {
            return Some(hello);
        }
        if length == LONGEST {
            return Some(Hello::default());
        }
        before = length;
        tokio::time::sleep(AGAIN).await;
    }
}

/// A hello if it is whole; nothing is known of what is none.
fn read(bytes: &[u8]) -> Option<Hello> {
    let mut acceptor = Acceptor::default();
    let mut left = bytes;
    while !left.is_empty() {
        match acceptor.read_tls(&mut left) {
            Ok(1..) => {}
            _ => return Some(Hello::default()),
        }
    }
    match acceptor.accept() {
        Ok(None) => None,
        Ok(Some(accepted)) => {
            let hello = accepted.client_hello();
            let mqtt = hello.alpn().is_some_and(|mut offered| offered.any(|one| one == MQTT_ALPN.as_bytes()));
            Some(Hello { name: hello.server_name().map(str::to_owned), mqtt })
        }
        Err(_) => Some(Hello::default()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// The first words of a client that wants this server.
    fn said(name: &'static str) -> Vec<u8> {
        said_with(name, &[])
    }

    /// The same of one that offers these protocols.
    fn said_with(name: &'static str, protocols: &[&str]) -> Vec<u8> {
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|one| one.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(name).unwrap();
        let mut bytes = Vec::new();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_hello_is_read_once_it_is_whole() {
        let bytes = said("a.example.org");
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), None, "{length}");
        }
        let of = |name: &str, mqtt| Some(Hello { name: Some(name.into()), mqtt });
        assert_eq!(read(&bytes), of("a.example.org", false));
        assert_eq!(
            read(&said_with("a.example.org", &["http/1.1", "x-amzn-mqtt-ca"])),
            of("a.example.org", true)
        );
        assert_eq!(read(&said_with("a.example.org", &["x-amzn-http-ca"])), of("a.example.org", false));
        assert_eq!(read(&said("192.0.2.1")), Some(Hello::default()), "an address is no name");
        assert_eq!(read(b"GET / HTTP/1.1\r\n\r\n"), Some(Hello::default()));
    }

    #[tokio::test]
    async fn it_stays_in_the_socket_and_comes_in_pieces() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (here, _) = listener.accept().await.unwrap();
        let bytes = said("a.example.org");
        let (first, rest) = bytes.split_at(20);
        client.write_all(first).await.unwrap();
        let looked = tokio::time::timeout(Duration::ZERO, peek(&here)).await;
        assert!(looked.is_err(), "it is not whole: {looked:?}");
        client.write_all(rest).await.unwrap();
        let hello = Hello { name: Some("a.example.org".into()), mqtt: false };
        assert_eq!(peek(&here).await, Some(hello));
        assert_eq!(here.peek(&mut [0; 4096]).await.unwrap(), bytes.len());
    }

    #[tokio::test]
    async fn who_goes_without_a_word_has_none() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        drop(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        let (here, _) = listener.accept().await.unwrap();
        assert_eq!(peek(&here).await, None);
    }
}
