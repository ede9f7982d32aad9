//! Looks at the addresses of the nodes that ask for theirs.

use super::Site;
use crate::kernel::addresses::addresses;
use crate::observation::{AddressesSeen, Moment};

/// The addresses of every node with a link that asks for one or is advised of one. What cannot be read is left out, and told in the log.
pub async fn look_at_addresses(site: &Site, moment: Moment) -> Vec<AddressesSeen> {
    let mut seen = Vec::new();
    for node in site
        .plan
        .nodes
        .iter()
        .filter(|node| node.links.iter().any(|link| link.leased.is_some() || !link.advised.is_empty()))
    {
        let links: Vec<_> = node.links.iter().map(|link| link.name.clone()).collect();
        match addresses(site.lab.node(&node.name), &links).await {
            Ok(addresses) => seen.push(AddressesSeen { node: node.name.clone(), moment, addresses }),
            Err(error) => tracing::warn!(node = %node.name, %error, "its addresses are not known"),
        }
    }
    seen
}
