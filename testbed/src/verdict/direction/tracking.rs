//! Who opened what, as connection tracking has it: a filter that lets answers in goes by that, and not by what the taps saw.

use std::net::SocketAddr;

use super::super::judge::Draft;
use super::super::matching::kind_and_port;
use super::super::wording::counted;
use super::{end_name, finding};
use crate::names::NodeName;
use crate::observation::{Conversation, Observations, TrackedSeen};

/// What any node tracked of these conversations was opened by the same end there as at the taps; and each that was answered was
/// tracked by all of `by`.
pub(super) fn judge<'a>(
    by: &[NodeName],
    looked_at: impl Iterator<Item = &'a Conversation>,
    seen: &Observations,
    draft: &mut Draft,
) {
    let mut agreed = 0;
    for one in looked_at {
        let its: Vec<_> =
            seen.tracked.iter().filter_map(|known| Some((known, has_same_opener(known, one)?))).collect();
        for (known, _) in its.iter().filter(|(_, same)| !same) {
            let (opener, answerer, what) =
                (end_name(&one.opener), end_name(&one.answerer), kind_and_port(one));
            let text =
                format!("{} tracks {what} of {opener} to {answerer} as opened by {answerer}", known.node);
            if !draft.findings.iter().any(|other| other.text == text) {
                draft.findings.push(finding(one, text));
            }
        }
        for node in by.iter().filter(|_| one.packets_back > 0) {
            match its.iter().any(|(known, _)| known.node == *node) {
                true => agreed += usize::from(its.iter().all(|(known, same)| known.node != *node || *same)),
                false => draft.reasons.add("tracking", untracked(node, one)),
            }
        }
    }
    if !by.is_empty() {
        draft.summary.push_str(&format!("; tracked alike: {}", counted(agreed, "time")));
    }
}

fn untracked(node: &NodeName, one: &Conversation) -> String {
    let (opener, answerer) = (end_name(&one.opener), end_name(&one.answerer));
    format!("{node} is not known to have tracked {} of {opener} to {answerer}", kind_and_port(one))
}

/// Whether the node has this conversation opened by the same end; none: this is another one. Where it translates addresses, the
/// conversation has those of the one side or of the other.
fn has_same_opener(known: &TrackedSeen, one: &Conversation) -> Option<bool> {
    if known.kind != one.kind {
        return None;
    }
    let [opener, answerer] = [&one.opener, &one.answerer].map(|end| SocketAddr::new(end.address, end.port));
    let [from, to] = known.reply;
    let ways = [known.original, [to, from]];
    let same = ways.contains(&[opener, answerer]);
    (same || ways.contains(&[answerer, opener])).then_some(same)
}
