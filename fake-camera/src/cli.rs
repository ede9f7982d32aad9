//! Arguments of the binary.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use fake_camera::engine::{
    self, Camera, Codec, Group, Late, Login, Method, Misbehaviour, Onvif, Origin, Recording, Sessions,
    Stream, Transports,
};
use fake_camera::onvif::{Discovery, Doors};
use tokio::net::TcpListener;

use crate::hostility::Hostile;
use crate::stream::{Encoded, Further, path, recorded};

const EXAMPLES: &str = "\
Examples:
  fake-camera serve --name dock-1 --id 1
  fake-camera serve --name dock-2 --id 2 --address 127.0.0.2 --port 8554 \\
      --user admin --password-env CAMERA_PASSWORD --onvif 8000
  fake-camera serve --name gate --id 4 --recording gate.mp4 --stream path=/sub,recording=gate-small.mkv
  fake-camera serve --name hall --id 3 --codec h265 --size 1280x720 --fps 25 --cache /var/tmp/clips \\
      --stream path=/sub,codec=mjpeg,size=320x240,fps=5

Facts go to standard output, one JSON object per line: ready first, bye last. The log goes to standard error.
Watch it with: ffplay -rtsp_transport tcp rtsp://admin:PASSWORD@127.0.0.2:8554/stream";

/// An RTSP camera with synthetic video whose every frame says who sent it, and which it is.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Log more: once for debug, twice for trace.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve one camera until SIGTERM or SIGINT.
    Serve(Box<Serve>),
    /// Look whether this machine has what a camera is made of: exit code 0, or 3 and what is missing.
    Doctor,
}

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// Name of the camera, for the log, for ONVIF, and on drawn pictures.
    #[arg(long)]
    pub(crate) name: String,
    /// Number of the camera, written into every frame.
    #[arg(long)]
    id: u32,
    /// Number of this run, written into every frame [default: random].
    #[arg(long)]
    run: Option<u32>,
    /// Address to serve on.
    #[arg(long, default_value = "0.0.0.0")]
    address: IpAddr,
    /// Port to serve on; 0 takes any, and the fact `ready` says which.
    #[arg(long, default_value_t = 554)]
    port: u16,
    /// A further port that opens once somebody has played the camera, as often as it is given.
    #[arg(long, value_name = "PORT")]
    further_port: Vec<u16>,
    /// Path of the stream.
    #[arg(long, default_value = "/stream", value_parser = path)]
    path: String,
    /// Port of ONVIF's services; 0 takes any. Without it there are none.
    #[arg(long, value_name = "PORT")]
    onvif: Option<u16>,
    /// Do not take part in WS-Discovery (UDP port 3702): nobody finds the camera who does not know it.
    #[arg(long, requires = "onvif")]
    hidden: bool,
    /// Answer only: say neither Hello nor Bye to everybody on the link.
    #[arg(long, requires = "onvif")]
    answers_only: bool,
    /// The camera's clock minus this machine's, seconds: what ONVIF's passwords are dated by, and RTCP's reports in RTSP
    /// connections.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    clock_offset: i64,
    /// File, or folder of files, with the video that is sent instead of drawn pictures: MP4, MPEG transport stream or Matroska
    /// with H.264, H.265 or JPEG; at most 64 MiB. A folder's files follow one another by name.
    #[arg(long, value_name = "PATH", conflicts_with = "size")]
    recording: Option<PathBuf>,
    /// When pictures are encoded: once before they are served, or live, by each session for itself.
    #[arg(long, conflicts_with = "recording", default_value = "once")]
    encode: Encoded,
    /// How the picture is coded: h264, h265 or mjpeg [default: h264, or what the recording is].
    #[arg(long)]
    codec: Option<Codec>,
    /// Size of the picture: width 320 to 3840 in steps of 8, height 96 to 2160 in steps of 2.
    #[arg(long, default_value = "640x360")]
    size: String,
    /// Pictures a second [default: 15, or those of the recording].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=60))]
    fps: Option<u32>,
    /// A further stream, such as `path=/sub,size=320x240,fps=5`; may be given several times.
    ///
    /// `path` is needed; `codec` and `fps` are otherwise those of the main stream, `size` is 320x176. `recording` is as for the
    /// main stream, `encode` otherwise as there, `keep` is the file that gets its video.
    #[arg(long = "stream", value_name = "NAME=VALUE,…")]
    further: Vec<Further>,
    /// How frames may travel, of tcp (interleaved in the RTSP connection), udp and multicast.
    ///
    /// Where multicast is one of several, a stream is sent to its group for those who ask for `/multicast` below its path.
    #[arg(long, value_delimiter = ',', default_value = "tcp")]
    transport: Vec<Way>,
    /// Ports that RTP by UDP leaves from, such as 50000-50099, the first even; two for each client [default: any].
    #[arg(long, value_name = "FIRST-LAST", value_parser = ports)]
    udp_ports: Option<std::ops::RangeInclusive<u16>>,
    /// Group that multicast goes to, and the even port of the main stream; further streams have the following ones.
    /// [default: 239.255.x.y:5004 by the camera's number]
    #[arg(long, value_name = "ADDRESS:PORT")]
    group: Option<SocketAddr>,
    /// How many routers multicast may pass.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    ttl: u8,
    /// Seconds without a sign of life after which a session ends.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    session_timeout: NonZeroU32,
    /// So many sessions at once; whoever comes then is refused [default: as many as come].
    #[arg(long, value_name = "N")]
    max_sessions: Option<NonZeroU32>,
    /// User who may watch; without one, everybody may.
    #[arg(long)]
    user: Option<String>,
    /// How the user is asked for, of basic, digest (MD5) and digest-sha256; of several the client takes one.
    #[arg(long, requires = "user", value_delimiter = ',', default_value = "digest")]
    auth: Vec<Asked>,
    /// File with the user's password on its first line.
    #[arg(long, requires = "user", conflicts_with = "password_env")]
    password_file: Option<PathBuf>,
    /// Environment variable with the user's password.
    #[arg(long, requires = "user")]
    password_env: Option<String>,
    /// Seed of the noise in the picture: with another one nearly all bytes of the encoded video are others.
    #[arg(long, default_value_t = 0)]
    noise: u32,
    /// File that gets the encoded video before it is served: a byte stream, or JPEG after JPEG.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Folder that keeps encoded clips for the next start.
    #[arg(long)]
    cache: Option<PathBuf>,
    #[command(flatten)]
    wrong: Wrong,
    #[command(flatten)]
    hostile: Hostile,
}

/// What it does wrong, to find out whether that is noticed. Frames are counted in each session, from 0.
#[derive(Args, Debug)]
#[command(next_help_heading = "Misbehaviour (frames are counted from 0 in each session)")]
struct Wrong {
    /// Frames that are never sent.
    #[arg(long, value_name = "FRAMES", value_delimiter = ',')]
    leave_out: Vec<u64>,
    /// Frames that are sent twice.
    #[arg(long, value_name = "FRAMES", value_delimiter = ',')]
    repeat: Vec<u64>,
    /// Frames that are sent after the one that follows them.
    #[arg(long, value_name = "FRAMES", value_delimiter = ',')]
    swap: Vec<u64>,
    /// Frames that show the picture of the next one, and say that it is theirs.
    #[arg(long, value_name = "FRAMES", value_delimiter = ',')]
    show_next: Vec<u64>,
    /// Frames that show a picture of the camera with the next number, and say that it is theirs.
    #[arg(long, value_name = "FRAMES", value_delimiter = ',')]
    show_stranger: Vec<u64>,
    /// Milliseconds by which frames are sent too late; they say when they should have been.
    #[arg(long, value_name = "MS")]
    late_by: Option<u64>,
    /// The first frame that is too late.
    #[arg(long, value_name = "FRAME", requires = "late_by", default_value_t = 1)]
    late_from: u64,
}

impl Wrong {
    fn misbehaviour(&self) -> Misbehaviour {
        let set = |frames: &[u64]| frames.iter().copied().collect();
        Misbehaviour {
            leaves_out: set(&self.leave_out),
            repeats: set(&self.repeat),
            swaps: set(&self.swap),
            shows_next: set(&self.show_next),
            shows_stranger: set(&self.show_stranger),
            late: self.late_by.map(|by| Late { from: self.late_from, by: Duration::from_millis(by) }),
        }
    }
}

/// A way that frames may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    Tcp,
    Udp,
    Multicast,
}

/// A way to ask for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Asked {
    Basic,
    Digest,
    DigestSha256,
}

impl Asked {
    fn method(self) -> Method {
        match self {
            Self::Basic => Method::Basic,
            Self::Digest => Method::Digest,
            Self::DigestSha256 => Method::DigestSha256,
        }
    }
}

fn ports(text: &str) -> Result<std::ops::RangeInclusive<u16>, String> {
    let range = text.split_once('-').and_then(|(first, last)| Some(first.parse().ok()?..=last.parse().ok()?));
    range.ok_or_else(|| format!("`{text}` is no range of ports such as 50000-50099"))
}

impl Serve {
    /// Where to serve.
    pub(crate) fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// Where to serve as well, later.
    pub(crate) fn further_sockets(&self) -> impl Iterator<Item = SocketAddr> {
        self.further_port.iter().map(|port| SocketAddr::new(self.address, *port))
    }

    /// Where ONVIF's services are; `None` if there shall be none.
    pub(crate) fn services(&self) -> Option<SocketAddr> {
        self.onvif.map(|port| SocketAddr::new(self.address, port))
    }

    /// How the camera is asked by ONVIF, on this listener.
    pub(crate) fn onvif(&self, listener: TcpListener) -> anyhow::Result<Onvif> {
        let doors = Doors::bind(listener, self.discovery()).context("the camera cannot be discovered")?;
        Ok(Onvif { doors, name: self.name.clone(), clock_offset: self.clock_offset })
    }

    fn discovery(&self) -> Discovery {
        match (self.hidden, self.answers_only) {
            (true, _) => Discovery::Hidden,
            (false, true) => Discovery::Answers,
            (false, false) => Discovery::Announces,
        }
    }

    /// What to serve; reads the password.
    pub(crate) fn camera(&self) -> anyhow::Result<Camera> {
        Ok(Camera {
            name: self.name.clone(),
            id: self.id,
            run: self.run.unwrap_or_else(|| engine::random() as u32),
            streams: self.streams()?,
            transports: self.transports(),
            sessions: Sessions { timeout_s: self.session_timeout, most: self.max_sessions },
            login: self.login()?,
            noise: self.noise,
            cache: self.cache.clone(),
            misbehaviour: self.wrong.misbehaviour(),
            hostility: self.hostile.hostility(self.clock_offset),
        })
    }

    fn transports(&self) -> Transports {
        let group = Group::of(self.id);
        let group = Group { socket: self.group.unwrap_or(group.socket), ttl: self.ttl };
        Transports {
            tcp: self.transport.contains(&Way::Tcp),
            udp: self.transport.contains(&Way::Udp),
            udp_ports: self.udp_ports.clone(),
            multicast: self.transport.contains(&Way::Multicast).then_some(group),
        }
    }

    /// The main stream and the further ones.
    fn streams(&self) -> anyhow::Result<Vec<Stream>> {
        let (path, keep) = (self.path.clone(), self.keep.clone());
        let main = match &self.recording {
            Some(recording) => recorded(Recording::read(recording, self.codec)?, (path, keep), self.fps),
            None => Stream {
                path,
                origin: self.encode.origin(),
                codec: self.codec.unwrap_or_default(),
                size: self.size.parse()?,
                fps: self.fps.unwrap_or(15),
                keep,
            },
        };
        let further = self.further.iter().map(|further| further.beside(&main));
        let further = further.collect::<Result<Vec<_>, _>>()?;
        let streams: Vec<_> = std::iter::once(main).chain(further).collect();
        if streams.iter().any(|stream| stream.keep.is_some() && matches!(stream.origin, Origin::Live)) {
            bail!("--keep is for video that is there before it is served, and live video is not");
        }
        if streams.len() > 256 {
            bail!("{} streams are more than the 256 that a camera may have", streams.len());
        }
        let mut paths = std::collections::BTreeSet::new();
        if let Some(twice) = streams.iter().find(|stream| !paths.insert(&stream.path)) {
            bail!("two streams have the path {}", twice.path);
        }
        Ok(streams)
    }

    fn login(&self) -> anyhow::Result<Option<Login>> {
        let Some(user) = self.user.clone() else { return Ok(None) };
        let password = match (&self.password_file, &self.password_env) {
            (Some(file), _) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("the password file {} cannot be read", file.display()))?;
                text.lines().next().unwrap_or_default().to_owned()
            }
            (None, Some(variable)) => std::env::var(variable)
                .with_context(|| format!("the password variable {variable} cannot be read"))?,
            (None, None) => bail!("a user needs a password: add --password-file or --password-env"),
        };
        if user.is_empty() || password.is_empty() {
            bail!("user name and password must not be empty");
        }
        let methods = self.auth.iter().map(|asked| asked.method()).collect();
        Ok(Some(Login { user, password, methods }))
    }
}
