//! Hides a canary at every tap of a site: what is searched for and not found there would have been found.

use std::time::{Duration, Instant};

use super::Site;
use super::sockets::Sockets;
use crate::plan::Carries;
use crate::tap::nonce::{self, Stray};
use crate::tap::{Direction, taint::canary};

/// How long frames may be under way.
const ARRIVE_WITHIN: Duration = Duration::from_secs(1);

/// Sends a frame with the tap's canary out of each link, and waits until the taps have seen them. One that cannot be
/// sent is not found, which says enough.
pub fn hide_canaries(site: &Site, patience: u32) {
    let mut sockets = Sockets::default();
    let mut sent = Vec::new();
    let links = site.plan.nodes.iter().flat_map(|node| node.links.iter().map(move |link| (node, link)));
    for (place, (node, link)) in links.enumerate() {
        let n = site.ledger.enter_canary(place);
        let stray = Stray { source: link.mac, dest: canary::NEXT_PORT_ONLY, key: site.key, n };
        let frame = nonce::craft_stray(&stray, &Carries::Unknown).map_err(|error| error.to_string());
        let gone = frame.and_then(|mut frame| {
            frame.extend(canary::sent(site.key, &link.port));
            let socket = sockets.of_link(site, &node.name, &link.name)?;
            socket.send(&frame).map_err(|error| error.to_string())
        });
        match gone {
            Ok(()) => sent.push((n, &link.port)),
            Err(error) => tracing::warn!(node = %node.name, link = %link.name, "no canary: {error}"),
        }
    }
    let deadline = Instant::now() + ARRIVE_WITHIN * patience;
    for (n, port) in sent {
        site.watch.wait_for(n, port, Direction::FromNode, deadline);
    }
}
