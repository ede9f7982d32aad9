//! Has the cloud's clients meet peers that they must refuse; what comes of it is seen at the taps.

use std::time::Duration;

use fake_facts::Fact;
use serde_json::json;

use super::orders;
use crate::fault::Ground;
use crate::names::NodeName;
use crate::observation::{ChangeSeen, NodeFact};
use crate::plan::{Check, ServiceKind, Word};
use crate::scenario::model::CloudService;

/// How long the peers may take to be there: some make keys first.
const PLACED_WITHIN: Duration = Duration::from_secs(20);
/// How long it may take until all have been met: clients that fail wait up to 5 s before they come again.
const MET_WITHIN: Duration = Duration::from_secs(40);
/// How long it may take then until the cloud itself lets them in again.
const BACK_WITHIN: Duration = Duration::from_secs(15);

/// Puts those in place that must be taken, then those that must be refused, waits until each has met a client, and until clients
/// are back at the cloud itself. What does not come about shows in the facts, and is for the verdict to see. The site is in
/// upheaval meanwhile, as by a fault.
pub(super) async fn meet(check: &Check, ground: Ground<'_>) -> ChangeSeen {
    let at = fake_facts::now();
    let error = all(check, ground).await.err();
    let end = fake_facts::now();
    ChangeSeen { check: check.name.clone(), at, then_at: end, end_at: end, error, done: Default::default() }
}

async fn all(check: &Check, ground: Ground<'_>) -> Result<(), String> {
    let Word::Tls { min, refuses, instead_of, cloud: Some(cloud), .. } = &check.word else { return Ok(()) };
    let good = min.good_peers_for(instead_of).iter().copied();
    let kinds: Vec<&str> = good.chain(refuses.iter().map(|one| one.words().0)).collect();
    let place = place_of(cloud, ground).ok_or("there is no such cloud")?;
    let since = fake_facts::now();
    put(place, cloud, &kinds, instead_of, ground).await?;
    // What an appliance does once, it does again after a restart.
    for of in appliances(cloud, ground).filter(|_| instead_of.contains(&CloudService::S3)) {
        let order = json!({ "give": "restart", "to": of, "name": format!("{}-restart", check.name) });
        ground.services.say(place, &order.to_string()).await.map_err(|error| error.to_string())?;
    }
    met(cloud, kinds.len(), since, ground).await;
    if appliances(cloud, ground).next().is_some() {
        let board = &ground.services.board;
        let is_back = |facts: &[NodeFact], one: &CloudService| is_back(facts, cloud, one.word(), since);
        let back = |facts: &[NodeFact]| instead_of.iter().all(|one| is_back(facts, one)).then_some(());
        board.wait_for(BACK_WITHIN * ground.patience, back).await;
    }
    for of in appliances(cloud, ground)
        .filter(|_| instead_of.iter().any(|one| !CloudService::OFTEN_ASKED.contains(one)))
    {
        orders::settle(of, &ground.site.plan.services[place].kind, ground).await;
    }
    Ok(())
}

/// The cloud's place among the services.
pub(super) fn place_of(cloud: &NodeName, ground: Ground<'_>) -> Option<usize> {
    let is_cloud = |service: &crate::plan::Service| {
        service.node == *cloud && matches!(service.kind, ServiceKind::Cloud { .. })
    };
    ground.site.plan.services.iter().position(is_cloud)
}

/// Appliances of ours that have this cloud.
fn appliances<'a>(cloud: &NodeName, ground: Ground<'a>) -> impl Iterator<Item = &'a NodeName> {
    let services = ground.site.plan.services.iter();
    services.filter_map(move |service| match &service.kind {
        ServiceKind::Appliance { cloud: Some(one), .. } if one == cloud => Some(&service.node),
        _ => None,
    })
}

/// How often appliances of ours that have this cloud give signs of life.
fn monitor_every(cloud: &NodeName, ground: Ground<'_>) -> Option<Duration> {
    ground.site.plan.services.iter().find_map(|service| match &service.kind {
        ServiceKind::Appliance { cloud: Some(one), monitor_every, .. } if one == cloud => {
            Some(*monitor_every)
        }
        _ => None,
    })
}

/// Has peers wait for clients of these services.
pub(super) async fn put(
    place: usize,
    cloud: &NodeName,
    kinds: &[&str],
    services: &[CloudService],
    ground: Ground<'_>,
) -> Result<(), String> {
    let since = fake_facts::now();
    let services: Vec<&str> = services.iter().map(|one| one.word()).collect();
    let mut order = json!({ "place": kinds, "services": services });
    // What a job says that somebody else gives must change nothing, should it be taken of one with whom nothing is wrong.
    if let Some(every) = monitor_every(cloud, ground) {
        order["every_ms"] = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).into();
    }
    let order = order.to_string();
    ground.services.say(place, &order).await.map_err(|error| error.to_string())?;
    let placed = ground.services.board.wait_for(PLACED_WITHIN * ground.patience, |facts| {
        since_then(facts, cloud, since).find_map(|fact| match fact {
            Fact::StandInsPlaced { .. } => Some(Ok(())),
            Fact::Failed { what, error, .. } if what == "place" => Some(Err(error.clone())),
            _ => None,
        })
    });
    placed.await.unwrap_or_else(|| Err("no stand-in was there in time".into()))
}

/// Waits until so many have been met.
pub(super) async fn met(cloud: &NodeName, many: usize, since: u64, ground: Ground<'_>) {
    let met = |facts: &[NodeFact]| {
        let met = since_then(facts, cloud, since).filter(|fact| matches!(fact, Fact::StoodIn { .. }));
        (met.count() >= many).then_some(())
    };
    ground.services.board.wait_for(MET_WITHIN * ground.patience, met).await;
}

/// What a cloud has said since.
fn since_then<'a>(facts: &'a [NodeFact], cloud: &NodeName, since: u64) -> impl Iterator<Item = &'a Fact> {
    let said = facts.iter().filter(move |fact| fact.node == *cloud && fact.line.at >= since);
    said.map(|fact| &fact.line.fact)
}

/// Whether the cloud itself has let clients of a service in since the last of them met somebody else.
fn is_back(facts: &[NodeFact], cloud: &NodeName, service: &str, since: u64) -> bool {
    let told = since_then(facts, cloud, since).filter_map(|fact| match fact {
        Fact::StoodIn { service: at, .. } if at == service => Some(false),
        Fact::Accepted { service: at, .. } if at == service => Some(true),
        _ => None,
    });
    told.last().unwrap_or(true)
}
