//! Cameras that answer with what nobody means to send: the session ends, and the appliance does not.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use fake_camera::annexb;
use fake_camera::codec::Part;
use fake_camera::mutation::{Campaign, LINES, Random};
use fake_facts::Teller;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use retina::client::SessionGroup;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::config::{Camera, Careless};
use crate::video::Manners;
use crate::voice::Voice;

/// Parameter sets of a baseline stream of 320x176 (H.264, sections 7.3.2.1 and 7.3.2.2).
const SPS: [u8; 8] = [0x67, 0x42, 0xc0, 0x0d, 0xda, 0x05, 0x05, 0xe4];
const PPS: [u8; 4] = [0x68, 0xce, 0x38, 0x80];

/// What a camera says, one after the other: the header without its number, and the body.
fn answers(at: &str) -> Vec<(String, Vec<u8>)> {
    let sets = [&SPS[..], &PPS].map(|set| BASE64_STANDARD.encode(set)).join(",");
    let described = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n\
         m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
         a=fmtp:96 packetization-mode=1;profile-level-id=42c00d;sprop-parameter-sets={sets}\r\na=control:stream=0\r\n"
    );
    let head = |fields: &str| format!("RTSP/1.0 200 OK\r\n{fields}\r\n");
    let type_of = format!("Content-Base: rtsp://{at}/stream/\r\nContent-Type: application/sdp\r\n");
    let length = format!("{type_of}Content-Length: {}\r\n", described.len());
    vec![
        (head(&length), described.into_bytes()),
        (
            head("Session: 1;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=9\r\n"),
            Vec::new(),
        ),
        (
            head(&format!("Session: 1\r\nRTP-Info: url=rtsp://{at}/stream/stream=0;seq=1;rtptime=0\r\n")),
            frames(),
        ),
    ]
}

/// Some frames in their channel: parameter sets, and pictures that mean nothing.
fn frames() -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, unit) in (1u16..).zip([&SPS[..], &PPS, &[0x65, 0x88, 0x84, 1], &[0x41, 0x9a, 0x02, 3]]) {
        let marker = if number > 2 { 0x80 } else { 0 };
        let mut packet = vec![0x80, 96 | marker];
        packet.extend(number.to_be_bytes());
        packet.extend([0, 0, 0, 0, 0, 0, 0, 9]);
        packet.extend(unit);
        bytes.extend([b'$', 0, 0, packet.len() as u8]);
        bytes.extend(packet);
    }
    bytes
}

/// One connection: each request is answered; one answer, whichever the seed says, is mutated, and then all the rest is said at
/// once, so that nobody waits for anybody.
async fn serve(mut client: TcpStream, at: String, seed: u64) -> std::io::Result<()> {
    let mut random = Random::new(seed);
    let all = answers(&at);
    let victim = random.below(all.len());
    let mut buffer = vec![0; 16 << 10];
    for (number, (head, body)) in all.into_iter().enumerate() {
        if number <= victim && client.read(&mut buffer).await? == 0 {
            return Ok(());
        }
        let numbered = head.replacen("\r\n", &format!("\r\nCSeq: {}\r\n", number + 1), 1);
        let said = [numbered.as_bytes(), &body].concat();
        let said = if number == victim { random.mutated(&said, LINES) } else { said };
        client.write_all(&said).await?;
    }
    client.shutdown().await
}

pub(super) fn shared(url: String, transport: config::Transport) -> Arc<Shared> {
    // The header is bounded by a connection of its own, which has its own tests.
    let careless = Careless { unbounded: true, ..Careless::default() };
    shared_in((0, Manners::new(1, false, careless)), url, transport)
}

/// The camera at this place of those that are pulled like this.
pub(in super::super) fn shared_in(
    (place, manners): (usize, Manners),
    url: String,
    transport: config::Transport,
) -> Arc<Shared> {
    let camera = Camera {
        name: "dock".into(),
        id: None,
        url,
        known: Default::default(),
        user: None,
        password: None,
        transport,
        further_port: None,
        stream: 0,
    };
    let voice = Voice::new(Arc::new(Teller::new(Box::new(std::io::sink()))));
    Shared::new((place, camera), manners, voice)
}

/// An access unit, and when its picture is shown (nanoseconds).
pub(in super::super) struct Encoded {
    pub(in super::super) data: Vec<u8>,
    pub(in super::super) shown: i128,
    pub(in super::super) start: bool,
}

/// So many pictures of a moving ball, by this encoder.
pub(in super::super) fn encode(encoder: &str, pictures: u32) -> Vec<Encoded> {
    gst::init().unwrap();
    let text = format!(
        "videotestsrc num-buffers={pictures} pattern=ball ! video/x-raw,format=I420,width=160,height=96,framerate=15/1 ! {encoder} ! \
         h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au ! appsink name=out sync=false"
    );
    let pipeline = gst::parse::launch(&text).unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let encoded = |sample: gst::Sample| {
        let buffer = sample.buffer().unwrap();
        let data = buffer.map_readable().unwrap().to_vec();
        let start = annexb::units(&data).any(|unit| Codec::H265.part(unit) == Part::Slice { start: true });
        Encoded { data, shown: buffer.pts().unwrap().nseconds().into(), start }
    };
    let all = std::iter::from_fn(|| sink.pull_sample().ok()).map(encoded).collect();
    pipeline.set_state(gst::State::Null).unwrap();
    all
}

/// Judges these units as those of one session, and decodes them: how many pictures came of them, and how many did not.
pub(in super::super) async fn decode(codec: Codec, units: &[Encoded]) -> (u64, u64) {
    let manners = Manners::new(1, true, Careless::default());
    let shared = shared_in((0, manners), "rtsp://127.0.0.1/stream".into(), config::Transport::Tcp);
    let mut decoding = Decoding::begin(&shared, codec, Duration::from_secs(20)).await.unwrap();
    for Encoded { data, shown, start } in units {
        let unit = Unit { data: data.clone(), start: *start, shown: *shown, sent: None };
        judge_unit(&shared, codec, unit, &mut decoding).await.unwrap();
    }
    decoding.finish().await;
    let video = shared.tally().tell();
    (video.decoded, video.undecoded)
}

/// One session with a camera that answers by this seed; how it ended.
async fn session(listener: &TcpListener, seed: u64) -> Result<(), Error> {
    let at = listener.local_addr().unwrap().to_string();
    let shared = shared(format!("rtsp://{at}/stream"), config::Transport::Tcp);
    let group = Arc::new(SessionGroup::default());
    let served = async {
        let (client, _) = listener.accept().await.unwrap();
        // Who is left in the middle has been heard.
        let _ = serve(client, at.clone(), seed).await;
    };
    let played = async {
        let mut opened = open(&shared, &shared.camera.url, &group).await?;
        let (_stop, told) = watch::channel(false);
        let mut stop = Stop::heard_from(&_stop);
        drop(told);
        caught(receive(&shared, &mut opened.playing, &mut stop)).await
    };
    let (ended, ()) = tokio::join!(played, served);
    ended
}

#[tokio::test]
async fn what_nobody_means_to_send_ends_a_session_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut campaign = Campaign::new("cameras' answers and descriptions", 600);
    let (mut played, mut refused) = (0, 0);
    for seed in campaign.by_ref() {
        match session(&listener, seed).await {
            Err(Error::Ended) | Ok(()) => played += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(campaign.is_timed() || played > 50 && refused > 100, "{played} played, {refused} refused");
}

/// Frames of JPEG have no numbers but those of their times.
#[tokio::test]
async fn jpeg_without_a_rate_is_not_judged() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let shared = shared(format!("rtsp://{at}/stream"), config::Transport::Tcp);
    let described =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:stream=0\r\n";
    let length = described.len();
    let fields = format!("CSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n");
    let served = async {
        let (mut client, _) = listener.accept().await.unwrap();
        assert!(client.read(&mut [0; 4096]).await.unwrap() > 0);
        client.write_all(format!("RTSP/1.0 200 OK\r\n{fields}\r\n{described}").as_bytes()).await.unwrap();
    };
    let group = Arc::new(SessionGroup::default());
    let (opened, ()) = tokio::join!(open(&shared, &shared.camera.url, &group), served);
    assert!(matches!(opened.err(), Some(Error::NoRate)));
}

/// The answers of a camera with JPEG, 15 frames a second.
fn answers_with_jpeg() -> [String; 3] {
    let described = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=framerate:15\r\n\
                     a=control:stream=0\r\n";
    let length = described.len();
    [
        format!("Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{described}"),
        "Session: 1;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=9\r\n\r\n".into(),
        "Session: 1\r\nRTP-Info: url=stream=0;seq=0;rtptime=0\r\n\r\n".into(),
    ]
}

/// The first packet of a frame of JPEG, whose second one never comes, in its channel.
fn beginning(number: u16) -> Vec<u8> {
    let mut packet = vec![b'$', 0, 0, 12 + 12, 0x80, 26];
    packet.extend((number * 2).to_be_bytes());
    packet.extend((u32::from(number) * 6000).to_be_bytes());
    packet.extend([0, 0, 0, 9]);
    packet.extend([0, 0, 0, 0, 1, 80, 20, 11, 9, 9, 9, 9]);
    packet
}

/// Answers three requests, and then sends such packets at the rate of its frames until nobody takes them.
async fn sends_beginnings(mut client: TcpStream) {
    for (number, answer) in (1..).zip(answers_with_jpeg()) {
        if client.read(&mut [0; 4096]).await.unwrap_or(0) == 0 {
            return;
        }
        let answer = format!("RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{answer}");
        client.write_all(answer.as_bytes()).await.unwrap();
    }
    let mut frames = tokio::time::interval(Duration::from_millis(66));
    for number in 0.. {
        frames.tick().await;
        if client.write_all(&beginning(number)).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn packets_of_frames_that_are_never_whole_break_no_silence() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let shared = shared(format!("rtsp://{at}/stream"), config::Transport::Tcp);
    let group = Arc::new(SessionGroup::default());
    let played = async {
        let mut opened = open(&shared, &shared.camera.url, &group).await?;
        let stop = watch::channel(false).0;
        receive(&shared, &mut opened.playing, &mut Stop::heard_from(&stop)).await
    };
    let served = async { sends_beginnings(listener.accept().await.unwrap().0).await };
    // The camera goes on for as long as there is anybody.
    let ended = timeout(Duration::from_secs(60), async { tokio::join!(played, served).0 }).await;
    assert!(matches!(ended, Ok(Err(Error::Silence))), "{ended:?}");
    let video = shared.tally().tell();
    assert!(video.packets > 1, "{video:?}");
    assert_eq!((video.received, video.decoded, video.undecoded), (0, 0, 0), "{video:?}");
}

/// A decoder that is given what it takes for no picture gives none, and does not say so.
#[tokio::test]
async fn what_a_decoder_swallows_is_counted_before_the_session_is_over() {
    let shared = shared("rtsp://127.0.0.1/stream".into(), config::Transport::Tcp);
    let mut decoding = Decoding::begin(&shared, Codec::Mjpeg, FAREWELL).await.unwrap();
    let decoder = decoding.decoder().unwrap();
    let pushed = 300;
    for number in 0..pushed {
        let timed = Timed { number, sent: 0, arrived: number + 1 };
        // A packet without a mark never ends its frame.
        let packet = beginning(number as u16)[4..].to_vec();
        decoder.push(vec![packet], None, Known::ByTime(timed)).await.unwrap();
    }
    let undecoded = shared.tally().tell().undecoded;
    assert_eq!(undecoded, pushed - super::super::stamps::MOST as u64);
}

/// The parser of descriptions asserts that a medium begins with `m=`, and so panics at some that `make fuzz` makes.
#[tokio::test]
async fn what_the_client_panics_at_ends_its_own_session() {
    let ended = caught::<()>(async { panic!("a description that no parser expects") }).await;
    assert!(matches!(&ended, Err(Error::Crashed)), "{ended:?}");
    assert!(ended.is_err_and(|error| error.is_unreadable()));
}
