//! One file → its encoded pictures, by GStreamer's demultiplexers and parsers.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fake_facts::program::Missing;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::super::{Codec, Error, Size, elements, encode};
use super::{MOST_BYTES, MOST_PICTURES, Unfit, jpeg};

/// Longest wait for the next picture of a file.
const PATIENCE: Duration = Duration::from_secs(10);
/// From one look to the next at whether it has failed.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(20);
/// Pictures that wait to be taken.
const WAITING: u32 = 16;

/// What the files of a folder have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) codec: Codec,
    pub(super) size: Size,
    pub(super) fps: u32,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} at {} pictures a second", self.codec, self.size, self.fps)
    }
}

/// What a file has.
pub(super) struct Video {
    pub(super) kind: Kind,
    /// Byte streams, or JPEG after JPEG.
    pub(super) pictures: Vec<Vec<u8>>,
    /// The place of each among those shown, from 0.
    pub(super) shown: Vec<u64>,
}

/// What comes of a file's pads: an end that has its video, or why there is none.
type Chosen = Result<(Codec, gst_app::AppSink), Error>;

/// Reads a whole file. Errors: a plugin is missing; the file cannot be served.
pub(super) fn video(path: &Path) -> Result<Video, Error> {
    let refused = |why: Unfit| Error::Recording { path: path.to_owned(), why };
    let failed = |error: &dyn fmt::Display| refused(Unfit::Reader(error.to_string()));
    let demuxer = container(path).map_err(&refused)?;
    elements::require(&[FILE, demuxer.clone()])?;
    let pipeline = Pipeline(gst::Pipeline::new());
    let source = gst::ElementFactory::make(FILE.element).property("location", path);
    let source = source.build().map_err(|error| failed(&error))?;
    let demuxer = gst::ElementFactory::make(demuxer.element).build().map_err(|error| failed(&error))?;
    pipeline.0.add_many([&source, &demuxer]).map_err(|error| failed(&error))?;
    source.link(&demuxer).map_err(|error| failed(&error))?;
    let chosen = choose(&demuxer, &pipeline.0);
    // What it says is asked for; whoever fails to start says why there.
    let _ = pipeline.0.set_state(gst::State::Playing);
    let (codec, sink) = match wait(&pipeline, &chosen).map_err(&refused)? {
        Some(chosen) => chosen?,
        None => return Err(refused(Unfit::NoVideo)),
    };
    collect(&pipeline, codec, &sink).map_err(refused)
}

const FILE: Missing = Missing { element: "filesrc", package: "libgstreamer1.0-0" };

/// Stops when dropped.
struct Pipeline(gst::Pipeline);

impl Drop for Pipeline {
    fn drop(&mut self) {
        if let Err(error) = self.0.set_state(gst::State::Null) {
            tracing::warn!(%error, "the reader of a recording did not stop");
        }
    }
}

impl Pipeline {
    /// Why it cannot go on, if it has said so.
    fn failure(&self) -> Option<Unfit> {
        let heard = self.0.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        match heard.view() {
            gst::MessageView::Error(error) => Some(Unfit::Reader(error.error().to_string())),
            _ => None,
        }
    }
}

/// What takes a file apart, by its first bytes: MP4 begins with a box (ISO/IEC 14496-12, 4.2), Matroska with EBML's number
/// (RFC 8794, section 11.2.1), and a transport stream has packets of 188 bytes, with four of time before them on some discs.
fn container(path: &Path) -> Result<Missing, Unfit> {
    let mut head = Vec::new();
    File::open(path)?.take(600).read_to_end(&mut head)?;
    let syncs = |first: usize, step: usize| {
        let at = [first, first + step, first + 2 * step];
        head.len() > first && at.iter().filter(|at| **at < head.len()).all(|at| head[*at] == 0x47)
    };
    let good = |element| Missing { element, package: "gstreamer1.0-plugins-good" };
    match head.get(4..8) {
        Some(b"ftyp" | b"moov" | b"mdat" | b"free" | b"skip" | b"wide") => Ok(good("qtdemux")),
        Some(_) if head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) => Ok(good("matroskademux")),
        Some(_) if head.len() > 188 && (syncs(0, 188) || syncs(4, 192)) => {
            Ok(Missing { element: "tsdemux", package: "gstreamer1.0-plugins-bad" })
        }
        _ => Err(Unfit::Container),
    }
}

/// Takes the first video that is known, once the file's pads are there; sends nothing, and goes, if there is none.
fn choose(demuxer: &gst::Element, pipeline: &gst::Pipeline) -> mpsc::Receiver<Chosen> {
    let (sender, chosen) = mpsc::channel();
    let (pipeline, first) = (pipeline.downgrade(), Arc::new(Mutex::new(Some(sender))));
    let none = Arc::clone(&first);
    demuxer.connect_pad_added(move |_, pad| {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let codec = caps.structure(0).and_then(|caps| codec(caps.name()));
        let (Some(codec), Some(pipeline)) = (codec, pipeline.upgrade()) else { return };
        // Whoever waits may have gone; a second video is left alone.
        if let Some(sender) = take(&first) {
            let _ = sender.send(end(codec, pad, &pipeline).map(|sink| (codec, sink)));
        }
    });
    demuxer.connect_no_more_pads(move |_| drop(take(&none)));
    chosen
}

fn take(slot: &Mutex<Option<mpsc::Sender<Chosen>>>) -> Option<mpsc::Sender<Chosen>> {
    slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
}

fn codec(caps: &str) -> Option<Codec> {
    match caps {
        "video/x-h264" => Some(Codec::H264),
        "video/x-h265" => Some(Codec::H265),
        "image/jpeg" => Some(Codec::Mjpeg),
        _ => None,
    }
}

/// Parser and end of the pipeline behind a pad.
fn end(codec: Codec, pad: &gst::Pad, pipeline: &gst::Pipeline) -> Result<gst_app::AppSink, Error> {
    let failed = |error: &dyn fmt::Display| Error::Encode(format!("a recording is not read: {error}"));
    let wanted = elements::parser(codec);
    elements::require(std::slice::from_ref(&wanted))?;
    let parser = gst::ElementFactory::make(wanted.element).build().map_err(|error| failed(&error))?;
    if codec.has_units() {
        // Parameter sets come with each picture that a receiver may start at.
        parser.set_property("config-interval", -1i32);
    }
    // Without `async=false` the pipeline of a Matroska file waits for itself.
    let sink = gst_app::AppSink::builder()
        .caps(&encode::coded(codec).build())
        .sync(false)
        .async_(false)
        .max_buffers(WAITING)
        .build();
    pipeline.add_many([&parser, sink.upcast_ref()]).map_err(|error| failed(&error))?;
    parser.link(&sink).map_err(|error| failed(&error))?;
    for element in [sink.upcast_ref(), &parser] {
        element.sync_state_with_parent().map_err(|error| failed(&error))?;
    }
    let input = parser.static_pad("sink").ok_or_else(|| failed(&"a parser without an input"))?;
    pad.link(&input).map_err(|error| failed(&error))?;
    Ok(sink)
}

fn wait(pipeline: &Pipeline, chosen: &mpsc::Receiver<Chosen>) -> Result<Option<Chosen>, Unfit> {
    let until = Instant::now() + PATIENCE;
    loop {
        match chosen.recv_timeout(LOOK.into()) {
            Ok(chosen) => return Ok(Some(chosen)),
            Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(None),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        // A choice may have been sent just before the failure.
        if let Some(why) = pipeline.failure() {
            return match chosen.try_recv() {
                Ok(chosen) => Ok(Some(chosen)),
                Err(TryRecvError::Disconnected) => Ok(None),
                Err(TryRecvError::Empty) => Err(why),
            };
        }
        if Instant::now() > until {
            return Err(Unfit::Reader("nothing came out of it".into()));
        }
    }
}

/// Pictures that were read. Several may be the same bytes of a file, so that few bytes make many.
#[derive(Default)]
pub(super) struct Pictures {
    pub(super) all: Vec<Vec<u8>>,
    bytes: u64,
}

impl Pictures {
    /// Takes some more. Errors: they are too many, or too large together.
    pub(super) fn add(&mut self, more: Vec<Vec<u8>>) -> Result<(), Unfit> {
        self.bytes += more.iter().map(|picture| picture.len() as u64).sum::<u64>();
        self.all.extend(more);
        match () {
            () if self.all.len() > MOST_PICTURES => Err(Unfit::Long),
            // What a file has once may come with each picture that a receiver may start at.
            () if self.bytes > 2 * MOST_BYTES => Err(Unfit::Large),
            () => Ok(()),
        }
    }
}

fn collect(pipeline: &Pipeline, codec: Codec, sink: &gst_app::AppSink) -> Result<Video, Unfit> {
    let (mut pictures, mut size, mut shown) = (Pictures::default(), None, Vec::new());
    let mut until = Instant::now() + PATIENCE;
    while !sink.is_eos() {
        let Some(sample) = sink.try_pull_sample(LOOK) else {
            if let Some(why) = pipeline.failure() {
                return Err(why);
            }
            if Instant::now() > until {
                return Err(Unfit::Reader("it comes to no end".into()));
            }
            continue;
        };
        until = Instant::now() + PATIENCE;
        let (Some(buffer), Some(caps)) = (sample.buffer(), sample.caps()) else { continue };
        size = Some(same_size(caps, size)?);
        shown.push(buffer.pts());
        let picture = buffer.map_readable().map_err(|error| Unfit::Reader(error.to_string()))?.to_vec();
        if codec == Codec::Mjpeg {
            jpeg::fits(&picture)?;
        }
        pictures.add(vec![picture])?;
    }
    if let Some(why) = pipeline.failure() {
        return Err(why);
    }
    let size = size.ok_or(Unfit::NoVideo)?;
    let places = places(&shown)?;
    let mut known: Vec<_> = shown.into_iter().flatten().collect();
    known.sort();
    Ok(Video { kind: Kind { codec, size, fps: rate(&known)? }, pictures: pictures.all, shown: places })
}

/// The place of each picture among those shown, by when that is. Where the times that are known only grow, the others lie between.
fn places(shown: &[Option<gst::ClockTime>]) -> Result<Vec<u64>, Unfit> {
    if shown.iter().flatten().is_sorted_by(|one, next| one < next) {
        return Ok((0..shown.len() as u64).collect());
    }
    let mut order = shown.iter().copied().collect::<Option<Vec<_>>>().ok_or(Unfit::Order)?;
    order.sort();
    if !order.is_sorted_by(|one, next| one < next) {
        return Err(Unfit::Order);
    }
    let place = |at: &gst::ClockTime| order.partition_point(|other| other < at) as u64;
    Ok(shown.iter().flatten().map(place).collect())
}

/// The size of a picture, which must be that of those before.
fn same_size(caps: &gst::CapsRef, before: Option<Size>) -> Result<Size, Unfit> {
    let caps = caps.structure(0).ok_or(Unfit::NoVideo)?;
    if caps.get::<&str>("interlace-mode").is_ok_and(|mode| mode != "progressive") {
        return Err(Unfit::Interlaced);
    }
    let of = |name| caps.get::<i32>(name).ok().and_then(|pixels| usize::try_from(pixels).ok()).unwrap_or(0);
    let (width, height) = (of("width"), of("height"));
    let size = Size::recorded(width, height).ok_or(Unfit::Size(width, height))?;
    match before {
        Some(before) if before != size => {
            Err(Unfit::Differs { this: format!("{size} from some picture on"), before: before.to_string() })
        }
        _ => Ok(size),
    }
}

/// Pictures a second: as many as lie between the first and the last.
fn rate(shown: &[gst::ClockTime]) -> Result<u32, Unfit> {
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else { return Err(Unfit::Rate) };
    let took = (*last - *first).nseconds() as f64 / 1e9;
    let rate = ((shown.len() - 1) as f64 / took).round();
    if (1.0..=60.0).contains(&rate) { Ok(rate as u32) } else { Err(Unfit::Rate) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(head: &[u8]) -> Option<&'static str> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("head");
        std::fs::write(&file, head).unwrap();
        container(&file).ok().map(|demuxer| demuxer.element)
    }

    #[test]
    fn containers_are_known_by_their_first_bytes() {
        assert_eq!(named(b"\0\0\0\x18ftypmp42"), Some("qtdemux"));
        assert_eq!(named(b"\x1a\x45\xdf\xa3\x01\0\0\0\0"), Some("matroskademux"));
        let packets = |before: usize, step: usize| {
            let mut stream = vec![0; before + step * 3];
            (0..3).for_each(|packet| stream[before + packet * step] = 0x47);
            stream
        };
        assert_eq!(named(&packets(0, 188)), Some("tsdemux"));
        assert_eq!(named(&packets(4, 192)), Some("tsdemux"));
        assert_eq!(named(&packets(0, 187)), None);
        assert_eq!(named(b"RIFF1234AVI "), None);
        assert_eq!(named(b""), None);
    }

    #[test]
    fn pictures_have_bounds_whatever_the_files_have() {
        let mut pictures = Pictures::default();
        pictures.add(vec![vec![0; MOST_BYTES as usize]]).unwrap();
        pictures.add(vec![vec![0; MOST_BYTES as usize]]).unwrap();
        assert!(matches!(pictures.add(vec![vec![0]]), Err(Unfit::Large)));
        let mut pictures = Pictures::default();
        pictures.add(vec![Vec::new(); MOST_PICTURES]).unwrap();
        assert!(matches!(pictures.add(vec![Vec::new()]), Err(Unfit::Long)));
    }

    #[test]
    fn pictures_have_places_by_when_they_are_shown() {
        let at = |millis: &[u64]| {
            let times = millis.iter().map(|at| (*at < 1000).then(|| gst::ClockTime::from_mseconds(*at)));
            places(&times.collect::<Vec<_>>())
        };
        assert!(at(&[]).unwrap().is_empty());
        assert_eq!(at(&[40, 160, 120, 80]).unwrap(), [0, 3, 2, 1]);
        // Uneven ones, too; and where one is not known, but nothing is out of order.
        assert_eq!(at(&[0, 500, 20]).unwrap(), [0, 2, 1]);
        assert_eq!(at(&[0, 1000, 20, 1000]).unwrap(), [0, 1, 2, 3]);
        for wrong in [&[0, 80, 40, 40][..], &[0, 0], &[0, 80, 1000, 40]] {
            assert!(matches!(at(wrong), Err(Unfit::Order)), "{wrong:?}");
        }
    }

    #[test]
    fn a_rate_is_that_of_all_pictures_together() {
        let at =
            |millis: &[u64]| millis.iter().map(|at| gst::ClockTime::from_mseconds(*at)).collect::<Vec<_>>();
        assert_eq!(rate(&at(&[0, 33, 66, 100])).unwrap(), 30);
        assert_eq!(rate(&at(&[1000, 1100, 1150, 1400])).unwrap(), 8);
        for wrong in [&[][..], &[5], &[0, 5000], &[0, 5]] {
            assert!(matches!(rate(&at(wrong)), Err(Unfit::Rate)), "{wrong:?}");
        }
    }
}
