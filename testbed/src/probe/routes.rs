//! Looks up the routes that checks ask for, and those that a hostile camera says lead over itself.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Site;
use crate::kernel::routes::{Led, lookups};
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
    for misled in site.plan.misled() {
        wanted.entry(misled.node).or_default().push(misled.about);
    }
    let mut seen = Vec::new();
    for (node, mut to) in wanted {
        to.sort();
        to.dedup();
        match lookups(site.lab.node(node), &to).await {
            Ok(found) => {
                let route = |(to, Led { link, via, redirected })| RouteSeen {
                    node: node.clone(),
                    to,
                    link,
                    via,
                    redirected,
                };
                seen.extend(found.into_iter().map(route));
            }
            Err(error) => tracing::warn!(%node, %error, "its routes are not known"),
        }
    }
    seen
}
