//! One picture of each camera, small, for whoever reads the report.

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

/// Widest picture, pixels; larger ones are made smaller.
const WIDTH: i32 = 320;
/// Quality of the JPEG, 0 to 100.
const QUALITY: i32 = 70;
/// Longest JPEG, bytes: a fact is one line, and that has its bound.
const MOST: usize = 32 << 10;
/// Longest wait for it.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(10);

/// A decoded picture as JPEG. Errors, in words: an element is not there, or fails; the JPEG is too long.
pub(super) fn jpeg(sample: &gst::Sample) -> Result<Vec<u8>, String> {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let (Some(caps), Some(buffer)) = (sample.caps(), sample.buffer()) else {
        return Err("no picture".into());
    };
    let mut buffer = buffer.copy();
    buffer.make_mut().set_pts(gst::ClockTime::ZERO);
    let make = |element: &'static str| {
        gst::ElementFactory::make(element)
            .build()
            .map_err(|_| format!("`{element}` is missing (Debian: gstreamer1.0-plugins-base and -good)"))
    };
    let (scale, bounds, encoder) = (make("videoscale")?, make("capsfilter")?, make("jpegenc")?);
    bounds.set_property("caps", smaller(&caps.to_owned())?);
    encoder.set_property("quality", QUALITY);
    let source = gst_app::AppSrc::builder().caps(&caps.to_owned()).format(gst::Format::Time).build();
    let sink = gst_app::AppSink::builder().sync(false).build();
    let pipeline = gst::Pipeline::new();
    let all = [source.upcast_ref(), &scale, &bounds, &encoder, sink.upcast_ref()];
    pipeline.add_many(all).map_err(|error| failed(&error))?;
    gst::Element::link_many(all).map_err(|error| failed(&error))?;
    pipeline.set_state(gst::State::Playing).map_err(|error| failed(&error))?;
    let pushed = source.push_buffer(buffer).and_then(|_| source.end_of_stream());
    let made = sink.try_pull_sample(PATIENCE);
    let stopped = pipeline.set_state(gst::State::Null);
    pushed.map_err(|error| failed(&error))?;
    stopped.map_err(|error| failed(&error))?;
    let made = made.ok_or("no picture came out")?;
    let made = made.buffer().ok_or("no picture came out")?;
    let jpeg = made.map_readable().map_err(|error| failed(&error))?.to_vec();
    if jpeg.len() > MOST { Err(format!("it has {} bytes", jpeg.len())) } else { Ok(jpeg) }
}

/// The size that it gets, in the same proportion.
fn smaller(caps: &gst::Caps) -> Result<gst::Caps, String> {
    let of =
        |name| caps.structure(0).and_then(|caps| caps.get::<i32>(name).ok()).filter(|pixels| *pixels > 0);
    let (Some(width), Some(height)) = (of("width"), of("height")) else { return Err("no size".into()) };
    let (wide, high) = if width > WIDTH { (WIDTH, height * WIDTH / width) } else { (width, height) };
    let size = gst::Caps::builder("video/x-raw").field("width", wide).field("height", high.max(2) & !1);
    Ok(size.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize) -> gst::Sample {
        gst::init().unwrap();
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("width", width as i32)
            .field("height", height as i32)
            .field("framerate", gst::Fraction::new(5, 1))
            .build();
        let buffer = gst::Buffer::from_mut_slice(vec![100; width * height * 3 / 2]);
        gst::Sample::builder().caps(&caps).buffer(&buffer).build()
    }

    /// Height and width of a JPEG (ITU-T T.81, B.2.2).
    fn size(jpeg: &[u8]) -> (u16, u16) {
        let frame = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        let of = |at: usize| u16::from_be_bytes([jpeg[frame + at], jpeg[frame + at + 1]]);
        (of(7), of(5))
    }

    #[test]
    fn a_picture_is_made_small_and_no_larger() {
        assert_eq!(size(&jpeg(&picture(640, 360)).unwrap()), (320, 180));
        assert_eq!(size(&jpeg(&picture(1920, 1080)).unwrap()), (320, 180));
        assert_eq!(size(&jpeg(&picture(320, 176)).unwrap()), (320, 176));
        assert!(jpeg(&gst::Sample::builder().build()).is_err());
    }
}
