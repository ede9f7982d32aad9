//! Peers that stood in for the cloud: whether their clients took them for it. Who met whom is told by the cloud; whether
//! the client went on is seen at its own tap.

use std::net::SocketAddr;

use fake_facts::Fact;

use crate::names::NodeName;
use crate::observation::{HandshakeSeen, Observations};
use crate::scenario::model::{StandIn, TlsVersion};

use super::Finding;
use super::judge::Draft;
use super::tls::{suite, version};

/// Whoever says more than the end of a handshake and an alert, at most 69 and 24 bytes (RFC 8446, section 5.2), has gone on.
const BEYOND: u64 = 100;

/// Whether this connection was one with a stand-in.
pub(super) fn is_met(shaken: &HandshakeSeen, seen: &Observations) -> bool {
    let client = SocketAddr::new(shaken.opener.address, shaken.opener.port);
    seen.facts.iter().any(|fact| {
        matches!(&fact.line.fact, Fact::StoodIn { peer, .. } if *peer == client)
            && shaken.answerer.node.as_ref() == Some(&fact.node)
    })
}

/// Judges what came of each; how many were refused.
pub(super) fn judge(
    cloud: Option<&NodeName>,
    min: TlsVersion,
    refuses: &[StandIn],
    seen: &Observations,
    draft: &mut Draft,
) -> usize {
    let Some(cloud) = cloud else {
        draft.reasons.add("stand-ins", "no flow leads to a cloud");
        return 0;
    };
    for fact in seen.facts.iter().filter(|fact| fact.node == *cloud) {
        if let Fact::Failed { what, error, .. } = &fact.line.fact
            && what == "place"
        {
            draft.reasons.add("stand-ins", error.clone());
        }
    }
    for good in min.good_peers() {
        let taken = met(cloud, good, seen)
            .is_some_and(|one| one.said.iter().all(|said| *said > 0) && one.said[0] > BEYOND);
        if !taken {
            draft
                .reasons
                .add("control", format!("nobody took a stand-in with which nothing is wrong ({good})"));
        }
    }
    refuses.iter().filter(|one| is_refused(cloud, **one, seen, draft)).count()
}

/// The connection with a stand-in, as it passed its client's tap.
fn met<'a>(cloud: &NodeName, kind: &str, seen: &'a Observations) -> Option<&'a HandshakeSeen> {
    let met =
        seen.facts.iter().filter(|fact| fact.node == *cloud).find_map(|fact| match &fact.line.fact {
            Fact::StoodIn { kind: one, peer, .. } if one == kind => Some(*peer),
            _ => None,
        })?;
    seen.handshakes.iter().find(|one| {
        SocketAddr::new(one.opener.address, one.opener.port) == met
            && one.answerer.node.as_ref() == Some(cloud)
    })
}

fn is_refused(cloud: &NodeName, one: StandIn, seen: &Observations, draft: &mut Draft) -> bool {
    let (word, wrong) = one.words();
    let Some(shaken) = met(cloud, word, seen) else {
        draft.reasons.add("stand-ins", format!("nobody was seen to meet the one {wrong} ({word})"));
        return false;
    };
    if shaken.agreed.is_none() && shaken.alerts[1].is_none() {
        draft.reasons.add("stand-ins", format!("the one {wrong} ({word}) did not answer"));
        return false;
    }
    if !shaken.keyed && shaken.said[0] == 0 {
        return true;
    }
    let client =
        shaken.opener.node.as_ref().map_or_else(|| shaken.opener.address.to_string(), ToString::to_string);
    let with = shaken.agreed.map(|one| format!("{} with {}", version(one.version), suite(one.suite)));
    draft.findings.push(Finding {
        text: format!("{client} took for the cloud a peer {wrong}: {}", with.unwrap_or_default()),
        pair: shaken.opener.node.clone().map(|node| (node, cloud.clone())),
        stops_at: None,
        packets: if shaken.packet > 0 {
            vec![(format!("first packet of the connection, at {client}'s tap"), shaken.packet)]
        } else {
            Vec::new()
        },
        by: None,
    });
    false
}
