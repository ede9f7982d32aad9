//! What silence must be backed by before it counts: packets sent, instrument, path, alive.

use crate::names::{Kinds, Traffic};
use crate::observation::{AimSeen, CellsSeen, Control, KindSeen, Observations, OpenSeen};
use crate::plan::{Aim, Check, Judge, Open};

use super::wording::{Reasons, listed};

/// How far from a probe an allowed flow may have answered to show that the way was alive, nanoseconds; times the run's patience.
///
/// One second: the lab is too busy or too slow for a claim about the probe's own moment if it takes longer.
pub(super) const NEAR: u64 = 1_000_000_000;

/// Kinds spelled out per reason.
const KINDS: usize = 4;

/// `dock-1 -> vms 10.30.0.10`, `dock-1 -> vms 10.30.0.255 (everybody in prod)`, or `dock-1 -> vms fe80::1 (its link in prod)`.
pub(super) fn aim_name(aim: &Aim) -> String {
    format!("{} -> {} {}", aim.from, aim.to, address_name(aim))
}

/// The address, and whose it is if it is none of the plan's.
pub(super) fn address_name(aim: &Aim) -> String {
    match &aim.everybody {
        Some(one) if one.alone => format!("{} (its link in {})", aim.address, aim.target_segment),
        Some(_) => format!("{} (everybody in {})", aim.address, aim.target_segment),
        None => aim.address.to_string(),
    }
}

/// Every kind of the aim was sent in full, and entered the net at the attacker's own tap.
pub(super) fn ask_sent(seen: &AimSeen, reasons: &mut Reasons) {
    let name = aim_name(&seen.aim);
    for error in &seen.errors {
        reasons.add("sent", format!("{name}: {error}"));
    }
    if let Some(why) = &seen.aim.unrouted {
        reasons.add("path", format!("{name}: {why}"));
    }
    if seen.aim.ports.is_empty() {
        reasons.add("vacuous", format!("{name}: no kind of traffic"));
    }
    let unplanned: Vec<&Traffic> = seen.aim.ports.iter().filter(|ports| !is_planned(seen, ports)).collect();
    if !unplanned.is_empty() {
        reasons.add("sent", format!("{name}: not all of {} was planned", listed(unplanned, KINDS)));
    }
    let short = seen.kinds.iter().filter(|kind| kind.entered != kind.planned);
    let short: Vec<_> =
        short.map(|kind| format!("{} ({} of {})", kind.kinds, kind.entered, kind.planned)).collect();
    if !short.is_empty() {
        let kinds = listed(short, KINDS);
        reasons.add("sent", format!("{name}: not all packets entered at {}'s tap: {kinds}", seen.aim.from));
    }
}

/// What the loaded rules tell apart was sent as well, where the aim asks for that: all of it, or else as much as could be
/// told, if that is enough.
pub(super) fn ask_cells(seen: &AimSeen, reasons: &mut Reasons) {
    let (name, Some(asked)) = (aim_name(&seen.aim), &seen.aim.cells) else { return };
    match &seen.cells {
        Some(CellsSeen::Sent { too_many, .. }) if asked.all => {
            let cure = "list `ports`, or send everything with `cover: all`";
            too_many.iter().for_each(|why| reasons.add("cells", format!("{name}: {why} {cure}")));
        }
        Some(CellsSeen::Sent { .. }) => {}
        Some(CellsSeen::Unknown(why)) => {
            reasons.add("cells", format!("{name}: it is not known what the rules tell apart: {why}"));
        }
        None => reasons.add("cells", format!("{name}: nothing was sent for what the rules tell apart")),
    }
}

/// True if what was seen speaks of these ports, with at least one packet for each single kind.
fn is_planned(seen: &AimSeen, ports: &Traffic) -> bool {
    let of_these = |kind: &&KindSeen| matches!(&kind.kinds, Kinds::Range(range) if ports.covers(range));
    let kinds = seen.kinds.iter().filter(of_these);
    let (mut packets, mut single) = (0, 0);
    for kind in kinds {
        packets += kind.planned;
        single += kind.kinds.width();
    }
    single >= ports.width() && packets >= ports.width()
}

/// Behind a filter, the instrument itself must have shown signs of life in the main lab.
pub(super) fn ask_filter_instrument(seen: &AimSeen, reasons: &mut Reasons) {
    if let Judge::BehindFilter { node } = &seen.aim.judge
        && seen.filter_instrument_alive != Some(true)
    {
        reasons.add("instrument", format!("no sign of life from the one behind the filter of {node}"));
    }
}

/// Every kind was sent as a control, and every one of these was seen.
pub(super) fn ask_control(
    name: &str,
    seen: &AimSeen,
    control: impl Fn(&KindSeen) -> Control,
    reasons: &mut Reasons,
) {
    let missed: Vec<_> = seen
        .kinds
        .iter()
        .map(|kind| (&kind.kinds, control(kind)))
        .filter(|(_, control)| control.sent == 0 || control.seen != control.sent)
        .map(|(kinds, control)| format!("{kinds} ({} of {})", control.seen, control.sent))
        .collect();
    if !missed.is_empty() {
        let (pair, of, all) = (aim_name(&seen.aim), missed.len(), seen.kinds.len());
        reasons.add(name, format!("{pair}: seen {} ({of} of {all} kinds missed)", listed(missed, KINDS)));
    }
}

/// When something was sent, and what.
pub(super) struct Moment {
    /// For a reader.
    pub(super) name: String,
    /// When the first of it was sent.
    pub(super) started_at: u64,
    /// When the last of it was.
    pub(super) ended_at: u64,
}

impl Moment {
    /// Each stretch in which packets of an aim were sent, with signs of life between them.
    pub(super) fn of(seen: &AimSeen) -> Vec<Self> {
        let whole = [(seen.started_at, seen.ended_at)];
        let slices = if seen.slices.is_empty() { &whole[..] } else { &seen.slices };
        let moment = |(started_at, ended_at): &(u64, u64)| Self {
            name: aim_name(&seen.aim),
            started_at: *started_at,
            ended_at: *ended_at,
        };
        slices.iter().map(moment).collect()
    }
}

/// Every conversation of `alive` was answered within a second before and within a second after every moment; on a slow
/// machine, within its patience times that. Returns how many were.
pub(super) fn ask_alive(
    check: &Check,
    alive: &[Open],
    tried: &[Moment],
    seen: &Observations,
    reasons: &mut Reasons,
) -> usize {
    if alive.is_empty() {
        reasons.add("alive", "no allowed flow is asked to show that the way lives");
    }
    let near = NEAR * u64::from(seen.patience.max(1));
    let mut answered = 0;
    for open in alive {
        let opened: Vec<_> =
            seen.opens.iter().filter(|one| one.check == check.name && one.open == *open).collect();
        let late_before: Vec<_> = tried
            .iter()
            .filter(|aim| !opened.iter().any(|one| answers_before(one, aim.started_at, near)))
            .collect();
        let late_after: Vec<_> = tried
            .iter()
            .filter(|aim| !opened.iter().any(|one| answers_after(one, aim.ended_at, near)))
            .collect();
        if late_before.is_empty() && late_after.is_empty() && !tried.is_empty() {
            answered += 1;
        }
        for (when, aims) in [("before", late_before), ("after", late_after)] {
            if let Some(first) = aims.first() {
                let late = unanswered(&opened, aims.len(), first);
                let what = format!("{} did not answer within {}", open_name(open), nearness(seen));
                reasons.add("alive", format!("{what} {when} {late}"));
            }
        }
    }
    answered
}

/// When the answer came, if one came.
fn answered_at(open: &OpenSeen) -> Option<u64> {
    open.answered_after_us.map(|micros| open.at.saturating_add(micros.saturating_mul(1000)))
}

fn answers_before(open: &OpenSeen, start: u64, near: u64) -> bool {
    answered_at(open).is_some_and(|at| at <= start && start - at <= near)
}

fn answers_after(open: &OpenSeen, end: u64, near: u64) -> bool {
    answered_at(open).is_some_and(|at| open.at >= end && at - end <= near)
}

/// How near an answer must be, in words; `--patience` stretches it, so whoever reads a verdict is told.
pub(super) fn nearness(seen: &Observations) -> String {
    match seen.patience {
        0 | 1 => "a second".to_owned(),
        more => format!("{more} seconds"),
    }
}

/// What it should have been near to, and how often it was tried.
fn unanswered(opened: &[&OpenSeen], aims: usize, first: &Moment) -> String {
    let tries = match opened.iter().rev().find_map(|one| one.error.as_deref()) {
        Some(error) => format!("last error: {error}"),
        None => format!(
            "{} tries, {} answered",
            opened.len(),
            opened.iter().filter_map(|o| answered_at(o)).count()
        ),
    };
    let what = match aims {
        1 => first.name.clone(),
        more => format!("{} and {} more", first.name, more - 1),
    };
    format!("{what} ({tries})")
}

/// `F07 app -> aws 203.0.113.10 tcp/443`.
pub(super) fn open_name(open: &Open) -> String {
    let flow = open.flow.as_ref().map(|flow| format!("{flow} ")).unwrap_or_default();
    format!("{flow}{} -> {} {} {}", open.from, open.to, open.address, open.port)
}
