//! Ten thousand packets that are wrong in one known way each: none may end the broker, and none may be taken for good.
//!
//! What is wrong is put in where the standard says what must not be (OASIS MQTT 3.1.1 and 5, sections given below), so that no
//! other codec has to agree; everything else about a packet is drawn anew each time, from a fixed seed.

use std::sync::Arc;
use std::time::Duration;

use fake_facts::Teller;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::session::serve;
use crate::cloud::{self, Cloud};
use crate::settings::Settings;
use crate::tls::Peer;

/// How many are tried.
const TRIES: u64 = 10_000;
/// Far more than one takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Numbers that look drawn: xorshift64* (Vigna 2016).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.roll(most + 1)).map(|_| self.roll(256) as u8).collect()
    }

    fn letters(&mut self, most: usize) -> String {
        (0..=self.roll(most)).map(|_| char::from(b'a' + self.roll(26) as u8)).collect()
    }
}

/// A packet with its length in as many bytes as that takes (section 2.2.3).
fn packet(head: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![head];
    let mut left = body.len();
    loop {
        let more = left > 127;
        out.push((left % 128) as u8 | if more { 0x80 } else { 0 });
        left /= 128;
        if !more {
            break;
        }
    }
    out.extend(body);
    out
}

fn text(bytes: &[u8]) -> Vec<u8> {
    let mut out = (bytes.len() as u16).to_be_bytes().to_vec();
    out.extend(bytes);
    out
}

/// A CONNECT with one field after the other; version 5 has an empty list of properties.
fn connect(name: &[u8], level: u8, flags: u8, client_id: &[u8]) -> Vec<u8> {
    let mut body = text(name);
    body.extend([level, flags, 0, 60]);
    if level == 5 {
        body.push(0);
    }
    body.extend(text(client_id));
    packet(0x10, &body)
}

fn properties(version: u8) -> &'static [u8] {
    if version == 5 { &[0] } else { &[] }
}

/// Something wrong instead of a good CONNECT.
fn wrong_connect(dice: &mut Dice, version: u8) -> Vec<u8> {
    let id = format!("app:{}", dice.letters(20));
    let id = id.as_bytes();
    match dice.roll(9) {
        // 3.1.2.1 protocol name, 3.1.2.2 level
        0 => connect(dice.letters(8).as_bytes(), version, 2, id),
        1 => connect(b"MQTT", 6 + dice.roll(200) as u8, 2, id),
        // 3.1.2.3 the reserved flag
        2 => connect(b"MQTT", version, 3, id),
        // 3.1.2.6 will flags without a will
        3 => connect(b"MQTT", version, 2 | 0x08, id),
        4 => connect(b"MQTT", version, 2 | 0x20, id),
        // 2.2.2 flags of the fixed header
        5 => {
            let mut bytes = connect(b"MQTT", version, 2, id);
            bytes[0] |= 1 + dice.roll(15) as u8;
            bytes
        }
        // 1.5.3 no UTF-8, and U+0000
        6 => connect(b"MQTT", version, 2, &[b'a', 0xff, 0xfe]),
        7 => connect(b"MQTT", version, 2, &[b'a', 0, b'b']),
        // Anything but a CONNECT comes first (3.1)
        _ => packet([0x30, 0x82, 0xc0, 0xe0, 0x20, 0x90][dice.roll(6)], &dice.bytes(40)),
    }
}

/// Something wrong after a good CONNECT.
fn wrong_packet(dice: &mut Dice, version: u8) -> Vec<u8> {
    let topic = format!("panorama/app/{}", dice.letters(30));
    let mut body = text(topic.as_bytes());
    match dice.roll(12) {
        // 3.3.1.2 quality of service 3
        0 => {
            body.extend([0, 1]);
            body.extend(properties(version));
            body.extend(dice.bytes(60));
            packet(0x36, &body)
        }
        // 2.3.1 packet identifier 0
        1 => {
            body.extend([0, 0]);
            body.extend(properties(version));
            packet(0x32, &body)
        }
        // 3.3.2.1 a topic with a wildcard
        2 => {
            let mut body = text(format!("{topic}/+").as_bytes());
            body.extend(properties(version));
            packet(0x30, &body)
        }
        // 1.5.3 no UTF-8
        3 => {
            let mut body = text(&[0xc3, 0x28, b'a']);
            body.extend(properties(version));
            packet(0x30, &body)
        }
        // a text that is longer than its packet
        4 => {
            body[0] = 1 + dice.roll(255) as u8;
            packet(0x30, &body)
        }
        // 3.8.1 and 3.10.1 flags of SUBSCRIBE and UNSUBSCRIBE
        5 => {
            let head = [0x80, 0xa0][dice.roll(2)] | [0, 1, 3, 4, 8, 15][dice.roll(6)];
            let mut all = vec![0, 1];
            all.extend(properties(version));
            all.extend(body);
            all.push(1);
            packet(head, &all)
        }
        // 3.8.3 a SUBSCRIBE without filters
        6 => {
            let mut all = vec![0, 1 + dice.roll(200) as u8];
            all.extend(properties(version));
            packet(0x82, &all)
        }
        // 3.8.3.1 a quality of service of 3
        7 => {
            let mut all = vec![0, 1];
            all.extend(properties(version));
            all.extend(body);
            all.push(3);
            packet(0x82, &all)
        }
        // packets that only a server sends, and type 0
        8 => packet([0x20, 0x90, 0xb0, 0xd0, 0x00][dice.roll(5)], &dice.bytes(20)),
        // 2.2.3 a length of more than four bytes
        9 => {
            let mut bytes = vec![0x30, 0xff, 0xff, 0xff, 0xff, 0x7f];
            bytes.extend(dice.bytes(60));
            bytes
        }
        // a packet that stops short
        10 => {
            body.extend(properties(version));
            let mut bytes = packet(0x30, &body);
            bytes.truncate(1 + dice.roll(bytes.len() - 1));
            bytes
        }
        // 3.1.0 a second CONNECT
        _ => connect(b"MQTT", version, 2, b"app"),
    }
}

/// What the broker says to these bytes until it or the client is done.
async fn said(cloud: &Arc<Cloud>, certificate: &str, bytes: &[u8]) -> Vec<u8> {
    let (client, server) = tokio::io::duplex(1 << 16);
    let peer = Peer {
        socket: "127.0.0.1:1".parse().unwrap(),
        sni: None,
        alpn: None,
        tls: None,
        certificate_id: Some(certificate.into()),
    };
    let served = tokio::spawn(serve(server, peer, (cloud.clone(), cloud.hears()), CancellationToken::new()));
    let (mut from, mut to) = tokio::io::split(client);
    // It may have closed already, which is an answer too.
    let _ = to.write_all(bytes).await;
    let _ = to.shutdown().await;
    let mut answer = Vec::new();
    let _ = from.read_to_end(&mut answer).await;
    served.await.expect("the broker does not crash");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_wrong_packets_crash_nothing_and_none_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { binds: Vec::new(), ..Settings::on_loopback(dir.path().join("cloud")) };
    let stop = CancellationToken::new();
    let running =
        cloud::start(&settings, Teller::new(Box::new(std::io::sink())), stop.clone()).await.unwrap();
    let (cloud, app) = (running.shared(), running.client.things["app"].certificate_id.clone());
    let mut dice = Dice(0x5eed);
    let mut taken = Vec::new();
    for try_ in 0..TRIES {
        let version = [4, 5][dice.roll(2)];
        let good = connect(b"MQTT", version, 2, b"app");
        let (first, wrong) = if try_ % 2 == 0 {
            (Vec::new(), wrong_connect(&mut dice, version))
        } else {
            let welcome = tokio::time::timeout(PATIENCE, said(&cloud, &app, &good)).await.unwrap();
            assert!(welcome.starts_with(&[0x20]) && welcome[3] == 0, "the good one is taken: {welcome:02x?}");
            (welcome, wrong_packet(&mut dice, version))
        };
        let mut bytes = if first.is_empty() { Vec::new() } else { good };
        bytes.extend(&wrong);
        let answer = tokio::time::timeout(PATIENCE, said(&cloud, &app, &bytes)).await.expect("it ends");
        // What comes in one piece with something wrong may end before it is answered.
        let rest = answer.strip_prefix(&first[..]).unwrap_or(&answer);
        // Nothing, a CONNACK that says no, or a DISCONNECT.
        let refused = match rest {
            [] | [0xe0, ..] => true,
            [0x20, _, _, code, ..] => *code != 0,
            _ => false,
        };
        if !refused {
            taken.push(format!("try {try_}: {wrong:02x?} was answered {rest:02x?}"));
        }
    }
    assert!(taken.is_empty(), "{} were taken, such as {:#?}", taken.len(), &taken[..taken.len().min(10)]);
    stop.cancel();
    running.finish("told to").await;
}
