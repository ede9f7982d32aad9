//! A session whose frames go to a group: asked for by RTSP, joined, and put together by GStreamer.
//!
//! The RTSP client library knows no groups, and a whole client of GStreamer's joins whatever group it is told and goes
//! wherever it is sent, so that what little is to be said is said here, and looked at before anything is done.

mod depay;
mod gather;
mod offer;
mod unwrap;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use url::Url;

use super::super::Shared;
use super::super::talk::{self, Talk};
use super::{Decoding, Error as Ended, FAREWELL, Playing, SILENCE, Source, Unit, judge_unit};
use crate::stop::Stop;
use depay::Depay;
pub(in super::super) use depay::check as check_depayloaders;
use fake_camera::codec::Codec;
use fake_camera::identity::FrameIdentity;
use fake_camera::identity::sei::Found;
use gather::Gather;
use offer::Offer;

/// Longest datagram (RFC 768), bytes.
const LONGEST: usize = 64 << 10;
/// What the system may keep until it is read, bytes, as far as it allows.
const KEPT: usize = 1 << 20;

/// Why a group's frames cannot be had.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Error {
    #[error("the camera's description cannot be read")]
    Description,
    #[error("the camera names no group and port for its frames")]
    NoGroup,
    #[error("the camera's group {0} is none that a site gives out itself (239.0.0.0/8)")]
    Foreign(IpAddr),
    #[error("groups are joined by IPv4 only, and the camera is at {0}")]
    Six(IpAddr),
    #[error("the group {0} cannot be joined: {1}")]
    Join(SocketAddrV4, io::Error),
    #[error("the group cannot be heard: {0}")]
    Heard(io::Error),
    #[error(transparent)]
    Depay(#[from] depay::Error),
}

/// A group that was joined, and the session by which the camera sends to it; ends with TEARDOWN in [`Joined::leave`].
pub(super) struct Joined {
    talk: Talk,
    /// What is played, and the field that names the session.
    url: Url,
    session: String,
    keep_alive: Duration,
    socket: UdpSocket,
    /// Whose frames count: anybody may send to a group.
    camera: IpAddr,
    gather: Gather,
    depay: Depay,
    /// Whether a whole frame has come. The first one may have begun before the group was joined.
    begun: bool,
}

/// Asks the camera to send to its group, which is joined before it begins.
///
/// Errors: as of any session; the camera sends us elsewhere or to a group that is none of a site's.
pub(super) async fn set_up(shared: &Arc<Shared>, (url, peer): (Url, SocketAddr)) -> Result<Playing, Ended> {
    let mut talk = Talk::open(&shared.camera, peer).await?;
    let described = talk.ask("DESCRIBE", url.as_str(), "Accept: application/sdp\r\n").await?;
    let offer = Offer::of(&described, &url)?;
    let depay = Depay::start(&offer).map_err(Error::from)?;
    // The decoder is ready before the camera is asked to play, so that starting it delays no frame.
    let decoding = Decoding::begin(shared, offer.codec, FAREWELL).await?;
    let wish = "Transport: RTP/AVP;multicast\r\n";
    let answer = talk.ask("SETUP", offer.control.as_str(), wish).await?;
    let group = offer::group(&answer)?;
    let socket = join(group, &talk)?;
    shared.tally().joins();
    let (id, keep_alive) = offer::session(&answer);
    let session = format!("Session: {id}\r\n");
    talk.ask("PLAY", offer.all.as_str(), &session).await?;
    let joined = Joined {
        talk,
        url: offer.all,
        session,
        keep_alive,
        socket,
        camera: peer.ip(),
        gather: Gather::new(offer.payload),
        depay,
        begun: false,
    };
    Ok(Playing { codec: offer.codec, source: Source::Group(Box::new(joined)), decoding })
}

/// Joins on the link by which the camera is reached: no route to the group is needed.
fn join(group: SocketAddrV4, talk: &Talk) -> Result<UdpSocket, Error> {
    let failed = |error| Error::Join(group, error);
    let own = match talk.own().map_err(failed)?.ip() {
        IpAddr::V4(own) => own,
        six @ IpAddr::V6(_) => return Err(Error::Six(six)),
    };
    joined(group, own).map_err(failed)
}

fn joined(group: SocketAddrV4, own: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Others of this machine may listen as well.
    socket.set_reuse_address(true)?;
    socket.set_recv_buffer_size(KEPT)?;
    // Of other groups with this port nothing is heard (ip(7)).
    socket.bind(&group.into())?;
    socket.join_multicast_v4(group.ip(), &own)?;
    UdpSocket::from_std(socket.into())
}

/// Judges each frame of the group until told to stop (then `Ok`) or until something fails.
pub(super) async fn receive(
    shared: &Arc<Shared>,
    codec: Codec,
    (joined, decoding): (&mut Joined, &mut Decoding),
    stop: &mut Stop,
) -> Result<(), Ended> {
    let mut buffer = vec![0; LONGEST];
    let mut silence = Instant::now() + SILENCE;
    let mut alive = interval_at(Instant::now() + joined.keep_alive, joined.keep_alive);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (length, from) = tokio::select! {
            () = stop.told() => return Ok(()),
            () = sleep_until(silence) => return Err(Ended::Silence),
            _ = alive.tick() => {
                joined.shows_life().await?;
                continue;
            }
            // Answers to these, and whatever a camera asks of its clients.
            said = joined.talk.message() => {
                said.map_err(ended)?;
                continue;
            }
            heard = joined.socket.recv_from(&mut buffer) => heard.map_err(Error::Heard)?,
        };
        if from.ip() != joined.camera {
            continue;
        }
        let before = joined.gather.taken();
        let units = joined.take(codec, &buffer[..length])?;
        shared.tally().packets(joined.gather.taken() - before);
        for unit in units {
            judge_unit(shared, codec, unit, decoding).await?;
            silence = Instant::now() + SILENCE;
        }
    }
}

/// A connection that is closed is the camera's word that it is over.
fn ended(error: talk::Error) -> Ended {
    if matches!(error, talk::Error::Closed) { Ended::Ended } else { error.into() }
}

impl Joined {
    /// The frames that are whole with this datagram.
    fn take(&mut self, codec: Codec, datagram: &[u8]) -> Result<Vec<Unit>, Error> {
        let Some(packets) = self.gather.take(datagram) else { return Ok(Vec::new()) };
        let mut units = self.depay.units(packets)?;
        if !self.begun && !units.is_empty() {
            self.begun = true;
            // What says nothing of itself and comes first is the end of a frame that had begun before.
            let is_end = |unit: &Unit| matches!(FrameIdentity::find(codec, &unit.data), Found::Nothing);
            units.drain(..usize::from(is_end(&units[0])));
        }
        Ok(units)
    }

    /// Says that somebody still plays (RFC 2326, section 10.8); the answer changes nothing.
    async fn shows_life(&mut self) -> Result<(), Ended> {
        let asked = self.talk.request("GET_PARAMETER", self.url.as_str(), &self.session);
        timeout(SILENCE, asked).await.map_err(|_| Ended::Silence)?.map_err(ended)
    }

    /// Leaves the group and ends the session; whether that is answered changes nothing.
    pub(super) async fn leave(self) {
        let Self { mut talk, url, session, socket, .. } = self;
        drop(socket);
        let _ = timeout(FAREWELL, talk.ask("TEARDOWN", url.as_str(), &session)).await;
    }
}

#[cfg(test)]
mod tests;
