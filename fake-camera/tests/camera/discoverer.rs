//! The camera as GStreamer's own discoverer sees it, by each codec and transport.

use std::process::Output;

use crate::support::CameraProcess;

const PROGRAM: &str = "gst-discoverer-1.0";
/// What each codec is called, and how it comes out.
const CODECS: [(&str, &str); 3] =
    [("h264", "video/x-h264"), ("h265", "video/x-h265"), ("mjpeg", "image/jpeg")];

/// What was found has this codec, size and rate.
fn assert_found(found: &Output, caps: &str, what: &str) {
    let said = String::from_utf8_lossy(&found.stdout);
    let whole = format!("{said}{}", String::from_utf8_lossy(&found.stderr));
    assert!(found.status.success(), "{what}: {whole}");
    for wanted in [caps, "Width: 320", "Height: 176", "Frame rate: 10/1"] {
        assert!(said.contains(wanted), "{what}: no {wanted} in {whole}");
    }
}

fn settings<'a>(codec: &'a str, transport: &'a str) -> [&'a str; 10] {
    ["--id", "1", "--codec", codec, "--size", "320x176", "--fps", "10", "--transport", transport]
}

#[test]
fn each_codec_is_discovered_by_tcp_and_udp() {
    for (codec, caps) in CODECS {
        let camera = CameraProcess::start(&settings(codec, "tcp,udp"));
        // The scheme says by which transport alone.
        for scheme in ["rtspt", "rtspu"] {
            let url = camera.url().replace("rtsp://", &format!("{scheme}://"));
            let found = std::process::Command::new(PROGRAM).args(["-v", &url]).output();
            let found = found.unwrap_or_else(|error| {
                panic!("`{PROGRAM}` (Debian: gstreamer1.0-plugins-base-apps) cannot be run: {error}")
            });
            assert_found(&found, caps, &format!("{codec} by {scheme}"));
        }
    }
}

#[test]
fn each_codec_is_discovered_by_multicast() {
    for (codec, caps) in CODECS {
        let camera = CameraProcess::apart(&settings(codec, "multicast"));
        let found = camera.client(PROGRAM, &["-v", "-t", "30", &camera.url()]);
        assert_found(&found, caps, &format!("{codec} by multicast"));
    }
}
