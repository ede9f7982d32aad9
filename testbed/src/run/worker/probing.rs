//! Exercise and probe: what the checks of a plan ask for, and what was seen of it once the captures are closed.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;

use crate::event::{Failure, Stage};
use crate::evidence::{RunFile, RunFolder, RunReader};
use crate::fault::{Error as Refusal, Faults, Ground};
use crate::kernel::{nft, snapshot};
use crate::model::ruleset::holds_for_a_moment;
use crate::observation::{
    AddressesSeen, ChangeSeen, CommandEnd, FaultSeen, ListeningSeen, Moment, NodeFact, Observations,
    OfferFlagged, OpenSeen, RouteSeen, RulesSeen, StateSeen, TrackedSeen,
};
use crate::plan::fault::Fault;
use crate::plan::{Aim, Check, During, Forgotten, Node, Open, Plan, ServiceKind, Word};
use crate::probe::{
    self, AimSent, AskedSent, CrossingSent, Filters, HopSent, JoinSent, Ledger, Sending, Site, Swept, Wish,
};
use crate::record::{self, Instruments, Record, Which, rules};
use crate::run::order::Order;
use crate::run::taint;
use crate::services::{self, ServiceError, Services};
use crate::tap::{self, Captured};
use crate::verdict::periodic;

use super::build::Built;
use super::calls;
use super::change::{Changed, Place};
use super::exercise::{begun, exercised, plays_within, regular_within};
use super::orders;
use super::stand_ins;
use super::teller::Teller;
use super::trials;

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

/// What was sent and opened.
#[derive(Default)]
struct Sent {
    aims: Vec<AimSent>,
    crossings: Vec<CrossingSent>,
    hops: Vec<HopSent>,
    joins: Vec<JoinSent>,
    asked: Vec<AskedSent>,
    opens: Vec<OpenSeen>,
    changes: Vec<ChangeSeen>,
    rules: Vec<RulesSeen>,
    listening: Vec<ListeningSeen>,
}

impl Sent {
    /// Takes all aims of one check, in their order.
    fn take_aims(&mut self, aims: Vec<Swept>) {
        self.aims.extend((0..).zip(aims).map(|(place, one)| one.sent(place)));
    }
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

/// How many ask for streams at a time; each of those that are not answered takes its whole time.
const ASKED_AT_ONCE: usize = 64;

/// Carries out every check that sends something, in the plan's order.
struct Prober<'a> {
    place: Place<'a>,
    faults: &'a Faults,
    ground: Ground<'a>,
    /// The run's number, of which passwords are made.
    run: u32,
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
        tracing::debug!("all is sent");
        self.sent
    }

    async fn check(&mut self, check: &Check) {
        tracing::debug!(check = %check.name, "what it sends is sent");
        let Place { site, copy, patience, .. } = self.place;
        match &check.word {
            Word::NoReach { aims, alive, forgotten } => {
                if let Some(forgotten) = forgotten {
                    until_forgotten(forgotten, &self.sent.changes).await;
                }
                if aims.iter().any(|aim| aim.cells.is_some()) {
                    let with_file: Vec<&Node> = filtering(site).collect();
                    self.sent.rules.extend(list_shut(site, check, &with_file, patience).await);
                    self.sent.rules.extend(list_switches(site, check).await);
                }
                self.sweep(check, alive).await;
            }
            Word::Matrix { opens, .. } => {
                let all: Vec<&Node> = site.plan.nodes.iter().collect();
                self.sent.rules.extend(list_shut(site, check, &all, patience).await);
                self.sent.rules.extend(list_switches(site, check).await);
                let alive: Vec<Open> = opens.iter().map(|(open, _)| open.clone()).collect();
                self.sweep(check, &alive).await;
            }
            Word::NoBridge { crossings, alive } => {
                let (tried, alive) = probe::cross(site, copy, check, crossings, alive, patience).await;
                self.sent.crossings.extend((0..).zip(tried).map(|(place, one)| one.sent(place)));
                self.sent.opens.extend(alive);
            }
            Word::NoHop { hops, alive } => {
                let (tried, alive) = probe::hop(site, copy, check, hops, alive, patience).await;
                self.sent.hops.extend((0..).zip(tried).map(|(place, one)| one.sent(place)));
                self.sent.opens.extend(alive);
            }
            Word::OwnLeg { questions } => {
                let asked = probe::ask_legs(site, copy, check, questions, patience).await;
                self.sent.asked.extend((0..).zip(asked).map(|(place, one)| one.sent(place)));
            }
            Word::NoStream { tries, knows_password, may, joins, hears } => {
                let tries = tries.iter().map(|open| (open, *knows_password));
                let asked = tries.chain(may.iter().map(|open| (open, true))).map(|(open, knows)| {
                    let shown = services::shown_to(&open.to, self.run, knows);
                    let to_group = joins.iter().any(|join| join.camera == open.to);
                    let wish = Wish { shown, to_group };
                    async move { probe::ask_for_stream(site, &check.name, open, &wish, patience).await }
                });
                let asked: Vec<_> = futures_util::stream::iter(asked).buffered(ASKED_AT_ONCE).collect().await;
                self.sent.opens.extend(asked);
                let joined = probe::join(site, copy, check, (joins, hears), patience).await;
                self.sent.joins.extend((0..).zip(joined).map(|(place, one)| one.sent(place)));
            }
            Word::Listens { .. } => self.sent.listening.extend(probe::look_who_listens(site, check)),
            Word::Reach { opens } if check.during.as_ref().is_some_and(During::has_a_name_asked) => {
                self.open_as_it_stands(check, opens).await;
            }
            Word::Reach { opens } => {
                for open in opens {
                    self.sent.opens.push(probe::open(site, &check.name, open, patience).await);
                }
            }
            Word::After { .. } => {
                if check.word.aims().iter().any(|aim| aim.cells.is_some()) {
                    let with_file: Vec<&Node> = filtering(site).collect();
                    self.sent.rules.extend(list_shut(site, check, &with_file, patience).await);
                    self.sent.rules.extend(list_switches(site, check).await);
                }
                let sending = Sending::all_of(&site.plan, check, &self.sent.rules, (site.key, self.next));
                let taken = RefCell::new(None);
                // A rule file that was loaded though it was to be refused stands, which is for the verdict to say.
                let carry_out = async |fault: &Fault, again| {
                    carry_out(self.faults, self.ground, fault, again, Some(&taken)).await
                };
                let Changed { swept, opens, mut change } =
                    self.place.through(check, (&sending, self.next), carry_out).await;
                change.done.taken = taken.into_inner();
                change.done.no_room = self.faults.no_room();
                self.next += swept.len();
                self.sent.take_aims(swept);
                self.sent.opens.extend(opens);
                self.sent.changes.push(change);
            }
            Word::Tls { cloud: Some(_), .. } => {
                let change = stand_ins::meet(check, self.ground).await;
                self.sent.changes.push(change);
            }
            Word::Endures { .. } => {
                let change = trials::endure(check, self.ground).await;
                self.sent.changes.push(change);
            }
            Word::Job { .. } => {
                let change = orders::give(check, self.ground).await;
                self.sent.changes.push(change);
            }
            Word::Calls { .. } => {
                let change = calls::make(check, self.ground).await;
                self.sent.changes.extend(change);
            }
            Word::Talks { .. }
            | Word::NamesAgree { .. }
            | Word::Rtsp { nowhere_else: false, .. }
            | Word::Tls { .. }
            | Word::Plays { .. }
            | Word::Direction { .. }
            | Word::PeersOf { .. }
            | Word::Members { .. }
            | Word::Clock { .. }
            | Word::Scan { .. }
            | Word::NoVideo { .. }
            | Word::Inventory { .. }
            | Word::Attacks { .. }
            | Word::Address { .. }
            | Word::Carries { .. }
            | Word::Explained { .. }
            | Word::Name { .. }
            | Word::Lint { .. }
            | Word::Periodic { .. }
            | Word::Spare { .. } => {}
            Word::Taint { .. } | Word::Rtsp { nowhere_else: true, .. } => {
                probe::hide_canaries(site, patience)
            }
        }
    }

    /// Sends everything of a check whose rules are listed.
    async fn sweep(&mut self, check: &Check, alive: &[Open]) {
        let Place { site, copy, patience, .. } = self.place;
        let sending = Sending::all_of(&site.plan, check, &self.sent.rules, (site.key, self.next));
        let (aims, alive) = probe::sweep(site, copy, check, &sending, alive, self.next, patience).await;
        self.next += aims.len();
        self.sent.take_aims(aims);
        self.sent.opens.extend(alive);
    }

    /// Tries each of them once, without anybody asking for a name first.
    async fn open_as_it_stands(&mut self, check: &Check, opens: &[Open]) {
        let Place { site, patience, .. } = self.place;
        let tried = opens.iter().map(|open| probe::open_as_it_stands(site, &check.name, open, patience));
        self.sent.opens.extend(futures_util::future::join_all(tried).await);
    }

    /// The check while a fault stands, which is mended then.
    async fn during(&mut self, check: &Check, during: &During) {
        let (place, faults, ground) = (self.place, self.faults, self.ground);
        if during.has_a_name_asked() {
            // What a name opens must be shut without it.
            self.open_as_it_stands(check, check.word.opens()).await;
        }
        let carry_out = async |fault: &Fault| carry_out(faults, ground, fault, false, None).await;
        let change = place.during(check, during, carry_out, self.check(check)).await;
        self.sent.changes.push(change);
    }
}

/// So many nft processes list rules at once: more would only wait for a processor.
const LISTED_AT_ONCE: usize = 8;

/// Whoever has a rule file.
fn filtering(site: &Site) -> impl Iterator<Item = &Node> {
    site.plan.nodes.iter().filter(|node| node.ruleset.is_some())
}

/// What a node lets in for so long at most, since it has asked for something, is shut again before anything is sent to it.
const MOMENT: Duration = Duration::from_secs(5);
/// Until it is looked again whether it is.
const LOOKED_AGAIN: Duration = Duration::from_millis(100);

/// The rules of these nodes once those that are aimed at let in nothing for a moment only, or after that moment.
async fn list_shut(site: &Site, check: &Check, nodes: &[&Node], patience: u32) -> Vec<RulesSeen> {
    let end = Instant::now() + MOMENT * patience;
    let is_open = |one: &RulesSeen| {
        check.word.aims().iter().any(|aim| aim.to == one.node)
            && holds_for_a_moment(&one.listing, MOMENT.as_secs())
    };
    loop {
        let listed = list_rules(site, check, nodes).await;
        if !listed.iter().any(is_open) || Instant::now() >= end {
            return listed;
        }
        tokio::time::sleep(LOOKED_AGAIN).await;
    }
}

/// The rules of these nodes, as nft lists them in JSON. What cannot be listed is left out, and missed by the verdict.
async fn list_rules(site: &Site, check: &Check, nodes: &[&Node]) -> Vec<RulesSeen> {
    let mut listed = Vec::new();
    for some in nodes.chunks(LISTED_AT_ONCE) {
        let listing = some.iter().map(|node| nft::list_json(site.lab.node(&node.name)));
        listed.extend(futures_util::future::join_all(listing).await);
    }
    let mut seen = Vec::new();
    for (node, listed) in nodes.iter().zip(listed) {
        let listed = listed.map_err(|error| error.to_string());
        let listing = listed.and_then(|text| rules::without_ours(&text).map_err(|error| error.to_string()));
        match listing {
            Ok(listing) => {
                seen.push(RulesSeen {
                    check: check.name.clone(),
                    node: node.name.clone(),
                    of_switches: false,
                    listing,
                });
            }
            Err(error) => tracing::warn!(node = %node.name, %error, "its rules are not known"),
        }
    }
    seen
}

/// The rules of all switches, where packets of the check cross one that has some. They are in one namespace.
async fn list_switches(site: &Site, check: &Check) -> Option<RulesSeen> {
    let cross = |aim: &Aim| aim.cells.as_ref().is_some_and(|cells| cells.switched);
    let (node, _) = site.plan.switches.first()?.plugged.first()?;
    if !check.word.aims().iter().any(cross) {
        return None;
    }
    let listed = nft::list_json(&site.lab.fabric).await.map_err(|error| error.to_string());
    let listing = listed.and_then(|text| rules::without_ours(&text).map_err(|error| error.to_string()));
    let listing = listing.inspect_err(|error| tracing::warn!(error, "the rules of switches are not known"));
    Some(RulesSeen {
        check: check.name.clone(),
        node: node.clone(),
        of_switches: true,
        listing: listing.ok()?,
    })
}

/// What a name has left may be open for so long; shut is what it must be at the end of that.
async fn until_forgotten(forgotten: &Forgotten, changes: &[ChangeSeen]) {
    let Some(left) = changes.iter().find(|change| change.check == forgotten.since) else { return };
    let passed = Duration::from_nanos(fake_facts::now().saturating_sub(left.then_at));
    tokio::time::sleep(forgotten.within.saturating_sub(passed)).await;
}

/// Carries a fault out, for the first time or again. What a rule file that was to be refused has changed is told in `taken`, if somebody
/// wants to know; else it is an error.
async fn carry_out(
    faults: &Faults,
    ground: Ground<'_>,
    fault: &Fault,
    again: bool,
    taken: Option<&RefCell<Option<String>>>,
) -> Result<(), String> {
    let done = match again {
        true => faults.carry_out_again(fault, ground).await,
        false => faults.carry_out(fault, false, ground).await,
    };
    if let (Err(Refusal::Taken(words)), Some(taken)) = (&done, taken) {
        taken.borrow_mut().get_or_insert_with(|| words.clone());
        return Ok(());
    }
    done.map(drop).map_err(|error| error.to_string())
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
