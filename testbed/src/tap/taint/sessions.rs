//! What is said inside TLS sessions, where the run's own key log has their secrets: the fake cloud's.
//!
//! Each connection at each tap is read for itself. Records whose key is not known stay closed, and so do those of TLS
//! before 1.2, and of 1.2 with a suite other than AES-GCM and ChaCha20-Poly1305.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use super::super::frame::Tcp;
use super::super::stream::{Sink, Stream};
use super::key_log::KeyLog;
use super::keys::{self, HEADER};
use super::keys12;
use super::scan::{Placed, Scan, Sought};
use super::search::Place;
use crate::observation::Layer;

/// Connections that are read at a time, over all taps.
const MOST_SESSIONS: usize = 2048;
/// Sessions that stayed closed and are told apart.
const MOST_CLOSED: usize = 10_000;
/// Longest record (RFC 8446, section 5.2).
const LONGEST: usize = HEADER + 16 * 1024 + 256;
/// Types of content (RFC 8446, section 5.1).
const CHANGE: u8 = 20;
const HANDSHAKE: u8 = 22;
const APPLICATION: u8 = 23;
/// Types of handshake messages (RFC 8446, section 4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const KEY_UPDATE: u8 = 24;

/// A connection at a tap: its port, whether it is a copy that a switch flooded, and who opened it towards whom.
type Of = (u16, bool, SocketAddr, SocketAddr);

/// Connections under way.
#[derive(Default)]
pub(super) struct Sessions {
    keys: KeyLog,
    open: HashMap<Of, Session>,
    /// Servers, with the random numbers of the clients of whose sessions the key log has nothing.
    closed: BTreeSet<(IpAddr, [u8; 32])>,
}

/// What was found inside, in TLS of which version, and where its segments were seen.
pub(super) type Inside = (Place, Layer, Vec<Placed>);

#[derive(Default)]
struct Session {
    /// The random numbers of both hellos: the client's, the server's.
    randoms: [Option<[u8; 32]>; 2],
    suite: Option<u16>,
    /// The client's random number, if the latest record says something that the key log has no secret for.
    closed: Option<[u8; 32]>,
    /// What the client says, what the server does.
    sides: [Side; 2],
}

#[derive(Default)]
struct Side {
    stream: Stream,
    records: Records,
    opener: Option<Opener>,
    place: Option<Place>,
    scan: Scan,
}

/// What opens the records of a side.
enum Opener {
    Of13(keys::Opener),
    Of12(keys12::Opener),
}

/// Bytes that wait until their record is whole.
#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
    /// Not TLS, or not whole.
    lost: bool,
}

impl Sink for Records {
    fn data(&mut self, bytes: &[u8]) {
        if !self.lost {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn gap(&mut self) {
        (self.lost, self.bytes) = (true, Vec::new());
    }
}

impl Records {
    /// The next whole record.
    fn next(&mut self) -> Option<Vec<u8>> {
        let [_, major, _, high, low, ..] = self.bytes[..] else { return None };
        let length = HEADER + usize::from(u16::from_be_bytes([high, low]));
        if major != 3 || length > LONGEST {
            self.gap();
            return None;
        }
        (self.bytes.len() >= length).then(|| self.bytes.drain(..length).collect())
    }
}

impl Sessions {
    pub(super) fn new(keys: KeyLog) -> Sessions {
        Sessions { keys, ..Sessions::default() }
    }

    /// Takes a segment of a connection; what was found inside of what it completes, and whether one session too many is
    /// under way to read it.
    pub(super) fn take(
        &mut self,
        place: Place,
        (from, to): (SocketAddr, SocketAddr),
        tcp: &Tcp<'_>,
        packet: u64,
        sought: &Sought<'_>,
    ) -> (Option<Inside>, bool) {
        let of = |client, server| (place.port, place.flooded, client, server);
        let (there, back) = (of(from, to), of(to, from));
        if tcp.payload.is_empty() {
            return (None, false);
        }
        let begins = matches!(tcp.payload, [HANDSHAKE, 3, _, _, _, CLIENT_HELLO, ..]);
        let (of, side) = match () {
            () if self.open.contains_key(&back) => (back, 1),
            () if self.open.contains_key(&there) => (there, 0),
            () if !begins => return (None, false),
            () if self.open.len() >= MOST_SESSIONS => return (None, true),
            () => (there, 0),
        };
        let (server, session) = (of.3.ip(), self.open.entry(of).or_default());
        let found = session.take(side, place, tcp, packet, &self.keys, sought);
        if let Some(random) = session.closed.take()
            && self.closed.len() < MOST_CLOSED
        {
            self.closed.insert((server, random));
        }
        (found, false)
    }

    /// How many sessions of each server encrypt something and are not in the key log, each counted once, wherever it was seen.
    pub(super) fn closed(&self) -> BTreeMap<IpAddr, u64> {
        let mut closed = BTreeMap::new();
        self.closed.iter().for_each(|(server, _)| *closed.entry(*server).or_default() += 1);
        closed
    }

    /// A connection begins anew between these ends; what was found in the one before and not told.
    pub(super) fn begin(
        &mut self,
        place: Place,
        (from, to): (SocketAddr, SocketAddr),
        sought: &Sought<'_>,
    ) -> Vec<Inside> {
        let old = self.open.remove(&(place.port, place.flooded, from, to));
        old.map_or_else(Vec::new, |session| session.end(sought))
    }

    /// The end of all.
    pub(super) fn end_all(&mut self, sought: &Sought<'_>) -> Vec<Inside> {
        let mut all: Vec<_> = std::mem::take(&mut self.open).into_iter().collect();
        // In the same order each time: what is found first is told.
        all.sort_by_key(|(of, _)| *of);
        all.into_iter().flat_map(|(_, session)| session.end(sought)).collect()
    }
}

impl Session {
    fn take(
        &mut self,
        side: usize,
        place: Place,
        tcp: &Tcp<'_>,
        packet: u64,
        keys: &KeyLog,
        sought: &Sought<'_>,
    ) -> Option<Inside> {
        let own = &mut self.sides[side];
        own.place = Some(place);
        own.scan.packet = packet;
        own.stream.push(tcp.sequence, tcp.syn, tcp.payload, &mut own.records);
        while let Some(record) = self.sides[side].records.next() {
            self.record(side, &record, keys);
        }
        let own = &mut self.sides[side];
        own.scan.is_due().then(|| (place, own.layer(), own.scan.search(sought)))
    }

    fn record(&mut self, side: usize, record: &[u8], keys: &KeyLog) {
        let own = &mut self.sides[side];
        match (record[0], &mut own.opener) {
            // All that follows the change of keys has a number, and is opened in its turn.
            (kind, Some(Opener::Of12(opener))) => match opener.open(record) {
                Some(content) if kind == APPLICATION => own.scan.data(&content),
                Some(_) => {}
                None => own.records.gap(),
            },
            (CHANGE, None) => self.change(side, keys),
            (HANDSHAKE, _) => self.hello(&record[HEADER..]),
            (APPLICATION, _) => self.open(side, record, keys),
            _ => {}
        }
    }

    /// Goes over to the keys that were agreed on, with TLS 1.2; with 1.3 it means nothing (RFC 8446, section 5).
    fn change(&mut self, side: usize, keys: &KeyLog) {
        let ([Some(client), Some(server)], Some(suite)) = (&self.randoms, self.suite) else { return };
        if keys::is_suite(suite) {
            return;
        }
        if !keys.has(client) {
            self.closed = Some(*client);
        }
        let own = &mut self.sides[side];
        let master = keys.master(client);
        let opener = master.and_then(|master| keys12::Opener::new(suite, master, [client, server], side));
        match opener {
            Some(opener) => own.opener = Some(Opener::Of12(opener)),
            // What follows looks like anything.
            None => own.records.gap(),
        }
    }

    /// Both hellos begin with type, length, version and a random number; the server's goes on with the session's id and
    /// the suite (RFC 8446, section 4.1).
    fn hello(&mut self, message: &[u8]) {
        let random = message.get(6..38).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        match message.first() {
            Some(&CLIENT_HELLO) => self.randoms[0] = self.randoms[0].or(random),
            Some(&SERVER_HELLO) => {
                self.randoms[1] = random;
                let id = message.get(38).map_or(0, |length| usize::from(*length));
                let suite = message.get(39 + id..41 + id);
                self.suite = suite.map(|suite| u16::from_be_bytes([suite[0], suite[1]])).or(self.suite);
            }
            _ => {}
        }
    }

    fn open(&mut self, side: usize, record: &[u8], keys: &KeyLog) {
        let (Some(random), Some(suite)) = (self.randoms[0], self.suite) else { return };
        if !keys.has(&random) {
            self.closed = Some(random);
        }
        let own = &mut self.sides[side];
        if own.opener.is_none() {
            let opener = keys.secret(&random, side).and_then(|secret| keys::Opener::new(suite, secret));
            own.opener = opener.map(Opener::Of13);
        }
        let Some(Opener::Of13(opener)) = &mut own.opener else { return };
        match opener.open(record) {
            Some((APPLICATION, content)) => own.scan.data(&content),
            Some((HANDSHAKE, content)) if content.first() == Some(&KEY_UPDATE) => {
                own.opener = opener.next().map(Opener::Of13);
            }
            Some(_) => {}
            // Still the handshake; behind it, nothing fits any more.
            None if opener.is_fresh() => {}
            None => own.records.gap(),
        }
    }

    fn end(self, sought: &Sought<'_>) -> Vec<Inside> {
        let found = self
            .sides
            .into_iter()
            .filter_map(|mut side| Some((side.place?, side.layer(), side.scan.search(sought))));
        found.collect()
    }
}

impl Side {
    fn layer(&self) -> Layer {
        match self.opener {
            Some(Opener::Of12(_)) => Layer::Inside12,
            _ => Layer::Inside,
        }
    }
}
