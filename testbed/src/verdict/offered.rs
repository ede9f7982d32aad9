//! What a node that asks for its address was offered, beside what it said to a cloud: whoever is offered another address than the chosen
//! one should know before its cloud hears of it (part of `address`).

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::names::NodeName;
use crate::observation::{Conversation, DhcpKind, DhcpSeen, Observations, OfferFlagged};
use crate::plan::{Asking, Plan, Role};

use super::Finding;
use super::wording::counted;

/// What a node began with clouds.
pub(super) struct Talk<'a> {
    /// Whether there is any cloud.
    clouds: bool,
    /// With whom it began what, in order of time.
    begun: Vec<(&'a NodeName, &'a Conversation)>,
    /// What was told of offers while the run went on.
    flagged: &'a [OfferFlagged],
}

impl<'a> Talk<'a> {
    /// All that was seen of it. An address that the node was given or offered and that no node of the plan has is its own.
    pub(super) fn of(plan: &'a Plan, one: &Asking, messages: &[&DhcpSeen], seen: &'a Observations) -> Self {
        let clouds: Vec<_> =
            plan.nodes.iter().filter(|node| node.role == Role::Cloud).map(|node| &node.name).collect();
        let told =
            |address| messages.iter().filter_map(|one| one.gives).any(|gives| IpAddr::V4(gives) == address);
        let own = |talk: &Conversation| match &talk.opener.node {
            Some(node) => *node == one.node,
            None => told(talk.opener.address),
        };
        let of_ip = |talk: &&Conversation| ["tcp", "udp"].contains(&talk.kind.as_str()) && !talk.earlier;
        let mut talk: Vec<_> = seen
            .conversations
            .iter()
            .filter(of_ip)
            .filter(|talk| own(talk))
            .filter_map(|talk| {
                Some((*clouds.iter().find(|cloud| talk.answerer.node.as_ref() == Some(**cloud))?, talk))
            })
            .collect();
        talk.sort_by_key(|(_, talk)| talk.first_at);
        Self { clouds: !clouds.is_empty(), begun: talk, flagged: &seen.flagged }
    }

    /// With whom it began something first.
    pub(super) fn first(&self) -> Option<(&NodeName, &Conversation)> {
        self.begun.first().copied()
    }

    /// What comes behind an offer, as the end of a sentence, and the packet that shows it; nothing where there is no cloud.
    pub(super) fn beside(&self, offer: &DhcpSeen) -> (String, Option<(String, u64)>) {
        let before = self.begun.iter().filter(|(_, talk)| talk.first_at < offer.at).count();
        let told = self.flagged.iter().find(|flagged| flagged.is_of(offer)).map(|flagged| flagged.flagged_at);
        let Some((cloud, first)) = self.first() else {
            let words = match (self.clouds, told) {
                (false, _) => "",
                (true, Some(_)) => ": that was told, and it began nothing with a cloud",
                (true, None) => ": it began nothing with a cloud",
            };
            return (words.to_owned(), None);
        };
        let words = match before {
            0 => {
                let told = match told {
                    Some(told) if told < first.first_at => "told by then",
                    Some(_) => "told later",
                    None => "not told",
                };
                let then = counted(self.begun.len(), "conversation");
                format!(
                    ": it was offered that before it began anything with {cloud}, which was {told}, and began {then} then"
                )
            }
            some => {
                let some = counted(some, "conversation");
                format!(": it had begun {some} with {cloud} before it was offered that")
            }
        };
        (words, Some((format!("what it begins with {cloud} first"), first.first_packet)))
    }
}

/// The offer that an address was given by: the last one of it before it was given.
pub(super) fn of_given<'a>(ack: &DhcpSeen, messages: &[&'a DhcpSeen]) -> Option<&'a DhcpSeen> {
    let same = |one: &&&DhcpSeen| one.kind == DhcpKind::Offer && one.gives == ack.gives && one.at <= ack.at;
    messages.iter().rfind(same).copied()
}

/// Offers of something else than what was chosen, or of somebody else than who must give it, that the node did not take: each address of
/// each server once.
pub(super) fn passed_over<'a>(one: &Asking, messages: &[&'a DhcpSeen]) -> Vec<&'a DhcpSeen> {
    if one.asked.is_none() {
        return Vec::new();
    }
    let what = |one: &DhcpSeen| (one.gives, one.from.clone());
    let given: BTreeSet<_> =
        messages.iter().filter(|ack| ack.kind == DhcpKind::Ack).map(|ack| what(ack)).collect();
    let mut known = BTreeSet::new();
    let offers = messages.iter().copied().filter(|one| one.kind == DhcpKind::Offer && !one.earlier);
    let other = offers.filter(|offer| offer.gives.is_some() && !is_meant(one, offer));
    let left = other.filter(|offer| !given.contains(&what(offer)));
    left.filter(|offer| known.insert(what(offer))).collect()
}

/// Whether the chosen address is offered by who must give it.
fn is_meant(one: &Asking, offer: &DhcpSeen) -> bool {
    offer.gives == Some(one.bound) && offer.from.as_ref() == Some(&one.server)
}

/// Something was said to a cloud before any address was given; `given`: when the first one was.
pub(super) fn too_early(one: &Asking, given: Option<&DhcpSeen>, talk: &Talk<'_>) -> Option<Finding> {
    let (cloud, first) = talk.first()?;
    if given.is_some_and(|ack| ack.at <= first.first_at) {
        return None;
    }
    let given = given.map(|ack| (format!("what it is given, at {}'s tap", one.node), ack.packet));
    let begun = (format!("what it begins with {cloud} first"), first.first_packet);
    Some(Finding {
        text: format!("{} began something with {cloud} before it was given an address", one.node),
        pair: None,
        stops_at: None,
        packets: std::iter::once(begun).chain(given).collect(),
        by: None,
    })
}
