//! DHCP between a link that asks for its address and the server of its segment: its packets have addresses of nobody.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::super::frame::{Content, Frame, Transport, Udp};
use super::super::sightings::Seen;
use super::super::tell::{Kind, Told};
use super::allowed::{Allowed, Index, Plugged};
use super::why::Why;
use crate::names::{Mac, Traffic};

/// UDP ports of servers and clients (RFC 2131, section 4.1).
const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// A server answers within this, nanoseconds.
const ANSWERED_WITHIN: u64 = 30_000_000_000;
/// Bytes of a message: what every client must take (RFC 2131, section 2: 312 bytes of options).
const LARGEST: usize = 548;

/// Exchanges that are remembered; the oldest are forgotten together.
const MOST: usize = 4096;

/// Segment, the client's Ethernet address, and the exchange's number.
type Exchange = (Index, Mac, [u8; 4]);

/// Who has asked.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// When, and which flows allow it.
    asked: HashMap<Exchange, (u64, Vec<Index>)>,
    /// Who answered whom: when. A client that listens below IP has its kernel refuse the answer.
    answered: HashMap<(IpAddr, IpAddr), u64>,
}

impl Leases {
    /// The flows that explain a message; none if it is no DHCP.
    pub(super) fn take(
        &mut self,
        allowed: &Allowed,
        frame: &Frame<'_>,
        sender: &Plugged,
        seen: Seen,
    ) -> Option<Result<Vec<Index>, Why>> {
        let Content::Ip(packet) = &frame.content else { return None };
        let Transport::Udp(udp) = packet.transport else { return None };
        match (packet.source, (udp.source_port, udp.dest_port)) {
            (IpAddr::V4(from), (CLIENT, SERVER)) => {
                Some(self.asks(allowed, frame, (from, packet.dest), &udp, sender, seen))
            }
            (IpAddr::V4(from), (SERVER, CLIENT)) => {
                let flows = self.answers(from, &udp, sender, seen);
                if flows.is_ok() {
                    self.answered.insert((packet.source, packet.dest), seen.at);
                }
                Some(flows)
            }
            _ => None,
        }
    }

    /// The end of a stretch.
    pub(super) fn turn(&mut self, now: u64) {
        self.asked.retain(|_, (asked, _)| now.saturating_sub(*asked) <= ANSWERED_WITHIN);
        self.answered.retain(|_, answered| now.saturating_sub(*answered) <= ANSWERED_WITHIN);
    }

    /// Whether a server has sent that answer a moment ago.
    pub(super) fn has_sent(&self, ends: (IpAddr, IpAddr), told: &Told<'_>, now: u64) -> bool {
        let is_answer = told.kind == Kind::Udp && (told.source.port, told.dest.port) == (SERVER, CLIENT);
        let answered = self.answered.get(&ends).filter(|_| is_answer);
        answered.is_some_and(|answered| now.saturating_sub(*answered) <= ANSWERED_WITHIN)
    }

    fn asks(
        &mut self,
        allowed: &Allowed,
        frame: &Frame<'_>,
        (from, to): (Ipv4Addr, IpAddr),
        udp: &Udp<'_>,
        sender: &Plugged,
        seen: Seen,
    ) -> Result<Vec<Index>, Why> {
        let (exchange, client) = names(udp.payload).ok_or(Why::Misshapen)?;
        if client != frame.source || !(from.is_unspecified() || sender.addresses.contains(&from.into())) {
            return Err(Why::NotItsOwn);
        }
        let asks = Traffic::Udp(SERVER, SERVER);
        let servers = allowed.leasing(sender.segment).flat_map(|server| &server.addresses);
        let servers = servers.filter(|server| to == Ipv4Addr::BROADCAST || to == **server);
        let mut flows: Vec<Index> =
            servers.flat_map(|server| allowed.opens(sender.node, *server, &asks)).collect();
        flows.dedup();
        if flows.is_empty() {
            return Err(Why::NotAllowed);
        }
        if self.asked.len() >= MOST {
            self.asked.clear();
        }
        self.asked.insert((sender.segment, client, exchange), (seen.at, flows.clone()));
        Ok(flows)
    }

    fn answers(
        &self,
        from: Ipv4Addr,
        udp: &Udp<'_>,
        sender: &Plugged,
        seen: Seen,
    ) -> Result<Vec<Index>, Why> {
        let (exchange, client) = names(udp.payload).ok_or(Why::Misshapen)?;
        if !sender.leases || !sender.addresses.contains(&from.into()) {
            return Err(Why::NotAllowed);
        }
        match self.asked.get(&(sender.segment, client, exchange)) {
            Some((asked, flows)) if seen.at.saturating_sub(*asked) <= ANSWERED_WITHIN => Ok(flows.clone()),
            _ => Err(Why::Unasked),
        }
    }
}

/// The number of the exchange and the client's Ethernet address (RFC 2131, section 2: `xid`, `chaddr`).
fn names(message: &[u8]) -> Option<([u8; 4], Mac)> {
    let exchange = message.get(4..8)?.try_into().ok()?;
    let client = message.get(28..34)?.try_into().ok()?;
    (message.len() <= LARGEST).then_some((exchange, Mac(client)))
}
