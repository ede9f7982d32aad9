//! Exercise and probe: what the checks of a plan ask for, and what was seen of it once the captures are closed.

use std::sync::Arc;

use crate::event::{Failure, Stage};
use crate::observation::{
    AddressesSeen, CommandEnd, Conversation, Moment, NodeFact, Observations, OpenSeen, RouteSeen,
};
use crate::plan::{Open, Word};
use crate::probe::{self, Crossed, Seen, Site, Swept};
use crate::run::order::Order;
use crate::services::{ServiceError, Services};
use crate::tap::{self, Captured};

use super::build::Built;
use super::exercise::{begun, exercised, plays_within};
use super::teller::Teller;

/// What was sent and opened, and how the scenario's own commands ended.
pub(super) struct Probed {
    sent: Sent,
    commands: Vec<CommandEnd>,
    addresses: Vec<AddressesSeen>,
    routes: Vec<RouteSeen>,
}

/// What was sent and opened.
#[derive(Default)]
struct Sent {
    swept: Vec<Swept>,
    crossed: Vec<Crossed>,
    opens: Vec<OpenSeen>,
}

/// Probes while video plays; ends at once when a service fails.
pub(super) async fn exercise_and_probe(
    order: &Order,
    teller: &Teller,
    built: &Built,
    services: &Services,
) -> Result<Probed, ServiceError> {
    let mut addresses = probe::look_at_addresses(&built.site, Moment::Begun).await;
    teller.stage(Stage::Exercise);
    let board = Arc::clone(&services.board);
    let plan = &order.plan;
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
        probe_all(&built.site, &built.copy, order.patience).await
    };
    let sent = {
        let failure = services.failure();
        tokio::select! {
            biased;
            error = failure => return Err(error),
            (_, probed) = async { tokio::join!(exercised, probed) } => probed,
        }
    };
    services.ask_again(plan).await;
    addresses.extend(probe::look_at_addresses(&built.site, Moment::End).await);
    let commands = services.wait_for_commands().await?;
    let routes = probe::look_up_routes(&built.site).await;
    Ok(Probed { sent, commands, addresses, routes })
}

async fn probe_all(site: &Site, copy: &Site, patience: u32) -> Sent {
    let Sent { mut swept, mut crossed, mut opens } = Sent::default();
    let begun = site.ledger.next_aim();
    for check in &site.plan.checks {
        match &check.word {
            Word::NoReach { aims, alive } => {
                let first = begun + swept.len();
                let (aims, alive) = probe::sweep(site, copy, check, aims, alive, first, patience).await;
                swept.extend(aims);
                opens.extend(alive);
            }
            Word::NoBridge { crossings, alive } => {
                let (tried, alive) = probe::cross(site, copy, check, crossings, alive, patience).await;
                crossed.extend(tried);
                opens.extend(alive);
            }
            Word::Reach { opens: wanted } => {
                for open in wanted {
                    opens.push(probe::open(&site.lab, &check.name, open, patience).await);
                }
            }
            Word::Plays { .. }
            | Word::Direction { .. }
            | Word::PeersOf { .. }
            | Word::Members { .. }
            | Word::Clock { .. }
            | Word::Address { .. }
            | Word::Spare { .. }
            | Word::Carries { .. }
            | Word::Name { .. }
            | Word::Lint { .. } => {}
        }
    }
    Sent { swept, crossed, opens }
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
    let Probed { sent: Sent { swept, crossed, opens }, commands, addresses, routes } = probed;
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
        commands,
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
