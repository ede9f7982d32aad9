//! The owner of a lab that stays: raises it, answers on its control socket, judges it when asked, takes it down.

mod desk;
mod round;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio::net::UnixListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::commander::Running;
use super::order::{Ask, Order, Task};
use super::scenario::{Options, covering, lab_log, may_run, order, ours, planned, write_plan};
use crate::event::{Event, Failure, Fault as Blame};
use crate::evidence::RunFolder;
use crate::names::{LabName, PortRef};
use crate::plan::Plan;
use crate::scenario::fault::Fault;
use crate::scenario::model::Scenario;
use crate::scenario::twin::Twin;
use crate::stay::{Answer, Claim, Registry, State, Status};
use crate::utc::Utc;
use desk::{Desk, Door, Wanted};
use round::{HEARD_WITHIN, Rounds};

/// How long a lab may take to end in good order: its services have two seconds each time they are told to.
const END_WITHIN: Duration = Duration::from_secs(8);

/// What is brought up.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The scenario; for a twin with its change made.
    pub scenario: &'a Scenario,
    /// What the twin expects.
    pub twin: Option<&'a Twin>,
    /// The scenario's folder.
    pub folder: &'a std::path::Path,
}

/// What the owner tells while it goes on.
#[derive(Debug)]
pub enum Told<'a> {
    /// What the lab tells, while it is built and started.
    Event(&'a Event),
    /// The lab stands.
    Up(&'a Status),
    /// Something in it has ended by itself.
    Fallen(&'a Failure),
}

/// Why a lab was taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// Somebody asked for it.
    Asked,
    /// Its owner was interrupted.
    Interrupted,
}

/// Brings a lab up and owns it until somebody asks for its end on the control socket, or until `interrupted`.
///
/// `name`: this very name, or none for the scenario's with a number behind it where that is taken. When it returns,
/// everything of the lab is gone, but its folder. Errors: why it could not be brought up, or ended by itself.
pub async fn up(
    site: Site<'_>,
    options: &Options,
    name: Option<&LabName>,
    tell: impl FnMut(Told<'_>),
    interrupted: impl Future<Output = ()>,
) -> Result<Down, Failure> {
    let scenario = &covering(site.scenario, options);
    let site = Site { scenario, ..site };
    let plan = planned(scenario)?;
    let root = may_run(&plan, site.folder, options)?;
    let started = SystemTime::now();
    let of = site.twin.map_or(&site.scenario.name, |twin| &twin.name);
    let wanted = match name {
        Some(name) => name.clone(),
        // Both have the same rule.
        None => of.as_str().parse().map_err(|error| ours(format!("`{of}` {error}")))?,
    };
    let since = Utc::from(started).rfc3339();
    let (claim, listener) = Registry::open()?.claim(&wanted, name.is_some(), of, since)?;
    let listener = listener.set_nonblocking(true).and_then(|()| UnixListener::from_std(listener));
    let listener = listener.map_err(|error| ours(format!("the control socket: {error}")))?;
    let evidence = RunFolder::create(&options.out, started, of)?;
    write_plan(&evidence, site.scenario, &plan, site.folder)?;
    let order = order(&plan, &evidence, root, site.folder, options, Task::Stay)?;
    let log = lab_log(&evidence, options)?;
    let status = status(&claim, &plan, order.run_folder.clone());
    let lab = Running::start(&order, log).await;
    let lab = lab.map_err(|error| ours(format!("the lab could not be started: {error}")))?;
    // Connections end with this set, and with them the patience of those who wait for the end: the name is free by then.
    let connections = LocalSet::new();
    let owner = Owner::new(lab, order, status, site, tell);
    let down = connections.run_until(owner.own(listener, interrupted)).await;
    drop(claim);
    drop(connections);
    down
}

fn status(claim: &Claim, plan: &Plan, folder: PathBuf) -> Status {
    Status {
        name: claim.entry.name.clone(),
        scenario: claim.entry.scenario.clone(),
        state: State::Starting,
        folder: Some(folder),
        nodes: plan.nodes.iter().map(|node| node.name.clone()).collect(),
        segments: plan.segments.iter().map(|segment| segment.name.clone()).collect(),
        fallen: Vec::new(),
        faults: Vec::new(),
    }
}

/// Owns one lab.
struct Owner<'a, F> {
    lab: Running,
    order: Order,
    desk: Rc<Desk>,
    wanted: UnboundedReceiver<Wanted>,
    rounds: Rounds<'a>,
    /// Faults that are being carried out, and who waits for each.
    breaking: BTreeMap<u64, UnboundedSender<Answer>>,
    faults: u64,
    ending: Option<(Down, Instant)>,
    failure: Option<Failure>,
    tell: F,
}

impl<'a, F: FnMut(Told<'_>)> Owner<'a, F> {
    fn new(lab: Running, order: Order, status: Status, site: Site<'a>, tell: F) -> Self {
        let (desk, wanted) = Desk::new(status);
        let rounds = Rounds::new(site, &order);
        let breaking = BTreeMap::new();
        let desk = Rc::new(desk);
        Self { lab, order, desk, wanted, rounds, breaking, faults: 0, ending: None, failure: None, tell }
    }

    /// Until the lab is gone.
    async fn own(
        mut self,
        listener: UnixListener,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Down, Failure> {
        tokio::pin!(interrupted);
        loop {
            let cut = self.ending.map(|(_, until)| until);
            tokio::select! {
                event = self.lab.next() => match event {
                    Some(event) => self.hear(event).await,
                    None => break,
                },
                Ok((stream, _)) = listener.accept() => {
                    tokio::task::spawn_local(desk::serve(stream, Rc::clone(&self.desk)));
                }
                Some(wanted) = self.wanted.recv() => match wanted {
                    Wanted::Judgement(asked) => {
                        self.rounds.line_up(asked);
                        self.judge_next().await;
                    }
                    Wanted::Fault { fault, answers } => self.break_it(*fault, answers).await,
                    Wanted::Down => self.end(Down::Asked).await,
                },
                () = &mut interrupted, if self.ending.is_none() => self.end(Down::Interrupted).await,
                () = sleep_until(cut.unwrap_or_else(Instant::now)), if cut.is_some() => break,
            }
        }
        self.gone().await
    }

    async fn hear(&mut self, event: Event) {
        match &event {
            Event::Standing(entrances) => match self.lab.doors() {
                Ok(doors) => {
                    self.desk.open(Door { doors, entrances: entrances.clone() });
                    (self.tell)(Told::Up(&self.desk.status()));
                    self.judge_next().await;
                }
                Err(error) => {
                    self.failure = Some(ours(format!("the way into the lab did not come: {error}")));
                    self.end(Down::Asked).await;
                }
            },
            Event::Fallen(failure) => {
                self.desk.fallen(&failure.text);
                (self.tell)(Told::Fallen(failure));
            }
            Event::Failed(failure) => {
                self.failure.get_or_insert_with(|| failure.clone());
            }
            Event::Stage { .. } | Event::Fact(_) | Event::Warning { .. } => {
                self.rounds.hear(&event);
                (self.tell)(Told::Event(&event));
            }
            Event::Faulted { number, done, in_force } => {
                self.desk.faulted(in_force);
                if let Some(answers) = self.breaking.remove(number) {
                    // Whoever asked may have left; what was done is done.
                    let _ = answers.send(match done.clone() {
                        Ok(done) => Answer::Faulted { done, in_force: in_force.clone() },
                        Err(failure) => Answer::Refused(failure),
                    });
                }
            }
            Event::Observed(_) | Event::NotJudged(_) => {
                self.rounds.over(event);
                self.judge_next().await;
            }
        }
    }

    /// Has the next judgement made that somebody waits for, if the lab stands and nothing else goes on.
    async fn judge_next(&mut self) {
        if self.desk.state() == State::Starting || self.ending.is_some() {
            return;
        }
        if let Some(folder) = self.rounds.begin() {
            self.lab.ask(&Ask::Judge { folder }).await;
        }
        self.desk.judging(self.rounds.goes_on());
    }

    /// Has a fault carried out, if the site has what it names.
    async fn break_it(&mut self, fault: Fault<PortRef>, answers: UnboundedSender<Answer>) {
        let plan = &self.order.plan;
        let resolved = plan.named(fault).and_then(|fault| plan.fault(&fault));
        match resolved {
            Ok(fault) => {
                self.faults += 1;
                self.breaking.insert(self.faults, answers);
                self.lab.ask(&Ask::Fault { number: self.faults, fault: Box::new(fault) }).await;
            }
            Err(text) => {
                let _ = answers.send(Answer::Refused(desk::input(text)));
            }
        }
    }

    async fn end(&mut self, why: Down) {
        if self.ending.is_none() {
            self.ending = Some((why, Instant::now() + END_WITHIN * self.order.patience));
            self.desk.ending();
            self.lab.ask(&Ask::End).await;
        }
    }

    /// Sees the end of the lab.
    async fn gone(self) -> Result<Down, Failure> {
        let Self { lab, mut rounds, ending, failure, breaking, .. } = self;
        let how = lab.gone().await.unwrap_or_else(|error| error.to_string());
        for answers in breaking.into_values() {
            let _ = answers.send(Answer::Refused(desk::input("the lab was taken down".into())));
            let _ = timeout(HEARD_WITHIN, answers.closed()).await;
        }
        rounds.interrupt().await;
        match (failure, ending) {
            (Some(failure), Some((why, _))) if failure.fault == Blame::Interrupted => Ok(why),
            (Some(failure), _) => Err(failure),
            (None, Some((why, _))) => Ok(why),
            (None, None) => Err(ours(format!("the lab ended by itself ({how})"))),
        }
    }
}
