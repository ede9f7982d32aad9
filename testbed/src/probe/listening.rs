//! Looks who listens at the nodes that a check asks it of.

use std::net::SocketAddr;

use super::Site;
use crate::kernel::sockets::{self, Sockets};
use crate::names::{NodeName, Traffic};
use crate::observation::{Listening, ListeningSeen};
use crate::plan::{Check, Word};

/// Each node of a `listens`, as it is now; nothing for any other word.
pub fn look_who_listens(site: &Site, check: &Check) -> Vec<ListeningSeen> {
    let Word::Listens { of, .. } = &check.word else { return Vec::new() };
    of.iter().map(|node| look(site, check, node)).collect()
}

fn look(site: &Site, check: &Check, node: &NodeName) -> ListeningSeen {
    let read = sockets::read(site.lab.node(node)).map_err(|error| error.to_string());
    let read = read.and_then(|read| read.map_err(|error| error.to_string()));
    let (seen, error) = match read {
        Ok(seen) => (seen, None),
        Err(error) => (Sockets::default(), Some(error)),
    };
    let one = |port: fn(u16, u16) -> Traffic| {
        move |at: &SocketAddr| Listening { port: port(at.port(), at.port()), address: at.ip().to_canonical() }
    };
    let sockets = seen.tcp.iter().map(one(Traffic::Tcp)).chain(seen.udp.iter().map(one(Traffic::Udp)));
    ListeningSeen {
        check: check.name.clone(),
        node: node.clone(),
        at: fake_facts::now(),
        sockets: from_elsewhere(sockets),
        askers: from_elsewhere(seen.askers.iter().map(one(Traffic::Udp))),
        connections: seen.connections,
        canaries: seen.canaries,
        error,
    }
}

/// Those that others can speak to, in order, each once.
fn from_elsewhere(sockets: impl Iterator<Item = Listening>) -> Vec<Listening> {
    let mut sockets: Vec<_> = sockets.filter(|one| !one.address.is_loopback()).collect();
    sockets.sort_unstable();
    sockets.dedup();
    sockets
}
