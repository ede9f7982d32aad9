//! `attacks`: hostile cameras did what they are there for. What was not done nobody held against: then nothing is shown.

use fake_facts::Fact;

use crate::names::NodeName;
use crate::observation::{DhcpKind, DhcpSeen, Observations};
use crate::plan::{Plan, ServiceKind, Word};
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

/// Whom a camera that hands out addresses was not seen to offer one, at its own tap, before anybody else had given one: of the links of its
/// segments that checks have ask for a chosen address. Who comes last attacks nobody.
fn late_offers(plan: &Plan, camera: &NodeName, seen: &Observations) -> Vec<String> {
    let segments: Vec<_> =
        plan.node(camera).into_iter().flat_map(|node| &node.links).map(|link| &link.segment).collect();
    let asking = plan.checks.iter().filter_map(|check| match &check.word {
        Word::Address { of, .. } => Some(of),
        _ => None,
    });
    let late = asking.flatten().filter(|one| one.asked.is_some()).filter_map(|one| {
        let link = plan.node(&one.node)?.links.iter().find(|link| link.name == one.link)?;
        let offer = seen.offers.iter().find(|offer| offer.node == *camera && offer.to == link.mac);
        let of = |message: &&DhcpSeen| message.node == one.node && message.link == one.link;
        let given = seen.dhcp.iter().filter(of).find(|message| message.kind == DhcpKind::Ack);
        let why = match (offer, given) {
            _ if !segments.contains(&&link.segment) => return None,
            (None, _) => format!("{camera} was not seen to offer {} an address", one.node),
            (Some(offer), Some(given)) if given.at < offer.at => {
                format!("{camera} offered {} an address only after it had been given one", one.node)
            }
            _ => return None,
        };
        Some(why)
    });
    late.collect()
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
