//! Names that move: whoever goes on must do so at the new address, and what is shut again must have been open.

use fake_facts::Fact;

use crate::names::NodeName;
use crate::observation::{ChangeSeen, Conversation, LookupSeen, Observations};
use crate::plan::fault::Fault;
use crate::plan::{Aim, Forgotten, GoingOn};

use super::after::Asked;
use super::judge::Draft;
use super::wording::length;

/// Reports that go on at the old address show nothing of the new one.
pub(super) fn ask_there(asked: &Asked<'_>, change: &ChangeSeen, seen: &Observations, draft: &mut Draft) {
    let Fault::MoveName { to: Some(to), .. } = asked.fault else { return };
    for one in asked.resume {
        let GoingOn::Reports { event, of } = one else { continue };
        let there = seen.facts.iter().find(|fact| match &fact.line.fact {
            Fact::Connected { service, peer, .. } => {
                let meanwhile = (change.at..change.then_at).contains(&fact.line.at);
                fact.node == *of && service == event.service() && peer.ip() == *to && meanwhile
            }
            _ => false,
        });
        match there {
            Some(fact) => {
                let after = std::time::Duration::from_nanos(fact.line.at - change.at);
                draft.summary += &format!("; {of} was at {to} after {}", length(after));
            }
            None => draft.reasons.add("moved", format!("{of} never went to {to} with {event}")),
        }
    }
    if asked.resume.is_empty() {
        ask_told(asked.fault, change, seen, draft);
    }
    ask_asker(asked.fault, change, seen, draft);
}

/// Who is to ask for a name must have been told of the address, as its own tap has it: that somebody was is not enough. Where it is
/// to be spelled otherwise, the question must have had these very letters.
pub(super) fn ask_asker(fault: &Fault, change: &ChangeSeen, seen: &Observations, draft: &mut Draft) {
    let Fault::MoveName { name, to: Some(to), asked_by: Some(asker), .. } = fault else { return };
    let node = &asker.node;
    // The first time that it was told is what is kept of it.
    let is_told = |one: &LookupSeen| {
        one.node == *node
            && one.name == name.as_str()
            && one.addresses.contains(to)
            && !one.earlier
            && one.at < change.then_at
    };
    let mut told = seen.lookups.iter().filter(|one| is_told(one)).peekable();
    if told.peek().is_none() {
        draft.reasons.add("moved", format!("{node} was never told that {name} is {to}"));
        return;
    }
    let Some(spelled) = &asker.spelled else { return };
    if !told.any(|one| one.asked_as.as_deref() == Some(spelled.as_str())) {
        draft.reasons.add("moved", format!("{node} was never seen to ask for {name} as {spelled}"));
    }
}

/// Where nobody is to go on, somebody must have been told of the new address all the same.
fn ask_told(fault: &Fault, change: &ChangeSeen, seen: &Observations, draft: &mut Draft) {
    let Fault::MoveName { name: moved, to: Some(to), clouds, .. } = fault else { return };
    let told = seen.facts.iter().any(|fact| match &fact.line.fact {
        Fact::Asked { name, answers, .. } => {
            let meanwhile = (change.at..change.then_at).contains(&fact.line.at);
            clouds.contains(&fact.node) && name == moved.as_str() && answers.contains(to) && meanwhile
        }
        _ => false,
    });
    if !told {
        draft.reasons.add("moved", format!("nobody asked for {moved} while it was {to}"));
    }
}

/// Whether a node was had ask for a name just then, to see what comes of it: nothing that it needs.
pub(super) fn is_asked_on_purpose(asked: &LookupSeen, seen: &Observations) -> bool {
    seen.faults.iter().any(|one| match &one.fault {
        Fault::MoveName { name, asked_by: Some(asker), .. } => {
            asker.node == asked.node
                && name.as_str() == asked.name
                && (one.at..=one.done_at).contains(&asked.at)
        }
        _ => false,
    })
}

/// An address that was never open shows nothing by being shut.
pub(super) fn ask_left(forgotten: &Forgotten, aims: &[Aim], seen: &Observations, draft: &mut Draft) {
    let Forgotten { since, address, .. } = forgotten;
    let Some(change) = seen.changes.iter().find(|change| change.check == *since) else {
        draft.reasons.add("moved", format!("check {since} was not carried out"));
        return;
    };
    let used = |from: &NodeName| {
        let meanwhile = |one: &&Conversation| {
            one.opener.node.as_ref() == Some(from)
                && one.answerer.address == *address
                && one.answered_packet.is_some()
                && (change.at..change.end_at).contains(&one.first_at)
        };
        seen.conversations.iter().find(meanwhile).is_some()
    };
    let mut unused: Vec<_> = aims.iter().map(|aim| &aim.from).filter(|from| !used(from)).collect();
    unused.dedup();
    for from in unused {
        draft.reasons.add("moved", format!("{from} was not at {address} in check {since}"));
    }
}
