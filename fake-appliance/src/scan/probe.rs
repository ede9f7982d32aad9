//! Asks everybody on a link who is a camera (WS-Discovery of April 2005), and collects who answers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::links::Link;

const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 3702);
/// So often the question is asked, since nobody says that it was lost.
const ASKED: u32 = 3;
/// From one question to the next, and from the last one to the end: whoever hears it may wait half a second before it
/// answers (`APP_MAX_DELAY`).
const BETWEEN: Duration = Duration::from_millis(700);
/// Time to live of a question that stays on its link (SOAP-over-UDP as ONVIF uses it).
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

/// Asks on this link; the questions have this time to live.
pub(super) async fn answers(link: Link, hops: u32) -> io::Result<Vec<Answer>> {
    let socket = socket(link, hops)?;
    let question = message_id();
    let text = probe(&question);
    let (mut answers, mut buffer) = (Vec::new(), vec![0; LONGEST]);
    for _ in 0..ASKED {
        socket.send_to(text.as_bytes(), SocketAddr::from(GROUP)).await?;
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

fn socket(link: Link, hops: u32) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // By the link's own address, so that no route to the group is needed.
    socket.set_multicast_if_v4(&link.address)?;
    socket.set_multicast_ttl_v4(hops)?;
    socket.set_multicast_loop_v4(false)?;
    socket.bind(&SocketAddrV4::new(link.address, 0).into())?;
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
