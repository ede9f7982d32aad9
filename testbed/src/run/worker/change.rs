//! `after` and `during`: something is done to the site, packets of negatives are sent through the whole change, what goes
//! on is waited for, and what was done is mended.

use std::time::Duration;

use fake_facts::Fact;
use tokio::time::{Instant, interval};

use crate::names::LinkName;
use crate::observation::{ChangeSeen, Done, NodeFact, OpenSeen};
use crate::plan::fault::Fault;
use crate::plan::{Aim, Check, During, GoingOn, Open, Word};
use crate::probe::{self, SendCells, Sending, Site, Stream, Swept};
use crate::services::Board;

/// Something that comes so soon after a fault may have been under way already.
const UNDER_WAY: u64 = 300_000_000;

/// How much longer than the bound what goes on is waited for, so that the report says how late it came.
const LATER: Duration = Duration::from_secs(5);

/// From one try of the allowed flows to the next.
const AGAIN: Duration = Duration::from_millis(200);

/// How often, and for how long, a fault that is over at once is carried out again for the sake of cells.
const MOST_AGAIN: u32 = 100;
const AGAIN_FOR: Duration = Duration::from_secs(10);

/// What was done and seen of one check.
pub(super) struct Changed {
    pub(super) swept: Vec<Swept>,
    pub(super) opens: Vec<OpenSeen>,
    pub(super) change: ChangeSeen,
}

/// Where a change takes place.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) site: &'a Site,
    pub(super) copy: &'a Site,
    pub(super) board: &'a Board,
    pub(super) patience: u32,
}

impl Place<'_> {
    /// Carries out a check with the word `after`; `sending` is what it sends, and the number of its first aim. `carry_out` does a
    /// fault, for the first time or again.
    pub(super) async fn through(
        &self,
        check: &Check,
        (sending, first): (&[Sending], usize),
        carry_out: impl AsyncFn(&Fault, bool) -> Result<(), String>,
    ) -> Changed {
        let Word::After { fault, then, lasts, within, resume, stops, aims, alive, .. } = &check.word else {
            unreachable!("asked for `after` only")
        };
        tracing::info!(check = %check.name, aims = aims.len(), "a change begins");
        let judged: Vec<&Aim> = aims.iter().collect();
        let bound = *within + LATER;
        let all = [resume.as_slice(), stops].concat();
        self.until_all_go_on(&all, 0, bound).await;
        let mut opens = probe::signs_of_life(self.site, check, &judged, alive, self.patience).await;
        let mut stream = Stream::begin(self.site, check, sending, first);
        stream.round().await;

        let dark = darkened(fault);
        let left = stream.hold(&dark);
        stream.beside(left).await;
        let at = fake_facts::now();
        stream.send_cells(match fault {
            _ if fault.takes_hold_at_its_end() => SendCells::Never,
            Fault::Restart(_) => SendCells::AsItRises,
            _ => SendCells::Always,
        });
        let (broken, again) = self.break_it(fault, &mut stream, &carry_out).await;
        // What is sent from now on is sent when it is over.
        stream.send_cells(if fault.is_over_at_once() { SendCells::Never } else { SendCells::Always });
        self.site.without_carrier(&left_dark(fault));
        if left_dark(fault) != dark {
            opens.extend(stream.beside(self.until_all_answer(check, alive)).await);
        }
        stream.release();
        let silent = stream.is_silent();
        let since = fake_facts::now();
        if broken.is_ok() {
            let stood = async {
                tokio::join!(tokio::time::sleep(*lasts), self.until_all_go_on(resume, since, bound))
            };
            stream.beside(stood).await;
            stream.round().await;
        }
        stream.send_cells(SendCells::Never);
        stream.give_cells_up(&dark);
        stream.trace(self.patience).await;

        let then_at = fake_facts::now();
        // A link that has just got its carrier back may drop what is sent: who attacks by it waits until it works.
        stream.pause(&dark);
        let mended = stream.beside(carry_out(then, false)).await;
        self.site.without_carrier(&[]);
        let since = fake_facts::now();
        stream.beside(self.until_all_go_on(&all, since, bound)).await;
        opens.extend(stream.beside(self.until_all_answer(check, alive)).await);
        stream.release();
        // Whoever had no carrier while it stood.
        stream.send_cells(SendCells::Always);
        stream.round().await;

        let mut swept = stream.end();
        opens.extend(probe::signs_of_life(self.site, check, &judged, alive, self.patience).await);
        probe::finish_stream(self.site, self.copy, &mut swept, self.patience).await;
        let silent = || if silent { Err("no attacker could send while it stood".to_owned()) } else { Ok(()) };
        let error = broken.and_then(|()| silent()).and(mended).err();
        let (check, end_at, done) =
            (check.name.clone(), fake_facts::now(), Done { again, ..Done::default() });
        Changed { swept, opens, change: ChangeSeen { check, at, then_at, end_at, error, done } }
    }

    /// Carries a fault out while a stream goes on. One that is over at once is carried out again until all cells were sent meanwhile, or
    /// it takes too long; how often.
    async fn break_it(
        &self,
        fault: &Fault,
        stream: &mut Stream<'_>,
        carry_out: &impl AsyncFn(&Fault, bool) -> Result<(), String>,
    ) -> (Result<(), String>, u32) {
        let deadline = Instant::now() + AGAIN_FOR * self.patience;
        let mut again = 0;
        loop {
            let broken = stream.beside(carry_out(fault, again > 0)).await;
            let done_at_once = match fault {
                Fault::ClearState { .. } => true,
                Fault::Restart(of) => of.services.is_empty(),
                _ => false,
            };
            if done_at_once {
                // Done before a tick has come; what comes first thing afterwards is what it is about.
                stream.send_cells_now();
            }
            let enough = again == MOST_AGAIN || Instant::now() > deadline;
            if !fault.is_over_at_once() || broken.is_err() || enough || !stream.has_cells_left() {
                return (broken, again);
            }
            again += 1;
        }
    }

    /// Carries out another check while a fault stands: `work`, once the allowed flows work.
    pub(super) async fn during(
        &self,
        check: &Check,
        During { fault, then }: &During,
        carry_out: impl AsyncFn(&Fault) -> Result<(), String>,
        work: impl Future<Output = ()>,
    ) -> ChangeSeen {
        let at = fake_facts::now();
        let broken = carry_out(fault).await;
        self.site.without_carrier(&left_dark(fault));
        if broken.is_ok() {
            if let Word::NoReach { alive, .. } = &check.word {
                let _ = self.until_all_answer(check, alive).await;
            }
            work.await;
        }
        let then_at = fake_facts::now();
        let mended = carry_out(then).await;
        self.site.without_carrier(&[]);
        let (check, error) = (check.name.clone(), broken.and(mended).err());
        ChangeSeen { check, at, then_at, end_at: fake_facts::now(), error, done: Done::default() }
    }

    /// Waits until the allowed flows work again: routers look for a neighbour that was gone once a second.
    /// What was answered, so that nobody takes these conversations for the nodes' own.
    async fn until_all_answer(&self, check: &Check, alive: &[Open]) -> Vec<OpenSeen> {
        let deadline = Instant::now() + LATER * self.patience;
        let mut answered = Vec::new();
        let mut tries = interval(AGAIN);
        while Instant::now() < deadline {
            tries.tick().await;
            let asked = alive.iter().map(|one| probe::open(self.site, &check.name, one, self.patience));
            let opens = futures_util::future::join_all(asked).await;
            let all = opens.iter().all(|open| open.answered_after_us.is_some());
            answered.extend(opens.into_iter().filter(|open| open.answered_after_us.is_some()));
            if all {
                break;
            }
        }
        answered
    }

    /// Waits until each of these has gone on since a moment (nanoseconds since 1970), at most for so long.
    async fn until_all_go_on(&self, resume: &[GoingOn], since: u64, bound: Duration) {
        let all = |facts: &[NodeFact]| {
            resume.iter().all(|one| latest(facts, one).is_some_and(|at| at > since + UNDER_WAY)).then_some(())
        };
        // What does not go on is for the verdict to say.
        let _ = self.board.wait_for(bound * self.patience, all).await;
    }
}

/// When it was last heard of.
fn latest(facts: &[NodeFact], what: &GoingOn) -> Option<u64> {
    facts.iter().rev().find_map(|fact| match (what, &fact.line.fact) {
        (GoingOn::Video { camera, at }, Fact::Video(video)) => (fact.node == *at
            && video.camera == camera.as_str())
        .then(|| video.arrived.last().copied())
        .flatten(),
        (GoingOn::Reports { event, of }, Fact::Delivered { service, .. }) => {
            (fact.node == *of && service == event.service()).then_some(fact.line.at)
        }
        _ => None,
    })
}

/// The ports that have no carrier while a fault is carried out, or for a part of that time.
fn darkened(fault: &Fault) -> Vec<LinkName> {
    match fault {
        Fault::Flap { .. } | Fault::Restart(_) => ports(fault),
        _ => left_dark(fault),
    }
}

/// The ports that a fault leaves without carrier.
fn left_dark(fault: &Fault) -> Vec<LinkName> {
    match fault {
        Fault::Cut(_) | Fault::Kill(_) | Fault::Stop(_) => ports(fault),
        _ => Vec::new(),
    }
}

fn ports(fault: &Fault) -> Vec<LinkName> {
    fault.plugs().into_iter().flat_map(|plug| plug.ports.iter().cloned()).collect()
}
