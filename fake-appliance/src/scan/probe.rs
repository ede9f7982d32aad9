//! Asks everybody on a link who is a camera (WS-Discovery of April 2005), and collects who answers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::links::Link;

/// Port of WS-Discovery (section 2.4, as its groups).
const PORT: u16 = 3702;
const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), PORT);
/// Its group of IPv6, which is one of a link.
const GROUP_OF_A_LINK: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc);
/// The same number in a whole site, where nobody should ask.
const GROUP_OF_A_SITE: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0xc);
/// So often the question is asked, since nobody says that it was lost.
const ASKED: u32 = 3;
/// From one question to the next, and from the last one to the end: whoever hears it may wait half a second before it
/// answers (`APP_MAX_DELAY`).
const BETWEEN: Duration = Duration::from_millis(700);
/// Time to live, of IPv6 the hop limit, of a question that stays on its link (SOAP-over-UDP as ONVIF uses it).
pub(super) const ON_THE_LINK: u32 = 1;
/// The same of one that routers may pass on, if they pass groups on.
pub(super) const FAR: u32 = 64;
/// Longest answer that is read, bytes; what is longer is cut, and then no message.
const LONGEST: usize = fake_camera::xml::MAX_BYTES;
/// Most answers on one link.
const MOST: usize = 1024;

/// One answer, and who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) sender: IpAddr,
    pub(super) datagram: Vec<u8>,
    /// The question that it should relate to.
    pub(super) question: String,
}

/// Asks on this link, in the family of its address; the questions have this time to live.
pub(super) async fn answers(link: Link, hops: u32) -> io::Result<Vec<Answer>> {
    let socket = socket(link, hops)?;
    let question = message_id();
    let text = probe(&question);
    let (mut answers, mut buffer) = (Vec::new(), vec![0; LONGEST]);
    for _ in 0..ASKED {
        for group in groups(link, hops) {
            socket.send_to(text.as_bytes(), group).await?;
        }
        let until = Instant::now() + BETWEEN;
        while let Ok(heard) = timeout_at(until, socket.recv_from(&mut buffer)).await {
            // An error is about an earlier packet.
            let Ok((length, sender)) = heard else { continue };
            if answers.len() < MOST {
                let (datagram, question) = (buffer[..length].to_vec(), question.clone());
                answers.push(Answer { sender: sender.ip(), datagram, question });
            }
        }
    }
    Ok(answers)
}

/// Whom it is asked: all of the link; by IPv6 all of the site as well, if routers may pass it on.
fn groups(link: Link, hops: u32) -> Vec<SocketAddr> {
    let six = |group| SocketAddrV6::new(group, PORT, 0, link.index).into();
    match link.address {
        IpAddr::V4(_) => vec![GROUP.into()],
        IpAddr::V6(_) if hops == ON_THE_LINK => vec![six(GROUP_OF_A_LINK)],
        IpAddr::V6(_) => vec![six(GROUP_OF_A_LINK), six(GROUP_OF_A_SITE)],
    }
}

/// One that sends by this link and from its own address, so that no route to the group is needed.
fn socket(link: Link, hops: u32) -> io::Result<UdpSocket> {
    let family = if link.address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(family, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    match link.address {
        IpAddr::V4(address) => {
            socket.set_multicast_if_v4(&address)?;
            socket.set_multicast_ttl_v4(hops)?;
            socket.set_multicast_loop_v4(false)?;
        }
        IpAddr::V6(_) => {
            socket.set_multicast_if_v6(link.index)?;
            socket.set_multicast_hops_v6(hops)?;
            socket.set_multicast_loop_v6(false)?;
        }
    }
    socket.bind(&SocketAddr::new(link.address, 0).into())?;
    UdpSocket::from_std(socket.into())
}

/// A random UUID as a URI (RFC 9562, version 4).
fn message_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn probe(message: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:wsd="http://schemas.xmlsoap.org/ws/2005/04/discovery"><Header><wsa:MessageID>{message}</wsa:MessageID><wsa:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa:To><wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</wsa:Action></Header><Body><wsd:Probe><wsd:Types xmlns:onvif="http://www.onvif.org/ver10/network/wsdl">onvif:NetworkVideoTransmitter</wsd:Types></wsd:Probe></Body></Envelope>"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_on_the_link_is_asked_in_the_familys_own_group_and_nobody_beyond() {
        let asked = |address: &str, hops| {
            let link = Link { address: address.parse().unwrap(), prefix: 24, index: 7 };
            groups(link, hops).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(asked("10.20.0.5", ON_THE_LINK), ["239.255.255.250:3702"]);
        assert_eq!(asked("10.20.0.5", FAR), ["239.255.255.250:3702"]);
        assert_eq!(asked("2001:db8::5", ON_THE_LINK), ["[ff02::c%7]:3702"]);
        assert_eq!(asked("2001:db8::5", FAR), ["[ff02::c%7]:3702", "[ff05::c%7]:3702"]);
    }
}
