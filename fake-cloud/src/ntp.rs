//! The time server: NTP versions 3 and 4, stratum 2, showing the cloud's clock.

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fake_facts::Fact;
use ntp_proto::{
    FilterAction, FilterList, IpSubnet, KeySetProvider, NtpClock, NtpDuration, NtpLeapIndicator,
    NtpTimestamp, NtpVersion, ReferenceId, Server, ServerAction, ServerConfig, ServerReason, ServerResponse,
    ServerStatHandler, SystemSnapshot, TimeSnapshot,
};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Clock;
use crate::facts::Facts;

/// Seconds from 1900, where NTP counts from, to 1970 (RFC 5905, figure 4).
const ERA: u64 = 2_208_988_800;
/// No time packet of a client without authentication is longer.
const LONGEST: usize = 1024;

/// Answers on a bound socket until `stop`.
pub(crate) async fn serve(socket: UdpSocket, clock: Clock, facts: &Facts, stop: CancellationToken) {
    let mut server = Server::new(config(), Shown(clock), snapshot(), KeySetProvider::new(1).get());
    let (mut question, mut answer) = ([0; LONGEST], [0; LONGEST]);
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut question) => received,
            () = stop.cancelled() => return,
        };
        let (length, peer) = match received {
            Ok(received) => received,
            Err(error) => {
                warn!(%error, "the time server's socket");
                continue;
            }
        };
        let at = timestamp(clock.now());
        match server.handle(peer.ip(), at, &question[..length], &mut answer, &mut Uncounted) {
            ServerAction::Respond { message } => match socket.send_to(message, peer).await {
                Ok(_) => facts.say(Fact::Told { peer }),
                Err(error) => warn!(%error, %peer, "the time was not told"),
            },
            ServerAction::Ignore => facts.refused("ntp", peer, "not a question for the time"),
        }
    }
}

fn config() -> ServerConfig {
    let anyone = ["0.0.0.0/0", "::/0"].map(|net| net.parse::<IpSubnet>().expect("the text is a network"));
    ServerConfig {
        denylist: FilterList { filter: Vec::new(), action: FilterAction::Ignore },
        allowlist: FilterList { filter: anyone.to_vec(), action: FilterAction::Ignore },
        rate_limiting_cache_size: 0,
        rate_limiting_cutoff: Duration::ZERO,
        require_nts: None,
        accepted_versions: vec![NtpVersion::V3, NtpVersion::V4],
    }
}

fn snapshot() -> SystemSnapshot {
    SystemSnapshot {
        stratum: 2,
        // The upstream of a stratum 2 server is a stratum 1 server's address; documentation range (RFC 5737).
        reference_id: ReferenceId::from_ip(IpAddr::from([192, 0, 2, 1])),
        time_snapshot: TimeSnapshot {
            leap_indicator: NtpLeapIndicator::NoWarning,
            ..TimeSnapshot::default()
        },
        ..SystemSnapshot::default()
    }
}

fn timestamp(at: SystemTime) -> NtpTimestamp {
    let age = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    // Wraps in 2036, as the protocol's 32-bit seconds do.
    NtpTimestamp::from_seconds_nanos_since_ntp_era((age.as_secs() + ERA) as u32, age.subsec_nanos())
}

/// The cloud's clock in the library's form; it is only ever read.
#[derive(Clone)]
struct Shown(Clock);

impl NtpClock for Shown {
    type Error = Infallible;

    fn now(&self) -> Result<NtpTimestamp, Infallible> {
        Ok(timestamp(self.0.now()))
    }

    fn set_frequency(&self, _: f64) -> Result<NtpTimestamp, Infallible> {
        self.now()
    }

    fn get_frequency(&self) -> Result<f64, Infallible> {
        Ok(0.0)
    }

    fn step_clock(&self, _: NtpDuration) -> Result<NtpTimestamp, Infallible> {
        self.now()
    }

    fn disable_ntp_algorithm(&self) -> Result<(), Infallible> {
        Ok(())
    }

    fn error_estimate_update(&self, _: NtpDuration, _: NtpDuration) -> Result<(), Infallible> {
        Ok(())
    }

    fn status_update(&self, _: NtpLeapIndicator) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Facts count already.
struct Uncounted;

impl ServerStatHandler for Uncounted {
    fn register(&mut self, _: u8, _: bool, _: ServerReason, _: ServerResponse) {}
}
