//! Addresses that are written out: inside their subnet, each only once, and room for those that are not written.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::super::mistakes::{Mistake, Mistakes};
use super::super::shape::At;
use super::super::tree::Spot;
use super::segments::{Known, Segments};
use crate::names::{Mac, NodeName, SegmentName};

/// Addresses that a cloud takes, one per service, from the first on.
pub(crate) const CLOUD: u64 = 6;

/// Every address and Ethernet address that is written, and how many are needed where.
#[derive(Default)]
pub(crate) struct Register {
    addresses: BTreeMap<IpAddr, (NodeName, Spot)>,
    macs: BTreeMap<Mac, (NodeName, Spot)>,
    /// Per segment: addresses needed in each of its subnets, and the place that asks for most of them.
    needed: BTreeMap<SegmentName, (u64, u64, Spot)>,
}

impl Register {
    /// Notes that `many` addresses of each subnet of the segment are needed.
    pub(crate) fn need(&mut self, segment: &SegmentName, many: u64, spot: Spot) {
        let entry = self.needed.entry(segment.clone()).or_insert((0, 0, spot));
        entry.0 += many;
        if many > entry.1 {
            (entry.1, entry.2) = (many, spot);
        }
    }

    /// Takes `many` consecutive addresses for a node from the one that is written.
    pub(crate) fn take(
        &mut self,
        node: &NodeName,
        first: &At<IpAddr>,
        many: u64,
        segment: &Known,
        out: &mut Mistakes,
    ) -> bool {
        let Some(subnet) = inside(first, segment, out) else { return false };
        for step in 0..many {
            let address = ahead(first.value, step);
            let problem = match address {
                Some(address) if subnet.contains(&address) => unusable(&address, &subnet),
                _ => Some("lies outside the subnet"),
            };
            if let Some(problem) = problem {
                let shown = address.map_or_else(|| "the next".to_owned(), |address| format!("`{address}`"));
                let label = match step {
                    0 => format!("{problem} of `{subnet}`").replace("subnet of", "subnet"),
                    _ => format!("{many} addresses from here: {shown} {problem} of `{subnet}`")
                        .replace("subnet of", "subnet"),
                };
                out.push(Mistake::error("an address that no node can have", first.spot, label));
                return false;
            }
            let address = address.expect("checked just above");
            if let Some((other, spot)) = self.addresses.get(&address) {
                let mistake = Mistake::error(
                    "two nodes have one address",
                    first.spot,
                    format!("`{address}` for `{node}`"),
                );
                out.push(mistake.also(*spot, format!("`{address}` for `{other}`")));
                return false;
            }
            self.addresses.insert(address, (node.clone(), first.spot));
        }
        true
    }

    /// The addresses taken so far that lie in a range, each with its node and place.
    pub(crate) fn within(
        &self,
        first: IpAddr,
        last: IpAddr,
    ) -> impl Iterator<Item = (&IpAddr, &NodeName, Spot)> {
        self.addresses.range(first..=last).map(|(address, (node, spot))| (address, node, *spot))
    }

    /// Takes an Ethernet address for a node.
    pub(crate) fn take_mac(&mut self, node: &NodeName, mac: &At<Mac>, out: &mut Mistakes) {
        // IEEE 802: the lowest bit of the first byte says that an address is a group's
        if mac.value.0[0] & 1 == 1 || mac.value.0 == [0; 6] {
            let label = "the second digit must be even: `02:…` is right for an address of one's own";
            out.push(Mistake::error("an Ethernet address that no interface can have", mac.spot, label));
            return;
        }
        if let Some((other, spot)) = self.macs.get(&mac.value) {
            let mistake =
                Mistake::error("two links have one Ethernet address", mac.spot, format!("for `{node}`"));
            out.push(mistake.also(*spot, format!("for `{other}`")));
            return;
        }
        self.macs.insert(mac.value, (node.clone(), mac.spot));
    }

    /// Every subnet must hold what its segment needs.
    pub(crate) fn check_room(&self, segments: &Segments, out: &mut Mistakes) {
        for (name, (needed, most, spot)) in &self.needed {
            let Some(known) = segments.known.get(name).filter(|known| known.whole) else { continue };
            for (subnet, subnet_spot) in known.segment.subnets.iter().zip(&known.subnet_spots) {
                if room(subnet) < *needed {
                    let label = format!("holds {} addresses, {needed} are needed", room(subnet));
                    let mistake = Mistake::error("a subnet is too small", *subnet_spot, label);
                    out.push(mistake.also(*spot, format!("asks for {most} of them")));
                }
            }
        }
    }
}

/// The subnet of the segment in which an address lies.
fn inside(address: &At<IpAddr>, segment: &Known, out: &mut Mistakes) -> Option<IpNet> {
    let subnets = &segment.segment.subnets;
    let found = subnets.iter().find(|subnet| subnet.contains(&address.value)).copied();
    if found.is_none() && segment.whole {
        let all = subnets.iter().map(|net| format!("`{net}`")).collect::<Vec<_>>().join(" and ");
        let label = format!("the segment has {all}");
        out.push(Mistake::error("an address outside its segment", address.spot, label));
    }
    found
}

/// Why an address of a subnet is no host's, if so.
pub(crate) fn unusable(address: &IpAddr, subnet: &IpNet) -> Option<&'static str> {
    if subnet.max_prefix_len() - subnet.prefix_len() < 2 {
        return None; // RFC 3021 and RFC 6164: point-to-point prefixes have no special addresses
    }
    if *address == subnet.network() {
        return Some(match subnet {
            IpNet::V4(_) => "is the network address",
            IpNet::V6(_) => "is the subnet-router anycast address",
        });
    }
    (matches!(subnet, IpNet::V4(_)) && *address == subnet.broadcast()).then_some("is the broadcast address")
}

/// How many hosts a subnet holds.
fn room(subnet: &IpNet) -> u64 {
    let bits = u32::from(subnet.max_prefix_len() - subnet.prefix_len());
    let all = 1_u64.checked_shl(bits).unwrap_or(u64::MAX);
    match (bits, subnet) {
        (0 | 1, _) => all,
        (_, IpNet::V4(_)) => all - 2,
        (_, IpNet::V6(_)) => all - 1,
    }
}

/// The address so many further on.
pub(crate) fn ahead(address: IpAddr, step: u64) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let number = u64::from(u32::from(v4)).checked_add(step)?;
            Some(Ipv4Addr::from(u32::try_from(number).ok()?).into())
        }
        IpAddr::V6(v6) => Some(Ipv6Addr::from(u128::from(v6).checked_add(step.into())?).into()),
    }
}
