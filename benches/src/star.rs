//! The measured site: N hosts and a router on one bridge, a server behind the router, a few rules in between.
//!
//! Every host has 10.77.x.y/16 and the router as its gateway; neighbours and the bridge's forwarding table are fixed,
//! so that nothing has to be learned. N + 2 namespaces are made, and the one of the bridge is the caller's own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use nix::sched::{CloneFlags, setns, unshare};

use crate::netlink::{Batch, Bytes, CHANGE, CREATE, NEW_ADDRESS, NEW_LINK, NEW_NEIGHBOUR, NEW_ROUTE, Socket};

const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const ROUTER_TO_SERVER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 2);
const PORT: u16 = 7777;
/// More hosts than a bridge takes ports (1023, `BR_MAX_PORTS`) cannot be.
const MOST_HOSTS: u32 = 1000;

const LOOPBACK: u32 = 1;
const BRIDGE: u32 = 2;
/// Interface of a host, of the server, and of the router in the bridge.
const FIRST: u32 = 2;
/// The router's second interface.
const SECOND: u32 = 3;
/// Number of the first bridge port; the interfaces in the bridge's namespace are numbered by us.
const PORTS_FROM: u32 = 10;

/// The router forwards web and name service to the server and echo requests back, and nothing else.
const RULES: &str = "
table inet filter {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname eth0 oifname eth1 tcp dport { 80, 443 } accept
        iifname eth0 oifname eth1 udp dport 53 accept
        iifname eth1 oifname eth0 icmp type echo-request accept
    }
}
";

const UP: u32 = 1;
const FAMILY_INET: u8 = 2;
const FAMILY_BRIDGE: u8 = 7;

mod attribute {
    //! Attribute numbers of `linux/if_link.h`, `if_addr.h`, `rtnetlink.h`, `neighbour.h`, `veth.h`.
    pub(super) const LINK_ADDRESS: u16 = 1;
    pub(super) const LINK_NAME: u16 = 3;
    pub(super) const LINK_MASTER: u16 = 10;
    pub(super) const LINK_INFO: u16 = 18;
    pub(super) const LINK_NAMESPACE: u16 = 28;
    pub(super) const INFO_KIND: u16 = 1;
    pub(super) const INFO_DATA: u16 = 2;
    pub(super) const VETH_PEER: u16 = 1;
    pub(super) const BRIDGE_FORWARD_DELAY: u16 = 1;
    pub(super) const BRIDGE_STP: u16 = 5;
    pub(super) const BRIDGE_SNOOPING: u16 = 23;
    pub(super) const ADDRESS_LOCAL: u16 = 2;
    pub(super) const ROUTE_GATEWAY: u16 = 5;
    pub(super) const NEIGHBOUR_ADDRESS: u16 = 1;
    pub(super) const NEIGHBOUR_LINK_ADDRESS: u16 = 2;
}

/// A namespace, held by an open file, and a netlink socket inside it.
#[derive(Debug)]
struct Node {
    namespace: File,
    netlink: Socket,
}

/// A star that stands. Dropping it lets go of every namespace but the caller's.
#[derive(Debug)]
#[must_use = "the star falls when it is dropped"]
pub struct Star {
    /// The hosts, then the router, then the server.
    _nodes: Vec<Node>,
    _bridge: Socket,
    _listener: TcpListener,
}

/// Builds a star of `hosts` (1 to 1000) around a bridge in the caller's network namespace, until the last host has
/// connected to the router by TCP.
///
/// The caller must own its network namespace and be user 0 in its user namespace (nft keeps its rights so).
/// Errors: what the kernel refused, with the step that it refused.
pub fn build(hosts: u32) -> anyhow::Result<Star> {
    ensure!((1..=MOST_HOSTS).contains(&hosts), "between 1 and {MOST_HOSTS} hosts can be built");
    silence_ipv6().context("switching IPv6 off")?;
    let bridge = Socket::open().context("netlink")?;
    let nodes = make_nodes(hosts + 2)?;
    let (router, server) = (&nodes[hosts as usize], &nodes[hosts as usize + 1]);
    bridge.send(&links(&nodes[..=hosts as usize])).context("links")?;
    bridge.send(&forwarding(hosts + 1)).context("forwarding table")?;
    router.netlink.send(&router_links(server)).context("the router's second leg")?;
    for (number, host) in (0..).zip(&nodes[..hosts as usize]) {
        host.netlink.send(&host_settings(number, hosts)).with_context(|| format!("host {number}"))?;
    }
    router.netlink.send(&router_settings(hosts)).context("router")?;
    server.netlink.send(&server_settings()).context("server")?;
    let listener = inside(router, start_router)?.context("router")?;
    inside(&nodes[hosts as usize - 1], || {
        TcpStream::connect_timeout(&SocketAddr::from((ROUTER, PORT)), Duration::from_secs(10))
    })?
    .context("the last host's first connection")?;
    Ok(Star { _nodes: nodes, _bridge: bridge, _listener: listener })
}

/// No interface made from now on in the calling thread's namespace speaks IPv6: else each one announces itself to all
/// others. A kernel without IPv6 has nothing to switch off.
fn silence_ipv6() -> io::Result<()> {
    match fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes namespaces, on every core: nothing else of the whole gains by a second thread, but this does.
fn make_nodes(count: u32) -> anyhow::Result<Vec<Node>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = (count as usize).div_ceil(threads);
    let shares = (0..threads).map(|i| share.min((count as usize).saturating_sub(i * share)));
    thread::scope(|scope| {
        let workers: Vec<_> =
            shares.map(|share| scope.spawn(move || (0..share).map(|_| make_node()).collect())).collect();
        let made: io::Result<Vec<Vec<Node>>> =
            workers.into_iter().map(|worker| worker.join().expect("it does not panic")).collect();
        Ok(made.context("namespaces")?.into_iter().flatten().collect())
    })
}

/// Moves the calling thread into a new network namespace and keeps hold of it.
fn make_node() -> io::Result<Node> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    silence_ipv6()?;
    Ok(Node { namespace: File::open("/proc/thread-self/ns/net")?, netlink: Socket::open()? })
}

/// Does something in a node, in a thread that ends there.
fn inside<T: Send>(node: &Node, act: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let visitor = scope.spawn(|| {
            setns(&node.namespace, CloneFlags::CLONE_NEWNET)?;
            Ok(act())
        });
        visitor.join().expect("it does not panic")
    })
}

/// Hosts begin at 10.77.0.10.
fn host_address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 77, 0, 10)) + number)
}

/// The address of what is on the bridge's port of this number: the hosts in their order, then the router.
fn link_address(port: u32) -> [u8; 6] {
    let [a, b, c, d] = port.to_be_bytes();
    [0x02, 0x77, a, b, c, d]
}

/// `struct ifinfomsg`: the interface of this number, and which of its flags shall be what.
fn interface(bytes: &mut Bytes, index: u32, flags: u32) {
    bytes.raw(&[0; 4]);
    for field in [index, flags, flags] {
        bytes.raw(&field.to_ne_bytes());
    }
}

/// The bridge, and a link for each of the nodes: made where it is to be, under its last name, never moved. The far
/// end cannot be up in the same message, since neither end knows the other yet.
fn links(nodes: &[Node]) -> Batch {
    use attribute as a;
    let mut batch = Batch::default();
    batch.add(NEW_LINK, CREATE, |link| {
        interface(link, BRIDGE, UP);
        link.text(a::LINK_NAME, "bridge").nest(a::LINK_INFO, |info| {
            info.text(a::INFO_KIND, "bridge").nest(a::INFO_DATA, |data| {
                data.number(a::BRIDGE_FORWARD_DELAY, 0).number(a::BRIDGE_STP, 0);
                data.attribute(a::BRIDGE_SNOOPING, &[0]);
            });
        });
    });
    for (port, node) in (0..).zip(nodes) {
        batch.add(NEW_LINK, CREATE, |link| {
            interface(link, PORTS_FROM + port, UP);
            link.text(a::LINK_NAME, &format!("port{port}")).number(a::LINK_MASTER, BRIDGE);
            veth_to(link, node, link_address(port));
        });
    }
    batch
}

/// Makes the link being described a veth pair, with its far end as `eth0` in the node.
fn veth_to(link: &mut Bytes, node: &Node, address: [u8; 6]) {
    use attribute as a;
    use std::os::fd::AsRawFd;
    let namespace = u32::try_from(node.namespace.as_raw_fd()).expect("an open file's number is not negative");
    link.nest(a::LINK_INFO, |info| {
        info.text(a::INFO_KIND, "veth").nest(a::INFO_DATA, |data| {
            data.nest(a::VETH_PEER, |peer| {
                interface(peer, FIRST, 0);
                peer.text(a::LINK_NAME, "eth0").attribute(a::LINK_ADDRESS, &address);
                peer.number(a::LINK_NAMESPACE, namespace);
            });
        });
    });
}

fn router_links(server: &Node) -> Batch {
    let mut batch = Batch::default();
    batch.add(NEW_LINK, CREATE, |link| {
        interface(link, SECOND, UP);
        link.text(attribute::LINK_NAME, "eth1");
        veth_to(link, server, link_address(MOST_HOSTS + 1));
    });
    batch
}

/// Tells the bridge who is behind each of its ports.
fn forwarding(ports: u32) -> Batch {
    let mut batch = Batch::default();
    for port in 0..ports {
        batch.add(NEW_NEIGHBOUR, CREATE, |entry| {
            const FOR_BRIDGE: u8 = 0x04; // NTF_MASTER
            const FIXED: u16 = 0x40; // NUD_NOARP
            neighbour_header(entry, FAMILY_BRIDGE, PORTS_FROM + port, FIXED, FOR_BRIDGE);
            entry.attribute(attribute::NEIGHBOUR_LINK_ADDRESS, &link_address(port));
        });
    }
    batch
}

/// `struct ndmsg`
fn neighbour_header(bytes: &mut Bytes, family: u8, index: u32, state: u16, flags: u8) {
    bytes.raw(&[family, 0, 0, 0]).raw(&index.to_ne_bytes());
    let [low, high] = state.to_ne_bytes();
    bytes.raw(&[low, high, flags, 0]);
}

fn put_up(batch: &mut Batch, index: u32) {
    batch.add(NEW_LINK, CHANGE, |link| interface(link, index, UP));
}

fn give_address(batch: &mut Batch, index: u32, address: Ipv4Addr, prefix: u8) {
    batch.add(NEW_ADDRESS, CREATE, |message| {
        message.raw(&[FAMILY_INET, prefix, 0, 0]).raw(&index.to_ne_bytes());
        message.attribute(attribute::ADDRESS_LOCAL, &address.octets());
    });
}

fn route_all_by(batch: &mut Batch, gateway: Ipv4Addr) {
    batch.add(NEW_ROUTE, CREATE, |route| {
        const MAIN: u8 = 254;
        const BY_HAND: u8 = 4; // RTPROT_STATIC
        const UNICAST: u8 = 1;
        route.raw(&[FAMILY_INET, 0, 0, 0]).raw(&[MAIN, BY_HAND, 0, UNICAST]).raw(&[0; 4]);
        route.attribute(attribute::ROUTE_GATEWAY, &gateway.octets());
    });
}

fn fix_neighbour(batch: &mut Batch, index: u32, address: Ipv4Addr, link: [u8; 6]) {
    const PERMANENT: u16 = 0x80;
    batch.add(NEW_NEIGHBOUR, CREATE, |entry| {
        neighbour_header(entry, FAMILY_INET, index, PERMANENT, 0);
        entry.attribute(attribute::NEIGHBOUR_ADDRESS, &address.octets());
        entry.attribute(attribute::NEIGHBOUR_LINK_ADDRESS, &link);
    });
}

fn host_settings(number: u32, hosts: u32) -> Batch {
    let mut batch = Batch::default();
    put_up(&mut batch, FIRST);
    put_up(&mut batch, LOOPBACK);
    give_address(&mut batch, FIRST, host_address(number), 16);
    route_all_by(&mut batch, ROUTER);
    fix_neighbour(&mut batch, FIRST, ROUTER, link_address(hosts));
    batch
}

fn router_settings(hosts: u32) -> Batch {
    let mut batch = Batch::default();
    for index in [FIRST, SECOND, LOOPBACK] {
        put_up(&mut batch, index);
    }
    give_address(&mut batch, FIRST, ROUTER, 16);
    give_address(&mut batch, SECOND, ROUTER_TO_SERVER, 24);
    for number in 0..hosts {
        fix_neighbour(&mut batch, FIRST, host_address(number), link_address(number));
    }
    batch
}

fn server_settings() -> Batch {
    let mut batch = Batch::default();
    put_up(&mut batch, FIRST);
    put_up(&mut batch, LOOPBACK);
    give_address(&mut batch, FIRST, SERVER, 24);
    route_all_by(&mut batch, ROUTER_TO_SERVER);
    batch
}

/// Inside the router: forwarding on, rules loaded, a socket that listens.
fn start_router() -> anyhow::Result<TcpListener> {
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").context("ip_forward")?;
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().context("nft")?;
    nft.stdin.take().expect("stdin was piped").write_all(RULES.as_bytes()).context("nft")?;
    let status = nft.wait().context("nft")?;
    ensure!(status.success(), "nft ended with {status}");
    TcpListener::bind((ROUTER, PORT)).context("listening")
}
