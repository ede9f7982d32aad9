//! A lab that stays: built and started once, judged as often as asked for, until its end is asked for.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, interval_at};

use crate::event::{Entrance, Entrances, Event, Failure, Stage, Tap};
use crate::kernel::join;
use crate::observation::Observations;
use crate::run::order::{Ask, Order};
use crate::services::Services;
use crate::tap::Port;

use super::asks::Asks;
use super::build::{Built, build, settings, take_snapshots};
use super::probing::{capture_failed, end_stretch, exercise_and_probe};
use super::teller::Teller;
use super::{interrupted, ours};

/// How often a lab forgets what it saw while nobody judges it, so that it may stand for days.
const FORGET_EVERY: Duration = Duration::from_secs(30);

/// A lab that stands.
struct Standing {
    built: Built,
    services: Services,
    /// Services that ended by themselves: no judgement is made of a lab that lacks one.
    fallen: Vec<Failure>,
}

/// Builds and starts the lab, then serves what is asked until the end is.
///
/// Errors: the lab could not be built or started, or the end was asked for before it stood.
pub(super) async fn stay(order: &Order, teller: &Teller, asks: &mut Asks) -> Result<(), Failure> {
    let raised = tokio::select! {
        raised = raise(order, teller) => raised?,
        () = asks.end() => return Err(interrupted()),
    };
    let mut standing = raised;
    let doors = join::Doors::of_this_lab().and_then(|doors| asks.hand_over(&doors));
    doors.map_err(|error| ours(format!("the way into the lab could not be handed over: {error}")))?;
    teller.tell(&Event::Standing(entrances(&standing.built)));
    serve(order, teller, asks, &mut standing).await;
    teller.stage(Stage::End);
    standing.services.stop().await;
    Ok(())
}

async fn raise(order: &Order, teller: &Teller) -> Result<Standing, Failure> {
    let built = build(order, teller).await?;
    teller.stage(Stage::Start);
    let mut services = Services::new(settings(order));
    services.start(&built.site.lab, &order.plan).await?;
    Ok(Standing { built, services, fallen: Vec::new() })
}

fn entrances(built: &Built) -> Entrances {
    let lab = &built.site.lab;
    let node = |node: &crate::plan::Node| {
        let entrance = Entrance { network: lab.node(&node.name).path(), names: lab.names_of(&node.name) };
        (node.name.clone(), entrance)
    };
    let tap = |port: &Port| Tap {
        port: port.name.clone(),
        ifindex: port.ifindex,
        tag: port.tag,
        node: port.node.clone(),
        link: port.link.clone(),
        segment: port.segment.clone(),
    };
    Entrances {
        fabric: lab.fabric.path(),
        nodes: built.site.plan.nodes.iter().map(node).collect(),
        taps: built.site.ports.iter().map(tap).collect(),
    }
}

/// Serves until the end is asked for.
async fn serve(order: &Order, teller: &Teller, asks: &mut Asks, standing: &mut Standing) {
    let mut forget = interval_at(Instant::now() + FORGET_EVERY, FORGET_EVERY);
    loop {
        let ask = tokio::select! {
            ask = asks.next() => ask,
            error = standing.services.failure() => {
                standing.fell(error.into(), teller);
                continue;
            }
            _ = forget.tick() => {
                if let Err(failure) = begin_stretch(standing, None) {
                    teller.tell(&Event::Warning { text: failure.text });
                }
                continue;
            }
        };
        match ask {
            Ask::End => return,
            Ask::Judge { folder } => {
                let judged = tokio::select! {
                    judged = judge(order, teller, standing, &folder) => judged,
                    // The owner asks for one judgement at a time. A fault may come meanwhile: then it belongs here, too.
                    () = asks.end() => return,
                };
                teller.tell(&judged.map_or_else(Event::NotJudged, |seen| Event::Observed(Box::new(seen))));
            } // Here a fault is carried out, on `standing.built.site` and `standing.services`.
        }
    }
}

/// Carries out the checks on the lab as it stands, and nothing of what was seen before counts as seen now.
async fn judge(
    order: &Order,
    teller: &Teller,
    standing: &mut Standing,
    folder: &Path,
) -> Result<Observations, Failure> {
    if let Some(fallen) = standing.fallen.first() {
        return Err(fallen.clone());
    }
    begin_stretch(standing, Some(folder))?;
    take_snapshots(&standing.built.site, &folder.join("before")).await?;
    let probed = exercise_and_probe(order, teller, &standing.built, &mut standing.services).await;
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
    let facts = standing.services.board.all();
    end_stretch(&standing.built, probed).map(|seen| Observations { facts, ..seen })
}

/// From here on everything is counted from nothing.
fn begin_stretch(standing: &Standing, folder: Option<&Path>) -> Result<(), Failure> {
    let Built { site, copy, .. } = &standing.built;
    standing.services.board.turn();
    for (site, file) in [(site, "capture.pcapng"), (copy, "open-copy.pcapng")] {
        let file = folder.map(|folder| folder.join(file));
        site.begin(file.as_deref()).map_err(capture_failed)?;
    }
    Ok(())
}

impl Standing {
    fn fell(&mut self, failure: Failure, teller: &Teller) {
        teller.tell(&Event::Fallen(failure.clone()));
        self.fallen.push(failure);
    }
}
