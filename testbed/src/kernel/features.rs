//! What this kernel can and cannot do, tried rather than read off a version.
//!
//! Each feature is tried in a namespace of its own inside a lab; nothing of it stays.

use super::links::Netlink;
use super::nft;
use super::ring::Ring;
use super::{KernelError, Namespace};
use crate::kernel::nflog::Nflog;
use crate::plan::Vlans;

/// A feature of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name; checks `require` it under this name.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub purpose: &'static str,
    /// Whether no run can do without it.
    pub needed: bool,
}

/// Every feature that is tried.
pub const ALL: [Feature; 8] = [
    Feature { name: "bridge", purpose: "segments", needed: true },
    Feature { name: "veth", purpose: "links", needed: true },
    Feature { name: "packet-ring", purpose: "taps", needed: true },
    Feature { name: "nft-stateful", purpose: "rule files of a site", needed: true },
    Feature { name: "nft-log", purpose: "judging behind input filters", needed: true },
    Feature { name: "vlan-tags", purpose: "802.1Q tags on the wire", needed: false },
    Feature { name: "netem", purpose: "delay and loss", needed: false },
    Feature { name: "bonding", purpose: "two ports as one", needed: false },
];

/// Why a feature is missing although the kernel may have it: a check that requires it must not pass on a site that is
/// built without it.
const UNUSED: &str = "this version builds no site with it";

/// Tries every feature and returns those that are missing, with the reason. Must run inside a lab.
pub async fn missing() -> Result<Vec<(String, String)>, KernelError> {
    let namespace = Namespace::create("features")?;
    let netlink = Netlink::open(&namespace)?;
    let rules =
        "table inet t { chain c { type filter hook forward priority 0; ct state established accept; }; }\n";
    let log = "table inet u { chain c { type filter hook input priority 0; @th,64,32 1 log group 1 snaplen 64; }; }\n";
    let lacks = |tried: Result<(), KernelError>| tried.err().map(|error| error.to_string());
    let unused = |tried| Some(lacks(tried).unwrap_or_else(|| UNUSED.to_owned()));
    let tried = [
        ("bridge", lacks(netlink.try_bridge("t-bridge").await)),
        ("veth", lacks(netlink.try_veth("t-a", "t-b").await)),
        ("packet-ring", lacks(try_ring(&namespace))),
        ("nft-stateful", lacks(nft::try_script(&namespace, rules).await)),
        ("nft-log", lacks(try_log(&namespace, log).await)),
        ("vlan-tags", lacks(netlink.try_vlan(20).await)),
        ("netem", lacks(try_netem(&netlink).await)),
        ("bonding", unused(netlink.try_bond("t-bond").await)),
    ];
    let missing = tried.into_iter().filter_map(|(name, why)| Some((name.to_owned(), why?)));
    Ok(missing.collect())
}

/// Why frames cannot be delayed or lost here; none if they can. Must run inside a lab.
pub async fn lacks_netem() -> Result<Option<String>, KernelError> {
    let namespace = Namespace::create("netem")?;
    let netlink = Netlink::open(&namespace)?;
    netlink.try_veth("t-a", "t-b").await?;
    Ok(try_netem(&netlink).await.err().map(|error| error.to_string()))
}

async fn try_netem(netlink: &Netlink) -> Result<(), KernelError> {
    let number = netlink.numbers().await?.get("t-a").copied().unwrap_or(1);
    netlink.try_netem(number).await
}

/// How VLANs can be kept apart here: by tags, if the kernel has 802.1Q and VLAN filtering. Must run inside a lab.
pub async fn vlans() -> Result<Vlans, KernelError> {
    let namespace = Namespace::create("vlans")?;
    let tags = Netlink::open(&namespace)?.try_vlan(20).await;
    Ok(if tags.is_ok() { Vlans::Tagged } else { Vlans::Bridges })
}

fn try_ring(namespace: &Namespace) -> Result<(), KernelError> {
    let tried = namespace.inside(|| Ring::open(64 * 1024, 2).map(drop))?;
    tried.map_err(|error| failed(namespace, "open a packet ring", &error))
}

async fn try_log(namespace: &Namespace, script: &str) -> Result<(), KernelError> {
    nft::try_script(namespace, script).await?;
    let tried = namespace.inside(|| Nflog::bind(1).map(drop))?;
    tried.map_err(|error| failed(namespace, "listen to a log group", &error))
}

fn failed(namespace: &Namespace, operation: &'static str, error: &dyn std::fmt::Display) -> KernelError {
    KernelError::Socket {
        operation,
        node: namespace.name().to_owned(),
        cause: std::io::Error::other(error.to_string()),
    }
}
