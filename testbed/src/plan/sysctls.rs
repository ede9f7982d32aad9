//! Every sysctl that a node gets, with the reason: nothing is inherited, since distributions differ, and IPv4's
//! `conf/all` and `conf/default` of a new namespace are copies of the machine's (Documentation/admin-guide/sysctl/net.rst,
//! `devconf_inherit_init_net`).
//!
//! They are written once the links exist and before the links are up, in the order of their paths; those of
//! `net/netfilter` once the rules are loaded, as they may not exist before. Paths are below `/proc/sys`; an interface
//! name is one part of the path, so the dot of `lan.20` needs no care.

use std::collections::BTreeMap;

use super::model::{Node, Role};

/// IPv4, per link: the kernel combines `all` with the link's own value (include/linux/inetdevice.h), so that one
/// value counts only if it stands in both. The second value is that of an appliance.
const LINK4: [(&str, &str, &str); 7] = [
    // A redirect must not move traffic past the device under test (RFC 1122 section 3.2.2.2).
    ("accept_redirects", "0", "0"),
    ("send_redirects", "0", "0"),
    // What arrives is for the rule file to judge, not for the reverse path (RFC 3704): else the kernel's drop
    // would pass for the file's. A site that wants it writes `fib saddr . iif` into its file.
    ("rp_filter", "0", "0"),
    // Nothing from outside may reach 127.0.0.0/8.
    ("route_localnet", "0", "0"),
    // A broadcast of another segment stays outside of it (RFC 2644).
    ("bc_forwarding", "0", "0"),
    // An appliance answers for an address only on the link that has it (RFC 1122 section 3.3.4.2, strong model).
    ("arp_ignore", "0", "1"),
    ("arp_announce", "0", "2"),
];

/// IPv6, per link: `all` has no effect (`accept_ra`, `autoconf`, `accept_redirects`) or the larger value counts
/// (`accept_dad`).
const LINK6: [(&str, &str); 4] = [
    // Addresses and routes are the plan's; no router advertisement changes them.
    ("accept_ra", "0"),
    ("autoconf", "0"),
    ("accept_redirects", "0"),
    // Addresses are unique by plan; waiting a second for the proof would delay every start.
    ("accept_dad", "0"),
];

/// IPv6, for a link that takes its address from router advertisements.
const ADVISED: [(&str, &str); 7] = [
    ("accept_ra", "1"),
    ("autoconf", "1"),
    // The address is made of the Ethernet address, as the plan does it.
    ("addr_gen_mode", "0"),
    ("use_tempaddr", "0"),
    // It asks once a second until a router answers: the router's service starts later than the link.
    ("router_solicitations", "-1"),
    ("router_solicitation_interval", "1"),
    ("router_solicitation_max_interval", "1"),
];

/// All of a node's sysctls, path below `/proc/sys` to value.
pub(super) fn sysctls(node: &Node) -> BTreeMap<String, String> {
    let mut set = Settings::default();
    let speaks_six = node.links.iter().flat_map(|link| &link.addresses).any(|net| net.addr().is_ipv6());
    let places = || ["all", "default"].into_iter().chain(node.links.iter().map(|link| link.name.as_str()));
    let strict = node.role == Role::Appliance;
    for (key, usual, appliance) in LINK4 {
        places().for_each(|at| {
            set.put(format!("net/ipv4/conf/{at}/{key}"), if strict { appliance } else { usual })
        });
    }
    for at in ["all", "default"] {
        // Source routes are obeyed only if `all` and the link agree.
        set.put(format!("net/ipv4/conf/{at}/accept_source_route"), "0");
    }
    // Answers to a broadcast would be packets that nobody asked for.
    set.put("net/ipv4/icmp_echo_ignore_broadcasts".into(), "1");
    if node.links.iter().any(|link| link.leased.is_some()) {
        // A service is told the address that its node should get, and must start also where it gets another.
        set.put("net/ipv4/ip_nonlocal_bind".into(), "1");
    }
    for link in node.links.iter().filter(|link| node.partner(link).is_some()) {
        // Whoever takes a link's place over says so (RFC 5227 section 2.3, RFC 4861 section 7.2.6).
        set.put(format!("net/ipv4/conf/{}/arp_notify", link.name), "1");
        if speaks_six {
            set.put(format!("net/ipv6/conf/{}/ndisc_notify", link.name), "1");
        }
    }
    // Services are not root and bind 53, 123, 443 and 554 all the same.
    set.put("net/ipv4/ip_unprivileged_port_start".into(), "0");
    // A connection whose owner was killed keeps its namespace until its last segment is acknowledged, which nobody does
    // once the lab is gone: the default of 8 retries takes minutes, 2 take a second and a half
    // (Documentation/networking/ip-sysctl.rst).
    set.put("net/ipv4/tcp_orphan_retries".into(), "2");
    if node.ruleset.is_some() {
        // A packet from the middle of a connection is not a new one (netfilter/nf_conntrack-sysctl.rst).
        set.put("net/netfilter/nf_conntrack_tcp_loose".into(), "0");
    }
    for at in ["all", "default"] {
        // A node without an IPv6 subnet has not even link-local addresses.
        set.put(format!("net/ipv6/conf/{at}/disable_ipv6"), if speaks_six { "0" } else { "1" });
    }
    if speaks_six {
        for (key, value) in LINK6 {
            places().for_each(|at| set.put(format!("net/ipv6/conf/{at}/{key}"), value));
        }
        for at in ["all", "default"] {
            set.put(format!("net/ipv6/conf/{at}/accept_source_route"), "0");
        }
    }
    if speaks_six {
        // As for IPv4: answers to a group would be packets that nobody asked for.
        set.put("net/ipv6/icmp/echo_ignore_multicast".into(), "1");
    }
    for link in node.links.iter().filter(|link| !link.advised.is_empty()) {
        for (key, value) in ADVISED {
            set.put(format!("net/ipv6/conf/{}/{key}", link.name), value);
        }
        // As with DHCP: a service starts also where its node gets another address.
        set.put("net/ipv6/ip_nonlocal_bind".into(), "1");
    }
    set_forwarding(&mut set.0, node.forwards, speaks_six);
    set.0
}

/// Has a node answer ARP on each link for the addresses of all (weak host model, RFC 1122 section 3.3.4.2).
pub(super) fn weaken(sysctls: &mut BTreeMap<String, String>) {
    let of_arp = |key: &str| key.ends_with("/arp_ignore") || key.ends_with("/arp_announce");
    sysctls.iter_mut().filter(|(key, _)| of_arp(key)).for_each(|(_, value)| "0".clone_into(value));
}

/// Has a node go over whomever an ICMP redirect of its next hop names (RFC 1122, section 3.2.2.2).
pub(super) fn heed_redirects(sysctls: &mut BTreeMap<String, String>) {
    let heeds = sysctls.iter_mut().filter(|(key, _)| key.ends_with("/accept_redirects"));
    heeds.for_each(|(_, value)| "1".clone_into(value));
}

/// Forwarding of both families. Turning it on makes the kernel write `all/accept_redirects` itself, to 0.
fn set_forwarding(sysctls: &mut BTreeMap<String, String>, forwards: bool, speaks_six: bool) {
    let value = if forwards { "1" } else { "0" };
    sysctls.insert("net/ipv4/ip_forward".into(), value.into());
    if speaks_six {
        sysctls.insert("net/ipv6/conf/all/forwarding".into(), value.into());
    }
}

#[derive(Default)]
struct Settings(BTreeMap<String, String>);

impl Settings {
    fn put(&mut self, path: String, value: &str) {
        self.0.insert(path, value.to_owned());
    }
}
