//! A camera of the plan → the arguments of `fake-camera`.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::Ipv4Net;

use super::command::{Settings, clip, text};
use crate::plan::{GROUP_PORT, Service, ServiceKind, group_of, viewer};
use crate::scenario::model::{
    Encode, HandsOut, Hostile, Misbehaves, Misroute, Onvif, RTSP_PORT, Stream, Transport,
};

/// Ports that RTP by UDP leaves from, so that a rule file can name them.
const UDP_PORTS: &str = "50000-50199";

/// Where a hostile camera sends video to: RTP's port of old (RFC 3551, section 8).
const MEDIA_PORT: u16 = 5004;

/// Port of a camera's ONVIF services.
const ONVIF_PORT: &str = "80";

/// All arguments; `secret` is the file with the password.
///
/// Errors: a recording is not there, or lies outside the scenario's folder.
pub(super) fn arguments(service: &Service, secret: &Path, settings: &Settings) -> io::Result<Vec<String>> {
    let ServiceKind::Camera { id, listen, width, height, fps, onvif, rtsp, misbehaves, hostile } =
        &service.kind
    else {
        unreachable!("only called for one")
    };
    let run = settings.run.to_string();
    let mut arguments = vec!["serve".to_owned()];
    let mut add = |name: &str, value: &str| arguments.extend([format!("--{name}"), value.to_owned()]);
    add("name", service.node.as_str());
    add("id", &id.to_string());
    add("run", &run);
    add("noise", &run);
    // Of other video nobody looks for the very bytes.
    if (&rtsp.recording, rtsp.encode) == (&None, Encode::Once) {
        add("keep", &text(&clip(&service.node)));
    }
    add("address", &listen.to_string());
    add("port", &rtsp.first_port.to_string());
    add("codec", rtsp.codec.name());
    match &rtsp.recording {
        Some(recording) => add("recording", &text(&recorded(recording, settings)?)),
        None => {
            add("size", &format!("{width}x{height}"));
            add("fps", &fps.to_string());
            add("encode", rtsp.encode.name());
        }
    }
    for Stream { path, codec, recording, encode, width, height, fps } in &rtsp.streams {
        let of = match recording {
            Some(recording) => format!("recording={}", text(&recorded(recording, settings)?)),
            None => format!("size={width}x{height},fps={fps},encode={}", encode.name()),
        };
        add("stream", &format!("path={path},codec={},{of}", codec.name()));
    }
    add("transport", &words(rtsp.transport.iter().map(|way| way.name())));
    if rtsp.transport.contains(&Transport::Udp) {
        add("udp-ports", UDP_PORTS);
    }
    if rtsp.transport.contains(&Transport::Multicast) {
        add("group", &SocketAddrV4::new(group_of(*id), GROUP_PORT).to_string());
    }
    add("session-timeout", &rtsp.session_timeout.to_string());
    if let Some(most) = rtsp.most_sessions {
        add("max-sessions", &most.to_string());
    }
    for port in &rtsp.further_ports {
        add("further-port", &port.to_string());
    }
    if !rtsp.auth.is_empty() {
        add("user", &viewer(&service.node));
        add("password-file", &text(secret));
        add("auth", &words(rtsp.auth.iter().map(|auth| auth.name())));
    }
    arguments.extend(onvif.iter().flat_map(|onvif| onvif_arguments(*onvif)));
    arguments.extend(misbehaviour(misbehaves));
    arguments.extend(hostility(hostile));
    Ok(arguments)
}

/// Where a recording really lies: wherever links lead, below the scenario's folder, and so does what is in it.
fn recorded(path: &str, settings: &Settings) -> io::Result<PathBuf> {
    let about = |cause: io::Error| io::Error::new(cause.kind(), format!("{path}: {cause}"));
    let folder = fs::canonicalize(&settings.folder)?;
    let below = |found: &Path| match fs::canonicalize(found).map_err(about)? {
        real if real.starts_with(&folder) => Ok(real),
        _ => Err(about(io::Error::other("it leads out of the scenario's folder"))),
    };
    let real = below(&folder.join(path))?;
    if real.to_string_lossy().contains(',') {
        return Err(about(io::Error::other("the way there has a comma in it")));
    }
    if real.is_dir() {
        for entry in fs::read_dir(&real).map_err(about)? {
            below(&entry.map_err(about)?.path())?;
        }
    }
    Ok(real)
}

/// What a camera is told to do wrong.
fn misbehaviour(wrong: &Misbehaves) -> Vec<String> {
    let numbers = [
        ("leave-out", &wrong.leaves_out),
        ("repeat", &wrong.repeats),
        ("swap", &wrong.swaps),
        ("show-next", &wrong.shows_next),
        ("show-stranger", &wrong.shows_stranger),
    ];
    let written = numbers.into_iter().filter(|(_, frames)| !frames.is_empty()).map(|(what, frames)| {
        let frames: Vec<String> = frames.iter().map(u64::to_string).collect();
        format!("--{what}={}", frames.join(","))
    });
    let late = wrong.late.into_iter();
    let late =
        late.flat_map(|(from, by)| [format!("--late-from={from}"), format!("--late-by={}", by.as_millis())]);
    written.chain(late).collect()
}

/// What a camera is told to do to others.
fn hostility(hostile: &Hostile<IpAddr, Ipv4Net>) -> Vec<String> {
    let Hostile { redirects_to, sends_away_to, points_to, copies_to, pushes_to, calls, scans, .. } = hostile;
    let mut arguments = Vec::new();
    let mut add = |name: &str, value: String| arguments.push(format!("--{name}={value}"));
    let stream = |to: &IpAddr| format!("rtsp://{}/stream", SocketAddr::new(*to, RTSP_PORT));
    let media = |to: &IpAddr| SocketAddr::new(*to, MEDIA_PORT).to_string();
    redirects_to.iter().for_each(|to| add("redirect-to", stream(to)));
    sends_away_to.iter().for_each(|to| add("send-away-to", stream(to)));
    points_to.iter().for_each(|to| add("point-to", to.to_string()));
    copies_to.iter().for_each(|to| add("copy-to", media(to)));
    pushes_to.iter().for_each(|to| add("push-to", media(to)));
    for to in calls {
        add("call", format!("tcp/{}", SocketAddr::new(*to, 443)));
        add("call", format!("udp/{}", SocketAddr::new(*to, 53)));
    }
    scans.iter().for_each(|subnet| add("scan", subnet.to_string()));
    let millis = |time: Duration| time.as_millis().to_string();
    hostile.answers_late.iter().for_each(|late| add("answer-late", millis(*late)));
    hostile.answers_slowly.iter().for_each(|every| add("answer-slowly", millis(*every)));
    hostile.answers_padded.iter().for_each(|bytes| add("answer-padding", bytes.to_string()));
    if hostile.clock != 0 {
        add("clock-offset", hostile.clock.to_string());
    }
    if let Some((after, lasts)) = hostile.dies {
        add("die-after", millis(after));
        add("die-for", millis(lasts));
    }
    if let Some((after, to)) = hostile.changes_address {
        add("change-address", to.to_string());
        add("change-after", millis(after));
    }
    if let Some(HandsOut { first, lease }) = hostile.hands_out {
        add("hand-out", lease.as_secs().to_string());
        first.iter().for_each(|first| add("hand-out-from", first.to_string()));
    }
    for Misroute { node, about, over } in &hostile.misroutes {
        over.iter().for_each(|over| add("misroute", format!("{node},{about},{over}")));
    }
    let flags = [
        (hostile.outlasts_teardown, "--outlast-teardown"),
        (hostile.answers_garbage, "--answer-garbage"),
        (hostile.answers_as_printer, "--answer-as-printer"),
    ];
    arguments.extend(flags.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag.to_owned()));
    arguments
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(",")
}

fn onvif_arguments(onvif: Onvif) -> Vec<String> {
    let quiet = (onvif == Onvif::Answers).then_some("--answers-only");
    ["--onvif", ONVIF_PORT].into_iter().chain(quiet).map(str::to_owned).collect()
}
