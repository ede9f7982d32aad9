//! `tls`: what is said on flows is said in TLS, in no version that is too old and with no suite without forward secrecy;
//! and nothing else is offered. Judged by what passes in the clear, at the tap of whoever opens the connection.

use tls_parser::{TlsCipherKx, TlsCipherSuite};

use crate::names::FlowId;
use crate::observation::{Conversation, HandshakeSeen, Observations};
use crate::plan::{Flow, FlowPair, Plan};
use crate::scenario::model::{StandIn, TlsVersion};

use super::Finding;
use super::judge::Draft;
use super::matching::{self, Way, way};
use super::stand_in;
use super::wording::{counted, listed};

/// So many suites are named.
const SHOWN: usize = 3;
/// Bits of the shortest key that is taken for one: 112 is the least that RFC 9325, section 4.1, lets pass.
const LEAST_KEY: u16 = 112;
/// Values that stand among cipher suites and are none (RFC 5746, section 3.3; RFC 7507, section 2).
const SIGNALS: [u16; 2] = [0x00ff, 0x5600];

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) flows: &'a [FlowId],
    pub(super) min: TlsVersion,
    pub(super) refuses: &'a [StandIn],
    pub(super) places: stand_in::Places<'a>,
}

pub(super) fn draft(plan: &Plan, asked: &Asked<'_>, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Asked { flows, min, refuses, places } = *asked;
    if flows.is_empty() {
        draft.reasons.add("vacuous", "no flow is named");
    }
    let mut connections = Vec::new();
    for id in flows {
        match matching::flow(plan, id).filter(|flow| !flow.pairs.is_empty()) {
            Some(flow) => flow.pairs.iter().for_each(|pair| {
                connections.extend(judge_pair((flow, pair), min, seen, &mut draft));
            }),
            None => draft.reasons.add("vacuous", format!("{id} stands for no pair of nodes")),
        }
    }
    // Two flows may stand for the same connections, as MQTT and HTTPS of one service do.
    connections.sort_unstable_by_key(|one| (one.at, one.packet, one.opener.port));
    connections.dedup();
    let mut agreed: Vec<_> = connections.iter().filter_map(|one| one.agreed).collect();
    agreed.sort_unstable_by_key(|agreed| (agreed.version, agreed.suite));
    agreed.dedup();
    let words = agreed.iter().map(|one| format!("{} with {}", version(one.version), suite(one.suite)));
    let agreed = if agreed.is_empty() { "nothing".to_owned() } else { listed(words, SHOWN) };
    draft.summary = format!("{} with TLS; agreed on {agreed}", counted(connections.len(), "connection"));
    if !refuses.is_empty() {
        let refused = stand_in::judge(places, min, refuses, seen, &mut draft);
        draft.summary.push_str(&format!("; {refused} of {} refused", counted(refuses.len(), "stand-in")));
    }
    draft
}

/// Judges all that was said on one pair of a flow; the TLS connections among it.
fn judge_pair<'a>(
    (flow, pair): (&Flow, &FlowPair),
    min: TlsVersion,
    seen: &'a Observations,
    draft: &mut Draft,
) -> Vec<&'a HandshakeSeen> {
    let (mut found, mut encrypted) = (Vec::new(), false);
    let said = |one: &&Conversation| one.payload_out > 0 || one.payload_back > 0;
    let of_pair = |one: &&Conversation| one.kind == "tcp" && way(one, flow, pair) == Some(Way::Along);
    let ours = |one: &&Conversation| matching::is_ours(seen, one);
    for one in seen.conversations.iter().filter(of_pair).filter(said).filter(|one| !ours(one)) {
        let shaken = of(one, seen);
        if shaken.is_some_and(|shaken| stand_in::is_met(shaken, seen)) {
            continue; // it is no service, and judged by itself
        }
        let Some(shaken) = shaken else {
            if !one.earlier {
                add(draft, (flow, pair), one.first_packet, "something was said without TLS".to_owned());
            }
            continue;
        };
        encrypted |= shaken.said.iter().all(|said| *said > 0);
        found.push(shaken);
        for text in weaknesses(shaken, min) {
            add(draft, (flow, pair), shaken.packet, text);
        }
        if let Some(agreed) = shaken.agreed.filter(|agreed| TlsCipherSuite::from_id(agreed.suite).is_none()) {
            draft.reasons.add("suite", format!("{} is not known", suite(agreed.suite)));
        }
    }
    if !encrypted {
        let (id, from, to) = (&flow.id, &pair.from, &pair.to);
        draft.reasons.add("vacuous", format!("nothing was said in TLS on {id} {from} -> {to}"));
    }
    found
}

/// The connection's handshake: where a port was used again, the last one that began while it lasted, or before a judgement.
pub(super) fn of<'a>(one: &Conversation, seen: &'a Observations) -> Option<&'a HandshakeSeen> {
    let lasted = |shaken: &&HandshakeSeen| {
        one.earlier || shaken.earlier || (one.first_at..=one.last_at).contains(&shaken.at)
    };
    seen.handshakes.iter().filter(|shaken| is_of(shaken, one)).filter(lasted).max_by_key(|shaken| shaken.at)
}

fn is_of(shaken: &HandshakeSeen, one: &Conversation) -> bool {
    let ends =
        |a: &crate::observation::End, b: &crate::observation::End| (a.address, a.port) == (b.address, b.port);
    // What began before a judgement stands for all between two ends, whatever port it was opened from.
    let opener =
        if one.earlier { shaken.opener.node == one.opener.node } else { ends(&shaken.opener, &one.opener) };
    opener && ends(&shaken.answerer, &one.answerer)
}

/// Everything that is too weak about a connection, in words.
pub(crate) fn weaknesses(shaken: &HandshakeSeen, min: TlsVersion) -> Vec<String> {
    let offered = &shaken.offered;
    let mut texts = Vec::new();
    let old: Vec<_> =
        offered.versions.iter().filter(|one| **one < min.number()).map(|one| version(*one)).collect();
    if !old.is_empty() {
        texts.push(format!("{} offered, older than {}", listed(old, SHOWN), version(min.number())));
    }
    let weak: Vec<_> =
        offered.suites.iter().filter(|one| !is_secret_forever(**one)).map(|one| suite(*one)).collect();
    if !weak.is_empty() {
        texts.push(format!("{} offered, without forward secrecy", listed(weak, SHOWN)));
    }
    let open: Vec<_> =
        offered.suites.iter().filter(|one| is_readable(**one)).map(|one| suite(*one)).collect();
    if !open.is_empty() {
        texts.push(format!("{} offered, with keys of less than {LEAST_KEY} bits", listed(open, SHOWN)));
    }
    if let Some(agreed) = shaken.agreed {
        if agreed.version < min.number() {
            let (got, least) = (version(agreed.version), version(min.number()));
            texts.push(format!("{got} agreed on, older than {least}"));
        }
        if !is_secret_forever(agreed.suite) {
            texts.push(format!("{} agreed on, without forward secrecy", suite(agreed.suite)));
        }
        if is_readable(agreed.suite) {
            let with = suite(agreed.suite);
            texts.push(format!("{with} agreed on, with keys of less than {LEAST_KEY} bits"));
        }
    }
    texts
}

/// Whether what is said stays secret though a key leaks later: (EC)DHE, and all of TLS 1.3. Suites that nobody knows are
/// not called weak.
fn is_secret_forever(id: u16) -> bool {
    SIGNALS.contains(&id)
        || TlsCipherSuite::from_id(id).is_none_or(|known| {
            matches!(known.kx, TlsCipherKx::Dhe | TlsCipherKx::Ecdhe | TlsCipherKx::Tls13)
        })
}

/// Whether whoever listens can read along: nothing is encrypted, or with keys that were made to be found.
fn is_readable(id: u16) -> bool {
    !SIGNALS.contains(&id) && TlsCipherSuite::from_id(id).is_some_and(|known| known.enc_size < LEAST_KEY)
}

pub(super) fn version(number: u16) -> String {
    match number {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301..=0x0304 => format!("TLS 1.{}", number - 0x0301),
        other => format!("version {other:#06x}"),
    }
}

pub(super) fn suite(id: u16) -> String {
    TlsCipherSuite::from_id(id).map_or_else(|| format!("suite {id:#06x}"), |known| known.name.to_owned())
}

/// The same of one pair is told once, with its first packet.
pub(super) fn add(draft: &mut Draft, (flow, pair): (&Flow, &FlowPair), packet: u64, what: String) {
    let text = format!("{} {} -> {}: {what}", flow.id, pair.from, pair.to);
    if draft.findings.iter().any(|known| known.text == text) {
        return;
    }
    let packets = if packet > 0 {
        vec![(format!("first packet of the connection, at {}'s tap", pair.from), packet)]
    } else {
        Vec::new()
    };
    let pair = Some((pair.from.clone(), pair.to.clone()));
    draft.findings.push(Finding { text, pair, stops_at: None, packets, by: None });
}
