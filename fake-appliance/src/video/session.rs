//! One RTSP session: from the camera's name to its last frame.

mod multicast;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use fake_camera::codec::Codec;
use fake_camera::identity::FrameIdentity;
use fake_camera::identity::sei::Found;
use fake_facts::Fact;
use futures_util::FutureExt;
use retina::client::{
    Credentials, PlayOptions, Session, SessionGroup, SessionOptions, SetupOptions, Stream, Transport,
};
use retina::codec::{FrameFormat, VideoFrame};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use url::Url;

use super::chain::Reach;
use super::decode;
use super::decoding::Decoding;
use super::feed::{Feed, Item};
use super::jpeg::{self, Assembly};
use super::tally::{Known, Timed};
use super::told_time::ToldTime;
use super::{Shared, bounded, commission, follow, sent_away, talk};
use crate::config;
use crate::net;
use crate::stop::Stop;
pub(super) use multicast::check_depayloaders;

/// Longest wait from the first SYN to the answer to PLAY.
const SET_UP: Duration = Duration::from_secs(10);
/// So often an appliance that follows goes on to somebody else.
const MOST_HOPS: usize = 2;
/// Longest time without a frame. The RTSP client itself would wait for ever.
const SILENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether something has come that nobody told of: the RTSP client leaves what came together with a request of
/// the camera's (REDIRECT) lie until it is asked again.
const LOOKED_AGAIN: Duration = Duration::from_millis(250);
/// Longest wait for the decoder to finish, and for the camera to answer TEARDOWN.
const FAREWELL: Duration = Duration::from_millis(400);

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Net(#[from] net::Error),
    #[error("{0} is no RTSP address")]
    Url(String),
    #[error("the camera sends us to another host: {}", .0.host_str().unwrap_or_default())]
    Foreign(Url),
    #[error("the camera sends us elsewhere: status {0}")]
    Redirected(u16),
    #[error(transparent)]
    Unknown(#[from] commission::Error),
    #[error(transparent)]
    TooLong(#[from] bounded::TooLong),
    #[error("no answer within {} s", SET_UP.as_secs())]
    SetUp,
    #[error("the camera offers no H.264, H.265 or JPEG video")]
    NoVideo,
    #[error(
        "the camera's frames are JPEG, told by their times alone, and it does not say how many come in a second"
    )]
    NoRate,
    #[error("no frame for {} s", SILENCE.as_secs())]
    Silence,
    #[error("the camera ended the session")]
    Ended,
    #[error("the camera said what the RTSP client cannot take")]
    Crashed,
    #[error("{}", first_line(.0))]
    Rtsp(#[from] retina::Error),
    #[error(transparent)]
    Decode(#[from] decode::Error),
    #[error(transparent)]
    Talk(talk::Error),
    #[error(transparent)]
    Group(#[from] multicast::Error),
}

impl From<talk::Error> for Error {
    fn from(error: talk::Error) -> Self {
        match error {
            talk::Error::Net(error) => error.into(),
            talk::Error::Refused { status: status @ 300..=399, .. } => Self::Redirected(status),
            error => Self::Talk(error),
        }
    }
}

impl Error {
    /// What a fact calls the thing that failed.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Net(error) => error.what("rtsp"),
            Self::Unknown(_) => "onvif",
            Self::NoRate | Self::NoVideo | Self::Group(_) | Self::Decode(_) => "video",
            _ => "rtsp",
        }
    }

    /// Whether the camera answered with something that is no RTSP.
    pub(super) fn is_unreadable(&self) -> bool {
        match self {
            Self::Rtsp(error) => error.status_code().is_none(),
            Self::Talk(error) => matches!(error, talk::Error::Unreadable | talk::Error::TooMuch),
            Self::Group(multicast::Error::Description) | Self::Crashed => true,
            _ => false,
        }
    }
}

/// Plays the camera until told to stop (then `Ok`) or until something fails.
pub(super) async fn play(shared: &Arc<Shared>, stop: &mut Stop) -> Result<(), Error> {
    let group = Arc::new(SessionGroup::default());
    let first = tokio::select! {
        () = stop.told() => return Ok(()),
        first = commission::stream(shared) => first?,
    };
    let further = further(shared, first);
    let mut address = match &further {
        Some(further) if *shared.received.borrow() > 0 => further.to_string(),
        _ => first.to_owned(),
    };
    for _ in 0..MOST_HOPS {
        shared.tally().begin_session();
        let mut opened = tokio::select! {
            () = stop.told() => return Ok(()),
            opened = open(shared, &address, &group) => opened?,
        };
        let away = until_sent_away(shared, &opened.url, opened.peer);
        let commissioned = until_commissioned(shared, further.as_ref(), opened.peer);
        let (ended, next) = tokio::select! {
            next = away => (Ok(()), Some(next)),
            next = commissioned => (Ok(()), Some(next)),
            ended = caught(receive(shared, &mut opened.playing, stop)) => (ended, None),
        };
        leave(opened, &group).await;
        let Some(next) = next else { return ended };
        address = next.into();
    }
    Err(Error::Ended)
}

/// The stream at the camera's further port, if it is to be pulled there once it has been set up by its first.
fn further(shared: &Shared, first: &str) -> Option<Url> {
    let mut url = Url::parse(first).ok()?;
    url.set_port(Some(shared.camera.further_port?)).ok()?;
    Some(url)
}

/// Returns that address when the first frame has come by another port; never if there is none.
async fn until_commissioned(shared: &Shared, further: Option<&Url>, peer: SocketAddr) -> Url {
    match further.filter(|url| url.port() != Some(peer.port())) {
        Some(further) => {
            shared.until_received(1).await;
            further.clone()
        }
        None => std::future::pending().await,
    }
}

/// Where the camera sends whoever plays it, once it does; to an appliance that does not follow, it never does.
async fn until_sent_away(shared: &Shared, url: &Url, peer: SocketAddr) -> Url {
    if shared.manners.careless.follows
        && let Some(next) = sent_away::location(&shared.camera, url, peer).await
    {
        return next;
    }
    std::future::pending().await
}

async fn leave(opened: Opened, group: &SessionGroup) {
    let Playing { source, decoding, .. } = opened.playing;
    let decoded = decoding.finish();
    let left = async {
        match source {
            // The client sends TEARDOWN once the session is dropped; whether it is answered changes nothing.
            Source::Own(session) => {
                drop(session);
                let _ = timeout(FAREWELL, group.await_teardown()).await;
            }
            Source::Group(joined) => joined.leave().await,
        }
    };
    tokio::join!(decoded, left);
}

/// Whom a session is with, and the session.
struct Opened {
    url: Url,
    peer: SocketAddr,
    playing: Playing,
}

/// A session that plays.
struct Playing {
    codec: Codec,
    source: Source,
    decoding: Decoding,
}

/// Where its frames come from.
enum Source {
    /// A session in which they come to us alone.
    Own(Feed),
    /// A group that they go to.
    Group(Box<multicast::Joined>),
}

/// A frame, whichever way it came.
struct Unit {
    data: Vec<u8>,
    /// Whether its picture stands alone.
    start: bool,
    /// When its picture is shown, nanoseconds from anywhere: not in the order of sending where there are B-frames.
    shown: i128,
    /// When it was sent, if somebody else than the frame says so.
    sent: Option<u64>,
}

async fn open(shared: &Arc<Shared>, address: &str, group: &Arc<SessionGroup>) -> Result<Opened, Error> {
    let (mut url, mut peer) = locate(shared, address).await?;
    let careless = shared.manners.careless;
    let mut opened = within(shared, caught(set_up(shared, (url.clone(), peer), group))).await;
    for _ in 0..MOST_HOPS {
        let next = match &opened {
            Err(Error::Foreign(to)) if careless.follows => Some(to.clone()),
            Err(Error::Redirected(_)) if careless.follows => follow::location(&url, peer).await,
            _ => None,
        };
        let Some(next) = next else { break };
        (url, peer) = locate(shared, next.as_str()).await?;
        opened = within(shared, caught(set_up(shared, (url.clone(), peer), group))).await;
    }
    let playing = opened?;
    shared.voice.tell(Fact::Connected {
        service: "rtsp".into(),
        peer,
        camera: Some(shared.camera.name.clone()),
    });
    Ok(Opened { url, peer, playing })
}

/// What the client library makes of a camera's words, which it asserts here and there instead of refusing them: whatever one
/// camera says ends its own session, and no more.
async fn caught<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or(Err(Error::Crashed))
}

/// Sets up within the time there is; or, where nobody takes care of that, one camera after the other and without end.
async fn within(
    shared: &Shared,
    set_up: impl Future<Output = Result<Playing, Error>>,
) -> Result<Playing, Error> {
    if shared.manners.careless.waits {
        let _turn = shared.manners.turn(shared.place).await;
        return set_up.await;
    }
    timeout(SET_UP, set_up).await.map_err(|_| Error::SetUp)?
}

/// The stream's address with its host resolved, so that the peer is known.
async fn locate(shared: &Shared, address: &str) -> Result<(Url, SocketAddr), Error> {
    let wrong = || Error::Url(address.to_owned());
    let mut url = Url::parse(address).map_err(|_| wrong())?;
    let host = url.host_str().ok_or_else(wrong)?;
    let peer = net::resolve(&shared.voice, host, url.port().unwrap_or(554)).await?[0];
    url.set_ip_host(peer.ip()).map_err(|()| wrong())?;
    Ok((url, peer))
}

async fn set_up(
    shared: &Arc<Shared>,
    (url, peer): (Url, SocketAddr),
    group: &Arc<SessionGroup>,
) -> Result<Playing, Error> {
    let camera = &shared.camera;
    let transport = match camera.transport {
        config::Transport::Tcp => Transport::Tcp(Default::default()),
        config::Transport::Udp => Transport::Udp(Default::default()),
        config::Transport::Multicast => return multicast::set_up(shared, (url, peer)).await,
    };
    if !shared.manners.careless.unbounded {
        bounded::check(&url, peer).await?;
    }
    let creds = camera
        .user
        .clone()
        .map(|username| Credentials { username, password: camera.password.clone().unwrap_or_default() });
    let options = SessionOptions::default()
        .creds(creds)
        .user_agent("fake-appliance".to_owned())
        .session_group(Arc::clone(group));
    let mut session = Session::describe(url.clone(), options).await.map_err(redirected)?;
    let mut controls = session.streams().iter().filter_map(Stream::control);
    if let Some(foreign) = controls.find(|control| control.host_str() != url.host_str()).cloned() {
        return Err(Error::Foreign(foreign));
    }
    let (video, codec, assembly) = video_of(session.streams())?;
    // The decoder is ready before the camera is asked to play, so that starting it delays no frame.
    let decoding = Decoding::begin(shared, codec, FAREWELL).await?;
    let setup = SetupOptions::default().transport(transport).frame_format(FrameFormat::SIMPLE);
    session.setup(video, setup).await?;
    let session = session.play(PlayOptions::default()).await?;
    let feed = match assembly {
        None => Feed::Units(Box::pin(session.demuxed()?)),
        Some(assembly) => Feed::Packets(Box::pin(session), assembly),
    };
    Ok(Playing { codec, source: Source::Own(feed), decoding })
}

/// The stream that is pulled, and how; what JPEG is put together with, if it is that.
fn video_of(streams: &[Stream]) -> Result<(usize, Codec, Option<Assembly>), Error> {
    let videos = streams.iter().enumerate().filter(|(_, stream)| stream.media() == "video");
    let known = videos.filter_map(|(at, stream)| Some((at, codec_of(stream)?, stream.framerate())));
    // The first of those that carry identities, if there is one.
    let first = known.min_by_key(|(_, codec, _)| !codec.has_units());
    let (video, codec, rate) = first.ok_or(Error::NoVideo)?;
    let assembly = match codec {
        Codec::H264 | Codec::H265 => None,
        Codec::Mjpeg => Some(Assembly::new(rate).ok_or(Error::NoRate)?),
    };
    Ok((video, codec, assembly))
}

/// How a stream is coded (RFC 6184, 7798 and 2435 say what that is called in a description); `None` if it cannot be judged.
fn codec_of(stream: &Stream) -> Option<Codec> {
    match stream.encoding_name().to_lowercase().as_str() {
        "jpeg" => Some(Codec::Mjpeg),
        name => name.parse().ok().filter(|codec: &Codec| codec.has_units()),
    }
}

async fn receive(shared: &Arc<Shared>, playing: &mut Playing, stop: &mut Stop) -> Result<(), Error> {
    let Playing { codec, source, decoding } = playing;
    let session = match source {
        Source::Own(session) => session,
        Source::Group(joined) => return multicast::receive(shared, *codec, (joined, decoding), stop).await,
    };
    let mut told = ToldTime::default();
    let mut silence = Instant::now() + SILENCE;
    loop {
        let item = tokio::select! {
            // What waits already, since nobody looked for a while, has come.
            biased;
            () = stop.told() => return Ok(()),
            item = session.next() => item,
            () = sleep_until(silence) => return Err(Error::Silence),
            () = sleep(LOOKED_AGAIN) => continue,
        };
        match item.ok_or(Error::Ended)?? {
            Item::Unit(frame) => {
                judge(shared, *codec, frame, (decoding, &told)).await?;
                silence = Instant::now() + SILENCE;
            }
            Item::Jpeg(frame) => {
                shared.tally().packets(1);
                judge_jpeg(shared, frame, (decoding, &told)).await?;
                silence = Instant::now() + SILENCE;
            }
            Item::Piece => shared.tally().packets(1),
            // Where frames carry their own time, reports are not needed.
            Item::Report(report) if !codec.has_units() || shared.manners.careless.camera_clock => {
                told.heard(&report);
            }
            Item::Report(_) | Item::Other => {}
        }
        // Whatever else comes, no frame has.
        if Instant::now() >= silence {
            return Err(Error::Silence);
        }
    }
}

/// A frame of JPEG: it counts once its picture has shown whose it is.
async fn judge_jpeg(
    shared: &Shared,
    frame: jpeg::Frame,
    (decoding, told): (&mut Decoding, &ToldTime),
) -> Result<(), Error> {
    let now = fake_facts::now();
    if shared.manners.careless.hands_video_over {
        shared.manners.frames.keep(&frame.packets.concat());
    }
    let (Some(number), Some(decoder)) = (frame.number, decoding.decoder()) else {
        shared.arrived(Found::Nothing, true, now);
        return Ok(());
    };
    let timed = Timed { number, sent: told.of(frame.timestamp).unwrap_or(0), arrived: now };
    // Each is decoded by itself, and counted by its time: in the order of coming.
    Ok(decoder.push(frame.packets, None, Known::ByTime(timed)).await?)
}

async fn judge(
    shared: &Arc<Shared>,
    codec: Codec,
    frame: VideoFrame,
    (decoding, told): (&mut Decoding, &ToldTime),
) -> Result<(), Error> {
    let (start, sent) = (frame.is_random_access_point(), told.of(frame.timestamp()));
    let shown = nanoseconds(frame.timestamp().timestamp(), frame.timestamp().clock_rate().get());
    judge_unit(shared, codec, Unit { data: frame.into_data(), start, shown, sent }, decoding).await
}

/// Ticks of an RTP clock of this rate, one a second or more.
fn nanoseconds(ticks: i64, rate: u32) -> i128 {
    i128::from(ticks) * 1_000_000_000 / i128::from(rate.max(1))
}

async fn judge_unit(
    shared: &Arc<Shared>,
    codec: Codec,
    Unit { data, start, shown, sent }: Unit,
    decoding: &mut Decoding,
) -> Result<(), Error> {
    let now = fake_facts::now();
    if shared.manners.careless.hands_video_over {
        shared.manners.frames.keep(&data);
    }
    let mut found = FrameIdentity::find(codec, &data);
    if let (Found::Identity(identity), Some(sent)) = (&mut found, sent) {
        identity.sent = sent;
    }
    let reach = shared.arrived(found, start, now);
    decoding.comes(shared, start).await?;
    if let Some(decoder) = decoding.decoder().filter(|_| reach.is_whole())
        && decoder.takes(&data, reach == Reach::Begins)
    {
        let identity = if let Found::Identity(identity) = found { Some(identity) } else { None };
        decoder.push(vec![data], Some(shown), Known::Said(identity)).await?;
    }
    Ok(())
}

/// A redirection is an answer like others to the client, and told apart here: nobody follows one unasked.
fn redirected(error: retina::Error) -> Error {
    match error.status_code() {
        Some(status @ 300..=399) => Error::Redirected(status),
        _ => error.into(),
    }
}

fn first_line(error: &retina::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
pub(super) mod tests;
