//! Frames without IP from one neighbour to another whom their switch keeps apart: of a set of EtherTypes, and of those that the
//! switch's rules name.

use super::aims::Attack;
use super::checks::Known;
use super::model::{Aim, Cells, Judge, Link, Node};
use crate::names::{ETHER_TYPES, Traffic};

/// The same aim with frames, where nothing but the switch could stop them: ports that are isolated from one another, or rules
/// of the switch where the target filters nothing. A filter of the target's own is one of IP, and says nothing of them.
pub(super) fn beside(attack: &Attack<'_>, known: &Known<'_>, aim: &Aim) -> Option<Aim> {
    let usual_way = attack.via.is_none() && attack.as_node.is_none() && attack.only.is_none();
    let ((from, out), (to, into)) = ends(known, aim)?;
    let apart = out.isolated && into.isolated;
    let filtered = is_filtered(known, from, out) || is_filtered(known, to, into);
    let asked =
        attack.cells.is_some() && (attack.frames && apart || filtered && (to.ruleset.is_none() || apart));
    (usual_way && asked && aim.next_node == aim.to && aim.everybody.is_none()).then(|| Aim {
        ports: ETHER_TYPES.iter().map(|one| Traffic::Ether(*one, *one)).collect(),
        cells: filtered.then(|| Cells {
            allowed: Vec::new(),
            all: false,
            switched: true,
            odd: false,
            one_each: false,
            waypoint: None,
            strict: false,
        }),
        // Behind a filter of IP such a frame is never seen.
        judge: Judge::Tap { port: into.port.clone() },
        ..aim.clone()
    })
}

/// A node with one of its links.
type Plug<'a> = (&'a Node, &'a Link);

/// By which link of the attacker's an aim's packets leave, and by which of the target's they would come in if the two are
/// neighbours; none where they are not.
pub(super) fn ends<'a>(known: &Known<'a>, aim: &Aim) -> Option<(Plug<'a>, Plug<'a>)> {
    let (from, to) = (known.ways.node(&aim.from)?, known.ways.node(&aim.to)?);
    let out = from.links.iter().find(|link| link.name == aim.link)?;
    // What is at everybody goes to no link's own Ethernet address.
    let is_its = |link: &&Link| match &aim.everybody {
        Some(everybody) => link.port == everybody.port,
        None => link.mac == aim.target_mac,
    };
    let into = to.links.iter().find(|link| is_its(link) && link.segment == aim.target_segment)?;
    Some(((from, out), (to, into)))
}

/// Whether the link, or the trunk that it runs on, is plugged into a switch that has rules.
pub(super) fn is_filtered(known: &Known<'_>, node: &Node, link: &Link) -> bool {
    let names = [Some(&link.name), link.trunk.as_ref()];
    let mut plugged = known.site.switches.iter().flat_map(|switch| &switch.plugged);
    plugged.any(|(who, at)| *who == node.name && names.contains(&Some(at)))
}
