//! The GStreamer elements that the camera is made of, and where Debian has them.

use fake_facts::program::Missing;
use gstreamer as gst;

/// What making a clip takes.
pub(super) const TO_ENCODE: &[Missing] = &[
    Missing { element: "appsrc", package: "gstreamer1.0-plugins-base" },
    Missing { element: "appsink", package: "gstreamer1.0-plugins-base" },
    Missing { element: "x264enc", package: "gstreamer1.0-plugins-ugly" },
];

/// What serving one takes.
pub(super) const TO_SERVE: &[Missing] = &[
    Missing { element: "appsrc", package: "gstreamer1.0-plugins-base" },
    Missing { element: "appsink", package: "gstreamer1.0-plugins-base" },
    Missing { element: "rtph264pay", package: "gstreamer1.0-plugins-good" },
    Missing { element: "rtpbin", package: "gstreamer1.0-plugins-good" },
];

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
        assert_eq!(require(TO_ENCODE), Ok(()));
        assert_eq!(require(TO_SERVE), Ok(()));
    }
}
