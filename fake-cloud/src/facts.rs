//! Facts on their way out: the one place that talks to the pipe, and what happens when nobody listens.

use fake_facts::{Fact, Teller};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::journal::Journal;
use crate::service::Service;
use crate::tls::Peer;

/// Says facts; when the pipe breaks the cloud is told to stop, since nobody would see what it does.
pub(crate) struct Facts {
    teller: Teller,
    journal: Option<Journal>,
    stop: CancellationToken,
}

impl Facts {
    /// Says them on `teller`, and cancels `stop` when that fails.
    pub(crate) fn new(teller: Teller, stop: CancellationToken) -> Self {
        Self { teller, journal: None, stop }
    }

    /// Writes what is stored to `journal` too.
    pub(crate) fn kept_in(self, journal: Journal) -> Self {
        Self { journal: Some(journal), ..self }
    }

    /// Says one fact.
    pub(crate) fn say(&self, fact: Fact) {
        if let Err(error) = self.teller.tell(fact) {
            error!(%error, "nobody listens to the facts any more, stopping");
            self.stop.cancel();
        }
    }

    pub(crate) fn accepted(&self, service: Service, peer: &Peer, identity: &str) {
        self.say(Fact::Accepted {
            service: service.to_string(),
            peer: peer.socket,
            identity: identity.into(),
            sni: peer.sni.clone(),
            alpn: peer.alpn.clone(),
            tls: peer.tls.clone(),
        });
    }

    pub(crate) fn refused(&self, service: impl ToString, peer: std::net::SocketAddr, reason: impl ToString) {
        let reason = reason.to_string().replace(['\n', '\r'], " ");
        self.say(Fact::Refused { service: service.to_string(), peer, reason });
    }

    pub(crate) fn stored(&self, service: Service, name: &str, bytes: usize) {
        if let Some(journal) = &self.journal {
            journal.add(service.word(), name, bytes as u64);
        }
        self.say(Fact::Stored { service: service.to_string(), name: name.into(), bytes: bytes as u64 });
    }
}
