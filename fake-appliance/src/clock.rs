//! Asks a time server: every 2 s at first, then every 16 s, as time daemons do; sooner again while there is no time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fake_facts::Fact;
use rsntp::{AsyncSntpClient, Config, KissCode, ProtocolError, SynchronizationError};

use crate::backoff::Backoff;
use crate::config::Clock;
use crate::net;
use crate::own::Own;
use crate::voice::Voice;

const NTP: u16 = 123;
const PATIENCE: Duration = Duration::from_secs(2);
const AT_FIRST: Duration = Duration::from_secs(2);
const LATER: Duration = Duration::from_secs(16);
/// Answers that are asked for in quick succession.
const QUICK: u32 = 4;

/// Asks for ever, and tells what came back.
pub(crate) async fn follow(clock: Clock, voice: Voice, own: Option<Arc<Own>>) {
    let (host, port) = split_port(&clock.server);
    let (mut answers, mut backoff) = (0u32, Backoff::new());
    loop {
        let told = ask(host, port, &voice).await;
        if let Some(own) = &own {
            own.asked_for_time(host, told);
        }
        if told.is_some() {
            answers = answers.saturating_add(1);
            backoff.reset();
            tokio::time::sleep(if answers < QUICK { AT_FIRST } else { LATER }).await;
        } else {
            backoff.wait().await;
        }
    }
}

/// The server, if it told the time.
async fn ask(host: &str, port: u16, voice: &Voice) -> Option<IpAddr> {
    let server = match net::resolve(voice, host, port).await {
        Ok(addresses) => addresses[0],
        Err(error) => {
            voice.failed("resolve", Some(host), error);
            return None;
        }
    };
    let any = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let config = Config::default().bind_address(SocketAddr::new(any, 0)).timeout(PATIENCE);
    match AsyncSntpClient::with_config(config).synchronize(server).await {
        Ok(answer) => voice.tell(Fact::Synced {
            server: server.ip(),
            offset_ns: (answer.clock_offset().as_secs_f64() * 1e9) as i64,
            stratum: answer.stratum(),
        }),
        Err(error) => {
            match is_unsynchronised(&error) {
                true => voice.tell(Fact::Unsynced { server: server.ip() }),
                false => voice.failed("sync", Some(host), format!("{server}: {error}")),
            }
            return None;
        }
    }
    Some(server.ip())
}

/// Whether the server answered that it does not know the time itself (RFC 5905, sections 7.3 and 7.4).
fn is_unsynchronised(error: &SynchronizationError) -> bool {
    matches!(
        error,
        SynchronizationError::ProtocolError(
            ProtocolError::ServerNotSynchronized
                | ProtocolError::KissODeath(KissCode::AssociationNotYetSynchronized)
        )
    )
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
