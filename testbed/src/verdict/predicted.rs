//! What the model of the loaded rules says of a packet that was sent, and of a conversation that was opened.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::{Body, Fate, Model, Packet, Prediction, Probe, Raw, Sent};
use crate::names::{CheckName, Traffic};
use crate::observation::Observations;
use crate::plan::{Aim, Judge, Open, Plan};

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

/// The model of the site with the rules as they were listed for this check.
///
/// Errors: in words, why there is none.
pub(super) fn model<'a>(plan: &'a Plan, check: &CheckName, seen: &Observations) -> Result<Model<'a>, String> {
    let rules = seen.rules.iter().filter(|rules| rules.check == *check);
    let listings: BTreeMap<_, &str> = rules.map(|one| (one.node.clone(), one.listing.as_str())).collect();
    if listings.is_empty() {
        return Err("no node's rules were listed".to_owned());
    }
    Model::of(plan, &listings).map_err(|error| error.to_string())
}

/// What becomes of a packet of this single kind, sent as the aim says.
pub(super) fn packet(model: &Model<'_>, aim: &Aim, traffic: &Traffic) -> Predicted {
    let bodies = SOURCE_PORTS.map(|port| body(traffic, port));
    let [Some(one), Some(other)] = bodies else {
        return Predicted::Unknown(format!("no model of {traffic}"));
    };
    let (one, other) = (aimed(model, aim, one), aimed(model, aim, other));
    if one == other { one } else { Predicted::Unknown("its source port matters".to_owned()) }
}

fn aimed(model: &Model<'_>, aim: &Aim, body: Body) -> Predicted {
    let forged = aim.forged.as_ref().map(|forged| forged.mac);
    let raw = Raw { link: aim.link.clone(), to: Some(aim.next_hop), forged };
    let packet = Packet::new(aim.source, aim.address, body);
    let prediction = model.predict(&Probe { from: aim.from.clone(), sent: Sent::Raw(raw), packet });
    match &aim.judge {
        Judge::BehindFilter { .. } => at_node(&prediction, &aim.to),
        Judge::Tap { .. } => at_tap(model, aim, &prediction),
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
