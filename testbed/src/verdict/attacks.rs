//! `attacks`: hostile cameras did what they are there for. What was not done nobody held against: then nothing is shown.

use fake_facts::Fact;

use crate::names::NodeName;
use crate::observation::{DhcpKind, DhcpSeen, Observations};
use crate::plan::{Asking, Link, Node, Plan, ServiceKind, Word};
use crate::scenario::model::{HANDS_OUT, MISROUTES};

use super::judge::Draft;
use super::misled;
use super::wording::counted;

pub(super) fn draft(plan: &Plan, of: &[NodeName], seen: &Observations) -> Draft {
    let (mut draft, mut done) = (Draft::default(), 0);
    if of.is_empty() {
        draft.reasons.add("vacuous", "no camera is named");
    }
    for camera in of {
        let acts = acts(plan, camera);
        if acts.is_empty() {
            draft
                .reasons
                .add("camera", format!("{camera} has no camera service in the plan that is hostile"));
        }
        for act in acts {
            let lacking = match act {
                HANDS_OUT => late_offers(plan, camera, seen),
                MISROUTES => misled::unsaid(plan, camera, seen),
                _ => Vec::new(),
            };
            match was_done(seen, camera, act) {
                true if lacking.is_empty() => done += 1,
                true => lacking.into_iter().for_each(|why| draft.reasons.add("attack", why)),
                false => draft.reasons.add("attack", format!("{camera} never did what its `{act}` says")),
            }
        }
    }
    let cameras = counted(of.len(), "camera");
    draft.summary = format!("{} by {cameras} took place", counted(done, "attack"));
    draft
}

/// Whom a camera that hands out addresses was not seen to offer one, at its own tap, before he had chosen another's, of all that have
/// theirs by DHCP in its segments: each that checks have ask for a chosen address; where there is none such, all, if it is all of them. Who
/// comes last attacks nobody.
fn late_offers(plan: &Plan, camera: &NodeName, seen: &Observations) -> Vec<String> {
    let segments: Vec<_> =
        plan.node(camera).into_iter().flat_map(|node| &node.links).map(|link| &link.segment).collect();
    let links = plan.nodes.iter().flat_map(|node| node.links.iter().map(move |link| (node, link)));
    let leased: Vec<_> = links
        .filter(|(node, link)| {
            node.name != *camera && link.leased.is_some() && segments.contains(&&link.segment)
        })
        .collect();
    if leased.is_empty() {
        return vec![format!("nobody in the networks of {camera} asks for an address")];
    }
    let late = |(node, link): &(&Node, &Link)| late_offer(camera, node, link, seen);
    let choosing: Vec<_> =
        leased.iter().filter(|(node, link)| asks_for_one(plan, node, link)).copied().collect();
    if choosing.is_empty() && leased.iter().any(|one| late(one).is_none()) {
        return Vec::new();
    }
    let asked = if choosing.is_empty() { &leased } else { &choosing };
    asked.iter().filter_map(late).collect()
}

/// Whether a check has it ask for a chosen address there.
fn asks_for_one(plan: &Plan, node: &Node, link: &Link) -> bool {
    let asking = plan.checks.iter().filter_map(|check| match &check.word {
        Word::Address { of, .. } => Some(of),
        _ => None,
    });
    let is_it = |one: &Asking| one.asked.is_some() && one.node == node.name && one.link == link.name;
    asking.flatten().any(is_it)
}

/// Why the camera's offer to this one was none in time.
fn late_offer(camera: &NodeName, node: &Node, link: &Link, seen: &Observations) -> Option<String> {
    let offer = seen.offers.iter().find(|offer| offer.node == *camera && offer.to == link.mac);
    let of = |message: &&DhcpSeen| message.node == node.name && message.link == link.name;
    // Who asks for an address of a server that it names has chosen (RFC 2131, section 4.3.2).
    let chose = |message: &&DhcpSeen| match message.kind {
        DhcpKind::Request => message.server.is_some(),
        kind => kind == DhcpKind::Ack,
    };
    match (offer, seen.dhcp.iter().filter(of).find(chose)) {
        (None, _) => Some(format!("{camera} was not seen to offer {} an address", node.name)),
        (Some(offer), Some(chosen)) if chosen.at < offer.at => {
            Some(format!("{camera} offered {} an address only after it had chosen one", node.name))
        }
        _ => None,
    }
}

/// All that a camera is there for.
pub(crate) fn acts(plan: &Plan, camera: &NodeName) -> Vec<&'static str> {
    let mut services = plan.services.iter().filter(|service| service.node == *camera);
    let acts = services.find_map(|service| match &service.kind {
        ServiceKind::Camera { hostile, .. } => Some(hostile.acts()),
        _ => None,
    });
    acts.unwrap_or_default()
}

fn was_done(seen: &Observations, camera: &NodeName, act: &str) -> bool {
    let did = |fact: &Fact| matches!(fact, Fact::Attacked { what } if what == act);
    seen.facts.iter().any(|fact| fact.node == *camera && did(&fact.line.fact))
}
