//! What is said of an aim's packets before they are sent: how they look, and where they may be seen.

use super::Role;
use super::ports::{own_link, ports_of, source_of};
use super::sweep::probe_of;
use crate::names::Kinds;
use crate::plan::{Aim, Judge, Link, Node, Plan};
use crate::tap::{Announced, Direction, FIRST, Spot};

/// One kind of an aim, whose first packet has this number; none where there are so few that all are stored, or where the
/// aim is not of this plan.
pub fn announced(
    plan: &Plan,
    aim: &Aim,
    number: usize,
    (first, kinds): (u32, Kinds),
    key: u32,
) -> Option<Announced> {
    if kinds.width() <= FIRST.into() {
        return None;
    }
    let ways = (source_of(plan, aim)?, aim.next_hop);
    let probe = probe_of(aim, ways, (Role::Attack, number), (first, kinds.nth(0)?), key);
    Some(Announced { first, kinds, probe, places: places(plan, aim)? })
}

/// Where an aim's packets may be seen before any device that has to stop them had them: as they leave the attacker's own
/// link, and at the other ports of its segment. Where one would have arrived is none of them.
fn places(plan: &Plan, aim: &Aim) -> Option<Vec<Spot>> {
    let (own, target) = ports_of(plan, aim)?;
    let segment = &own_link(plan, aim)?.segment;
    let leaves = own.iter().map(|port| spot(port, Direction::FromNode, true));
    let others = plan.nodes.iter().flat_map(|node| node.links.iter().map(move |link| (node, link)));
    let others = others.filter(|(_, link)| link.segment == *segment && !own.contains(&link.port));
    let others = others.filter(|(_, link)| match &aim.judge {
        Judge::Tap { port } => link.port != *port && !target.contains(&link.port),
        // Whether it got in is told behind the filter.
        Judge::BehindFilter { .. } => true,
    });
    let others = others.map(|(node, link): (&Node, &Link)| {
        // What is at everybody is for each of them.
        let may_get_it = node.name == aim.next_node || node.name == aim.to || aim.everybody.is_some();
        spot(&link.port, Direction::ToNode, may_get_it)
    });
    Some(leaves.chain(others).collect())
}

fn spot(port: &crate::names::LinkName, direction: Direction, addressed: bool) -> Spot {
    Spot { port: port.clone(), direction, addressed }
}
