//! The fabric while a site is made: its namespace, its bridges, and how cables to the nodes are laid.

use std::collections::BTreeMap;

use super::batch::{Batch, Wire};
use super::ethtool::Offloads;
use super::messages::{self, Numbers};
use super::{KernelError, Namespace, sysctl};
use crate::plan::{Cable, Wiring};

/// Settings of the fabric's namespace: it must not speak by itself, and its bridges must not show frames to the hooks of IP
/// (Documentation/networking/ip-sysctl.rst, `bridge-nf-call-*`: a bridge's own setting only adds to these). There the
/// kernel drops packets whose IP header is not as it should be, which would pass for a device's doing, and every frame
/// takes longer. Not every kernel has the latter.
const SYSCTLS: [(&str, &str); 5] = [
    ("net/bridge/bridge-nf-call-arptables", "0"),
    ("net/bridge/bridge-nf-call-ip6tables", "0"),
    ("net/bridge/bridge-nf-call-iptables", "0"),
    ("net/ipv6/conf/all/disable_ipv6", "1"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
];

/// The fabric, with bridges and without cables yet. Its sockets work in it on whatever thread they are used.
pub(super) struct Ground {
    /// Where all segments live.
    pub(super) fabric: Namespace,
    wire: Wire,
    offloads: Offloads,
}

impl Ground {
    /// Makes the fabric's namespace and moves the calling thread into it, for good; then its bridges.
    pub(super) fn create_here(name: &str, bridges: Batch) -> Result<Self, KernelError> {
        let fabric = Namespace::create_here(name)?;
        let sysctls = SYSCTLS.map(|(key, value)| (key.to_owned(), value.to_owned()));
        sysctl::set_here(&fabric, &BTreeMap::from(sysctls))?;
        let wire = Wire::open_here(name)?;
        let offloads = Offloads::open_here().map_err(|cause| no_offloads(&fabric, cause))?;
        wire.send(bridges)?;
        Ok(Self { fabric, wire, offloads })
    }

    /// Lays all cables; `ports` are the numbers in the fabric, `node` finds a cable's node: its namespace, and the numbers
    /// there.
    ///
    /// Offloads are switched off before a port is plugged in: after that each switch would make the bridge look at all of
    /// its ports again.
    pub(super) fn lay<'n>(
        &self,
        wiring: &Wiring<'_>,
        ports: &Numbers,
        node: impl Fn(&Cable<'_>) -> (&'n Namespace, &'n Numbers),
    ) -> Result<(), KernelError> {
        self.wire.send(messages::cables(wiring, ports, node))?;
        let names: Vec<_> = wiring.cables.iter().map(|cable| cable.port.clone()).collect();
        self.offloads.switch_off(&names).map_err(|cause| no_offloads(&self.fabric, cause))?;
        self.wire.send(messages::ports(wiring, ports))
    }
}

pub(super) fn no_offloads(namespace: &Namespace, cause: std::io::Error) -> KernelError {
    KernelError::Socket { operation: "switch offloads off", node: namespace.name().to_owned(), cause }
}
