//! Segments: prefixes that do not overlap, names resolved.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::super::leaf::Whole;
use super::super::mistakes::{Mistake, Mistakes, nearest};
use super::super::model::{Node, Segment};
use super::super::raw::Site;
use super::super::shape::At;
use super::super::tree::Spot;
use crate::names::{NodeName, SegmentName, VlanId};

/// The segments of a site.
pub(crate) struct Segments {
    pub(crate) known: BTreeMap<SegmentName, Known>,
    /// False if a name could not be read.
    complete: bool,
}

/// A segment as far as it could be read.
pub(crate) struct Known {
    pub(crate) segment: Segment,
    pub(crate) spot: Spot,
    /// Places of its subnets, in the same order.
    pub(crate) subnet_spots: Vec<Spot>,
    /// Place of `cable`, if it is written.
    cable_spot: Option<Spot>,
    /// False if something of it could not be read: then nothing is said about addresses in it.
    pub(crate) whole: bool,
}

/// Every segment; overlapping prefixes are mistakes.
pub(crate) fn build(site: &Site, out: &mut Mistakes) -> Segments {
    let mut segments = Segments { known: BTreeMap::new(), complete: true };
    let Some(named) = site.segments.good() else {
        segments.complete = false;
        return segments;
    };
    segments.complete = !named.incomplete;
    let mut seen: Vec<(IpNet, SegmentName, Spot)> = Vec::new();
    for (name, raw) in &named.entries {
        let mut known = Known {
            segment: Segment {
                vlan: None,
                subnets: Vec::new(),
                hub: false,
                cable: false,
                zones: Vec::new(),
                mtu: None,
                neighbours: None,
            },
            spot: name.spot,
            subnet_spots: Vec::new(),
            cable_spot: None,
            whole: false,
        };
        if let Some(raw) = raw {
            known.whole = raw.subnets.good().is_some() && raw.subnets.is_whole() && !raw.vlan.is_bad();
            known.segment.vlan = raw.vlan.good().and_then(|vlan| VlanId::try_from(vlan.value.0 as u16).ok());
            known.segment.zones = super::flows::values(&raw.zones);
            known.segment.hub = super::or(&raw.hub, false);
            known.segment.cable = super::or(&raw.cable, false);
            known.segment.mtu = raw.mtu.good().map(|mtu| mtu.value.0 as u32);
            known.segment.neighbours = raw.neighbours.good().map(|word| word.value);
            known.cable_spot = raw.cable.good().map(|cable| cable.spot);
            check_cable(raw, out);
            for subnet in raw.subnets.list() {
                if check_subnet(subnet, &name.value, &mut seen, out) {
                    known.segment.subnets.push(subnet.value);
                    known.subnet_spots.push(subnet.spot);
                } else {
                    known.whole = false;
                }
            }
        }
        if let Some(mtu) = raw.as_ref().and_then(|raw| raw.mtu.good()) {
            check_mtu(mtu, &known.segment, out);
        }
        segments.known.insert(name.value.clone(), known);
    }
    segments
}

/// IPv6 needs links that take 1280 bytes (RFC 8200, section 5).
pub(super) fn check_mtu<const A: u64, const B: u64>(
    mtu: &At<Whole<A, B>>,
    segment: &Segment,
    out: &mut Mistakes,
) {
    if mtu.value.0 < 1280 && segment.subnets.iter().any(|net| matches!(net, IpNet::V6(_))) {
        let label = "the segment speaks IPv6, which needs 1280";
        out.push(Mistake::error("packets that are too short for IPv6", mtu.spot, label));
    }
}

/// A cable has no VLAN, and needs no hub to reach both its ends.
fn check_cable(raw: &super::super::raw::Segment, out: &mut Mistakes) {
    let Some(cable) = raw.cable.good().filter(|cable| cable.value) else { return };
    let spots =
        [raw.vlan.good().map(|vlan| (vlan.spot, "`vlan`")), raw.hub.good().map(|hub| (hub.spot, "`hub`"))];
    for (spot, key) in spots.into_iter().flatten() {
        let title = "a cable is nothing else";
        let label = format!("{key} does not go with `cable`");
        out.push(Mistake::error(title, spot, label).also(cable.spot, "the cable"));
    }
}

/// Ports of a bridge, at most (`BR_MAX_PORTS`, net/bridge/br_private.h, less one that is never given).
const MOST_PORTS: usize = 1023;

/// A cable has two ends, and a bridge has no more ports than the kernel gives it; all VLANs share one bridge where the
/// kernel keeps them apart by tags.
pub(crate) fn check_ends(segments: &Segments, nodes: &BTreeMap<NodeName, Node>, out: &mut Mistakes) {
    if out.has_errors() {
        return;
    }
    let mut in_vlans = 0;
    for (name, known) in &segments.known {
        let ends = nodes.values().flat_map(|node| &node.links).filter(|link| link.segment == *name).count();
        in_vlans += if known.segment.vlan.is_some() { ends } else { 0 };
        if ends > MOST_PORTS {
            let label = format!("{ends} links are plugged into it, and a bridge has {MOST_PORTS} ports");
            out.push(Mistake::error("a segment with too many links", known.spot, label));
        } else if known.segment.vlan.is_some() && in_vlans > MOST_PORTS {
            let label = format!("up to here {in_vlans}, and the bridge of all VLANs has {MOST_PORTS} ports");
            out.push(Mistake::error("VLANs with too many links", known.spot, label));
        }
        if let (true, Some(spot)) = (known.segment.cable && ends != 2, known.cable_spot) {
            let label = format!("{ends} links are plugged into it");
            out.push(Mistake::error("a cable has two ends", spot, label));
        }
    }
}

/// True if hosts can live in the subnet and it overlaps no other.
fn check_subnet(
    subnet: &At<IpNet>,
    of: &SegmentName,
    seen: &mut Vec<(IpNet, SegmentName, Spot)>,
    out: &mut Mistakes,
) -> bool {
    if let Some(label) = unfit(&subnet.value) {
        out.push(Mistake::error("no subnet for hosts", subnet.spot, label));
        return false;
    }
    let overlaps = |net: &IpNet| net.contains(&subnet.value) || subnet.value.contains(net);
    if let Some((net, segment, spot)) = seen.iter().find(|(net, ..)| overlaps(net)) {
        let label = format!("`{}` in `{of}` overlaps", subnet.value);
        let mistake = Mistake::error("two subnets overlap", subnet.spot, label);
        out.push(mistake.also(*spot, format!("`{net}` in `{segment}`")));
        return false;
    }
    seen.push((subnet.value, of.clone(), subnet.spot));
    true
}

/// Ranges in which the kernel or a standard allows no ordinary host (RFC 6890).
fn unfit(net: &IpNet) -> Option<&'static str> {
    let within =
        |text: &str| text.parse::<IpNet>().is_ok_and(|range| range.contains(net) || net.contains(&range));
    let ranges = [
        ("0.0.0.0/8", "`0.0.0.0/8` means this network"),
        ("127.0.0.0/8", "`127.0.0.0/8` never leaves a host"),
        ("169.254.0.0/16", "`169.254.0.0/16` is link-local"),
        ("224.0.0.0/3", "`224.0.0.0/3` is multicast or reserved"),
        ("::/8", "`::/8` is reserved"),
        ("fe80::/10", "`fe80::/10` is link-local"),
        ("ff00::/8", "`ff00::/8` is multicast"),
    ];
    ranges.into_iter().find(|(range, _)| within(range)).map(|(_, label)| label)
}

impl Segments {
    /// The segment of a name; `whose` begins the title: "a link".
    pub(crate) fn find(&self, name: &At<SegmentName>, whose: &str, out: &mut Mistakes) -> Option<&Known> {
        let found = self.known.get(&name.value);
        if found.is_none() && self.complete {
            let names = self.known.keys().map(SegmentName::as_str);
            let near = if out.is_full() { None } else { nearest(name.value.as_str(), names) };
            let label = match near {
                Some(near) => format!("no segment has this name; did you mean `{near}`?"),
                None => "no segment has this name".to_owned(),
            };
            out.push(Mistake::error(format!("{whose} names an unknown segment"), name.spot, label));
        }
        found
    }

    /// True if any segment speaks IPv6.
    pub(crate) fn has_ip6(&self) -> bool {
        let mut subnets = self.known.values().flat_map(|known| &known.segment.subnets);
        subnets.any(|net| matches!(net, IpNet::V6(_)))
    }

    pub(crate) fn into_model(self) -> BTreeMap<SegmentName, Segment> {
        self.known.into_iter().map(|(name, known)| (name, known.segment)).collect()
    }
}

/// A segment into which nothing is plugged is probably a slip.
pub(crate) fn warn_of_unused(segments: &Segments, nodes: &BTreeMap<NodeName, Node>, out: &mut Mistakes) {
    if out.has_errors() {
        return;
    }
    for (name, known) in &segments.known {
        let used = nodes.values().flat_map(|node| &node.links).any(|link| link.segment == *name);
        if !used {
            let label = "no node has a link here";
            out.push(Mistake::warning("a segment is empty", known.spot, label));
        }
    }
}
