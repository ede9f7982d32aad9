//! Whether a node finds the Ethernet address of its next hop, which rules for IPv6 can prevent and ARP's own can.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Model;
use super::evaluate::{Arrived, Ends, Traveller, arrive, send};
use super::outcome::{Leaving, Why};
use super::packet::{Body, Ethernet, Packet};
use super::path::{Leg, has};
use super::routes::{link_local_of, solicited};
use super::ruleset::{Family, Ruleset};
use crate::names::Mac;
use crate::plan::{Link, Node};

/// Neighbour solicitation and advertisement (RFC 4861, section 4).
const ASKS: u8 = 135;
const TELLS: u8 = 136;

/// What becomes of the question and of its answer; `Passes` where both get through, or none is needed.
pub(super) fn found(
    model: &Model<'_>,
    leg: &Leg<'_>,
    (node, link): (&Node, &Link),
    address: IpAddr,
    packet: &Packet,
) -> Ends {
    let known = leg.link.neighbours.iter().any(|(known, _)| *known == address);
    if known || model.segment(leg.link).is_some_and(|segment| segment.fixed) {
        return passes(packet);
    }
    let Some(group) = solicited(address) else { return arp(model, leg.node, node, packet) };
    // It asks as whoever the packet is from, if that is itself.
    let own = Some(packet.source).filter(|source| has(leg.link, *source));
    let asks_as = own.unwrap_or_else(|| link_local_of(leg.link));
    let message =
        |from, to, kind| Packet { ttl: 255, ..Packet::new(from, to, Body::Icmp6 { kind, code: 0 }) };
    let question = message(asks_as, group.into(), ASKS);
    // RFC 2464, section 7.
    let [.., c, d, e, f] = group.octets();
    let to_group = Mac([0x33, 0x33, c, d, e, f]);
    let asked = one_way(model, (leg.node, leg.link), (node, link), question, to_group);
    if !matches!(asked, Ends::Passes(_)) {
        return asked;
    }
    let answer = message(address, asks_as, TELLS);
    one_way(model, (node, link), (leg.node, leg.link), answer, leg.link.mac)
}

fn one_way(
    model: &Model<'_>,
    (from, out): (&Node, &Link),
    (to, into): (&Node, &Link),
    packet: Packet,
    destination: Mac,
) -> Ends {
    match send(&model.device(from), packet.clone(), Some(out)) {
        Ends::Passes(_) => {
            let traveller = Traveller::new(packet, None, "");
            let ethernet = Ethernet { source: out.mac, destination };
            arrive(&model.device(to), traveller, ethernet, into.name.as_str())
        }
        stopped => stopped,
    }
}

fn passes(packet: &Packet) -> Ends {
    let traveller = Traveller::new(packet.clone(), None, "");
    Ends::Passes(Box::new(Arrived { to: Leaving::Local, traveller, by: BTreeSet::new() }))
}

/// Rules for ARP are not followed; where there are any, the answer may not come.
fn arp(model: &Model<'_>, asks: &Node, tells: &Node, packet: &Packet) -> Ends {
    let filters = |node: &Node| filters_arp(&model.rules(&node.name).ruleset);
    match [asks, tells].into_iter().find(|node| filters(node)) {
        None => passes(packet),
        Some(node) => Ends::Unknown(BTreeSet::from([Why::of(format!("rules of `{}` for ARP", node.name))])),
    }
}

fn filters_arp(ruleset: &Ruleset) -> bool {
    let on_devices = |family| matches!(family, Family::Arp | Family::Netdev);
    let tables = ruleset.tables.iter().filter(|table| on_devices(table.family));
    tables.flat_map(|table| table.chains.values()).any(|chain| chain.base.is_some())
}
