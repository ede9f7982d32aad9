//! By which links of the fabric an aim is sent and judged.

use super::Site;
use crate::names::{LinkName, Mac, NodeName};
use crate::plan::{Aim, Link, Plan};

/// The fabric's ports of the attacker's link and of the target's; each with that of the link that it may change places
/// with. None if the aim is not of this plan.
pub(super) fn ports_of(plan: &Plan, aim: &Aim) -> Option<(Vec<LinkName>, Vec<LinkName>)> {
    let own = with_partner(plan, &aim.from, own_link(plan, aim)?);
    let target = match &aim.everybody {
        Some(everybody) if !everybody.taps.is_empty() => everybody.taps.clone(),
        _ => with_partner(plan, &aim.to, target_link(plan, aim)?),
    };
    Some((own, target))
}

/// The fabric's port of the target's link that the aim is at.
pub(super) fn port_of(site: &Site, aim: &Aim) -> LinkName {
    target_link(&site.plan, aim).expect("an aim's ends are nodes of the plan, with links").port.clone()
}

/// The fabric's port of the link that the attacker sends by.
pub(super) fn own_port(site: &Site, aim: &Aim) -> LinkName {
    own_link(&site.plan, aim).expect("an aim's link is one of its attacker's").port.clone()
}

/// The Ethernet address that the attacker's frames come from.
pub(super) fn source_mac(site: &Site, aim: &Aim) -> Mac {
    source_of(&site.plan, aim).expect("an aim's link is one of its attacker's")
}

/// The same; none if the aim is not of this plan.
pub(super) fn source_of(plan: &Plan, aim: &Aim) -> Option<Mac> {
    let own = own_link(plan, aim)?.mac;
    Some(aim.forged.as_ref().map_or(own, |forged| forged.mac))
}

pub(super) fn own_link<'a>(plan: &'a Plan, aim: &Aim) -> Option<&'a Link> {
    plan.node(&aim.from)?.links.iter().find(|one| one.name == aim.link)
}

/// The target's link with the aim's address, or that in the segment where the address is everybody's; or else its first.
fn target_link<'a>(plan: &'a Plan, aim: &Aim) -> Option<&'a Link> {
    let links = &plan.node(&aim.to)?.links;
    let is_it = |link: &&Link| match &aim.everybody {
        Some(everybody) => link.port == everybody.port,
        None => link.addresses.iter().any(|one| one.addr() == aim.address),
    };
    links.iter().find(is_it).or(links.first())
}

/// A port of a node's link, and that of the link that it may change places with.
fn with_partner(plan: &Plan, node: &NodeName, link: &Link) -> Vec<LinkName> {
    let partner = plan.node(node).and_then(|node| node.partner(link)).map(|partner| partner.port.clone());
    std::iter::once(link.port.clone()).chain(partner).collect()
}
