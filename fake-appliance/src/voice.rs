//! Facts, told from any task; when nobody reads them any more, the appliance ends.

use std::fmt::Display;
use std::sync::Arc;

use fake_facts::{Fact, Teller};
use tokio::sync::watch;
use tracing::{debug, error};

/// Where facts go. Clones tell to the same place.
#[derive(Clone)]
pub(crate) struct Voice {
    teller: Arc<Teller>,
    unheard: Arc<watch::Sender<bool>>,
}

impl Voice {
    pub(crate) fn new(teller: Arc<Teller>) -> Self {
        Self { teller, unheard: Arc::new(watch::channel(false).0) }
    }

    pub(crate) fn tell(&self, fact: Fact) {
        if let Err(problem) = self.teller.tell(fact) {
            error!(%problem, "facts cannot be told");
            self.unheard.send_replace(true);
        }
    }

    /// Something did not work and will be tried again.
    pub(crate) fn failed(&self, what: &str, about: Option<&str>, problem: impl Display) {
        // Some libraries explain themselves over many lines; the fact takes one.
        let problem = problem.to_string();
        debug!(what, about, problem, "failed");
        let error = problem.lines().next().unwrap_or_default().trim().to_owned();
        self.tell(Fact::Failed { what: what.to_owned(), about: about.map(str::to_owned), error });
    }

    pub(crate) fn delivered(&self, service: &str, name: &str) {
        self.tell(Fact::Delivered { service: service.to_owned(), name: name.to_owned() });
    }

    /// Returns when a fact could not be told.
    pub(crate) async fn unheard(&self) {
        let mut unheard = self.unheard.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = unheard.wait_for(|unheard| *unheard).await;
    }
}
