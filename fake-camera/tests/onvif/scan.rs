//! The appliance looks for cameras: ours is found, others who answer are told and left alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};

use fake_facts::Fact;

use super::NETWORK;
use super::place::{ADDRESS, Camera, Lines, PASSWORD, Place, USER, run};

/// A process that is killed when dropped.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody else who takes part in discovery.
fn publish(place: &Place, address: &str, name: [&str; 2], service: &str) -> Ends {
    let mut command = place.client_at(address, "publish.py", &[name[0], name[1], service]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = Lines::of(child.stdout.take().unwrap());
    let child = Ends(child);
    assert_eq!(lines.next("publisher"), "published");
    child
}

/// What the appliance says of its search: the streams by address, and why others are passed over.
fn scanned(place: &Place, password: &str) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let program = Path::new(env!("CARGO_BIN_EXE_fake-camera")).with_file_name("fake-appliance");
    assert!(program.exists(), "{} is missing: build the whole workspace", program.display());
    let mut command = place.wired("10.77.0.5", &program);
    command.args(["scan", "--user", USER, "--password-env", "TEST_PASSWORD"]).env("TEST_PASSWORD", password);
    let output = run(command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut found, mut passed, mut counted) = (BTreeMap::new(), BTreeMap::new(), None);
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        match fake_facts::read_line(line).unwrap().fact {
            Fact::Found { address, stream, .. } => drop(found.insert(address.to_string(), stream)),
            Fact::Failed { what, about, error } => {
                assert_eq!(what, "scan");
                passed.insert(about.unwrap(), error);
            }
            Fact::Scanned { cameras } => counted = Some(cameras),
            _ => {}
        }
    }
    assert_eq!(counted, Some(found.len()));
    (found, passed)
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_appliance_finds_the_camera_and_where_its_video_is() {
    let place = Place::new();
    // Its clock is an hour off: the appliance looks at it before it dates anything.
    let _camera = Camera::at(&place, &["--clock-offset", "3600"]);
    let stream = format!("rtsp://{ADDRESS}:554/stream");
    assert_eq!(scanned(&place, PASSWORD), (map(&[(ADDRESS, &stream)]), map(&[])));
    let refused = map(&[(ADDRESS, "refused: wrong user name or password")]);
    assert_eq!(scanned(&place, "wrong"), (map(&[]), refused));
}

#[test]
fn the_appliance_leaves_others_alone() {
    let place = Place::new();
    let _camera = Camera::at(&place, &[]);
    let camera = [NETWORK, "NetworkVideoTransmitter"];
    let _printer = publish(&place, "10.77.0.20", ["urn:printers", "Printer"], "http://10.77.0.20/print");
    let _foreign = publish(&place, "10.77.0.21", camera, "http://203.0.113.9/onvif/device_service");
    let _borrowed = publish(&place, "10.77.0.22", camera, "http://10.77.0.2/onvif/device_service");
    let _mute = publish(&place, "10.77.0.23", camera, "http://10.77.0.23:9/onvif/device_service");
    let (found, mut passed) = scanned(&place, PASSWORD);
    assert_eq!(found, map(&[(ADDRESS, &format!("rtsp://{ADDRESS}:554/stream"))]));
    let mute = passed.remove("10.77.0.23").unwrap();
    assert!(mute.contains("10.77.0.23:9 cannot be connected to"), "{mute}");
    let foreign = "the answer names no service of its own sender";
    let other = "what answers is no network video transmitter";
    assert_eq!(passed, map(&[("10.77.0.20", other), ("10.77.0.21", foreign), ("10.77.0.22", foreign)]));
}

/// Facts of an appliance that is commissioned by hand, with the camera's own address; it ends after fifteen frames.
fn commissioned(place: &Place, password: &str) -> (Ends, Lines) {
    let program = Path::new(env!("CARGO_BIN_EXE_fake-camera")).with_file_name("fake-appliance");
    let mut command = place.wired("10.77.0.5", &program);
    command.args(["pull", "--onvif", &format!("http://{ADDRESS}/onvif/device_service"), "--frames", "15"]);
    command.args(["--user", USER, "--password-env", "TEST_PASSWORD"]).env("TEST_PASSWORD", password);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = Lines::of(child.stdout.take().unwrap());
    (Ends(child), lines)
}

#[test]
fn a_camera_is_commissioned_by_its_own_address() {
    let place = Place::new();
    let _camera = Camera::at(&place, &["--clock-offset", "3600"]);
    let (_appliance, lines) = commissioned(&place, PASSWORD);
    let mut asked = Vec::new();
    let video = loop {
        match fake_facts::read_line(&lines.next("fact")).unwrap().fact {
            Fact::Connected { service, peer, .. } => asked.push(format!("{service} {peer}")),
            Fact::Video(video) if video.received >= 15 => break video,
            Fact::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    };
    assert_eq!(asked, [format!("onvif {ADDRESS}:80"), format!("rtsp {ADDRESS}:554")]);
    assert_eq!((video.id, video.lost, video.mismatched), (7, 0, 0), "{video:?}");

    let (_stranger, lines) = commissioned(&place, "wrong");
    let (what, error) = loop {
        match fake_facts::read_line(&lines.next("fact")).unwrap().fact {
            Fact::Failed { what, error, .. } => break (what, error),
            Fact::Connected { service, .. } => panic!("{service} lets a stranger in"),
            _ => {}
        }
    };
    assert_eq!(what, "onvif");
    assert!(error.contains("refused: wrong user name or password"), "{error}");
}
