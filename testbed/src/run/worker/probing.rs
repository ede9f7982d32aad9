//! Exercise and probe while video plays, and what was seen of it once the captures are closed.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::event::{Failure, Stage};
use crate::evidence::{RunFile, RunFolder, RunReader};
use crate::fault::{Faults, Ground};
use crate::kernel::snapshot;
use crate::observation::{
    AddressesSeen, ChangeSeen, CommandEnd, FaultSeen, ListeningSeen, Moment, NodeFact, Observations,
    OfferFlagged, RouteSeen, StateSeen, TrackedSeen,
};
use crate::plan::{Check, Plan, ServiceKind, Word};
use crate::probe::{self, Filters, Ledger, Site};
use crate::record::{self, Instruments, Record, Which};
use crate::run::order::Order;
use crate::run::taint;
use crate::services::{self, ServiceError, Services};
use crate::tap::{self, Captured};
use crate::verdict::periodic;

use super::build::Built;
use super::change::Place;
use super::exercise::{begun, exercised, plays_within, regular_within};
use super::prober::{Prober, Sent};
use super::teller::Teller;

/// What was sent and opened, and how the scenario's own commands ended.
pub(super) struct Probed {
    sent: Sent,
    commands: Vec<CommandEnd>,
    addresses: Vec<AddressesSeen>,
    pub(super) states: Vec<StateSeen>,
    routes: Vec<RouteSeen>,
    /// Who listens at the end.
    listening: Vec<ListeningSeen>,
    /// When all of that had been sent.
    until: u64,
    /// The first number that was sent for it, in the site and in the open copy.
    first: [u32; 2],
}

/// Probes while video plays; ends at once when a service fails.
pub(super) async fn exercise_and_probe(
    order: &Order,
    teller: &Teller,
    built: &Built,
    services: &Services,
    faults: &Faults,
) -> Result<Probed, ServiceError> {
    let first = [&built.site, &built.copy].map(|site| site.ledger.next_number());
    let mut addresses = probe::look_at_addresses(&built.site, Moment::Begun).await;
    let mut states = look_at_states(&built.site, Moment::Begun).await;
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
        let sent = Prober { place, faults, ground, run: order.run, next, sent: Sent::default() }.all().await;
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
    states.extend(look_at_states(&built.site, Moment::End).await);
    let routes = probe::look_up_routes(&built.site).await;
    let mut listening = Vec::new();
    for check in &plan.checks {
        listening.extend(probe::look_until_told(&built.site, check, &sent.listening).await);
    }
    Ok(Probed { sent, commands, addresses, states, routes, listening, until, first })
}

/// The state of every node, where a check asks whether anybody changes it, or where a node is led once it has its address.
pub(super) async fn look_at_states(site: &Site, moment: Moment) -> Vec<StateSeen> {
    let mut seen = Vec::new();
    let asks = |check: &Check| matches!(check.word, Word::Explained { .. } | Word::Address { .. });
    if site.plan.checks.iter().any(asks) {
        for node in &site.plan.nodes {
            match snapshot::take(node, site.lab.node(&node.name)).await {
                Ok(taken) => {
                    let lines = record::state::lines(&site.plan, &node.name, &taken);
                    seen.push(StateSeen { node: node.name.clone(), moment, lines });
                }
                Err(error) => tracing::warn!(node = %node.name, %error, "its state is not known"),
            }
        }
    }
    seen
}

/// Whether every `periodic` has as many gaps as it asks for.
fn regular(plan: &Plan, facts: &[NodeFact], changes: &[ChangeSeen]) -> bool {
    plan.checks.iter().all(|check| match &check.word {
        Word::Periodic { event, of, every, tolerance, gaps, .. } => {
            let times = periodic::counted_times(facts, *event, of);
            let seen = periodic::gaps(&times, (*event, *every, *tolerance), facts, changes);
            u64::try_from(seen.len()).unwrap_or(u64::MAX) >= *gaps
        }
        _ => true,
    })
}

/// What was said and done beside the checks.
pub(super) struct Beside {
    /// What the fakes said.
    pub(super) facts: Vec<NodeFact>,
    /// Faults that were carried out.
    pub(super) faults: Vec<FaultSeen>,
    /// Faults that were in force when it began.
    pub(super) in_force: Vec<String>,
    /// What nodes with rules tracked.
    pub(super) tracked: Vec<TrackedSeen>,
    /// Offers of something else than what was chosen, as they were told.
    pub(super) flagged: Vec<OfferFlagged>,
    /// What deadlines were multiplied with.
    pub(super) patience: u32,
    /// The run's number.
    pub(super) run: u32,
}

/// Closes the captures, keeps the record in the folder, and puts together what was seen; the site goes.
pub(super) fn finish(
    built: Built,
    probed: Probed,
    beside: Beside,
    folder: &Path,
) -> Result<Observations, Failure> {
    let Built { site, copy, missing } = built;
    let (Site { capture, filters, ledger, lab, plan, .. }, copy) = (site, copy);
    let captured = capture.finish().map_err(capture_failed)?;
    let copied = copy.capture.finish().map_err(capture_failed)?;
    let seen_by = [(&filters, &ledger, &captured), (&copy.filters, &copy.ledger, &copied)];
    let run = beside.run;
    let record = probed.record(beside, missing, seen_by);
    let seen = keep_and_observe(&plan, run, record, folder, [&captured, &copied]);
    drop(lab);
    seen
}

/// The same for a site that stays: a stretch of its captures ends.
pub(super) fn end_stretch(
    built: &Built,
    probed: Probed,
    beside: Beside,
    folder: &Path,
) -> Result<Observations, Failure> {
    let Built { site, copy, missing } = built;
    let captured = site.end().map_err(capture_failed)?;
    let copied = copy.end().map_err(capture_failed)?;
    let seen_by = [(&site.filters, &site.ledger, &captured), (&copy.filters, &copy.ledger, &copied)];
    let run = beside.run;
    let record = probed.record(beside, missing.clone(), seen_by);
    keep_and_observe(&site.plan, run, record, folder, [&captured, &copied])
}

pub(super) fn capture_failed(error: tap::Error) -> Failure {
    super::ours(format!("the capture could not be written: {error}"))
}

fn keep_and_observe(
    plan: &Plan,
    run: u32,
    record: Record,
    folder: &Path,
    [here, there]: [&Captured; 2],
) -> Result<Observations, Failure> {
    let evidence = RunFolder::at(folder);
    evidence.write_record(&record)?;
    let seen = record::observe(plan, record, record::key(run, Which::Site), here, there)
        .map_err(|error| super::ours(error.to_string()))?;
    taint::keep_clips(plan, &evidence).map_err(|error| super::ours(error.to_string()))?;
    add_secrets(plan, &evidence)?;
    let found = taint::search(&RunReader::of(folder), plan, run, &seen);
    let taint =
        found.map_err(|damage| super::ours(format!("the capture could not be searched: {damage}")))?;
    Ok(Observations { taint, ..seen })
}

/// Bytes of secrets of one cloud that go into a capture: those of thousands of sessions.
const MOST_SECRETS: usize = 4 * 1024 * 1024;

/// The secrets of the clouds' TLS sessions go into the capture, so that whoever reads it sees what was said.
fn add_secrets(plan: &Plan, evidence: &RunFolder) -> Result<(), Failure> {
    let clouds = plan.services.iter().filter(|one| matches!(one.kind, ServiceKind::Cloud { .. }));
    let mut secrets = Vec::new();
    for cloud in clouds {
        let path = services::key_log(&cloud.node);
        match std::fs::read(&path) {
            // In a lab that has stood for days only the last ones are of sessions whose beginning was captured.
            Ok(more) => secrets.extend_from_slice(last_lines(&more, MOST_SECRETS)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(super::ours(format!("{} could not be read: {cause}", path.display()))),
        }
    }
    tap::add_secrets(&evidence.file(&RunFile::Capture), &secrets)
        .map_err(|error| capture_failed(error.into()))
}

/// Whole lines at the end of a text, at most so many bytes.
fn last_lines(text: &[u8], most: usize) -> &[u8] {
    let Some(cut) = text.len().checked_sub(most).filter(|cut| *cut > 0) else { return text };
    let line = text[cut..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| cut + end + 1);
    &text[line..]
}

impl Probed {
    /// All that was done, sent and logged, as it is kept.
    fn record(
        self,
        beside: Beside,
        missing: Vec<(String, String)>,
        seen_by: [(&Filters, &Ledger, &Captured); 2],
    ) -> Record {
        let Probed {
            sent: Sent { aims, crossings, hops, joins, asked, opens, changes, rules, mut listening },
            first,
            ..
        } = self;
        listening.extend(self.listening);
        let instruments = |which: usize| {
            let (filters, ledger, captured) = seen_by[which];
            let mut sent = ledger.all();
            sent.retain(|(n, _)| *n >= first[which]);
            Instruments { sent, logs: filters.logs(), passed: captured.passed.clone(), taps: captured.health }
        };
        Record {
            facts: beside.facts,
            aims,
            crossings,
            hops,
            joins,
            asked,
            opens,
            changes,
            faults: beside.faults,
            in_force: beside.in_force,
            addresses: self.addresses,
            flagged: beside.flagged,
            states: self.states,
            rules,
            routes: self.routes,
            listening,
            tracked: beside.tracked,
            commands: self.commands,
            missing,
            until: self.until,
            patience: beside.patience,
            site: instruments(0),
            open_copy: instruments(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_ends_in_whole_lines() {
        assert_eq!(last_lines(b"one\ntwo\nthree\n", 99), b"one\ntwo\nthree\n");
        assert_eq!(last_lines(b"one\ntwo\nthree\n", 11), b"two\nthree\n");
        assert_eq!(last_lines(b"one\ntwo\nthree\n", 3), b"");
    }
}
