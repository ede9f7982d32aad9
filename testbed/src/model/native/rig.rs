//! A namespace with the links, addresses, routes and rules of one node, and the other ends of its links.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::kernel::ring::sender::Sender;
use crate::kernel::ring::{BLOCK_SIZE, Ring, Woken};
use crate::kernel::{Namespace, conntrack};
use crate::plan::Node;
use crate::tap::inside::{index, run};

/// A packet that is only sent so that one knows that all before it have been dealt with.
const FENCE: u16 = 65_535;

/// From nobody to nobody, of an EtherType for experiments (IEEE 802).
const LAST: [u8; 60] = {
    let mut frame = [0; 60];
    frame[0] = 2;
    frame[6] = 2;
    frame[12] = 0x88;
    frame[13] = 0xb5;
    frame
};

/// Behind all that a rule file may have, sets with numbers and sources of what gets there.
const LATE: &str = "table inet late {
  set came { type ifname; }
  set in4 { typeof ip id . ip saddr; size 65535; flags dynamic; }
  set in6 { typeof ip6 flowlabel . ip6 saddr; size 65535; flags dynamic; }
  chain fence { type filter hook prerouting priority -450; policy accept; ip id 65535 add @came { iifname } drop; }
  chain arrived { type filter hook input priority 2147483647; policy accept;
    iifname \"lo\" accept
    add @in4 { ip id . ip saddr } accept
    add @in6 { ip6 flowlabel . ip6 saddr } accept
  }
}
";

/// One node of a site, alone.
pub(super) struct Rig {
    router: Namespace,
    node: Node,
    ends: BTreeMap<String, (u32, Sender)>,
    ring: Ring,
}

/// What became of packets: the frames that left, each with the link, and numbers and sources of those that got in.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) left: Vec<(String, Vec<u8>)>,
    pub(super) arrived: BTreeSet<(u32, IpAddr)>,
}

impl Rig {
    /// Builds it; call it once in a process, inside a user and network namespace.
    pub(super) fn of(node: &Node) -> Rig {
        fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
        let router = Namespace::create("router").unwrap();
        let mut ends = BTreeMap::new();
        for (number, link) in node.links.iter().enumerate() {
            router.inside(|| lay(link.name.as_str(), &link.mac.to_string(), number)).unwrap();
            run(&format!("ip link set dev end{number} up"));
            let at = index(&format!("end{number}"));
            ends.insert(link.name.to_string(), (at, Sender::at(at)));
        }
        router.inside(|| settle(node)).unwrap();
        let ring = Ring::open(BLOCK_SIZE, 32).unwrap();
        Rig { router, node: node.clone(), ends, ring }
    }

    /// Loads a rule file in the place of all that was there; what nft lists then.
    pub(super) fn load(&self, rules: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (site, late) = (file("site.nft", rules), file("late.nft", LATE));
        let node = &self.node;
        let load = || {
            run("nft flush ruleset");
            run(&format!("nft -f {site}"));
            for (path, value) in node.sysctls.iter().filter(|(path, _)| path.starts_with("net/netfilter")) {
                // Where no rule asks for connections, there is nothing to set.
                let _ = fs::write(format!("/proc/sys/{path}"), value);
            }
            let listing = run("nft -j list ruleset");
            run(&format!("nft -f {late}"));
            listing
        };
        self.inside(load)
    }

    /// Sends frames, each by the other end of a link, and waits until all have been dealt with.
    pub(super) fn send(&mut self, frames: &[(&str, Vec<u8>)]) -> Seen {
        conntrack::forget(&self.router).unwrap();
        self.send_more(frames)
    }

    /// As [`Self::send`], without forgetting the connections that packets before have begun.
    pub(super) fn send_more(&mut self, frames: &[(&str, Vec<u8>)]) -> Seen {
        self.inside(|| run("nft flush set inet late came"));
        let before = self.ring.statistics().unwrap().dropped;
        for (link, frame) in frames {
            self.ends[*link].1.send(frame);
        }
        let used: BTreeSet<&str> = frames.iter().map(|(link, _)| *link).collect();
        for link in &used {
            self.ends[*link].1.send(&self.fence(link));
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.inside(|| run("nft list set inet late came")).matches('"').count() / 2 < used.len() {
            assert!(Instant::now() < deadline, "the last packets did not come by");
        }
        let left = self.read();
        assert_eq!(self.ring.statistics().unwrap().dropped, before, "the ring was too small");
        Seen { left, arrived: self.arrived() }
    }

    /// The frames that have come out, up to one of our own that is sent last.
    fn read(&mut self) -> Vec<(String, Vec<u8>)> {
        let names: BTreeMap<u32, &String> = self.ends.iter().map(|(name, (at, _))| (*at, name)).collect();
        let (_, last) = self.ends.values().next().expect("a node has a link");
        last.send(&LAST);
        let mut left = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut ended = false;
        while !ended {
            assert!(Instant::now() < deadline, "the last frame did not come by");
            let Woken::Block(block) = self.ring.next_block(Duration::from_millis(200)).unwrap() else {
                continue;
            };
            for frame in block.frames() {
                ended |= frame.outgoing && *frame.bytes == LAST;
                if let Some(name) = names.get(&frame.ifindex).filter(|_| !frame.outgoing) {
                    left.push(((*name).clone(), frame.bytes.into_owned()));
                }
            }
        }
        left
    }

    fn arrived(&self) -> BTreeSet<(u32, IpAddr)> {
        let listing =
            self.inside(|| ["in4", "in6"].map(|set| run(&format!("nft -j list set inet late {set}"))));
        listing.iter().flat_map(|text| numbers(text)).collect()
    }

    fn fence(&self, link: &str) -> Vec<u8> {
        use super::craft::{HOST, frame};
        use crate::model::{Body, Ethernet, Packet};
        let to = self.node.links.iter().find(|one| one.name.as_str() == link).unwrap();
        let address = |last| std::net::Ipv4Addr::new(192, 0, 2, last).into();
        let packet = Packet::new(address(1), address(2), Body::Udp { source: 9, destination: 9 });
        frame(&packet, Ethernet { source: HOST, destination: to.mac }, FENCE.into())
    }

    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.router.inside(work).unwrap()
    }
}

/// A veth pair, one end of it for whoever built this.
fn lay(name: &str, mac: &str, number: usize) {
    let end = format!("end{number}");
    run(&format!("ip link add name {name} address {mac} type veth peer name {end}"));
    run(&format!("ip link set dev {end} netns {}", std::process::id()));
}

/// Settings, then addresses, then routes. Nobody is asked for an Ethernet address.
fn settle(node: &Node) {
    for (path, value) in node.sysctls.iter().filter(|(path, _)| !path.starts_with("net/netfilter")) {
        fs::write(format!("/proc/sys/{path}"), value).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    run("ip link set dev lo up");
    for link in &node.links {
        run(&format!("ip link set dev {} arp off up", link.name));
        for net in &link.addresses {
            run(&format!("ip address add {net} dev {}", link.name));
        }
    }
    for route in &node.routes {
        run(&format!("ip route add {} via {}", route.to, route.via));
    }
    for (table, route) in (1000..).zip(&node.policy) {
        let family = if route.to.addr().is_ipv6() { "-6" } else { "-4" };
        run(&format!("ip {family} rule add from {} lookup {table}", route.from));
        run(&format!("ip route add {} via {} table {table}", route.to, route.via));
    }
}

/// Numbers and addresses in a set, as nft lists it.
fn numbers(listing: &str) -> Vec<(u32, IpAddr)> {
    let value: serde_json::Value = serde_json::from_str(listing).unwrap();
    let elements = value.pointer("/nftables/1/set/elem").and_then(|list| list.as_array().cloned());
    let of = |element: serde_json::Value| {
        let number = element.pointer("/concat/0").and_then(serde_json::Value::as_u64).expect("a number");
        let address = element.pointer("/concat/1").and_then(|text| text.as_str()).expect("an address");
        (u32::try_from(number).unwrap(), address.parse().unwrap())
    };
    elements.unwrap_or_default().into_iter().map(of).collect()
}
