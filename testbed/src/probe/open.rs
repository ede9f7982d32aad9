//! Conversations opened through a node's own kernel: `reach`, and the sign that a site is alive.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::Site;
use super::lookup::Lookups;
use crate::kernel::{KernelError, Lab, Namespace};
use crate::names::{CheckName, Traffic};
use crate::observation::OpenSeen;
use crate::plan::Open;

/// How long an answer may take.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_millis(900);

/// So long is the first try of what is opened by name, on any machine: whoever waits for it waits no longer than signs of life may be
/// apart.
const FIRST_BY_NAME: Duration = Duration::from_millis(300);

/// From one try to the next.
const AGAIN: Duration = Duration::from_millis(100);

/// First of the types of records that are for private use, and how many there are (RFC 6895, section 3.1).
const PRIVATE_TYPES: (u16, u16) = (65280, 255);

/// An NTP question: version 4, mode 3 (RFC 5905, section 7.3).
const NTP_QUESTION: [u8; 48] = {
    let mut question = [0; 48];
    question[0] = 0x23;
    question
};

/// An ICMP echo request, identifier and sequence filled in by the caller (RFC 792).
const ECHO_REQUEST: u8 = 8;

/// Opens one conversation and waits for its answer, at most `patience` times 0.9 s. Where answers about names open the way, the
/// names are looked up again first.
pub async fn open(site: &Site, check: &CheckName, open: &Open, patience: u32) -> OpenSeen {
    opened(site, check, open, patience, Lookups::before(site, open)).await
}

/// The same, and no name is looked up: what has been asked is to open the way, and nothing else.
pub async fn open_as_it_stands(site: &Site, check: &CheckName, open: &Open, patience: u32) -> OpenSeen {
    opened(site, check, open, patience, None).await
}

async fn opened(
    site: &Site,
    check: &CheckName,
    open: &Open,
    patience: u32,
    lookups: Option<Lookups>,
) -> OpenSeen {
    let at = fake_facts::now();
    let begun = Instant::now();
    let mut local_port = 0;
    let within = ANSWER_WITHIN * patience;
    let tried = match lookups {
        None => answered(within, ask(&site.lab, open, &mut local_port)).await,
        Some(lookups) => ask_by_name(&lookups, &site.lab, open, within, &mut local_port).await,
    };
    let error = tried.err();
    let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    OpenSeen {
        check: check.clone(),
        open: open.clone(),
        at,
        answered_after_us: error.is_none().then_some(took),
        local_port,
        packets: (None, None),
        error,
        connected: false,
        statuses: Vec::new(),
    }
}

/// The same, and again while an error comes back at once: a route that moves to another link is not there for a moment.
/// What is answered, or the last try.
pub(super) async fn open_again(site: &Site, check: &CheckName, one: &Open, patience: u32) -> OpenSeen {
    let deadline = Instant::now() + ANSWER_WITHIN * patience;
    let mut tries = interval(AGAIN);
    tries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tries.tick().await;
        let seen = open(site, check, one, patience).await;
        if seen.answered_after_us.is_some() || Instant::now() + AGAIN >= deadline {
            return seen;
        }
    }
}

/// Waits so long for an answer; why there is none, in words.
async fn answered(within: Duration, asked: impl Future<Output = Result<(), AskError>>) -> Result<(), String> {
    match timeout(within, asked).await {
        Ok(answered) => answered.map_err(|error| error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}

/// Looks names up and connects. What an answer opened may close in the very moment in between: asking again prolongs nothing that is
/// open, and opens what is not. So there is a second try, as a client's would be, which has the rest of the time.
async fn ask_by_name(
    lookups: &Lookups,
    lab: &Lab,
    open: &Open,
    within: Duration,
    local_port: &mut u16,
) -> Result<(), String> {
    let mut tried = Ok(());
    for time in [FIRST_BY_NAME, within.saturating_sub(FIRST_BY_NAME)] {
        let asked = async {
            // Without an answer the way may still be open from before; that names are told is another flow's business.
            let _ = timeout(time / 2, lookups.ask(lab.node(&open.from))).await;
            ask(lab, open, local_port).await
        };
        tried = answered(time, asked).await;
        if tried.is_ok() {
            break;
        }
    }
    tried
}

/// What can go wrong; the words end up in the evidence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("there is no way to ask for an answer on {0}")]
    NoQuestion(Traffic),
}

async fn ask(lab: &Lab, open: &Open, local_port: &mut u16) -> Result<(), AskError> {
    let namespace = lab.node(&open.from);
    match open.port {
        Traffic::Tcp(port, _) => {
            connect(namespace, SocketAddr::new(open.address, port), local_port).await.map(drop)
        }
        Traffic::Udp(53, _) => {
            exchange(namespace, SocketAddr::new(open.address, 53), &dns_question(), local_port).await
        }
        Traffic::Udp(123, _) => {
            exchange(namespace, SocketAddr::new(open.address, 123), &NTP_QUESTION, local_port).await
        }
        one if one == Traffic::icmp(ECHO_REQUEST) => echo(namespace, open.address).await,
        other => Err(AskError::NoQuestion(other)),
    }
}

/// Connects by the node's own kernel, from a port that is told even if nobody answers.
pub(super) async fn connect(
    namespace: &Namespace,
    to: SocketAddr,
    local_port: &mut u16,
) -> Result<TcpStream, AskError> {
    let socket =
        namespace.inside(|| if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() })??;
    // Bound first, so that the port is known even when nobody answers.
    socket.bind(SocketAddr::new(any(to.ip()), 0))?;
    *local_port = socket.local_addr()?.port();
    Ok(socket.connect(to).await?)
}

/// A question about the root (RFC 1035), of another type than the 254 before: any server answers it, if only by refusing.
///
/// A forwarder takes the same question of somebody else for one that it has asked already. While nobody answers it, dnsmasq counts how
/// often it has asked, and takes as many refusals for none: with one question for all it stays mute long after its server is back.
fn dns_question() -> [u8; 17] {
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let (first, types) = PRIVATE_TYPES;
    let [high, low] = (first + ASKED.fetch_add(1, Ordering::Relaxed) % types).to_be_bytes();
    [0x54, 0x42, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, high, low, 0, 1]
}

async fn exchange(
    namespace: &Namespace,
    to: SocketAddr,
    question: &[u8],
    local_port: &mut u16,
) -> Result<(), AskError> {
    let bound = namespace.inside(|| std::net::UdpSocket::bind(SocketAddr::new(any(to.ip()), 0)))??;
    bound.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(bound)?;
    *local_port = socket.local_addr()?.port();
    socket.connect(to).await?;
    socket.send(question).await?;
    socket.recv(&mut [0; 512]).await?;
    Ok(())
}

/// An echo through the kernel's own ICMP socket, which lets only our answer through.
async fn echo(namespace: &Namespace, to: IpAddr) -> Result<(), AskError> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let make = || socket(AddressFamily::Inet, SockType::Raw, flags, SockProtocol::Icmp);
    let raw = namespace.inside(make)?.map_err(io::Error::from)?;
    let socket = UdpSocket::from_std(raw.into())?;
    socket.connect(SocketAddr::new(to, 0)).await?;
    // Type 8, code 0, an identifier of its own, so that no echo rides on the state of another, and sequence 1; the
    // checksum is over these four words.
    let [high, low] = u16::try_from(fake_facts::now() & 0xffff).unwrap_or(1).to_be_bytes();
    let mut request = [ECHO_REQUEST, 0, 0, 0, high, low, 0, 1];
    let sum: u32 = request.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let checksum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or(u16::MAX);
    request[2..4].copy_from_slice(&checksum.to_be_bytes());
    socket.send(&request).await?;
    let mut answer = [0; 128];
    loop {
        let length = socket.recv(&mut answer).await?;
        // A raw socket hands out the IP header too (ip(7)); 20 bytes, since nobody here sends options.
        if length >= 28 && answer[20] == 0 && answer[24..28] == request[4..8] {
            return Ok(());
        }
    }
}

/// No address of its family in particular.
pub(super) fn any(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::from([0; 4]),
        IpAddr::V6(_) => IpAddr::from([0; 16]),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hickory_proto::op::Message;

    use super::*;

    #[test]
    fn questions_are_told_apart_by_their_types() {
        let questions: Vec<_> = (0..255).map(|_| dns_question()).collect();
        let types: BTreeSet<_> = questions.iter().map(|one| [one[13], one[14]]).collect();
        // Others may ask beside this test.
        assert!(types.len() > 200, "{}", types.len());
        let read = Message::from_vec(&questions[0]).unwrap();
        assert!(read.queries[0].name().is_root());
        assert!((65280..=65534).contains(&u16::from(read.queries[0].query_type())));
    }
}
