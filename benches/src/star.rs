//! The measured site: N hosts and a router on one bridge, a server behind the router, a few rules in between.
//!
//! Every host has 10.77.x.y/16 and the router as its gateway; neighbours and the bridge's forwarding table are fixed,
//! so that nothing has to be learned. N + 2 namespaces are made, and the one of the bridge is the caller's own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use nix::sched::{CloneFlags, setns, unshare};

use self::messages::ROUTER;
use crate::netlink::Socket;

mod messages;

const PORT: u16 = 7777;
/// More hosts than a bridge takes ports (1023, `BR_MAX_PORTS`) cannot be.
const MOST_HOSTS: u32 = 1000;

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
    bridge.send(&messages::links(&nodes[..=hosts as usize])).context("links")?;
    bridge.send(&messages::forwarding(hosts + 1)).context("forwarding table")?;
    router.netlink.send(&messages::router_links(server)).context("the router's second leg")?;
    for (number, host) in (0..).zip(&nodes[..hosts as usize]) {
        host.netlink
            .send(&messages::host_settings(number, hosts))
            .with_context(|| format!("host {number}"))?;
    }
    router.netlink.send(&messages::router_settings(hosts)).context("router")?;
    server.netlink.send(&messages::server_settings()).context("server")?;
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

/// Inside the router: forwarding on, rules loaded, a socket that listens.
fn start_router() -> anyhow::Result<TcpListener> {
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").context("ip_forward")?;
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().context("nft")?;
    nft.stdin.take().expect("stdin was piped").write_all(RULES.as_bytes()).context("nft")?;
    let status = nft.wait().context("nft")?;
    ensure!(status.success(), "nft ended with {status}");
    TcpListener::bind((ROUTER, PORT)).context("listening")
}
