//! Puts an appliance to the test with a cloud at which things go wrong, and waits until it has got through; whether it did is for the
//! verdict to see.

use std::time::Duration;

use fake_facts::Fact;
use serde_json::json;

use super::stand_ins::{met, place_of, put};
use crate::fault::Ground;
use crate::names::NodeName;
use crate::observation::{ChangeSeen, NodeFact};
use crate::plan::{Check, Word};
use crate::scenario::model::CloudService;
use crate::verdict::endures::{self, is_throttled};

/// How long the cloud may take to say that it refuses more.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// Carries an `endures` out. The site is in upheaval meanwhile, as by a fault.
pub(super) async fn endure(check: &Check, ground: Ground<'_>) -> ChangeSeen {
    let at = fake_facts::now();
    let error = all(check, ground).await.err();
    let end = fake_facts::now();
    ChangeSeen { check: check.name.clone(), at, then_at: end, end_at: end, error, done: Default::default() }
}

async fn all(check: &Check, ground: Ground<'_>) -> Result<(), String> {
    let Word::Endures { cloud, throttled, meets, within, .. } = &check.word else { return Ok(()) };
    let place = place_of(cloud, ground).ok_or("there is no such cloud")?;
    let board = &ground.services.board;
    let longest = *within * ground.patience;
    settle(check, ground).await;
    refuse_more(check, place, ground).await?;
    let through = |facts: &[NodeFact]| {
        let is_through = |(service, many): (&CloudService, &u32)| {
            let refused = refusals(facts, cloud, *service);
            let last = refused.last().copied().filter(|_| refused.len() >= *many as usize);
            last.is_some_and(|last| is_stored(facts, cloud, *service, last))
        };
        throttled.iter().all(is_through).then_some(())
    };
    board.wait_for(longest, through).await;
    if meets.is_empty() {
        return Ok(());
    }
    let kinds: Vec<&str> = meets.iter().map(|one| one.words().0).collect();
    let since = fake_facts::now();
    put(place, cloud, &kinds, &CloudService::OFTEN_ASKED, ground).await?;
    met(cloud, kinds.len(), since, ground).await;
    let since = fake_facts::now();
    let back = |facts: &[NodeFact]| {
        CloudService::OFTEN_ASKED.iter().all(|one| is_stored(facts, cloud, *one, since)).then_some(())
    };
    board.wait_for(longest, back).await;
    Ok(())
}

/// Waits until every service has let something through behind what it has refused in this judgement.
async fn settle(check: &Check, ground: Ground<'_>) {
    let Word::Endures { of, cloud, throttled, within, .. } = &check.word else { return };
    let settled = |facts: &[NodeFact]| {
        throttled.keys().all(|service| is_through(facts, (of, cloud), *service)).then_some(())
    };
    ground.services.board.wait_for(*within * ground.patience, settled).await;
}

/// In a lab that stays, first requests, or some of them, were before this judgement: where a service has refused fewer than it should in
/// it and gets on, there are others of the kind.
async fn refuse_more(check: &Check, place: usize, ground: Ground<'_>) -> Result<(), String> {
    let Word::Endures { of, cloud, throttled, .. } = &check.word else { return Ok(()) };
    let facts = ground.services.board.all();
    let is_short = |service: CloudService, many: u32| {
        refusals(&facts, cloud, service).len() < many as usize && is_through(&facts, (of, cloud), service)
    };
    let short: Vec<_> = throttled.iter().filter(|(service, many)| is_short(**service, **many)).collect();
    if short.is_empty() {
        return Ok(());
    }
    let asked: serde_json::Map<String, serde_json::Value> =
        short.iter().map(|(service, many)| (service.word().to_owned(), (**many).into())).collect();
    let since = fake_facts::now();
    let order = json!({ "throttle": asked }).to_string();
    ground.services.say(place, &order).await.map_err(|error| error.to_string())?;
    let told = ground.services.board.wait_for(TOLD_WITHIN * ground.patience, |facts| {
        let mut said = facts.iter().filter(|fact| fact.node == *cloud && fact.line.at >= since);
        said.find_map(|fact| match &fact.line.fact {
            Fact::Throttles { .. } => Some(Ok(())),
            Fact::Failed { what, error, .. } if what == "throttle" => Some(Err(error.clone())),
            _ => None,
        })
    });
    told.await.unwrap_or_else(|| Err("the cloud does not refuse more".into()))?;
    // What an appliance does once, and a session that it keeps, begin anew with a restart.
    if short.iter().any(|(service, _)| !CloudService::OFTEN_ASKED.contains(service)) {
        let order = json!({ "give": "restart", "to": of, "name": format!("{}-restart", check.name) });
        ground.services.say(place, &order.to_string()).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// When a service has refused something as too much.
fn refusals(facts: &[NodeFact], cloud: &NodeName, service: CloudService) -> Vec<u64> {
    let of_cloud = facts.iter().filter(|fact| fact.node == *cloud);
    of_cloud.filter(|fact| is_throttled(&fact.line.fact, service)).map(|fact| fact.line.at).collect()
}

/// Whether a service has let something through, after all that it has refused; where it has refused nothing, in this judgement or before it.
fn is_through(facts: &[NodeFact], (of, cloud): (&NodeName, &NodeName), service: CloudService) -> bool {
    let delivered = |fact: &NodeFact| match &fact.line.fact {
        Fact::Delivered { service: at, .. } | Fact::Connected { service: at, .. } => {
            fact.node == *of && at == service.word()
        }
        _ => false,
    };
    match refusals(facts, cloud, service).last() {
        Some(last) => is_stored(facts, cloud, service, *last),
        None => is_stored(facts, cloud, service, 0) || facts.iter().any(delivered),
    }
}

/// Whether a service has let something through after that moment.
fn is_stored(facts: &[NodeFact], cloud: &NodeName, service: CloudService, after: u64) -> bool {
    facts.iter().any(|fact| {
        fact.node == *cloud && fact.line.at > after && endures::is_through(&fact.line.fact, service)
    })
}
