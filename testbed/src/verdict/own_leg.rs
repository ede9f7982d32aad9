//! `own_leg`: nobody answered on one leg of a node for the address of another, and the controls show that an answer would have
//! been given and seen.

use crate::observation::{Answered, AskedSeen, Observations, QuestionSeen};
use crate::plan::{Asked, Check, Question, Questions};

use super::controls::{self, NEAR};
use super::judge::Draft;
use super::wording::{Reasons, counted, listed};
use super::{ControlSeen, Finding};

/// Questions spelled out per reason.
const QUESTIONS: usize = 4;
/// Answers of one leg whose packets are cited.
const CITED: usize = 2;

pub(super) fn draft(check: &Check, questions: &[Questions], seen: &Observations) -> Draft {
    let tried: Vec<&AskedSeen> = seen.asked.iter().filter(|one| one.check == check.name).collect();
    let mut draft =
        Draft { findings: tried.iter().flat_map(|one| findings(one)).collect(), ..Draft::default() };
    let reasons = &mut draft.reasons;
    if questions.is_empty() {
        reasons.add("vacuous", "nothing is asked of any leg");
    }
    for one in questions.iter().filter(|one| !tried.iter().any(|seen| seen.questions == **one)) {
        reasons.add("sent", format!("nothing was asked from {}", name(one)));
    }
    let near = NEAR * u64::from(seen.patience.max(1));
    for one in &tried {
        ask_sent(one, reasons);
        ask_answered("instrument", one, is_own, |_, _| true, reasons);
        ask_answered("path", one, |what_for| what_for == Asked::Path, |_, _| true, reasons);
        ask_answered("alive", one, is_own, |asked, answered| is_near(one, asked, answered, near), reasons);
        ask_whose(one, reasons);
    }
    summarise(&mut draft, &tried, &controls::nearness(seen));
    draft
}

/// Counts, and what each control has shown.
fn summarise(draft: &mut Draft, tried: &[&AskedSeen], nearness: &str) {
    let count = |of: fn(Asked) -> bool| counts(tried, of);
    let (attack, own, path) =
        (count(|one| one == Asked::Attack), count(is_own), count(|one| one == Asked::Path));
    let legs = counted(tried.len(), "leg");
    draft.summary = format!(
        "{legs} asked {} for addresses of others, {} answered; instrument {}/{}, path {}/{}, alive {}/{}",
        counted(attack.1, "time"),
        attack.0,
        own.0,
        own.1,
        path.0,
        path.1,
        own.0,
        own.1
    );
    let own_seen = format!("{} of {} answers for a leg's own address seen at its tap", own.0, own.1);
    let path_seen = format!(
        "{} of {} answered where the node answers on each leg for all of its addresses",
        path.0, path.1
    );
    let alive_seen = format!("{} of {} answered for a leg's own address, within {nearness}", own.0, own.1);
    draft.controls = vec![
        told(draft, tried, "instrument", own_seen),
        told(draft, tried, "path", path_seen),
        told(draft, tried, "alive", alive_seen),
    ];
}

fn told(draft: &Draft, tried: &[&AskedSeen], control: &str, seen: String) -> ControlSeen {
    let held = !tried.is_empty() && !draft.reasons.has(control);
    ControlSeen { control: control.into(), seen, held }
}

/// Whether the leg's own address is asked for.
fn is_own(what_for: Asked) -> bool {
    matches!(what_for, Asked::Before | Asked::After)
}

/// Each question with what became of it; none where something is missing.
fn pairs(one: &AskedSeen) -> Vec<(Question, &QuestionSeen)> {
    one.questions.all().into_iter().zip(&one.seen).collect()
}

/// How many of these questions the leg answered, and how many there are.
fn counts(tried: &[&AskedSeen], of: fn(Asked) -> bool) -> (usize, usize) {
    let all = tried.iter().flat_map(|one| pairs(one).into_iter().map(move |pair| (*one, pair)));
    let (mut answered, mut planned) = (0, 0);
    for (one, (_, seen)) in all.filter(|(_, (asked, _))| of(asked.what_for)) {
        planned += 1;
        answered += usize::from(by_leg(one, seen).is_some());
    }
    (answered, planned)
}

/// The answer that the leg itself gave.
fn by_leg<'a>(one: &AskedSeen, seen: &'a QuestionSeen) -> Option<&'a Answered> {
    seen.answered.as_ref().filter(|answered| answered.port == one.questions.leg.1)
}

/// `cam at app's eth0`.
fn name(questions: &Questions) -> String {
    let Questions { node, leg, from, .. } = questions;
    format!("{from} at {node}'s {}", leg.0)
}

/// `10.0.0.5, directly`.
fn words(asked: &Question) -> String {
    let how = if asked.directly { "directly" } else { "everybody" };
    format!("{} ({how})", asked.address)
}

/// One for each address that is answered for.
fn findings(one: &AskedSeen) -> Vec<Finding> {
    let Questions { node, leg, from, others, .. } = &one.questions;
    let found = |(other, address): &(_, std::net::IpAddr)| {
        let of_it = pairs(one)
            .into_iter()
            .filter(|(asked, _)| asked.what_for == Asked::Attack && asked.address == *address);
        let answered: Vec<_> =
            of_it.filter_map(|(asked, seen)| Some((asked, seen, by_leg(one, seen)?))).collect();
        let how =
            listed(answered.iter().map(|(asked, ..)| if asked.directly { "it" } else { "everybody" }), 2);
        let cited = answered.iter().take(CITED).flat_map(|(_, seen, answer)| {
            let asked = seen.entered_packet.map(|packet| (format!("{from} asks for {address}"), packet));
            asked.into_iter().chain([(format!("{node} answers"), answer.packet)])
        });
        (!answered.is_empty()).then(|| Finding {
            text: format!("{node} answers on {} for {address} of its {other}, when {from} asks {how}", leg.0),
            pair: None,
            stops_at: Some(node.clone()),
            packets: cited.filter(|(_, packet)| *packet > 0).collect(),
            by: None,
        })
    };
    others.iter().filter_map(found).collect()
}

/// Every question was asked, and handed to the leg.
fn ask_sent(one: &AskedSeen, reasons: &mut Reasons) {
    let name = name(&one.questions);
    for error in &one.errors {
        reasons.add("sent", format!("{name}: {error}"));
    }
    let all = pairs(one);
    let short = all.iter().filter(|(asked, seen)| {
        let here = asked.what_for != Asked::Path;
        here && (seen.sent_packet.is_none() || seen.entered_packet.is_none())
    });
    let short: Vec<_> = short.map(|(asked, _)| words(asked)).collect();
    if !short.is_empty() || one.seen.len() != one.questions.all().len() {
        reasons.add("sent", format!("{name}: not all was handed to it: {}", listed(short, QUESTIONS)));
    }
}

/// Every question of these was answered by the leg, so that it counts.
fn ask_answered(
    control: &str,
    one: &AskedSeen,
    of: fn(Asked) -> bool,
    counts: impl Fn(Asked, &Answered) -> bool,
    reasons: &mut Reasons,
) {
    let all = pairs(one);
    let missed = all.iter().filter(|(asked, seen)| {
        of(asked.what_for) && !by_leg(one, seen).is_some_and(|answered| counts(asked.what_for, answered))
    });
    let missed: Vec<_> = missed.map(|(asked, _)| words(asked)).collect();
    if !missed.is_empty() {
        let (name, listed) = (name(&one.questions), listed(missed, QUESTIONS));
        reasons.add(control, format!("{name}: no answer for {listed}"));
    }
}

/// Whether the leg's own address was answered for close enough to the questions that must not be answered.
fn is_near(one: &AskedSeen, what_for: Asked, answered: &Answered, near: u64) -> bool {
    let moment = if what_for == Asked::Before { one.started_at } else { one.ended_at };
    answered.at.abs_diff(moment) <= near
}

/// Where somebody else answers first, nothing is known of the node's own answer.
fn ask_whose(one: &AskedSeen, reasons: &mut Reasons) {
    for (asked, seen) in pairs(one).iter().filter(|(asked, _)| asked.what_for == Asked::Attack) {
        if let (Some(answered), None) = (&seen.answered, by_leg(one, seen)) {
            let (name, port, asked) = (name(&one.questions), &answered.port, words(asked));
            reasons.add("path", format!("{name}: somebody else at {port} answers for {asked}"));
        }
    }
}
