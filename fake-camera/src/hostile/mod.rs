//! A camera that is somebody else's: it sends clients elsewhere, keeps them waiting, and speaks to whom it likes.
//!
//! For whoever wants to know whether a firewall, or a client, holds against that. What GStreamer's server says is
//! altered on its way (by a relay), so that everything that is not hostile stays as it is; what a camera does of its own
//! accord is in `outward`.
//!
//! - [`Hostility`]: what it does, as plain values.
//! - [`Acts`]: what it has done of it.
//! - `message`: RTSP's messages and interleaved frames, read within bounds. `points`: messages that name another host.
//! - `relay`: between a client and the server. `outward`: calls, pushed video, scans. `address`: another address.
//! - `hands_out`: addresses for others. `misroute`: ways for others.

mod acts;
mod address;
mod hands_out;
mod message;
mod misroute;
mod outward;
mod points;
mod relay;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

pub use acts::Acts;
pub(crate) use address::change as change_address;
pub use hands_out::HandsOut;
pub(crate) use hands_out::Server as AddressServer;
pub(crate) use misroute::Liar;
pub use misroute::Misroute;
pub use outward::{Call, Net};
pub(crate) use outward::{call_all, have_left, scan_all};
pub(crate) use relay::Relay;

/// What a hostile camera does. By default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hostility {
    /// Whoever asks for a stream is sent to this address: status 302 (RFC 2326, section 11.3).
    pub redirects_to: Option<String>,
    /// Whoever plays is told to go on at this address, in the middle of the session: `REDIRECT` (section 10.10).
    pub sends_away_to: Option<String>,
    /// Whatever names a host names this one: `Content-Base`, control addresses, `c=`, `o=`, `RTP-Info`, `source`; ONVIF's
    /// `XAddrs`, services, streams and stills.
    pub points_to: Option<IpAddr>,
    /// Video that goes out in an RTSP connection goes there by UDP as well.
    pub copies_to: Vec<SocketAddr>,
    /// `TEARDOWN` is answered, and the video goes on.
    pub outlasts_teardown: bool,
    /// How it answers RTSP.
    pub answers: Answers,
    /// Every search is answered, whatever it is for, and says that a printer answers (WS-Discovery).
    pub answers_as_printer: bool,
    /// Its clock minus the machine's in what RTCP says, seconds; only inside RTSP connections.
    pub clock_offset: i64,
    /// Video that nobody asked for goes there by UDP.
    pub pushes_to: Vec<SocketAddr>,
    /// Whom it calls, every second.
    pub calls: Vec<Call>,
    /// Whose ports it tries, once.
    pub scans: Vec<Net>,
    /// Whoever looks for an address in its network is given one.
    pub hands_out: Option<HandsOut>,
    /// Others are told that the way to somebody leads over it.
    pub misroutes: Vec<Misroute>,
    /// It goes away and comes back.
    pub dies: Option<Dies>,
    /// It takes another address of its subnet.
    pub changes_address: Option<Moves>,
}

/// How RTSP is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// So much too late.
    pub late_by: Option<Duration>,
    /// One byte, and so much later the next.
    pub byte_every: Option<Duration>,
    /// With so many bytes of header fields that nobody needs.
    pub padding: Option<usize>,
    /// With bytes that mean nothing, and the end of the connection.
    pub garbage: bool,
}

/// A camera whose power fails, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dies {
    /// So long after somebody has played it for the first time.
    pub after: Duration,
    /// For so long nobody is let in.
    pub lasts: Duration,
}

/// A camera that takes another address, once, and goes on there: with RTSP, ONVIF, and whatever it does to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moves {
    /// So long after somebody has played it for the first time.
    pub after: Duration,
    /// The address; its prefix stays the same.
    pub to: Ipv4Addr,
}

impl Hostility {
    /// Whether what the RTSP server and its clients say must be altered on its way.
    pub(crate) fn meddles(&self) -> bool {
        let Self { redirects_to, sends_away_to, points_to, copies_to, outlasts_teardown, answers, .. } = self;
        redirects_to.is_some()
            || sends_away_to.is_some()
            || points_to.is_some()
            || !copies_to.is_empty()
            || *outlasts_teardown
            || *answers != Answers::default()
            || self.clock_offset != 0
    }
}
