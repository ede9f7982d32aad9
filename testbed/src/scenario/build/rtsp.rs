//! A camera's RTSP side: what is written of it, and whether a program of ours can pull it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::files::{Files, Missing};
use super::super::leaf::{AuthWord, Below, Lasting, Size, Whole};
use super::super::mistakes::{Mistake, Mistakes, nearest};
use super::super::model::{Codec, Encode, Rtsp, Stream, Transport, judges};
use super::super::raw;
use super::super::shape::{At, OneOrMany, Slot};
use super::super::tree::Spot;
use super::or;

/// What a camera serves; what is not written is as [`Rtsp::default`] has it, and of streams as in the main one.
pub(super) fn read(raw: &raw::Camera, fps: u32, files: &Files, out: &mut Mistakes) -> Rtsp {
    let plain = Rtsp::default();
    let codec = or(raw.video.good().map_or(&Slot::Absent, |video| &video.codec), plain.codec);
    let recording = raw.video.good().and_then(|video| {
        let encode = video.encode.good().map(|encode| encode.spot);
        let own = [video.size.good().map(|size| size.spot), video.fps.good().map(|fps| fps.spot), encode];
        recording(&video.recording, own, files, out)
    });
    if let (Some(_), Some(wrong)) = (&recording, raw.misbehaves.good())
        && let Some(spot) = [&wrong.shows_next, &wrong.shows_stranger].into_iter().find_map(first_spot)
    {
        let label = "the pictures of a recording are shown as they are";
        out.push(Mistake::error("a camera that cannot show another picture", spot, label));
    }
    let encode = or(raw.video.good().map_or(&Slot::Absent, |video| &video.encode), plain.encode);
    let sessions = raw.sessions.good();
    let timeout = sessions.map_or(&Slot::Absent, |sessions| &sessions.timeout);
    let most = sessions.and_then(|sessions| sessions.most.good()).map(|most| most.value.0 as u32);
    let first_port = or(&raw.first_port, Whole(u64::from(plain.first_port))).0 as u16;
    Rtsp {
        codec,
        recording,
        encode,
        streams: streams(raw, (codec, encode, fps), files, out),
        auth: raw.auth.good().map_or(plain.auth, |words| auth(&words.0, out)),
        transport: raw.transport.good().map_or(plain.transport, |ways| once(&ways.0, "transport", out)),
        session_timeout: or(timeout, Lasting(Duration::from_secs(60))).0.as_secs() as u32,
        most_sessions: most,
        first_port,
        further_ports: raw
            .further_ports
            .good()
            .map_or(Vec::new(), |ports| further(first_port, &ports.0, out)),
    }
}

fn first_spot<T>(slot: &Slot<OneOrMany<At<T>>>) -> Option<Spot> {
    slot.good().and_then(|many| Some(many.0.first()?.spot))
}

/// The file must be there; what is in it the camera finds out. `own` is where a size, a rate or an encoding are written
/// beside it.
fn recording(
    written: &Slot<At<Below>>,
    own: [Option<Spot>; 3],
    files: &Files,
    out: &mut Mistakes,
) -> Option<String> {
    let path = written.good()?;
    if let Some(spot) = own.into_iter().flatten().next() {
        let label = "a recording is sent as it is, at its own size and rate";
        out.push(Mistake::error("a recording that cannot be otherwise than it is", spot, label));
    }
    let text = &path.value.0;
    match files.text(text) {
        Ok(_) | Err(Missing::TooLarge | Missing::NotText | Missing::Folder) => {}
        Err(missing) => {
            let label = match missing.is_absent().then(|| nearest(text, files.there())).flatten() {
                Some(near) => format!("{missing}; did you mean `{near}`?"),
                None => missing.to_string(),
            };
            out.push(Mistake::error("a recording cannot be used", path.spot, label));
        }
    }
    Some(text.clone())
}

fn streams(
    raw: &raw::Camera,
    (codec, encode, fps): (Codec, Encode, u32),
    files: &Files,
    out: &mut Mistakes,
) -> Vec<Stream> {
    let mut taken = BTreeSet::from(["/stream".to_owned()]);
    let mut read = Vec::new();
    for raw in raw.streams.good().map_or(&[][..], |list| &list.items) {
        let Some(path) = raw.path.good() else { continue };
        if !taken.insert(path.value.0.clone()) {
            let label = "a stream is there already; the main one has `/stream`";
            out.push(Mistake::error("two streams have one path", path.spot, label));
        }
        let written = raw.encode.good().map(|encode| encode.spot);
        let own = [raw.size.good().map(|size| size.spot), raw.fps.good().map(|fps| fps.spot), written];
        let recording = recording(&raw.recording, own, files, out);
        let Size { width, height } = or(&raw.size, Size { width: 320, height: 176 });
        // A recording is not encoded.
        let encode = if recording.is_some() { Encode::Once } else { or(&raw.encode, encode) };
        let (codec, fps) = (or(&raw.codec, codec), or(&raw.fps, Whole(u64::from(fps))).0 as u32);
        read.push(Stream { path: path.value.0.clone(), codec, recording, encode, width, height, fps });
    }
    read
}

fn auth(words: &[At<AuthWord>], out: &mut Mistakes) -> Vec<super::super::model::Auth> {
    if let (true, Some(none)) = (words.len() > 1, words.iter().find(|word| word.value == AuthWord::None)) {
        let label = "this asks nobody, the others ask everybody";
        out.push(Mistake::error("a camera that asks and does not", none.spot, label));
    }
    let asked: Vec<_> = words.iter().filter(|word| word.value != AuthWord::None).cloned().collect();
    let methods = once(&asked, "auth", out);
    methods.into_iter().filter_map(AuthWord::method).collect()
}

fn once<T: Copy + PartialEq>(words: &[At<T>], key: &str, out: &mut Mistakes) -> Vec<T> {
    let mut read = Vec::new();
    for word in words {
        if read.contains(&word.value) {
            let label = "it is in the list already";
            out.push(Mistake::error(format!("`{key}` names something twice"), word.spot, label));
        }
        read.push(word.value);
    }
    read
}

fn further(first: u16, ports: &[At<Whole<1, 65_535>>], out: &mut Mistakes) -> Vec<u16> {
    let mut taken = BTreeSet::from([u64::from(first)]);
    for port in ports.iter().filter(|port| !taken.insert(port.value.0)) {
        let label = format!("the camera is there already; its first port is {first}");
        out.push(Mistake::error("two ports of a camera are one", port.spot, label));
    }
    ports.iter().map(|port| port.value.0 as u16).collect()
}

/// Why a program of ours cannot pull such a camera; `beside` if both are in one segment, as far as is written.
pub(super) fn cannot_pull(rtsp: &Rtsp, beside: bool) -> Option<&'static str> {
    if !judges(rtsp.codec, rtsp.recording.as_deref()) {
        return Some(
            "its main stream is a recording of JPEG, whose frames carry no numbers, and whose pictures no code",
        );
    }
    // Whoever prefers UDP takes that instead of the connection, which makes no difference here.
    match (rtsp.codec, rtsp.pulled_by(false)) {
        (Codec::Mjpeg, Some(Transport::Multicast)) => {
            Some("its main stream is JPEG in a group, of which ours take H.264 and H.265 alone")
        }
        (_, Some(Transport::Multicast)) if !beside => {
            Some("its frames go to a group only, which is heard in its own segment and nowhere else")
        }
        (_, None | Some(Transport::Tcp | Transport::Udp | Transport::Multicast)) => None,
    }
}
