//! First fragments of eight bytes: where a probe's number is in them, as there is no room for key, number and mark.
//!
//! | kind | IPv4 | IPv6 |
//! |---|---|---|
//! | TCP | sequence number; the identification fits it | likewise |
//! | UDP | lower half: identification; upper half: checksum | identification; the checksum fits it |
//! | any other | bytes 4..8, hidden by the key; the identification fits it | likewise |
//!
//! Bytes behind it make a checksum of UDP what it has to be.

use std::net::IpAddr;

use super::frame::Packet;
use super::nonce::mixed;

const TCP: u8 = 6;
const UDP: u8 = 17;
/// Bytes of such a fragment.
const LENGTH: usize = 8;
/// Where UDP's checksum is (RFC 768), and where the bytes are that balance it: in what nobody reads of a probe in pieces.
const CHECKSUM: usize = 6;
const BALANCE: usize = 24;
/// No run sends as many probes. Of IPv4 nothing else tells a datagram's first eight bytes from those of a stranger.
const MOST: u32 = 1 << 26;

/// What fragments of a probe are known by as parts of one packet; of IPv4 the lower half.
pub(super) fn identification(n: u32, key: u32) -> u32 {
    n ^ (mixed(key) >> 16) as u32
}

/// Bytes 4 to 8 of what is neither TCP nor UDP. Lower half first: as the identifier of an echo it is another one in each probe.
pub(super) fn rest(n: u32, key: u32) -> [u8; 4] {
    (n.rotate_left(16) ^ (mixed(!key) >> 24) as u32).to_be_bytes()
}

/// The checksum of a datagram.
fn checksum(n: u32, key: u32, family: IpAddr) -> u16 {
    let mask = (mixed(key) >> 48) as u16;
    match family {
        IpAddr::V4(_) => (n >> 16) as u16 ^ mask,
        // A datagram of IPv6 has one (RFC 8200, section 8.1), of which 0 is none.
        IpAddr::V6(_) => ((n as u16).wrapping_mul(0x9e37) ^ (n >> 16) as u16 ^ mask).max(1),
    }
}

/// Gives a datagram, which begins with the header of UDP, its checksum, and makes it right.
pub(super) fn balance(datagram: &mut [u8], (n, key): (u32, u32), family: IpAddr) {
    let word = |at: usize| u16::from_be_bytes([datagram[at], datagram[at + 1]]);
    let (is, wanted) = (word(CHECKSUM), checksum(n, key, family));
    // Ones' complement (RFC 1071): what the sum lacks is what the checksum has too much.
    let more = u32::from(is) + u32::from(!wanted);
    let more = ((more & 0xffff) + (more >> 16)) as u16;
    datagram[BALANCE..BALANCE + 2].copy_from_slice(&more.to_be_bytes());
    datagram[CHECKSUM..CHECKSUM + 2].copy_from_slice(&wanted.to_be_bytes());
}

/// The number of the probe whose first fragment this is; none if it is longer, or of another lab.
pub(super) fn of(packet: &Packet<'_>, key: u32) -> Option<u32> {
    let fragment = packet.fragment.filter(|one| one.offset == 0 && one.more)?;
    let bytes: [u8; LENGTH] = packet.bytes.try_into().ok()?;
    let last = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let sum = u16::from_be_bytes([bytes[CHECKSUM], bytes[CHECKSUM + 1]]);
    let from_id = fragment.id ^ identification(0, key);
    let n = match (packet.protocol, packet.dest) {
        (TCP, _) => last,
        (UDP, IpAddr::V4(_)) => u32::from(sum ^ checksum(0, key, packet.dest)) << 16 | from_id & 0xffff,
        (UDP, IpAddr::V6(_)) => from_id,
        _ => (last ^ u32::from_be_bytes(rest(0, key))).rotate_left(16),
    };
    let fits = match packet.dest {
        IpAddr::V4(_) => fragment.id == identification(n, key) & 0xffff,
        IpAddr::V6(_) => fragment.id == identification(n, key),
    };
    let sum_fits = packet.protocol != UDP || sum == checksum(n, key, packet.dest);
    (fits && sum_fits && n < MOST).then_some(n)
}
