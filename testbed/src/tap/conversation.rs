//! Frames → conversations, as they pass: who opened what towards whom, how much of it, and how far it came.
//!
//! Every packet is seen at several ports. It counts where it came into the fabric first, which is its sender's own
//! link: a tap sees a frame before it is passed on, and all taps share one order. That node is the direction's
//! *origin*. What a router passes on comes from another node and counts no more; what it rewrites (NAT) is a
//! conversation of its own, as every capture shows it. A packet with somebody else's source address counts where it
//! really came from, too.
//!
//! A table may be asked at the end of a *stretch*, and goes on: what goes on in it is known again, so that a
//! connection that stands for hours still has the opener that it had.

mod lives;
mod past;

use std::collections::HashMap;

use super::capture::Port;
use super::frame::Frame;
use super::inventory::Inventory;
use super::loads::Loads;
use super::media::Media;
use super::rtp;
use super::sightings::{Direction, Seen};
use super::stream::Stream;
use super::tell::{Key, Kind, Place, Teller, Told};
use crate::names::{Mac, NodeName};
use crate::observation::{Conversation, End, LoadSeen};
use lives::Lives;
use past::Past;

/// A connection that says nothing for so long is not known again, nanoseconds: two hours, after which TCP itself looks
/// whether the other end is there (tcp(7), `tcp_keepalive_time`).
const QUIET_CONNECTION: u64 = 7_200_000_000_000;
/// The same for everything that has no connection, for a connection that was never answered, and for one that was closed, whose last
/// packets may be under way: a minute.
const QUIET: u64 = 60_000_000_000;

/// Index into the table's nodes.
type Node = u16;

/// A port, as far as the table needs it.
struct PortFacts {
    node: Node,
    macs: [Option<Mac>; 2],
}

/// All conversations of a capture.
pub(super) struct Table {
    inventory: Inventory,
    nodes: Vec<NodeName>,
    ports: Vec<PortFacts>,
    teller: Teller,
    /// The latest conversation between these ends.
    current: HashMap<Key, usize>,
    all: Vec<State>,
    past: Past,
    loads: Loads,
}

/// One conversation; index 0 is the opener, 1 the answerer, throughout.
struct State {
    kind: Kind,
    ends: [Place; 2],
    /// Who has the end's address.
    owners: [Option<Node>; 2],
    /// Where the packets of each end came into the fabric first.
    origins: [Option<Node>; 2],
    packets: [u64; 2],
    payload: [u64; 2],
    first_packet: u64,
    first_at: u64,
    last_at: u64,
    syn_back: bool,
    /// Whether the answerer ever said something.
    answered: bool,
    /// First packet of each end that reached the other's link.
    reached: [Option<u64>; 2],
    /// Times to live with which packets of each end left its own link, and with which they reached the other's.
    hops: [[Lives; 2]; 2],
    /// Whose links sent frames of it or were to take them; empty if it was not seen yet, in this stretch.
    ports: Vec<u16>,
    /// Closed before this stretch, and nothing was said in it: no SYN, and no byte, in whatever order.
    over: bool,
    tcp: Option<Box<TcpState>>,
    /// Once something looked like RTP.
    datagrams: Option<Box<[rtp::Datagrams; 2]>>,
}

#[derive(Default)]
struct TcpState {
    /// Sequence numbers of the first SYN without ACK, by sender.
    first: [Option<u32>; 2],
    closed: bool,
    streams: [Stream; 2],
    media: [Media; 2],
}

impl Table {
    pub(super) fn new(inventory: Inventory, ports: &[Port]) -> Table {
        let mut nodes: Vec<NodeName> = ports.iter().map(|port| port.node.clone()).collect();
        nodes.sort();
        nodes.dedup();
        let facts = |port: &Port| PortFacts {
            node: nodes.binary_search(&port.node).expect("every port's node is in the list") as Node,
            macs: inventory.macs(&port.name),
        };
        let ports = ports.iter().map(facts).collect();
        Table {
            inventory,
            nodes,
            ports,
            teller: Teller::default(),
            current: HashMap::new(),
            all: Vec::new(),
            past: Past::default(),
            loads: Loads::default(),
        }
    }

    /// Takes a frame that belongs to no probe, and says of which kind it is.
    pub(super) fn take(&mut self, frame: &Frame<'_>, seen: Seen) -> Kind {
        let told = self.teller.tell(frame);
        let key = told.key();
        let index = match self.current.get(&key) {
            Some(index) if !self.all[*index].is_over_for(&told) => *index,
            _ => {
                let state = self.open(&told, seen);
                self.all.push(state);
                self.current.insert(key, self.all.len() - 1);
                self.all.len() - 1
            }
        };
        let port = &self.ports[usize::from(seen.port)];
        let said = self.all[index].take(&told, frame.dest, seen, port);
        if let Some((side, bytes)) = said {
            self.weigh(index, side, bytes, seen);
        }
        told.kind
    }

    /// Counts what one end of a conversation said, if nodes have both of them, or one says it to a group.
    fn weigh(&mut self, index: usize, side: usize, bytes: u64, seen: Seen) {
        let State { kind, owners: [Some(opener), to], ends: [_, answerer], .. } = self.all[index] else {
            return;
        };
        if to.is_none() && !answerer.address.is_multicast() {
            return;
        }
        let of = (kind, opener, answerer);
        self.loads.take(of, side, bytes, kind == Kind::Udp, seen.packet, seen.at);
    }

    fn open(&self, told: &Told<'_>, seen: Seen) -> State {
        let ends = [told.source, told.dest];
        State {
            kind: told.kind,
            ends,
            owners: ends.map(|end| self.owner(&end)),
            origins: [None; 2],
            packets: [0; 2],
            payload: [0; 2],
            first_packet: seen.packet,
            first_at: seen.at,
            last_at: seen.at,
            syn_back: false,
            answered: false,
            reached: [None; 2],
            hops: Default::default(),
            ports: Vec::new(),
            over: false,
            tcp: None,
            datagrams: None,
        }
    }

    fn owner(&self, end: &Place) -> Option<Node> {
        let name = match end.mac {
            Some(mac) => self.inventory.owner(mac).map(|owner| &owner.node),
            None => self.inventory.node(end.address),
        };
        self.nodes.binary_search(name?).ok().map(|index| index as Node)
    }

    /// The end of a stretch at a moment (nanoseconds since 1970): first what was over before it, then its own
    /// conversations in order of their first packet. `ports` are those of `new`.
    pub(super) fn turn(&mut self, ports: &[Port], now: u64) -> Vec<Conversation> {
        let going_on: HashMap<usize, Key> = self.current.drain().map(|(key, index)| (index, key)).collect();
        let mut told = Vec::new();
        let mut earlier = self.past.all();
        for (index, mut state) in std::mem::take(&mut self.all).into_iter().enumerate() {
            if !state.ports.is_empty() {
                let conversation = state.tell(&|place, owner| end(&self.nodes, place, owner), ports);
                self.past.add(&conversation);
                // Who acknowledges the end of what was closed earlier opens nothing now.
                if !state.over {
                    told.push(conversation);
                }
            }
            if let Some(key) = going_on.get(&index).filter(|_| state.goes_on(now)) {
                state.begin_stretch();
                self.current.insert(*key, self.all.len());
                self.all.push(state);
            }
        }
        told.sort_by_key(|conversation| conversation.first_at);
        earlier.append(&mut told);
        earlier
    }

    /// How much was said at the worst of times since the last call, in an order of its own.
    pub(super) fn loads(&mut self) -> Vec<LoadSeen> {
        let loads =
            self.loads.turn().into_iter().map(|((kind, opener, place), [asked, answered])| LoadSeen {
                kind: kind.to_string(),
                opener: self.nodes[usize::from(opener)].clone(),
                answerer: end(&self.nodes, &place, self.owner(&place)),
                asked,
                answered,
            });
        let mut loads: Vec<_> = loads.collect();
        loads.sort_by(|a, b| (&a.opener, &a.answerer, &a.kind).cmp(&(&b.opener, &b.answerer, &b.kind)));
        loads
    }

    /// The end of the capture: all conversations in order of their first packet. `ports` are those of `new`.
    pub(super) fn finish(&mut self, ports: &[Port]) -> Vec<Conversation> {
        self.all.iter_mut().for_each(State::give_up_holes);
        self.turn(ports, u64::MAX)
    }
}

fn end(nodes: &[NodeName], place: &Place, owner: Option<Node>) -> End {
    let node = owner.map(|node| nodes[usize::from(node)].clone());
    End { node, address: place.address, port: place.port }
}

impl State {
    /// True if this frame opens a new conversation between the same ends: a new first SYN, once this one was closed,
    /// or from its opener with another sequence number.
    fn is_over_for(&self, told: &Told<'_>) -> bool {
        let (Some(tcp), Some(known)) = (told.tcp, &self.tcp) else { return false };
        let side = self.side(told);
        let fresh = tcp.syn && !tcp.ack && known.first[side] != Some(tcp.sequence);
        fresh && (side == 0 || known.closed)
    }

    fn side(&self, told: &Told<'_>) -> usize {
        usize::from(told.source != self.ends[0])
    }

    /// Takes a packet. Which end said how many bytes of payload, where it came from its sender's own link.
    fn take(&mut self, told: &Told<'_>, dest: Mac, seen: Seen, port: &PortFacts) -> Option<(usize, u64)> {
        let side = self.side(told);
        self.last_at = seen.at;
        self.over &= told.tcp.is_some_and(|segment| !segment.syn && segment.payload.is_empty());
        if self.ports.is_empty() {
            (self.first_packet, self.first_at) = (seen.packet, seen.at);
        }
        // What a hub or a bridge that does not know better repeats at a port is not carried by its link.
        let addressed = dest.0[0] & 1 == 1 || port.macs.contains(&Some(dest));
        if (addressed || seen.direction == Direction::FromNode) && !self.ports.contains(&seen.port) {
            self.ports.push(seen.port);
        }
        match seen.direction {
            Direction::FromNode => {
                let origin = *self.origins[side].get_or_insert(port.node);
                if origin == port.node {
                    // Whoever translates addresses on the way is not where packets come from.
                    if self.owners[side].is_none_or(|owner| owner == port.node) {
                        self.hops[side][0].take(told.hops);
                    }
                    return Some((side, self.count(side, told)));
                }
            }
            Direction::ToNode => {
                if addressed && self.is_link_of_receiver(side, port.node) {
                    self.reached[side].get_or_insert(seen.packet);
                    self.hops[side][1].take(told.hops);
                }
            }
        }
        None
    }

    /// A receiver without an address of its own (a group) is any node but the sender.
    fn is_link_of_receiver(&self, side: usize, node: Node) -> bool {
        match self.owners[1 - side].or(self.origins[1 - side]) {
            Some(receiver) => receiver == node,
            None => self.origins[side] != Some(node),
        }
    }

    /// Counts a packet; how many bytes of payload it has, those that were sent before among them.
    fn count(&mut self, side: usize, told: &Told<'_>) -> u64 {
        self.packets[side] += 1;
        self.answered |= side == 1;
        self.payload[side] += told.payload;
        if let Some(udp) = told.udp.filter(|udp| self.datagrams.is_some() || rtp::may_be(udp.payload)) {
            self.datagrams.get_or_insert_default()[side].take(udp.payload);
        }
        let Some(segment) = told.tcp else { return told.payload };
        let tcp = self.tcp.get_or_insert_default();
        if segment.syn && !segment.ack {
            tcp.first[side].get_or_insert(segment.sequence);
            self.syn_back |= side == 1;
        }
        tcp.closed |= segment.fin || segment.rst;
        tcp.streams[side].push(segment.sequence, segment.syn, segment.payload, &mut tcp.media[side]);
        segment.payload.len() as u64
    }

    /// Whether what comes later between these ends belongs to it: it was not quiet for long.
    fn goes_on(&self, now: u64) -> bool {
        let quiet = now.saturating_sub(self.last_at);
        match &self.tcp {
            Some(tcp) if self.answered && !tcp.closed => quiet < QUIET_CONNECTION,
            _ => quiet < QUIET,
        }
    }

    /// Counts from nothing again; who opened it, and where in its bytes it is, stays known.
    fn begin_stretch(&mut self) {
        (self.packets, self.payload, self.reached) = ([0; 2], [0; 2], [None; 2]);
        self.hops = Default::default();
        self.syn_back = false;
        self.over = self.tcp.as_ref().is_some_and(|tcp| tcp.closed);
        self.ports.clear();
    }

    /// Whatever still waits behind a hole comes out.
    fn give_up_holes(&mut self) {
        if let Some(tcp) = &mut self.tcp {
            let TcpState { streams, media, .. } = &mut **tcp;
            streams.iter_mut().zip(media).for_each(|(stream, media)| stream.finish(media));
        }
    }

    /// What was seen of it in this stretch.
    fn tell(&mut self, end: &impl Fn(&Place, Option<Node>) -> End, ports: &[Port]) -> Conversation {
        let media = self.take_bytes();
        Conversation {
            kind: self.kind.to_string(),
            opener: end(&self.ends[0], self.owners[0]),
            answerer: end(&self.ends[1], self.owners[1]),
            first_packet: self.first_packet,
            first_at: self.first_at,
            last_at: self.last_at,
            packets_out: self.packets[0],
            packets_back: self.packets[1],
            payload_out: self.payload[0],
            payload_back: self.payload[1],
            media_out: media[0],
            media_back: media[1],
            syn_back: self.syn_back,
            reached_packet: self.reached[0],
            answered_packet: self.reached[1],
            lost_hops: self.hops.map(|[left, arrived]| left.less(&arrived)),
            ports: self.ports.iter().map(|port| ports[usize::from(*port)].name.clone()).collect(),
            earlier: false,
        }
    }

    /// Adds what TCP carried, and returns the media bytes of each end.
    fn take_bytes(&mut self) -> [u64; 2] {
        if let Some(datagrams) = &mut self.datagrams {
            return datagrams.each_mut().map(rtp::Datagrams::take_bytes);
        }
        let Some(tcp) = &mut self.tcp else { return [0; 2] };
        for (stream, payload) in tcp.streams.iter_mut().zip(&mut self.payload) {
            *payload += stream.take_bytes();
        }
        tcp.media.each_mut().map(Media::take_bytes)
    }
}

#[cfg(test)]
mod tests;
