//! `rtsp`: what is said in RTSP on these flows is what playing takes, in order and about the camera itself; and it is said nowhere
//! else.
//!
//! What two ends say is read at the tap of whoever opens the connection, from its first SYN on.

mod course;
mod elsewhere;
mod places;

use std::collections::{BTreeMap, BTreeSet};

use crate::names::FlowId;
use crate::observation::{Conversation, Observations, RtspLine, RtspMessage, RtspSeen};
use crate::plan::{Flow, FlowPair, Plan, RtspWay};
use crate::scenario::model::RtspMethod;

use super::Finding;
use super::judge::Draft;
use super::matching::{self, Way, way};
use super::wording::{counted, listed};
use course::{Between, Wrong};

/// Packets cited for one thing that is wrong.
const CITED: usize = 4;

/// What the check asks for.
pub(super) struct Asked<'a> {
    pub(super) flows: &'a [FlowId],
    pub(super) methods: &'a [RtspMethod],
    pub(super) ways: &'a [RtspWay],
    pub(super) nowhere_else: bool,
}

/// What was read on all flows.
#[derive(Default)]
struct Read {
    connections: usize,
    sessions: usize,
    answers: usize,
    methods: BTreeSet<String>,
    /// What is wrong, in the order in which it was first seen.
    wrong: Vec<Wrong>,
}

pub(super) fn draft(plan: &Plan, asked: &Asked<'_>, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let mut read = Read::default();
    for id in asked.flows {
        match matching::flow(plan, id).filter(|flow| !flow.pairs.is_empty()) {
            Some(flow) => read_flow(flow, asked, seen, &mut read, &mut draft),
            None => draft.reasons.add("vacuous", format!("{id} stands for no pair of nodes")),
        }
    }
    draft.findings = findings(&read.wrong);
    draft.summary = format!(
        "{}: {} ({} answered), {}",
        counted(read.connections, "connection"),
        if read.methods.is_empty() { "nothing asked".to_owned() } else { listed(&read.methods, 11) },
        read.answers,
        counted(read.sessions, "session")
    );
    if asked.nowhere_else {
        elsewhere::judge(plan, asked, seen, &mut draft);
    }
    draft
}

fn read_flow(flow: &Flow, asked: &Asked<'_>, seen: &Observations, read: &mut Read, draft: &mut Draft) {
    for pair in &flow.pairs {
        let talks = talks(flow, pair, seen);
        let given: BTreeSet<&str> =
            talks.iter().filter_map(|(_, one)| *one).flat_map(course::given).collect();
        read.sessions += given.len();
        if given.is_empty() {
            let (id, FlowPair { from, to, .. }) = (&flow.id, pair);
            draft
                .reasons
                .add("sessions", format!("nobody was given a session on {id} between {from} and {to}"));
        }
        for (one, spoken) in talks {
            ask_whether_read(one, spoken, pair, draft);
            let Some(spoken) = spoken else { continue };
            read.connections += 1;
            let now = spoken.messages.iter().filter(|one| !one.earlier);
            for RtspMessage { line, .. } in now {
                match line {
                    RtspLine::Asks { method, .. } => drop(read.methods.insert(method.clone())),
                    RtspLine::Answers(_) => read.answers += 1,
                }
            }
            let between = Between::new(pair, one, asked.methods, &given, seen);
            read.wrong.extend(course::judge(spoken, &between));
        }
    }
}

/// Connections of a pair, opened as the flow allows it and not by the testbed itself, each with what was read of it.
fn talks<'a>(
    flow: &Flow,
    pair: &FlowPair,
    seen: &'a Observations,
) -> Vec<(&'a Conversation, Option<&'a RtspSeen>)> {
    let of_pair = |one: &&Conversation| one.kind == "tcp" && way(one, flow, pair) == Some(Way::Along);
    let own = seen.conversations.iter().filter(of_pair).filter(|one| !matching::is_ours(seen, one));
    own.map(|one| (one, of(one, seen))).collect()
}

/// What was read of a connection: where a port was used again, the last one that began while it lasted, or before a judgement.
fn of<'a>(one: &Conversation, seen: &'a Observations) -> Option<&'a RtspSeen> {
    let ends =
        |a: &crate::observation::End, b: &crate::observation::End| (a.address, a.port) == (b.address, b.port);
    let is_it = |spoken: &&RtspSeen| {
        let lasted = one.earlier || spoken.earlier || (one.first_at..=one.last_at).contains(&spoken.at);
        lasted && ends(&spoken.opener, &one.opener) && ends(&spoken.answerer, &one.answerer)
    };
    seen.rtsp.iter().filter(is_it).max_by_key(|spoken| spoken.at)
}

/// Whatever was said must have been read, all of it.
fn ask_whether_read(one: &Conversation, spoken: Option<&RtspSeen>, pair: &FlowPair, draft: &mut Draft) {
    let ends = format!("{} and {}", pair.from, pair.to);
    let packet = one.first_packet;
    let Some(spoken) = spoken else {
        if !one.earlier && one.payload_out + one.payload_back > 0 {
            let why = "is no RTSP, or was not seen from its beginning";
            draft.reasons.add("followed", format!("what {ends} said from packet {packet} on {why}"));
        }
        return;
    };
    if let Some((packet, why)) = &spoken.lost {
        draft.reasons.add("followed", format!("what {ends} said from packet {packet} on: {why}"));
    }
    if spoken.left_out > 0 {
        let text = format!("{} more messages of {ends} than are kept", spoken.left_out);
        draft.reasons.add("followed", text);
    }
}

/// One for each thing that is wrong, however often it was.
fn findings(wrong: &[Wrong]) -> Vec<Finding> {
    let mut known: BTreeMap<&str, Vec<&Wrong>> = BTreeMap::new();
    for one in wrong {
        known.entry(&one.text).or_default().push(one);
    }
    let mut all: Vec<_> = known.into_values().collect();
    all.sort_by_key(|all| all[0].packet);
    let finding = |all: Vec<&Wrong>| {
        let times = if all.len() > 1 { format!(", {} times", all.len()) } else { String::new() };
        let cite = |one: &&Wrong| (one.cited.clone(), one.packet);
        Finding {
            text: format!("{}{times}", all[0].text),
            pair: None,
            stops_at: None,
            packets: all.iter().take(CITED).map(cite).collect(),
            by: None,
        }
    };
    all.into_iter().map(finding).collect()
}
