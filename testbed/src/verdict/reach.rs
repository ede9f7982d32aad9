//! `reach`: each conversation that must come about was opened and answered.

use crate::observation::{Observations, OpenSeen};
use crate::plan::{Check, Open};

use super::Finding;
use super::controls::open_name;
use super::judge::Draft;
use super::wording::counted;

pub(super) fn draft(check: &Check, opens: &[Open], seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let (mut tries, mut slowest) = (0, 0);
    if opens.is_empty() {
        draft.reasons.add("vacuous", "nothing is opened");
    }
    for open in opens {
        let tried: Vec<_> =
            seen.opens.iter().filter(|one| one.check == check.name && one.open == *open).collect();
        tries += tried.len();
        slowest = tried.iter().filter_map(|one| one.answered_after_us).fold(slowest, u64::max);
        if tried.is_empty() {
            draft.reasons.add("opened", format!("{} was never tried", open_name(open)));
        }
        let silent = tried.into_iter().find(|one| one.answered_after_us.is_none());
        draft.findings.extend(silent.map(unanswered));
    }
    let failed = draft.findings.len();
    draft.summary = format!(
        "{} opened, {} without answer; slowest answer {}.{} ms",
        counted(tries, "conversation"),
        failed,
        slowest / 1000,
        slowest % 1000 / 100
    );
    draft
}

fn unanswered(seen: &OpenSeen) -> Finding {
    let Open { from, to, address, port, .. } = &seen.open;
    let flow = seen.open.flow.as_ref().map(|flow| format!(" ({flow})")).unwrap_or_default();
    let why = seen.error.as_deref().unwrap_or("no answer within the deadline");
    let mut text = format!("{from} could not open {port} at {to} {address}{flow}: {why}");
    let (sent, answer) = seen.packets;
    if sent.is_none() {
        text.push_str(&format!("; no packet of it left {from}"));
    }
    let sent = sent.map(|at| (format!("{port} to {address} sent, at {from}'s tap"), at));
    let answer = answer.map(|at| (format!("what came back, at {from}'s tap"), at));
    Finding {
        text,
        pair: Some((from.clone(), to.clone())),
        stops_at: None,
        packets: sent.into_iter().chain(answer).collect(),
        by: None,
    }
}
