//! A camera that hands out addresses as a DHCP server would (RFC 2131), though nobody has made it one: whoever looks for an address in
//! its network is answered at once, and told of routes, names, time and a proxy that are all the camera's own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU32;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tracing::debug;

use super::Acts;
use crate::onvif::{index_of, prefix_of};

/// Ports of servers and clients (RFC 2131, section 4.1).
const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// What a message has before its options, and the cookie that they begin with (section 2 and 3).
const FIXED: usize = 236;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Kinds of messages (RFC 2132, section 9.6).
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
/// A host of a network that is nobody's (RFC 5737): to it, too, the camera is the way.
const SOMEBODY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Clients that get addresses of their own; whoever comes later is not answered.
const MOST: usize = 64;

/// What is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandsOut {
    /// What the first client gets; the next ones get those that follow. None: each gets what it asks for.
    pub first: Option<Ipv4Addr>,
    /// For how long; whole seconds.
    pub lease: Duration,
}

/// The server, listening.
#[derive(Debug)]
pub(crate) struct Server {
    socket: UdpSocket,
    book: Book,
}

impl Server {
    /// Listens on the link that has this address.
    ///
    /// Errors: it is none of IPv4, no link has it, or the port is taken.
    pub(crate) fn bind(own: IpAddr, hands_out: HandsOut) -> io::Result<Self> {
        let no_link = || io::Error::other("there is no link of IPv4 to hand out addresses on");
        let IpAddr::V4(address) = own else { return Err(no_link()) };
        let link = index_of(own).and_then(NonZeroU32::new).ok_or_else(no_link)?;
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix_of(own).ok_or_else(no_link)?)).unwrap_or(0);
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        socket.set_broadcast(true)?;
        socket.set_nonblocking(true)?;
        // What is for everybody leaves by the link, whatever routes there are.
        socket.bind_device_by_index_v4(Some(link))?;
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, SERVER).into())?;
        let book = Book { own: address, mask: mask.into(), hands_out, clients: Vec::new() };
        Ok(Self { socket: UdpSocket::from_std(socket.into())?, book })
    }

    /// Answers whoever asks, to everybody; never ends.
    pub(crate) async fn answer_all(mut self, acts: Acts) {
        let mut buffer = vec![0; 2048];
        loop {
            // An error is one of an answer that did not arrive.
            let Ok((length, _)) = self.socket.recv_from(&mut buffer).await else { continue };
            let Some(answer) = self.book.answer(&buffer[..length]) else { continue };
            let sent = self.socket.send_to(&answer, (Ipv4Addr::BROADCAST, CLIENT)).await;
            debug!(ok = sent.is_ok(), "somebody was offered an address");
            if sent.is_ok() {
                acts.did("hands_out");
            }
        }
    }
}

/// What is said, and whom each address was given.
#[derive(Debug)]
struct Book {
    own: Ipv4Addr,
    mask: Ipv4Addr,
    hands_out: HandsOut,
    clients: Vec<[u8; 6]>,
}

impl Book {
    /// The answer to a question; none to what is none. What was offered by others is given all the same.
    fn answer(&mut self, question: &[u8]) -> Option<Vec<u8>> {
        // a question over Ethernet, with an address of six bytes
        if question.get(..3)? != [1, 1, 6] || question.get(FIXED..FIXED + 4)? != COOKIE {
            return None;
        }
        let options = &question[FIXED + 4..];
        let kind = match option(options, 53)? {
            [DISCOVER] => OFFER,
            [REQUEST] => ACK,
            _ => return None,
        };
        let client: [u8; 6] = question[28..34].try_into().ok()?;
        let has = <[u8; 4]>::try_from(&question[12..16]).ok().filter(|has| *has != [0; 4]);
        let asks = option(options, 50).and_then(|asks| asks.try_into().ok()).or(has).map(Ipv4Addr::from);
        let gives = match self.hands_out.first {
            None => asks?,
            Some(first) => u32::from(first).checked_add(self.place(client)?)?.into(),
        };
        Some(self.message(kind, question, gives))
    }

    /// The how manieth client this is, from 0 on.
    fn place(&mut self, client: [u8; 6]) -> Option<u32> {
        let known = self.clients.iter().position(|known| *known == client);
        if known.is_none() && self.clients.len() < MOST {
            self.clients.push(client);
        }
        let place = known.or_else(|| self.clients.iter().position(|known| *known == client))?;
        u32::try_from(place).ok()
    }

    fn message(&self, kind: u8, question: &[u8], gives: Ipv4Addr) -> Vec<u8> {
        let own = self.own.octets();
        let mut message = question[..FIXED].to_vec();
        (message[0], message[3]) = (2, 0);
        message[12..16].fill(0);
        message[16..20].copy_from_slice(&gives.octets());
        message[20..24].copy_from_slice(&own);
        // neither the name of a server nor of a file
        message[44..].fill(0);
        message.extend(COOKIE);
        let mut add = |code: u8, value: &[u8]| {
            message.extend([code, value.len() as u8]);
            message.extend(value);
        };
        let seconds = u32::try_from(self.hands_out.lease.as_secs()).unwrap_or(u32::MAX);
        add(53, &[kind]);
        add(54, &own);
        add(51, &seconds.to_be_bytes());
        add(1, &self.mask.octets());
        add(3, &own);
        add(6, &own);
        add(42, &own);
        add(33, &[SOMEBODY.octets(), own].concat());
        // both halves of the internet, nearer than any default route (RFC 3442)
        add(121, &[&[1, 0][..], &own, &[1, 128], &own].concat());
        add(252, format!("http://{}/wpad.dat", self.own).as_bytes());
        message.push(255);
        message
    }
}

/// The value of an option; none if it is not there, or cut short.
fn option(mut options: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        match *options.first()? {
            0 => options = &options[1..],
            255 => return None,
            code => {
                let length = usize::from(*options.get(1)?);
                let value = options.get(2..2 + length)?;
                if code == wanted {
                    return Some(value);
                }
                options = &options[2 + length..];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Ipv4Addr = Ipv4Addr::new(10, 40, 0, 30);

    fn book(first: Option<Ipv4Addr>) -> Book {
        let hands_out = HandsOut { first, lease: Duration::from_secs(30) };
        Book { own: OWN, mask: [255, 255, 255, 0].into(), hands_out, clients: Vec::new() }
    }

    fn question(kind: u8, client: u8, asks: Option<[u8; 4]>) -> Vec<u8> {
        let mut question = vec![0; FIXED];
        question[..8].copy_from_slice(&[1, 1, 6, 0, 7, 7, 7, client]);
        question[28..34].copy_from_slice(&[2, 0, 0, 0, 0, client]);
        question.extend(COOKIE);
        // a byte that means nothing comes before
        question.extend([0, 53, 1, kind]);
        question.extend(asks.iter().flat_map(|asks| [&[50, 4][..], asks].concat()));
        question.push(255);
        question
    }

    /// Kind and address of an answer.
    fn told(answer: &[u8]) -> (u8, Ipv4Addr) {
        let address: [u8; 4] = answer[16..20].try_into().unwrap();
        (option(&answer[FIXED + 4..], 53).unwrap()[0], address.into())
    }

    #[test]
    fn each_client_has_an_address_of_its_own_and_keeps_it() {
        let mut book = book(Some([10, 40, 0, 66].into()));
        let mut ask = |kind, client| told(&book.answer(&question(kind, client, None)).unwrap());
        assert_eq!(ask(DISCOVER, 1), (OFFER, [10, 40, 0, 66].into()));
        assert_eq!(ask(DISCOVER, 2), (OFFER, [10, 40, 0, 67].into()));
        assert_eq!(ask(REQUEST, 1), (ACK, [10, 40, 0, 66].into()));
        let many: Vec<_> =
            (3..=65).map(|client| book.answer(&question(DISCOVER, client, None)).is_some()).collect();
        assert!(many[..62].iter().all(|answered| *answered) && !many[62]);
    }

    #[test]
    fn what_is_asked_for_is_given_where_no_other_is_to_be() {
        let mut book = book(None);
        let asks = Some([10, 40, 0, 5]);
        assert_eq!(told(&book.answer(&question(DISCOVER, 1, asks)).unwrap()), (OFFER, [10, 40, 0, 5].into()));
        assert!(book.answer(&question(DISCOVER, 1, None)).is_none());
        let mut again = question(REQUEST, 1, None);
        again[12..16].copy_from_slice(&[10, 40, 0, 6]);
        assert_eq!(told(&book.answer(&again).unwrap()), (ACK, [10, 40, 0, 6].into()));
    }

    #[test]
    fn all_that_it_names_is_its_own() {
        let answer = book(None).answer(&question(REQUEST, 9, Some([10, 40, 0, 5]))).unwrap();
        assert_eq!(
            (answer[0], &answer[4..8], &answer[28..34]),
            (2, &[7, 7, 7, 9][..], &[2, 0, 0, 0, 0, 9][..])
        );
        let says = |code| option(&answer[FIXED + 4..], code).unwrap();
        for code in [54, 3, 6, 42] {
            assert_eq!(says(code), OWN.octets(), "{code}");
        }
        assert_eq!(says(51), [0, 0, 0, 30]);
        assert_eq!(says(33), [192, 0, 2, 1, 10, 40, 0, 30]);
        assert_eq!(says(121), [1, 0, 10, 40, 0, 30, 1, 128, 10, 40, 0, 30]);
        assert_eq!(says(252), b"http://10.40.0.30/wpad.dat");
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        let mut book = book(Some([10, 40, 0, 66].into()));
        let whole = question(DISCOVER, 1, Some([10, 40, 0, 5]));
        assert!((0..FIXED + 7).all(|length| book.answer(&whole[..length]).is_none()));
        for (place, value) in [(0, 2), (2, 16), (FIXED, 0), (FIXED + 7, OFFER)] {
            let mut other = whole.clone();
            other[place] = value;
            assert!(book.answer(&other).is_none(), "{place}");
        }
    }
}
