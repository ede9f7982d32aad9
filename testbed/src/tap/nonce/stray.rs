//! Frames that a bridge would pass on.

use std::net::IpAddr;

use super::craft::{Error, LEAST, Probe, TTL, bare_frame, craft};
use crate::names::{Mac, Traffic};
use crate::plan::{Carries, Tag};

/// Port of the discard service (RFC 863): nobody answers there.
const DISCARD: u16 = 9;
/// EtherType that nobody speaks (IEEE 802, local experimental 1).
const EXPERIMENTAL: u16 = 0x88b5;

/// A frame that a bridge would pass on, as it leaves a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Ethernet address it is sent from.
    pub source: Mac,
    /// Ethernet address it is sent to.
    pub dest: Mac,
    /// The lab's key.
    pub key: u32,
    /// The probe's number.
    pub n: u32,
}

/// The complete frame.
///
/// Errors: `Family` where the addresses that it carries are not of one family.
pub fn craft_stray(stray: &Stray, carries: &Carries) -> Result<Vec<u8>, Error> {
    let Stray { source, dest, key, n } = *stray;
    let probe = |source_ip, dest_ip, traffic| Probe {
        source_mac: source,
        next_hop_mac: dest,
        source: source_ip,
        dest: dest_ip,
        traffic,
        source_port: DISCARD,
        key,
        n,
        ttl: TTL,
        waypoint: None,
    };
    if let Carries::Udp { source: from, dest: to } = carries {
        return craft(&probe(*from, *to, Traffic::Udp(DISCARD, DISCARD)));
    }
    let nobody = IpAddr::from([0, 0, 0, 0]);
    let (ether_type, tags) = match carries {
        Carries::Llc => (LEAST as u16, [None, None]),
        Carries::Ether(ether_type) => (*ether_type, [None, None]),
        Carries::Tagged { outer, inner } => (EXPERIMENTAL, [Some(*outer), *inner]),
        Carries::Unknown | Carries::Udp { .. } => (EXPERIMENTAL, [None, None]),
    };
    let frame = bare_frame(&probe(nobody, nobody, Traffic::Ether(ether_type, ether_type)), ether_type);
    // Behind the two Ethernet addresses.
    Ok([&frame[..12], &tags.into_iter().flatten().flat_map(tag).collect::<Vec<u8>>(), &frame[12..]].concat())
}

/// The four bytes of a tag: EtherType, then three bits of priority, one that nobody uses, twelve of the number.
fn tag(tag: Tag) -> [u8; 4] {
    let control = u16::from(tag.priority) << 13 | tag.number;
    let ([a, b], [c, d]) = (tag.ether_type.to_be_bytes(), control.to_be_bytes());
    [a, b, c, d]
}
