//! Addresses in the frames of a run.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use etherparse::{LaxNetSlice, LaxSlicedPacket};
use pcap_file::pcapng::{Block, PcapNgReader};
use testbed::plan::Plan;

/// Addresses of one host that frames of the capture carry and no node of the plan has.
pub(crate) fn strangers(capture: &Path, plan: &Plan) -> BTreeSet<IpAddr> {
    let links = plan.nodes.iter().flat_map(|node| &node.links);
    let own: BTreeSet<IpAddr> =
        links.flat_map(|link| &link.addresses).map(|address| address.addr()).collect();
    let seen = addresses(capture);
    assert!(own.intersection(&seen).count() > 1, "the capture shows the lab: {own:?}, {seen:?}");
    seen.into_iter().filter(|address| !own.contains(address) && !of_no_host(address)).collect()
}

/// Addresses of IP and ARP headers.
fn addresses(capture: &Path) -> BTreeSet<IpAddr> {
    let mut reader = PcapNgReader::new(File::open(capture).unwrap()).unwrap();
    let mut seen = BTreeSet::new();
    while let Some(block) = reader.next_block() {
        let Block::EnhancedPacket(packet) = block.unwrap().0 else { continue };
        match LaxSlicedPacket::from_ethernet(&packet.data).unwrap().net {
            Some(LaxNetSlice::Ipv4(packet)) => {
                let header = packet.header();
                seen.extend([header.source_addr(), header.destination_addr()].map(IpAddr::from));
            }
            Some(LaxNetSlice::Ipv6(packet)) => {
                let header = packet.header();
                seen.extend([header.source_addr(), header.destination_addr()].map(IpAddr::from));
            }
            Some(LaxNetSlice::Arp(packet)) => {
                for address in [packet.sender_protocol_addr(), packet.target_protocol_addr()] {
                    let octets: [u8; 4] = address.try_into().unwrap();
                    seen.insert(Ipv4Addr::from(octets).into());
                }
            }
            None => {}
        }
    }
    seen
}

/// What stands for groups, for nobody yet, or for a neighbour on the same wire.
fn of_no_host(address: &IpAddr) -> bool {
    address.is_multicast()
        || address.is_unspecified()
        || matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
