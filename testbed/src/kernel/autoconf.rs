//! Waits until links have taken their addresses from router advertisements, by the kernel's own word.

use std::net::IpAddr;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::{KernelError, Namespace, addresses};
use crate::plan::Node;

/// Waits until the node's links have what they should be advised of; false if that is not so at the deadline.
///
/// Errors: netlink's.
pub async fn wait(node: &Node, namespace: &Namespace, deadline: Instant) -> Result<bool, KernelError> {
    let failed = |error: std::io::Error| KernelError::Socket {
        operation: "listen for new addresses",
        node: namespace.name().to_owned(),
        cause: error,
    };
    // Listens before it looks, so that nothing falls between the two.
    let groups = [rtnetlink::MulticastGroup::Ipv6Ifaddr];
    let opened = namespace.inside(|| rtnetlink::new_multicast_connection(&groups))?;
    let (connection, _handle, mut changes) = opened.map_err(failed)?;
    let driver = tokio::spawn(connection);
    let links: Vec<_> = node.links.iter().map(|link| link.name.clone()).collect();
    let wanted: Vec<IpAddr> =
        node.links.iter().flat_map(|link| &link.advised).map(|net| net.addr()).collect();
    let complete = loop {
        let has = addresses::addresses(namespace, &links).await?;
        if wanted.iter().all(|wanted| has.iter().any(|(_, net)| net.addr() == *wanted)) {
            break true;
        }
        if !matches!(timeout_at(deadline, changes.next()).await, Ok(Some(_))) {
            break false;
        }
    };
    driver.abort();
    Ok(complete)
}
