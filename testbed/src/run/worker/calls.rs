//! Has operators call a cloud: first what must be refused, then what an appliance is to do, and waits until each is over.

use std::time::Duration;

use fake_facts::Fact;
use serde_json::json;

use super::orders::settle;
use crate::fault::Ground;
use crate::names::NodeName;
use crate::observation::{ChangeSeen, NodeFact};
use crate::plan::{Check, ServiceKind, Word};
use crate::scenario::model::CloudService;
use crate::verdict::calls::order;

/// How long a call may take beside what is waited for: names, a connection, TLS, an answer, some times over.
const CALLED_WITHIN: Duration = Duration::from_secs(30);

/// Carries a `calls` out; what does not come about shows in the facts, and is for the verdict to see. While the appliance works the
/// site is in upheaval, as by a fault, until monitoring goes on regularly: none where nothing is done.
pub(super) async fn make(check: &Check, ground: Ground<'_>) -> Option<ChangeSeen> {
    let Word::Calls { by, of, cloud, does, refuses, at: services, within, session, signature } = &check.word
    else {
        return None;
    };
    let desk = Desk { by, of, check, ground, services, signature: *signature };
    // Side by side: what has to wait until something has ended does so at once.
    let mut error = None;
    let mut said = Vec::new();
    for wrong in refuses {
        match desk.say(wrong.word(), *within).await {
            Ok(order) => said.push((wrong.word(), order)),
            Err(why) => error = error.or(Some(why)),
        }
    }
    for (what, order) in said {
        let longest = (*session).max(*signature);
        error = error.or(desk.wait(what, &order, *within, longest).await.err());
    }
    let at = fake_facts::now();
    for kind in does {
        error = error.or(desk.have(kind.word(), *within).await.err());
    }
    let is_its = |service: &&crate::plan::Service| {
        service.node == *cloud && matches!(service.kind, ServiceKind::Cloud { .. })
    };
    if let Some(service) = ground.site.plan.services.iter().find(is_its).filter(|_| !does.is_empty()) {
        settle(of, &service.kind, ground).await;
    }
    let end = fake_facts::now();
    let told = !does.is_empty() || error.is_some();
    told.then(|| ChangeSeen {
        check: check.name.clone(),
        at,
        then_at: end,
        end_at: end,
        error,
        done: Default::default(),
    })
}

/// Where the operator sits.
struct Desk<'a> {
    by: &'a NodeName,
    of: &'a NodeName,
    check: &'a Check,
    ground: Ground<'a>,
    /// Where wrong calls are made.
    services: &'a [CloudService],
    /// For how long one is kept.
    signature: Duration,
}

/// What was said to an operator: its name, and when.
struct Said {
    name: String,
    since: u64,
}

impl Desk<'_> {
    /// Has it do one thing, and waits until it has.
    async fn have(&self, what: &str, within: Duration) -> Result<(), String> {
        let order = self.say(what, within).await?;
        self.wait(what, &order, within, Duration::ZERO).await
    }

    /// Tells it to do one thing.
    async fn say(&self, what: &str, within: Duration) -> Result<Said, String> {
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
            "within_ms": milliseconds(within * patience),
            "at": self.services.iter().map(|service| service.word()).collect::<Vec<_>>(),
            "signatures_ms": milliseconds(self.signature),
        });
        let said = self.ground.services.say(place, &line.to_string()).await;
        said.map_err(|error| error.to_string())?;
        Ok(Said { name, since })
    }

    /// Waits until it has done that, which takes so much longer than usual.
    async fn wait(
        &self,
        what: &str,
        Said { name, since }: &Said,
        within: Duration,
        longer: Duration,
    ) -> Result<(), String> {
        let over = |facts: &[NodeFact]| ended(facts, self.by, name, *since);
        let longest = (within + CALLED_WITHIN) * self.ground.patience + longer;
        let told = self.ground.services.board.wait_for(longest, over).await;
        told.unwrap_or_else(|| Err(format!("{} made no end of `{what}`", self.by)))
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whether it has done what it was told since; an error where it did not understand what it was told, whatever that was.
fn ended(facts: &[NodeFact], by: &NodeName, name: &str, since: u64) -> Option<Result<(), String>> {
    let said = facts.iter().filter(|fact| fact.node == *by && fact.line.at >= since);
    said.into_iter().find_map(|fact| match &fact.line.fact {
        Fact::CallsOver { order } if order == name => Some(Ok(())),
        Fact::Failed { what, error, .. } if what == "order" => {
            Some(Err(format!("{by} refused an order: {error}")))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use fake_facts::Line;

    use super::*;

    #[test]
    fn an_order_that_is_not_understood_is_waited_for_no_longer() {
        let by: NodeName = "desk".parse().unwrap();
        let told = |at, fact| NodeFact { node: by.clone(), line: Line { at, fact } };
        let refused =
            told(5, Fact::Failed { what: "order".into(), about: None, error: "no such word".into() });
        let over = told(6, Fact::CallsOver { order: "o-1".into() });
        let ended = |facts: &[NodeFact], since| ended(facts, &by, "o-1", since);
        assert_eq!(ended(std::slice::from_ref(&over), 5), Some(Ok(())));
        assert_eq!(ended(&[], 5), None);
        assert_eq!(ended(std::slice::from_ref(&refused), 6), None, "that was an earlier one");
        assert_eq!(ended(&[refused, over], 5), Some(Err("desk refused an order: no such word".into())));
    }
}
