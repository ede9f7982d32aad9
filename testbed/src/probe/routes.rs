//! Looks up the routes that checks ask for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Site;
use crate::kernel::routes::lookups;
use crate::names::NodeName;
use crate::observation::RouteSeen;
use crate::plan::Word;

/// Each lookup by the node's own routing. What cannot be asked is left out, and told in the log.
pub async fn look_up_routes(site: &Site) -> Vec<RouteSeen> {
    let mut wanted: BTreeMap<&NodeName, Vec<IpAddr>> = BTreeMap::new();
    for check in &site.plan.checks {
        if let Word::Carries { node, routes, .. } = &check.word {
            wanted.entry(node).or_default().extend(routes.iter().map(|asked| asked.to));
        }
    }
    let mut seen = Vec::new();
    for (node, mut to) in wanted {
        to.sort();
        to.dedup();
        match lookups(site.lab.node(node), &to).await {
            Ok(found) => {
                seen.extend(found.into_iter().map(|(to, link)| RouteSeen { node: node.clone(), to, link }))
            }
            Err(error) => tracing::warn!(%node, %error, "its routes are not known"),
        }
    }
    seen
}
