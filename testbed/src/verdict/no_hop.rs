//! `no_hop`: nothing that was sent into one segment came out in another, and the controls show that it would have been seen.

use crate::observation::{Control, HopSeen, HoppedSeen, Observations};
use crate::plan::{Check, Hop, Open, Plan};

use super::controls::{self, Moment};
use super::judge::Draft;
use super::wording::{Reasons, counted, listed};
use super::{ControlSeen, Finding};

/// Kinds of frames spelled out per hop.
const FRAMES: usize = 12;
/// Frames of one hop whose packets are cited.
const CITED: usize = 2;

pub(super) fn draft(
    plan: &Plan,
    check: &Check,
    (hops, alive): (&[Hop], &[Open]),
    seen: &Observations,
) -> Draft {
    let tried: Vec<&HopSeen> = seen.hops.iter().filter(|one| one.check == check.name).collect();
    let findings = tried.iter().filter_map(|one| finding(plan, one)).collect();
    let mut draft = Draft { findings, ..Draft::default() };
    let reasons = &mut draft.reasons;
    if hops.is_empty() {
        reasons.add("vacuous", "nothing is sent into any segment");
    }
    for hop in hops.iter().filter(|one| !tried.iter().any(|seen| seen.hop == **one)) {
        reasons.add("sent", format!("nothing was sent from {}", name(hop)));
    }
    for one in &tried {
        if is_untried(one) {
            reasons.add("sent", format!("{}: {}", name(&one.hop), listed(&one.errors, 4)));
            continue;
        }
        ask_sent(one, reasons);
        ask_control("instrument", one, |frame| frame.instrument, reasons);
        ask_control("path", one, |frame| frame.path, reasons);
        ask_carried(one, reasons);
    }
    let moment =
        |one: &&HopSeen| Moment { name: name(&one.hop), started_at: one.started_at, ended_at: one.ended_at };
    let moments: Vec<_> = tried.iter().map(moment).collect();
    let answered = controls::ask_alive(check, alive, &moments, seen, reasons);
    let nearness = controls::nearness(seen);
    let of_alive = counted(alive.len(), "conversation");
    let alive_seen = format!("{answered} of {of_alive} answered within {nearness} before and after");
    summarise(&mut draft, &tried, (answered, alive.len()), alive_seen);
    draft
}

fn summarise(draft: &mut Draft, tried: &[&HopSeen], alive: (usize, usize), alive_seen: String) {
    let count =
        |of: fn(&HoppedSeen) -> u64| -> u64 { tried.iter().flat_map(|one| &one.frames).map(of).sum() };
    let sent = count(|one| u64::from(one.sent_packet.is_some()));
    let carried = count(|one| u64::from(one.carried_packet.is_some()));
    let out = count(|one| u64::from(!one.came_out.is_empty()));
    let instrument = (count(|one| one.instrument.seen), count(|one| one.instrument.sent));
    let path = (count(|one| one.path.seen), count(|one| one.path.sent));
    draft.summary = format!(
        "{}, {sent} frames sent, {carried} carried to neighbours, {out} came out in another segment; instrument {}/{}, \
         path {}/{}, alive {}/{}",
        counted(tried.len(), "hop"),
        instrument.0,
        instrument.1,
        path.0,
        path.1,
        alive.0,
        alive.1
    );
    let told = |control: &str, seen: String| ControlSeen {
        control: control.into(),
        seen,
        held: !tried.is_empty() && !draft.reasons.has(control),
    };
    draft.controls = vec![
        told("instrument", format!("{} of {} seen at the other segment's taps", instrument.0, instrument.1)),
        told("path", format!("{} of {} came out where the segments are joined", path.0, path.1)),
        told("alive", alive_seen),
    ];
}

/// `dock-1 in cam, towards prod`.
fn name(hop: &Hop) -> String {
    format!("{}, towards {}", sender(hop), hop.to)
}

/// `dock-1 in cam`, or `rtr on its trunk lan`.
fn sender(hop: &Hop) -> String {
    match hop.trunk.is_empty() {
        true => format!("{} in {}", hop.from, hop.segment),
        false => format!("{} on its trunk {}", hop.from, hop.link),
    }
}

fn finding(plan: &Plan, one: &HopSeen) -> Option<Finding> {
    let Hop { from, segment, to, trunk, link, .. } = &one.hop;
    let out: Vec<&HoppedSeen> = one.frames.iter().filter(|frame| !frame.came_out.is_empty()).collect();
    let (port, _) = out.first()?.came_out.first()?;
    let mut links = plan.nodes.iter().flat_map(|node| node.links.iter().map(move |link| (node, link)));
    let place = links.find(|(_, link)| link.port == *port);
    let place =
        place.map_or_else(|| port.to_string(), |(node, link)| format!("{}'s {}", node.name, link.name));
    let sent = match trunk.is_empty() {
        true => format!("what {from} sends in {segment}"),
        false => format!("what {from} sends on its trunk {link}, and not with the tag of {to},"),
    };
    let kinds = listed(out.iter().map(|frame| &frame.what), FRAMES);
    let cited = out.iter().take(CITED).flat_map(|frame| {
        let sent = frame.sent_packet.map(|packet| (format!("{} sent", frame.what), packet));
        let came = frame.came_out.first().map(|(_, packet)| (format!("{} came out", frame.what), *packet));
        sent.into_iter().chain(came)
    });
    Some(Finding {
        text: format!("{sent} comes out in {to}, at {place}: {kinds}"),
        pair: None,
        stops_at: None,
        packets: cited.filter(|(_, packet)| *packet > 0).collect(),
        by: None,
    })
}

/// Whether it was known from the start that nothing can be sent: then there is nothing to ask of controls.
fn is_untried(one: &HopSeen) -> bool {
    !one.errors.is_empty() && one.frames.iter().all(|frame| frame.sent_packet.is_none())
}

/// Every frame was sent.
fn ask_sent(one: &HopSeen, reasons: &mut Reasons) {
    let name = name(&one.hop);
    for error in &one.errors {
        reasons.add("sent", format!("{name}: {error}"));
    }
    let short: Vec<_> =
        one.frames.iter().filter(|frame| frame.sent_packet.is_none()).map(|frame| &frame.what).collect();
    let planned = one.hop.frames.len();
    if !short.is_empty() || one.frames.len() != planned {
        let sent = one.frames.len() - short.len();
        reasons.add("sent", format!("{name}: {sent} of {planned} were sent, not {}", listed(short, 4)));
    }
}

/// What must get to a neighbour does, if there is one: the sender's own segment carries frames.
fn ask_carried(one: &HopSeen, reasons: &mut Reasons) {
    if one.hop.neighbours.is_empty() {
        return;
    }
    let all = one.hop.frames.iter().zip(&one.frames);
    let missed = all.filter(|(frame, seen)| one.hop.is_carried(frame) && seen.carried_packet.is_none());
    let missed: Vec<_> = missed.map(|(frame, _)| &frame.what).collect();
    if !missed.is_empty() {
        let (name, missed) = (name(&one.hop), listed(missed, 4));
        reasons.add("path", format!("{name}: no neighbour got {missed}"));
    }
}

fn ask_control(control: &str, one: &HopSeen, of: impl Fn(&HoppedSeen) -> Control, reasons: &mut Reasons) {
    let missed = one.frames.iter().filter(|frame| of(frame).sent == 0 || of(frame).seen != of(frame).sent);
    let missed: Vec<_> = missed.map(|frame| &frame.what).collect();
    if !missed.is_empty() {
        let (name, of, all) = (name(&one.hop), missed.len(), one.frames.len());
        reasons.add(control, format!("{name}: {of} of {all} frames missed: {}", listed(missed, 4)));
    }
}
