//! A further stream, as one argument says it.

use std::path::PathBuf;
use std::str::FromStr;

use std::sync::Arc;

use clap::ValueEnum;
use fake_camera::engine::{self, Codec, Origin, Recording, Size, Stream};

/// What an argument such as `path=/sub,size=320x240,fps=5` says; the rest is as in the main stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Further {
    path: String,
    codec: Option<Codec>,
    size: Option<Size>,
    recording: Option<PathBuf>,
    encode: Option<Encoded>,
    fps: Option<u32>,
    keep: Option<PathBuf>,
}

impl Further {
    /// The stream beside this main one; reads its recording.
    pub(crate) fn beside(&self, main: &Stream) -> Result<Stream, engine::Error> {
        let (path, keep) = (self.path.clone(), self.keep.clone());
        if let Some(recording) = &self.recording {
            let recording = Recording::read(recording, self.codec)?;
            return Ok(recorded(recording, (path, keep), self.fps));
        }
        Ok(Stream {
            path,
            origin: match (self.encode, &main.origin) {
                (Some(encode), _) => encode.origin(),
                (None, Origin::Live) => Origin::Live,
                (None, _) => Origin::Drawn,
            },
            codec: self.codec.unwrap_or(main.codec),
            size: self.size.unwrap_or_else(|| Size::new(320, 176).expect("a picture may have this size")),
            fps: self.fps.unwrap_or(main.fps),
            keep,
        })
    }
}

impl FromStr for Further {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut read = Self {
            path: String::new(),
            codec: None,
            size: None,
            recording: None,
            encode: None,
            fps: None,
            keep: None,
        };
        for pair in text.split(',') {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("`{pair}` is no NAME=VALUE"))?;
            match name {
                "path" => read.path = path(value)?,
                "codec" => read.codec = Some(value.parse()?),
                "size" => {
                    let size = value.parse().map_err(|error: engine::WrongSize| error.to_string())?;
                    read.size = Some(size);
                }
                "recording" => read.recording = Some(value.into()),
                "encode" => read.encode = Some(Encoded::from_str(value, false)?),
                "fps" => read.fps = Some(rate(value)?),
                "keep" => read.keep = Some(value.into()),
                _ => {
                    return Err(format!(
                        "`{name}` is none of path, codec, size, fps, recording, encode, keep"
                    ));
                }
            }
        }
        if read.recording.is_some() && (read.size.is_some() || read.encode.is_some()) {
            return Err("a recording has a size of its own, and is not encoded".to_owned());
        }
        if read.path.is_empty() { Err("a stream needs a path".to_owned()) } else { Ok(read) }
    }
}

/// When a stream's pictures are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoded {
    /// Before they are served, and repeated.
    Once,
    /// While they are sent, by each session for itself.
    Live,
}

impl Encoded {
    pub(crate) fn origin(self) -> Origin {
        match self {
            Self::Once => Origin::Drawn,
            Self::Live => Origin::Live,
        }
    }
}

/// A stream of recorded pictures, at their own rate if no other is asked for.
pub(crate) fn recorded(
    recording: Recording,
    (path, keep): (String, Option<PathBuf>),
    fps: Option<u32>,
) -> Stream {
    let Recording { codec, size, .. } = recording;
    let fps = fps.unwrap_or(recording.fps);
    Stream { path, origin: Origin::Recorded(Arc::new(recording)), codec, size, fps, keep }
}

fn rate(text: &str) -> Result<u32, String> {
    let rate = text.parse().ok().filter(|rate| (1..=60).contains(rate));
    rate.ok_or_else(|| format!("`{text}` is no number of pictures a second, 1 to 60"))
}

/// A path under which a stream may be.
pub(crate) fn path(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    if text.starts_with('/') && text.len() > 1 && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("a path begins with `/` and goes on with letters, digits, `/`, `-`, `_` and `.`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_as_in_the_main_stream() {
        let size = Size::new(1280, 720).unwrap();
        let (path, origin) = ("/stream".into(), Origin::Drawn);
        let main = Stream { path, origin, codec: Codec::H265, size, fps: 25, keep: None };
        let beside = |text: &str| text.parse::<Further>().unwrap().beside(&main).unwrap();
        let sub = beside("path=/sub");
        assert_eq!((sub.codec, sub.size.to_string(), sub.fps), (Codec::H265, "320x176".to_owned(), 25));
        let sub = beside("path=/sub,codec=mjpeg,fps=5,size=640x360");
        assert_eq!((sub.codec, sub.size.to_string(), sub.fps), (Codec::Mjpeg, "640x360".to_owned(), 5));
    }

    #[test]
    fn mistakes_are_said() {
        for (text, said) in [
            ("size=320x240", "needs a path"),
            ("path=sub", "begins with `/`"),
            ("path=/sub,fps=0", "1 to 60"),
            ("path=/sub,codec=vp8", "no codec"),
            ("path=/sub,colour=red", "none of"),
            ("path", "NAME=VALUE"),
            ("path=/sub,size=1x1", "cannot be made"),
            ("path=/sub,encode=twice", "invalid variant"),
            ("path=/sub,size=640x360,recording=a.mp4", "a size of its own"),
        ] {
            let error = text.parse::<Further>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
