//! Searches every frame of a capture for the cameras' video: as it lies there, in what ICMP errors quote, in TCP streams
//! put in order, inside TLS sessions whose secrets are known, and in packets put together from their pieces.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

use super::super::frame::{Content, Frame, Packet, Tcp, Transport};
use super::super::sightings::Direction;
use super::super::stream::Stream;
use super::canary::{self, Canaries};
use super::pieces::Pieces;
use super::scan::{Found, Scan, Sought, What, search};
use super::sessions::{Inside, Sessions};
use crate::names::{LinkName, NodeName};
use crate::observation::{
    Layer, MOST_RTSP_FOUND, PasswordFound, RtspEnds, RtspFound, TaintFound, TaintPlace, TaintSeen,
    TapSearched, Way,
};
#[cfg(feature = "broken-parts")]
use crate::parts;

/// Directions of TCP connections that are put in order at a time, over all taps: a site has tens.
const MOST_STREAMS: usize = 4096;

/// Where a frame was seen, and as what: each is searched for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Index of the port.
    pub(super) port: u16,
    pub(super) direction: Direction,
    /// A copy that a switch flooded.
    pub(super) flooded: bool,
}

/// By which what was found is sorted: its port, whether it goes to the node, whether it was flooded.
type Order = (u16, bool, bool);

impl Place {
    fn order(self) -> Order {
        (self.port, self.direction == Direction::ToNode, self.flooded)
    }
}

/// A frame of a capture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken<'a> {
    /// Its number.
    pub(super) packet: u64,
    pub(super) place: Place,
    /// True if the capture has less of it than the wire had.
    pub(super) cut: bool,
    pub(super) bytes: &'a [u8],
}

/// Where something was found that is told by who says it to whom.
#[derive(Clone, Copy, Debug)]
struct Where {
    place: Place,
    ends: Option<RtspEnds>,
    layer: Layer,
    packet: u64,
}

/// One direction of a TCP connection at a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Line {
    place: Place,
    ends: (IpAddr, u16, IpAddr, u16),
    /// True for segments that errors quote.
    quoted: bool,
}

/// Whose a mark is: cameras come first, then each port's canary.
#[derive(Debug)]
pub(super) struct Owners {
    pub(super) cameras: Vec<NodeName>,
    /// Whose each password is, in the order of the words behind the canaries.
    pub(super) passwords: Vec<NodeName>,
    pub(super) ports: Vec<LinkName>,
}

/// A search under way.
pub(super) struct Search<'a> {
    sought: &'a Sought<'a>,
    owners: &'a Owners,
    canaries: &'a Canaries,
    streams: HashMap<Line, (Stream, Scan)>,
    sessions: Sessions,
    pieces: Pieces,
    taps: Vec<Tap>,
    found: BTreeMap<(Order, usize, Way), TaintFound>,
    passwords: BTreeMap<(Order, usize, Way), PasswordFound>,
    rtsp: BTreeMap<(Order, Option<RtspEnds>, Way), RtspFound>,
    let_go: u64,
}

#[derive(Clone, Debug, Default)]
struct Tap {
    frames: u64,
    cut: u64,
    /// Ways in which its own canaries were found: that of marks and that of words.
    heard: [Vec<Way>; 2],
}

impl<'a> Search<'a> {
    pub(super) fn new(
        sought: &'a Sought<'a>,
        owners: &'a Owners,
        canaries: &'a Canaries,
        sessions: Sessions,
    ) -> Self {
        Search {
            sought,
            owners,
            canaries,
            streams: HashMap::new(),
            sessions,
            pieces: Pieces::default(),
            taps: vec![Tap::default(); owners.ports.len()],
            found: BTreeMap::new(),
            passwords: BTreeMap::new(),
            rtsp: BTreeMap::new(),
            let_go: 0,
        }
    }

    /// Searches a frame.
    pub(super) fn take(&mut self, taken: &Taken<'_>) {
        let tap = &mut self.taps[usize::from(taken.place.port)];
        tap.frames += 1;
        tap.cut += u64::from(taken.cut);
        self.look(taken);
    }

    /// The same for a frame that was not captured: the canaries of what is put together.
    fn look(&mut self, taken: &Taken<'_>) {
        let frame = Frame::of(taken.bytes);
        let packet = match &frame {
            Some(Frame { content: Content::Ip(packet), .. }) => Some(packet),
            _ => None,
        };
        let quoted = packet.and_then(Packet::quoted);
        let quote_at = packet.filter(|_| quoted.is_some()).and_then(|packet| quote_in(packet, taken.bytes));
        let mut found = Vec::new();
        search(self.sought, taken.bytes, |one| found.push(one));
        for one in found {
            let is_quoted = quote_at.is_some_and(|at| one.offset >= at);
            let layer = if is_quoted { Layer::Quote } else { Layer::Frame };
            let said = if is_quoted { quoted.as_ref() } else { packet };
            let at = Where { place: taken.place, ends: said.and_then(ends), layer, packet: taken.packet };
            self.note(at, one);
        }
        let Some(packet) = packet else { return };
        if let Some(quoted) = quoted {
            self.segment(taken, &quoted, true);
        } else if packet.fragment.is_some() {
            let (complete, let_go) = self.pieces.take(taken.place, taken.packet, packet);
            self.let_go += u64::from(let_go.is_some());
            complete.into_iter().chain(let_go).for_each(|one| self.put_together(one));
        } else {
            self.segment(taken, packet, false);
        }
    }

    /// A segment joins its stream.
    fn segment(&mut self, taken: &Taken<'_>, packet: &Packet<'_>, quoted: bool) {
        let Transport::Tcp(tcp) = packet.transport else { return };
        let ends = (packet.source, tcp.source_port, packet.dest, tcp.dest_port);
        let line = Line { place: taken.place, ends, quoted };
        if !quoted {
            self.inside(taken, packet, &tcp);
        }
        let Tcp { sequence, syn, payload, .. } = tcp;
        if syn && let Some(old) = self.streams.remove(&line) {
            self.end(line, old);
        }
        if payload.is_empty() {
            return;
        }
        if self.streams.len() >= MOST_STREAMS && !self.streams.contains_key(&line) {
            self.let_go += 1;
            self.end_all();
        }
        let (stream, scan) = self.streams.entry(line).or_default();
        scan.packet = taken.packet;
        stream.push(sequence, syn, payload, scan);
        if scan.is_due() {
            let found = scan.search(self.sought);
            self.note_all(line, found);
        }
    }

    /// A segment joins its TLS session, if it is one.
    fn inside(&mut self, taken: &Taken<'_>, packet: &Packet<'_>, tcp: &Tcp<'_>) {
        let ends =
            (SocketAddr::new(packet.source, tcp.source_port), SocketAddr::new(packet.dest, tcp.dest_port));
        if tcp.syn && !tcp.ack {
            let old = self.sessions.begin(taken.place, ends, self.sought);
            self.note_inside(old);
        }
        let (found, too_many) = self.sessions.take(taken.place, ends, tcp, taken.packet, self.sought);
        self.let_go += u64::from(too_many);
        self.note_inside(found);
    }

    fn note_inside(&mut self, found: impl IntoIterator<Item = Inside>) {
        for (place, layer, found) in found {
            for (one, packet) in found {
                self.note(Where { place, ends: None, layer, packet }, one);
            }
        }
    }

    fn end_all(&mut self) {
        let inside = self.sessions.end_all(self.sought);
        self.note_inside(inside);
        let mut streams: Vec<_> = std::mem::take(&mut self.streams).into_iter().collect();
        // In the same order each time: what is found first is told.
        streams.sort_by_key(|(line, _)| (line.place.order(), line.ends, line.quoted));
        streams.into_iter().for_each(|(line, one)| self.end(line, one));
    }

    fn end(&mut self, line: Line, (mut stream, mut scan): (Stream, Scan)) {
        stream.finish(&mut scan);
        let found = scan.search(self.sought);
        self.note_all(line, found);
    }

    fn note_all(&mut self, line: Line, found: Vec<(Found, u64)>) {
        let layer = if line.quoted { Layer::Quote } else { Layer::Stream };
        let (from, from_port, to, to_port) = line.ends;
        let ends = RtspEnds {
            tcp: true,
            source: SocketAddr::new(from, from_port),
            dest: SocketAddr::new(to, to_port),
        };
        for (one, packet) in found {
            self.note(Where { place: line.place, ends: Some(ends), layer, packet }, one);
        }
    }

    /// What is whole of a packet that came in pieces.
    fn put_together(&mut self, (place, runs): (Place, Vec<super::pieces::Run>)) {
        for run in runs {
            let mut found = Vec::new();
            search(self.sought, &run.bytes, |one| found.push(one));
            for one in found {
                let packet = run.packet_at(one.offset);
                self.note(Where { place, ends: None, layer: Layer::Pieces, packet }, one);
            }
        }
    }

    fn note(&mut self, at: Where, one: Found) {
        let Where { place, layer, packet, .. } = at;
        #[cfg(feature = "broken-parts")]
        if parts::is_broken(parts::Part::FindsNothing) {
            return;
        }
        let way = Way { layer, encoding: one.encoding };
        let mark = match one.what {
            What::Mark(index) => self.sought.marks.mark(index),
            What::Word(index) => return self.note_word(at, way, index, one.offset),
        };
        let Some(camera) = self.owners.cameras.get(mark.owner) else {
            let port = mark.owner - self.owners.cameras.len();
            self.hear(place, port, (0, mark.part), way);
            return;
        };
        let Place { port, direction, flooded } = place;
        let from_node = direction == Direction::FromNode;
        let first = TaintPlace {
            packet,
            offset: one.offset,
            picture: mark.part,
            at: one.at as u32,
            length: one.length as u32,
        };
        let known = self.found.entry((place.order(), mark.owner, way)).or_insert_with(|| TaintFound {
            port: self.owners.ports[usize::from(port)].clone(),
            from_node,
            flooded,
            camera: camera.clone(),
            way,
            places: 0,
            bytes: 0,
            first,
        });
        known.places += 1;
        known.bytes += one.length as u64;
        if packet < known.first.packet {
            known.first = first;
        }
    }

    /// Words are the canaries of all ports, two of each, then the passwords, and then what text of RTSP is known by.
    fn note_word(&mut self, at: Where, way: Way, index: usize, offset: u64) {
        let Where { place, packet, .. } = at;
        if let (port, part) = (index / 2, index % 2)
            && port < self.owners.ports.len()
        {
            return self.hear(place, port, (1, part as u16), way);
        }
        let whose = index - 2 * self.owners.ports.len();
        let Some(camera) = self.owners.passwords.get(whose).cloned() else {
            return self.note_rtsp(at, way);
        };
        let from_node = place.direction == Direction::FromNode;
        let port = self.owners.ports[usize::from(place.port)].clone();
        let fresh = PasswordFound { port, from_node, camera, way, places: 0, packet, offset };
        let known = self.passwords.entry((place.order(), whose, way)).or_insert(fresh);
        known.places += 1;
        if packet < known.packet {
            (known.packet, known.offset) = (packet, offset);
        }
    }

    /// Text of RTSP, told by who says it to whom.
    fn note_rtsp(&mut self, at: Where, way: Way) {
        let Where { place, ends, packet, .. } = at;
        let key = (place.order(), ends, way);
        if self.rtsp.len() >= MOST_RTSP_FOUND && !self.rtsp.contains_key(&key) {
            self.let_go += 1;
            return;
        }
        let Place { port, direction, flooded } = place;
        let known = self.rtsp.entry(key).or_insert_with(|| RtspFound {
            port: self.owners.ports[usize::from(port)].clone(),
            from_node: direction == Direction::FromNode,
            flooded,
            way,
            ends,
            places: 0,
            packet,
        });
        known.places += 1;
        known.packet = known.packet.min(packet);
    }

    /// A canary of a port was found at a tap. What is sent shows frames, and what is put together here all else.
    fn hear(&mut self, place: Place, port: usize, (kind, part): (usize, u16), way: Way) {
        let sent = part == canary::SENT;
        let tap = usize::from(place.port);
        let heard = &mut self.taps[tap].heard[kind];
        if tap == port && sent == (way.layer == Layer::Frame) && !heard.contains(&way) {
            heard.push(way);
        }
    }

    /// The end of the capture: what was found, and which canaries were missed.
    pub(super) fn finish(mut self) -> TaintSeen {
        for port in 0..self.owners.ports.len() {
            for frame in self.canaries.of_streams_and_pieces(port) {
                let place = Place { port: port as u16, direction: Direction::FromNode, flooded: false };
                self.look(&Taken { packet: 0, place, cut: false, bytes: &frame });
            }
        }
        for due in self.pieces.all() {
            self.put_together(due);
        }
        self.end_all();
        let missed = |heard: &[Way]| Way::all().filter(|way| !heard.contains(way)).collect();
        let tap = |(port, tap): (&LinkName, &Tap)| TapSearched {
            port: port.clone(),
            frames: tap.frames,
            cut: tap.cut,
            missed: missed(&tap.heard[0]),
            missed_words: missed(&tap.heard[1]),
        };
        let taps = self.owners.ports.iter().zip(&self.taps).map(tap).collect();
        TaintSeen {
            cameras: self.owners.cameras.clone(),
            unknown: Vec::new(),
            taps,
            found: self.found.into_values().collect(),
            passwords: self.passwords.into_values().collect(),
            rtsp: self.rtsp.into_values().collect(),
            let_go: self.let_go,
            closed: self.sessions.closed(),
        }
    }
}

/// Who says a packet to whom, where it has ports.
fn ends(packet: &Packet<'_>) -> Option<RtspEnds> {
    let (tcp, from, to) = match packet.transport {
        Transport::Tcp(tcp) => (true, tcp.source_port, tcp.dest_port),
        Transport::Udp(udp) => (false, udp.source_port, udp.dest_port),
        _ => return None,
    };
    let (source, dest) = (SocketAddr::new(packet.source, from), SocketAddr::new(packet.dest, to));
    Some(RtspEnds { tcp, source, dest })
}

/// Where in the frame the quoted packet begins.
fn quote_in(packet: &Packet<'_>, frame: &[u8]) -> Option<u64> {
    let Transport::Icmp(icmp) = packet.transport else { return None };
    let at = icmp.payload.as_ptr().addr().checked_sub(frame.as_ptr().addr())?;
    u64::try_from(at).ok()
}
