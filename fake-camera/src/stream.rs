//! A further stream, as one argument says it.

use std::path::PathBuf;
use std::str::FromStr;

use fake_camera::engine::{Codec, Size, Stream};

/// What an argument such as `path=/sub,size=320x240,fps=5` says; the rest is as in the main stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Further {
    path: String,
    codec: Option<Codec>,
    size: Size,
    fps: Option<u32>,
    keep: Option<PathBuf>,
}

impl Further {
    /// The stream beside this main one.
    pub(crate) fn beside(&self, main: &Stream) -> Stream {
        Stream {
            path: self.path.clone(),
            codec: self.codec.unwrap_or(main.codec),
            size: self.size,
            fps: self.fps.unwrap_or(main.fps),
            keep: self.keep.clone(),
        }
    }
}

impl FromStr for Further {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = Size::new(320, 176).map_err(|error| error.to_string())?;
        let mut read = Self { path: String::new(), codec: None, size, fps: None, keep: None };
        for pair in text.split(',') {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("`{pair}` is no NAME=VALUE"))?;
            match name {
                "path" => read.path = path(value)?,
                "codec" => read.codec = Some(value.parse()?),
                "size" => {
                    read.size =
                        value.parse().map_err(|error: fake_camera::engine::WrongSize| error.to_string())?
                }
                "fps" => read.fps = Some(rate(value)?),
                "keep" => read.keep = Some(value.into()),
                _ => return Err(format!("`{name}` is none of path, codec, size, fps, keep")),
            }
        }
        if read.path.is_empty() { Err("a stream needs a path".to_owned()) } else { Ok(read) }
    }
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
        let main = Stream { path: "/stream".into(), codec: Codec::H265, size, fps: 25, keep: None };
        let sub = "path=/sub".parse::<Further>().unwrap().beside(&main);
        assert_eq!((sub.codec, sub.size.to_string(), sub.fps), (Codec::H265, "320x176".to_owned(), 25));
        let sub = "path=/sub,codec=mjpeg,fps=5,size=640x360".parse::<Further>().unwrap().beside(&main);
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
        ] {
            let error = text.parse::<Further>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
