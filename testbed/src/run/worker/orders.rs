//! Has an appliance do things by jobs of its cloud's, one after the other, and waits until what must come of each is told.

use std::time::Duration;

use fake_facts::Fact;
use serde_json::json;

use crate::fault::Ground;
use crate::names::NodeName;
use crate::observation::{ChangeSeen, NodeFact};
use crate::plan::{Check, ServiceKind, Word};
use crate::verdict::job::{self, Asked};

/// How long the cloud may take to give a job: it writes what is to be fetched, and may make a key.
const GIVEN_WITHIN: Duration = Duration::from_secs(10);

/// How long monitoring may take beyond its own time to go on regularly.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);
/// Answers to monitoring after the last job: one may be late, since the appliance had to come back, the next is not.
const SETTLED: usize = 2;

/// Carries a `job` out; what does not come about shows in the facts, and is for the verdict to see. From the first that does not
/// end in time nothing more is given. The site is in upheaval meanwhile, as by a fault, until monitoring goes on regularly.
pub(super) async fn give(check: &Check, ground: Ground<'_>) -> ChangeSeen {
    let at = fake_facts::now();
    let error = all(check, ground).await.err();
    let end = fake_facts::now();
    ChangeSeen { check: check.name.clone(), at, then_at: end, end_at: end, error, done: Default::default() }
}

async fn all(check: &Check, ground: Ground<'_>) -> Result<(), String> {
    let Word::Job { of, cloud, does, spoiled, within, every } = &check.word else { return Ok(()) };
    let plan = &ground.site.plan;
    let is_cloud = |service: &crate::plan::Service| {
        service.node == *cloud && matches!(service.kind, ServiceKind::Cloud { .. })
    };
    let place = plan.services.iter().position(is_cloud).ok_or("there is no such cloud")?;
    for kind in does {
        let since = fake_facts::now();
        let order = json!({
            "give": kind.word(), "to": of, "name": job::prefix(&check.name, *kind), "spoiled": spoiled,
            "every_ms": u64::try_from(every.as_millis()).unwrap_or(u64::MAX),
        });
        ground.services.say(place, &order.to_string()).await.map_err(|error| error.to_string())?;
        let board = &ground.services.board;
        let refused = |facts: &[NodeFact]| given(facts, cloud, since);
        board.wait_for(GIVEN_WITHIN * ground.patience, refused).await.ok_or("the cloud gave nothing")??;
        let asked = Asked { plan, check: &check.name, of, cloud, kind: *kind, spoiled: *spoiled };
        let done = |facts: &[NodeFact]| asked.is_over(facts, since).then_some(());
        let is_over = board.wait_for(*within * ground.patience, done).await.is_some();
        if !is_over && !asked.has_ended(&board.all(), since) {
            return Ok(());
        }
    }
    settle(of, &plan.services[place].kind, ground).await;
    Ok(())
}

/// Waits until monitoring goes on regularly, if the cloud monitors this appliance.
pub(super) async fn settle(of: &NodeName, cloud: &ServiceKind, ground: Ground<'_>) {
    let ServiceKind::Cloud { monitors: Some(monitors), .. } = cloud else { return };
    if monitors.devices.contains(of) {
        let since = fake_facts::now();
        let regular = |facts: &[NodeFact]| (answers(facts, of, since) >= SETTLED).then_some(());
        let longest = monitors.every * SETTLED as u32 + SETTLED_WITHIN;
        ground.services.board.wait_for(longest * ground.patience, regular).await;
    }
}

/// How often a device has answered the monitoring since.
fn answers(facts: &[NodeFact], of: &NodeName, since: u64) -> usize {
    let is_one = |fact: &&NodeFact| {
        fact.line.at >= since
            && matches!(&fact.line.fact, Fact::Monitored { device, online: true, .. } if device == of.as_str())
    };
    facts.iter().filter(is_one).count()
}

/// Whether the cloud has given a job since, or why not.
fn given(facts: &[NodeFact], cloud: &NodeName, since: u64) -> Option<Result<(), String>> {
    let said = facts.iter().filter(|fact| fact.node == *cloud && fact.line.at >= since);
    said.into_iter().find_map(|fact| match &fact.line.fact {
        Fact::Ordered { .. } => Some(Ok(())),
        Fact::Failed { what, error, .. } if what == "give" => Some(Err(error.clone())),
        _ => None,
    })
}
