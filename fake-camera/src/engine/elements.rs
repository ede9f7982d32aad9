//! The GStreamer elements that the camera is made of, and where Debian has them.

use fake_facts::program::Missing;
use gstreamer as gst;

use crate::codec::Codec;

const BASE: [Missing; 2] = [
    Missing { element: "appsrc", package: "gstreamer1.0-plugins-base" },
    Missing { element: "appsink", package: "gstreamer1.0-plugins-base" },
];

/// Encoder of a codec.
pub(super) const fn encoder(codec: Codec) -> Missing {
    match codec {
        Codec::H264 => Missing { element: "x264enc", package: "gstreamer1.0-plugins-ugly" },
        Codec::H265 => Missing { element: "x265enc", package: "gstreamer1.0-plugins-bad" },
        Codec::Mjpeg => Missing { element: "jpegenc", package: "gstreamer1.0-plugins-good" },
    }
}

/// What puts a codec's pictures into RTP packets.
pub(super) const fn payloader(codec: Codec) -> Missing {
    let element = match codec {
        Codec::H264 => "rtph264pay",
        Codec::H265 => "rtph265pay",
        Codec::Mjpeg => "rtpjpegpay",
    };
    Missing { element, package: "gstreamer1.0-plugins-good" }
}

/// What reads the bounds of a codec's pictures out of a recording.
pub(super) const fn parser(codec: Codec) -> Missing {
    let element = match codec {
        Codec::H264 => "h264parse",
        Codec::H265 => "h265parse",
        Codec::Mjpeg => "jpegparse",
    };
    Missing { element, package: "gstreamer1.0-plugins-bad" }
}

/// What makes a still of a recording's picture; nothing where each is one.
pub(super) fn to_decode(codec: Codec) -> Vec<Missing> {
    let decoder = match codec {
        Codec::H264 => "avdec_h264",
        Codec::H265 => "avdec_h265",
        Codec::Mjpeg => return Vec::new(),
    };
    let decoder = Missing { element: decoder, package: "gstreamer1.0-libav" };
    let convert = Missing { element: "videoconvert", package: "gstreamer1.0-plugins-base" };
    [&BASE[..], &[parser(codec), decoder, convert, encoder(Codec::Mjpeg)]].concat()
}

/// What making a clip takes.
pub(super) fn to_encode(codec: Codec) -> Vec<Missing> {
    [BASE.as_slice(), &[encoder(codec)]].concat()
}

/// What serving one takes.
pub(super) fn to_serve(codec: Codec) -> Vec<Missing> {
    let rtpbin = Missing { element: "rtpbin", package: "gstreamer1.0-plugins-good" };
    [BASE.as_slice(), &[payloader(codec), rtpbin]].concat()
}

/// What sending it to whom did not ask takes.
pub(super) fn to_push() -> [Missing; 1] {
    [Missing { element: "udpsink", package: "gstreamer1.0-plugins-good" }]
}

/// What a picture for a still takes.
pub(super) fn to_photograph() -> Vec<Missing> {
    to_encode(Codec::Mjpeg)
}

/// Finds the first of these elements that is not there.
pub(super) fn require(elements: &[Missing]) -> Result<(), Missing> {
    match elements.iter().find(|wanted| gst::ElementFactory::find(wanted.element).is_none()) {
        Some(missing) => Err(missing.clone()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_element_is_named_with_its_package() {
        gst::init().unwrap();
        let unheard_of = Missing { element: "nosuchelement", package: "gstreamer1.0-nosuch" };
        let message = require(&[unheard_of]).unwrap_err().to_string();
        assert!(message.contains("nosuchelement") && message.contains("gstreamer1.0-nosuch"), "{message}");
    }

    #[test]
    fn this_machine_has_what_the_camera_takes() {
        gst::init().unwrap();
        for codec in Codec::ALL {
            assert_eq!(require(&to_encode(codec)), Ok(()));
            assert_eq!(require(&to_serve(codec)), Ok(()));
            assert_eq!(require(&[parser(codec)]), Ok(()));
            assert_eq!(require(&to_decode(codec)), Ok(()));
        }
    }
}
