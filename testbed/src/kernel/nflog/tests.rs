//! NFLOG against a real kernel, in a namespace of its own.

use super::*;
use crate::kernel::ring::sender::Sender;
use crate::names::{Mac, Traffic};
use crate::tap::frame::Packet;
use crate::tap::inside::{bridge_with_two_ports, index, inside, run};
use crate::tap::nonce::{self, Probe};

const KEY: u32 = 0xfeed_c0de;
const GROUP: u16 = 7;
const PATIENCE: Duration = Duration::from_secs(5);

fn probe(traffic: Traffic, six: bool, n: u32) -> Probe {
    let [source, dest] = if six { ["fd00::9", "fd00::b"] } else { ["10.9.0.9", "10.9.0.2"] };
    Probe {
        source_mac: Mac([2, 0, 0, 0, 0, 0xa]),
        next_hop_mac: Mac([2, 0, 0, 0, 0, 0xb]),
        source: source.parse().unwrap(),
        dest: dest.parse().unwrap(),
        traffic,
        source_port: 40_000,
        key: KEY,
        n,
        ttl: nonce::TTL,
        waypoint: None,
    }
}

#[test]
fn a_probe_is_known_again_behind_an_input_filter() {
    inside(concat!(module_path!(), "::a_probe_is_known_again_behind_an_input_filter"), || {
        bridge_with_two_ports();
        std::fs::write("/proc/sys/net/ipv6/conf/b/disable_ipv6", "0").unwrap();
        run("ip link set dev b address 02:00:00:00:00:0b");
        run("ip address add 10.9.0.2/24 dev b");
        run("ip address add fd00::b/64 dev b nodad");
        run("nft add table inet late");
        run("nft add chain inet late input { type filter hook input priority 300 ; }");
        run("nft add rule inet late input udp dport 666 drop");
        run(&format!("nft add rule inet late input log prefix \"arrived\" group {GROUP}"));
        let mut nflog = Nflog::bind(GROUP).unwrap();

        let kinds = [
            Traffic::Udp(666, 666),
            Traffic::Tcp(554, 554),
            Traffic::Udp(53, 53),
            Traffic::icmp(8),
            Traffic::icmp6(128),
            Traffic::protocol(47),
        ];
        let sent: Vec<Probe> = [false, true]
            .into_iter()
            .flat_map(|six| kinds.map(|kind| (kind, six)))
            .filter(|(kind, six)| {
                !matches!((kind, six), (Traffic::Icmp(..), true) | (Traffic::Icmp6(..), false))
            })
            .zip(0..)
            .map(|((kind, six), n)| probe(kind, six, n))
            .collect();
        let sender = Sender::at(index("a"));
        for probe in &sent {
            sender.send(&nonce::craft(probe).unwrap());
        }
        let let_through = sent.iter().filter(|probe| probe.traffic != Traffic::Udp(666, 666));
        for probe in let_through {
            let logged = loop {
                let logged = nflog.recv(PATIENCE).unwrap().expect("the probe was let through");
                // The kernel's own answers to probes pass no input filter; neighbour discovery does.
                let packet = Packet::of(&logged.payload).unwrap();
                if let Some(n) = nonce::of_packet(&packet, KEY) {
                    break (n, logged);
                }
            };
            assert_eq!(logged.0, probe.n, "{} from {}", probe.traffic, probe.source);
            assert_eq!((logged.1.prefix.as_str(), logged.1.indev), ("arrived", index("b")));
            assert!(logged.1.payload.len() <= COPIED as usize);
        }
        assert_eq!(nflog.lost(), 0);
    });
}

#[test]
fn silence_ends_at_the_deadline_and_a_group_has_one_reader() {
    inside(concat!(module_path!(), "::silence_ends_at_the_deadline_and_a_group_has_one_reader"), || {
        let mut nflog = Nflog::bind(GROUP).unwrap();
        assert_eq!(nflog.recv(Duration::from_millis(5)).unwrap(), None);
        assert!(matches!(Nflog::bind(GROUP), Err(Error::Refused { group: GROUP, .. })));
        drop(nflog);
        let _again = Nflog::bind(GROUP).unwrap();
    });
}
