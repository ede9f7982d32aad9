//! A camera that sends to a group: what of it is taken, and whom and what nobody follows.

use std::net::{Ipv4Addr, SocketAddrV4};

use fake_camera::mutation::{Campaign, LINES, Random};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::super::super::talk::field;
use super::super::tests::shared;
use super::*;
use crate::config;

/// Far more than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a camera says and sends.
struct Said {
    /// The field `Transport` of its answer to SETUP.
    transport: String,
    control: String,
    /// It sends whoever asks for its description to another host.
    redirects: bool,
    /// Sent to the group once it plays; by a stranger, where that is said.
    datagrams: Vec<(bool, Vec<u8>)>,
}

impl Said {
    fn of(group: SocketAddrV4, datagrams: Vec<(bool, Vec<u8>)>) -> Self {
        let (address, port) = (group.ip(), group.port());
        let transport = format!("RTP/AVP;multicast;destination={address};ttl=1;port={port}-{}", port + 1);
        Self { transport, control: "stream=0".into(), redirects: false, datagrams }
    }

    fn described(&self) -> String {
        let control = &self.control;
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 239.255.0.1/1\r\nt=0 0\r\na=control:*\r\n\
             m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:{control}\r\n"
        )
    }

    fn answer(&self, request: &str) -> String {
        let number = field(request, "CSeq").unwrap();
        let head = |fields: &str| format!("RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{fields}\r\n");
        match request.split(' ').next().unwrap() {
            "DESCRIBE" if self.redirects => {
                format!("RTSP/1.0 302 Found\r\nCSeq: {number}\r\nLocation: rtsp://127.0.0.9/stream\r\n\r\n")
            }
            "DESCRIBE" => {
                let described = self.described();
                head(&format!("Content-Length: {}\r\n", described.len())) + &described
            }
            "SETUP" => head(&format!("Session: 1;timeout=1\r\nTransport: {}\r\n", self.transport)),
            _ => head("Session: 1\r\n"),
        }
    }
}

/// Answers until the client is gone; the methods that it asked by.
async fn serve(mut client: TcpStream, said: &Said, group: SocketAddrV4) -> Vec<String> {
    let (mut asked, mut read) = (Vec::new(), Vec::new());
    loop {
        while let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let request: Vec<u8> = read.drain(..end + 4).collect();
            let request = String::from_utf8(request).unwrap();
            client.write_all(said.answer(&request).as_bytes()).await.unwrap();
            let method = request.split(' ').next().unwrap().to_owned();
            if method == "PLAY" {
                send(said, group).await;
            }
            asked.push(method);
        }
        // Whoever goes in the middle of an answer has gone.
        if client.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return asked;
        }
    }
}

async fn send(said: &Said, group: SocketAddrV4) {
    let socket = |own: Ipv4Addr| {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        socket.bind(&SocketAddrV4::new(own, 0).into()).unwrap();
        socket.set_nonblocking(true).unwrap();
        UdpSocket::from_std(socket.into()).unwrap()
    };
    let (camera, stranger) = (socket(Ipv4Addr::LOCALHOST), socket(Ipv4Addr::new(127, 0, 0, 2)));
    for (strange, datagram) in &said.datagrams {
        let from = if *strange { &stranger } else { &camera };
        from.send_to(datagram, group).await.unwrap();
    }
}

/// The packets of the frame with this number: its identity, and a picture that means nothing.
fn frame(number: u16) -> [Vec<u8>; 2] {
    let identity = FrameIdentity { camera: 1, run: 1, number: number.into(), sent: 1, ..Default::default() };
    let message = identity.to_unit(Codec::H264).unwrap();
    let picture = [if number == 0 { 0x65 } else { 0x41 }, 0x9a, 2, 3];
    let packet = |place: u16, marker: bool, unit: &[u8]| {
        let mut packet = vec![0x80, 96 | u8::from(marker) << 7];
        packet.extend((number * 2 + place).to_be_bytes());
        packet.extend((u32::from(number) * 6000).to_be_bytes());
        packet.extend([0, 0, 0, 9]);
        packet.extend(unit);
        packet
    };
    [packet(0, false, &message), packet(1, true, &picture)]
}

fn frames(numbers: impl IntoIterator<Item = u16>) -> Vec<(bool, Vec<u8>)> {
    numbers.into_iter().flat_map(frame).map(|packet| (false, packet)).collect()
}

/// A group of this listener's own.
fn group(listener: &TcpListener) -> SocketAddrV4 {
    let [high, low] = listener.local_addr().unwrap().port().to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(239, 255, high, low), 5004)
}

/// Plays such a camera until this many frames have come, if that is asked for; how it ended, what was counted, and what the
/// camera was asked.
async fn played(
    said: impl Fn(SocketAddrV4) -> Said,
    frames: u64,
) -> (Result<(), Ended>, fake_facts::Video, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let group = group(&listener);
    let said = said(group);
    let url = format!("rtsp://{}/stream", listener.local_addr().unwrap());
    let shared = shared(url, config::Transport::Multicast);
    let stop = watch::channel(false).0;
    let mut told = Stop::heard_from(&stop);
    let served = async {
        let (client, _) = listener.accept().await.unwrap();
        serve(client, &said, group).await
    };
    let enough = async {
        shared.until_received(frames.max(1)).await;
        stop.send_replace(true);
        std::future::pending::<()>().await;
    };
    let playing = async {
        tokio::select! {
            ended = super::super::play(&shared, &mut told) => ended,
            () = enough => unreachable!("it waits for ever"),
        }
    };
    let both = async { tokio::join!(playing, served) };
    let (ended, asked) = timeout(PATIENCE, both).await.expect("it comes to an end");
    let video = shared.tally().tell();
    (ended, video, asked)
}

#[tokio::test]
async fn frames_of_the_group_are_judged_until_the_session_is_left() {
    let (ended, video, asked) = played(|group| Said::of(group, frames(0..20)), 20).await;
    ended.unwrap();
    assert_eq!((video.received, video.first, video.last, video.lost), (20, 0, 19, 0), "{video:?}");
    assert_eq!((video.unidentified, video.foreign, video.swapped), (0, 0, 0), "{video:?}");
    assert_eq!(video.packets, 40, "two for each");
    assert_eq!(asked.first().map(String::as_str), Some("DESCRIBE"));
    assert_eq!(asked.last().map(String::as_str), Some("TEARDOWN"), "{asked:?}");
}

#[tokio::test]
async fn a_frame_of_which_a_packet_may_be_missing_is_lost_and_no_other() {
    // The beginning of a frame; the end of one, which might be the beginning of the next as well.
    for (missing, lost) in [(6, 1), (7, 2)] {
        let said = |group| {
            let mut datagrams = frames(0..10);
            datagrams.remove(missing);
            Said::of(group, datagrams)
        };
        let (ended, video, _) = played(said, 10 - lost).await;
        ended.unwrap();
        assert_eq!((video.received, video.last, video.lost), (10 - lost, 9, lost), "{video:?}");
        assert_eq!(video.unidentified, 0, "{video:?}");
    }
}

#[tokio::test]
async fn what_a_stranger_sends_to_the_group_is_nobodys() {
    let said = |group| {
        let strange = frames(50..60).into_iter().map(|(_, packet)| (true, packet));
        Said::of(group, strange.chain(frames(0..5)).collect())
    };
    let (ended, video, _) = played(said, 5).await;
    ended.unwrap();
    assert_eq!((video.received, video.first, video.last), (5, 0, 4), "{video:?}");
}

#[tokio::test]
async fn the_end_of_a_frame_that_had_begun_before_is_none() {
    let said = |group| Said::of(group, frames(3..6).into_iter().skip(1).collect());
    let (ended, video, _) = played(said, 2).await;
    ended.unwrap();
    assert_eq!((video.received, video.first, video.unidentified, video.lost), (2, 4, 0, 0), "{video:?}");
}

#[tokio::test]
async fn packets_of_frames_that_are_never_whole_are_counted_and_break_no_silence() {
    // The second one of each frame is lost.
    let said = |group| Said::of(group, frames(0..6).into_iter().step_by(2).collect());
    let (ended, video, _) = played(said, 1).await;
    assert!(matches!(ended, Err(Ended::Silence)), "{ended:?}");
    assert_eq!((video.packets, video.received, video.unidentified), (6, 0, 0), "{video:?}");
}

#[tokio::test]
async fn a_camera_that_sends_nothing_has_fallen_silent() {
    let (ended, video, asked) = played(|group| Said::of(group, Vec::new()), 1).await;
    assert!(matches!(ended, Err(Ended::Silence)), "{ended:?}");
    assert_eq!(video.received, 0);
    // Meanwhile it was told that somebody plays.
    assert!(asked.iter().any(|method| method == "GET_PARAMETER"), "{asked:?}");
}

#[tokio::test]
async fn groups_beyond_a_sites_own_are_not_joined_and_the_camera_is_not_asked_to_play() {
    for foreign in ["224.0.0.251", "233.1.2.3", "127.0.0.1"] {
        let said = |group| {
            let transport = format!("RTP/AVP;multicast;destination={foreign};ttl=1;port=5004-5005");
            Said { transport, ..Said::of(group, frames(0..5)) }
        };
        let (ended, _, asked) = played(said, 1).await;
        assert!(matches!(ended, Err(Ended::Group(Error::Foreign(_)))), "{ended:?}");
        assert_eq!(asked, ["DESCRIBE", "SETUP"]);
    }
}

#[tokio::test]
async fn another_host_is_not_asked() {
    let said = |group| Said { control: "rtsp://127.0.0.9/stream=0".into(), ..Said::of(group, Vec::new()) };
    let (ended, _, asked) = played(said, 1).await;
    assert!(matches!(ended, Err(Ended::Foreign(_))), "{ended:?}");
    assert_eq!(asked, ["DESCRIBE"]);
    let said = |group| Said { redirects: true, ..Said::of(group, Vec::new()) };
    let (ended, _, asked) = played(said, 1).await;
    assert!(matches!(ended, Err(Ended::Redirected(302))), "{ended:?}");
    assert_eq!(asked, ["DESCRIBE"]);
}

#[test]
fn frames_have_the_times_of_their_packets_in_whatever_order_they_are_shown() {
    let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 0, 1), 5004);
    let said =
        Said::of(group, Vec::new()).answer("DESCRIBE rtsp://10.0.0.1/stream RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    let offer = Offer::of(&said, &"rtsp://10.0.0.1/stream".parse().unwrap()).unwrap();
    let (mut gather, mut depay) = (Gather::new(offer.payload), Depay::start(&offer).unwrap());
    let mut shown = Vec::new();
    // The clock of 90 kHz goes round between the first and the last, and one is shown before the first.
    let places = [0, 3, 1, 2, -1];
    for (number, place) in (0..).zip(places) {
        let stamp = (u32::MAX - 8999).wrapping_add_signed(place * 6000);
        for mut packet in frame(number) {
            packet[4..8].copy_from_slice(&stamp.to_be_bytes());
            let units = gather.take(&packet).map(|packets| depay.units(packets).unwrap());
            shown.extend(units.into_iter().flatten().map(|unit| unit.shown));
        }
    }
    let frames = shown.iter().map(|at| (at - shown[0] + 1_000_000).div_euclid(66_666_666));
    assert_eq!(frames.collect::<Vec<_>>(), places.map(i128::from));
}

#[test]
fn what_nobody_means_to_send_to_a_group_is_refused_or_taken_and_nothing_else() {
    let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 0, 1), 5004);
    let said = Said::of(group, frames(0..3));
    let url: Url = "rtsp://10.0.0.1/stream".parse().unwrap();
    let request = |method: &str| format!("{method} rtsp://10.0.0.1/stream RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    let mut campaign = Campaign::new("groups' descriptions and packets", 400);
    let (mut refused, mut taken) = (0, 0);
    for seed in campaign.by_ref() {
        let mut random = Random::new(seed);
        let mut mutated = |whole: &[u8]| match random.below(2) {
            0 => whole.to_vec(),
            _ => random.mutated(whole, LINES),
        };
        let described = mutated(said.answer(&request("DESCRIBE")).as_bytes());
        let set_up = mutated(said.answer(&request("SETUP")).as_bytes());
        let set_up = String::from_utf8_lossy(&set_up).into_owned();
        let _ = (offer::group(&set_up), offer::session(&set_up));
        // The parser of descriptions panics at some, which ends a session as any error does.
        let read = || Offer::of(&String::from_utf8_lossy(&described), &url);
        let Ok(Ok(offer)) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)) else {
            refused += 1;
            continue;
        };
        let mut gather = Gather::new(offer.payload);
        let Ok(mut depay) = Depay::start(&offer) else { continue };
        for (_, packet) in &said.datagrams {
            let whole = gather.take(&mutated(packet));
            taken += whole.and_then(|packets| depay.units(packets).ok()).map_or(0, |units| units.len());
        }
    }
    assert!(campaign.is_timed() || refused > 20 && taken > 100, "{refused} refused, {taken} frames");
}
