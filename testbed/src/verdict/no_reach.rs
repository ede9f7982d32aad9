//! `no_reach`: nothing of what was sent arrived or went astray, and the three controls show that this means something.
//!
//! A leak is a leak, and a packet that was handed to another node, altered or answered has not been stopped, whatever control was missed. Silence counts only if every planned packet was sent and entered
//! the net, the instrument that judges sees such packets, they arrive once the rules let everything through, and
//! the site was alive right before and right after.

use std::collections::BTreeSet;

use crate::names::Kinds;
use crate::observation::{AimSeen, CellsSeen, Observations};
use crate::plan::{Aim, Check, Judge, Open};

use super::ControlSeen;
use super::controls::{self, Moment, aim_name};
use super::covered;
use super::judge::Draft;
use super::leak;
use super::stray;
use super::wording::counted;

pub(super) fn draft(check: &Check, aims: &[Aim], alive: &[Open], seen: &Observations) -> Draft {
    let tried: Vec<&AimSeen> = seen.aims.iter().filter(|aim| aim.check == check.name).collect();
    let mut findings = leak::findings(&tried);
    findings.extend(stray::findings(&tried));
    let mut draft = Draft { findings, ..Draft::default() };
    if aims.is_empty() {
        draft.reasons.add("vacuous", "nothing is sent to anyone");
    }
    for aim in aims.iter().filter(|aim| !tried.iter().any(|seen| seen.aim == **aim)) {
        draft.reasons.add("sent", format!("nothing was sent from {}", aim_name(aim)));
    }
    for aim in &tried {
        controls::ask_sent(aim, &mut draft.reasons);
        controls::ask_cells(aim, &mut draft.reasons);
        controls::ask_filter_instrument(aim, &mut draft.reasons);
        controls::ask_control("instrument", aim, |kind| kind.instrument, &mut draft.reasons);
        controls::ask_control("path", aim, |kind| kind.path, &mut draft.reasons);
    }
    let moments: Vec<_> = tried.iter().flat_map(|aim| Moment::of(aim)).collect();
    let answered = controls::ask_alive(check, alive, &moments, seen, &mut draft.reasons);
    let counts = Counts::of(&tried);
    draft.summary = counts.summary(answered, alive.len());
    draft.covered = covered::covered(&tried);
    let covered = covered::summary(&draft.covered);
    if !covered.is_empty() {
        draft.summary = format!("{}; {covered}", draft.summary);
    }
    draft.controls = vec![
        ControlSeen {
            control: "instrument".into(),
            seen: format!("{} of {} seen {}", counts.instrument.1, counts.instrument.0, judged_where(aims)),
            held: !tried.is_empty() && !draft.reasons.has("instrument"),
        },
        ControlSeen {
            control: "path".into(),
            seen: format!("{} of {} arrived in the open copy", counts.path.1, counts.path.0),
            held: !tried.is_empty() && !draft.reasons.has("path"),
        },
        ControlSeen {
            control: "alive".into(),
            seen: format!(
                "{answered} of {} answered within {} before and after",
                counted(alive.len(), "conversation"),
                controls::nearness(seen)
            ),
            held: !tried.is_empty() && !draft.reasons.has("alive"),
        },
    ];
    draft
}

/// Which instruments judged.
fn judged_where(aims: &[Aim]) -> String {
    let behind: BTreeSet<_> = aims
        .iter()
        .filter_map(|aim| match &aim.judge {
            Judge::BehindFilter { node } => Some(node.to_string()),
            Judge::Tap { .. } => None,
        })
        .collect();
    let taps = aims.iter().any(|aim| matches!(aim.judge, Judge::Tap { .. }));
    let behind = (!behind.is_empty())
        .then(|| format!("behind the input filter of {}", super::wording::listed(behind, 4)));
    match (taps, behind) {
        (true, Some(behind)) => format!("at the targets' taps and {behind}"),
        (false, Some(behind)) => behind,
        (_, None) => "at the targets' taps".to_owned(),
    }
}

/// What was counted over all aims of one check; controls as (sent, seen).
#[derive(Default)]
struct Counts {
    pairs: usize,
    kinds: usize,
    /// Of the rules as they were loaded, and the packets that stood for them.
    cells: u64,
    of_cells: u64,
    /// Odd packets besides.
    odd: u64,
    sent: u64,
    arrived: usize,
    strayed: usize,
    instrument: (u64, u64),
    path: (u64, u64),
}

impl Counts {
    fn of(tried: &[&AimSeen]) -> Self {
        let pairs: BTreeSet<_> = tried.iter().map(|aim| (&aim.aim.from, &aim.aim.to)).collect();
        let mut counts = Counts { pairs: pairs.len(), ..Counts::default() };
        for (aim, kind) in tried.iter().flat_map(|aim| aim.kinds.iter().map(move |kind| (&aim.aim, kind))) {
            // What is at everybody is told apart.
            if let (Kinds::Range(range), None) = (&kind.kinds, &aim.everybody) {
                counts.kinds += usize::try_from(range.width()).unwrap_or(usize::MAX);
            }
            counts.sent += kind.entered;
            counts.arrived += kind.arrived.len();
            counts.instrument.0 += kind.instrument.sent;
            counts.instrument.1 += kind.instrument.seen;
            counts.path.0 += kind.path.sent;
            counts.path.1 += kind.path.seen;
        }
        for aim in tried {
            if let Some(CellsSeen::Sent { cells, packets, .. }) = &aim.cells {
                counts.cells += cells;
                counts.of_cells += packets;
            }
            let odd =
                aim.kinds.last().filter(|last| aim.aim.sends_odd() && matches!(last.kinds, Kinds::Cells(_)));
            counts.odd += odd.map_or(0, |odd| odd.kinds.width());
        }
        counts.strayed = tried.iter().map(|aim| stray::strays(aim).count()).sum();
        counts
    }

    fn summary(&self, answered: usize, alive: usize) -> String {
        let strayed =
            if self.strayed == 0 { String::new() } else { format!(", {} went astray", self.strayed) };
        let cells = match self.cells {
            0 => String::new(),
            cells => format!(" and {} for {cells} cells of the rules", self.of_cells),
        };
        let odd = if self.odd == 0 { String::new() } else { format!(" and {} odd ones", self.odd) };
        format!(
            "{}, {}{cells}{odd}, {} sent, {} arrived{strayed}; instrument {}/{}, path {}/{}, alive {answered}/{alive}",
            counted(self.pairs, "pair"),
            counted(self.kinds, "kind"),
            counted(usize::try_from(self.sent).unwrap_or(usize::MAX), "packet"),
            self.arrived,
            self.instrument.1,
            self.instrument.0,
            self.path.1,
            self.path.0,
        )
    }
}
