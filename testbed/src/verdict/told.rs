//! What a node is told with its address: who leads out, who knows names and the time, further routes, a proxy, and how long the address is
//! its own. Whoever is first to answer may tell it whatever he likes (part of `address`).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::names::LinkName;
use crate::observation::{DhcpSeen, Moment, Observations};
use crate::plan::{Asking, Plan};

use super::Finding;
use super::wording::{counted, listed};

/// Findings: what somebody gave the node with an address and the site's own server does not tell. Each once, with the first message that
/// says so; `giver` names whoever a message is from. Less than the server tells is no finding: a client asks for what it wants.
pub(super) fn otherwise(
    one: &Asking,
    given: &[&DhcpSeen],
    giver: &dyn Fn(&DhcpSeen) -> String,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for ack in given.iter().filter(|ack| !ack.earlier) {
        for text in texts(one, ack, &giver(ack)) {
            if !findings.iter().any(|known| known.text == text) {
                let packets = vec![(format!("what it is given, at {}'s tap", one.node), ack.packet)];
                findings.push(Finding { text, pair: None, stops_at: None, packets, by: None });
            }
        }
    }
    findings
}

fn texts(one: &Asking, ack: &DhcpSeen, by: &str) -> Vec<String> {
    let (node, told, says) = (&one.node, &one.told, &ack.says);
    let other = |what: &str, says: &[Ipv4Addr], meant: &[Ipv4Addr]| {
        let others: Vec<_> = says.iter().filter(|says| !meant.contains(says)).collect();
        let meant = if meant.is_empty() { "of any".to_owned() } else { format!("of {}", listed(meant, 4)) };
        (!others.is_empty())
            .then(|| format!("{node} was told of the {what} {} by {by}, and not {meant}", listed(others, 4)))
    };
    let routes = (!says.routes.is_empty()).then(|| {
        let routes = counted(says.routes.len(), "route");
        format!("{node} was told of {routes} by {by}, and not of any: {}", listed(&says.routes, 4))
    });
    let proxy = says.proxy.as_ref();
    let proxy = proxy.map(|at| format!("{node} was told of a proxy by {by}, and not of any: {at}"));
    // No server of the plan tells of these, whoever it is.
    let never = [routes, proxy].into_iter().flatten();
    // What a server is to tell that the plan does not know is not known either.
    let Some(lease) = told.lease else { return never.collect() };
    let seconds = says.lease.filter(|seconds| *seconds != lease);
    let lease = seconds.map(|seconds| {
        format!("{node} was given its address for {seconds} s by {by}, and not for {lease} s")
    });
    let others = [
        other("router", &says.routers, &told.routers),
        other("name server", &says.names, &told.names),
        other("time server", &says.times, &told.times),
        lease,
    ];
    others.into_iter().flatten().chain(never).collect()
}

/// Whether it is not known, after the start or at the end, where the node is led.
pub(super) fn unknown(one: &Asking, seen: &Observations) -> bool {
    let known = |moment| seen.states.iter().any(|state| state.node == one.node && state.moment == moment);
    ![Moment::Begun, Moment::End].into_iter().all(known)
}

/// Findings: after the start, or at the end, the node's link leads over somebody who is no next hop of the plan for that; each once, with the
/// message that gave the address.
pub(super) fn led(plan: &Plan, one: &Asking, ack: &DhcpSeen, seen: &Observations) -> Vec<Finding> {
    let meant: Vec<(IpNet, IpAddr)> = plan
        .node(&one.node)
        .into_iter()
        .flat_map(|node| &node.routes)
        .map(|route| (route.to, route.via))
        .collect();
    let states = seen.states.iter().filter(|state| state.node == one.node && state.moment != Moment::Built);
    let routes: BTreeSet<_> =
        states.flat_map(|state| &state.lines).filter_map(|line| route(line, &one.link)).collect();
    let astray = routes.into_iter().filter(|(to, via)| !meant.contains(&((*to).into(), (*via).into())));
    let finding = |(to, via): (Ipv4Net, Ipv4Addr)| Finding {
        text: format!("{}.{} leads to {to} via {via}, which is not meant to be", one.node, one.link),
        pair: None,
        stops_at: None,
        packets: vec![(format!("what it is given, at {}'s tap", one.node), ack.packet)],
        by: None,
    };
    astray.map(finding).collect()
}

/// A line of a node's state that is a route of this link over somebody: link, destination, next hop, flags, metric and mask, addresses as the
/// kernel's numbers (`/proc/net/route`, net/ipv4/fib_trie.c).
fn route(line: &str, link: &LinkName) -> Option<(Ipv4Net, Ipv4Addr)> {
    let mut words = line.strip_prefix("route ")?.split(' ');
    let address =
        |word: &str| u32::from_str_radix(word, 16).ok().map(|number| Ipv4Addr::from(number.to_le_bytes()));
    if words.next()? != link.as_str() {
        return None;
    }
    let (to, via) = (address(words.next()?)?, address(words.next()?)?);
    let mask = address(words.nth(2)?)?;
    let to = Ipv4Net::with_netmask(to, mask).ok()?;
    (!via.is_unspecified()).then_some((to, via))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_over_somebody_is_read_from_the_kernels_list() {
        let read =
            |line: &str| route(line, &"eth0".parse().unwrap()).map(|(to, via)| format!("{to} via {via}"));
        let default = read("route eth0 00000000 1E00280A 0003 0 00000000");
        assert_eq!(default.as_deref(), Some("0.0.0.0/0 via 10.40.0.30"));
        let narrow = read("route eth0 010200C0 1E00280A 0007 0 FFFFFFFF");
        assert_eq!(narrow.as_deref(), Some("192.0.2.1/32 via 10.40.0.30"));
        for other in [
            "route eth0 0000280A 00000000 0001 0 00FFFFFF",
            "route eth1 00000000 1E00280A 0003 0 00000000",
            "route eth0 00000000",
            "IPv6 route 00",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
