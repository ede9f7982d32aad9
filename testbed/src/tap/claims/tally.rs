//! Frames counted: what something explains, by segment; what nothing does, by kind, with the first of each.

use std::collections::{BTreeMap, HashMap};

use super::super::frame::{Content, Frame, Packet, Transport};
use super::super::sightings::Seen;
use super::super::tell::{Kind, Place, Told};
use super::Claim;
use super::allowed::{Allowed, Index};
use super::talk::Talks;
use super::why::Why;
use crate::observation::{self, Claimed, End, Explained, MOST_UNEXPLAINED, ProbesSeen, Unexplained};

/// What has been counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// First packet and frames.
    claimed: HashMap<(Index, Claim), (u64, u64)>,
    known: HashMap<Sort, usize>,
    /// In order of the first frame.
    groups: Vec<Group>,
    more: u64,
}

/// What makes two frames that nothing explains one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sort {
    segment: Index,
    from: Option<Index>,
    what: String,
    why: Why,
}

#[derive(Debug)]
struct Group {
    sort: Sort,
    kind: Kind,
    ends: [Place; 2],
    first_packet: u64,
    frames: u64,
}

impl Sort {
    /// The kind of a frame.
    pub(super) fn of(frame: &Frame<'_>, told: &Told<'_>, why: Why, at: (Index, Option<Index>)) -> Sort {
        let (segment, from) = at;
        let what = match &frame.content {
            Content::Arp(arp) => {
                let word = if arp.asks { "asks for" } else { "answers to" };
                format!("arp of {} {word} {}", arp.sender, arp.target)
            }
            Content::Ip(packet) if told.kind.is_upkeep() => {
                format!("{} from {} to {}", upkeep(told.kind, packet.transport), packet.source, packet.dest)
            }
            Content::Ip(packet) => in_words(packet, told, &why),
            Content::Other(_) => format!("{} to {}", told.kind, frame.dest),
        };
        let strange = matches!(why, Why::Stranger | Why::Disguised);
        let what = if strange { format!("{what}, sent by {}", frame.source) } else { what };
        Sort { segment, from, what, why }
    }
}

/// A packet in a few words: of answers the port that they come from says what they are, of all else the one that they go to.
fn in_words(packet: &Packet<'_>, told: &Told<'_>, why: &Why) -> String {
    let answers = matches!(why, Why::Unasked | Why::Midway | Why::Over | Why::WrongOpener);
    let Packet { source, dest, transport, .. } = packet;
    let kind = told.kind;
    match (kind, transport) {
        (Kind::Tcp | Kind::Udp, _) if answers => {
            format!("{kind}{} from {source} port {} to {dest}", flags(*transport), told.source.port)
        }
        (Kind::Tcp | Kind::Udp, _) => {
            format!("{kind}/{}{} from {source} to {dest}", told.dest.port, flags(*transport))
        }
        (_, Transport::Icmp(icmp)) => {
            let code = if icmp.code == 0 { String::new() } else { format!("/{}", icmp.code) };
            let about = packet.quoted().map(|about| (about.source, about.dest));
            let about = about.map(|(from, to)| format!(" about a packet from {from} to {to}"));
            format!("{kind}/{}{code} from {source} to {dest}{}", icmp.kind, about.unwrap_or_default())
        }
        _ => format!("{kind} from {source} to {dest}"),
    }
}

/// What a message of neighbours is.
fn upkeep(kind: Kind, transport: Transport<'_>) -> String {
    let Transport::Icmp(icmp) = transport else { return kind.to_string() };
    let word = match icmp.kind {
        130 => "query of groups",
        131 | 143 => "report of groups",
        132 => "farewell to a group",
        133 => "router solicitation",
        134 => "router advertisement",
        135 => "neighbour solicitation",
        136 => "neighbour advertisement",
        137 => "redirect",
        _ => return kind.to_string(),
    };
    word.to_owned()
}

/// ` (SYN, ACK)`; nothing for what is not TCP, or has no flags of that kind.
fn flags(transport: Transport<'_>) -> String {
    let Transport::Tcp(tcp) = transport else { return String::new() };
    let all = [(tcp.syn, "SYN"), (tcp.ack, "ACK"), (tcp.fin, "FIN"), (tcp.rst, "RST")];
    let set: Vec<&str> = all.into_iter().filter(|(set, _)| *set).map(|(_, word)| word).collect();
    if set.is_empty() { String::new() } else { format!(" ({})", set.join(", ")) }
}

impl Tally {
    /// Counts a frame that something explains.
    pub(super) fn claim(&mut self, segment: Index, claim: Claim, seen: Seen) {
        self.claimed.entry((segment, claim)).or_insert((seen.packet, 0)).1 += 1;
    }

    /// Counts a frame that nothing explains; its place, unless there are too many kinds.
    pub(super) fn unexplained(&mut self, sort: Sort, told: &Told<'_>, seen: Seen) -> Option<usize> {
        if let Some(place) = self.known.get(&sort) {
            self.groups[*place].frames += 1;
            return Some(*place);
        }
        if self.groups.len() >= MOST_UNEXPLAINED {
            self.more += 1;
            return None;
        }
        self.known.insert(sort.clone(), self.groups.len());
        let (kind, ends) = (told.kind, [told.source, told.dest]);
        self.groups.push(Group { sort, kind, ends, first_packet: seen.packet, frames: 1 });
        Some(self.groups.len() - 1)
    }

    /// Counts a copy of such a frame.
    pub(super) fn again(&mut self, place: Option<usize>) {
        match place {
            Some(place) => self.groups[place].frames += 1,
            None => self.more += 1,
        }
    }

    /// The end of a stretch: all that it had.
    pub(super) fn turn(&mut self, allowed: &Allowed, talks: &Talks) -> Explained {
        let mut claimed: BTreeMap<(Index, observation::Claim), (u64, u64)> = BTreeMap::new();
        for ((segment, claim), (first_packet, frames)) in self.claimed.drain() {
            claimed.insert((segment, told(claim, allowed, talks)), (first_packet, frames));
        }
        let segment = |index: Index| allowed.segments[usize::from(index)].clone();
        let end = |place: &Place| End {
            node: allowed.owner(place.address).map(|node| allowed.nodes[usize::from(node)].clone()),
            address: place.address,
            port: place.port,
        };
        let unexplained = |group: Group| Unexplained {
            segment: segment(group.sort.segment),
            from: group.sort.from.map(|node| allowed.nodes[usize::from(node)].clone()),
            what: group.sort.what,
            why: group.sort.why.to_string(),
            kind: group.kind.to_string(),
            ends: (end(&group.ends[0]), end(&group.ends[1])),
            first_packet: group.first_packet,
            frames: group.frames,
        };
        self.known.clear();
        Explained {
            claimed: claimed
                .into_iter()
                .map(|((at, by), (first_packet, frames))| Claimed {
                    segment: segment(at),
                    by,
                    first_packet,
                    frames,
                })
                .collect(),
            unexplained: std::mem::take(&mut self.groups).into_iter().map(unexplained).collect(),
            more: std::mem::take(&mut self.more),
            probes: ProbesSeen::default(),
            canaries: Vec::new(),
        }
    }
}

fn told(claim: Claim, allowed: &Allowed, talks: &Talks) -> observation::Claim {
    match claim {
        Claim::Flows(set) => {
            let flow = |index: &Index| allowed.flows[usize::from(*index)].clone();
            let (flows, moved) = talks.set(set);
            let flows: Vec<_> = flows.iter().map(flow).collect();
            match moved {
                Some(to) => observation::Claim::Moved(flows, to),
                None => observation::Claim::Flows(flows),
            }
        }
        Claim::Upkeep(upkeep) => observation::Claim::Upkeep(upkeep),
        Claim::Error => observation::Claim::Error,
        Claim::ProbeAnswer => observation::Claim::ProbeAnswer,
    }
}
