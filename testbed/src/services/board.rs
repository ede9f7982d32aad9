//! The board of facts: what the services have said so far, and who waits for what.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::observation::NodeFact;

/// All facts so far, in order of arrival; readers wait for it to grow.
#[derive(Debug)]
pub struct Board {
    facts: Mutex<Vec<NodeFact>>,
    count: watch::Sender<usize>,
}

impl Default for Board {
    fn default() -> Self {
        Self { facts: Mutex::default(), count: watch::Sender::new(0) }
    }
}

impl Board {
    /// Adds a fact and wakes who waits.
    pub fn add(&self, fact: NodeFact) {
        let mut facts = self.lock();
        facts.push(fact);
        self.count.send_replace(facts.len());
    }

    /// A copy of all facts so far.
    pub fn all(&self) -> Vec<NodeFact> {
        self.lock().clone()
    }

    /// Waits until `look` finds what it wants among all facts, at most for `patience`; none when the time is over.
    pub async fn wait_for<T>(
        &self,
        patience: Duration,
        look: impl Fn(&[NodeFact]) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut count = self.count.subscribe();
        loop {
            count.mark_unchanged();
            if let Some(found) = look(&self.lock()) {
                return Some(found);
            }
            match timeout_at(deadline, count.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return None,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<NodeFact>> {
        self.facts.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fake_facts::{Fact, Line};

    use super::*;

    fn fact(at: u64) -> NodeFact {
        let line = Line { at, fact: Fact::Bye { reason: "told to".into() } };
        NodeFact { node: "app".parse().unwrap(), line }
    }

    #[tokio::test]
    async fn a_waiter_is_woken_by_the_fact_it_waits_for() {
        let board = Arc::new(Board::default());
        board.add(fact(1));
        let waiter = tokio::spawn({
            let board = Arc::clone(&board);
            async move {
                let third = |facts: &[NodeFact]| (facts.len() == 3).then(|| facts[2].line.at);
                board.wait_for(Duration::from_secs(10), third).await
            }
        });
        board.add(fact(2));
        board.add(fact(3));
        assert_eq!(waiter.await.unwrap(), Some(3));
    }

    #[tokio::test]
    async fn a_waiter_gives_up_at_its_deadline() {
        let never = |_: &[NodeFact]| None::<()>;
        assert_eq!(Board::default().wait_for(Duration::from_millis(5), never).await, None);
    }
}
