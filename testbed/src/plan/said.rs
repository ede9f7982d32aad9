//! What is said in which group.

use std::net::{IpAddr, Ipv6Addr};

use crate::names::{Mac, Traffic};

/// Groups, each with what is said there, which is all that each gets: those of a link, of an organisation and of the whole
/// internet, and those in which routes and members are told. The global ones are for documentation (RFC 6676).
const GROUPS: [(&str, &[Traffic]); 16] = [
    // multicast DNS (RFC 6762), LLMNR (RFC 4795), WS-Discovery and SSDP
    ("224.0.0.251", &[udp(5353)]),
    ("224.0.0.252", &[udp(5355)]),
    ("239.255.255.250", &[udp(3702), udp(1900)]),
    // OSPF (RFC 2328), RIP (RFC 2453)
    ("224.0.0.5", &[OSPF]),
    ("224.0.0.9", &[udp(520)]),
    // of an organisation (RFC 2365), and global
    ("239.192.0.1", &[udp(5004)]),
    ("233.252.0.1", &[udp(5004)]),
    ("ff02::fb", &[udp(5353)]),
    ("ff02::1:3", &[udp(5355)]),
    ("ff02::c", &[udp(3702), udp(1900)]),
    ("ff05::c", &[udp(3702), udp(1900)]),
    // OSPFv3 (RFC 5340), RIPng (RFC 2080), and who asks for an address (RFC 8415)
    ("ff02::5", &[OSPF]),
    ("ff02::9", &[udp(521)]),
    ("ff02::1:2", &[udp(547)]),
    ("ff05::1:3", &[udp(547)]),
    ("ff0e::db8:0:1", &[udp(5004)]),
];
const OSPF: Traffic = Traffic::Protocol(89, 89);
/// Who tells of groups that it listens to (RFC 3810), and where.
const REPORT: (&str, Traffic) = ("ff02::16", icmp6(143));
/// Who asks for a neighbour's Ethernet address (RFC 4861, section 4.3).
const SOLICITATION: Traffic = icmp6(135);

const fn udp(port: u16) -> Traffic {
    Traffic::Udp(port, port)
}

const fn icmp6(kind: u16) -> Traffic {
    Traffic::Icmp6(kind << 8, kind << 8)
}

/// Each group with what is said in it; the last one is that in which the link with this Ethernet address is asked for. Who has IPv6
/// itself (`speaks_six`) reports and asks by its own accord, the very way that such probes would go: it sends none. For the same reason
/// nobody sends reports of IPv4 (IGMP).
pub(super) fn groups(of: Mac, speaks_six: bool) -> Vec<(IpAddr, Vec<Traffic>)> {
    let group = |text: &str| text.parse().expect("an address");
    let known = GROUPS.iter().map(|(address, said)| (group(address), said.to_vec()));
    let (reports, report) = REPORT;
    let upkeep = [(group(reports), vec![report]), (solicited_node(of).into(), vec![SOLICITATION])];
    known.chain(upkeep.into_iter().filter(|_| !speaks_six)).collect()
}

/// The group in which a link is asked for by the address that it has of itself (RFC 4291, section 2.7.1).
fn solicited_node(of: Mac) -> Ipv6Addr {
    let [.., a, b, c] = of.link_local().octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_in_which_a_link_is_asked_for_ends_as_its_address_does() {
        let (group, said) = groups(Mac([2, 0, 0, 0xab, 0xcd, 0xef]), false).pop().unwrap();
        assert_eq!((group.to_string().as_str(), said), ("ff02::1:ffab:cdef", vec![SOLICITATION]));
        let all = groups(Mac([2, 0, 0, 0, 0, 1]), true);
        assert!(!all.iter().any(|(_, said)| said.contains(&SOLICITATION) || said.contains(&REPORT.1)));
        assert!(all.iter().all(|(address, said)| address.is_multicast() && !said.is_empty()));
    }
}
