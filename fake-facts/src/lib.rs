//! Facts: what a fake (camera, cloud, appliance) says about itself while it runs.
//!
//! A fake writes one JSON object per line to its standard output and nothing else; its log goes to standard
//! error. The testbed reads the lines, waits for the facts it needs with a deadline, and keeps them all as
//! evidence. A line that is no fact means the fake is broken, and the run ends as our own failure.
//!
//! Leaf: this crate knows neither scenarios nor namespaces.

#[cfg(feature = "program")]
pub mod program;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Exit code of a fake that cannot start because this machine has not what it needs, such as a plugin.
///
/// 0 is an end that was asked for, 1 any other failure, 2 wrong arguments.
pub const LACKING: u8 = 3;

/// One line: a fact and the moment it became true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Nanoseconds since 1970-01-01 UTC, by the host's real-time clock.
    pub at: u64,
    /// What became true.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What a device says of one of its ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSaid {
    /// Whether it has a carrier.
    pub connected: bool,
    /// Its first address of IPv4, with the length of its network, such as `10.20.0.5/24`.
    pub address: Option<String>,
    /// Its Ethernet address, such as `02:00:00:00:00:01`.
    pub mac: Option<String>,
}

/// Everything a fake may say. The tag is the key `fact`, in snake case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The fake serves on all of these; said once, before any other fact.
    Ready {
        /// Bound sockets; empty for a fake that only asks (the appliance).
        listens: Vec<Listen>,
    },
    /// The fake serves here as well from now on: a camera's further port, once the camera is in use.
    Opened {
        /// The socket.
        listen: Listen,
    },
    /// A client was let in.
    Accepted {
        /// Which service: `iot`, `monitoring`, `logs`, `s3`, `rtsp`, …
        service: String,
        /// The client's socket.
        peer: SocketAddr,
        /// Who the client proved to be: certificate id, access key id or user name; empty where nobody asks.
        identity: String,
        /// TLS server name, if the client sent one.
        sni: Option<String>,
        /// TLS application protocol that was agreed.
        alpn: Option<String>,
        /// TLS version as printed by the TLS library, for example `TLSv1_3`.
        tls: Option<String>,
    },
    /// A client was turned away.
    Refused {
        /// Which service, as in `Accepted`.
        service: String,
        /// The client's socket.
        peer: SocketAddr,
        /// Why, in one line.
        reason: String,
    },
    /// A client has shown a camera a user name that is not its own; `Refused` follows.
    Misnamed {
        /// Which service: `rtsp` or `onvif`.
        service: String,
        /// The client's socket.
        peer: SocketAddr,
        /// The name, at most 64 characters of it.
        user: String,
    },
    /// The cloud keeps something that a client sent.
    Stored {
        /// Which service: `monitoring`, `logs`, `s3`, `iot`.
        service: String,
        /// What it is called there: metric name, log stream, object key, topic.
        name: String,
        /// Size of what is kept, in bytes.
        bytes: u64,
    },
    /// The cloud has given a thing something to do, since somebody asked for that.
    Ordered {
        /// The thing.
        thing: String,
        /// The job's name, as in `Tasked`.
        job: String,
        /// What it is: `deployment`, `update`, `configuration`, `credentials` or `restart`.
        kind: String,
        /// What must come of it: an application's id, a software version, an interval in milliseconds, a certificate's id;
        /// empty for a restart.
        expects: String,
    },
    /// A thing has said that something which it was given to do is over.
    Ended {
        /// The thing.
        thing: String,
        /// The job's name, as in `Ordered`.
        job: String,
        /// `SUCCEEDED`, `FAILED`, `REJECTED`, …
        status: String,
        /// The thing's own words about it, each in one line: `reason`, `monitorEveryMs`, …
        details: BTreeMap<String, String>,
    },
    /// A call that an operator made of the cloud was answered.
    Called {
        /// What it was made for, by the name that it was asked for with.
        order: String,
        /// Which service: `panorama`, `sts`, `monitoring`, `logs` or `s3`.
        service: String,
        /// In which protocol: `rest-json`, `json`, `cbor`, `query` or `xml`.
        form: String,
        /// `DescribeDevice`, `AssumeRole`, …
        operation: String,
        /// What is wrong with it on purpose: `unsigned`, `altered`, `late`, `expired`, `region`, `service` or `kept`; empty where nothing is.
        wrong: String,
        /// The operator's own socket, as in the cloud's `Accepted` and `Refused`.
        socket: SocketAddr,
        /// The HTTP status.
        status: u16,
        /// The code of an error, for example `InvalidSignatureException`; none of a success.
        code: Option<String>,
        /// What it says that matters: `JobId`, `Status`, `CurrentSoftware`, `DeviceConnectionStatus`.
        said: BTreeMap<String, String>,
    },
    /// An operator makes no more calls for what it was asked for; what could not be called is told by `Failed` before.
    CallsOver {
        /// Its name, as in `Called`.
        order: String,
    },
    /// What the cloud knows of a device by its monitoring: said with each answer, and when answers fail to come.
    Monitored {
        /// The device.
        device: String,
        /// Whether it answers.
        online: bool,
        /// The software that it last said it runs.
        software: Option<String>,
        /// What it last said of its two ports, in the order of their names; none before it has said anything.
        #[serde(default)]
        ports: Vec<PortSaid>,
    },
    /// A name was asked for.
    Asked {
        /// The client's socket.
        peer: SocketAddr,
        /// The name, lower case, without the final dot.
        name: String,
        /// Record type, for example `A`.
        kind: String,
        /// The addresses given; empty for a refusal or an empty answer.
        answers: Vec<IpAddr>,
    },
    /// From here on a name is answered otherwise, since somebody asked for that.
    NameMoved {
        /// The name, lower case, without the final dot.
        name: String,
        /// Its addresses from now on.
        answers: Vec<IpAddr>,
        /// For how long an answer may be kept, seconds.
        ttl: u32,
    },
    /// From here on the next clients of some services meet somebody else, since somebody asked for that.
    StandInsPlaced {
        /// Who: one client each, in this order. `tls1.0`, `static-rsa`, `wrong-ca`, …
        kinds: Vec<String>,
    },
    /// From here on the next requests of some services are refused as too many, since somebody asked for that.
    Throttles {
        /// How many of each service's.
        services: BTreeMap<String, u32>,
    },
    /// A client has met somebody else, and their connection is over.
    StoodIn {
        /// Which service it wanted.
        service: String,
        /// Whom it meets, as in `StandInsPlaced`.
        kind: String,
        /// The client's socket.
        peer: SocketAddr,
        /// The cloud's socket that it came to: a client may have the same socket of its own for several of these.
        cloud: SocketAddr,
        /// When it came, in the unit of [`Line::at`]: it may have the same two sockets again before this is told.
        met_at: u64,
    },
    /// A client has taken a job that somebody in the cloud's place gave it.
    Misled {
        /// Who gave it, as in `StandInsPlaced`.
        kind: String,
        /// The client's socket.
        peer: SocketAddr,
        /// The cloud's, as in `StoodIn`.
        cloud: SocketAddr,
        /// When it came, as in `StoodIn`.
        met_at: u64,
        /// The job's name.
        job: String,
        /// What there was to do: the job's `operation`.
        operation: String,
        /// How it went, as the client said first: `IN_PROGRESS`, `SUCCEEDED` or `FAILED`.
        status: String,
    },
    /// The time was asked for and told.
    Told {
        /// The client's socket.
        peer: SocketAddr,
    },
    /// An RTSP session started to play.
    Playing {
        /// The client's socket.
        peer: SocketAddr,
        /// Path of the stream, for example `/stream`.
        path: String,
    },
    /// A hostile camera does this, for the first time in its run.
    Attacked {
        /// What, by its key in a scenario: `redirects_to`, `calls`, …
        what: String,
    },
    /// An RTSP session is over.
    Stopped {
        /// The client's socket.
        peer: SocketAddr,
    },
    /// The appliance resolved a name.
    Resolved {
        /// The name asked for.
        name: String,
        /// What came back, never empty.
        addresses: Vec<IpAddr>,
    },
    /// The appliance's session with a service stands.
    Connected {
        /// Which service: `iot`, `monitoring`, `logs`, `s3`, or `rtsp`.
        service: String,
        /// The server's socket.
        peer: SocketAddr,
        /// Which camera, for `rtsp`.
        camera: Option<String>,
    },
    /// The appliance handed something over and the service confirmed it.
    Delivered {
        /// Which service, as in `Connected`.
        service: String,
        /// What it is called there, as in `Stored`.
        name: String,
    },
    /// The appliance, or a time server with an upstream, compared its clock with a time server.
    Synced {
        /// The server.
        server: IpAddr,
        /// Server's clock minus ours, nanoseconds.
        offset_ns: i64,
        /// The server's stratum, 1 to 15.
        stratum: u8,
    },
    /// A time server answered that it does not know the time itself (RFC 5905, section 7.3: leap indicator 3).
    Unsynced {
        /// The server.
        server: IpAddr,
    },
    /// One of the appliance's two ports has taken the addresses of the other over.
    Moved {
        /// The port that has them now.
        link: String,
        /// The port that had them, and whose carrier is gone, or has returned.
        from: String,
    },
    /// The cloud gave the appliance something to do.
    Tasked {
        /// The job's name there.
        job: String,
        /// What is to be done, for example `scan-cameras`.
        operation: String,
    },
    /// A search for cameras found one, and it gave the address of its stream.
    Found {
        /// The camera's own address as a URI, for example `urn:uuid:…`.
        endpoint: String,
        /// Where it answered from.
        address: IpAddr,
        /// Its stream, for example `rtsp://10.20.0.11:554/stream`.
        stream: String,
    },
    /// A search for cameras is over.
    Scanned {
        /// How many it found.
        cameras: usize,
    },
    /// What has arrived from one camera so far; said again as it grows, at most four times a second.
    Video(Video),
    /// The first picture of a camera that the appliance decoded.
    Picture {
        /// Which camera.
        camera: String,
        /// A JPEG of at most 320 pixels a row and 32 KiB, in base64 (RFC 4648, section 4).
        jpeg: String,
    },
    /// Something the appliance tried did not work; it goes on trying.
    Failed {
        /// What it tried: `resolve`, `sync`, `rtsp`, `scan`, or a service as in `Connected`.
        what: String,
        /// Which camera or name, if one is concerned.
        about: Option<String>,
        /// Why, in one line.
        error: String,
    },
    /// The fake ends by itself or because it was told to; the last line.
    Bye {
        /// Why, in one line.
        reason: String,
    },
}

/// A socket that a fake serves on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    /// Which service: as in [`Fact::Accepted`], or `dns`, `ntp`.
    pub service: String,
    /// `tcp` or `udp`.
    pub transport: String,
    /// Address and port.
    pub socket: SocketAddr,
}

/// What has arrived from one camera since the appliance started, proven frame by frame.
///
/// Counts are of access units (pictures). `lost` and `duplicated` come from the frame numbers that the camera
/// writes into the picture data, not from a decoder's opinion. JPEG has no place for these: its frames are numbered by
/// their times, counted once they are decoded, and identified by nothing but what their pictures show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Video {
    /// The camera's name, as configured at the appliance.
    pub camera: String,
    /// The camera's number, read from the frames.
    pub id: u32,
    /// The run, read from the frames: tells a restarted camera from a lost frame. Always 0 for JPEG.
    pub run: u32,
    /// Frames that arrived with their identity.
    pub received: u64,
    /// First frame number seen.
    pub first: u64,
    /// Last frame number seen.
    pub last: u64,
    /// Frame numbers between first and last that never came.
    pub lost: u64,
    /// Frame numbers that came more than once.
    pub duplicated: u64,
    /// Frames that came after one with a higher number.
    #[serde(default)]
    pub swapped: u64,
    /// Frames that came without a readable identity.
    pub unidentified: u64,
    /// Frames that carry another camera's number or another run than the session's first frame.
    pub foreign: u64,
    /// Frames that were not decoded, since what they refer to is missing or came otherwise than it was numbered.
    #[serde(default)]
    pub unreferenced: u64,
    /// Pictures that the decoder made. Those that neither match nor mismatch are of a recording, which has no codes.
    pub decoded: u64,
    /// Decoded pictures that show the code of their camera and frame number.
    pub matched: u64,
    /// Decoded pictures that show another code, or none.
    pub mismatched: u64,
    /// Frames of which the decoder made no picture, though it made one of a later frame.
    #[serde(default)]
    pub undecoded: u64,
    /// Packets of RTP that came of JPEG, or to a group, whether or not any frame of theirs is whole. Of other video frames alone are known,
    /// and this is 0.
    #[serde(default)]
    pub packets: u64,
    /// Which frames were lost, doubled, swapped, or shown wrongly or not at all: the first [`NAMED`] of each kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub odd: Vec<Odd>,
    /// When frames arrived since this was last told, nanoseconds since 1970; at most [`ARRIVALS`], the latest of them.
    #[serde(default)]
    pub arrived: Vec<u64>,
    /// How long each of those was under way, microseconds; `None` where the frame does not say when it was sent.
    /// Negative by clocks that disagree.
    #[serde(default)]
    pub took_us: Vec<Option<i64>>,
    /// Frames that arrived and are in no `arrived`, since too many came at once.
    #[serde(default)]
    pub untold: u64,
    /// Longest time between two arrivals, microseconds.
    pub longest_gap_us: u64,
    /// Median time from sending to arrival, microseconds.
    pub latency_p50_us: u64,
    /// 99th percentile of the time from sending to arrival, microseconds.
    pub latency_p99_us: u64,
}

/// A frame that was not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Odd {
    /// What is odd about it.
    #[serde(flatten)]
    pub what: Oddity,
    /// In which RTSP session since the appliance started, from 1: each counts its frames anew.
    pub session: u32,
    /// The frame's number.
    pub number: u64,
}

/// What may be odd about a frame. The tag is the key `odd`, in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "odd", rename_all = "snake_case")]
pub enum Oddity {
    /// It never came.
    Lost,
    /// It came again.
    Duplicated,
    /// It came after one with a higher number.
    Swapped,
    /// Its picture shows another code.
    Shows {
        /// The camera's number in the picture.
        camera: u32,
        /// Which picture of the clip it is.
        index: u16,
    },
    /// Its picture shows no code.
    ShowsNone,
    /// The decoder made no picture of it.
    Undecoded,
}

/// So many frames of a kind are named.
pub const NAMED: usize = 16;

/// So many arrivals are told of at once: four seconds of a camera with 60 frames a second.
pub const ARRIVALS: usize = 240;

/// Pictures of so many streams are decoded at once; of more, some in turns. Each decoder takes threads and memory.
pub const MOST_DECODED: usize = 16;

/// Writes facts, one per line, each flushed, from any thread.
pub struct Teller {
    out: Mutex<Box<dyn Write + Send>>,
}

impl Teller {
    /// Tells on the process's standard output.
    pub fn stdout() -> Self {
        Self::new(Box::new(io::stdout()))
    }

    /// Tells on `out`; tests hand in a buffer.
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out: Mutex::new(out) }
    }

    /// Writes one line stamped with the current time.
    ///
    /// Errors of the pipe are returned: whoever listened is gone, and the fake should end.
    pub fn tell(&self, fact: Fact) -> io::Result<()> {
        let mut text = serde_json::to_string(&Line { at: now(), fact })?;
        text.push('\n');
        let mut out = self.out.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// Reads one line; the error says what is wrong with it.
pub fn read_line(text: &str) -> Result<Line, serde_json::Error> {
    serde_json::from_str(text)
}

/// Nanoseconds since 1970-01-01 UTC; 0 before that.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        let facts = [
            Fact::Ready {
                listens: vec![Listen {
                    service: "rtsp".into(),
                    transport: "tcp".into(),
                    socket: "10.20.0.11:554".parse().unwrap(),
                }],
            },
            Fact::Video(Video {
                camera: "dock-1".into(),
                received: 45,
                odd: vec![
                    Odd { what: Oddity::Lost, session: 1, number: 17 },
                    Odd { what: Oddity::Shows { camera: 2, index: 11 }, session: 2, number: 40 },
                ],
                took_us: vec![None, Some(-3)],
                ..Video::default()
            }),
            Fact::Refused {
                service: "iot".into(),
                peer: "10.20.0.5:40000".parse().unwrap(),
                reason: "no certificate".into(),
            },
            Fact::Misnamed {
                service: "rtsp".into(),
                peer: "10.20.0.5:40000".parse().unwrap(),
                user: "viewer-dock-1".into(),
            },
        ];
        for fact in facts {
            let line = Line { at: 7, fact };
            assert_eq!(read_line(&serde_json::to_string(&line).unwrap()).unwrap(), line);
        }
    }

    #[test]
    fn rubbish_is_no_fact() {
        assert!(read_line("Hello, world").is_err());
        assert!(read_line(r#"{"at":1,"fact":"unheard_of"}"#).is_err());
    }
}
