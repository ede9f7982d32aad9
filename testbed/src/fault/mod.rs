//! Breaks and mends a live site: carries out the plan's faults, one at a time, and keeps what is in force.
//!
//! Decides nothing: what a fault comes to is the plan's, and what follows from it is for the checks to see.

mod force;
mod links;
mod names;
mod nodes;

use std::cell::{Cell, RefCell};
use std::path::Path;

use crate::event::{Failure, Fault as Blame};
use crate::kernel::{KernelError, features};
use crate::observation::FaultSeen;
use crate::plan::fault::Fault;
use crate::plan::{Wiring, wiring};
use crate::probe::Site;
use crate::services::{ServiceError, Services};

use force::Force;

/// What a fault is carried out on.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The site; its open copy stays whole, since it shows what rules alone stop.
    pub site: &'a Site,
    /// What runs in it.
    pub services: &'a Services,
    /// The scenario's folder, for rule files.
    pub folder: &'a Path,
    /// Multiplies every deadline.
    pub patience: u32,
}

/// Why a fault was not carried out, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel lacks what it needs.
    #[error("`{fault}` needs {feature}, which this kernel does not have: {why}")]
    Lacking {
        /// The fault.
        fault: String,
        /// As `doctor` names it.
        feature: &'static str,
        /// The kernel's words.
        why: String,
    },
    /// It cannot be carried out on the site as it is.
    #[error("{0}")]
    NotNow(String),
    /// A rule file that was to be refused has changed the rules: in words.
    #[error("{0}")]
    Taken(String),
    /// The kernel refused something.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A service could not be started again.
    #[error("{}", .0.text)]
    Service(Failure),
}

impl From<ServiceError> for Error {
    fn from(error: ServiceError) -> Self {
        Error::Service(error.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let blame = match &error {
            Error::Service(failure) => return failure.clone(),
            Error::Lacking { .. } => Blame::Host,
            Error::NotNow(_) | Error::Taken(_) => Blame::Input,
            Error::Kernel(error) => error.fault(),
        };
        Failure { fault: blame, text: error.to_string(), node: None, last_lines: Vec::new() }
    }
}

/// The faults of a site: what is in force, and what was done.
#[derive(Debug, Default)]
pub struct Faults {
    /// Held while one is carried out, so that they come one after the other.
    force: tokio::sync::Mutex<Force>,
    standing: RefCell<Vec<String>>,
    no_room: Cell<Option<u64>>,
    seen: RefCell<Vec<FaultSeen>>,
}

impl Faults {
    /// Carries a fault out, and says in a line what was done. `by_hand`: no check asked for it.
    ///
    /// When it returns, it is done: carrier is lost, services have ended or are ready, rules stand. A flapping link is
    /// waited for. Must not be dropped half-way: a link would stay as it was then.
    pub async fn carry_out(&self, fault: &Fault, by_hand: bool, ground: Ground<'_>) -> Result<String, Error> {
        let mut force = self.force.lock().await;
        let at = fake_facts::now();
        tracing::info!(%fault, "a fault is carried out");
        let plan = &ground.site.plan;
        let broken = if *fault == Fault::HealAll { force.nodes(plan) } else { Default::default() };
        let done = obey(fault, &mut force, ground).await;
        let mended = broken.difference(&force.nodes(plan)).cloned().collect();
        *self.standing.borrow_mut() = force.listed(plan);
        self.no_room.set(force.no_room.take());
        let said = match &done {
            Ok(said) => said.clone(),
            Err(error) => format!("failed: {error}"),
        };
        self.seen.borrow_mut().push(FaultSeen {
            fault: fault.clone(),
            at,
            done_at: fake_facts::now(),
            done: said,
            by_hand,
            mended,
        });
        done
    }

    /// Carries out once more what a check has just had carried out: it is counted there, and told once.
    pub async fn carry_out_again(&self, fault: &Fault, ground: Ground<'_>) -> Result<String, Error> {
        let mut force = self.force.lock().await;
        let done = obey(fault, &mut force, ground).await;
        *self.standing.borrow_mut() = force.listed(&ground.site.plan);
        let mut seen = self.seen.borrow_mut();
        if let Some(last) = seen.last_mut().filter(|last| last.fault == *fault) {
            last.done_at = fake_facts::now();
        }
        done
    }

    /// What is in force now, in the words of the command line.
    pub fn in_force(&self) -> Vec<String> {
        self.standing.borrow().clone()
    }

    /// How many packets full tables had no room for, of the nodes whose tables the latest fault has emptied; none where it has not, or the
    /// kernel does not say.
    pub fn no_room(&self) -> Option<u64> {
        self.no_room.get()
    }

    /// From here on, what was carried out is counted from nothing.
    pub fn turn(&self) {
        self.seen.borrow_mut().clear();
    }

    /// What was carried out since then, in order.
    pub fn seen(&self) -> Vec<FaultSeen> {
        self.seen.borrow().clone()
    }
}

async fn obey(fault: &Fault, force: &mut Force, ground: Ground<'_>) -> Result<String, Error> {
    let wiring = ground.wiring();
    match fault {
        Fault::Cut(plugs) => links::cut_all(plugs, force, &wiring, ground).await,
        Fault::Heal(plugs) => links::heal_all(plugs, force, &wiring, ground).await,
        Fault::HealAll => heal_all(force, &wiring, ground).await,
        Fault::Swap(one, other) => links::swap(one, other, force, &wiring, ground).await,
        Fault::Flap { plug, times, every } => links::flap(plug, *times, *every, force, &wiring, ground).await,
        Fault::Kill(of) => nodes::kill(of, force, &wiring, ground).await,
        Fault::Stop(of) => nodes::stop(of, force, &wiring, ground).await,
        Fault::Restart(of) => nodes::restart(of, force, &wiring, ground).await,
        Fault::Reload { node, ruleset, gap, .. } => nodes::reload(node, ruleset, *gap, force, ground).await,
        Fault::Refuse { node, ruleset } => nodes::refuse(node, ruleset, force, ground).await,
        Fault::FillState { node } => nodes::fill_state(node, force, ground).await,
        Fault::ClearState { node } => nodes::clear_state(node, ground),
        Fault::ExpireLease(lease) => names::expire(lease, ground).await,
        Fault::MoveName { name, to, ttl, clouds, asked_by } => {
            let is_new = asked_by.is_some();
            let said = names::move_name((name, is_new), *to, *ttl, clouds, force, ground).await?;
            if let Some(asker) = asked_by {
                names::have_it_asked(asker, name, *to, ground).await?;
            }
            Ok(said)
        }
        Fault::Rate { plug, at } => links::rate(plug, *at, force, &wiring, ground).await,
        Fault::Impair { plug, how } => {
            if let Some(why) = features::lacks_netem().await? {
                return Err(Error::Lacking { fault: fault.to_string(), feature: "netem", why });
            }
            links::impair(plug, how, force, &wiring, ground).await
        }
    }
}

/// Full tables and links first, then nodes and services, rules, names: what comes later may need what comes before.
async fn heal_all(force: &mut Force, wiring: &Wiring<'_>, ground: Ground<'_>) -> Result<String, Error> {
    let broken = force.listed(&ground.site.plan);
    if broken.is_empty() {
        return Ok("nothing was in force".into());
    }
    // What is mended next may need room.
    let emptied = nodes::empty_state(force).await;
    for end in force.broken_links() {
        links::heal(&end, force, wiring, ground).await?;
    }
    nodes::restart_all(force, wiring, ground).await?;
    for node in force.reloaded() {
        let own = ground.site.plan.node(&node).and_then(|node| node.ruleset.clone());
        nodes::reload(&node, &own.unwrap_or_default(), None, force, ground).await?;
    }
    names::move_all_back(force, ground).await?;
    let also: Vec<String> = emptied?.into_iter().map(|said| format!("; {said}")).collect();
    Ok(format!("mended: {}{}", broken.join(", "), also.concat()))
}

impl<'a> Ground<'a> {
    fn wiring(&self) -> Wiring<'a> {
        wiring(&self.site.plan, self.site.vlans)
    }
}
