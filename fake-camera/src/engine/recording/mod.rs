//! A camera's video from files of the user's own: read whole at the start, repeated for ever.
//!
//! A file is an MP4, an MPEG transport stream or a Matroska file with H.264, H.265 or JPEG; the files of a folder follow one
//! another in the order of their names, and are alike. Pictures are sent as they are, at an even rate and, where there are
//! B-frames, in the order in which they are decoded: only messages beside them are replaced by ours. What RTP or a camera's plain sequence of frames has no place for is refused.

mod jpeg;
mod read;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Codec, Error, Size};
use crate::clip::{self, Clip, MOST_PICTURES};
use read::{Kind, Pictures, Video};

/// Most bytes of a stream's recordings, all files together: they are kept in memory.
pub const MOST_BYTES: u64 = 64 << 20;
/// Most files of a folder.
const MOST_FILES: usize = 64;
/// Names of files that are taken out of a folder end so.
const ENDINGS: [&str; 7] = ["mp4", "m4v", "mov", "ts", "mts", "m2ts", "mkv"];

/// A recording, ready to be served.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its codec.
    pub codec: Codec,
    /// Size of its pictures.
    pub size: Size,
    /// Its pictures a second, on average, rounded.
    pub fps: u32,
    pub(super) clip: Arc<Clip>,
}

/// Why a recording cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A device, a pipe.
    #[error("this is neither a file nor a folder")]
    Kind,
    /// A folder without recordings.
    #[error("no file in this folder ends in .mp4, .m4v, .mov, .ts, .mts, .m2ts or .mkv")]
    Nothing,
    /// Too many files.
    #[error("a folder may have {MOST_FILES} recordings, and has {0}")]
    Files(usize),
    /// Too many bytes.
    #[error("the recordings of a stream may have {} MiB in all", MOST_BYTES >> 20)]
    Large,
    /// Too many pictures.
    #[error("the recordings of a stream may have {MOST_PICTURES} pictures in all")]
    Long,
    /// No container that is known.
    #[error("this is no MP4, MPEG transport stream or Matroska file")]
    Container,
    /// No video that is known.
    #[error("it has no H.264, H.265 or JPEG video")]
    NoVideo,
    /// GStreamer does not read it.
    #[error("it cannot be read: {0}")]
    Reader(String),
    /// Pictures of a size that is not served.
    #[error("its pictures have {0}x{1}; 16x16 to 3840x2160 in steps of 2 can be served")]
    Size(usize, usize),
    /// Too few pictures to know a rate, or too many a second.
    #[error("its pictures follow at no rate of 1 to 60 a second, which is what is served")]
    Rate,
    /// B-frames, and no times by which they could be put in order.
    #[error("it has B-frames, and does not say of each picture when it is shown, or says the same of two")]
    Order,
    /// Half-pictures.
    #[error(
        "it is interlaced, and whole pictures are served: encode it anew, as by `ffmpeg -i IN -vf yadif OUT.mp4`"
    )]
    Interlaced,
    /// Its pictures cannot be repeated.
    #[error("{0}")]
    Clip(#[from] clip::Error),
    /// JPEG that RTP has no place for.
    #[error(
        "{0}; RTP has no place for that (RFC 2435): encode it anew, as by `ffmpeg -i IN -c:v mjpeg -huffman default -pix_fmt yuvj420p OUT.mkv`"
    )]
    Jpeg(&'static str),
    /// Files of a folder that do not go together.
    #[error("it is {this}, and the file before it {before}: those of a folder must be alike")]
    Differs {
        /// What this one is.
        this: String,
        /// What those before are.
        before: String,
    },
    /// Another codec than was asked for.
    #[error("it is {is}, and {asked} is asked for")]
    Codec {
        /// What it is.
        is: Codec,
        /// What is asked for.
        asked: Codec,
    },
}

impl Recording {
    /// Reads a file, or all files of a folder; `codec` is what they must be, if anything.
    ///
    /// Blocks while it reads. Errors: GStreamer or a plugin is missing; `Recording`, with the file and why it cannot be
    /// served.
    pub fn read(path: &Path, codec: Option<Codec>) -> Result<Self, Error> {
        gstreamer::init().map_err(|error| Error::Init(error.to_string()))?;
        let refused = |path: &Path, why: Unfit| Error::Recording { path: path.to_owned(), why };
        let files = files(path).map_err(|why| refused(path, why))?;
        let mut all: Option<(Kind, Pictures)> = None;
        let mut places = Vec::new();
        for file in files {
            let Video { kind, pictures, shown } = read::video(&file)?;
            let before = places.len() as u64;
            places.extend(shown.into_iter().map(|place| before + place));
            let (_, before) = match &mut all {
                Some((first, _)) if *first != kind => {
                    let (this, before) = (kind.to_string(), first.to_string());
                    return Err(refused(&file, Unfit::Differs { this, before }));
                }
                Some(all) => all,
                none => none.insert((kind, Pictures::default())),
            };
            before.add(pictures).map_err(|why| refused(path, why))?;
        }
        let (Kind { codec: is, size, fps }, pictures) = all.ok_or_else(|| refused(path, Unfit::Nothing))?;
        if let Some(asked) = codec.filter(|asked| *asked != is) {
            return Err(refused(path, Unfit::Codec { is, asked }));
        }
        let clip = Clip::of_recording(is, places.into_iter().zip(pictures.all.iter().map(Vec::as_slice)));
        let clip = clip.map_err(|why| refused(path, why.into()))?;
        Ok(Self { codec: is, size, fps, clip: Arc::new(clip) })
    }

    /// What it takes of each second on average, kbit/s.
    pub(super) fn kbit(&self) -> usize {
        let bytes: usize = self.clip.access_units().map(|unit| unit.len()).sum();
        bytes * 8 * self.fps as usize / usize::from(self.clip.pictures()) / 1000
    }
}

/// The files to read, in their order.
fn files(path: &Path) -> Result<Vec<PathBuf>, Unfit> {
    let found = fs::metadata(path)?;
    let files = match (found.is_file(), found.is_dir()) {
        (true, _) => vec![path.to_owned()],
        (_, true) => in_folder(path)?,
        _ => return Err(Unfit::Kind),
    };
    let mut bytes = 0;
    for file in &files {
        bytes += fs::metadata(file)?.len();
    }
    if bytes > MOST_BYTES { Err(Unfit::Large) } else { Ok(files) }
}

fn in_folder(path: &Path) -> Result<Vec<PathBuf>, Unfit> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) && fs::metadata(&file)?.is_file() {
            files.push(file);
        }
    }
    files.sort();
    match files.len() {
        0 => Err(Unfit::Nothing),
        1..=MOST_FILES => Ok(files),
        more => Err(Unfit::Files(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> String {
        Recording::read(path, None).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(refusal(&at("gone.mp4")).contains("gone.mp4 cannot be served: No such file"));
        assert!(refusal(folder.path()).contains("no file in this folder ends in"));
        fs::write(at("text.mp4"), "no video").unwrap();
        assert!(refusal(&at("text.mp4")).contains("no MP4, MPEG transport stream or Matroska"));
        // Named for its file, of a folder too.
        assert!(refusal(folder.path()).contains("text.mp4 cannot be served"));
        let large = fs::File::create(at("large.mkv")).unwrap();
        large.set_len(MOST_BYTES + 1).unwrap();
        assert!(refusal(&at("large.mkv")).contains("64 MiB"));
        assert!(refusal(Path::new("/dev/null")).contains("neither a file nor a folder"));
        assert!(std::process::Command::new("mkfifo").arg(at("pipe.ts")).status().unwrap().success());
        assert!(refusal(&at("pipe.ts")).contains("neither a file nor a folder"));
    }

    #[test]
    fn a_cut_file_is_refused_and_never_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cut.mp4");
        // The box of type `ftyp` and the beginning of one that goes on for long.
        let cut = b"\0\0\0\x10ftypisom\0\0\0\0\0\x10\0\0moovabcd";
        fs::write(&file, cut).unwrap();
        assert!(refusal(&file).contains("cut.mp4 cannot be served"), "{}", refusal(&file));
    }
}
