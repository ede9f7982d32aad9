//! The rules of nodes and switches, as they stand when a check sends what they tell apart.

use std::time::{Duration, Instant};

use crate::kernel::nft;
use crate::model::ruleset::holds_for_a_moment;
use crate::observation::RulesSeen;
use crate::plan::{Aim, Check, Node};
use crate::probe::Site;
use crate::record::rules;

/// So many nft processes list rules at once: more would only wait for a processor.
const LISTED_AT_ONCE: usize = 8;

/// What a node lets in for so long at most, since it has asked for something, is shut again before anything is sent to it.
const MOMENT: Duration = Duration::from_secs(5);
/// Until it is looked again whether it is.
const LOOKED_AGAIN: Duration = Duration::from_millis(100);

/// The rules of these nodes once those that are aimed at let in nothing for a moment only, or after that moment.
pub(super) async fn list_shut(site: &Site, check: &Check, nodes: &[&Node], patience: u32) -> Vec<RulesSeen> {
    let end = Instant::now() + MOMENT * patience;
    let is_open = |one: &RulesSeen| {
        check.word.aims().iter().any(|aim| aim.to == one.node)
            && holds_for_a_moment(&one.listing, MOMENT.as_secs())
    };
    loop {
        let listed = list_rules(site, check, nodes).await;
        if !listed.iter().any(is_open) || Instant::now() >= end {
            return listed;
        }
        tokio::time::sleep(LOOKED_AGAIN).await;
    }
}

/// The rules of these nodes, as nft lists them in JSON. What cannot be listed is left out, and missed by the verdict.
async fn list_rules(site: &Site, check: &Check, nodes: &[&Node]) -> Vec<RulesSeen> {
    let mut listed = Vec::new();
    for some in nodes.chunks(LISTED_AT_ONCE) {
        let listing = some.iter().map(|node| nft::list_json(site.lab.node(&node.name)));
        listed.extend(futures_util::future::join_all(listing).await);
    }
    let mut seen = Vec::new();
    for (node, listed) in nodes.iter().zip(listed) {
        let listed = listed.map_err(|error| error.to_string());
        let listing = listed.and_then(|text| rules::without_ours(&text).map_err(|error| error.to_string()));
        match listing {
            Ok(listing) => {
                seen.push(RulesSeen {
                    check: check.name.clone(),
                    node: node.name.clone(),
                    of_switches: false,
                    listing,
                });
            }
            Err(error) => tracing::warn!(node = %node.name, %error, "its rules are not known"),
        }
    }
    seen
}

/// The rules of all switches, where packets of the check cross one that has some. They are in one namespace.
pub(super) async fn list_switches(site: &Site, check: &Check) -> Option<RulesSeen> {
    let cross = |aim: &Aim| aim.cells.as_ref().is_some_and(|cells| cells.switched);
    let (node, _) = site.plan.switches.first()?.plugged.first()?;
    if !check.word.aims().iter().any(cross) {
        return None;
    }
    let listed = nft::list_json(&site.lab.fabric).await.map_err(|error| error.to_string());
    let listing = listed.and_then(|text| rules::without_ours(&text).map_err(|error| error.to_string()));
    let listing = listing.inspect_err(|error| tracing::warn!(error, "the rules of switches are not known"));
    Some(RulesSeen {
        check: check.name.clone(),
        node: node.clone(),
        of_switches: true,
        listing: listing.ok()?,
    })
}
