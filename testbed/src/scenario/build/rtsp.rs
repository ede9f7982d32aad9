//! A camera's RTSP side: what is written of it, and whether a program of ours can pull it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::leaf::{AuthWord, Lasting, Size, Whole};
use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::{Codec, Rtsp, Stream, Transport};
use super::super::raw;
use super::super::shape::{At, Slot};
use super::or;

/// What a camera serves; what is not written is as [`Rtsp::default`] has it, and of streams as in the main one.
pub(super) fn read(raw: &raw::Camera, fps: u32, out: &mut Mistakes) -> Rtsp {
    let plain = Rtsp::default();
    let codec = or(raw.video.good().map_or(&Slot::Absent, |video| &video.codec), plain.codec);
    let sessions = raw.sessions.good();
    let timeout = sessions.map_or(&Slot::Absent, |sessions| &sessions.timeout);
    let most = sessions.and_then(|sessions| sessions.most.good()).map(|most| most.value.0 as u32);
    Rtsp {
        codec,
        streams: streams(raw, (codec, fps), out),
        auth: raw.auth.good().map_or(plain.auth, |words| auth(&words.0, out)),
        transport: raw.transport.good().map_or(plain.transport, |ways| once(&ways.0, "transport", out)),
        session_timeout: or(timeout, Lasting(Duration::from_secs(60))).0.as_secs() as u32,
        most_sessions: most,
        further_ports: raw.further_ports.good().map_or(Vec::new(), |ports| further(&ports.0, out)),
    }
}

fn streams(raw: &raw::Camera, (codec, fps): (Codec, u32), out: &mut Mistakes) -> Vec<Stream> {
    let mut taken = BTreeSet::from(["/stream".to_owned()]);
    let mut read = Vec::new();
    for raw in raw.streams.good().map_or(&[][..], |list| &list.items) {
        let Some(path) = raw.path.good() else { continue };
        if !taken.insert(path.value.0.clone()) {
            let label = "a stream is there already; the main one has `/stream`";
            out.push(Mistake::error("two streams have one path", path.spot, label));
        }
        let Size { width, height } = or(&raw.size, Size { width: 320, height: 176 });
        let (codec, fps) = (or(&raw.codec, codec), or(&raw.fps, Whole(u64::from(fps))).0 as u32);
        read.push(Stream { path: path.value.0.clone(), codec, width, height, fps });
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

fn further(ports: &[At<Whole<1, 65_535>>], out: &mut Mistakes) -> Vec<u16> {
    let mut taken = BTreeSet::from([554]);
    for port in ports.iter().filter(|port| !taken.insert(port.value.0)) {
        let label = "the camera is there already; its first port is 554";
        out.push(Mistake::error("two ports of a camera are one", port.spot, label));
    }
    ports.iter().map(|port| port.value.0 as u16).collect()
}

/// Why a program of ours cannot pull such a camera.
pub(super) fn cannot_pull(rtsp: &Rtsp) -> Option<&'static str> {
    match (rtsp.codec, rtsp.pulled_by()) {
        (Codec::Mjpeg, _) => Some("its main stream is JPEG, whose frames carry no numbers"),
        (_, None) => Some("its frames go to a group only, which no program of ours joins"),
        (_, Some(Transport::Tcp | Transport::Udp | Transport::Multicast)) => None,
    }
}
