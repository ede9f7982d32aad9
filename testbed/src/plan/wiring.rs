//! Which bridges and cables a site is made of: the same plan with tags on the wire, or without.
//!
//! Where the kernel has 802.1Q and VLAN filtering, all VLANs are on one bridge that keeps them apart by their tags
//! (IEEE 802.1Q), and a trunk is one cable. Where it has not, each VLAN is a bridge of its own, and a trunk is a cable
//! for each VLAN, with the same interface names in the node. Everything else of a plan is the same either way.

use std::collections::BTreeMap;

use super::labels::Labels;
use super::model::{Link, Node, Plan, Segment, Switch};
use crate::names::{LinkName, NodeName, VlanId};

/// How VLANs are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vlans {
    /// By tags, on one bridge.
    Tagged,
    /// By bridges, without tags.
    Bridges,
}

/// Longest packet of a link, bytes, unless the scenario says otherwise (RFC 894).
const USUAL_MTU: u32 = 1500;

/// Bridges and cables of a site.
#[derive(Clone, Debug, PartialEq)]
pub struct Wiring<'a> {
    /// The bridge that keeps VLANs apart by tags, if there is one.
    pub switch: Option<LinkName>,
    /// One per segment.
    pub bridges: Vec<Bridge<'a>>,
    /// From the bridges to the nodes.
    pub cables: Vec<Cable<'a>>,
}

/// A segment's device in the fabric.
#[derive(Clone, Debug, PartialEq)]
pub struct Bridge<'a> {
    /// The segment.
    pub segment: &'a Segment,
    /// Its VLAN on the switch; none for a bridge of its own.
    pub vlan: Option<VlanId>,
}

/// A cable: a port in the fabric, an interface in a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Cable<'a> {
    /// The node.
    pub node: &'a NodeName,
    /// The interface at the node's end: the link's own name, or the trunk's.
    pub end: LinkName,
    /// The end in the fabric.
    pub port: LinkName,
    /// The bridge that the port belongs to.
    pub bridge: LinkName,
    /// Whether that is a hub.
    pub hub: bool,
    /// The links that it carries: one, or those of a trunk, each by its tag.
    pub carries: Vec<(&'a Link, Option<VlanId>)>,
    /// VLAN of an access port: frames are tagged with it inside the switch only.
    pub access: Option<VlanId>,
    /// Whether the bridge knows from the start what is behind the port, and does not learn otherwise.
    pub fixed: bool,
}

/// The wiring of a plan. Pure; the same every time.
pub fn wiring(plan: &Plan, vlans: Vlans) -> Wiring<'_> {
    let mut labels = Labels::default();
    plan.segments.iter().for_each(|segment| labels.keep(&segment.bridge));
    plan.nodes.iter().flat_map(|node| &node.links).for_each(|link| labels.keep(&link.port));
    let by_tag = |segment: &Segment| segment.vlan.filter(|_| vlans == Vlans::Tagged && !segment.hub);
    let bridges: Vec<_> =
        plan.segments.iter().map(|segment| Bridge { segment, vlan: by_tag(segment) }).collect();
    let switch = bridges.iter().any(|bridge| bridge.vlan.is_some()).then(|| labels.give("switch"));
    let mut wiring = Wiring { switch, bridges, cables: Vec::new() };
    for node in &plan.nodes {
        for link in &node.links {
            wiring.plug(node, link, &mut labels);
        }
    }
    wiring
}

impl Cable<'_> {
    /// Longest packet that it carries, bytes, where that is not the usual 1500: on a trunk, that of the widest link.
    pub fn mtu(&self) -> Option<u32> {
        let widest = self.carries.iter().map(|(link, _)| link.mtu.unwrap_or(USUAL_MTU)).max();
        widest.filter(|mtu| *mtu != USUAL_MTU)
    }

    /// Whether frames on it carry tags.
    pub fn is_trunk(&self) -> bool {
        self.carries.iter().any(|(_, vlan)| vlan.is_some())
    }
}

impl<'a> Wiring<'a> {
    /// Plugs a link in, by a cable of its own or by that of its trunk.
    fn plug(&mut self, node: &'a Node, link: &'a Link, labels: &mut Labels) {
        let bridge = self.bridges.iter().find(|bridge| bridge.segment.name == link.segment);
        let bridge = bridge.expect("every link's segment is planned");
        let (vlan, segment) = (bridge.vlan, bridge.segment);
        let device = match (&self.switch, vlan) {
            (Some(switch), Some(_)) => switch.clone(),
            _ => segment.bridge.clone(),
        };
        let (Some(trunk), Some(_)) = (&link.trunk, vlan) else {
            let (end, port) = (link.name.clone(), link.port.clone());
            let carries = vec![(link, None)];
            let cable = Cable {
                node: &node.name,
                end,
                port,
                bridge: device,
                hub: segment.hub,
                carries,
                access: vlan,
                // A hub knows nobody, and with a spare an Ethernet address changes places.
                fixed: segment.fixed && !segment.hub && node.links.iter().all(|one| one.spare_of.is_none()),
            };
            return self.cables.push(cable);
        };
        let same = |cable: &&mut Cable| *cable.node == node.name && cable.end == *trunk;
        match self.cables.iter_mut().find(same) {
            Some(cable) => cable.carries.push((link, vlan)),
            None => self.cables.push(Cable {
                node: &node.name,
                end: trunk.clone(),
                port: labels.give(&format!("{}-{trunk}", node.name)),
                bridge: device,
                hub: false,
                carries: vec![(link, vlan)],
                access: None,
                fixed: false,
            }),
        }
    }

    /// Names of the ports that a switch's links and trunks are plugged into.
    pub fn ports_of(&self, switch: &Switch) -> Vec<LinkName> {
        let carries = |cable: &Cable<'_>, (node, name): &(NodeName, LinkName)| {
            let is_it = |link: &Link| link.name == *name || link.trunk.as_ref() == Some(name);
            cable.node == node && cable.carries.iter().any(|(link, _)| is_it(link))
        };
        let own = |cable: &&Cable<'_>| switch.plugged.iter().any(|plugged| carries(cable, plugged));
        self.cables.iter().filter(own).map(|cable| cable.port.clone()).collect()
    }

    /// The cables of a node.
    pub fn of<'w>(&'w self, node: &'w NodeName) -> impl Iterator<Item = &'w Cable<'a>> {
        self.cables.iter().filter(move |cable| cable.node == node)
    }

    /// The cables of each node, in their order.
    pub fn by_node(&self) -> BTreeMap<&'a NodeName, Vec<&Cable<'a>>> {
        let mut nodes: BTreeMap<_, Vec<_>> = BTreeMap::new();
        self.cables.iter().for_each(|cable| nodes.entry(cable.node).or_default().push(cable));
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::super::testsite::t3;
    use super::*;

    fn drawn(wiring: &Wiring<'_>) -> Vec<String> {
        let carries = |cable: &Cable<'_>| {
            let one = |(link, vlan): &(&Link, Option<VlanId>)| match vlan {
                Some(vlan) => format!("{}={vlan}", link.name),
                None => link.name.to_string(),
            };
            cable.carries.iter().map(one).collect::<Vec<_>>().join("+")
        };
        let cable = |cable: &Cable<'_>| {
            let access = cable.access.map(|vlan| format!(" access {vlan}")).unwrap_or_default();
            let (node, end, port, bridge) = (cable.node, &cable.end, &cable.port, &cable.bridge);
            format!("{node}.{end} {port} in {bridge}{access}: {}", carries(cable))
        };
        wiring.cables.iter().map(cable).collect()
    }

    #[test]
    fn with_tags_a_trunk_is_one_cable_and_vlans_share_a_bridge() {
        let plan = t3().planned();
        let wiring = wiring(&plan, Vlans::Tagged);
        assert_eq!(wiring.switch.as_ref().map(LinkName::as_str), Some("switch"));
        insta::assert_snapshot!(drawn(&wiring).join("\n"));
    }

    #[test]
    fn without_tags_every_link_has_a_cable_and_every_segment_a_bridge() {
        let plan = t3().planned();
        let wiring = wiring(&plan, Vlans::Bridges);
        assert_eq!(wiring.switch, None);
        assert!(wiring.bridges.iter().all(|bridge| bridge.vlan.is_none()));
        insta::assert_snapshot!(drawn(&wiring).join("\n"));
    }

    #[test]
    fn no_port_has_the_name_of_another() {
        for vlans in [Vlans::Tagged, Vlans::Bridges] {
            let plan = t3().planned();
            let wiring = wiring(&plan, vlans);
            let mut names: Vec<_> = wiring.cables.iter().map(|cable| &cable.port).collect();
            names.extend(plan.segments.iter().map(|segment| &segment.bridge));
            names.extend(&wiring.switch);
            let count = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count, "{names:?}");
        }
    }
}
