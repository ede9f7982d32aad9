//! Aims at everybody: the broadcast addresses of a segment (RFC 919, RFC 922) and its groups of all nodes and all routers
//! (RFC 4291, section 2.7.1), at a neighbour's filter and past the device that keeps two segments apart; past that also further groups,
//! and the address of IPv6 that a link has of itself, whether or not the site has any.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::aims::{Attack, Notes, approach};
use super::checks::Known;
use super::frames::is_filtered;
use super::model::{Aim, Cells, Everybody, FlowPair, Forged, Judge, Link, Node, PassedOn};
use super::ports::{fits, without};
use super::said::groups;
use super::ways::share;
use crate::names::{LinkName, Mac, NodeName, SegmentName, Traffic};
use crate::scenario::usual_ports;

const BROADCAST: Mac = Mac([0xff; 6]);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// Whoever has no address asks everybody for one here (RFC 2131, section 4.1).
const FOR_AN_ADDRESS: Traffic = Traffic::Udp(67, 67);

/// What one node sends at everybody where the other is plugged in. Where both are in one segment the target's own filter
/// judges, else every tap of the target's segment: there once for each attacker, whoever the target is.
pub(super) fn aims_at_everybody(
    attack: &Attack<'_>,
    known: &Known<'_>,
    (attacker, target): (&Node, &Node),
    notes: &mut Notes,
) -> Vec<Aim> {
    let mut aims = Vec::new();
    for at in &target.links {
        match attacker.links.iter().find(|own| own.segment == at.segment) {
            Some(own) => {
                let beside = Beside { attack, known, attacker, own, next: (target, at) };
                aims.extend(beside.at_the_neighbour());
            }
            None => aims.extend(across(attack, known, (attacker, target, at), notes)),
        }
    }
    aims
}

/// The aims of one attacker at everybody of a segment, once; the first target stands for all.
pub(super) fn once_for_each_segment(aims: &mut Vec<Aim>) {
    let mut known = BTreeSet::new();
    aims.retain(|aim| {
        let at_taps = aim.everybody.is_some() && matches!(aim.judge, Judge::Tap { .. });
        let whose = (aim.from.clone(), aim.source, aim.target_segment.clone());
        !at_taps || known.insert((whose, aim.address, aim.next_hop))
    });
}

/// An attacker's link, and the neighbour behind it that the frames are meant for.
struct Beside<'a> {
    attack: &'a Attack<'a>,
    known: &'a Known<'a>,
    attacker: &'a Node,
    own: &'a Link,
    next: (&'a Node, &'a Link),
}

impl Beside<'_> {
    /// At a neighbour's filter: the segment's own addresses of everybody, and those of its further legs.
    fn at_the_neighbour(&self) -> Vec<Aim> {
        let (target, at) = self.next;
        let limited = IpAddr::from(Ipv4Addr::BROADCAST);
        let own: Vec<IpAddr> = std::iter::once(limited).chain(broadcasts(at)).collect();
        let groups = [Some(ALL_NODES), target.forwards.then_some(ALL_ROUTERS)].into_iter().flatten();
        let here =
            own.into_iter().chain(groups.map(IpAddr::from)).map(|address| (address, group_mac(address)));
        // Sent to its own Ethernet address, as what is to be routed there would be.
        let further = target.links.iter().filter(|link| link.segment != at.segment).flat_map(broadcasts);
        let further = further.map(|address| (address, at.mac));
        let speaks =
            |address: &IpAddr| at.addresses.iter().any(|net| net.addr().is_ipv4() == address.is_ipv4());
        let all = here.chain(further).filter(|(address, _)| speaks(address));
        let judge = Judge::BehindFilter { node: target.name.clone() };
        all.filter_map(|(address, mac)| {
            self.aim((target, at), (address, mac, mac), (judge.clone(), None), None)
        })
        .collect()
    }

    /// Past the device: what it would have to route as a broadcast of the segment behind it, and what it would have to
    /// carry over as it is: that of IPv6 whether or not anybody has an address of it there, as frames need none.
    fn past_the_device(&self, target: &Node, at: &Link, out: &Link) -> Vec<Aim> {
        let (_, next_link) = self.next;
        let link = next_link.name.clone();
        let carried = || PassedOn::Carried { from: link.clone(), to: out.name.clone() };
        let routed = broadcasts(at)
            .map(|address| (address, next_link.mac, BROADCAST, PassedOn::Forwarded { link: link.clone() }));
        let everybody = [IpAddr::from(Ipv4Addr::BROADCAST), ALL_NODES.into(), ALL_ROUTERS.into()];
        let everybody = everybody.into_iter().map(|address| {
            let mac = group_mac(address);
            (address, mac, mac, carried())
        });
        let has_four = at.addresses.iter().any(|net| net.addr().is_ipv4());
        let speaks = |address: &IpAddr| address.is_ipv6() || has_four;
        let speaks_six = self.own.addresses.iter().any(|net| net.addr().is_ipv6());
        let judge = Judge::Tap { port: at.port.clone() };
        let all = routed.chain(everybody).filter(|(address, ..)| speaks(address));
        let everybody = all.filter_map(|(address, mac, there, by)| {
            self.aim((target, at), (address, mac, there), (judge.clone(), Some(by)), None)
        });
        let everybody: Vec<Aim> = everybody.collect();
        let groups = groups(at.mac, speaks_six).into_iter().filter(|(address, _)| speaks(address));
        let groups = groups.filter_map(|(address, said)| {
            let mac = group_mac(address);
            self.aim((target, at), (address, mac, mac), (judge.clone(), Some(carried())), Some(&said))
        });
        let alone = self.at_the_link_alone((target, at), (&judge, &carried()));
        let forged = everybody.iter().chain(alone.last()).filter(|aim| is_link_wide(aim.address));
        let forged: Vec<Aim> = forged.flat_map(|aim| self.by_other_names(aim, (target, at), out)).collect();
        everybody.iter().cloned().chain(groups).chain(alone).chain(forged).collect()
    }

    /// At one link by the address that it has of itself: to the device's Ethernet address, as what is to be routed, and to its own, as what
    /// is to be carried over; no router may pass on either (RFC 4291, section 2.5.6).
    fn at_the_link_alone(&self, to: (&Node, &Link), (judge, by): (&Judge, &PassedOn)) -> Vec<Aim> {
        let (_, at) = to;
        let address = IpAddr::from(at.mac.link_local());
        let sent = |next_hop| {
            let aim = self.aim(to, (address, next_hop, at.mac), (judge.clone(), Some(by.clone())), None)?;
            let ends = Everybody {
                port: at.port.clone(),
                taps: vec![at.port.clone()],
                alone: true,
                by: Some(by.clone()),
            };
            Some(Aim { everybody: Some(ends), ..aim })
        };
        // Across a trunk of a stock kernel's nothing of it came out in the open copy, so that no path could be shown.
        let routed = self.next.1.trunk.is_none().then(|| sent(self.next.1.mac)).flatten();
        // The rules of a router have no say in what is for another Ethernet address.
        let carried = sent(at.mac).map(|aim| Aim { cells: None, ..aim });
        routed.into_iter().chain(carried).collect()
    }

    /// The same by other names: the target's own, that of the device's leg beside it, and none at all (RFC 4291, section 2.5.2).
    fn by_other_names(&self, aim: &Aim, (target, at): (&Node, &Link), out: &Link) -> Vec<Aim> {
        let (device, _) = self.next;
        let of = |node: &Node, link: &Link| {
            let forged = Forged { node: node.name.clone(), mac: self.own.mac };
            (link.mac.link_local(), Some(forged))
        };
        let names = [of(target, at), of(device, out), (Ipv6Addr::UNSPECIFIED, None)];
        let others = names.into_iter().filter(|(source, _)| *source != aim.address);
        let by = |(source, forged): (Ipv6Addr, _)| Aim {
            source: source.into(),
            forged,
            cells: None,
            ..aim.clone()
        };
        others.map(by).collect()
    }

    /// One aim; none if the attacker has no address of the family, or nothing is left to be sent. Of IPv6 every link has one: that which
    /// it would make of its Ethernet address.
    ///
    /// The frames go to the first Ethernet address, those of the instrument to the second. They are the check's and its cells, or
    /// `only` these.
    fn aim(
        &self,
        (target, at): (&Node, &Link),
        (address, next_hop, target_mac): (IpAddr, Mac, Mac),
        (judge, by): (Judge, Option<PassedOn>),
        only: Option<&[Traffic]>,
    ) -> Option<Aim> {
        let (next, next_link) = self.next;
        let own = || self.own.addresses.iter().filter(|net| net.addr().is_ipv4() == address.is_ipv4());
        let beside = own().find(|net| next_link.addresses.iter().any(|other| net.contains(&other.addr())));
        let of_the_link = || address.is_ipv6().then(|| self.own.mac.link_local().into());
        let source = beside.or(own().next()).map(IpNet::addr).or_else(of_the_link)?;
        let allowed = self.allowed(&address);
        let sent = match only {
            Some(only) => only.to_vec(),
            None if self.attack.cover.is_all() => usual_ports(true),
            None => self.attack.ports.clone(),
        };
        let sent: Vec<_> = sent.into_iter().filter(|port| fits(port, address)).collect();
        let ports = without(&sent, &allowed);
        let ports_of_segment = match by {
            Some(_) => self.taps(&at.segment, &at.port),
            None => Vec::new(),
        };
        let aim = Aim {
            from: self.attacker.name.clone(),
            link: self.own.name.clone(),
            source,
            forged: None,
            to: target.name.clone(),
            address,
            everybody: Some(Everybody { port: at.port.clone(), taps: ports_of_segment, alone: false, by }),
            next_hop,
            next_node: next.name.clone(),
            stops_at: next.name.clone(),
            ports,
            cells: self.attack.cells.filter(|_| only.is_none()).map(|all| Cells {
                allowed,
                all,
                switched: is_filtered(self.known, self.attacker, self.own)
                    || is_filtered(self.known, target, at),
                odd: false,
                one_each: false,
                waypoint: None,
                strict: false,
            }),
            judge,
            target_segment: at.segment.clone(),
            target_mac,
            unrouted: None,
        };
        (!aim.ports.is_empty()).then_some(aim)
    }

    /// What the neighbours hear and flows let the attacker say to one of them in this family, and what asks for an address.
    fn allowed(&self, address: &IpAddr) -> Vec<Traffic> {
        let here =
            |name: &NodeName| self.known.ways.node(name).is_some_and(|node| share(node, &self.own.segment));
        let alike = |other: &IpAddr| other.is_ipv4() == address.is_ipv4();
        let says = |pair: &FlowPair| {
            pair.from == self.attacker.name && here(&pair.to) && pair.addresses.iter().any(alike)
        };
        let flows = self.known.flows.iter().filter(|flow| !flow.upkeep && flow.pairs.iter().any(says));
        let members = self.known.ways.members(&self.own.segment);
        let asks = address.is_ipv4() && members.iter().any(|(_, link)| link.leased.is_some());
        let asks = asks.then_some(FOR_AN_ADDRESS);
        Traffic::joined(flows.flat_map(|flow| &flow.ports).map(Traffic::as_allowed).chain(asks).collect())
    }

    /// Every port of a segment but the attacker's and those of the device, that of the target first.
    fn taps(&self, segment: &SegmentName, target: &LinkName) -> Vec<LinkName> {
        let (device, _) = self.next;
        let members = self.known.ways.members(segment).iter();
        let others = members.filter(|(node, _)| ![&device.name, &self.attacker.name].contains(&&node.name));
        let others = others.map(|(_, link)| link.port.clone()).filter(|port| port != target);
        std::iter::once(target.clone()).chain(others).collect()
    }
}

/// Past the first device on the way, if that has a leg in the target's segment: then it alone would pass on what is for
/// everybody there.
fn across(
    attack: &Attack<'_>,
    known: &Known<'_>,
    (attacker, target, at): (&Node, &Node, &Link),
    notes: &mut Notes,
) -> Vec<Aim> {
    // By the first address of a family that the attacker has, too.
    let mut addresses = at.addresses.iter().map(IpNet::addr);
    let Some(approach) =
        addresses.find_map(|address| approach(attack, known.ways, attacker, target, address).ok())
    else {
        return Vec::new();
    };
    let (device, _) = approach.next;
    if device.name == target.name {
        return Vec::new(); // at its own filter, from the segment that it shares with the attacker
    }
    let Some(out) = device.links.iter().find(|link| link.segment == at.segment) else {
        notes.far_from_everybody(&attacker.name, &at.segment);
        return Vec::new();
    };
    let beside = Beside { attack, known, attacker, own: approach.link, next: approach.next };
    beside.past_the_device(target, at, out)
}

/// Of a link's networks those addresses that are everybody's; networks of one or two addresses have none.
fn broadcasts(link: &Link) -> impl Iterator<Item = IpAddr> {
    link.addresses.iter().filter_map(|net| match net {
        IpNet::V4(net) if net.prefix_len() < 31 => Some(net.broadcast().into()),
        _ => None,
    })
}

/// Whether it is for a link alone, and for all there or one of them: what is heard there from whomever.
fn is_link_wide(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(six) if six == ALL_NODES || six.is_unicast_link_local())
}

/// The Ethernet address of a broadcast or a group (RFC 1112, section 6.4; RFC 2464, section 7).
fn group_mac(address: IpAddr) -> Mac {
    match address {
        IpAddr::V4(group) if group.is_multicast() => {
            let [_, b, c, d] = group.octets();
            Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V4(_) => BROADCAST,
        IpAddr::V6(group) => {
            let [.., a, b, c, d] = group.octets();
            Mac([0x33, 0x33, a, b, c, d])
        }
    }
}
