//! Canaries: frames that nothing may explain, shown to the matcher at every tap, so that one that finds everything explained
//! is known to be able to find the opposite.
//!
//! None is on the wire. Once a stretch is counted, each is taken as if it had just come out of the tap's link, the very way
//! that captured frames go, and is counted by itself: nobody has to excuse it, and nothing of it stays.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep};

use super::super::answers::Part;
use super::super::frame::Frame;
use super::super::sightings::{Direction, Seen};
use super::Claims;
use super::allowed::{Allowed, Plugged};
use crate::names::Mac;
use crate::observation::CanariesShown;

/// Nobody's Ethernet address; the helpers' differ from it in their last byte.
const STRANGER: Mac = Mac([0x02, 0x74, 0x65, 0x73, 0x74, 0xfc]);
const EVERYBODY: Mac = Mac([0xff; 6]);
/// For experiments (IEEE 802, clause 9.2.3): no kernel says it by itself.
const EXPERIMENT: [u8; 2] = [0x88, 0xb5];
const ARP: [u8; 2] = [0x08, 0x06];
/// Of these networks somebody's addresses may be, but not all (RFC 2544, appendix C.2.2; RFC 3849).
const FOR_BENCHMARKS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
const FOR_DOCUMENTS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
const DISCARD: u16 = 9;

/// A frame, and what it is in a few words.
type Canary = (&'static str, Vec<u8>);

impl Claims {
    /// Takes the canaries of every tap; which of them something explained.
    pub(super) fn show_canaries(&mut self) -> Vec<CanariesShown> {
        (0..self.ports.len()).map(|place| self.show_at(place)).collect()
    }

    fn show_at(&mut self, place: usize) -> CanariesShown {
        let port = &self.ports[place];
        let (name, canaries) = (port.port.clone(), canaries(&self.allowed, port));
        let shown = canaries.len();
        let explained = canaries.into_iter().filter(|(_, bytes)| !self.tells(place as u16, bytes));
        CanariesShown { explained: explained.map(|(what, _)| what.to_owned()).collect(), port: name, shown }
    }

    /// Whether it says of a frame that nothing explains it.
    fn tells(&mut self, port: u16, bytes: &[u8]) -> bool {
        let Some(frame) = Frame::of(bytes) else { return false };
        let seen = Seen { packet: 0, at: 0, port, direction: Direction::FromNode };
        self.take(&frame, Part::None, seen);
        let told = self.count();
        told.claimed.is_empty() && told.unexplained.len() == 1
    }
}

/// One of each kind: of nobody's, in a language that nobody speaks, what no flow allows, for an address that nobody has.
fn canaries(allowed: &Allowed, port: &Plugged) -> Vec<Canary> {
    let own = port.addresses.iter().find(|address| address.is_ipv4()).or(port.addresses.first());
    let own = *own.expect("a link has at least the address that the kernel makes of its Ethernet address");
    let (opens, asks) = match own {
        IpAddr::V4(own) => {
            let to = nobody(allowed, |n| Ipv4Addr::from_bits(FOR_BENCHMARKS.to_bits() + n));
            let packet = PacketBuilder::ethernet2(port.mac.0, STRANGER.0).ipv4(own.octets(), to.octets(), 64);
            (opening(packet), Some(question(port.mac, own, to)))
        }
        IpAddr::V6(own) => {
            let to = nobody(allowed, |n| Ipv6Addr::from_bits(FOR_DOCUMENTS.to_bits() + u128::from(n)));
            let packet = PacketBuilder::ethernet2(port.mac.0, STRANGER.0).ipv6(own.octets(), to.octets(), 64);
            (opening(packet), None)
        }
    };
    let always = [
        ("a stranger's frame", ethernet(STRANGER, EXPERIMENT, &[])),
        ("a frame of a kind that nobody speaks", ethernet(port.mac, EXPERIMENT, &[])),
        ("a connection that no flow lets it open", opens),
    ];
    let asks = asks.map(|asks| ("a question for an address that nobody has", asks));
    always.into_iter().chain(asks).collect()
}

/// The first address of a network that nobody has.
fn nobody<A: Copy + Into<IpAddr>>(allowed: &Allowed, nth: impl Fn(u32) -> A) -> A {
    let mut all = (1..=u32::from(u16::MAX)).map(nth);
    all.find(|address| allowed.owner((*address).into()).is_none()).expect("a site has fewer nodes than that")
}

fn ethernet(from: Mac, kind: [u8; 2], body: &[u8]) -> Vec<u8> {
    [&EVERYBODY.0, &from.0, &kind[..], body].concat()
}

/// ARP's question (RFC 826).
fn question(mac: Mac, own: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let asks = [&[0, 1, 8, 0, 6, 4, 0, 1], &mac.0[..], &own.octets(), &[0; 6], &to.octets()];
    ethernet(mac, ARP, &asks.concat())
}

/// The first packet of a TCP connection.
fn opening(packet: PacketBuilderStep<IpHeaders>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = packet.tcp(DISCARD, DISCARD, 1, 1024).syn().write(&mut bytes, &[]);
    written.expect("a vector takes whatever is written, and nothing is not too long");
    bytes
}
