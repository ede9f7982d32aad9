//! One run: build, start, exercise, probe, end.

use crate::event::{Failure, Stage};
use crate::fault::Faults;
use crate::observation::{Moment, Observations};
use crate::run::order::Order;
use crate::services::{ServiceError, Services};

use super::build::{Built, build, let_rules_count, listen_to_connections, settings, take_snapshots};
use super::flags::Flags;
use super::probing::{Beside, Probed, exercise_and_probe, finish, look_at_states};
use super::teller::Teller;

/// Carries out an order from the beginning to the end.
pub(super) async fn once(order: &Order, teller: &Teller) -> Result<Observations, Failure> {
    let built = build(order, teller).await?;
    if order.counting {
        let_rules_count(&built.site).await?;
    }
    let connections = listen_to_connections(&built.site, &order.run_folder)?;
    let mut states = look_at_states(&built.site, Moment::Built).await;
    teller.stage(Stage::Start);
    let (services, faults) = (Services::new(settings(order)), Faults::default());
    let flags = Flags::default();
    let served = tokio::select! {
        served = serve(order, teller, &built, &services, &faults) => served,
        never = flags.tell(&built.site, teller) => match never {},
    };
    flags.look(&built.site, teller);
    teller.stage(Stage::End);
    services.stop().await;
    let mut probed = served?;
    states.append(&mut probed.states);
    probed.states = states;
    take_snapshots(&built.site, &order.run_folder.join("after")).await?;
    let tracked = connections.end().map_err(|error| super::ours(error.to_string()))?;
    let beside = Beside {
        facts: services.board.all(),
        faults: faults.seen(),
        in_force: Vec::new(),
        tracked,
        flagged: flags.all(),
        run: order.run,
        patience: order.patience,
    };
    finish(built, probed, beside, &order.run_folder)
}

async fn serve(
    order: &Order,
    teller: &Teller,
    built: &Built,
    services: &Services,
    faults: &Faults,
) -> Result<Probed, ServiceError> {
    services.start(&built.site.lab, &order.plan).await?;
    exercise_and_probe(order, teller, built, services, faults).await
}
