//! RTSP connections, each at the tap of whoever opens it: what the two ends say to one another, message by message.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::capture::Port;
use super::frame::{Content, Frame, Tcp, Transport};
use super::inventory::Inventory;
use super::media::{Media, Text};
use super::rtsp;
use super::sightings::{Direction, Seen};
use super::stream::Stream;
use crate::names::NodeName;
use crate::observation::{End, MOST_RTSP_MESSAGES, RtspLine, RtspMessage, RtspSeen};

/// Connections that are followed at a time; of more only the first are, and what runs over the others is not known.
const MOST: usize = 10_000;
/// Connections that ended in a stretch and are kept to its end.
const MOST_OVER: usize = 10_000;
/// Messages of earlier stretches that are kept of a connection, beside those that name its sessions.
const MOST_EARLIER: usize = 64;

/// Who opened a connection, and to whom.
type Ends = (SocketAddr, SocketAddr);

/// What has been heard so far.
#[derive(Debug, Default)]
pub(super) struct Transcripts {
    open: BTreeMap<Ends, Connection>,
    /// Connections whose ends have begun another one since.
    over: Vec<RtspSeen>,
}

#[derive(Debug)]
struct Connection {
    opener: NodeName,
    /// Sequence number of its first SYN.
    first: u32,
    packet: u64,
    at: u64,
    /// What the opener says, and what it is told.
    out: (Stream, Media),
    back: (Stream, Media),
    messages: Vec<RtspMessage>,
    left_out: u64,
    lost: Option<(u64, String)>,
    closed: bool,
    /// Closed, and told, in an earlier stretch.
    over: bool,
    earlier: bool,
}

impl Transcripts {
    /// Takes a frame at a port; of TCP connections that its node opened itself.
    pub(super) fn take(&mut self, frame: &Frame<'_>, seen: Seen, port: &Port, inventory: &Inventory) {
        let Content::Ip(packet) = &frame.content else { return };
        let Transport::Tcp(tcp) = packet.transport else { return };
        let source = SocketAddr::new(packet.source, tcp.source_port);
        let dest = SocketAddr::new(packet.dest, tcp.dest_port);
        match seen.direction {
            Direction::FromNode => {
                let begins = tcp.syn && !tcp.ack;
                if begins && inventory.node(packet.source) == Some(&port.node) {
                    self.begin((source, dest), tcp.sequence, seen, inventory, &port.node);
                }
                self.say((source, dest), &port.node, &tcp, (true, seen.packet));
            }
            Direction::ToNode => self.say((dest, source), &port.node, &tcp, (false, seen.packet)),
        }
    }

    /// A first SYN; sent again it changes nothing, and with another number, or after an end, it is another connection.
    fn begin(&mut self, ends: Ends, first: u32, seen: Seen, inventory: &Inventory, opener: &NodeName) {
        if let Some(known) = self.open.get_mut(&ends) {
            if !known.closed && known.first == first {
                return;
            }
            if !known.over && self.over.len() < MOST_OVER {
                self.over.extend(known.tell(ends, inventory));
            }
        } else if self.open.len() >= MOST {
            return;
        }
        let talk = || (Stream::default(), Media::with_texts());
        let connection = Connection {
            opener: opener.clone(),
            first,
            packet: seen.packet,
            at: seen.at,
            out: talk(),
            back: talk(),
            messages: Vec::new(),
            left_out: 0,
            lost: None,
            closed: false,
            over: false,
            earlier: false,
        };
        self.open.insert(ends, connection);
    }

    fn say(&mut self, ends: Ends, node: &NodeName, tcp: &Tcp<'_>, (out, packet): (bool, u64)) {
        let Some(connection) = self.open.get_mut(&ends).filter(|known| known.opener == *node) else { return };
        let (stream, media) = if out { &mut connection.out } else { &mut connection.back };
        stream.push(tcp.sequence, tcp.syn, tcp.payload, media);
        let texts = media.take_texts();
        texts.into_iter().for_each(|text| connection.take(text, out, packet));
        connection.closed |= tcp.rst || (tcp.fin && out);
        if connection.closed && connection.is_silent() {
            self.open.remove(&ends);
        }
    }

    /// The end of a stretch: all connections on which RTSP was spoken. Those that go on are *earlier* ones in the next, and so are
    /// those that were closed in this one: their last packets may be under way.
    pub(super) fn turn(&mut self, inventory: &Inventory) -> Vec<RtspSeen> {
        let mut told = std::mem::take(&mut self.over);
        told.extend(self.open.iter_mut().filter_map(|(ends, one)| one.tell(*ends, inventory)));
        told.sort_by_key(|one| (one.at, one.packet));
        self.open.retain(|_, one| !one.over);
        self.open.values_mut().for_each(Connection::begin_stretch);
        told
    }
}

impl Connection {
    /// Neither end has said anything in RTSP: whatever else this is, it is no transcript.
    fn is_silent(&self) -> bool {
        self.messages.is_empty()
    }

    fn take(&mut self, text: Text, by_opener: bool, packet: u64) {
        if self.lost.is_some() {
            return;
        }
        let read = match text {
            Text::Whole(bytes) => rtsp::message(&bytes),
            Text::Broken => Err("bytes are missing, or are no message".to_owned()),
        };
        match read {
            Ok(_) if self.messages.len() >= MOST_RTSP_MESSAGES => self.left_out += 1,
            Ok(message) => self.messages.push(RtspMessage { by_opener, packet, ..message }),
            Err(why) => self.lost = Some((packet, why)),
        }
    }

    /// Keeps of what was said what later messages refer to: which sessions there are, and what was said last.
    fn begin_stretch(&mut self) {
        let behind = self.messages.len().saturating_sub(MOST_EARLIER);
        let mut given: Vec<String> = Vec::new();
        let mut nth = 0..;
        self.messages.retain(|one| {
            let session = one.headers.get("session");
            let fresh = session.filter(|_| matches!(one.line, RtspLine::Answers(_)));
            let fresh = fresh.filter(|session| !given.contains(session)).cloned();
            let is_kept = nth.next() >= Some(behind) || (fresh.is_some() && given.len() < MOST_EARLIER);
            given.extend(fresh);
            is_kept
        });
        self.messages.iter_mut().for_each(|one| (one.earlier, one.packet) = (true, 0));
        (self.earlier, self.packet, self.left_out, self.over) = (true, 0, 0, self.closed);
    }

    /// Why more may have been said than was read, right now.
    fn unfinished(&self) -> Option<(u64, String)> {
        let why = |(stream, media): &(Stream, Media)| match () {
            () if stream.has_hole() => Some("bytes are missing in between"),
            () if media.is_within_text() => Some("a message has not ended"),
            () => None,
        };
        [&self.out, &self.back].into_iter().find_map(why).map(|why| (self.packet, why.to_owned()))
    }

    fn tell(&mut self, (opener, answerer): Ends, inventory: &Inventory) -> Option<RtspSeen> {
        if self.is_silent() {
            return None;
        }
        let end = |node: Option<&NodeName>, at: SocketAddr| End {
            node: node.cloned(),
            address: at.ip(),
            port: at.port(),
        };
        Some(RtspSeen {
            opener: end(Some(&self.opener), opener),
            answerer: end(inventory.node(answerer.ip()), answerer),
            packet: self.packet,
            at: self.at,
            messages: self.messages.clone(),
            left_out: self.left_out,
            lost: self.lost.clone().or_else(|| self.unfinished()),
            earlier: self.earlier,
            over: self.over,
        })
    }
}

#[cfg(test)]
mod tests;
