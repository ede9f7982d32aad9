//! ICMP redirects at the links that they leave and come to, and what comes to those who send them though it is for others.

use super::capture::Port;
use super::frame::{Content, Frame, Packet, Transport};
use super::inventory::Inventory;
use super::sightings::{Direction, Seen};
use crate::names::Mac;
use crate::observation::{LedSeen, RedirectSeen};

/// Types of a redirect (RFC 792; RFC 4861, section 4.5).
const REDIRECT4: u8 = 5;
const REDIRECT6: u8 = 137;
/// More than these are not kept: who tells of more ways is found by the first of them.
const MOST: usize = 1_000;

/// What has been seen of redirects so far.
#[derive(Debug, Default)]
pub(super) struct Redirects {
    told: Vec<RedirectSeen>,
    /// Ports that some have left by.
    senders: Vec<u16>,
    led: Vec<LedSeen>,
}

impl Redirects {
    /// Takes a frame at a port whose link has one of these Ethernet addresses.
    pub(super) fn take(
        &mut self,
        frame: &Frame<'_>,
        seen: Seen,
        (port, macs): (&Port, [Option<Mac>; 2]),
        inventory: &Inventory,
    ) {
        let Content::Ip(packet) = &frame.content else { return };
        let comes = seen.direction == Direction::ToNode;
        if let Transport::Icmp(icmp) = packet.transport
            && icmp.kind == if packet.source.is_ipv4() { REDIRECT4 } else { REDIRECT6 }
        {
            self.redirect(packet, seen, port);
        }
        if comes && macs.contains(&Some(frame.dest)) && self.senders.contains(&seen.port) {
            self.lead(frame, packet, seen, port, inventory);
        }
    }

    /// Keeps the first of each kind.
    fn redirect(&mut self, packet: &Packet<'_>, seen: Seen, port: &Port) {
        let Some(about) = packet.quoted().map(|quoted| quoted.dest) else { return };
        let leaves = seen.direction == Direction::FromNode;
        if leaves && !self.senders.contains(&seen.port) {
            self.senders.push(seen.port);
        }
        let (says, to) = (packet.source, packet.dest);
        let known = |one: &RedirectSeen| {
            (&one.node, &one.link, one.leaves, one.says, one.to, one.about)
                == (&port.node, &port.link, leaves, says, to, about)
        };
        if self.told.len() >= MOST || self.told.iter().any(known) {
            return;
        }
        let (node, link) = (port.node.clone(), port.link.clone());
        let (packet, at) = (seen.packet, seen.at);
        self.told.push(RedirectSeen { node, link, leaves, packet, at, says, to, about });
    }

    /// Keeps the first packet of each node for each address, if that is none of the port's own node.
    fn lead(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        seen: Seen,
        port: &Port,
        inventory: &Inventory,
    ) {
        let (from, to) = (inventory.owner(frame.source).map(|owner| &owner.node), packet.dest);
        let known = |one: &LedSeen| (&one.node, one.from.as_ref(), one.to) == (&port.node, from, to);
        let own = inventory.node(to) == Some(&port.node) || to.is_multicast();
        if own || self.led.len() >= MOST || self.led.iter().any(known) {
            return;
        }
        self.led.push(LedSeen { node: port.node.clone(), packet: seen.packet, from: from.cloned(), to });
    }

    /// All redirects so far. In the next stretch they are earlier ones.
    pub(super) fn told(&mut self) -> Vec<RedirectSeen> {
        let told = self.told.clone();
        self.told.iter_mut().for_each(|one| one.packet = 0);
        told
    }

    /// The end of a stretch: what was led astray in it.
    pub(super) fn turn(&mut self) -> Vec<LedSeen> {
        std::mem::take(&mut self.led)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::fixture::{ADDRESSES, APP, Hop, RTR_B, icmp, inventory, link, link_to, mac, ports, tcp};

    /// Takes all hops, numbered on from here.
    fn take(redirects: &mut Redirects, first: u64, hops: &[Hop]) {
        for (packet, hop) in (first..).zip(hops) {
            let seen = Seen { packet, at: packet, port: hop.port as u16, direction: hop.direction };
            let at = (&ports()[hop.port], [Some(mac(hop.port)), None]);
            redirects.take(&hop.frame(), seen, at, &inventory());
        }
    }

    fn both(first: Vec<Hop>, then: Vec<Hop>) -> Vec<Hop> {
        first.into_iter().chain(then).collect()
    }

    /// What the appliance sends to somebody in the internet.
    fn away() -> Vec<u8> {
        tcp((ADDRESSES[APP], 4000), ("203.0.113.10", 443), 1, "S", b"")
    }

    fn redirect() -> Vec<Hop> {
        let told = icmp(ADDRESSES[RTR_B], ADDRESSES[APP], 5, [10, 30, 0, 66], &away());
        link(RTR_B, APP, 0x0800, &told)
    }

    #[test]
    fn a_redirect_is_kept_where_it_leaves_and_comes_once() {
        let mut redirects = Redirects::default();
        take(&mut redirects, 1, &both(redirect(), redirect()));
        let kept = redirects.told();
        let short: Vec<_> = kept.iter().map(|one| (one.node.as_str(), one.leaves, one.packet)).collect();
        assert_eq!(short, [("rtr", true, 1), ("app", false, 2)]);
        let address = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
        let said = (kept[1].says, kept[1].to, kept[1].about);
        assert_eq!(said, (address(ADDRESSES[RTR_B]), address(ADDRESSES[APP]), address("203.0.113.10")));
        assert_eq!(redirects.told().iter().map(|one| one.packet).collect::<Vec<_>>(), [0, 0]);
    }

    #[test]
    fn another_error_is_no_redirect() {
        let mut redirects = Redirects::default();
        let told = icmp(ADDRESSES[RTR_B], ADDRESSES[APP], 3, [0; 4], &away());
        take(&mut redirects, 1, &link(RTR_B, APP, 0x0800, &told));
        // in IPv6 the number is another one
        let told = icmp("fd00::1", "fd00::5", 5, [0; 4], &away());
        take(&mut redirects, 3, &link(RTR_B, APP, 0x86dd, &told));
        assert_eq!(redirects.told(), []);
    }

    #[test]
    fn what_is_for_others_is_kept_at_whoever_told_of_ways() {
        let mut redirects = Redirects::default();
        let led = link(APP, RTR_B, 0x0800, &away());
        take(&mut redirects, 1, &led);
        assert_eq!(redirects.turn(), [], "nobody had told it of a way");
        take(&mut redirects, 3, &redirect());
        take(&mut redirects, 5, &both(led, link(APP, RTR_B, 0x0800, &away())));
        let own = tcp((ADDRESSES[APP], 4000), (ADDRESSES[RTR_B], 443), 1, "S", b"");
        take(&mut redirects, 9, &link(APP, RTR_B, 0x0800, &own));
        // what a bridge repeats is for another link
        take(&mut redirects, 11, &link_to(APP, RTR_B, mac(0), 0x0800, &away()));
        let seen = redirects.turn();
        let [one] = seen.as_slice() else { panic!("{seen:#?}") };
        let from = one.from.as_ref().map(|node| node.as_str());
        assert_eq!((one.node.as_str(), one.packet, from), ("rtr", 6, Some("app")));
        assert_eq!(redirects.turn(), []);
    }
}
