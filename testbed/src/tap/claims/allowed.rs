//! What a plan allows on the wire: who is plugged in where under which addresses, and which flow lets whom open what.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::names::{FlowId, LinkName, Mac, NodeName, SegmentName, Traffic};
use crate::plan::{FlowPair, Group, Join, Link, Node, Plan, Service, ServiceKind, Word};

/// A place in one of the lists of an [`Allowed`].
pub(super) type Index = u16;

/// What a plan allows, looked up by what a frame says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Allowed {
    pub(super) nodes: Vec<NodeName>,
    pub(super) segments: Vec<SegmentName>,
    /// Number of each segment's VLAN.
    pub(super) tags: Vec<Option<u16>>,
    pub(super) flows: Vec<FlowId>,
    /// The nodes that pass packets on.
    pub(super) forwards: Vec<bool>,
    places: HashMap<LinkName, usize>,
    all: Vec<Plugged>,
    stations: HashMap<(Index, Mac), usize>,
    /// Addresses that somebody in a segment has.
    there: BTreeSet<(Index, IpAddr)>,
    owners: HashMap<IpAddr, Index>,
    openings: HashMap<(Index, IpAddr), Vec<Opening>>,
    /// Addresses of clouds to which a name leads only once it was moved.
    spares: BTreeSet<IpAddr>,
    /// Groups to which cameras may send.
    casts: Vec<Cast>,
    /// Who joins which group in which segment for a check: node, segment, group.
    joins: BTreeSet<(Index, Index, Ipv4Addr)>,
    /// Where the packets of a node for an address, and those back, may be; not listed: anywhere.
    ways: HashMap<(Index, IpAddr), BTreeSet<Index>>,
}

/// A link that is plugged into a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plugged {
    pub(super) port: LinkName,
    pub(super) mac: Mac,
    pub(super) node: Index,
    pub(super) segment: Index,
    /// Its addresses, those of the link that it may change places with included.
    pub(super) addresses: Vec<IpAddr>,
    /// It advertises a router.
    pub(super) advertises: bool,
    /// It makes its addresses of what a router advertises.
    pub(super) advised: bool,
    /// It is given its address.
    pub(super) leased: bool,
    /// It hands out addresses.
    pub(super) leases: bool,
    /// It is a camera's, which listens for questions to a group, whether anybody may ask them or not.
    pub(super) discoverable: bool,
}

/// What may be opened towards an address, by which flow.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Opening {
    ports: Vec<Traffic>,
    flow: Index,
}

/// A group to which a camera may send at some ports, by which flow, for whom to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cast {
    camera: Index,
    listener: Index,
    group: Group,
    segments: Vec<Index>,
    ports: Vec<Traffic>,
    flow: Index,
}

impl Allowed {
    /// What this plan allows.
    pub(in super::super) fn of(plan: &Plan) -> Allowed {
        let mut allowed = Allowed {
            nodes: plan.nodes.iter().map(|node| node.name.clone()).collect(),
            flows: plan.flows.iter().map(|flow| flow.id.clone()).collect(),
            forwards: plan.nodes.iter().map(|node| node.forwards).collect(),
            ..Allowed::default()
        };
        for (node, index) in plan.nodes.iter().zip(0..) {
            node.links.iter().for_each(|link| allowed.plug(plan, node, index, link));
        }
        allowed.open(plan);
        for check in &plan.checks {
            if let Word::NoStream { joins, .. } = &check.word {
                joins.iter().for_each(|join| allowed.join(join));
            }
        }
        allowed
    }

    fn plug(&mut self, plan: &Plan, node: &Node, index: Index, link: &Link) {
        let segment = self.segment_of(plan, &link.segment);
        let anycast = |link: &Link| {
            // Routers listen at the address of each of their IPv6 prefixes (RFC 4291, section 2.6.1).
            let own = link.addresses.iter().filter(|net| net.addr().is_ipv6()).map(ipnet::IpNet::network);
            let all = own.chain([IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0))]);
            all.filter(|_| node.forwards).collect::<Vec<_>>()
        };
        let partner = node.partner(link);
        let both = || [Some(link), partner].into_iter().flatten();
        let addresses: Vec<IpAddr> = both()
            .flat_map(|link| {
                let own = link.addresses.iter().map(ipnet::IpNet::addr);
                own.chain([IpAddr::V6(link.mac.link_local())]).chain(anycast(link))
            })
            .collect();
        let serves = |is_it: fn(&ServiceKind, &LinkName) -> bool| {
            let runs = |service: &Service| service.node == node.name && is_it(&service.kind, &link.name);
            plan.services.iter().any(runs)
        };
        let discoverable = plan.services.iter().any(|service| {
            service.node == node.name
                && matches!(&service.kind, ServiceKind::Camera { onvif: Some(_), listen, .. } if addresses.contains(listen))
        });
        self.there.extend(addresses.iter().map(|address| (segment, *address)));
        for address in addresses.iter().filter(|address| !anycast(link).contains(address)) {
            self.owners.entry(*address).or_insert(index);
        }
        self.places.insert(link.port.clone(), self.all.len());
        self.stations.insert((segment, link.mac), self.all.len());
        if let Some(partner) = partner {
            self.stations.entry((segment, partner.mac)).or_insert(self.all.len());
        }
        self.all.push(Plugged {
            port: link.port.clone(),
            mac: link.mac,
            node: index,
            segment,
            addresses,
            advertises: serves(
                |kind, name| matches!(kind, ServiceKind::Advertiser { link, .. } if link == name),
            ),
            advised: both().any(|link| !link.advised.is_empty()),
            leased: both().any(|link| link.leased.is_some()),
            leases: serves(|kind, name| matches!(kind, ServiceKind::DhcpServer { link, .. } if link == name)),
            discoverable,
        });
    }

    fn segment_of(&mut self, plan: &Plan, name: &SegmentName) -> Index {
        let known = self.segments.iter().position(|one| one == name);
        let place = known.unwrap_or_else(|| {
            let planned = plan.segments.iter().find(|one| one.name == *name);
            self.tags.push(planned.and_then(|one| one.vlan).map(u16::from));
            self.segments.push(name.clone());
            self.segments.len() - 1
        });
        place as Index
    }

    fn open(&mut self, plan: &Plan) {
        let between = plan.between();
        let spares = |cloud: &NodeName| {
            plan.services.iter().find_map(|service| match &service.kind {
                ServiceKind::Cloud { spares, .. } if service.node == *cloud => Some(spares.as_slice()),
                _ => None,
            })
        };
        for (flow, place) in plan.flows.iter().zip(0..) {
            for pair in &flow.pairs {
                let from = self.nodes.iter().position(|one| *one == pair.from);
                let Some(from) = from.map(|place| place as Index) else { continue };
                // Names and the time are not served there.
                let tcp = flow.ports.iter().all(|ports| matches!(ports, Traffic::Tcp(..)));
                let moved = spares(&pair.to).filter(|_| tcp).unwrap_or_default();
                self.spares.extend(moved);
                if let Some(group) = &pair.group {
                    self.cast(pair, group, (&flow.ports, place));
                }
                for address in pair.addresses.iter().chain(moved) {
                    let opening = Opening { ports: flow.ports.clone(), flow: place };
                    self.openings.entry((from, *address)).or_default().push(opening);
                    if let Some(way) = between.segments(&pair.from, &pair.to, *address) {
                        let known = |name: &SegmentName| self.segments.iter().position(|one| one == name);
                        let way = way.into_iter().filter_map(known).map(|segment| segment as Index);
                        self.ways.insert((from, *address), way.collect());
                    }
                }
            }
        }
    }

    fn cast(&mut self, pair: &FlowPair, group: &Group, (ports, flow): (&[Traffic], Index)) {
        let node = |name: &NodeName| self.nodes.iter().position(|one| one == name).map(|at| at as Index);
        let (Some(camera), Some(listener)) = (node(&pair.to), node(&pair.from)) else { return };
        let known = |name: &SegmentName| self.segments.iter().position(|one| one == name);
        let segments = group.segments.iter().filter_map(known).map(|at| at as Index).collect();
        let (group, ports) = (group.clone(), ports.to_vec());
        self.casts.push(Cast { camera, listener, group, segments, ports, flow });
    }

    /// That a node says so, which is for the check that had it join.
    fn join(&mut self, join: &Join) {
        if let Some(plugged) = self.plugged(&join.from_port) {
            let joined = (plugged.node, plugged.segment, join.group);
            self.joins.insert(joined);
        }
    }

    /// Whether cameras of the site may send to the group at all.
    pub(super) fn is_cast(&self, group: Ipv4Addr) -> bool {
        self.casts.iter().any(|cast| cast.group.address == group)
    }

    /// Who may hear what a node sends to the group at this port, in this segment, and by which flow.
    pub(super) fn casts(
        &self,
        camera: Index,
        segment: Index,
        (group, port): (Ipv4Addr, u16),
    ) -> impl Iterator<Item = (Index, Index)> {
        let what = Traffic::Udp(port, port);
        let is_it = move |cast: &&Cast| {
            cast.camera == camera
                && cast.group.address == group
                && (cast.group.ports.0..=cast.group.ports.1).contains(&port)
                && cast.ports.iter().any(|ports| lets(ports, &what))
                && cast.segments.contains(&segment)
        };
        self.casts.iter().filter(is_it).map(|cast| (cast.listener, cast.flow))
    }

    /// Whether a node may be in the group there: to hear it, or as the camera, which is told in it how it is heard, or as a check has it
    /// join where nothing of the group may come.
    pub(super) fn is_in_cast(&self, node: Index, segment: Index, group: Ipv4Addr) -> bool {
        self.joins.contains(&(node, segment, group))
            || self.casts.iter().any(|cast| {
                cast.group.address == group
                    && (cast.camera == node || cast.listener == node)
                    && cast.segments.contains(&segment)
            })
    }

    /// The link that is plugged into this port.
    pub(super) fn plugged(&self, port: &LinkName) -> Option<&Plugged> {
        self.places.get(port).map(|place| &self.all[*place])
    }

    /// The link that has this Ethernet address in a segment.
    pub(super) fn station(&self, segment: Index, mac: Mac) -> Option<&Plugged> {
        self.stations.get(&(segment, mac)).map(|place| &self.all[*place])
    }

    /// Whether somebody in the segment has the address.
    pub(super) fn is_there(&self, segment: Index, address: IpAddr) -> bool {
        self.there.contains(&(segment, address))
    }

    /// The addresses that somebody in the segment has.
    pub(super) fn all_there(&self, segment: Index) -> impl Iterator<Item = IpAddr> {
        self.there.iter().filter(move |(one, _)| *one == segment).map(|(_, address)| *address)
    }

    /// Whether somebody may open this towards one of the addresses.
    pub(super) fn is_opened(&self, addresses: &[IpAddr], what: &Traffic) -> bool {
        let lets = |opening: &Opening| opening.ports.iter().any(|ports| lets(ports, what));
        self.openings.iter().any(|((_, to), openings)| addresses.contains(to) && openings.iter().any(lets))
    }

    /// Whether somebody in the segment advertises a router.
    pub(super) fn is_advised(&self, segment: Index) -> bool {
        self.all.iter().any(|one| one.segment == segment && one.advertises)
    }

    /// Who hands out addresses in the segment.
    pub(super) fn leasing(&self, segment: Index) -> impl Iterator<Item = &Plugged> {
        self.all.iter().filter(move |one| one.segment == segment && one.leases)
    }

    /// Who has the address.
    pub(super) fn owner(&self, address: IpAddr) -> Option<Index> {
        self.owners.get(&address).copied()
    }

    /// The flows by which the node may open this towards the address.
    pub(super) fn opens(&self, from: Index, to: IpAddr, what: &Traffic) -> Vec<Index> {
        let openings = self.openings.get(&(from, to)).map_or(&[][..], Vec::as_slice);
        let lets = |opening: &&Opening| opening.ports.iter().any(|ports| lets(ports, what));
        openings.iter().filter(lets).map(|opening| opening.flow).collect()
    }

    /// Whether a name leads to the address only once it was moved.
    pub(super) fn is_spare(&self, address: IpAddr) -> bool {
        self.spares.contains(&address)
    }

    /// Whether packets between the node and the address may be in the segment.
    pub(super) fn is_on_way(&self, from: Index, to: IpAddr, segment: Index) -> bool {
        self.ways.get(&(from, to)).is_none_or(|way| way.contains(&segment))
    }
}

fn lets(ports: &Traffic, what: &Traffic) -> bool {
    let asks_time = matches!((ports, what), (Traffic::Ntp(_), Traffic::Udp(123, 123)));
    asks_time || ports.as_allowed().covers(what)
}

/// The group at which neighbours ask for an address (RFC 4291, section 2.7.1).
pub(super) fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}
