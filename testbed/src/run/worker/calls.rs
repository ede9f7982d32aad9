//! Has operators call a cloud: first what must be refused, then what an appliance is to do, and waits until each is over.

use std::time::Duration;

use fake_facts::Fact;
use serde_json::json;

use super::orders::settle;
use crate::fault::Ground;
use crate::names::NodeName;
use crate::observation::{ChangeSeen, NodeFact};
use crate::plan::{Check, ServiceKind, Word};
use crate::verdict::calls::order;

/// How long a call may take beside what is waited for: names, a connection, TLS, an answer, some times over.
const CALLED_WITHIN: Duration = Duration::from_secs(30);

/// Carries a `calls` out; what does not come about shows in the facts, and is for the verdict to see. While the appliance works the
/// site is in upheaval, as by a fault, until monitoring goes on regularly: none where nothing is done.
pub(super) async fn make(check: &Check, ground: Ground<'_>) -> Option<ChangeSeen> {
    let Word::Calls { by, of, cloud, does, refuses, within, session } = &check.word else { return None };
    let desk = Desk { by, of, check, ground };
    let mut error = None;
    for wrong in refuses {
        error = error.or(desk.say(wrong.word(), *within, *session).await.err());
    }
    let at = fake_facts::now();
    for kind in does {
        error = error.or(desk.say(kind.word(), *within, Duration::ZERO).await.err());
    }
    let is_its = |service: &&crate::plan::Service| {
        service.node == *cloud && matches!(service.kind, ServiceKind::Cloud { .. })
    };
    if let Some(service) = ground.site.plan.services.iter().find(is_its).filter(|_| !does.is_empty()) {
        settle(of, &service.kind, ground).await;
    }
    let end = fake_facts::now();
    let told = !does.is_empty() || error.is_some();
    told.then(|| ChangeSeen { check: check.name.clone(), at, then_at: end, end_at: end, error })
}

/// Where the operator sits.
struct Desk<'a> {
    by: &'a NodeName,
    of: &'a NodeName,
    check: &'a Check,
    ground: Ground<'a>,
}

impl Desk<'_> {
    /// Has it do one thing, and waits until it has, which takes so much longer than usual.
    async fn say(&self, what: &str, within: Duration, longer: Duration) -> Result<(), String> {
        let plan = &self.ground.site.plan;
        let is_desk = |service: &crate::plan::Service| {
            service.node == *self.by && matches!(service.kind, ServiceKind::Operator { .. })
        };
        let place = plan.services.iter().position(is_desk).ok_or("nobody operates there")?;
        let (since, patience) = (fake_facts::now(), self.ground.patience);
        let name = order(&self.check.name, what);
        let line = json!({
            "order": name, "do": what, "device": self.of,
            // A judgement of a lab that stays has another version than the one before.
            "version": format!("8.{}.0", since / 1_000_000_000 % 1_000_000),
            "within_ms": u64::try_from((within * patience).as_millis()).unwrap_or(u64::MAX),
        });
        let said = self.ground.services.say(place, &line.to_string()).await;
        said.map_err(|error| error.to_string())?;
        let over = |facts: &[NodeFact]| is_over(facts, self.by, &name, since).then_some(());
        let longest = (within + CALLED_WITHIN) * patience + longer;
        let told = self.ground.services.board.wait_for(longest, over).await;
        told.ok_or_else(|| format!("{} made no end of `{what}`", self.by))
    }
}

fn is_over(facts: &[NodeFact], by: &NodeName, name: &str, since: u64) -> bool {
    facts.iter().any(|fact| {
        fact.node == *by
            && fact.line.at >= since
            && matches!(&fact.line.fact, Fact::CallsOver { order } if order == name)
    })
}
