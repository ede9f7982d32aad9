//! Exercise and probe: what the checks of a plan ask for, and what was seen of it once the captures are closed.

use std::sync::Arc;
use std::time::Duration;

use crate::event::{Failure, Stage};
use crate::fault::{Faults, Ground};
use crate::observation::{
    AddressesSeen, ChangeSeen, CommandEnd, Conversation, Moment, NodeFact, Observations, OpenSeen, RouteSeen,
};
use crate::plan::fault::Fault;
use crate::plan::{Check, During, Forgotten, Open, Plan, Word};
use crate::probe::{self, Crossed, Seen, Site, Swept};
use crate::run::order::Order;
use crate::services::{ServiceError, Services};
use crate::tap::{self, Captured};
use crate::verdict::periodic::{times, undisturbed};

use super::build::Built;
use super::change::{Changed, Place};
use super::exercise::{begun, exercised, plays_within, regular_within};
use super::teller::Teller;

/// What was sent and opened, and how the scenario's own commands ended.
pub(super) struct Probed {
    sent: Sent,
    commands: Vec<CommandEnd>,
    addresses: Vec<AddressesSeen>,
    routes: Vec<RouteSeen>,
    /// When all of that had been sent.
    until: u64,
}

/// What was sent and opened.
#[derive(Default)]
struct Sent {
    swept: Vec<Swept>,
    crossed: Vec<Crossed>,
    opens: Vec<OpenSeen>,
    changes: Vec<ChangeSeen>,
}

/// Probes while video plays; ends at once when a service fails.
pub(super) async fn exercise_and_probe(
    order: &Order,
    teller: &Teller,
    built: &Built,
    services: &Services,
    faults: &Faults,
) -> Result<Probed, ServiceError> {
    let mut addresses = probe::look_at_addresses(&built.site, Moment::Begun).await;
    teller.stage(Stage::Exercise);
    let board = Arc::clone(&services.board);
    let plan = &order.plan;
    let ground = Ground { site: &built.site, services, folder: &order.folder, patience: order.patience };
    let wait = plays_within(plan) * order.patience;
    let exercised = async {
        let enough = |facts: &[NodeFact]| exercised(plan, facts).then_some(());
        board.wait_for(wait, enough).await
    };
    // Probing begins when the appliance is known to live, and goes on while video plays.
    let probed = async {
        let alive = |facts: &[NodeFact]| begun(plan, facts).then_some(());
        board.wait_for(wait, alive).await;
        teller.stage(Stage::Probe);
        let place = Place { site: &built.site, copy: &built.copy, board: &board, patience: order.patience };
        let next = built.site.ledger.next_aim();
        let sent = Prober { place, faults, ground, next, sent: Sent::default() }.all().await;
        let enough = |facts: &[NodeFact]| regular(plan, facts, &sent.changes).then_some(());
        board.wait_for(regular_within(plan) * order.patience, enough).await;
        sent
    };
    let sent = {
        let failure = services.failure();
        tokio::select! {
            biased;
            error = failure => return Err(error),
            (_, probed) = async { tokio::join!(exercised, probed) } => probed,
        }
    };
    let until = fake_facts::now();
    services.ask_again(plan).await;
    addresses.extend(probe::look_at_addresses(&built.site, Moment::End).await);
    let commands = services.wait_for_commands().await?;
    let routes = probe::look_up_routes(&built.site).await;
    Ok(Probed { sent, commands, addresses, routes, until })
}

/// Carries out every check that sends something, in the plan's order.
struct Prober<'a> {
    place: Place<'a>,
    faults: &'a Faults,
    ground: Ground<'a>,
    /// Number of the next aim.
    next: usize,
    sent: Sent,
}

impl Prober<'_> {
    async fn all(mut self) -> Sent {
        for check in &self.place.site.plan.checks {
            match &check.during {
                None => self.check(check).await,
                Some(fault) => self.during(check, fault).await,
            }
        }
        self.sent
    }

    async fn check(&mut self, check: &Check) {
        let Place { site, copy, patience, .. } = self.place;
        match &check.word {
            Word::NoReach { aims, alive, forgotten } => {
                if let Some(forgotten) = forgotten {
                    until_forgotten(forgotten, &self.sent.changes).await;
                }
                let (aims, alive) = probe::sweep(site, copy, check, aims, alive, self.next, patience).await;
                self.next += aims.len();
                self.sent.swept.extend(aims);
                self.sent.opens.extend(alive);
            }
            Word::NoBridge { crossings, alive } => {
                let (tried, alive) = probe::cross(site, copy, check, crossings, alive, patience).await;
                self.sent.crossed.extend(tried);
                self.sent.opens.extend(alive);
            }
            Word::Reach { opens: wanted } => {
                for open in wanted {
                    self.sent.opens.push(probe::open(&site.lab, &check.name, open, patience).await);
                }
            }
            Word::After { .. } => {
                let carry_out = async |fault: &Fault| carry_out(self.faults, self.ground, fault).await;
                let Changed { swept, opens, change } = self.place.through(check, self.next, carry_out).await;
                self.next += swept.len();
                self.sent.swept.extend(swept);
                self.sent.opens.extend(opens);
                self.sent.changes.push(change);
            }
            Word::Plays { .. }
            | Word::Direction { .. }
            | Word::PeersOf { .. }
            | Word::Members { .. }
            | Word::Clock { .. }
            | Word::Address { .. }
            | Word::Carries { .. }
            | Word::Name { .. }
            | Word::Lint { .. }
            | Word::Periodic { .. }
            | Word::Spare { .. } => {}
        }
    }

    /// The check while a fault stands, which is mended then.
    async fn during(&mut self, check: &Check, during: &During) {
        let (place, faults, ground) = (self.place, self.faults, self.ground);
        let carry_out = async |fault: &Fault| carry_out(faults, ground, fault).await;
        let change = place.during(check, during, carry_out, self.check(check)).await;
        self.sent.changes.push(change);
    }
}

/// What a name has left may be open for so long; shut is what it must be at the end of that.
async fn until_forgotten(forgotten: &Forgotten, changes: &[ChangeSeen]) {
    let Some(left) = changes.iter().find(|change| change.check == forgotten.since) else { return };
    let passed = Duration::from_nanos(fake_facts::now().saturating_sub(left.then_at));
    tokio::time::sleep(forgotten.within.saturating_sub(passed)).await;
}

async fn carry_out(faults: &Faults, ground: Ground<'_>, fault: &Fault) -> Result<(), String> {
    let done = faults.carry_out(fault, false, ground).await;
    done.map(drop).map_err(|error| error.to_string())
}

/// Whether every `periodic` has as many gaps as it asks for.
fn regular(plan: &Plan, facts: &[NodeFact], changes: &[ChangeSeen]) -> bool {
    plan.checks.iter().all(|check| match &check.word {
        Word::Periodic { event, of, gaps, .. } => {
            let seen = undisturbed(&times(facts, *event, of), changes);
            u64::try_from(seen.len()).unwrap_or(u64::MAX) >= *gaps
        }
        _ => true,
    })
}

/// Closes the captures and joins what was sent with what was seen; the site goes.
pub(super) fn finish(built: Built, probed: Probed) -> Result<Observations, Failure> {
    let Built { site, copy, missing } = built;
    let (Site { capture, filters, ledger, lab, plan, .. }, copy) = (site, copy);
    let captured = capture.finish().map_err(capture_failed)?;
    let copied = copy.capture.finish().map_err(capture_failed)?;
    let here = Seen::new(&captured, &filters, &plan, &ledger);
    let there = Seen::new(&copied, &copy.filters, &copy.plan, &copy.ledger);
    let seen = join(probed, &here, &there);
    drop(lab);
    Ok(Observations { missing, ..seen })
}

/// The same for a site that stays: a stretch of its captures ends.
pub(super) fn end_stretch(built: &Built, probed: Probed) -> Result<Observations, Failure> {
    let Built { site, copy, missing } = built;
    let captured = site.end().map_err(capture_failed)?;
    let copied = copy.end().map_err(capture_failed)?;
    let here = Seen::new(&captured, &site.filters, &site.plan, &site.ledger);
    let there = Seen::new(&copied, &copy.filters, &copy.plan, &copy.ledger);
    Ok(Observations { missing: missing.clone(), ..join(probed, &here, &there) })
}

pub(super) fn capture_failed(error: tap::Error) -> Failure {
    super::ours(format!("the capture could not be written: {error}"))
}

/// Joins what was sent and opened with what the taps and instruments saw of it.
fn join(probed: Probed, here: &Seen<'_>, there: &Seen<'_>) -> Observations {
    let Probed { sent: Sent { swept, crossed, opens, changes }, commands, addresses, routes, until } = probed;
    Observations {
        aims: probe::complete(swept, here, there),
        opens: opens.into_iter().map(|open| find_packets(open, here.captured)).collect(),
        taps: here.captured.health,
        open_taps: there.captured.health,
        conversations: here.captured.conversations.clone(),
        stations: here.captured.stations.clone(),
        tags: here.captured.tags.clone(),
        advertisements: here.captured.advertisements.clone(),
        dhcp: here.captured.dhcp.clone(),
        uses: here.captured.uses.clone(),
        lookups: here.captured.lookups.clone(),
        addresses,
        routes,
        crossings: crossed.into_iter().map(|one| one.complete(here.captured, there.captured)).collect(),
        changes,
        commands,
        until,
        ..Observations::default()
    }
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
    let until = open.at + open.answered_after_us.unwrap_or(0).saturating_mul(1000);
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
