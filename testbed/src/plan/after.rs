//! `after`: what goes on through a fault, and what is sent through it.

use std::net::IpAddr;

use super::checks::{Known, fault, word};
use super::fault::Fault;
use super::mistake::Mistakes;
use super::model::{Aim, Cells, GoingOn, Word};
use crate::names::NodeName;
use crate::scenario::model::{self as scenario, Check, Cover};
use crate::scenario::usual_ports;

/// The checks that it looks at are planned as they are where they stand alone; what is wrong with them is said there.
pub(super) fn after(check: &Check, known: &Known<'_>, mistakes: &mut Mistakes) -> Word {
    let scenario::Word::After { fault: written, then, lasts, within, resume, stops, hold } = &check.word
    else {
        unreachable!("asked for `after` only")
    };
    let plan = |one: &Check| word(one, known, &mut Mistakes::default(), &mut Vec::new());
    let planned = fault(check, written, known, mistakes).unwrap_or(Fault::HealAll);
    // What goes on would stop for as often as a fault is carried out until each cell was sent.
    let with_cells = planned.is_about_rules() && (resume.is_empty() || !planned.is_over_at_once());
    let (mut aims, mut alive, mut goes_on) = (Vec::new(), Vec::new(), Vec::new());
    for one in hold {
        let planned = match plan(&usual(one)) {
            Word::NoReach { aims, alive, .. } => Some((aims, alive)),
            Word::Matrix { aims, opens, .. } => {
                Some((aims, opens.into_iter().map(|(open, _)| open).collect::<Vec<_>>()))
            }
            _ => None,
        };
        if let Some((more, opens)) = planned {
            let more = more.into_iter().map(|aim| of_stream(aim, with_cells));
            aims.extend(more.filter(|aim| !aims.contains(aim)).collect::<Vec<_>>());
            alive.extend(opens.into_iter().filter(|open| !alive.contains(open)).collect::<Vec<_>>());
        }
    }
    for one in resume {
        goes_on.extend(going_on(plan(one)));
    }
    goes_on.sort();
    goes_on.dedup();
    ask_tried(check, &planned, aims.iter().map(|aim| (&aim.from, aim.address)), mistakes);
    let stops = stops.iter().flat_map(|one| going_on(plan(one))).collect();
    Word::After {
        says: written.to_string(),
        fault: planned,
        then: fault(check, then, known, mistakes).unwrap_or(Fault::HealAll),
        lasts: *lasts,
        within: *within,
        resume: goes_on,
        stops,
        aims,
        alive,
    }
}

/// What a name opens is seen only by who has asked for it, and where it leads; `sent`: who sends something, and whereto.
pub(super) fn ask_tried<'a>(
    check: &Check,
    fault: &Fault,
    mut sent: impl Iterator<Item = (&'a NodeName, IpAddr)>,
    mistakes: &mut Mistakes,
) {
    let Fault::MoveName { name, to: Some(to), asked_by: Some(asker), .. } = fault else { return };
    if !sent.any(|(from, address)| *from == asker.node && address == *to) {
        let node = &asker.node;
        mistakes.check(
            check,
            format!("`{node}` asks for `{name}`, and nothing is sent from `{node}` to {to} meanwhile"),
        );
    }
}

/// A negative that covers everything, with the usual list instead: a stream sends each kind again and again, and would not
/// get round. For the same reason what is at everybody is left out, and odd packets are; cells are sent where the fault is about
/// rules, each once.
fn usual(check: &Check) -> Check {
    let mut check = check.clone();
    match &mut check.word {
        scenario::Word::NoReach { ports, cover, broadcast, .. } => {
            *broadcast = false;
            if cover.is_all() {
                (*ports, *cover) = (usual_ports(true), Cover::Usual);
            }
        }
        scenario::Word::Matrix { cover, broadcast, .. } => (*cover, *broadcast) = (Cover::Usual, false),
        _ => {}
    }
    check
}

/// An aim as a stream sends it: its list again and again, and its cells, if so, once.
fn of_stream(aim: Aim, with_cells: bool) -> Aim {
    let cells = aim.cells.filter(|_| with_cells);
    Aim { cells: cells.map(|cells| Cells { odd: false, one_each: true, ..cells }), ..aim }
}

/// What a check waits for, again and again.
fn going_on(word: Word) -> Vec<GoingOn> {
    match word {
        Word::Plays { cameras, at, .. } => {
            cameras.into_iter().map(|camera| GoingOn::Video { camera, at: at.clone() }).collect()
        }
        Word::Periodic { event, of, .. } => vec![GoingOn::Reports { event, of }],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::example;

    #[test]
    fn a_stream_sends_cells_where_its_fault_is_about_rules_and_nothing_odd() {
        let plan = example::plan();
        let mut aim = plan.checks.iter().find_map(|check| check.word.aims().first()).unwrap().clone();
        aim.cells = Some(Cells {
            allowed: Vec::new(),
            all: true,
            switched: false,
            odd: true,
            one_each: false,
            waypoint: None,
            strict: false,
        });
        let with = of_stream(aim.clone(), true);
        assert_eq!(with.cells.as_ref().map(|cells| (cells.all, cells.odd)), Some((true, false)));
        assert_eq!((of_stream(aim.clone(), false).cells, &with.ports), (None, &aim.ports));
        let rtr: NodeName = "rtr".parse().unwrap();
        let clear = Fault::ClearState { node: rtr.clone() };
        let (reload, load) = (false, true);
        let [reload, load] = [reload, load].map(|other| Fault::Reload {
            node: rtr.clone(),
            ruleset: "x.nft".into(),
            other,
            gap: None,
        });
        let of = |fault: &Fault| (fault.is_about_rules(), fault.is_over_at_once());
        assert_eq!(
            [&clear, &reload, &load, &Fault::HealAll].map(of),
            [(true, true), (true, true), (true, false), (false, false)]
        );
        let fill = Fault::FillState { node: rtr };
        assert_eq!((of(&fill), fill.takes_hold_at_its_end()), ((true, false), true));
        assert!(!clear.takes_hold_at_its_end());
    }
}
