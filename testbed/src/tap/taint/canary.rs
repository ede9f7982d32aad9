//! Canaries: bytes that are nobody's, hidden at every tap in every way that is searched, so that a searcher that finds
//! nothing is known to be able to find.
//!
//! One is sent: a frame leaves each link, marked as a probe of this lab and for a group that no bridge passes on (IEEE
//! 802.1D, table 7-10), with a canary in it as it is, as Base64 and as digits. It shows that what passes this tap comes
//! into the capture and is searched. What is put together only here (streams, TLS sessions, packets in pieces, quotes) gets frames
//! with another canary, which are searched as if this tap had seen them.

use std::net::Ipv4Addr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use etherparse::{IpFragOffset, Ipv4Header, PacketBuilder};
use sha2::{Digest, Sha256};

use super::{keys, keys12};
use crate::names::{LinkName, Mac};

/// The group of the MAC's own control frames, which end at the next port.
pub const NEXT_PORT_ONLY: Mac = Mac([0x01, 0x80, 0xc2, 0, 0, 0x01]);
/// Which of a port's two canaries is sent.
pub(super) const SENT: u16 = 0;
/// Bytes of a canary.
const LENGTH: usize = 64;
/// Bytes of a segment or a piece: less than a canary, and a multiple of eight.
const PIECE: usize = 40;
/// For documentation (RFC 5737).
const FROM: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const TO: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const DISCARD: u16 = 9;
const HTTPS: u16 = 443;
/// `TLS_AES_128_GCM_SHA256`.
const SUITE_13: u16 = 0x1301;
/// `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`.
const SUITE_12: u16 = 0xc02b;

/// What is in the frame that leaves a link, behind what marks it as a probe.
pub fn sent(key: u32, port: &LinkName) -> Vec<u8> {
    in_all_encodings(&bytes(key, port, "sent"), &word(key, port, "sent"))
}

/// The canaries of every port.
#[derive(Debug)]
pub(super) struct Canaries {
    /// Of each port the one that is sent, and the one that is put together here.
    of: Vec<[Vec<u8>; 2]>,
    /// The same, as short as a password.
    words: Vec<[String; 2]>,
    /// Of each port the random number of both ends of its TLS sessions, and their secret.
    tls: Vec<[[u8; 32]; 2]>,
}

impl Canaries {
    pub(super) fn new(key: u32, ports: &[LinkName]) -> Self {
        const BOTH: [&str; 2] = ["sent", "here"];
        Canaries {
            of: ports.iter().map(|port| BOTH.map(|which| bytes(key, port, which))).collect(),
            words: ports.iter().map(|port| BOTH.map(|which| word(key, port, which))).collect(),
            tls: ports.iter().map(|port| [0, 1].map(|part| hash(key, port, "tls", part))).collect(),
        }
    }

    /// Both of a port.
    pub(super) fn of(&self, port: usize) -> &[Vec<u8>; 2] {
        &self.of[port]
    }

    /// The words of all ports, both of each.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        self.words.iter().flatten().cloned()
    }

    /// The secrets of the sessions that canaries are said in, as a key log.
    pub(super) fn key_log(&self) -> String {
        let line = |[random, secret]: &[[u8; 32]; 2]| {
            let of_both = format!("{} {}", hex::encode(random), hex::encode(secret));
            format!("CLIENT_TRAFFIC_SECRET_0 {of_both}\nCLIENT_RANDOM {of_both}\n")
        };
        self.tls.iter().map(line).collect()
    }

    /// Frames with a canary that only shows in a stream, a TLS session, a packet in pieces, or an error's quote.
    pub(super) fn of_streams_and_pieces(&self, port: usize) -> Vec<Vec<u8>> {
        let hidden = in_all_encodings(&self.of[port][1], &self.words[port][1]);
        let [random, secret] = &self.tls[port];
        let sealed = keys::Opener::new(SUITE_13, secret).and_then(|mut client| client.seal(&hidden));
        let of_13 = session(SUITE_13, random, &sealed.expect(FITS));
        let client = keys12::Opener::new(SUITE_12, secret, [random, random], 0);
        let sealed = client.and_then(|mut client| client.seal(&hidden)).expect(FITS);
        // What changes the keys (RFC 5246, section 7.1) comes before.
        let of_12 = session(SUITE_12, random, &[&[20, 3, 3, 0, 1, 1], &sealed[..]].concat());
        [segments(&hidden), of_13, of_12, pieces(&hidden), quotes(&hidden)].concat()
    }
}

/// 64 bytes of a port that nobody else has.
fn bytes(key: u32, port: &LinkName, which: &str) -> Vec<u8> {
    let whole = [0, 1].map(|part| hash(key, port, which, part)).concat();
    debug_assert_eq!(whole.len(), LENGTH);
    whole
}

fn hash(key: u32, port: &LinkName, which: &str, part: u8) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"canary");
    hash.update(key.to_be_bytes());
    hash.update([part]);
    hash.update(port.as_str());
    hash.update(which);
    hash.finalize().into()
}

/// Sixteen digits of a port that nobody else has.
fn word(key: u32, port: &LinkName, which: &str) -> String {
    hex::encode(&bytes(key, port, which)[LENGTH - 8..]).chars().rev().collect()
}

/// A word stands alone here; that it is found within longer text hangs on no tap.
fn in_all_encodings(canary: &[u8], word: &str) -> Vec<u8> {
    let texts =
        [canary, word.as_bytes()].map(|one| format!(" {} {} ", STANDARD.encode(one), hex::encode(one)));
    [canary, b" ", word.as_bytes(), texts.concat().as_bytes()].concat()
}

/// The last segment first, so that the stream is whole only with the one that comes last.
fn segments(bytes: &[u8]) -> Vec<Vec<u8>> {
    let segment = |(place, part): (usize, &[u8])| {
        let sequence = (place * PIECE) as u32;
        let builder =
            ethernet().ipv4(FROM.octets(), TO.octets(), 1).tcp(DISCARD, DISCARD, sequence, 1).ack(1);
        written(|frame| builder.write(frame, part))
    };
    let mut segments: Vec<_> = bytes.chunks(PIECE).enumerate().map(segment).collect();
    segments[1..].reverse();
    segments
}

/// Why sealing a canary does not fail.
const FITS: &str = "a suite of its version, and a canary is shorter than a record";

/// A TLS session with this suite that is opened, answered, and in which the client says these records. Its port is that
/// suite's.
fn session(suite: u16, random: &[u8; 32], said: &[u8]) -> Vec<Vec<u8>> {
    let record = |message: u8, body: &[u8]| {
        let length = |more: usize| ((body.len() + more) as u16).to_be_bytes();
        [&[22, 3, 3][..], &length(4), &[message, 0], &length(0), body].concat()
    };
    // Version, random number, no id, then suites to choose from, or the suite that was chosen (RFC 8446, section 4.1).
    let client = (FROM, suite);
    let suite = suite.to_be_bytes();
    let head = [&[3, 3][..], random, &[0]].concat();
    let asks = record(1, &[&head[..], &[0, 2], &suite, &[1, 0]].concat());
    let answers = record(2, &[&head[..], &suite, &[0]].concat());
    let segment = |there: bool, sequence: usize, part: &[u8]| {
        let (from, to) = if there { (client, (TO, HTTPS)) } else { ((TO, HTTPS), client) };
        let builder = ethernet().ipv4(from.0.octets(), to.0.octets(), 1);
        let builder = builder.tcp(from.1, to.1, sequence as u32, 1).ack(1);
        written(|frame| builder.write(frame, part))
    };
    let (first, second) = said.split_at(said.len() / 2);
    vec![
        segment(true, 0, &asks),
        segment(false, 0, &answers),
        segment(true, asks.len(), first),
        segment(true, asks.len() + first.len(), second),
    ]
}

fn pieces(bytes: &[u8]) -> Vec<Vec<u8>> {
    let last = bytes.chunks(PIECE).count() - 1;
    let piece = |(place, part): (usize, &[u8])| {
        let mut header = Ipv4Header::new(0, 1, etherparse::ip_number::UDP, FROM.octets(), TO.octets())
            .expect("no payload is not too long");
        header.identification = DISCARD;
        header.more_fragments = place < last;
        header.fragment_offset =
            IpFragOffset::try_new((place * PIECE / 8) as u16).expect("a canary is short");
        let builder = ethernet().ip(etherparse::IpHeaders::Ipv4(header, Default::default()));
        written(|frame| builder.write(frame, etherparse::ip_number::UDP, part))
    };
    bytes.chunks(PIECE).enumerate().map(piece).collect()
}

/// An error that quotes a datagram with all of it.
fn quotes(bytes: &[u8]) -> Vec<Vec<u8>> {
    let builder = PacketBuilder::ipv4(TO.octets(), FROM.octets(), 1).udp(DISCARD, DISCARD);
    let quoted = written(|packet| builder.write(packet, bytes));
    // Port unreachable (RFC 792).
    let builder = ethernet().ipv4(FROM.octets(), TO.octets(), 1).icmpv4_raw(3, 3, [0; 4]);
    vec![written(|frame| builder.write(frame, &quoted))]
}

fn ethernet() -> etherparse::PacketBuilderStep<etherparse::Ethernet2Header> {
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
}

fn written<E: std::fmt::Debug>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes).expect("a vector takes whatever is written, and a canary fits into any packet");
    bytes
}
