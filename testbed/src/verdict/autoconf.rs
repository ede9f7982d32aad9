//! `address` of links that take theirs from router advertisements: only the planned router advertises, and each has
//! exactly the address that follows.

use std::net::IpAddr;

use crate::observation::{Moment, Observations};
use crate::plan::Advised;

use super::Finding;
use super::judge::Draft;
use super::wording::listed;

/// Adds what is to be said of these links; gives a few words on each.
pub(super) fn draft(of: &[Advised], kept: bool, seen: &Observations, draft: &mut Draft) -> Vec<String> {
    of.iter().map(|one| one_link(one, kept, seen, draft)).collect()
}

fn one_link(one: &Advised, kept: bool, seen: &Observations, draft: &mut Draft) -> String {
    let (node, link) = (&one.node, &one.link);
    let heard: Vec<_> =
        seen.advertisements.iter().filter(|heard| heard.node == *node && heard.link == *link).collect();
    for stranger in heard.iter().filter(|heard| heard.from.as_ref() != Some(&one.router)) {
        let who = stranger.from.as_ref().map_or("a stranger".to_owned(), ToString::to_string);
        let text = format!("{who} ({}) advertises itself to {node} as a router", stranger.mac);
        let packets = vec![(format!("its advertisement, at {node}'s tap"), stranger.packet)];
        draft.findings.push(Finding { packets, ..finding(text) });
    }
    for moment in [Moment::Begun, Moment::End].into_iter().filter(|moment| kept || *moment == Moment::Begun) {
        has_it(one, moment, seen, draft);
    }
    if heard.is_empty() {
        // In a lab that stays it may have come before; then the addresses say whether it was heard.
        return format!("{node} heard no advertisement");
    }
    format!("{node} heard {}", listed(heard.iter().filter_map(|heard| heard.from.as_ref()), 4))
}

/// The link must have what follows from the advertisement, and no other IPv6 address but its link's own.
fn has_it(one: &Advised, moment: Moment, seen: &Observations, draft: &mut Draft) {
    let when = match moment {
        Moment::Built => "before the start",
        Moment::Begun => "after the start",
        Moment::End => "at the end",
    };
    let known = seen.addresses.iter().find(|known| known.node == one.node && known.moment == moment);
    let Some(known) = known else {
        draft.reasons.add("addresses", format!("it is not known which address {} has {when}", one.node));
        return;
    };
    let local = |address: &IpAddr| matches!(address, IpAddr::V6(six) if six.is_unicast_link_local());
    let own = known.addresses.iter().filter(|(link, _)| *link == one.link).map(|(_, net)| net.addr());
    let mut has: Vec<IpAddr> = own.filter(|address| address.is_ipv6() && !local(address)).collect();
    has.sort_unstable();
    let mut wanted: Vec<IpAddr> = one.bound.iter().map(|address| IpAddr::V6(*address)).collect();
    wanted.sort_unstable();
    if has != wanted {
        let said =
            |list: Vec<IpAddr>| if list.is_empty() { "no IPv6 address".to_owned() } else { listed(list, 4) };
        let text = format!("{}.{} has {} {when}, and not {}", one.node, one.link, said(has), said(wanted));
        draft.findings.push(finding(text));
    }
}

fn finding(text: String) -> Finding {
    Finding { text, pair: None, stops_at: None, packets: Vec::new(), by: None }
}
