//! Names, looked up again by a node before it opens something: where answers fill sets of rules, the way stands open to whoever
//! has just asked, and a client that connects asks first.

use std::io;
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RecordType};
use tokio::net::UdpSocket;

use super::Site;
use super::open::{AskError, any};
use crate::kernel::Namespace;
use crate::names::NodeName;
use crate::plan::{Open, Plan, ServiceKind};

/// Names that are looked up again for one address at most.
const MOST_NAMES: usize = 8;

/// What is asked before something is opened.
pub(super) struct Lookups {
    server: IpAddr,
    names: Vec<Name>,
    kind: RecordType,
}

impl Lookups {
    /// The names by which the opener itself came to the address, where its name server fills sets of rules; else none, since
    /// an answer changes nothing there.
    pub(super) fn before(site: &Site, open: &Open) -> Option<Self> {
        let server = filling(&site.plan, &open.from)?;
        let names = site.watch.names_of(&open.from, open.address);
        let names = names.iter().filter_map(|name| Name::from_ascii(name).ok());
        let names: Vec<Name> = names.take(MOST_NAMES).map(fully_qualified).collect();
        let kind = if open.address.is_ipv4() { RecordType::A } else { RecordType::AAAA };
        (!names.is_empty()).then_some(Self { server, names, kind })
    }

    /// Asks for all of them, and returns when all are answered, however.
    pub(super) async fn ask(&self, namespace: &Namespace) -> Result<(), AskError> {
        let all = self.names.iter().map(|name| ask_one(namespace, self.server, name, self.kind));
        futures_util::future::try_join_all(all).await.map(drop)
    }
}

/// Has a node ask a name server for the addresses of a name, of one family, in these very letters, and returns when that has
/// answered, however.
///
/// Errors: no socket, or the server refuses; there is no deadline.
pub(crate) async fn ask(namespace: &Namespace, server: IpAddr, name: &str, v6: bool) -> Result<(), AskError> {
    let name = Name::from_ascii(name).map(fully_qualified).map_err(io::Error::other)?;
    ask_one(namespace, server, &name, if v6 { RecordType::AAAA } else { RecordType::A }).await
}

async fn ask_one(
    namespace: &Namespace,
    server: IpAddr,
    name: &Name,
    kind: RecordType,
) -> Result<(), AskError> {
    let bound = namespace.inside(|| std::net::UdpSocket::bind(SocketAddr::new(any(server), 0)))??;
    bound.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(bound)?;
    // Connected, so that nobody else's datagram passes for the answer.
    socket.connect(SocketAddr::new(server, 53)).await?;
    socket.send(&question(name, kind)).await?;
    socket.recv(&mut [0; 512]).await?;
    Ok(())
}

fn fully_qualified(mut name: Name) -> Name {
    name.set_fqdn(true);
    name
}

fn question(name: &Name, kind: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name.clone(), kind));
    message.to_vec().expect("a question about one name fits")
}

/// Whether answers about names, of a server that a node asks, open the way to what they name.
pub(crate) fn fills(plan: &Plan, node: &NodeName) -> bool {
    filling(plan, node).is_some()
}

/// The first of a node's name servers that fills sets.
fn filling(plan: &Plan, node: &NodeName) -> Option<IpAddr> {
    let servers = &plan.node(node)?.nameservers;
    let fills = |server: &&IpAddr| {
        plan.services.iter().any(|service| {
            matches!(&service.kind, ServiceKind::Resolver { listen, sets, .. } if !sets.is_empty() && listen.contains(server))
        })
    };
    servers.iter().find(fills).copied()
}
