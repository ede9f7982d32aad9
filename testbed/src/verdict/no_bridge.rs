//! `no_bridge`: nothing that was sent into one link of a node came out of another, and the controls show that it would
//! have been seen.

use crate::observation::{Control, CrossingSeen, FrameSeen, Observations};
use crate::plan::{Check, Crossing, Open};

use super::controls::{self, Moment};
use super::judge::Draft;
use super::wording::{Reasons, counted, listed};
use super::{ControlSeen, Finding};

/// Kinds of frames spelled out per crossing.
const FRAMES: usize = 12;
/// Frames of one crossing whose packets are cited.
const CITED: usize = 2;

pub(super) fn draft(check: &Check, crossings: &[Crossing], alive: &[Open], seen: &Observations) -> Draft {
    let tried: Vec<&CrossingSeen> = seen.crossings.iter().filter(|one| one.check == check.name).collect();
    let mut draft =
        Draft { findings: tried.iter().filter_map(|one| finding(one)).collect(), ..Draft::default() };
    let reasons = &mut draft.reasons;
    if crossings.is_empty() {
        reasons.add("vacuous", "nothing is sent into any link");
    }
    for crossing in crossings.iter().filter(|one| !tried.iter().any(|seen| seen.crossing == **one)) {
        reasons.add("sent", format!("nothing was sent from {}", name(crossing)));
    }
    for one in &tried {
        ask_sent(one, reasons);
        ask_control("instrument", one, |frame| frame.instrument, reasons);
        ask_control("path", one, |frame| frame.path, reasons);
    }
    let moments: Vec<_> = tried
        .iter()
        .map(|one| Moment { name: name(&one.crossing), started_at: one.started_at, ended_at: one.ended_at })
        .collect();
    let answered = controls::ask_alive(check, alive, &moments, seen, reasons);
    let count = |of: fn(&FrameSeen) -> u64| -> u64 { tried.iter().flat_map(|one| &one.frames).map(of).sum() };
    let (sent, left) = (
        count(|one| u64::from(one.entered_packet.is_some())),
        count(|one| u64::from(one.left_packet.is_some())),
    );
    let instrument = (count(|one| one.instrument.seen), count(|one| one.instrument.sent));
    let path = (count(|one| one.path.seen), count(|one| one.path.sent));
    draft.summary = format!(
        "{}, {sent} frames handed to the node, {left} came out elsewhere; instrument {}/{}, path {}/{}, alive \
         {answered}/{}",
        counted(tried.len(), "crossing"),
        instrument.0,
        instrument.1,
        path.0,
        path.1,
        alive.len()
    );
    draft.controls = vec![
        told(
            &draft,
            &tried,
            "instrument",
            format!("{} of {} seen at the far link's tap", instrument.0, instrument.1),
        ),
        told(&draft, &tried, "path", format!("{} of {} came out where the links are joined", path.0, path.1)),
        told(
            &draft,
            &tried,
            "alive",
            format!(
                "{answered} of {} answered within {} before and after",
                counted(alive.len(), "conversation"),
                controls::nearness(seen)
            ),
        ),
    ];
    draft
}

fn told(draft: &Draft, tried: &[&CrossingSeen], control: &str, seen: String) -> ControlSeen {
    let held = !tried.is_empty() && !draft.reasons.has(control);
    ControlSeen { control: control.into(), seen, held }
}

/// `cam into app's eth0, towards eth1`.
fn name(crossing: &Crossing) -> String {
    let Crossing { node, enters, leaves, from, .. } = crossing;
    format!("{from} into {node}'s {}, towards {}", enters.0, leaves.0)
}

fn finding(one: &CrossingSeen) -> Option<Finding> {
    let left: Vec<&FrameSeen> = one.frames.iter().filter(|frame| frame.left_packet.is_some()).collect();
    let Crossing { node, enters, leaves, from, .. } = &one.crossing;
    let kinds = listed(left.iter().map(|frame| &frame.what), FRAMES);
    let packets = left.iter().filter(|frame| frame.left_packet > Some(0)).take(CITED);
    let cited = packets.flat_map(|frame| {
        let cite = |what: &str, at: Option<u64>| {
            at.filter(|at| *at > 0).map(|at| (format!("{} {what}", frame.what), at))
        };
        let entered = cite("entered", frame.entered_packet);
        entered.into_iter().chain(cite("left", frame.left_packet))
    });
    (!left.is_empty()).then(|| Finding {
        text: format!("{node} passes on from {} to {} what {from} sends: {kinds}", enters.0, leaves.0),
        pair: None,
        stops_at: Some(node.clone()),
        packets: cited.collect(),
        by: None,
    })
}

/// Every frame was sent, and handed to the node.
fn ask_sent(one: &CrossingSeen, reasons: &mut Reasons) {
    let name = name(&one.crossing);
    for error in &one.errors {
        reasons.add("sent", format!("{name}: {error}"));
    }
    let planned = one.crossing.frames.len();
    let short =
        one.frames.iter().filter(|frame| frame.sent_packet.is_none() || frame.entered_packet.is_none());
    let short: Vec<_> = short.map(|frame| &frame.what).collect();
    if !short.is_empty() || one.frames.len() != planned {
        let (seen, kinds) = (one.frames.len() - short.len(), listed(short, 4));
        reasons.add("sent", format!("{name}: {seen} of {planned} were handed to the node, not {kinds}"));
    }
}

fn ask_control(control: &str, one: &CrossingSeen, of: impl Fn(&FrameSeen) -> Control, reasons: &mut Reasons) {
    let missed = one.frames.iter().filter(|frame| of(frame).sent == 0 || of(frame).seen != of(frame).sent);
    let missed: Vec<_> = missed.map(|frame| &frame.what).collect();
    if !missed.is_empty() {
        let (name, of, all) = (name(&one.crossing), missed.len(), one.frames.len());
        reasons.add(control, format!("{name}: {of} of {all} frames missed: {}", listed(missed, 4)));
    }
}
