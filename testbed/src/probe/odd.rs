//! Odd packets: to the ports of the usual list what passes for an answer of a well-known service, segments that open no conversation,
//! packets in pieces and with options; and one packet of each cell in each form that rules may take for another one.
//! A rule that lets one of them in need not name it, so cells have none of them.

use crate::names::{Form, Header, Plain, Shape, TUNNELS, Traffic, Tunnel};
use crate::scenario::usual_ports;

/// Ports of services whose answers careless rules let in: FTP's data, mail, DNS; DHCP, HTTPS, IKE, RTSP. None of the usual list, from which
/// the target itself would answer another probe on the very way back; cells have those that rules name.
const TCP_FROM: [u16; 3] = [20, 25, 53];
const UDP_FROM: [u16; 4] = [67, 443, 500, 554];
/// No flag, FIN, RST, ACK, FIN and SYN, SYN and ACK, FIN PSH and URG, the six of RFC 793 together.
const FLAGS: [u8; 8] = [0, 1, 4, 16, 3, 18, 41, 63];
/// What reaches a neighbour alone, and what only a neighbour can have sent (RFC 4861, section 3.1).
const LIMITS: [u8; 2] = [1, 255];
/// Ports of DHCP (RFC 2131, section 4.1): with a route of its own, what comes from the one and goes to the other has the very way by which a
/// node asks the router for its lease again.
const LEASES: u16 = 67;
const ASKS: u16 = 68;
/// A segment that opens a conversation (RFC 9293, section 3.1).
const SYN: u8 = 2;
/// What a piece that overlaps says where flows allow nothing: HTTPS, DNS, an answer to an echo (types of ICMP and ICMPv6 by 256).
const HTTPS: u16 = 443;
const DNS: u16 = 53;
const ANSWER: u16 = 0;
const ANSWER_6: u16 = 129 << 8;

/// What is known of the way to a target.
#[derive(Clone, Copy)]
pub(super) struct Way {
    /// Whether packets are of IPv4.
    pub(super) ipv4: bool,
    /// Whether strict routes lead to the target.
    pub(super) strict: bool,
    /// Whether there is a device on the way that a tunnel may be for.
    pub(super) waypoint: bool,
}

/// All of them for this way, less what flows allow; other source ports by chance for each `seed`. `of_cells`: a packet of each cell.
pub(super) fn odd(way: Way, allowed: &[Traffic], of_cells: &[Traffic], seed: u64) -> Vec<Traffic> {
    let mut chance = seed;
    let mut port = || {
        // A step of a linear congruence of full period (Knuth, 3.2.1.2); its upper bits are the better ones.
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        1_024 + (chance >> 48) as u16 % 28_000
    };
    let (routes, tunnels) = (way.routes(), way.tunnels());
    let usual = usual_ports(!way.ipv4).into_iter();
    let of_ports: Vec<Shape> = usual
        .flat_map(|usual| shapes(usual, way, &[routes, &tunnels].concat(), allowed, &mut port))
        .collect();
    // Rules that look for one of the two kinds of routes know the other, too: a cell has them by turns, and there are as many more of
    // them; likewise of tunnels, in which a cell's packet is inside.
    let by_turns = routes.iter().cycle().zip(tunnels.iter().cycle().skip(seed as usize % tunnels.len()));
    let of_cells = of_cells.iter().filter_map(|one| shape_of(*one)).zip(by_turns);
    let of_cells = of_cells.flat_map(|(one, (route, tunnel))| packed(one, &[*route, *tunnel], allowed));
    let all = of_ports.into_iter().chain(of_cells).filter(|one| fits(*one, way.ipv4));
    let is_allowed = |one: &Traffic| allowed.iter().any(|flow| flow.meets(one));
    // Flows to the target say nothing of what goes to the device on the way.
    let outside = |shape: &Shape| matches!(shape.form, Form::In(tunnel) if tunnel != Tunnel::VxlanByWay && is_allowed(&tunnel.kind()));
    all.filter(|shape| !outside(shape)).map(Traffic::Shaped).filter(|one| !is_allowed(one)).collect()
}

/// The odd packets to one port, or of one kind of ICMP; none of what has neither. `ways`: of those that lead by other devices.
fn shapes(
    usual: Traffic,
    way: Way,
    ways: &[Form],
    allowed: &[Traffic],
    port: &mut impl FnMut() -> u16,
) -> Vec<Shape> {
    // In every form from another port, so that none is taken for a part of another.
    let mut forms = |header: &mut dyn FnMut(u16) -> Header| {
        let simple = [Form::Pieces, Form::Options].map(|form| Shape { form, ..Shape::of(header(port())) });
        let odd = packed(Shape::of(header(port())), ways, allowed);
        simple.into_iter().chain(odd).collect::<Vec<_>>()
    };
    match usual {
        Traffic::Tcp(to, _) => {
            let forms = forms(&mut |from| Header::Tcp { to, from, flags: SYN });
            let flags = FLAGS.map(|flags| Header::Tcp { to, from: port(), flags });
            let from = TCP_FROM.map(|from| Header::Tcp { to, from, flags: SYN });
            flags.into_iter().chain(from).map(Shape::of).chain(forms).collect()
        }
        Traffic::Udp(to, _) => {
            let plain = UDP_FROM.map(|from| Shape::of(Header::Udp { to, from })).into_iter();
            plain.chain(forms(&mut |from| Header::Udp { to, from })).collect()
        }
        Traffic::Icmp(message, _) if way.ipv4 => forms(&mut |_| Header::Plain(Plain::Icmp(message))),
        Traffic::Icmp6(message, _) if !way.ipv4 => forms(&mut |_| Header::Plain(Plain::Icmp6(message))),
        _ => Vec::new(),
    }
}

/// Each single kind of a list, as far as it has one, with a hop limit of 1 and of 255.
pub(super) fn other_limits(sent: &[Traffic]) -> Vec<Traffic> {
    let headers: Vec<Header> = sent.iter().filter_map(header).collect();
    let shaped = |ttl| headers.iter().map(move |header| Shape { ttl, ..Shape::of(*header) });
    LIMITS.into_iter().flat_map(shaped).map(Traffic::Shaped).collect()
}

/// From the port that it goes to, as it is where neighbours tell one another something.
fn header(one: &Traffic) -> Option<Header> {
    Some(match *one {
        Traffic::Tcp(to, last) if to == last => Header::Tcp { to, from: to, flags: SYN },
        Traffic::Udp(to, last) if to == last => Header::Udp { to, from: to },
        Traffic::Icmp(message, last) if message == last => Header::Plain(Plain::Icmp(message)),
        Traffic::Icmp6(message, last) if message == last => Header::Plain(Plain::Icmp6(message)),
        Traffic::Protocol(number, last) if number == last => Header::Plain(Plain::Protocol(number)),
        _ => return None,
    })
}

impl Way {
    /// Routes that packets bring with them.
    fn routes(self) -> &'static [Form] {
        if self.strict { &[Form::Loose, Form::Strict] } else { &[Form::Loose] }
    }

    /// Tunnels: no Teredo in IPv6, which is for crossing IPv4.
    fn tunnels(self) -> Vec<Form> {
        let has = |one: &Tunnel| match one {
            Tunnel::VxlanByWay => self.waypoint,
            Tunnel::Teredo => self.ipv4,
            _ => true,
        };
        TUNNELS.into_iter().filter(has).map(Form::In).collect()
    }
}

/// Whether there is such a packet: inside a tunnel, ICMP is of the family of what carries it.
fn fits(shape: Shape, ipv4: bool) -> bool {
    let inside = match shape.form {
        Form::In(tunnel) => tunnel.carries_ipv4().unwrap_or(ipv4),
        _ => ipv4,
    };
    !matches!(shape.header, Header::Plain(Plain::Icmp(_) | Plain::Icmp6(_))) || inside == ipv4
}

/// The forms of a packet in which rules may take it for another one, and those of these `ways` besides.
fn packed(shape: Shape, ways: &[Form], allowed: &[Traffic]) -> Vec<Shape> {
    let asks = matches!(shape.header, Header::Udp { to: LEASES, from: ASKS });
    let ways = ways.iter().filter(|form| !(asks && matches!(form, Form::Loose | Form::Strict)));
    let forms = [Form::Tiny, Form::Overlap(instead(shape.header, allowed))];
    forms.iter().chain(ways).map(|form| Shape { form: *form, ..shape }).collect()
}

/// What a piece that overlaps says in the place of this: what flows allow, if they allow anything of the kind.
fn instead(header: Header, allowed: &[Traffic]) -> u16 {
    let find = |of: fn(&Traffic) -> Option<u16>| allowed.iter().find_map(of);
    match header {
        Header::Tcp { to, .. } => {
            let allowed = find(|one| if let Traffic::Tcp(first, _) = one { Some(*first) } else { None });
            allowed.unwrap_or(if to == HTTPS { DNS } else { HTTPS })
        }
        Header::Udp { to, .. } => {
            let allowed = find(|one| if let Traffic::Udp(first, _) = one { Some(*first) } else { None });
            allowed.unwrap_or(if to == DNS { HTTPS } else { DNS })
        }
        Header::Plain(Plain::Icmp6(_)) => ANSWER_6,
        Header::Plain(Plain::Icmp(_) | Plain::Protocol(_)) => ANSWER,
    }
}

/// The packet of a cell, as far as it comes in pieces: no protocol that has a header of its own here, or that IPv6 has for an extension.
fn shape_of(one: Traffic) -> Option<Shape> {
    let no_pieces = |number: u8| [0, 1, 6, 17, 43, 44, 51, 58, 59, 60].contains(&number);
    Some(match one {
        Traffic::Shaped(shape) => shape,
        Traffic::Icmp(message, _) => Shape::of(Header::Plain(Plain::Icmp(message))),
        Traffic::Icmp6(message, _) => Shape::of(Header::Plain(Plain::Icmp6(message))),
        Traffic::Protocol(number, _) => Shape::of(Header::Plain(Plain::Protocol(number))),
        _ => return None,
    })
    .filter(|shape| !matches!(shape.header, Header::Plain(Plain::Protocol(number)) if no_pieces(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(ipv4: bool) -> Way {
        Way { ipv4, strict: ipv4, waypoint: true }
    }

    fn texts(ipv4: bool, allowed: &[&str]) -> Vec<String> {
        let allowed: Vec<Traffic> = allowed.iter().map(|one| one.parse().unwrap()).collect();
        odd(way(ipv4), &allowed, &[], 7).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_usual_port_gets_all_of_them() {
        for (ipv4, echo) in [(true, "icmp/8"), (false, "icmp6/128")] {
            let sent = texts(ipv4, &[]);
            // 9 ports of TCP, 5 of UDP, one kind of ICMP
            // Inside a tunnel that carries the other family no echo goes: two of IPv4, one of IPv6.
            let tunnels = if ipv4 { 15 * 11 - 2 } else { 15 * 10 - 1 };
            assert_eq!(sent.len(), 15 * if ipv4 { 6 } else { 5 } + 9 * 11 + 5 * 4 + tunnels);
            for one in [
                "tcp/22 from 53",
                "udp/161 from 500",
                &format!("{echo} in pieces"),
                &format!("{echo} with options"),
                &format!("{echo} in tiny-pieces"),
            ] {
                assert!(sent.iter().any(|sent| sent == one), "{one}: {sent:?}");
            }
            let ends = |end: &str| sent.iter().filter(|one| one.ends_with(end)).count();
            assert_eq!((ends(" in pieces"), ends(" with options"), ends(" flags fin|syn")), (15, 15, 9));
            let overlap = sent.iter().filter(|one| one.contains(" overlapping ")).count();
            assert_eq!((ends(" in tiny-pieces"), overlap), (15, 15));
            assert_eq!(
                (ends(" with loose-route"), ends(" with strict-route")),
                (15, if ipv4 { 15 } else { 0 })
            );
        }
    }

    #[test]
    fn each_single_kind_has_other_hop_limits_and_a_range_has_none() {
        let sent = ["udp/547", "tcp/1-9", "icmp6/135", "ntp/question"].map(|one| one.parse().unwrap());
        let all: Vec<String> = other_limits(&sent).iter().map(ToString::to_string).collect();
        let limits =
            ["udp/547 from 547 ttl 1", "icmp6/135 ttl 1", "udp/547 from 547 ttl 255", "icmp6/135 ttl 255"];
        assert_eq!(all, limits);
    }

    #[test]
    fn what_flows_allow_is_left_out() {
        let sent = texts(true, &["tcp/443", "udp/53"]);
        assert!(
            !sent.iter().any(|one| one.starts_with("tcp/443 ") || one.starts_with("udp/53 ")),
            "{sent:?}"
        );
        assert_eq!(sent.len(), 8 * 28 + 4 * 21 + 6 + 9);
    }

    #[test]
    fn a_tunnel_that_flows_allow_and_one_to_nobody_are_left_out() {
        let sent = texts(true, &["udp/4789", "proto/47"]);
        assert!(!sent.iter().any(|one| one.ends_with(" in vxlan") || one.ends_with(" in gre")), "{sent:?}");
        assert!(
            sent.iter().any(|one| one.ends_with(" in vxlan-to-router")),
            "flows are to the target: {sent:?}"
        );
        let way = Way { waypoint: false, ..way(true) };
        let sent = odd(way, &[], &[], 7);
        assert!(!sent.iter().any(|one| one.to_string().ends_with("vxlan-to-router")), "{sent:?}");
        assert!(sent.iter().any(|one| one.to_string().ends_with(" in vxlan")), "{sent:?}");
    }

    #[test]
    fn source_ports_differ_from_run_to_run() {
        let of = |seed| odd(way(true), &[], &[], seed);
        assert_ne!(of(7), of(8));
        assert_eq!(of(7), of(7));
    }

    #[test]
    fn a_packet_of_each_cell_comes_in_each_form() {
        let cells = ["tcp/80 from 53 flags ack", "udp/9 from 8 ttl 255", "icmp/13", "proto/89", "proto/51"];
        let cells = cells.map(|text| Traffic::try_from(text.to_owned()).unwrap());
        let allowed = ["tcp/8883".parse().unwrap()];
        let (all, none) = (odd(way(true), &allowed, &cells, 11), odd(way(true), &allowed, &[], 11));
        let more: Vec<String> = all[none.len()..].iter().map(ToString::to_string).collect();
        let wanted = [
            "tcp/80 from 53 flags ack in tiny-pieces",
            "tcp/80 from 53 flags ack overlapping 8883",
            "tcp/80 from 53 flags ack with loose-route",
            "tcp/80 from 53 flags ack in ip4",
            "udp/9 from 8 ttl 255 in tiny-pieces",
            "udp/9 from 8 ttl 255 overlapping 53",
            "udp/9 from 8 ttl 255 with strict-route",
            "udp/9 from 8 ttl 255 in ip6",
            "icmp/13 in tiny-pieces",
            "icmp/13 overlapping 0",
            "icmp/13 with loose-route",
            "icmp/13 in gre",
            "proto/89 in tiny-pieces",
            "proto/89 overlapping 0",
            "proto/89 with strict-route",
            "proto/89 in esp",
        ];
        assert_eq!(more, wanted);
    }
}
