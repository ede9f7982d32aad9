//! A lab that stays: built and started once, judged as often as asked for, until its end is asked for.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, OptionFuture};

use tokio::time::{Instant, interval_at};

use crate::event::{Entrance, Entrances, Event, Failure, Stage, Tap};
use crate::evidence::RunFile;
use crate::fault::{Faults, Ground};
use crate::kernel::{KernelError, join};
use crate::observation::Observations;
use crate::plan;
use crate::run::order::{Ask, Order};
use crate::services::Services;
use crate::tap::Port;

use super::asks::Asks;
use super::build::{Built, build, listen_to_connections, settings, take_snapshots};
use super::flags::Flags;
use super::probing::{Beside, capture_failed, end_stretch, exercise_and_probe};
use super::teller::Teller;
use super::{interrupted, kernel_failure, ours};

/// How often a lab forgets what it saw while nobody judges it, so that it may stand for days.
const FORGET_EVERY: Duration = Duration::from_secs(30);

/// A lab that stands.
struct Standing {
    built: Built,
    services: Services,
    faults: Faults,
    flags: Flags,
    /// Services that ended by themselves: no judgement is made of a lab that lacks one.
    fallen: RefCell<Vec<Failure>>,
}

/// A fault that is asked for.
struct Asked {
    number: u64,
    fault: Box<plan::fault::Fault>,
}

/// Builds and starts the lab, then serves what is asked until the end is.
///
/// Errors: the lab could not be built or started, or the end was asked for before it stood.
pub(super) async fn stay(order: &Order, teller: &Teller, asks: &mut Asks) -> Result<(), Failure> {
    let raised = tokio::select! {
        raised = raise(order, teller) => raised?,
        () = asks.end() => return Err(interrupted()),
    };
    let standing = raised;
    let doors = join::Doors::of_this_lab().and_then(|doors| asks.hand_over(&doors));
    doors.map_err(|error| ours(format!("the way into the lab could not be handed over: {error}")))?;
    let entrances = entrances(&standing.built).map_err(|error| kernel_failure(&error))?;
    teller.tell(&Event::Standing(entrances));
    tokio::select! {
        () = serve(order, teller, asks, &standing) => {}
        never = standing.flags.tell(&standing.built.site, teller) => match never {},
    }
    teller.stage(Stage::End);
    standing.services.stop().await;
    Ok(())
}

async fn raise(order: &Order, teller: &Teller) -> Result<Standing, Failure> {
    let built = build(order, teller).await?;
    teller.stage(Stage::Start);
    let services = Services::new(settings(order));
    let flags = Flags::default();
    tokio::select! {
        started = services.start(&built.site.lab, &order.plan) => started?,
        never = flags.tell(&built.site, teller) => match never {},
    }
    Ok(Standing { built, services, faults: Faults::default(), flags, fallen: RefCell::default() })
}

fn entrances(built: &Built) -> Result<Entrances, KernelError> {
    let lab = &built.site.lab;
    let node = |node: &plan::Node| {
        let (network, names) = (lab.node(&node.name).give_file()?, lab.names_of(&node.name)?);
        Ok((node.name.clone(), Entrance { network, names }))
    };
    let tap = |port: &Port| Tap {
        port: port.name.clone(),
        ifindex: port.ifindex,
        tag: port.tag,
        node: port.node.clone(),
        link: port.link.clone(),
        segment: port.segment.clone(),
    };
    Ok(Entrances {
        fabric: lab.fabric.give_file()?,
        nodes: built.site.plan.nodes.iter().map(node).collect::<Result<_, KernelError>>()?,
        taps: built.site.ports.iter().map(tap).collect(),
    })
}

/// Serves until the end is asked for: judges, and carries out faults beside that, one after the other.
async fn serve(order: &Order, teller: &Teller, asks: &mut Asks, standing: &Standing) {
    let mut forget = interval_at(Instant::now() + FORGET_EVERY, FORGET_EVERY);
    let mut judging: OptionFuture<LocalBoxFuture<'_, Event>> = None.into();
    let mut faulting: OptionFuture<LocalBoxFuture<'_, Event>> = None.into();
    let (mut judges, mut faults) = (false, false);
    let mut waiting: VecDeque<Asked> = VecDeque::new();
    loop {
        if !faults && let Some(asked) = waiting.pop_front() {
            faulting = Some(fault(order, standing, asked).boxed_local()).into();
            faults = true;
        }
        tokio::select! {
            ask = asks.next() => match ask {
                Ask::End => return,
                Ask::Fault { number, fault } => waiting.push_back(Asked { number, fault }),
                // The owner asks for one judgement at a time.
                Ask::Judge { folder } => {
                    let judged = async move {
                        let judged = judge(order, teller, standing, &folder).await;
                        judged.map_or_else(Event::NotJudged, |seen| Event::Observed(Box::new(seen)))
                    };
                    judging = Some(judged.boxed_local()).into();
                    judges = true;
                }
            },
            Some(judged) = &mut judging, if judges => {
                (judging, judges) = (None.into(), false);
                teller.tell(&judged);
            }
            Some(done) = &mut faulting, if faults => {
                (faulting, faults) = (None.into(), false);
                teller.tell(&done);
            }
            error = standing.services.failure(), if !judges => standing.fell(error.into(), teller),
            _ = forget.tick(), if !judges => {
                if let Err(failure) = begin_stretch(standing, None) {
                    teller.tell(&Event::Warning { text: failure.text });
                }
            }
        }
    }
}

/// Carries out a fault that somebody asked for by hand.
async fn fault(order: &Order, standing: &Standing, asked: Asked) -> Event {
    let ground = Ground {
        site: &standing.built.site,
        services: &standing.services,
        folder: &order.folder,
        patience: order.patience,
    };
    let done = standing.faults.carry_out(&asked.fault, true, ground).await;
    Event::Faulted {
        number: asked.number,
        done: done.map_err(Failure::from),
        in_force: standing.faults.in_force(),
    }
}

/// Carries out the checks on the lab as it stands, and nothing of what was seen before counts as seen now.
async fn judge(
    order: &Order,
    teller: &Teller,
    standing: &Standing,
    folder: &Path,
) -> Result<Observations, Failure> {
    if let Some(fallen) = standing.fallen.borrow().first() {
        return Err(fallen.clone());
    }
    begin_stretch(standing, Some(folder))?;
    let in_force = standing.faults.in_force();
    take_snapshots(&standing.built.site, &folder.join("before")).await?;
    let connections = listen_to_connections(&standing.built.site, folder)?;
    let probed =
        exercise_and_probe(order, teller, &standing.built, &standing.services, &standing.faults).await;
    let probed = match probed {
        Ok(probed) => probed,
        Err(error) => {
            let failure = Failure::from(error);
            standing.fell(failure.clone(), teller);
            return Err(failure);
        }
    };
    teller.stage(Stage::End);
    take_snapshots(&standing.built.site, &folder.join("after")).await?;
    let tracked = connections.end().map_err(|error| ours(error.to_string()))?;
    standing.flags.look(&standing.built.site, teller);
    let beside = Beside {
        facts: standing.services.board.all(),
        faults: standing.faults.seen(),
        in_force,
        tracked,
        flagged: standing.flags.all(),
        run: order.run,
        patience: order.patience,
    };
    end_stretch(&standing.built, probed, beside, folder)
}

/// From here on everything is counted from nothing.
fn begin_stretch(standing: &Standing, folder: Option<&Path>) -> Result<(), Failure> {
    let Built { site, copy, .. } = &standing.built;
    standing.services.board.turn();
    standing.faults.turn();
    for (site, file) in [(site, RunFile::Capture), (copy, RunFile::OpenCopy)] {
        let file = folder.map(|folder| folder.join(file.path()));
        site.begin(file.as_deref()).map_err(capture_failed)?;
    }
    Ok(())
}

impl Standing {
    fn fell(&self, failure: Failure, teller: &Teller) {
        teller.tell(&Event::Fallen(failure.clone()));
        self.fallen.borrow_mut().push(failure);
    }
}
