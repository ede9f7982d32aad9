//! A camera that tells others, by forged ICMP redirects, that the way to somebody leads over itself (RFC 792, "Redirect Message").

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::str::FromStr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tracing::debug;

use super::Acts;

/// From one round to the next, and how many there are: whoever has to ask first who the new next hop is heeds a later one.
const EVERY: Duration = Duration::from_millis(500);
const ROUNDS: u32 = 60;
/// Bytes of a header of IPv4 without options, and of what ICMP begins with.
const IP: usize = 20;
const ICMP: usize = 8;
/// A socket that takes whole packets, and hears none (`IPPROTO_RAW`, raw(7)).
const ONLY_SENDS: i32 = 255;
/// The protocol's number.
const IS_ICMP: u8 = 1;
/// Type and code: for packets to one host (RFC 792).
const REDIRECT_HOST: [u8; 2] = [5, 1];

/// One lie. All are addresses of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misroute {
    /// Who is told.
    pub whom: Ipv4Addr,
    /// Whose packets it is about.
    pub about: Ipv4Addr,
    /// Over whom that one sends them now, and in whose name it is told; once more in the camera's own.
    pub over: Ipv4Addr,
}

impl FromStr for Misroute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let mut words = text.split(',').map(|word| word.parse().ok());
            let lie = Self { whom: words.next()??, about: words.next()??, over: words.next()?? };
            words.next().is_none().then_some(lie)
        };
        read().ok_or_else(|| {
            format!("`{text}` is no redirect; write for example 10.40.0.5,203.0.113.10,10.40.0.1: whom, about whom, over whom now")
        })
    }
}

/// What the lies are told with.
#[derive(Debug)]
pub(crate) struct Liar {
    socket: Socket,
    own: Ipv4Addr,
    lies: Vec<Misroute>,
}

impl Liar {
    /// Opens a socket that takes whole packets; needs the right to (`CAP_NET_RAW`).
    ///
    /// Errors: there is no such right, or the camera's own address is none of IPv4.
    pub(crate) fn new(own: IpAddr, lies: Vec<Misroute>) -> io::Result<Self> {
        let IpAddr::V4(own) = own else {
            return Err(io::Error::other("there is no address of IPv4 to lead others to"));
        };
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(ONLY_SENDS)))?;
        socket.set_header_included_v4(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, own, lies })
    }

    /// Tells them all, again and again, and ends after half a minute. That is told when two rounds have left whole.
    pub(crate) async fn tell_all(self, acts: Acts) {
        let mut ticks = tokio::time::interval(EVERY);
        let mut whole = 0;
        for _ in 0..ROUNDS {
            ticks.tick().await;
            let left =
                self.lies.iter().all(|lie| [lie.over, self.own].iter().all(|from| self.tell(lie, *from)));
            debug!(left, "others were told of another way");
            whole += u32::from(left);
            if whole == 2 {
                acts.did("misroutes");
            }
        }
    }

    /// Whether it has left.
    fn tell(&self, lie: &Misroute, from: Ipv4Addr) -> bool {
        let packet = redirect(lie, from, self.own);
        self.socket.send_to(&packet, &SocketAddrV4::new(lie.whom, 0).into()).is_ok()
    }
}

/// A redirect in the name of `from`: what `whom` sends to `about` shall go over `own`. It quotes an answer to an echo, which no socket
/// of the receiver is needed for.
fn redirect(lie: &Misroute, from: Ipv4Addr, own: Ipv4Addr) -> Vec<u8> {
    let mut answer = [0; ICMP];
    sum_into(&mut answer, 2);
    let quoted = packet(lie.whom, lie.about, &answer);
    let mut message = REDIRECT_HOST.to_vec();
    message.extend([0, 0]);
    message.extend(own.octets());
    message.extend(quoted);
    sum_into(&mut message, 2);
    packet(from, lie.whom, &message)
}

/// A packet of ICMP (RFC 791, section 3.1).
fn packet(from: Ipv4Addr, to: Ipv4Addr, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(IP + body.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, IS_ICMP, 0, 0];
    packet.extend(from.octets());
    packet.extend(to.octets());
    sum_into(&mut packet, 10);
    packet.extend(body);
    packet
}

/// Puts the checksum (RFC 1071) of all these bytes there.
fn sum_into(bytes: &mut [u8], at: usize) {
    let words =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[at..at + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Ipv4Addr = Ipv4Addr::new(10, 40, 0, 31);

    /// What all words of a packet sum up to where its checksum is right.
    fn sums_up(bytes: &[u8]) -> bool {
        let mut copy = [bytes, &[0, 0]].concat();
        let at = bytes.len();
        sum_into(&mut copy, at);
        copy[at..] == [0, 0]
    }

    #[test]
    fn lies_are_read() {
        let lie = Misroute {
            whom: [10, 40, 0, 5].into(),
            about: [203, 0, 113, 10].into(),
            over: [10, 40, 0, 1].into(),
        };
        assert_eq!("10.40.0.5,203.0.113.10,10.40.0.1".parse(), Ok(lie));
        for wrong in [
            "",
            "10.40.0.5",
            "10.40.0.5,203.0.113.10",
            "10.40.0.5,fd00::1,10.40.0.1",
            "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4",
        ] {
            assert!(wrong.parse::<Misroute>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_redirect_quotes_what_the_receiver_might_have_sent() {
        let lie: Misroute = "10.40.0.5,203.0.113.10,10.40.0.1".parse().unwrap();
        let told = redirect(&lie, lie.over, OWN);
        assert_eq!((told.len(), &told[12..20]), (56, &[10, 40, 0, 1, 10, 40, 0, 5][..]));
        assert_eq!(told[20..22], [5, 1]);
        assert_eq!(told[24..28], OWN.octets());
        let quoted = &told[28..];
        assert_eq!((quoted[9], &quoted[12..20], quoted[20]), (1, &[10, 40, 0, 5, 203, 0, 113, 10][..], 0));
        assert!(
            sums_up(&told[..20]) && sums_up(&told[20..]) && sums_up(&quoted[..20]) && sums_up(&quoted[20..])
        );
    }

    #[test]
    fn nobody_is_led_to_an_address_of_another_family() {
        assert!(Liar::new("fd00::1".parse().unwrap(), Vec::new()).is_err());
    }
}
