//! `reach`: each conversation that must come about was opened and answered, and by a name none that was there without it.

use crate::observation::{Observations, OpenSeen};
use crate::plan::{Check, During, Open};

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
        let (before, tried) = tries_of(check, open, seen);
        if asks_a_name(check) {
            ask_shut(open, &before, &mut draft);
        }
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

/// Whether somebody is had ask for the name that opens.
fn asks_a_name(check: &Check) -> bool {
    check.during.as_ref().is_some_and(During::has_a_name_asked)
}

/// What was tried before a name led there, and after.
fn tries_of<'a>(
    check: &Check,
    open: &Open,
    seen: &'a Observations,
) -> (Vec<&'a OpenSeen>, Vec<&'a OpenSeen>) {
    let change = seen.changes.iter().find(|one| one.check == check.name);
    let begun = change.filter(|_| asks_a_name(check)).map_or(0, |change| change.at);
    let own = seen.opens.iter().filter(|one| one.check == check.name && one.open == *open);
    own.partition(|one| one.at < begun)
}

/// What is open without the name is not opened by it. It is shut where a packet left and nothing at all came back.
fn ask_shut(open: &Open, before: &[&OpenSeen], draft: &mut Draft) {
    let is_shut = |one: &&&OpenSeen| one.packets.0.is_some() && one.packets.1.is_none();
    let open_before = before.iter().find(|one| one.answered_after_us.is_some());
    if open_before.is_none() && before.iter().find(is_shut).is_none() {
        let text = format!("{} was not seen to be shut before the name was asked for", open_name(open));
        draft.reasons.add("shut", text);
    }
    draft.findings.extend(open_before.map(|one| open_anyhow(one)));
}

fn open_anyhow(seen: &OpenSeen) -> Finding {
    let Open { from, to, address, port, .. } = &seen.open;
    let text = format!("{from} could open {port} at {to} {address} before the name was asked for");
    let sent = seen.packets.0.map(|at| (format!("{port} to {address} sent, at {from}'s tap"), at));
    let answer = seen.packets.1.map(|at| (format!("what came back, at {from}'s tap"), at));
    let packets = sent.into_iter().chain(answer).collect();
    Finding { text, pair: Some((from.clone(), to.clone())), stops_at: None, packets, by: None }
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
