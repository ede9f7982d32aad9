//! `no_stream`: whoever may not watch a camera asked it for its stream, by its own kernel and with the right password, and got
//! neither a description nor a session; who may watch it got both by the same questions. Whoever joined its group got nothing of that.

use crate::observation::{Observations, OpenSeen};
use crate::plan::{Check, Join, Open};

use super::controls::open_name;
use super::judge::Draft;
use super::wording::{Reasons, counted};
use super::{ControlSeen, Finding, joined};

/// What is asked on a connection that stands: a description, and a session.
const QUESTIONS: usize = 2;

pub(super) fn draft(
    check: &Check,
    (tries, may): (&[Open], &[Open]),
    (joins, hears): (&[Join], &[Join]),
    seen: &Observations,
) -> Draft {
    let mut draft = Draft::default();
    if tries.is_empty() {
        draft.reasons.add("vacuous", "nobody asks any camera");
    }
    let (mut left, mut stood) = (0_usize, 0_usize);
    for open in tries {
        let Some(one) = of(check, open, seen) else {
            draft.reasons.add("asked", format!("{} was never tried", open_name(open)));
            continue;
        };
        match one.packets.0 {
            Some(_) => left += 1,
            None => draft.reasons.add("asked", not_left(one)),
        }
        if one.connected && one.statuses.len() < QUESTIONS {
            let why = one.error.as_deref().unwrap_or("no answer");
            let text = format!("{} stood, and was not answered to its end: {why}", open_name(&one.open));
            draft.reasons.add("asked", text);
        }
        stood += usize::from(!one.statuses.is_empty());
        draft.findings.extend(given(one));
    }
    let shown = may.iter().filter(|open| is_shown(check, open, seen, &mut draft.reasons)).count();
    draft.summary = format!(
        "{} asked for a stream, {} answered, {} given; {} given to who may watch",
        counted(tries.len(), "time"),
        stood,
        draft.findings.len(),
        shown
    );
    let mut controls = vec![
        ("asked", format!("{left} of {} seen to leave at the asker's own tap", tries.len())),
        ("instrument", format!("{shown} of {} cameras gave their stream to who may watch", may.len())),
    ];
    if !joins.is_empty() {
        controls.extend(joined::judge(check, (joins, hears), seen, &mut draft));
    }
    let control = |(control, seen): (&str, String)| ControlSeen {
        control: control.into(),
        seen,
        held: !draft.reasons.has(control) && !draft.reasons.has("vacuous"),
    };
    draft.controls = controls.into_iter().map(control).collect();
    draft
}

fn of<'a>(check: &Check, open: &Open, seen: &'a Observations) -> Option<&'a OpenSeen> {
    seen.opens.iter().find(|one| one.check == check.name && one.open == *open)
}

fn not_left(one: &OpenSeen) -> String {
    let why = one.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
    format!("{}: no packet of it left{why}", open_name(&one.open))
}

fn is_well(status: u16) -> bool {
    (200..300).contains(&status)
}

/// A description or a session that was given to who may not watch.
fn given(one: &OpenSeen) -> Option<Finding> {
    let Open { from, to, address, port, .. } = &one.open;
    let what = match one.statuses.as_slice() {
        [described, set_up, ..] if is_well(*described) && is_well(*set_up) => "a description and a session",
        [described, ..] if is_well(*described) => "a description",
        [_, set_up, ..] if is_well(*set_up) => "a session",
        _ => return None,
    };
    let sent = one.packets.0.map(|at| (format!("{port} to {address} sent, at {from}'s tap"), at));
    let answer = one.packets.1.map(|at| (format!("what came back, at {from}'s tap"), at));
    Some(Finding {
        text: format!("{to} gave {from} {what} at {address} {port}"),
        pair: Some((from.clone(), to.clone())),
        stops_at: None,
        packets: sent.into_iter().chain(answer).collect(),
        by: None,
    })
}

/// Whether the same questions bring the stream to who may watch.
fn is_shown(check: &Check, open: &Open, seen: &Observations, reasons: &mut Reasons) -> bool {
    let Open { from, to, .. } = open;
    let one = of(check, open, seen);
    if let Some([described, set_up]) = one.map(|one| one.statuses.as_slice())
        && is_well(*described)
        && is_well(*set_up)
        && one.is_some_and(|one| one.answered_after_us.is_some())
    {
        return true;
    }
    let told = one.map_or_else(String::new, |one| {
        let statuses = one.statuses.iter().map(u16::to_string).chain(one.error.clone());
        format!(": {}", statuses.collect::<Vec<_>>().join(", "))
    });
    reasons.add("instrument", format!("{to} gave no stream to {from}, which may watch{told}"));
    false
}
