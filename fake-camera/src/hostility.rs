//! Arguments for a hostile camera.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use fake_camera::hostile::{Answers, Call, Dies, HandsOut, Hostility, Misroute, Moves, Net};

/// What it does to its clients and to others, to find out whether that is contained.
#[derive(Args, Debug)]
#[command(next_help_heading = "Hostility")]
pub(crate) struct Hostile {
    /// Send whoever asks for a stream to this address (status 302).
    #[arg(long, value_name = "URL")]
    redirect_to: Option<String>,
    /// Tell whoever plays to go on at this address (REDIRECT).
    #[arg(long, value_name = "URL")]
    send_away_to: Option<String>,
    /// Name this host wherever RTSP, SDP and ONVIF name one.
    #[arg(long, value_name = "ADDRESS")]
    point_to: Option<IpAddr>,
    /// Send what goes out in RTSP connections there by UDP as well.
    #[arg(long, value_name = "ADDRESS:PORT")]
    copy_to: Vec<SocketAddr>,
    /// Answer TEARDOWN, and go on.
    #[arg(long)]
    outlast_teardown: bool,
    /// Milliseconds by which answers are late.
    #[arg(long, value_name = "MS")]
    answer_late: Option<u64>,
    /// Milliseconds from one byte of an answer to the next.
    #[arg(long, value_name = "MS")]
    answer_slowly: Option<u64>,
    /// Bytes of header fields that nobody needs, in each answer.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=64 << 20))]
    answer_padding: Option<u32>,
    /// Answer with bytes that mean nothing.
    #[arg(long)]
    answer_garbage: bool,
    /// Answer every search as a printer would that takes each for its own; needs `--onvif`.
    #[arg(long)]
    answer_as_printer: bool,
    /// Send video there by UDP, unasked.
    #[arg(long, value_name = "ADDRESS:PORT")]
    push_to: Vec<SocketAddr>,
    /// Call this address every second, such as tcp/203.0.113.10:443.
    #[arg(long, value_name = "CALL")]
    call: Vec<Call>,
    /// Try the ports of all hosts of this subnet, once.
    #[arg(long, value_name = "SUBNET")]
    scan: Vec<Net>,
    /// Hand out addresses (DHCP) for so many seconds each to whoever looks for one on the link of `--address`, and name itself as router,
    /// name server and time server; each client gets what it asks for.
    #[arg(long, value_name = "S", requires = "address")]
    hand_out: Option<u64>,
    /// Give this address to the first of them, and to others those that follow.
    #[arg(long, value_name = "ADDRESS", requires = "hand_out")]
    hand_out_from: Option<Ipv4Addr>,
    /// Tell this one by ICMP redirects that what it sends to the next one goes over `--address`, in the name of whom it goes over
    /// now and in its own, such as 10.40.0.5,203.0.113.10,10.40.0.1; needs the right to send packets of any kind (CAP_NET_RAW).
    #[arg(long, value_name = "WHOM,ABOUT,OVER", requires = "address")]
    misroute: Vec<Misroute>,
    /// Let nobody in any more, so many milliseconds after somebody has played it for the first time.
    #[arg(long, value_name = "MS")]
    die_after: Option<u64>,
    /// Milliseconds until it is back.
    #[arg(long, value_name = "MS", requires = "die_after", default_value_t = 1000)]
    die_for: u64,
    /// Take this address in the place of `--address`, with the same prefix, once somebody has played it; needs the right to
    /// set addresses (CAP_NET_ADMIN).
    #[arg(long, value_name = "ADDRESS", requires = "address", conflicts_with = "die_after")]
    change_address: Option<Ipv4Addr>,
    /// So many milliseconds after somebody has played it for the first time.
    #[arg(long, value_name = "MS", requires = "change_address", default_value_t = 1000)]
    change_after: u64,
}

impl Hostile {
    /// `clock_offset`: what the camera's clock is ahead, seconds.
    pub(crate) fn hostility(&self, clock_offset: i64) -> Hostility {
        let time = Duration::from_millis;
        Hostility {
            redirects_to: self.redirect_to.clone(),
            sends_away_to: self.send_away_to.clone(),
            points_to: self.point_to,
            copies_to: self.copy_to.clone(),
            outlasts_teardown: self.outlast_teardown,
            answers: Answers {
                late_by: self.answer_late.map(time),
                byte_every: self.answer_slowly.map(time),
                padding: self.answer_padding.map(|bytes| bytes as usize),
                garbage: self.answer_garbage,
            },
            answers_as_printer: self.answer_as_printer,
            clock_offset,
            pushes_to: self.push_to.clone(),
            calls: self.call.clone(),
            scans: self.scan.clone(),
            hands_out: self
                .hand_out
                .map(|seconds| HandsOut { first: self.hand_out_from, lease: Duration::from_secs(seconds) }),
            misroutes: self.misroute.clone(),
            dies: self.die_after.map(|after| Dies { after: time(after), lasts: time(self.die_for) }),
            changes_address: self.change_address.map(|to| Moves { after: time(self.change_after), to }),
        }
    }
}
