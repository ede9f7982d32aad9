//! Has the cloud's clients meet peers that they must refuse; what comes of it is seen at the taps.

use std::time::Duration;

use fake_facts::Fact;
use serde_json::json;

use crate::fault::Ground;
use crate::names::NodeName;
use crate::observation::NodeFact;
use crate::plan::ServiceKind;
use crate::scenario::model::{StandIn, TlsVersion};

/// Services that are asked again and again, so that nobody need be told to come.
const SERVICES: [&str; 2] = ["monitoring", "logs"];
/// How long the peers may take to be there: some make keys first.
const PLACED_WITHIN: Duration = Duration::from_secs(20);
/// How long it may take until all have been met: clients that fail wait up to 5 s before they come again.
const MET_WITHIN: Duration = Duration::from_secs(40);

/// Puts those in place that must be taken, then those that must be refused, and waits until each has met a client. What
/// does not come about shows in the facts, and is for the verdict to see.
pub(super) async fn meet(cloud: &NodeName, min: TlsVersion, refuses: &[StandIn], ground: Ground<'_>) {
    let kinds: Vec<&str> =
        min.good_peers().iter().copied().chain(refuses.iter().map(|one| one.words().0)).collect();
    let is_cloud = |service: &crate::plan::Service| {
        service.node == *cloud && matches!(service.kind, ServiceKind::Cloud { .. })
    };
    let Some(place) = ground.site.plan.services.iter().position(is_cloud) else { return };
    let since = fake_facts::now();
    let order = json!({ "place": kinds, "services": SERVICES }).to_string();
    if let Err(error) = ground.services.say(place, &order).await {
        tracing::warn!(%error, %cloud, "it does not listen");
        return;
    }
    let of_cloud = |fact: &&NodeFact| fact.node == *cloud && fact.line.at >= since;
    let board = &ground.services.board;
    let placed = board.wait_for(PLACED_WITHIN * ground.patience, |facts| {
        facts.iter().filter(of_cloud).find_map(|fact| match &fact.line.fact {
            Fact::StandInsPlaced { .. } => Some(true),
            Fact::Failed { what, .. } if what == "place" => Some(false),
            _ => None,
        })
    });
    if placed.await == Some(true) {
        let met = |facts: &[NodeFact]| {
            let met = facts.iter().filter(of_cloud);
            let met = met.filter(|fact| matches!(fact.line.fact, Fact::StoodIn { .. }));
            (met.count() >= kinds.len()).then_some(())
        };
        board.wait_for(MET_WITHIN * ground.patience, met).await;
    }
}
