//! What the model of the loaded rules says of a packet that was sent, and of a conversation that was opened.

use std::net::IpAddr;

use crate::model::{Blame, Body, Fate, Kernel, Model, Outcome, Packet, Prediction, Probe, Raw, Sent};
use crate::names::{FAR_PORTS, Form, Header, SECOND_PIECE, Shape, Traffic, Tunnel};
use crate::plan::{Aim, Judge, Open};

/// What is predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Predicted {
    /// It gets where the aim judges, or to the node that is opened to.
    Arrives,
    /// It is handed to another node; in words.
    Elsewhere(String),
    /// It is stopped; in words where and by what.
    Stopped(String),
    /// Only the probe can tell; in words why.
    Unknown(String),
}

/// Source ports of the attack: the least and the greatest that there are. What a rule tells apart by them is not
/// predicted, as each aim and each run has another one.
const SOURCE_PORTS: [u16; 2] = [20_000, 23_999];

const SYN: u8 = 2;
/// Of odd packets: the option that records the route (RFC 791, section 3.1), and destination options (RFC 8200, section 4.6).
const RECORD_ROUTE: u8 = 7;
const DESTINATION_OPTIONS: u8 = 60;
/// Source routes (RFC 791, section 3.1), and the routing header of IPv6 (RFC 8200, section 4.4).
const LOOSE_ROUTE: u8 = 131;
const STRICT_ROUTE: u8 = 137;
const ROUTING: u8 = 43;
/// Authentication (RFC 4302).
const AH: u8 = 51;

/// Where packets go whose kind is not their destination port: the least and the greatest that there are, likewise.
const FAR: [u16; 2] = [*FAR_PORTS.start(), *FAR_PORTS.end()];

/// What becomes of a packet of this single kind, sent as the aim says.
pub(super) fn packet(model: &Model<'_>, aim: &Aim, traffic: &Traffic) -> Predicted {
    if let Traffic::Ether(..) = traffic {
        return Predicted::Unknown("frames without IP".to_owned());
    }
    let packets = [0, 1].map(|place| packet_of(aim, traffic, (SOURCE_PORTS[place], FAR[place])));
    let [Some(one), Some(other)] = packets else {
        return Predicted::Unknown(format!("no model of {traffic}"));
    };
    let form = match traffic {
        Traffic::Shaped(shape) => shape.form,
        _ => Form::Whole,
    };
    if one == other {
        return aimed(model, aim, one, form);
    }
    let (one, other) = (aimed(model, aim, one, form), aimed(model, aim, other, form));
    if one == other { one } else { Predicted::Unknown("a port that each run chooses matters".to_owned()) }
}

/// The packet of an aim from this source port and to this far one, if it has no others.
fn packet_of(aim: &Aim, traffic: &Traffic, (source, far): (u16, u16)) -> Option<Packet> {
    let packet = |body| Packet::new(aim.source, aim.address, body);
    let Traffic::Shaped(Shape { header, ttl, dscp, form }) = *traffic else {
        return body(traffic, source).or_else(|| body_from_afar(traffic, source, far)).map(packet);
    };
    let body = match header {
        Header::Tcp { to, from, flags } => Body::Tcp { source: from, destination: to, flags },
        Header::Udp { to, from } => Body::Udp { source: from, destination: to },
        Header::Plain(plain) => body(&plain.into(), source)?,
    };
    if let Form::In(tunnel) = form {
        return outside(aim, tunnel, source).map(|packet| Packet { ttl, dscp, ..packet });
    }
    let (options, extensions) = match (form, aim.address) {
        (Form::Whole | Form::Pieces | Form::Tiny | Form::Overlap(_) | Form::In(_), _) => {
            (Vec::new(), Vec::new())
        }
        (Form::Loose, IpAddr::V4(_)) => (vec![LOOSE_ROUTE], Vec::new()),
        (Form::Strict, IpAddr::V4(_)) => (vec![STRICT_ROUTE], Vec::new()),
        (Form::Loose | Form::Strict, IpAddr::V6(_)) => (Vec::new(), vec![ROUTING]),
        (Form::Options, IpAddr::V4(_)) => (vec![RECORD_ROUTE], Vec::new()),
        (Form::Options, IpAddr::V6(_)) => (Vec::new(), vec![DESTINATION_OPTIONS]),
    };
    // A route of its own leads by the first device, which it is for until then.
    let by_way = aim
        .cells
        .as_ref()
        .and_then(|cells| cells.waypoint)
        .filter(|_| options.iter().any(|one| *one != RECORD_ROUTE));
    let destination = by_way.filter(IpAddr::is_ipv4).unwrap_or(aim.address);
    Some(Packet { ttl, dscp, options, extensions, ..Packet::new(aim.source, destination, body) })
}

/// The packet that another one rides in; none for AH of IPv6, which is an extension header with a packet behind it.
fn outside(aim: &Aim, tunnel: Tunnel, source: u16) -> Option<Packet> {
    let body = match (tunnel.protocol(), tunnel.port()) {
        (Some(AH), _) if aim.address.is_ipv6() => return None,
        (Some(number), _) => Body::Other(number),
        (None, port) => Body::Udp { source, destination: port? },
    };
    let waypoint =
        aim.cells.as_ref().and_then(|cells| cells.waypoint).filter(|_| tunnel == Tunnel::VxlanByWay);
    Some(Packet::new(aim.source, waypoint.unwrap_or(aim.address), body))
}

/// `form`: in how many pieces it comes.
fn aimed(model: &Model<'_>, aim: &Aim, packet: Packet, form: Form) -> Predicted {
    if aim.everybody.is_some() {
        return Predicted::Unknown("it is sent past the addresses of the plan".to_owned());
    }
    if form == Form::Tiny && aim.address.is_ipv6() && matches!(packet.body, Body::Tcp { .. }) {
        // `ipv6frag_thdr_truncated` (Linux 5.11): such a piece is not put together with others.
        return Predicted::Unknown(
            "a first piece of IPv6 without its whole header goes on by itself".to_owned(),
        );
    }
    let forged = aim.forged.as_ref().map(|forged| forged.mac);
    let raw = Raw { link: aim.link.clone(), to: Some(aim.next_hop), forged };
    let probe = Probe { from: aim.from.clone(), sent: Sent::Raw(raw), packet };
    let prediction = match form.second_piece() {
        Some(place) => model.predict_in_pieces(&probe, place),
        None => model.predict(&probe),
    };
    let judged = |prediction: &Prediction| match &aim.judge {
        Judge::BehindFilter { .. } => at_node(prediction, &aim.to),
        Judge::Tap { .. } => at_tap(model, aim, prediction),
    };
    let predicted = judged(&prediction);
    match form {
        Form::Overlap(other) if predicted != Predicted::Arrives && !waited(&prediction) => {
            let packet = Packet { body: instead(probe.packet.body, other), ..probe.packet.clone() };
            let between = judged(&model.predict_in_pieces(&Probe { packet, ..probe }, SECOND_PIECE));
            match (&predicted, between) {
                (Predicted::Stopped(_), Predicted::Stopped(_)) => predicted,
                _ => Predicted::Unknown(
                    "of pieces that overlap, one may go another way than the others".to_owned(),
                ),
            }
        }
        Form::In(Tunnel::VxlanByWay) if !matches!(predicted, Predicted::Stopped(_)) => {
            Predicted::Unknown("whether a device opens tunnels is for the probe to find".to_owned())
        }
        _ => predicted,
    }
}

/// Whether the first device kept the last of two pieces until it had the other one, so that what comes between them makes no difference: Linux
/// keeps what came first (`inet_frag_queue_insert`).
fn waited(prediction: &Prediction) -> bool {
    let [first, last, ..] = &prediction.hops[..] else { return false };
    let Outcome::Dropped { by } = &last.outcome else { return false };
    let keeps = |blame: &Blame| matches!(blame, Blame::Kernel(Kernel::Incomplete | Kernel::IncompleteHere));
    first.node == last.node && by.iter().all(keeps)
}

/// What the first piece that comes second says.
fn instead(body: Body, other: u16) -> Body {
    let [kind, code] = other.to_be_bytes();
    match body {
        Body::Tcp { source, flags, .. } => Body::Tcp { source, destination: other, flags },
        Body::Udp { source, .. } => Body::Udp { source, destination: other },
        Body::Icmp { .. } => Body::Icmp { kind, code },
        Body::Icmp6 { .. } => Body::Icmp6 { kind, code },
        Body::Other(_) => body,
    }
}

/// At its tap a packet has arrived, whatever the node's own rules do with it then.
fn at_tap(model: &Model<'_>, aim: &Aim, prediction: &Prediction) -> Predicted {
    let links = model.plan().node(&aim.to).map_or(0, |node| node.links.len());
    let came = prediction.hops.iter().any(|hop| hop.node == aim.to);
    match (came, links) {
        (true, 1) => Predicted::Arrives,
        (true, _) => {
            Predicted::Unknown(format!("{} has several links, and one of them is looked at", aim.to))
        }
        (false, _) => at_node(prediction, &aim.to),
    }
}

fn at_node(prediction: &Prediction, to: &crate::names::NodeName) -> Predicted {
    let text = prediction.fate.to_string();
    match &prediction.fate {
        Fate::Arrives { at, .. } if at == to => Predicted::Arrives,
        Fate::Arrives { .. } => Predicted::Elsewhere(text),
        Fate::Stopped { .. } => Predicted::Stopped(text),
        Fate::Unknown { .. } => Predicted::Unknown(text),
    }
}

/// What becomes of the first packet of a conversation that a node opens by its own kernel, from this port.
pub(super) fn opening(model: &Model<'_>, (open, source): (&Open, IpAddr), local_port: u16) -> Predicted {
    let Some(body) = body(&open.port, local_port) else {
        return Predicted::Unknown(format!("no model of {}", open.port));
    };
    let packet = Packet::new(source, open.address, body);
    at_node(&model.predict(&Probe { from: open.from.clone(), sent: Sent::Own, packet }), &open.to)
}

/// A packet of a single kind that is not told by its destination port; none where the model has no such.
fn body_from_afar(traffic: &Traffic, source: u16, far: u16) -> Option<Body> {
    match *traffic {
        Traffic::TcpFrom(from, last) if from == last => {
            Some(Body::Tcp { source: from, destination: far, flags: SYN })
        }
        Traffic::UdpFrom(from, last) if from == last => Some(Body::Udp { source: from, destination: far }),
        Traffic::TcpFlags(flags, last) if flags == last => {
            Some(Body::Tcp { source, destination: far, flags })
        }
        _ => None,
    }
}

/// A packet of a single kind; none where the model has no such.
fn body(traffic: &Traffic, source: u16) -> Option<Body> {
    let halves = |number: u16| number.to_be_bytes();
    match *traffic {
        Traffic::Tcp(destination, last) if destination == last => {
            Some(Body::Tcp { source, destination, flags: SYN })
        }
        Traffic::Udp(destination, last) if destination == last => Some(Body::Udp { source, destination }),
        Traffic::Icmp(number, last) if number == last => {
            let [kind, code] = halves(number);
            Some(Body::Icmp { kind, code })
        }
        Traffic::Icmp6(number, last) if number == last => {
            let [kind, code] = halves(number);
            Some(Body::Icmp6 { kind, code })
        }
        // With a payload of our own in place of that protocol's header, these are no packets of theirs.
        Traffic::Protocol(1 | 6 | 17 | 58, _) => None,
        Traffic::Protocol(number, last) if number == last => Some(Body::Other(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Cells, Word};
    use crate::verdict::example;

    /// What is predicted of this kind, from 10.0.0.7 to 10.9.0.9 by way of 10.0.0.1; or of IPv6.
    fn seen(kind: &str, six: bool) -> Option<Packet> {
        let plan = example::plan();
        let aims = plan.checks.iter().find_map(|check| match &check.word {
            Word::NoReach { aims, .. } => aims.first(),
            _ => None,
        });
        let [source, address, waypoint] = match six {
            false => ["10.0.0.7", "10.9.0.9", "10.0.0.1"],
            true => ["fd00::7", "fd09::9", "fd00::1"],
        }
        .map(|text| text.parse::<IpAddr>().unwrap());
        let cells = Cells {
            allowed: Vec::new(),
            all: true,
            switched: false,
            odd: true,
            one_each: false,
            waypoint: Some(waypoint),
            strict: !six,
        };
        let aim = Aim { source, address, cells: Some(cells), ..aims.unwrap().clone() };
        packet_of(&aim, &Traffic::try_from(kind.to_owned()).unwrap(), (20_000, 1))
    }

    #[test]
    fn of_a_tunnel_the_outer_packet_counts() {
        for (kind, body) in [
            ("tcp/22 from 5 in gre", Body::Other(47)),
            ("udp/53 from 5 ttl 1 in ip6", Body::Other(41)),
            ("icmp/13 in esp", Body::Other(50)),
            ("proto/89 in teredo", Body::Udp { source: 20_000, destination: 3544 }),
        ] {
            let packet = seen(kind, false).unwrap();
            let ttl = if kind.contains("ttl 1") { 1 } else { 64 };
            assert_eq!((packet.body, packet.ttl), (body, ttl), "{kind}");
            assert_eq!(packet.destination.to_string(), "10.9.0.9");
        }
        assert_eq!(seen("tcp/22 from 5 in ah", true), None, "an extension header with a packet behind it");
        assert_eq!(seen("tcp/22 from 5 in ah", false).unwrap().body, Body::Other(51));
    }

    #[test]
    fn what_goes_by_the_first_device_is_for_that_one() {
        for (kind, six, to) in [
            ("tcp/22 from 5 in vxlan-to-router", false, "10.0.0.1"),
            ("tcp/22 from 5 in vxlan-to-router", true, "fd00::1"),
            ("tcp/22 from 5 in vxlan", false, "10.9.0.9"),
            ("tcp/22 from 5 with loose-route", false, "10.0.0.1"),
            ("tcp/22 from 5 with loose-route", true, "fd09::9"),
            ("tcp/22 from 5 with options", false, "10.9.0.9"),
        ] {
            assert_eq!(seen(kind, six).unwrap().destination.to_string(), to, "{kind}");
        }
    }
}
