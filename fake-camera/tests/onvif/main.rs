//! The camera as clients of ONVIF see it that nobody here wrote: the packages onvif-python and WSDiscovery.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

mod http;
#[path = "../support/letters.rs"]
mod letters;
mod place;
mod scan;

use std::process::Stdio;

use base64::Engine as _;
use fake_camera::identity::PictureCode;
use fake_facts::Fact;
use place::{ADDRESS, Camera, Lines, PASSWORD, Place, USER, run};
use serde_json::{Value, json};

const NETWORK: &str = "http://www.onvif.org/ver10/network/wsdl";

fn walked(place: &Place, kind: &str) -> Value {
    place.asked("walk.py", &[ADDRESS, "80", kind, USER, PASSWORD])
}

#[test]
fn a_client_walks_through_device_and_media_services() {
    let place = Place::new();
    let camera = Camera::at(&place, &["--size", "640x360", "--fps", "15"]);
    let said = walked(&place, "wsse");
    let accepted = camera.wait("accepted", |fact| match fact {
        Fact::Accepted { service, identity, .. } if service == "onvif" => Some(identity.clone()),
        _ => None,
    });
    assert_eq!(accepted, USER);
    assert_eq!(said["GetDeviceInformation"]["Model"], "fake-camera");
    assert_eq!(said["GetDeviceInformation"]["SerialNumber"], "7");
    assert_eq!(said["GetHostname"]["Name"], "dock-1");
    let interface = &said["GetNetworkInterfaces"][0];
    assert_eq!(interface["Info"]["Name"], "br0");
    assert_eq!(interface["IPv4"]["Config"]["Manual"][0], json!({ "Address": ADDRESS, "PrefixLength": 24 }));
    assert_eq!(said["GetCapabilities"]["Media"]["XAddr"], format!("http://{ADDRESS}:80/onvif/media_service"));
    let services: Vec<_> =
        said["GetServices"].as_array().unwrap().iter().map(|one| &one["Namespace"]).collect();
    assert_eq!(services.len(), 3, "{services:?}");
    assert_eq!(said["SetHostname"], json!({ "refused": ["ActionNotSupported"] }));
    assert_eq!(said["media.GetVideoSources"][0]["Resolution"], json!({ "Width": 640, "Height": 360 }));
    let encoder = &said["media.GetProfiles"][0]["VideoEncoderConfiguration"];
    assert_eq!(
        (&encoder["Encoding"], &encoder["RateControl"]["FrameRateLimit"]),
        (&json!("H264"), &json!(15))
    );
    assert_eq!(said["media.GetStreamUri UDP"], json!({ "refused": ["InvalidArgVal", "InvalidStreamSetup"] }));
    let stream = format!("rtsp://{ADDRESS}:554/stream");
    assert_eq!(said["media.GetStreamUri RTSP"]["Uri"], stream);
    assert_eq!(said["media2.GetStreamUri"], stream);
    assert_eq!(said["media2.GetProfiles"][0]["Configurations"]["VideoEncoder"]["Encoding"], "H264");
    let refused: Vec<_> =
        said.as_object().unwrap().iter().filter(|(_, said)| said.get("refused").is_some()).collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
}

#[test]
fn the_stream_that_is_told_plays_and_the_picture_is_the_cameras() {
    let place = Place::new();
    let _camera = Camera::at(&place, &["--size", "640x360"]);
    let said = walked(&place, "digest");
    let stream = said["media.GetStreamUri RTSP"]["Uri"].as_str().unwrap();
    let url = stream.replace("rtsp://", &format!("rtsp://{USER}:{}@", PASSWORD.replace(' ', "%20")));
    let mut probe = place.beside("ffprobe");
    probe.args(["-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=codec_name,width,height"]);
    let probed = run({
        probe.args(["-of", "csv=p=0", &url]);
        probe
    });
    assert_eq!(String::from_utf8_lossy(&probed.stdout).trim(), "h264,640,360");
    let snapshot = &said["snapshot"];
    assert_eq!(
        (&snapshot["without"], &snapshot["with"], &snapshot["type"]),
        (&json!(401), &json!(200), &json!("image/jpeg"))
    );
    let jpeg = base64::engine::general_purpose::STANDARD.decode(snapshot["jpeg"].as_str().unwrap()).unwrap();
    let code = http::code(&jpeg);
    assert_eq!(code.camera, 7);
    let words = http::words(&jpeg, letters::told(code.index).len());
    let [name, line] = &words[..] else { panic!("two lines, not {words:?}") };
    assert_eq!((letters::alike(name), letters::picture_told(line)), (letters::alike("dock-1"), code.index));
}

#[test]
fn further_streams_and_ways_are_told_to_a_client() {
    let place = Place::new();
    let sub = "path=/sub,codec=mjpeg,size=320x240,fps=5";
    let camera = ["--codec", "h265", "--stream", sub, "--transport", "tcp,udp"];
    let _camera = Camera::at(&place, &camera);
    let said = walked(&place, "wsse");
    let profiles = said["media.GetProfiles"].as_array().unwrap();
    assert_eq!(profiles.len(), 1, "the first media service has no word for H.265: {profiles:?}");
    assert_eq!(profiles[0]["VideoEncoderConfiguration"]["Encoding"], "JPEG");
    assert_eq!(said["media.GetStreamUri UDP"]["Uri"], format!("rtsp://{ADDRESS}:554/sub"));
    let encodings = said["media2.GetProfiles"].as_array().unwrap().iter();
    let encodings: Vec<_> = encodings.map(|one| &one["Configurations"]["VideoEncoder"]["Encoding"]).collect();
    assert_eq!(encodings, ["H265", "JPEG"]);
}

#[test]
fn a_wrong_password_and_a_wrong_clock_are_refused() {
    let place = Place::new();
    let camera = Camera::at(&place, &[]);
    let refused = json!({ "refused": ["NotAuthorized"] });
    let said = place.asked("walk.py", &[ADDRESS, "80", "wsse", USER, "wrong"]);
    assert_eq!((&said["GetDeviceInformation"], &said["media.GetProfiles"]), (&refused, &refused));
    assert!(said["GetSystemDateAndTime"]["UTCDateTime"]["Date"]["Year"].is_u64(), "{said}");
    let reason = |fact: &Fact| match fact {
        Fact::Refused { service, reason, .. } if service == "onvif" => Some(reason.clone()),
        _ => None,
    };
    assert_eq!(camera.wait("refused", reason), "wrong user name or password");
    for way in ["wsse", "digest"] {
        let said = place.asked("walk.py", &[ADDRESS, "80", way, &format!("viewer-of-{way}"), PASSWORD]);
        assert_eq!(said["GetDeviceInformation"], refused, "{way}");
        let misnamed = |fact: &Fact| match fact {
            Fact::Misnamed { user, .. } if user.ends_with(way) => Some(user.clone()),
            _ => None,
        };
        assert_eq!(camera.wait("misnamed", misnamed), format!("viewer-of-{way}"));
    }
    drop(camera);
    let camera = Camera::at(&place, &["--clock-offset", "-3600"]);
    let said = walked(&place, "wsse");
    assert_eq!((&said["GetDeviceInformation"], &said["media.GetProfiles"]), (&refused, &refused));
    let reason = camera.wait("refused", reason);
    assert!(reason.contains("the camera's clock"), "{reason}");
    // HTTP's digest has nothing to do with the time.
    assert_eq!(walked(&place, "digest")["GetDeviceInformation"]["Model"], "fake-camera");
}

#[test]
fn a_probe_finds_the_camera_by_type_and_scope_and_no_other_thing() {
    let place = Place::new();
    let camera = Camera::at(&place, &[]);
    assert_eq!(
        camera.listens(),
        ["rtsp/tcp 10.77.0.2:554", "onvif/tcp 10.77.0.2:80", "discovery/udp 10.77.0.2:3702"]
    );
    let found = place.asked("discover.py", &["probe", NETWORK, "NetworkVideoTransmitter"]);
    let found = &found.as_array().unwrap()[0];
    assert_eq!(found["services"], json!([format!("http://{ADDRESS}:80/onvif/device_service")]));
    assert!(found["endpoint"].as_str().unwrap().starts_with("urn:uuid:"));
    assert!(found["scopes"].as_array().unwrap().contains(&json!("onvif://www.onvif.org/name/dock-1")));
    let scoped = |word, scope| place.asked("discover.py", &[word, NETWORK, "NetworkVideoTransmitter", scope]);
    assert_eq!(scoped("probe", "onvif://www.onvif.org/Profile/Streaming"), json!([found]));
    assert_eq!(scoped("none", "onvif://www.onvif.org/name/dock-2"), json!([]));
    assert_eq!(place.asked("discover.py", &["none", "urn:printers", "Printer"]), json!([]));
}

#[test]
fn a_camera_says_when_it_comes_and_goes() {
    let place = Place::new();
    let mut watching = place.client("discover.py", &["watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = Lines::of(watching.stdout.take().unwrap());
    assert_eq!(lines.next("start"), "watching");
    let mut camera = Camera::at(&place, &[]);
    let hello: Value = serde_json::from_str(&lines.next("Hello")).unwrap();
    assert_eq!(hello[0], "hello");
    assert_eq!(hello[1]["services"], json!([format!("http://{ADDRESS}:80/onvif/device_service")]));
    camera.terminate();
    let bye: Value = serde_json::from_str(&lines.next("Bye")).unwrap();
    assert_eq!(bye, json!(["bye", hello[1]["endpoint"]]));
    assert!(watching.wait().unwrap().success());
}

#[test]
fn a_hidden_camera_is_found_by_nobody() {
    let place = Place::new();
    let camera = Camera::at(&place, &["--hidden"]);
    assert_eq!(camera.listens(), ["rtsp/tcp 10.77.0.2:554", "onvif/tcp 10.77.0.2:80"]);
    assert_eq!(place.asked("discover.py", &["none", NETWORK, "NetworkVideoTransmitter"]), json!([]));
    assert_eq!(walked(&place, "wsse")["GetHostname"]["Name"], "dock-1");
}

#[test]
fn the_picture_goes_on_while_nobody_watches() {
    let camera = Camera::on_loopback();
    let index = || -> u16 {
        let answer = http::get(camera.socket("onvif"), "/onvif/snapshot?profile=main");
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("image/jpeg")));
        let PictureCode { camera, index } = http::code(&answer.body);
        assert_eq!(camera, 7);
        index
    };
    let first = index();
    // Thirty pictures at fifteen a second: one of a hundred tries hits another one, however fast they are.
    assert!((0..100).any(|_| index() != first));
}

#[test]
fn what_is_not_for_a_service_has_its_status() {
    let camera = Camera::on_loopback();
    let at = camera.socket("onvif");
    let status = |method: &str, path: &str, body: &str| http::ask(at, method, path, body).status;
    assert_eq!(status("GET", "/", ""), 404);
    assert_eq!(status("GET", "/onvif/snapshot?profile=other", ""), 404);
    assert_eq!(http::ask(at, "GET", "/onvif/device_service", "").header("Allow"), Some("POST"));
    assert_eq!(status("DELETE", "/onvif/snapshot", ""), 405);
    assert_eq!(status("POST", "/onvif/device_service", &"x".repeat(65_537)), 413);
    let fault = http::ask(at, "POST", "/onvif/device_service", "no XML");
    assert_eq!(fault.status, 400);
    assert!(String::from_utf8_lossy(&fault.body).contains("ter:WellFormed"));
    // Old clients know headers by their usual spelling only, and no chunks.
    assert!(
        fault.head.contains("\r\nContent-Length: ")
            && fault.head.contains("\r\nContent-Type: application/soap+xml")
    );
    assert!(!fault.head.to_ascii_lowercase().contains("chunked"));
}
