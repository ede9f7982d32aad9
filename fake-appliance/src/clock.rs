//! Asks a time server: every 2 s at first, then every 16 s, as time daemons do.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use fake_facts::Fact;
use rsntp::{AsyncSntpClient, Config};

use crate::config::Clock;
use crate::net;
use crate::voice::Voice;

const NTP: u16 = 123;
const PATIENCE: Duration = Duration::from_secs(2);
const AT_FIRST: Duration = Duration::from_secs(2);
const LATER: Duration = Duration::from_secs(16);
/// Questions that are asked in quick succession.
const QUICK: u32 = 4;

/// Asks for ever, and tells what came back.
pub(crate) async fn follow(clock: Clock, voice: Voice) {
    let (host, port) = split_port(&clock.server);
    for question in 0u32.. {
        if let Err((what, problem)) = ask(host, port, &voice).await {
            voice.failed(what, Some(host), problem);
        }
        tokio::time::sleep(if question < QUICK { AT_FIRST } else { LATER }).await;
    }
}

async fn ask(host: &str, port: u16, voice: &Voice) -> Result<(), (&'static str, String)> {
    let addresses = net::resolve(voice, host, port).await.map_err(|error| ("resolve", error.to_string()))?;
    let server = addresses[0];
    let any = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let config = Config::default().bind_address(SocketAddr::new(any, 0)).timeout(PATIENCE);
    let answer = AsyncSntpClient::with_config(config)
        .synchronize(server)
        .await
        .map_err(|error| ("sync", format!("{server}: {error}")))?;
    voice.tell(Fact::Synced {
        server: server.ip(),
        offset_ns: (answer.clock_offset().as_secs_f64() * 1e9) as i64,
        stratum: answer.stratum(),
    });
    Ok(())
}

/// `host`, `host:port`, `[v6]:port` or a bare IPv6 address.
fn split_port(server: &str) -> (&str, u16) {
    let whole = (server, NTP);
    match server.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            port.parse().map_or(whole, |port| (host, port))
        }
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_written_with_or_without_port() {
        assert_eq!(split_port("10.20.0.1"), ("10.20.0.1", 123));
        assert_eq!(split_port("10.20.0.1:1123"), ("10.20.0.1", 1123));
        assert_eq!(split_port("time.example.org"), ("time.example.org", 123));
        assert_eq!(split_port("fd00::1"), ("fd00::1", 123));
        assert_eq!(split_port("[fd00::1]:1123"), ("[fd00::1]", 1123));
    }
}
