//! What was said to the cloud can be read in Wireshark, with nothing but the capture.

use std::path::Path;
use std::process::Command;

use crate::support::{ONE_RUN, Place, assert_judged_alike, say, scenarios};

/// The values of a field in the packets that a filter lets through; complaints are failures.
#[track_caller]
fn fields(capture: &Path, options: &[&str], filter: &str, field: &str) -> Vec<String> {
    let mut tshark = Command::new("tshark");
    tshark.arg("-n").arg("-r").arg(capture).args(options).args(["-Y", filter, "-T", "fields", "-e", field]);
    let output = tshark.output().expect("tshark (Debian package tshark) must be installed for this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn sessions_with_the_cloud_can_be_read_with_the_capture_alone() {
    let place = Place::new();
    let site = place.bring(&scenarios());
    let said = say(place.run(&site.join("t2-hub.yaml")), ONE_RUN).expect_code(0);
    let [folder] = &place.run_folders()[..] else { panic!("one run: {said}") };
    assert_judged_alike(&place, folder);
    let capture = folder.join("capture.pcapng");

    let hosts = fields(&capture, &[], "http.request", "http.host");
    for host in ["logs.eu-west-1.amazonaws.com", "monitoring.eu-west-1.amazonaws.com"] {
        assert!(hosts.iter().any(|asked| asked == host), "no {host} in {hosts:?}");
    }
    // Wireshark does not know which of the protocols on this port is MQTT.
    let as_mqtt = ["-d", "tls.port==443,mqtt"];
    let topics = fields(&capture, &as_mqtt, "mqtt.msgtype == 3", "mqtt.topic");
    let answers =
        |topic: &&String| topic.starts_with("$aws/things/app/jobs/") && topic.ends_with("/update/accepted");
    assert!(topics.iter().any(|topic| answers(&topic)), "no job that was done in {topics:?}");
}
