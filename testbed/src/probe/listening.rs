//! Looks who listens at the nodes that a check asks it of.

use std::net::SocketAddr;
use std::time::Duration;

use super::Site;
use crate::kernel::sockets::{self, Sockets};
use crate::names::{NodeName, Traffic};
use crate::observation::{Listening, ListeningSeen};
use crate::plan::{Check, Plan, Service, ServiceKind, Word};

/// Each node of a `listens`, as it is now; nothing for any other word.
pub fn look_who_listens(site: &Site, check: &Check) -> Vec<ListeningSeen> {
    let Word::Listens { of, .. } = &check.word else { return Vec::new() };
    of.iter().map(|node| look(site, check, node)).collect()
}

/// How often those are looked at again that may only ask something.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The same at the end, and again until nobody is left of whom it is not known whether he listens or asks something: gone, or seen
/// for longer than anybody asks; some [`ListeningSeen::ASKS_FOR`] at most. `before`: what was seen earlier.
pub async fn look_until_told(site: &Site, check: &Check, before: &[ListeningSeen]) -> Vec<ListeningSeen> {
    let Word::Listens { of, at } = &check.word else { return Vec::new() };
    let mut seen = Vec::new();
    for node in of {
        let earlier = before.iter().filter(|one| one.check == check.name && one.node == *node);
        let mut looks: Vec<ListeningSeen> = earlier.cloned().collect();
        let known = looks.len();
        looks.push(look(site, check, node));
        let end = looks.last().map_or(0, |look| look.at);
        let lasted = |looks: &[ListeningSeen]| looks.last().map_or(0, |look| look.at.saturating_sub(end));
        while is_young(&looks, at) && lasted(&looks) <= ListeningSeen::ASKS_FOR {
            tokio::time::sleep(LOOK_EVERY).await;
            looks.push(look(site, check, node));
        }
        seen.extend(looks.split_off(known));
    }
    seen
}

/// Whether somebody undeclared was there at the last look, and for no longer than one may ask.
fn is_young(looks: &[ListeningSeen], at: &[Traffic]) -> bool {
    let Some(last) = looks.last() else { return false };
    last.askers.iter().filter(|socket| !at.contains(&socket.port)).any(|socket| {
        let with_it =
            looks.iter().rev().take_while(|look| look.error.is_some() || look.askers.contains(socket));
        let since = with_it.last().map_or(last.at, |look| look.at);
        last.at.saturating_sub(since) <= ListeningSeen::ASKS_FOR
    })
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
    let (leasing, sockets) = apart(sockets, asks_for_its_address(&site.plan, node));
    ListeningSeen {
        check: check.name.clone(),
        node: node.clone(),
        at: fake_facts::now(),
        sockets: from_elsewhere(sockets.into_iter()),
        askers: from_elsewhere(seen.askers.iter().map(one(Traffic::Udp)).chain(leasing)),
        connections: seen.connections,
        canaries: seen.canaries,
        error,
    }
}

/// The port at which whoever asks for an address by DHCP is answered (RFC 2131, section 4.1).
const DHCP_CLIENT: Traffic = Traffic::Udp(68, 68);

fn asks_for_its_address(plan: &Plan, node: &NodeName) -> bool {
    let asks = |one: &Service| one.node == *node && matches!(one.kind, ServiceKind::DhcpClient { .. });
    plan.services.iter().any(asks)
}

/// Those of a client of DHCP, which has a socket while it asks for its lease again, and all others.
fn apart(
    sockets: impl Iterator<Item = Listening>,
    asks_for_its_address: bool,
) -> (Vec<Listening>, Vec<Listening>) {
    sockets.partition(|socket| asks_for_its_address && socket.port == DHCP_CLIENT)
}

/// Those that others can speak to, in order, each once.
fn from_elsewhere(sockets: impl Iterator<Item = Listening>) -> Vec<Listening> {
    let mut sockets: Vec<_> = sockets.filter(|one| !one.address.is_loopback()).collect();
    sockets.sort_unstable();
    sockets.dedup();
    sockets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::example::of;

    #[test]
    fn a_client_of_dhcp_asks_at_its_port_and_nobody_else_does() {
        let at = |port| Listening { port: Traffic::Udp(port, port), address: [0; 4].into() };
        let sockets = || [at(67), at(68)].into_iter();
        assert_eq!(apart(sockets(), true), (vec![at(68)], vec![at(67)]));
        assert_eq!(apart(sockets(), false), (vec![], vec![at(67), at(68)]));
    }

    #[test]
    fn whoever_may_ask_is_looked_at_until_gone_or_known_to_listen() {
        let port = Traffic::Udp(41000, 41000);
        let after = |seconds: u64, there: bool| ListeningSeen {
            check: of("shut"),
            node: of("app"),
            at: seconds * 1_000_000_000,
            sockets: Vec::new(),
            askers: there.then(|| Listening { port, address: [0; 4].into() }).into_iter().collect(),
            connections: 1,
            canaries: [true; 2],
            error: None,
        };
        assert!(!is_young(&[], &[]) && !is_young(&[after(0, true), after(1, false)], &[]));
        assert!(is_young(&[after(1, true)], &[]) && is_young(&[after(0, true), after(15, true)], &[]));
        assert!(!is_young(&[after(0, true), after(8, true), after(16, true)], &[]), "it listens");
        assert!(is_young(&[after(0, true), after(8, false), after(16, true)], &[]), "it asks again");
        assert!(!is_young(&[after(1, true)], &[port]), "it is declared");
    }
}
