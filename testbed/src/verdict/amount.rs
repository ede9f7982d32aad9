//! How much may be said on the flows of a `direction`: by those who open, and by those who answer.
//!
//! What one node says to another on one port is one amount, whatever number of conversations it is spread over: a question
//! for a name is a conversation of its own each time.

use crate::names::{FlowId, NodeName};
use crate::observation::{Busiest, Conversation, End, LoadSeen, Observations};
use crate::plan::{Flow, FlowPair};
use crate::scenario::model::Amount;

use super::Finding;
use super::matching::{self, Way};

/// One direction between two nodes.
struct Said<'a> {
    /// Who said it to whom.
    from: &'a NodeName,
    to: &'a NodeName,
    most: &'a Amount,
}

/// What was too much between the ends of a pair.
pub(super) fn too_much(
    (flow, pair): (&Flow, &FlowPair),
    (asks, answers): (&Amount, &Amount),
    seen: &Observations,
) -> Vec<Finding> {
    let asked = Said { from: &pair.from, to: &pair.to, most: asks };
    let answered = Said { from: &pair.to, to: &pair.from, most: answers };
    let mut findings = Vec::new();
    for load in seen.loads.iter().filter(|load| is_of_group(load, flow, pair)) {
        let port = format!("{}/{} to {}", load.kind, load.answerer.port, load.answerer.address);
        findings.extend(answered.at_worst(&port, &load.asked));
    }
    for load in seen.loads.iter().filter(|load| is_of(load, flow, pair)) {
        let port = format!("{}/{}", load.kind, load.answerer.port);
        findings.extend(asked.at_worst(&port, &load.asked));
        findings.extend(answered.at_worst(&port, &load.answered));
    }
    let all: Vec<_> = along(flow, pair, seen).collect();
    let sum = |bytes: fn(&Exchanged) -> u64| all.iter().map(bytes).sum::<u64>();
    let (out, back) = (sum(|one| one.asked), sum(|one| one.answered));
    let largest = |bytes: fn(&Exchanged) -> u64| {
        // the first of those that are alike
        all.iter().rev().max_by_key(|one| bytes(one)).map_or(0, |one| one.packet)
    };
    findings.extend(asked.in_all(&flow.id, (out, back), largest(|one| one.asked)));
    findings.extend(answered.in_all(&flow.id, (back, out), largest(|one| one.answered)));
    findings
}

/// Bytes of payload that each side said on these flows, for the summary.
pub(super) fn said<'a>(
    pairs: impl Iterator<Item = (&'a Flow, &'a FlowPair)>,
    seen: &Observations,
) -> (u64, u64) {
    let mut all: Vec<_> = pairs.flat_map(|(flow, pair)| along(flow, pair, seen)).collect();
    all.sort_by_key(|one| one.packet);
    all.dedup_by_key(|one| one.packet);
    (all.iter().map(|one| one.asked).sum(), all.iter().map(|one| one.answered).sum())
}

/// What the two ends of a pair said in a conversation, bytes, and its first packet.
struct Exchanged {
    asked: u64,
    answered: u64,
    packet: u64,
}

fn along<'a>(flow: &'a Flow, pair: &'a FlowPair, seen: &'a Observations) -> impl Iterator<Item = Exchanged> {
    let of_pair = move |one: &Conversation| {
        let (out, back, packet) = (one.payload_out, one.payload_back, one.first_packet);
        match matching::way(one, flow, pair)? {
            Way::Along => Some(Exchanged { asked: out, answered: back, packet }),
            // What goes to the group answers whoever asked for it.
            Way::Group => Some(Exchanged { asked: back, answered: out, packet }),
            Way::Against => None,
        }
    };
    seen.conversations.iter().filter(|one| !one.earlier).filter_map(of_pair)
}

fn is_of_group(load: &LoadSeen, flow: &Flow, pair: &FlowPair) -> bool {
    let opener = End { node: Some(load.opener.clone()), ..load.answerer.clone() };
    matching::is_to_group(&opener, (&load.kind, &load.answerer), pair)
        && flow.ports.iter().any(|ports| matching::is_on(ports, &load.kind, load.answerer.port))
}

fn is_of(load: &LoadSeen, flow: &Flow, pair: &FlowPair) -> bool {
    load.opener == pair.from
        && matching::is_at(&load.answerer, pair)
        && flow.ports.iter().any(|ports| matching::is_on(ports, &load.kind, load.answerer.port))
}

impl Said<'_> {
    fn at_worst(&self, port: &str, load: &Busiest) -> Vec<Finding> {
        let &Busiest { second_bytes, second_packet, datagram_bytes, datagram_packet } = load;
        let over = |most: Option<u64>, bytes: u64| most.filter(|most| bytes > *most);
        let second = over(self.most.each_second, second_bytes).map(|most| {
            let text = format!("{most} bytes to {} on {port} within a second: {second_bytes}", self.to);
            self.finding(text, "first packet of that second", second_packet)
        });
        let datagram = over(self.most.each_datagram, datagram_bytes).map(|most| {
            let text = format!("{most} bytes to {} on {port} in a datagram: {datagram_bytes}", self.to);
            self.finding(text, "that datagram", datagram_packet)
        });
        second.into_iter().chain(datagram).collect()
    }

    fn in_all(&self, flow: &FlowId, (bytes, other): (u64, u64), packet: u64) -> Option<Finding> {
        let most = self.most.share?;
        // thousandths of a per cent, without overflow
        let over = u128::from(bytes) * 100_000 > u128::from(other) * u128::from(most.0);
        over.then(|| {
            let text =
                format!("{most} of what came back from {} on {flow}: {bytes} bytes against {other}", self.to);
            self.finding(text, "first packet of the conversation with most of it", packet)
        })
    }

    fn finding(&self, text: String, what: &str, packet: u64) -> Finding {
        Finding {
            text: format!("{} said more than {text}", self.from),
            pair: Some((self.from.clone(), self.to.clone())),
            stops_at: None,
            packets: vec![(format!("{what}, at {}'s tap", self.from), packet)],
            by: None,
        }
    }
}
