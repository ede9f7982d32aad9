//! Record and captures → observations.

use std::collections::BTreeMap;

use super::Record;
use super::probes::probes_seen;
use crate::names::CheckName;
use crate::observation::{Conversation, Explained, Observations, OpenSeen, ProbesSeen, RulesSeen};
use crate::plan::{Open, Plan, Word};
use crate::probe::{self, AimSent, Asked, Crossed, Hopped, Joined, Seen, Sending, Swept};
use crate::tap::Captured;

/// A record that is not one of a run of this plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it speaks of something that check `{check}` of the plan does not have: {what} {number}")]
pub struct Unfit {
    check: CheckName,
    what: &'static str,
    number: usize,
}

/// What was seen of a run of `plan`: of the site itself (`here`), whose probes have this key, and of its open copy
/// (`there`).
///
/// How the taps did is taken from the captures, all else that they do not tell from the record. Errors: the record is
/// not one of this plan's.
pub fn observe(
    plan: &Plan,
    record: Record,
    key: u32,
    here: &Captured,
    there: &Captured,
) -> Result<Observations, Unfit> {
    let copy = plan.opened();
    let site = Seen::new(here, &record.site.logs, plan, &record.site.sent);
    let open_copy = Seen::new(there, &record.open_copy.logs, &copy, &record.open_copy.sent);
    let asked = plan.checks.iter().any(|check| matches!(check.word, Word::Explained { .. }));
    let probes = if asked { probes_seen(plan, &record, &here.sightings) } else { ProbesSeen::default() };
    let mut sending: BTreeMap<CheckName, Vec<Sending>> = BTreeMap::new();
    let swept = record.aims.into_iter().map(|sent| {
        let unfit = Unfit { check: sent.check.clone(), what: "aim", number: sent.aim };
        let all = sending.entry(sent.check.clone());
        let all = all.or_insert_with(|| all_sent(plan, &sent, &record.rules, key));
        Swept::of(sent, plan, all).ok_or(unfit)
    });
    let crossed = record.crossings.into_iter().map(|sent| {
        let unfit = Unfit { check: sent.check.clone(), what: "crossing", number: sent.crossing };
        Crossed::of(sent, plan).ok_or(unfit)
    });
    let asked_legs = record.asked.into_iter().map(|sent| {
        let unfit = Unfit { check: sent.check.clone(), what: "leg", number: sent.questions };
        Asked::of(sent, plan).ok_or(unfit)
    });
    let hopped = record.hops.into_iter().map(|sent| {
        let unfit = Unfit { check: sent.check.clone(), what: "hop", number: sent.hop };
        Hopped::of(sent, plan).ok_or(unfit)
    });
    let joined = record.joins.into_iter().map(|sent| {
        let unfit = Unfit { check: sent.check.clone(), what: "group", number: sent.join };
        Joined::of(sent, plan).ok_or(unfit)
    });
    Ok(Observations {
        hops: hopped.map(|one| one.map(|one| one.complete(here, there))).collect::<Result<_, _>>()?,
        joins: joined.map(|one| one.map(|one| one.complete(here, there))).collect::<Result<_, _>>()?,
        asked: asked_legs.map(|one| one.map(|one| one.complete(here, there))).collect::<Result<_, _>>()?,
        aims: probe::complete(swept.collect::<Result<_, _>>()?, &site, &open_copy),
        crossings: crossed.map(|one| one.map(|one| one.complete(here, there))).collect::<Result<_, _>>()?,
        opens: record.opens.into_iter().map(|open| find_packets(open, here)).collect(),
        taps: here.health,
        open_taps: there.health,
        conversations: here.conversations.clone(),
        loads: here.loads.clone(),
        stations: here.stations.clone(),
        tags: here.tags.clone(),
        explained: Explained { probes, ..here.explained.clone() },
        states: record.states,
        rules: record.rules,
        advertisements: here.advertisements.clone(),
        dhcp: here.dhcp.clone(),
        offers: here.offers.clone(),
        redirects: here.redirects.clone(),
        led: here.led.clone(),
        uses: here.uses.clone(),
        lookups: here.lookups.clone(),
        handshakes: here.handshakes.clone(),
        rtsp: here.rtsp.clone(),
        facts: record.facts,
        addresses: record.addresses,
        flagged: record.flagged,
        routes: record.routes,
        listening: record.listening,
        tracked: record.tracked,
        changes: record.changes,
        faults: record.faults,
        in_force: record.in_force,
        commands: record.commands,
        taint: None,
        missing: record.missing,
        until: record.until,
        patience: record.patience,
        gaps: Vec::new(),
    })
}

/// All that the check of this aim sends, by aim; nothing if the plan has no such check.
fn all_sent(plan: &Plan, one: &AimSent, rules: &[RulesSeen], key: u32) -> Vec<Sending> {
    let check = plan.checks.iter().find(|check| check.name == one.check);
    let first = one.number.saturating_sub(one.aim);
    check.map_or_else(Vec::new, |check| Sending::all_of(plan, check, rules, (key, first)))
}

/// Finds a conversation that we opened in the capture, by its local port; an answer that the target had no part in is
/// none.
fn find_packets(mut open: OpenSeen, captured: &Captured) -> OpenSeen {
    if open.local_port == 0 {
        return open;
    }
    let Open { from, to, address, .. } = &open.open;
    let is_it = |one: &&Conversation| {
        one.opener.node.as_ref() == Some(from)
            && one.answerer.address == *address
            && one.opener.port == open.local_port
    };
    let found = captured.conversations.iter().find(is_it);
    open.packets = found.map_or((None, None), |found| (Some(found.first_packet), found.answered_packet));
    // Behind an address translation the target sees another conversation, at the same time.
    let took = open.answered_after_us.unwrap_or(0).saturating_mul(1000);
    let until = open.at.saturating_add(took);
    let port = found.map_or(0, |found| found.answerer.port);
    let translated = |one: &Conversation| {
        one.answerer.node.as_ref() == Some(to)
            && one.answerer.address == *address
            && one.answerer.port == port
            && one.reached_packet.is_some()
            && (open.at..=until).contains(&one.first_at)
    };
    let reached = found.is_some_and(|found| found.reached_packet.is_some())
        || captured.conversations.iter().any(translated);
    if open.answered_after_us.is_some() && !reached {
        open.answered_after_us = None;
        open.error = Some(format!("somebody else answered: nothing of it reached {to}"));
    }
    open
}
