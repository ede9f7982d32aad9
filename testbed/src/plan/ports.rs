//! Arithmetic with kinds of traffic: what is left without some, how many they are, which may be opened.

use std::net::IpAddr;

use crate::names::Traffic;

/// `ports` less everything in `taken`; ranges are split.
pub(super) fn without(ports: &[Traffic], taken: &[Traffic]) -> Vec<Traffic> {
    let mut left = ports.to_vec();
    for hole in taken {
        left = left.iter().flat_map(|one| one.without(hole)).collect();
    }
    left
}

/// Whether packets of this kind exist in the address's family.
pub(super) fn fits(traffic: &Traffic, address: IpAddr) -> bool {
    match traffic {
        Traffic::Icmp(..) => address.is_ipv4(),
        Traffic::Icmp6(..) => address.is_ipv6(),
        _ => true,
    }
}

/// One of its kinds that can be opened through a node's own kernel and answers: any TCP port, a DNS query, an NTP
/// query, an echo request. None if there is no such kind.
pub(super) fn openable(traffic: &Traffic) -> Option<Traffic> {
    match *traffic {
        Traffic::Tcp(first, _) => Some(Traffic::Tcp(first, first)),
        Traffic::Udp(first, last) => [53, 123]
            .into_iter()
            .find(|port| (first..=last).contains(port))
            .map(|port| Traffic::Udp(port, port)),
        Traffic::Icmp(..) if *traffic == Traffic::icmp(8) => Some(*traffic),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Traffic> {
        text.split_whitespace().map(|one| one.parse().unwrap()).collect()
    }

    fn left(ports: &str, taken: &str) -> String {
        let left: Vec<_> = without(&read(ports), &read(taken)).iter().map(ToString::to_string).collect();
        left.join(" ")
    }

    #[test]
    fn what_is_taken_out_splits_a_range() {
        assert_eq!(left("tcp/*", "tcp/443"), "tcp/0-442 tcp/444-65535");
        assert_eq!(left("tcp/* udp/1-10", "tcp/0 tcp/65535 udp/1-10"), "tcp/1-65534");
        assert_eq!(left("tcp/20-30", "tcp/10-20 tcp/30-40 udp/25"), "tcp/21-29");
        assert_eq!(left("icmp/8 proto/47", "icmp/8 icmp6/47"), "proto/47");
        assert_eq!(left("tcp/5", "tcp/*"), "");
        assert_eq!(left("ntp/question ntp/control udp/123", "udp/100-200"), "ntp/control");
    }

    #[test]
    fn only_what_answers_can_be_opened() {
        let opened = |text: &str| openable(&text.parse().unwrap()).map(|one| one.to_string());
        assert_eq!(opened("tcp/8000-9000").as_deref(), Some("tcp/8000"));
        assert_eq!(opened("udp/1-1024").as_deref(), Some("udp/53"));
        assert_eq!(opened("udp/100-200").as_deref(), Some("udp/123"));
        assert_eq!((opened("udp/500"), opened("proto/47"), opened("icmp/0")), (None, None, None));
    }

    #[test]
    fn a_kind_belongs_to_its_family() {
        let (four, six) = ("10.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        assert!(fits(&Traffic::icmp(8), four) && !fits(&Traffic::icmp(8), six));
        assert!(fits(&Traffic::icmp6(128), six) && !fits(&Traffic::icmp6(128), four));
        assert!(fits(&Traffic::protocol(47), six));
    }
}
