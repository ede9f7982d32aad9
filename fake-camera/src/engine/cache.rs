//! Encoded clips kept on disk, so that many cameras start quickly.
//!
//! A file holds a magic line, then every access unit as its length (u32, big-endian) and its bytes, then the
//! CRC-32 of all before it. Whatever is not exactly that is encoded again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crc::{CRC_32_ISO_HDLC, Crc};
use sha2::{Digest, Sha256};
use tracing::{debug, warn};

use super::{Camera, Stream};
use crate::clip::Clip;
use crate::codec::Codec;

/// Changes whenever the pattern, the encoder's settings or this format do.
const MAGIC: &[u8] = b"fake-camera clip 4\n";
const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The place of the clip of one stream.
pub(super) struct Entry {
    path: PathBuf,
    codec: Codec,
}

impl Entry {
    pub(super) fn new(folder: &Path, camera: &Camera, stream: &Stream) -> Self {
        let (Camera { id, noise, .. }, Stream { codec, size, fps, .. }) = (camera, stream);
        // A name may be any text, and a file's may not.
        let name = hex::encode(&Sha256::digest(&camera.name)[..8]);
        let file = format!("{codec}-{size}-{fps}fps-{id}-{noise}-{name}.clip");
        Self { path: folder.join(file), codec: *codec }
    }

    /// The clip, if there is a whole one.
    pub(super) fn load(&self) -> Option<Clip> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                warn!(path = %self.path.display(), %error, "a kept clip cannot be read");
                return None;
            }
        };
        let clip = parse(self.codec, &bytes);
        match &clip {
            Some(_) => debug!(path = %self.path.display(), "clip taken from the cache"),
            None => warn!(path = %self.path.display(), "a kept clip is damaged and will be made again"),
        }
        clip
    }

    /// Keeps the clip; written beside and renamed, so that no other process sees half of it.
    pub(super) fn store(&self, clip: &Clip) {
        let beside = self.path.with_extension(format!("{}.new", std::process::id()));
        let kept = self
            .path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&beside, render(clip)))
            .and_then(|()| fs::rename(&beside, &self.path));
        if let Err(error) = kept {
            warn!(path = %self.path.display(), %error, "the clip cannot be kept");
        }
    }
}

fn render(clip: &Clip) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for access_unit in clip.access_units() {
        bytes.extend_from_slice(&(access_unit.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&access_unit);
    }
    let crc = CRC32.checksum(&bytes);
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes
}

fn parse(codec: Codec, bytes: &[u8]) -> Option<Clip> {
    let (covered, crc) = bytes.split_last_chunk()?;
    if u32::from_be_bytes(*crc) != CRC32.checksum(covered) {
        return None;
    }
    let mut rest = covered.strip_prefix(MAGIC)?;
    let mut access_units = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (access_unit, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        access_units.push(access_unit);
        rest = after;
    }
    if rest.is_empty() { Clip::from_access_units(codec, access_units).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip() -> Clip {
        let first = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3];
        let second = [0, 0, 0, 1, 0x41, 4];
        Clip::from_access_units(Codec::H264, [&first[..], &second]).unwrap()
    }

    #[test]
    fn a_clip_comes_back_as_it_was_kept() {
        assert_eq!(parse(Codec::H264, &render(&clip())), Some(clip()));
    }

    #[test]
    fn cameras_that_differ_in_their_names_alone_have_clips_of_their_own() {
        let size = "640x360".parse().unwrap();
        let (path, origin, codec) = ("/s".into(), super::super::Origin::Drawn, Codec::H264);
        let stream = Stream { path, origin, codec, size, fps: 15, keep: None };
        let of = |name: &str| {
            let camera = Camera { name: name.into(), ..Camera::new(1, 1, vec![stream.clone()]) };
            Entry::new(Path::new("/cache"), &camera, &stream).path
        };
        assert_eq!(of("gate"), of("gate"));
        for other in ["hall", "", "../../gate", "gate\0"] {
            assert_ne!(of("gate"), of(other));
            assert_eq!(of(other).parent(), Some(Path::new("/cache")));
        }
    }

    #[test]
    fn damaged_and_cut_files_are_made_again() {
        let whole = render(&clip());
        for length in 0..whole.len() {
            assert_eq!(parse(Codec::H264, &whole[..length]), None, "cut at {length}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert_eq!(parse(Codec::H264, &damaged), None, "damaged at {at}");
        }
    }
}
