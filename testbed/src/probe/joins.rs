//! Joins the groups to which cameras send, by each node's own kernel, where nothing of them may come.
//!
//! *Instrument*: somebody who may hear the camera joins likewise, and hears it at that time; and a datagram of the group that is put on
//! the cable of each link at which it was joined is seen at the tap there. *Path*: in the open copy, while the camera's port is joined to
//! that link's, a datagram that it sends to the group comes out there.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket, sockopt};

use super::Site;
use super::sockets::Sockets;
use crate::kernel::{Namespace, nft};
use crate::names::{CheckName, LinkName, Mac, Traffic};
use crate::observation::{Control, Conversation, JoinSeen};
use crate::plan::{Check, Join};
use crate::tap::nonce::{self, Probe};
use crate::tap::{Captured, Direction};

/// So long somebody who may hears the camera, while others have joined.
const HEARD_FOR: Duration = Duration::from_millis(1500);
/// How long it may take until that was so, beyond the time itself.
const HEARD_WITHIN: Duration = Duration::from_secs(3);
/// How long datagrams of ours may be under way before a control counts as missed.
const ARRIVE_WITHIN: Duration = Duration::from_secs(1);
/// What stays in its segment, as cameras of ours send it.
const IN_THE_SEGMENT: u8 = 1;
/// So many datagrams that wait in a socket are looked at.
const MOST_WAITING: usize = 65_536;
/// Where datagrams of ours come from (RFC 863).
const DISCARD: u16 = 9;
/// Where kernels report which groups they are in (RFC 3376, section 4.2.14).
const REPORTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);

/// A group that was joined, before the captures are closed.
#[derive(Debug)]
pub struct Joined {
    pub(super) check: CheckName,
    pub(super) join: Join,
    /// Numbers of the instrument control in the site and of the path control in the copy.
    pub(super) numbers: [Option<u32>; 2],
    /// When it was joined, and when it was left.
    pub(super) started_at: u64,
    pub(super) ended_at: u64,
    /// Datagrams of the camera's that the kernel handed out, and when the first and the last did.
    pub(super) heard: u64,
    pub(super) heard_at: Option<(u64, u64)>,
    pub(super) errors: Vec<String>,
}

/// Places of the numbers.
const INSTRUMENT: usize = 0;
const PATH: usize = 1;

/// Joins all groups of a check at once, those of `joins` before those of `hears`, and leaves them once each of `hears` has heard its
/// camera for a while, or has not. Those of `joins` come first.
pub async fn join(
    site: &Site,
    open_copy: &Site,
    check: &Check,
    (joins, hears): (&[Join], &[Join]),
    patience: u32,
) -> Vec<Joined> {
    if joins.is_empty() {
        return Vec::new();
    }
    tracing::info!(check = %check.name, joins = joins.len(), "joins the groups of cameras");
    let mut all: Vec<_> = joins.iter().chain(hears).map(|join| begun(site, check, join)).collect();
    let (apart, hearing) = all.split_at_mut(joins.len());
    let deadline = tokio::time::Instant::now() + HEARD_FOR + HEARD_WITHIN * patience;
    futures_util::future::join_all(hearing.iter_mut().map(|(one, socket)| one.hear(socket.take(), deadline)))
        .await;
    apart.iter_mut().for_each(|(one, socket)| one.take(socket.take()));
    let mut joined: Vec<_> = all.into_iter().map(|(one, _)| one).collect();
    for one in &mut joined[..joins.len()] {
        one.instrument(site, patience);
        one.path(open_copy, patience).await;
    }
    joined
}

fn begun(site: &Site, check: &Check, join: &Join) -> (Joined, Option<UdpSocket>) {
    let mut one = Joined {
        check: check.name.clone(),
        join: join.clone(),
        numbers: [None; 2],
        started_at: fake_facts::now(),
        ended_at: 0,
        heard: 0,
        heard_at: None,
        errors: Vec::new(),
    };
    match opened(site.lab.node(&join.from), join) {
        Ok(socket) => (one, Some(socket)),
        Err(error) => {
            one.errors.push(format!("the group cannot be joined: {error}"));
            (one, None)
        }
    }
}

/// A socket that is in the group, on that link alone, and hears the group's first port.
fn opened(namespace: &Namespace, join: &Join) -> Result<UdpSocket, String> {
    let made = || -> io::Result<UdpSocket> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let own = socket(AddressFamily::Inet, SockType::Datagram, flags, None)?;
        // Whoever plays the camera there has the same port.
        setsockopt(&own, sockopt::ReuseAddr, &true)?;
        let at = SocketAddrV4::new(join.group, join.ports.0);
        bind(std::os::fd::AsRawFd::as_raw_fd(&own), &SockaddrIn::from(at))?;
        let own = UdpSocket::from(own);
        own.join_multicast_v4(&join.group, &join.address)?;
        Ok(own)
    };
    namespace.inside(made).map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

impl Joined {
    /// Hears the camera until it has done so for a while.
    async fn hear(&mut self, socket: Option<UdpSocket>, deadline: tokio::time::Instant) {
        let Some(socket) = socket else { return };
        let socket = match tokio::net::UdpSocket::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => return self.errors.push(error.to_string()),
        };
        let enough = u64::try_from(HEARD_FOR.as_nanos()).unwrap_or(u64::MAX);
        while self.heard_at.is_none_or(|(first, last)| last.saturating_sub(first) < enough) {
            match tokio::time::timeout_at(deadline, socket.recv_from(&mut [0; 1])).await {
                Ok(Ok((_, from))) => self.note(from.ip()),
                Ok(Err(error)) => {
                    self.errors.push(error.to_string());
                    break;
                }
                Err(_) => break,
            }
        }
        self.ended_at = fake_facts::now();
    }

    /// What has come until now; the socket has kept it.
    fn take(&mut self, socket: Option<UdpSocket>) {
        let Some(socket) = socket else { return };
        for _ in 0..MOST_WAITING {
            match socket.recv_from(&mut [0; 1]) {
                Ok((_, from)) => self.note(from.ip()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    self.errors.push(error.to_string());
                    break;
                }
            }
        }
        self.ended_at = fake_facts::now();
    }

    fn note(&mut self, from: IpAddr) {
        if from == IpAddr::V4(self.join.sends_from.1) {
            let now = fake_facts::now();
            self.heard += 1;
            self.heard_at = Some((self.heard_at.map_or(now, |(first, _)| first), now));
        }
    }

    fn instrument(&mut self, site: &Site, patience: u32) {
        let port = self.join.from_port.clone();
        let mut sockets = Sockets::default();
        let n = site.ledger.enter_frame();
        let sent = sockets.of_port(site, &port).and_then(|socket| {
            socket.send(&crafted(&self.join, site.key, n)?).map_err(|error| error.to_string())
        });
        self.keep((site, INSTRUMENT, n), sent, (&port, patience));
    }

    /// While the camera sends, and no longer, its port is joined to that of the link.
    async fn path(&mut self, copy: &Site, patience: u32) {
        let Join { camera, camera_port, from_port, .. } = &self.join;
        let (camera, into, out) = (camera.clone(), camera_port.clone(), from_port.clone());
        if let Err(error) = nft::join_links(&copy.lab.fabric, &into, &out).await {
            return self.errors.push(format!("path control: {error}"));
        }
        let mut sockets = Sockets::default();
        let n = copy.ledger.enter_frame();
        let links = copy.plan.node(&camera).into_iter().flat_map(|node| &node.links);
        let link = links.into_iter().find(|link| link.port == into).map(|link| &link.name);
        let sent = link.ok_or_else(|| "the camera has no such link".to_owned()).and_then(|link| {
            let socket = sockets.of_link(copy, &camera, link)?;
            socket.send(&crafted(&self.join, copy.key, n)?).map_err(|error| error.to_string())
        });
        self.keep((copy, PATH, n), sent, (&out, patience));
        if let Err(error) = nft::part_links(&copy.lab.fabric).await {
            self.errors.push(format!("path control: {error}"));
        }
    }

    /// Keeps the number of what was sent, and waits until it is seen at the port, at most for a while.
    fn keep(
        &mut self,
        (site, place, n): (&Site, usize, u32),
        sent: Result<(), String>,
        (port, patience): (&LinkName, u32),
    ) {
        match sent {
            Ok(()) => {
                self.numbers[place] = Some(n);
                let deadline = Instant::now() + ARRIVE_WITHIN * patience;
                site.watch.wait_for(n, port, Direction::ToNode, deadline);
            }
            Err(error) => self.errors.push(error),
        }
    }

    /// Joins what was done with what the taps have seen, once the captures are closed.
    pub fn complete(self, site: &Captured, open_copy: &Captured) -> JoinSeen {
        let port = &self.join.from_port;
        let control = |captured: &Captured, n: Option<u32>| {
            let seen = n.and_then(|n| captured.sightings.first(n, port, Direction::ToNode));
            Control { sent: u64::from(n.is_some()), seen: u64::from(seen.is_some()) }
        };
        let [instrument, path] = self.numbers;
        let there = || site.conversations.iter().filter(|one| !one.earlier && one.ports.contains(port));
        let report = there().find(|one| is_report(one, &self.join) && one.last_at >= self.started_at);
        let cast = there().find(|one| is_cast(one, &self.join));
        JoinSeen {
            report_packet: report.map(|one| one.first_packet),
            cast_packet: cast.map(|one| one.first_packet),
            instrument: control(site, instrument),
            path: control(open_copy, path),
            check: self.check,
            join: self.join,
            started_at: self.started_at,
            ended_at: self.ended_at,
            heard: self.heard,
            heard_at: self.heard_at,
            errors: self.errors,
        }
    }
}

/// What the kernel of who joins says of its groups.
fn is_report(one: &Conversation, join: &Join) -> bool {
    one.kind == "igmp"
        && one.opener.node.as_ref() == Some(&join.from)
        && [REPORTS, join.group].map(IpAddr::V4).contains(&one.answerer.address)
}

/// What goes to the group, from whomever.
fn is_cast(one: &Conversation, join: &Join) -> bool {
    one.kind == "udp"
        && one.answerer.address == IpAddr::V4(join.group)
        && (join.ports.0..=join.ports.1).contains(&one.answerer.port)
}

/// A datagram to the group as the camera would send it, with a number of ours, and from a port of which it sends nothing: what it
/// sends itself goes another way.
fn crafted(join: &Join, key: u32, n: u32) -> Result<Vec<u8>, String> {
    let (port, (mac, address)) = (join.ports.0, join.sends_from);
    let probe = Probe {
        source_mac: mac,
        next_hop_mac: mac_of(join.group),
        source: IpAddr::V4(address),
        dest: IpAddr::V4(join.group),
        traffic: Traffic::Udp(port, port),
        source_port: DISCARD,
        key,
        n,
        ttl: IN_THE_SEGMENT,
        waypoint: None,
    };
    nonce::craft(&probe).map_err(|error| error.to_string())
}

/// The Ethernet address of a group (RFC 1112, section 6.4).
fn mac_of(group: Ipv4Addr) -> Mac {
    let [_, b, c, d] = group.octets();
    Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_the_low_bits_of_its_address_in_its_ethernet_address() {
        assert_eq!(mac_of(Ipv4Addr::new(239, 255, 0, 1)), Mac([0x01, 0x00, 0x5e, 0x7f, 0x00, 0x01]));
        assert_eq!(mac_of(Ipv4Addr::new(224, 128, 1, 2)), Mac([0x01, 0x00, 0x5e, 0x00, 0x01, 0x02]));
    }
}
