//! Odd packets to the ports of the usual list: what passes for an answer of a well-known service, segments that open no conversation,
//! packets in pieces and with options. A rule that lets one of them in need not name it, so cells have none of them.

use crate::names::{Form, Header, Plain, Shape, Traffic};
use crate::scenario::usual_ports;

/// Ports of services whose answers careless rules let in: FTP's data, mail, DNS; DHCP, HTTPS, IKE, RTSP. None of the usual list, from which
/// the target itself would answer another probe on the very way back; cells have those that rules name.
const TCP_FROM: [u16; 3] = [20, 25, 53];
const UDP_FROM: [u16; 4] = [67, 443, 500, 554];
/// No flag, FIN, RST, ACK, FIN and SYN, SYN and ACK, FIN PSH and URG, the six of RFC 793 together.
const FLAGS: [u8; 8] = [0, 1, 4, 16, 3, 18, 41, 63];
/// A segment that opens a conversation (RFC 9293, section 3.1).
const SYN: u8 = 2;

/// All of them for one family, less what flows allow; other source ports by chance for each `seed`.
pub(super) fn odd(ipv4: bool, allowed: &[Traffic], seed: u64) -> Vec<Traffic> {
    let mut chance = seed;
    let mut port = || {
        // A step of a linear congruence of full period (Knuth, 3.2.1.2); its upper bits are the better ones.
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        1_024 + (chance >> 48) as u16 % 28_000
    };
    let all = usual_ports(!ipv4).into_iter().flat_map(|usual| shapes(usual, ipv4, &mut port));
    let all: Vec<Traffic> = all.map(Traffic::Shaped).collect();
    all.into_iter().filter(|one| !allowed.iter().any(|flow| flow.meets(one))).collect()
}

/// The odd packets to one port, or of one kind of ICMP; none of what has neither.
fn shapes(usual: Traffic, ipv4: bool, port: &mut impl FnMut() -> u16) -> Vec<Shape> {
    let packed = |header, form| Shape { form, ..Shape::of(header) };
    let forms = [Form::Pieces, Form::Options];
    match usual {
        Traffic::Tcp(to, _) => {
            let flags = FLAGS.map(|flags| Header::Tcp { to, from: port(), flags });
            let from = TCP_FROM.map(|from| Header::Tcp { to, from, flags: SYN });
            let plain = flags.into_iter().chain(from).map(Shape::of);
            plain
                .chain(forms.map(|form| packed(Header::Tcp { to, from: port(), flags: SYN }, form)))
                .collect()
        }
        Traffic::Udp(to, _) => {
            let plain = UDP_FROM.map(|from| Shape::of(Header::Udp { to, from })).into_iter();
            plain.chain(forms.map(|form| packed(Header::Udp { to, from: port() }, form))).collect()
        }
        Traffic::Icmp(message, _) if ipv4 => {
            forms.map(|form| packed(Header::Plain(Plain::Icmp(message)), form)).to_vec()
        }
        Traffic::Icmp6(message, _) if !ipv4 => {
            forms.map(|form| packed(Header::Plain(Plain::Icmp6(message)), form)).to_vec()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ipv4: bool, allowed: &[&str]) -> Vec<String> {
        let allowed: Vec<Traffic> = allowed.iter().map(|one| one.parse().unwrap()).collect();
        odd(ipv4, &allowed, 7).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_usual_port_gets_all_of_them() {
        for (ipv4, echo) in [(true, "icmp/8"), (false, "icmp6/128")] {
            let sent = texts(ipv4, &[]);
            // 9 ports of TCP, 5 of UDP, one kind of ICMP
            assert_eq!(sent.len(), 9 * (8 + 3 + 2) + 5 * (4 + 2) + 2);
            for one in [
                "tcp/22 from 53",
                "udp/161 from 500",
                &format!("{echo} in pieces"),
                &format!("{echo} with options"),
            ] {
                assert!(sent.iter().any(|sent| sent == one), "{one}: {sent:?}");
            }
            let ends = |end: &str| sent.iter().filter(|one| one.ends_with(end)).count();
            assert_eq!((ends(" in pieces"), ends(" with options"), ends(" flags fin|syn")), (15, 15, 9));
        }
    }

    #[test]
    fn what_flows_allow_is_left_out() {
        let sent = texts(true, &["tcp/443", "udp/53"]);
        assert!(
            !sent.iter().any(|one| one.starts_with("tcp/443 ") || one.starts_with("udp/53 ")),
            "{sent:?}"
        );
        assert_eq!(sent.len(), 8 * 13 + 4 * 6 + 2);
    }

    #[test]
    fn source_ports_differ_from_run_to_run() {
        assert_ne!(odd(true, &[], 7), odd(true, &[], 8));
        assert_eq!(odd(true, &[], 7), odd(true, &[], 7));
    }
}
