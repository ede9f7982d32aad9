//! The path control of what is at everybody: the device between passes it on in the open copy, while it is sent and no longer.

use std::collections::{BTreeMap, BTreeSet};

use super::sockets::Sockets;
use super::sweep::{send_path, wait_for_all};
use super::unread::Unread;
use super::{Site, Swept};
use crate::kernel::{nft, sysctl};
use crate::names::NodeName;
use crate::plan::PassedOn;

/// Sends what a device must pass on, one device and way after the other.
pub(super) async fn passed_on(
    copy: &Site,
    sockets: &mut Sockets,
    swept: &mut [Swept],
    unread: &mut Unread,
    patience: u32,
) {
    let ways: BTreeSet<(NodeName, PassedOn)> =
        swept.iter().filter_map(Swept::passed_on).map(|(node, by)| (node.clone(), by.clone())).collect();
    for (node, by) in ways {
        let goes_so = |one: &&mut Swept| one.passed_on() == Some((&node, &by));
        if let Err(error) = pass_on(copy, &node, &by, true).await {
            swept.iter_mut().filter(goes_so).for_each(|one| drop(one.fail("path", error.clone())));
            continue;
        }
        let mut waits = Vec::new();
        for one in swept.iter_mut().filter(goes_so) {
            let judge = one.sending.aim.judge.clone();
            waits.push((copy, judge, send_path(copy, sockets, one, unread)));
        }
        wait_for_all(waits, patience);
        if let Err(error) = pass_on(copy, &node, &by, false).await {
            swept.iter_mut().filter(goes_so).for_each(|one| drop(one.fail("path", error.clone())));
        }
    }
}

/// Has the device pass on what is for everybody, or no longer.
///
/// Errors: in words, why it cannot.
async fn pass_on(copy: &Site, node: &NodeName, by: &PassedOn, on: bool) -> Result<(), String> {
    let namespace = copy.lab.node(node);
    match by {
        PassedOn::Forwarded { link } => {
            // Only where `all` and the link agree (include/linux/inetdevice.h).
            let key = |at: &str| (format!("net/ipv4/conf/{at}/bc_forwarding"), u8::from(on).to_string());
            let keys = BTreeMap::from([key("all"), key(link.as_str())]);
            let absent = sysctl::set(namespace, &keys).map_err(|error| error.to_string())?;
            if absent.is_empty() { Ok(()) } else { Err("this kernel forwards no broadcasts".to_owned()) }
        }
        PassedOn::Carried { from, to } if on => {
            nft::join_links(namespace, from, to).await.map_err(|error| error.to_string())
        }
        PassedOn::Carried { .. } => nft::part_links(namespace).await.map_err(|error| error.to_string()),
    }
}
