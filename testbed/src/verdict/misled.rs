//! Hostile cameras tell nodes by ICMP redirects of other ways: whether that was said and came there, whether somebody has believed it, and
//! what came to the camera for that.

use std::net::IpAddr;

use crate::names::NodeName;
use crate::observation::{Observations, RedirectSeen, RouteSeen};
use crate::plan::{Misled, Plan};

use super::Finding;
use super::wording::Reasons;

/// What was not seen to leave the camera, or to come to whom it is for: of each way both redirects, in the name of whom it leads over, and
/// in the camera's own. What is kept from a node before it gets there leads nobody astray, and shows nothing of the node.
pub(super) fn unsaid(plan: &Plan, camera: &NodeName, seen: &Observations) -> Vec<String> {
    let of_camera = plan.misled().filter(|one| one.by == camera);
    let both = of_camera.flat_map(|one| [(one, one.over), (one, one.own)]);
    let unsaid = both.filter_map(|(one, says)| {
        let is_it = |at: &NodeName, leaves: bool, redirect: &RedirectSeen| {
            (&redirect.node, redirect.leaves) == (at, leaves)
                && (redirect.says, redirect.to, redirect.about) == (says, one.told, one.about)
        };
        let what =
            format!("a redirect to {} in the name of {says} about {}", one.node, named(plan, one.about));
        if !seen.redirects.iter().any(|redirect| is_it(camera, true, redirect)) {
            return Some(format!("{what} was not seen to leave {camera}"));
        }
        let came = seen.redirects.iter().any(|redirect| is_it(one.node, false, redirect));
        (!came).then(|| format!("{what} left {camera}, and was not seen to come"))
    });
    unsaid.collect()
}

/// Findings: whom a way that a camera tells of leads over at the end who is not meant, and what came to a camera that is for others.
pub(super) fn findings(plan: &Plan, seen: &Observations) -> Vec<Finding> {
    let changed = plan.misled().filter_map(|one| other_way(plan, one, seen));
    let tellers: Vec<&NodeName> = plan.misled().map(|one| one.by).collect();
    let led = seen.led.iter().filter(|one| tellers.contains(&&one.node)).map(|one| {
        let who = one.from.as_ref().map_or("somebody".to_owned(), ToString::to_string);
        let text = format!(
            "{who} sent what is for {} to {}, who had told others of such ways",
            named(plan, one.to),
            one.node
        );
        Finding {
            text,
            pair: one.from.clone().map(|from| (from, one.node.clone())),
            stops_at: None,
            packets: vec![(format!("the first, at {}'s tap", one.node), one.packet)],
            by: None,
        }
    });
    changed.chain(led).collect()
}

/// Reasons: a way of which a camera tells that was not looked up at the end.
pub(super) fn ask_for_ways(plan: &Plan, seen: &Observations, reasons: &mut Reasons) {
    // Where no way is left, that of before may have been another.
    let unknown = |one: &Misled<'_>| route(one, seen).is_none_or(|route| route.link.is_none());
    for one in plan.misled().filter(unknown) {
        reasons.add(
            "route",
            format!("where {} sends what is for {} is not known", one.node, named(plan, one.about)),
        );
    }
}

fn route<'a>(one: &Misled<'_>, seen: &'a Observations) -> Option<&'a RouteSeen> {
    seen.routes.iter().find(|route| route.node == *one.node && route.to == one.about)
}

fn other_way(plan: &Plan, one: Misled<'_>, seen: &Observations) -> Option<Finding> {
    let route = route(&one, seen)?;
    let via = route.via.unwrap_or(one.about);
    if !route.redirected && (via == one.over || route.link.is_none()) {
        return None;
    }
    let how = if route.redirected { "took a redirect (ICMP): it sends" } else { "sends" };
    let (node, about) = (one.node, named(plan, one.about));
    let text = format!(
        "{node} {how} what is for {about} to {}, and not to {}",
        named(plan, via),
        named(plan, one.over)
    );
    let came = |redirect: &&RedirectSeen| {
        redirect.node == *node && !redirect.leaves && redirect.about == one.about && redirect.says == one.over
    };
    let packets = seen.redirects.iter().find(came).filter(|one| one.packet > 0);
    let packets = packets.map(|one| (format!("the redirect, at {node}'s tap"), one.packet));
    Some(Finding { text, pair: None, stops_at: None, packets: packets.into_iter().collect(), by: None })
}

/// An address, and whose it is.
fn named(plan: &Plan, address: IpAddr) -> String {
    plan.owner(address).map_or(address.to_string(), |node| format!("{} ({address})", node.name))
}
