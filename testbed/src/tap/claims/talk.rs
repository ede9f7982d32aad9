//! Conversations that a flow allows: opened by whom it lets open, answered, and over.

use std::collections::HashMap;
use std::net::IpAddr;

use super::super::frame::{Content, Frame, Tcp, Transport};
use super::super::sightings::{Direction, Seen};
use super::super::tell::{Key, Kind, Place, Told};
use super::allowed::{Allowed, Index, Plugged};
use super::why::Why;
use crate::names::Traffic;

/// An answer comes within this, nanoseconds: what netfilter waits for one of UDP (nf_conntrack_udp_timeout).
const ANSWERED_WITHIN: u64 = 30_000_000_000;
/// New bytes that were under way when a connection ended come within this, nanoseconds.
const UNDER_WAY: u64 = 2_000_000_000;
/// Whoever did not hear of the end asks for it again within this, nanoseconds: Linux' `TCP_TIMEWAIT_LEN`.
const REPEATED: u64 = 60_000_000_000;

/// A session of RTSP lasts so long without a sign of life where nobody says otherwise (RFC 2326, section 12.37), and may end a
/// moment later, nanoseconds.
const SPOKEN_WITHIN: u64 = 75_000_000_000;

/// The flows that allow a conversation, and the address that it hangs on, as a place in a list of such sets.
pub(super) type Set = usize;

/// Conversations that flows allow, and in which state each is.
#[derive(Debug, Default)]
pub(super) struct Talks {
    current: HashMap<Key, Talk>,
    sets: Vec<(Vec<Index>, Option<IpAddr>)>,
    /// When two nodes, opener and answerer, last said something in a connection.
    spoken: HashMap<(Index, Index), u64>,
}

/// One conversation; index 0 is the opener, 1 the answerer.
#[derive(Debug)]
struct Talk {
    ends: [Place; 2],
    nodes: [Index; 2],
    set: Set,
    last: [u64; 2],
    /// Type of the ICMP question, if it is one.
    question: Option<u8>,
    connection: Connection,
}

/// How far a TCP connection is; nothing in it is used otherwise.
#[derive(Debug, Default)]
struct Connection {
    /// Sequence number of the opening SYN.
    first: Option<u32>,
    /// Behind the highest byte of each end.
    sent: [Option<u32>; 2],
    /// Behind the FIN of each end.
    closed: [Option<u32>; 2],
    /// Whether the other end has acknowledged it.
    heard: [bool; 2],
    ended_at: Option<u64>,
}

impl Talks {
    /// The flows of a set; and an address, if they allow it only once a name was moved there.
    pub(super) fn set(&self, set: Set) -> (&[Index], Option<IpAddr>) {
        let (flows, moved) = &self.sets[set];
        (flows, *moved)
    }

    /// The flows that explain a packet of a conversation, whose frame comes out of the sender's link.
    pub(super) fn take(
        &mut self,
        allowed: &Allowed,
        (frame, told): (&Frame<'_>, &Told<'_>),
        sender: &Plugged,
        seen: Seen,
    ) -> Result<Set, Why> {
        let key = told.key();
        if self.current.get(&key).is_none_or(|talk| talk.is_over_for(told)) {
            let talk = self.open(allowed, frame, told, sender, seen)?;
            self.current.insert(key, talk);
        }
        let talk = self.current.get_mut(&key).expect("it was there or has just been opened");
        talk.take(allowed, frame, told, sender, seen)?;
        let elsewhere = || !allowed.is_on_way(talk.nodes[0], talk.ends[1].address, sender.segment);
        match self.sets[talk.set].0.first() {
            Some(flow) if elsewhere() => Err(Why::Elsewhere(allowed.flows[usize::from(*flow)].clone())),
            _ => {
                // Whoever opened it goes on in a connection that is there.
                let goes_on =
                    told.tcp.is_some_and(|tcp| tcp.ack && !tcp.syn && !tcp.rst) && talk.side(told) == 0;
                if goes_on {
                    self.spoken.insert((talk.nodes[0], talk.nodes[1]), seen.at);
                }
                Ok(talk.set)
            }
        }
    }

    /// The set of these flows.
    pub(super) fn set_of(&mut self, flows: Vec<Index>, moved: Option<IpAddr>) -> Set {
        let set = (flows, moved);
        self.sets.iter().position(|known| *known == set).unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        })
    }

    fn open(
        &mut self,
        allowed: &Allowed,
        frame: &Frame<'_>,
        told: &Told<'_>,
        sender: &Plugged,
        seen: Seen,
    ) -> Result<Talk, Why> {
        let from = allowed.owner(told.source.address).ok_or(Why::Nobodys)?;
        let to = allowed.owner(told.dest.address);
        let what = asked(frame, told);
        let flows = what.map_or_else(Vec::new, |what| allowed.opens(from, told.dest.address, &what));
        let (Some(to), false) = (to, flows.is_empty()) else {
            return Err(refused(allowed, (told, frame), (from, to), sender));
        };
        let first = match told.tcp {
            Some(tcp) if !tcp.syn || tcp.ack || tcp.rst || tcp.fin => return Err(Why::Midway),
            None if told.kind == Kind::Tcp => return Err(Why::Midway),
            tcp => tcp.map(|tcp| tcp.sequence),
        };
        if from != sender.node || seen.direction != Direction::FromNode {
            return Err(Why::Unsent);
        }
        Ok(Talk {
            ends: [told.source, told.dest],
            nodes: [from, to],
            set: self.set_of(flows, Some(told.dest.address).filter(|to| allowed.is_spare(*to))),
            last: [seen.at, 0],
            question: icmp_type(frame),
            connection: Connection { first, ..Connection::default() },
        })
    }

    /// Whether a packet between these ends was explained, a moment ago, that the source of `told` sent.
    pub(super) fn has_sent(&self, told: &Told<'_>, now: u64) -> bool {
        self.current.get(&told.key()).is_some_and(|talk| {
            let last = talk.last[talk.side(told)];
            last > 0 && now.saturating_sub(last) <= REPEATED
        })
    }

    /// Whether one node has said something in a connection to another not long ago.
    pub(super) fn have_spoken(&self, who: (Index, Index), now: u64) -> bool {
        self.spoken.get(&who).is_some_and(|last| now.saturating_sub(*last) <= SPOKEN_WITHIN)
    }

    /// The end of a stretch: what is over is forgotten.
    pub(super) fn turn(&mut self, now: u64) {
        self.current.retain(|_, talk| {
            let since = |at: u64| now.saturating_sub(at);
            match (talk.connection.first, talk.connection.ended_at) {
                (Some(_), None) => true,
                (Some(_), Some(ended)) => since(ended) <= REPEATED,
                (None, _) => since(talk.last[0].max(talk.last[1])) <= REPEATED,
            }
        });
    }
}

impl Talk {
    fn side(&self, told: &Told<'_>) -> usize {
        usize::from(told.source != self.ends[0])
    }

    /// True if the opener begins anew between the same ends.
    fn is_over_for(&self, told: &Told<'_>) -> bool {
        let begins = |tcp: Tcp<'_>| tcp.syn && !tcp.ack && self.connection.first != Some(tcp.sequence);
        self.side(told) == 0 && told.tcp.is_some_and(begins)
    }

    fn take(
        &mut self,
        allowed: &Allowed,
        frame: &Frame<'_>,
        told: &Told<'_>,
        sender: &Plugged,
        seen: Seen,
    ) -> Result<(), Why> {
        let side = self.side(told);
        if sender.node != self.nodes[side] && !allowed.forwards[usize::from(sender.node)] {
            return Err(Why::Forged(allowed.nodes[usize::from(self.nodes[side])].clone()));
        }
        let delivered = seen.direction == Direction::ToNode;
        match told.tcp {
            Some(tcp) => self.connection.take(side, &tcp, seen.at, delivered)?,
            None if self.connection.ended_at.is_some() => return Err(Why::Over),
            None if told.kind == Kind::Tcp => {}
            None => self.datagram(side, icmp_type(frame), seen.at)?,
        }
        // Of a packet that is passed on again and again, the time at its own link counts.
        if !delivered && sender.node == self.nodes[side] {
            self.last[side] = seen.at;
        }
        Ok(())
    }

    fn datagram(&self, side: usize, icmp: Option<u8>, at: u64) -> Result<(), Why> {
        let fits = match (self.question, icmp) {
            (Some(question), Some(kind)) if side == 0 => kind == question,
            (Some(question), Some(kind)) => answers(question) == Some(kind),
            _ => true,
        };
        let late = side == 1 && at.saturating_sub(self.last[0]) > ANSWERED_WITHIN;
        if fits && !late { Ok(()) } else { Err(Why::Unasked) }
    }
}

impl Connection {
    fn take(&mut self, side: usize, tcp: &Tcp<'_>, at: u64, delivered: bool) -> Result<(), Why> {
        if side == 1 && tcp.syn && !tcp.ack {
            return Err(Why::WrongOpener);
        }
        let end = tcp
            .sequence
            .wrapping_add(tcp.payload.len() as u32)
            .wrapping_add(u32::from(tcp.syn) + u32::from(tcp.fin));
        // Nothing is new about an end that a reset names: it may be anywhere.
        let new = !tcp.rst && self.sent[side].is_none_or(|sent| is_behind(end, sent));
        if let Some(ended) = self.ended_at {
            let since = at.saturating_sub(ended);
            if since > REPEATED || (new && since > UNDER_WAY) {
                return Err(Why::Over);
            }
        }
        if new {
            self.sent[side] = Some(end);
        }
        if tcp.fin {
            self.closed[side] = Some(end);
        }
        let other = 1 - side;
        if tcp.ack && self.closed[other].is_some_and(|closed| !is_behind(closed, tcp.acknowledgement)) {
            self.heard[other] = true;
        }
        // A reset that was lost on its way ends nothing, and is not sent again before something comes.
        if self.heard == [true; 2] || (tcp.rst && delivered) {
            self.ended_at.get_or_insert(at);
        }
        Ok(())
    }
}

/// Whether a sequence number comes after another (RFC 9293, section 3.4).
fn is_behind(one: u32, other: u32) -> bool {
    one != other && one.wrapping_sub(other) < 1 << 31
}

/// What is opened, in the words of flows.
fn asked(frame: &Frame<'_>, told: &Told<'_>) -> Option<Traffic> {
    let port = told.dest.port;
    match told.kind {
        Kind::Tcp => Some(Traffic::Tcp(port, port)),
        Kind::Udp => Some(Traffic::Udp(port, port)),
        Kind::Protocol(number) => Some(Traffic::protocol(number)),
        Kind::Icmp | Kind::Icmp6 => {
            let Content::Ip(packet) = &frame.content else { return None };
            let Transport::Icmp(icmp) = packet.transport else { return None };
            let message = u16::from_be_bytes([icmp.kind, icmp.code]);
            Some(match told.kind {
                Kind::Icmp => Traffic::Icmp(message, message),
                _ => Traffic::Icmp6(message, message),
            })
        }
        Kind::Arp | Kind::Nd | Kind::Igmp | Kind::Mld | Kind::Ether(_) => None,
    }
}

fn icmp_type(frame: &Frame<'_>) -> Option<u8> {
    let Content::Ip(packet) = &frame.content else { return None };
    match packet.transport {
        Transport::Icmp(icmp) => Some(icmp.kind),
        _ => None,
    }
}

/// The type of ICMP that answers a question (RFC 792; RFC 950, appendix I; RFC 4443, section 4).
fn answers(question: u8) -> Option<u8> {
    match question {
        8 => Some(0),
        13 | 15 | 17 | 128 => Some(question + 1),
        _ => None,
    }
}

/// Why nothing lets a packet open a conversation.
fn refused(
    allowed: &Allowed,
    (told, frame): (&Told<'_>, &Frame<'_>),
    (from, to): (Index, Option<Index>),
    sender: &Plugged,
) -> Why {
    let reset = told.tcp.is_some_and(|tcp| tcp.ack || tcp.rst);
    let answers_icmp = matches!(
        (told.kind, icmp_type(frame)),
        (Kind::Icmp, Some(0 | 14 | 16 | 18)) | (Kind::Icmp6, Some(129))
    );
    let back = Traffic::Udp(told.source.port, told.source.port);
    let answers_udp = told.kind == Kind::Udp
        && to.is_some_and(|to| !allowed.opens(to, told.source.address, &back).is_empty());
    match () {
        () if from != sender.node && !allowed.forwards[usize::from(sender.node)] => {
            Why::Forged(allowed.nodes[usize::from(from)].clone())
        }
        () if reset || answers_icmp || answers_udp => Why::Unasked,
        () => Why::NotAllowed,
    }
}
