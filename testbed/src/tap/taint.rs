//! The cameras' own video in a capture: every byte of it is known, so that it is found wherever it went.

pub mod canary;
mod clip;
#[cfg(test)]
mod fixture;
mod floods;
mod key_log;
mod keys;
mod keys12;
mod marks;
mod pieces;
mod scan;
mod search;
mod sessions;
mod texts;
mod words;

use std::collections::BTreeMap;
use std::io::Read;

use super::capture::Port;
use super::packets::{Packet, each_packet};
use crate::names::NodeName;
use crate::observation::TaintSeen;
use canary::Canaries;
use floods::Floods;
pub use floods::Unsettled;
use key_log::KeyLog;
use marks::{Mark, Marks};
use scan::Sought;
use search::{Owners, Place, Search, Taken};
use sessions::Sessions;
use words::Words;

/// Bytes of a camera's clip that are taken at most: a minute of 640x360.
pub const MOST_CLIP: u64 = 16 * 1024 * 1024;

/// The clip of each camera that is looked for, or why there is none.
pub type Clips = BTreeMap<NodeName, Result<Vec<u8>, String>>;

/// What text of RTSP is known by: a version ends or begins the first line of each message (RFC 2326, sections 6.1 and 7.1; RFC 7826
/// for 2.0).
const RTSP: [&str; 2] = ["RTSP/1.0", "RTSP/2.0"];

/// Searches a capture of a site with these ports for clips, for the cameras' passwords and for text of RTSP, with canaries of this
/// lab. `unsettled` is when switches may have flooded; `key_log` has the secrets of TLS sessions that are read, too.
///
/// Time grows with the capture, memory with the clips (about eight times their size) and not with the capture. Errors,
/// in words: those of [`read_back`](super::read_back).
pub fn search(
    from: impl Read,
    ports: Vec<Port>,
    clips: &Clips,
    passwords: &BTreeMap<NodeName, String>,
    key: u32,
    unsettled: &[Unsettled],
    key_log: &[u8],
) -> Result<TaintSeen, String> {
    let owners = Owners {
        cameras: clips.iter().filter(|(_, clip)| clip.is_ok()).map(|(camera, _)| camera.clone()).collect(),
        passwords: passwords.keys().cloned().collect(),
        ports: ports.iter().map(|port| port.name.clone()).collect(),
    };
    let canaries = Canaries::new(key, &owners.ports);
    let clips_there = clips.values().filter_map(|clip| clip.as_ref().ok());
    let mut marks: Vec<Mark<'_>> = Vec::new();
    for (owner, clip) in clips_there.enumerate() {
        marks.extend((0..).zip(clip::pictures(clip)).map(|(part, bytes)| Mark { owner, part, bytes }));
    }
    for port in 0..owners.ports.len() {
        let owner = owners.cameras.len() + port;
        marks.extend((0..).zip(canaries.of(port)).map(|(part, bytes)| Mark { owner, part, bytes }));
    }
    let words: Vec<String> =
        canaries.words().chain(passwords.values().cloned()).chain(RTSP.map(str::to_owned)).collect();
    let sought = Sought { marks: Marks::new(marks), words: Words::new(&words) };
    let mut keys = KeyLog::default();
    keys.add(canaries.key_log().as_bytes());
    keys.add(key_log);
    let mut search = Search::new(&sought, &owners, &canaries, Sessions::new(keys));
    let mut floods = Floods::new(&ports, unsettled);
    each_packet(from, &ports, |Packet { seen, cut, bytes }: Packet<'_>| {
        let place = Place { port: seen.port, direction: seen.direction, flooded: floods.take(&seen, bytes) };
        search.take(&Taken { packet: seen.packet, place, cut, bytes });
        Ok::<(), String>(())
    })?;
    let unknown =
        clips.iter().filter_map(|(camera, clip)| Some((camera.clone(), clip.as_ref().err()?.clone())));
    Ok(TaintSeen { unknown: unknown.collect(), ..search.finish() })
}

#[cfg(test)]
mod tests;
