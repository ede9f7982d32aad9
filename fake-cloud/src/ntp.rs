//! The time server: NTP versions 3 and 4, showing the cloud's clock at stratum 2, or its upstream's at one more than that.

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
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Clock;
use crate::facts::Facts;
use crate::upstream::Told;

/// Seconds from 1900, where NTP counts from, to 1970 (RFC 5905, figure 4).
const ERA: u64 = 2_208_988_800;
/// No time packet of a client without authentication is longer.
const LONGEST: usize = 1024;

/// Whose time is told.
#[derive(Clone, Debug)]
pub(crate) enum Time {
    /// The cloud's own.
    Own(Clock),
    /// That of a time server at this address, as far as it has told it.
    Upstream(IpAddr, watch::Receiver<Option<Told>>),
}

/// Answers on a bound socket until `stop`.
pub(crate) async fn serve(socket: UdpSocket, time: Time, facts: &Facts, stop: CancellationToken) {
    let shown = Shown(time.clone());
    let mut server = Server::new(config(), shown, time.snapshot(), KeySetProvider::new(1).get());
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
        let at = timestamp(time.now());
        server.update_system(time.snapshot());
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

impl Time {
    fn now(&self) -> SystemTime {
        match self {
            Self::Own(clock) => clock.now(),
            Self::Upstream(_, told) => {
                Clock::ahead_by_ns(told.borrow().map_or(0, |told| told.offset_ns)).now()
            }
        }
    }

    fn snapshot(&self) -> SystemSnapshot {
        match self {
            // The upstream of a stratum 2 server is a stratum 1 server's address; documentation range (RFC 5737).
            Self::Own(_) => synchronised(2, IpAddr::from([192, 0, 2, 1]), 0.0),
            Self::Upstream(server, told) => match *told.borrow() {
                Some(Told { stratum, round_trip, .. }) => synchronised(stratum + 1, *server, round_trip),
                None => unsynchronised(),
            },
        }
    }
}

fn synchronised(stratum: u8, upstream: IpAddr, round_trip: f64) -> SystemSnapshot {
    SystemSnapshot {
        stratum,
        reference_id: ReferenceId::from_ip(upstream),
        time_snapshot: TimeSnapshot {
            leap_indicator: NtpLeapIndicator::NoWarning,
            root_delay: NtpDuration::from_seconds(round_trip),
            ..TimeSnapshot::default()
        },
        ..SystemSnapshot::default()
    }
}

/// Leap indicator 3; on the wire, stratum 16 is written 0 (RFC 5905, section 7.3), and the reference id is then a code:
/// `INIT`, not yet synchronised (section 7.4).
fn unsynchronised() -> SystemSnapshot {
    SystemSnapshot {
        stratum: 0,
        // The library has a constructor for addresses only; four bytes are four bytes.
        reference_id: ReferenceId::from_ip(IpAddr::from(*b"INIT")),
        time_snapshot: TimeSnapshot {
            leap_indicator: NtpLeapIndicator::Unsynchronized,
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

/// A clock in the library's form; it is only ever read.
#[derive(Clone)]
struct Shown(Time);

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
