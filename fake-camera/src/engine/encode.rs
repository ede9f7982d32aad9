//! Makes a camera's clip: thirty pictures, encoded once as one closed group.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::{fs, io};

use gst::prelude::*;
use gstreamer as gst;

use super::drawn::Drawn;
use super::encoder::{self, Encoder, Pace};
use super::live::{Film, Live};
use super::{Camera, Codec, Error, Origin, Size, Stream, cache, elements};
use crate::clip::{Clip, PICTURES};
use crate::identity::FrameIdentity;
use crate::identity::sei::UNCODED;

/// Encoded bits per pixel; 0.16 gives about 550 kbit/s for 640x360 at 15 pictures a second.
const fn bits_per_pixel(codec: Codec) -> f64 {
    match codec {
        Codec::H264 => 0.16,
        // JPEG goes by quality.
        Codec::H265 | Codec::Mjpeg => 0.10,
    }
}
/// Widest and highest picture that RTP takes as JPEG (RFC 2435, section 3.1.5), in steps of 8.
const MAX_JPEG: usize = 2040;
/// Longest wait for the encoder's next picture: a hundred times what a slow machine takes.
pub(super) const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(30);

/// The video of one stream, ready to be served.
#[derive(Clone, Debug)]
pub struct Video {
    frames: Frames,
    pub(super) fps: u32,
}

/// Where a stream's frames come from.
#[derive(Clone, Debug)]
enum Frames {
    /// They were encoded before.
    Replayed {
        clip: Arc<Clip>,
        /// What takes its place in some rounds: the same with a wrong picture.
        wrong: BTreeMap<u64, Clip>,
        /// Whether its pictures have codes.
        coded: bool,
    },
    /// Each session encodes its own.
    Live(Film),
}

/// What one session's frames are taken from.
#[derive(Debug)]
pub(super) enum Reel {
    /// What all have.
    Shared,
    /// An encoder of its own.
    Own(Mutex<Live>),
}

/// Starts GStreamer and looks whether all that a camera is made of is there, for every codec.
///
/// Errors: `Init`, or `Missing` with the first that is not there.
pub fn check() -> Result<(), Error> {
    gst::init().map_err(|error| Error::Init(error.to_string()))?;
    for codec in Codec::ALL {
        elements::require(&elements::to_serve(codec))?;
        elements::require(&[elements::parser(codec)])?;
        elements::require(&elements::to_encode(codec))?;
    }
    Ok(())
}

impl Video {
    /// The video of each of the camera's streams, in their order, as [`Video::prepare`] makes it.
    pub fn prepare_all(camera: &Camera) -> Result<Vec<Self>, Error> {
        camera.streams.iter().map(|stream| Self::prepare(camera, stream)).collect()
    }

    /// Starts GStreamer, then takes the stream's clip from the camera's cache or encodes it.
    ///
    /// Blocks for 30 to 300 ms per clip of 640x360. Errors: GStreamer or a plugin is missing, the encoder fails.
    /// A cache that cannot be read or written is only logged; a file that is to have the clip must be writable.
    pub fn prepare(camera: &Camera, stream: &Stream) -> Result<Self, Error> {
        gst::init().map_err(|error| Error::Init(error.to_string()))?;
        elements::require(&elements::to_serve(stream.codec))?;
        let frames = match &stream.origin {
            Origin::Recorded(_) if !camera.misbehaviour.wrong_rounds().is_empty() => {
                return Err(Error::Pictures);
            }
            Origin::Recorded(recording) => {
                let clip = Arc::clone(&recording.clip);
                Frames::Replayed { clip, wrong: BTreeMap::new(), coded: false }
            }
            Origin::Drawn => Self::drawn(camera, stream)?,
            Origin::Live => Self::live(camera, stream)?,
        };
        if let (Some(path), Frames::Replayed { clip, wrong, .. }) = (&stream.keep, &frames) {
            let failed = |cause| Error::Keep { path: path.clone(), cause };
            keep(path, [&**clip].into_iter().chain(wrong.values())).map_err(failed)?;
        }
        Ok(Self { frames, fps: stream.fps })
    }

    /// How its pictures are coded.
    pub(super) fn codec(&self) -> Codec {
        match &self.frames {
            Frames::Replayed { clip, .. } => clip.codec(),
            Frames::Live(film) => film.codec,
        }
    }

    /// Whether a receiver may start at frame `number`.
    pub(super) fn starts(&self, number: u64) -> bool {
        match &self.frames {
            Frames::Replayed { clip, .. } => clip.starts(number),
            Frames::Live(_) => number.is_multiple_of(u64::from(PICTURES)),
        }
    }

    /// How many pictures after it is sent frame `number` is shown; `None` where frames are sent as they are shown.
    pub(super) fn lead(&self, number: u64) -> Option<u64> {
        match &self.frames {
            Frames::Replayed { clip, .. } => clip.lead(number),
            Frames::Live(_) => None,
        }
    }

    /// What a new session's frames are taken from. Errors: an encoder does not start.
    pub(super) fn reel(&self) -> Result<Reel, Error> {
        match &self.frames {
            Frames::Replayed { .. } => Ok(Reel::Shared),
            Frames::Live(film) => Ok(Reel::Own(Mutex::new(Live::start(film)?))),
        }
    }

    /// Frame `frame.number` of a session, which says the rest of this about itself, and which picture it is.
    ///
    /// Errors: an encoder fails.
    pub(super) fn access_unit(&self, reel: &Reel, frame: FrameIdentity) -> Result<Vec<u8>, Error> {
        let round = frame.number / u64::from(PICTURES);
        match (&self.frames, reel) {
            (Frames::Replayed { clip, wrong, coded }, _) => {
                let clip = wrong.get(&round).unwrap_or(clip);
                let index = if *coded { clip.index(frame.number) } else { UNCODED };
                Ok(clip.access_unit(&FrameIdentity { index, ..frame }))
            }
            (Frames::Live(_), Reel::Own(live)) => {
                let index = (frame.number % u64::from(PICTURES)) as u16;
                let mut live = live.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                live.access_unit(&FrameIdentity { index, ..frame })
            }
            (Frames::Live(_), Reel::Shared) => unreachable!("sessions of live video have reels of their own"),
        }
    }

    fn drawn(camera: &Camera, stream: &Stream) -> Result<Frames, Error> {
        check_size(stream)?;
        let drawn = Drawn::new(camera, stream);
        let clip = Arc::new(Self::clip(camera, stream, &drawn)?);
        let wrong = camera.misbehaviour.wrong_rounds().into_iter();
        let wrong = wrong.map(|round| Ok((round, encode_wrong(stream, &drawn, round)?)));
        Ok(Frames::Replayed { clip, wrong: wrong.collect::<Result<_, Error>>()?, coded: true })
    }

    /// The first frame is encoded once to see that it can be.
    fn live(camera: &Camera, stream: &Stream) -> Result<Frames, Error> {
        check_size(stream)?;
        elements::require(&elements::to_encode(stream.codec))?;
        let Stream { codec, size, fps, .. } = *stream;
        let film = Film { drawn: Arc::new(Drawn::new(camera, stream)), codec, size, fps };
        Live::start(&film)?.access_unit(&FrameIdentity::default())?;
        Ok(Frames::Live(film))
    }

    fn clip(camera: &Camera, stream: &Stream, drawn: &Drawn) -> Result<Clip, Error> {
        let kept = camera.cache.as_deref().map(|folder| cache::Entry::new(folder, camera, stream));
        if let Some(clip) = kept.as_ref().and_then(cache::Entry::load) {
            return Ok(clip);
        }
        elements::require(&elements::to_encode(stream.codec))?;
        let clip = encode(stream, |index| drawn.right(index.into()))?;
        if let Some(entry) = &kept {
            entry.store(&clip);
        }
        Ok(clip)
    }
}

/// Written beside and renamed, so that nobody sees half of it.
fn keep<'a>(path: &Path, clips: impl Iterator<Item = &'a Clip>) -> io::Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, clips.flat_map(Clip::access_units).collect::<Vec<_>>().concat())?;
    fs::rename(beside, path)
}

fn check_size(stream: &Stream) -> Result<(), Error> {
    let Stream { codec, size, .. } = *stream;
    let (width, height) = (size.width(), size.height());
    let fits = codec != Codec::Mjpeg || width.max(height) <= MAX_JPEG && height.is_multiple_of(8);
    let why = "RTP takes JPEG in steps of 8, up to 2040x2040";
    if fits { Ok(()) } else { Err(Error::Size { codec, size, why }) }
}

/// The clip for one round, with the pictures that are wrong there.
fn encode_wrong(stream: &Stream, drawn: &Drawn, round: u64) -> Result<Clip, Error> {
    encode(stream, |index| drawn.picture(round * u64::from(PICTURES) + u64::from(index)))
}

/// Encodes the pictures that `picture` makes, by their index.
fn encode(stream: &Stream, picture: impl Fn(u16) -> Vec<u8>) -> Result<Clip, Error> {
    let Stream { codec, size, fps, .. } = *stream;
    let encoder = Encoder::start(codec, size, fps, Pace::Ahead)?;
    let encoded = push_and_collect(&encoder, picture, stream)?;
    Ok(Clip::from_access_units(codec, encoded.iter().map(Vec::as_slice))?)
}

/// What comes out of an encoder or a recording and goes into a payloader: one picture at a time.
pub(super) fn coded(codec: Codec) -> gst::caps::Builder<gst::caps::NoFeature> {
    let units =
        |name| gst::Caps::builder(name).field("stream-format", "byte-stream").field("alignment", "au");
    match codec {
        Codec::H264 => units("video/x-h264"),
        Codec::H265 => units("video/x-h265"),
        Codec::Mjpeg => gst::Caps::builder("image/jpeg"),
    }
}

/// Bit rate that an encoder is asked for, or that JPEG comes to, kbit/s.
pub(super) fn kbit(codec: Codec, size: Size, fps: u32) -> usize {
    let pixels = size.width() * size.height() * fps as usize;
    (pixels as f64 * bits_per_pixel(codec) / 1000.0).max(100.0) as usize
}

fn push_and_collect(
    Encoder { pipeline, source, sink }: &Encoder,
    picture: impl Fn(u16) -> Vec<u8>,
    &Stream { codec, fps, .. }: &Stream,
) -> Result<Vec<Vec<u8>>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Encode(error.to_string());
    for index in 0..PICTURES {
        let mut buffer = gst::Buffer::from_mut_slice(picture(index));
        let stamps = buffer.get_mut().expect("nobody else has the new buffer");
        stamps.set_pts(frame_time(u64::from(index), fps));
        stamps.set_duration(frame_time(1, fps));
        source.push_buffer(buffer).map_err(|error| failed(&error))?;
    }
    source.end_of_stream().map_err(|error| failed(&error))?;
    let mut encoded = Vec::new();
    while encoded.len() < usize::from(PICTURES) {
        let Some(sample) = sink.try_pull_sample(PATIENCE) else {
            let heard = pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
            return Err(Error::Encode(heard.map_or_else(
                || format!("{} of {PICTURES} pictures came out", encoded.len()),
                |message| format!("{message:?}"),
            )));
        };
        encoded.push(encoder::access_unit(codec, &sample)?);
    }
    Ok(encoded)
}

/// When frame `number` is shown, counted from frame 0.
///
/// Rounded up: RTP time stamps (90 kHz) are rounded down from this, and so step evenly.
pub(super) fn frame_time(number: u64, fps: u32) -> gst::ClockTime {
    gst::ClockTime::from_nseconds((number * 1_000_000_000).div_ceil(u64::from(fps)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(id: u32, noise: u32, codec: Codec, size: &str, keep: Option<&Path>) -> Result<Video, Error> {
        let (path, origin, size) = ("/stream".into(), Origin::Drawn, size.parse().unwrap());
        let stream = Stream { path, origin, codec, size, fps: 15, keep: keep.map(Path::to_owned) };
        let camera = Camera { noise, ..Camera::new(id, 1, vec![stream.clone()]) };
        Video::prepare(&camera, &stream)
    }

    fn clip(video: &Video) -> &Clip {
        let Frames::Replayed { clip, .. } = &video.frames else { panic!("it is encoded once") };
        clip
    }

    #[test]
    fn a_clip_is_one_closed_group_of_thirty_pictures() {
        for (codec, size) in
            [Codec::H264, Codec::H265].into_iter().flat_map(|codec| [(codec, "320x240"), (codec, "640x360")])
        {
            let video = made(3, 0, codec, size, None).unwrap();
            assert_eq!(clip(&video).pictures(), PICTURES);
            let starts: Vec<_> = (0..u64::from(PICTURES)).map(|number| video.starts(number)).collect();
            assert!(
                starts[0] && !starts[1..].contains(&true),
                "{codec}: one picture to start at, the first: {starts:?}"
            );
        }
    }

    #[test]
    fn the_bit_rate_is_that_of_a_real_scene() {
        for (codec, expected) in
            [(Codec::H264, 300..1200), (Codec::H265, 200..1200), (Codec::Mjpeg, 1000..8000)]
        {
            let video = made(3, 0, codec, "640x360", None).unwrap();
            let bytes: usize = clip(&video).access_units().map(|unit| unit.len()).sum();
            let kbit_per_second = bytes * 8 / 2 / 1000; // thirty pictures at fifteen a second
            assert!(expected.contains(&kbit_per_second), "{codec}: {kbit_per_second} kbit/s");
        }
    }

    #[test]
    fn a_clip_is_the_same_each_time() {
        for codec in Codec::ALL {
            let of = |id| clip(&made(id, 0, codec, "320x240", None).unwrap()).clone();
            assert_eq!(of(1), of(1), "{codec}");
            assert_ne!(of(1), of(2), "{codec}");
        }
    }

    #[test]
    fn sizes_that_rtp_has_no_room_for_are_refused() {
        for size in ["640x362", "2048x1152"] {
            let refused = made(1, 0, Codec::Mjpeg, size, None);
            assert!(matches!(refused, Err(Error::Size { .. })), "{size}");
        }
        assert!(made(1, 0, Codec::H264, "640x362", None).is_ok());
    }

    #[test]
    fn video_of_another_camera_or_with_another_noise_has_other_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let slices = |id, noise| {
            let keep = folder.path().join("clip.h264");
            let video = made(id, noise, Codec::H264, "320x240", Some(&keep)).unwrap();
            let kept = fs::read(keep).unwrap();
            assert_eq!(kept, clip(&video).access_units().collect::<Vec<_>>().concat());
            let pictures = crate::annexb::units(&kept)
                .filter(|unit| matches!(Codec::H264.part(unit), crate::codec::Part::Slice { .. }));
            pictures.map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        let windows = |slices: &[Vec<u8>]| -> std::collections::BTreeSet<Vec<u8>> {
            slices.iter().flat_map(|slice| slice.windows(32).map(<[u8]>::to_vec)).collect()
        };
        let (one, again, other, neighbour) = (slices(1, 7), slices(1, 7), slices(1, 8), slices(2, 7));
        assert_eq!(one, again, "the same camera and seed give the same bytes");
        assert_eq!(one.len(), usize::from(PICTURES));
        let one = windows(&one);
        assert!(one.is_disjoint(&windows(&neighbour)));
        // The picture begins with the camera's code, which has no noise.
        let shared = one.intersection(&windows(&other)).count();
        assert!(shared < one.len() / 100, "{shared} of {}", one.len());
    }
}
