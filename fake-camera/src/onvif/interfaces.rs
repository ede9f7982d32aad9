//! The network interfaces of this machine, or of this namespace.

use std::collections::BTreeMap;
use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};

/// One interface that is no loopback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) name: String,
    /// Ethernet address, for example `02:00:00:00:00:01`.
    pub(super) hardware: String,
    pub(super) mtu: Option<u32>,
    /// Addresses with their prefix lengths.
    pub(super) addresses: Vec<(IpAddr, u8)>,
}

/// All that are up; none if the kernel does not say.
pub(super) fn all() -> Vec<Interface> {
    let mut found: BTreeMap<String, Interface> = BTreeMap::new();
    for entry in getifaddrs().into_iter().flatten() {
        if entry.flags.contains(InterfaceFlags::IFF_LOOPBACK) || !entry.flags.contains(InterfaceFlags::IFF_UP)
        {
            continue;
        }
        let name = entry.interface_name;
        let interface = found.entry(name.clone()).or_insert_with(|| Interface {
            mtu: mtu(&name),
            name,
            ..Interface::default()
        });
        let Some(address) = entry.address else { continue };
        if let Some(hardware) = address.as_link_addr().and_then(nix::sys::socket::LinkAddr::addr) {
            interface.hardware = hardware.map(|byte| format!("{byte:02x}")).join(":");
        }
        let ip = |storage: &nix::sys::socket::SockaddrStorage| {
            let four = storage.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
            four.or_else(|| storage.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip())))
        };
        if let (Some(own), Some(mask)) = (ip(&address), entry.netmask.as_ref().and_then(ip)) {
            interface.addresses.push((own, length(mask)));
        }
    }
    found.into_values().collect()
}

/// The kernel's number of the interface that has this address.
pub(crate) fn index_of(address: IpAddr) -> Option<u32> {
    let has = |link: &Interface| link.addresses.iter().any(|(own, _)| *own == address);
    let link = all().into_iter().find(has)?;
    if_nametoindex(link.name.as_str()).ok()
}

/// How long the prefix of this address is that an interface has.
pub(crate) fn prefix_of(address: IpAddr) -> Option<u8> {
    let mut addresses = all().into_iter().flat_map(|link| link.addresses);
    addresses.find_map(|(own, prefix)| (own == address).then_some(prefix))
}

fn length(mask: IpAddr) -> u8 {
    match mask {
        IpAddr::V4(mask) => u32::from(mask).leading_ones() as u8,
        IpAddr::V6(mask) => u128::from(mask).leading_ones() as u8,
    }
}

fn mtu(name: &str) -> Option<u32> {
    std::fs::read_to_string(format!("/sys/class/net/{name}/mtu")).ok()?.trim().parse().ok()
}
