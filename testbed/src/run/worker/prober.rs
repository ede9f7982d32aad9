//! Carries out the checks of a plan, one after the other: sends and opens what each asks for.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::StreamExt;

use crate::fault::{Error as Refusal, Faults, Ground};
use crate::observation::{ChangeSeen, ListeningSeen, OpenSeen, RulesSeen};
use crate::plan::fault::Fault;
use crate::plan::{Check, During, Forgotten, Join, Node, Open, Word};
use crate::probe::{self, AimSent, AskedSent, CrossingSent, HopSent, JoinSent, Sending, Swept, Wish};
use crate::services;

use super::calls;
use super::change::{Changed, Place};
use super::listing::{list_shut, list_switches};
use super::orders;
use super::stand_ins;
use super::trials;

/// What was sent and opened.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) aims: Vec<AimSent>,
    pub(super) crossings: Vec<CrossingSent>,
    pub(super) hops: Vec<HopSent>,
    pub(super) joins: Vec<JoinSent>,
    pub(super) asked: Vec<AskedSent>,
    pub(super) opens: Vec<OpenSeen>,
    pub(super) changes: Vec<ChangeSeen>,
    pub(super) rules: Vec<RulesSeen>,
    pub(super) listening: Vec<ListeningSeen>,
}

impl Sent {
    /// Takes all aims of one check, in their order.
    fn take_aims(&mut self, aims: Vec<Swept>) {
        self.aims.extend((0..).zip(aims).map(|(place, one)| one.sent(place)));
    }
}

/// How many ask for streams at a time; each of those that are not answered takes its whole time.
const ASKED_AT_ONCE: usize = 64;

/// Carries out every check that sends something, in the plan's order.
pub(super) struct Prober<'a> {
    pub(super) place: Place<'a>,
    pub(super) faults: &'a Faults,
    pub(super) ground: Ground<'a>,
    /// The run's number, of which passwords are made.
    pub(super) run: u32,
    /// Number of the next aim.
    pub(super) next: usize,
    pub(super) sent: Sent,
}

impl Prober<'_> {
    pub(super) async fn all(mut self) -> Sent {
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
            Word::NoReach { alive, forgotten, .. } => {
                if let Some(forgotten) = forgotten {
                    until_forgotten(forgotten, &self.sent.changes).await;
                }
                self.list_for_cells(check).await;
                self.sweep(check, alive).await;
            }
            Word::Matrix { opens, .. } => {
                let opens: Vec<Open> = opens.iter().map(|(open, _)| open.clone()).collect();
                self.matrix(check, &opens).await;
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
                self.ask_for_streams(check, (tries, *knows_password), may, joins).await;
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
            Word::After { .. } => self.after(check).await,
            Word::Tls { cloud: Some(_), .. } => {
                self.sent.changes.push(stand_ins::meet(check, self.ground).await);
            }
            Word::Endures { .. } => self.sent.changes.push(trials::endure(check, self.ground).await),
            Word::Job { .. } => self.sent.changes.push(orders::give(check, self.ground).await),
            Word::Calls { .. } => self.sent.changes.extend(calls::make(check, self.ground).await),
            Word::Taint { .. } | Word::Rtsp { nowhere_else: true, .. } => {
                probe::hide_canaries(site, patience);
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
        }
    }

    /// The rules of whoever has a rule file, where the check sends something for each cell of them.
    async fn list_for_cells(&mut self, check: &Check) {
        if check.word.aims().iter().any(|aim| aim.cells.is_some()) {
            let Place { site, patience, .. } = self.place;
            let with_file: Vec<&Node> =
                site.plan.nodes.iter().filter(|node| node.ruleset.is_some()).collect();
            self.list(check, &with_file, patience).await;
        }
    }

    async fn list(&mut self, check: &Check, nodes: &[&Node], patience: u32) {
        let site = self.place.site;
        self.sent.rules.extend(list_shut(site, check, nodes, patience).await);
        self.sent.rules.extend(list_switches(site, check).await);
    }

    async fn matrix(&mut self, check: &Check, opens: &[Open]) {
        let Place { site, patience, .. } = self.place;
        let all: Vec<&Node> = site.plan.nodes.iter().collect();
        self.list(check, &all, patience).await;
        self.sweep(check, opens).await;
    }

    /// Asks each camera for its stream: those who may not watch, with or without its password, and those who may.
    async fn ask_for_streams(
        &mut self,
        check: &Check,
        (tries, knows_password): (&[Open], bool),
        may: &[Open],
        joins: &[Join],
    ) {
        let Place { site, patience, .. } = self.place;
        let tries = tries.iter().map(|open| (open, knows_password));
        let asked = tries.chain(may.iter().map(|open| (open, true))).map(|(open, knows)| {
            let shown = services::shown_to(&open.to, self.run, knows);
            let to_group = joins.iter().any(|join| join.camera == open.to);
            let wish = Wish { shown, to_group };
            async move { probe::ask_for_stream(site, &check.name, open, &wish, patience).await }
        });
        let asked: Vec<_> = futures_util::stream::iter(asked).buffered(ASKED_AT_ONCE).collect().await;
        self.sent.opens.extend(asked);
    }

    /// Sends what is held through a fault while that is carried out, and again.
    async fn after(&mut self, check: &Check) {
        self.list_for_cells(check).await;
        let site = self.place.site;
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
