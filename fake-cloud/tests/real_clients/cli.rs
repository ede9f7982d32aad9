//! The cloud as the AWS command line sees it, in a shell that has read what `fake-cloud serve` prints.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Fake, interpreter, run, text};

/// Runs `aws` with these arguments in such a shell.
fn said(cloud: &Fake, arguments: &[&str]) -> (bool, String) {
    let mut shell = Command::new("sh");
    shell.args(["-c", ". \"$1\" && shift && exec \"$0\" -m awscli \"$@\""]);
    shell.arg(interpreter()).arg(cloud.folder().join("env.sh")).args(arguments);
    shell.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", cloud.dir.path());
    shell.env("PYTHONDONTWRITEBYTECODE", "1").env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_PAGER", "");
    let output = run(&mut shell, "sh", "any POSIX shell");
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

/// What it says when it succeeds.
fn aws(cloud: &Fake, arguments: &[&str]) -> String {
    let (success, said) = said(cloud, arguments);
    assert!(success, "aws {arguments:?}: {said}");
    said
}

/// The same, where that is JSON.
fn asked(cloud: &Fake, arguments: &[&str]) -> Value {
    let said = aws(cloud, arguments);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("aws {arguments:?}: {error}: {said}"))
}

#[test]
fn files_are_copied_listed_and_removed() {
    let cloud = Fake::bare(&[]);
    let (file, back) = (cloud.dir.path().join("file"), cloud.dir.path().join("back"));
    // Larger than the 8 MiB beyond which it sends parts.
    let content: Vec<u8> = (0..9 << 20).map(|place: u32| (place / 7) as u8).collect();
    std::fs::write(&file, &content).unwrap();
    let (file, back_at) = (file.to_str().unwrap(), back.to_str().unwrap());
    aws(&cloud, &["s3", "mb", "s3://shell"]);
    aws(&cloud, &["s3", "cp", "--no-progress", file, "s3://shell/folder/key"]);
    let listed = aws(&cloud, &["s3", "ls", "s3://shell/folder/"]);
    let columns: Vec<&str> = listed.split_whitespace().skip(2).collect();
    assert_eq!(columns, ["9437184", "key"], "{listed}");
    aws(&cloud, &["s3", "cp", "--no-progress", "s3://shell/folder/key", back_at]);
    assert!(std::fs::read(&back).unwrap() == content, "what came back is what was sent");
    aws(&cloud, &["s3", "rm", "s3://shell/folder/key"]);
    let (success, said) = said(&cloud, &["s3", "ls", "s3://shell/folder/"]);
    assert!(!success && !said.contains("key"), "{said}");
}

#[test]
fn metrics_and_logs_are_written_and_read() {
    let cloud = Fake::bare(&[]);
    let metric = ["--namespace=Shell", "--metric-name=FromShell"];
    aws(&cloud, &[&["cloudwatch", "put-metric-data", "--value=1"], &metric[..]].concat());
    let listed = asked(&cloud, &[&["cloudwatch", "list-metrics"], &metric[..]].concat());
    assert_eq!(listed["Metrics"][0]["MetricName"], "FromShell", "{listed}");
    let stream = ["--log-group-name=shell", "--log-stream-name=stream"];
    aws(&cloud, &["logs", "create-log-group", stream[0]]);
    aws(&cloud, &[&["logs", "create-log-stream"], &stream[..]].concat());
    let events = "--log-events=timestamp=1790000000000,message=from-a-shell";
    let (success, refused) = said(&cloud, &[&["logs", "put-log-events", events], &stream[..]].concat());
    assert!(success, "{refused}");
    let (success, refused) = said(&cloud, &[&["logs", "create-log-stream"], &stream[..]].concat());
    assert!(!success && refused.contains("(ResourceAlreadyExistsException)"), "{refused}");
}

#[test]
fn it_knows_who_it_is_and_what_devices_there_are() {
    let cloud = Fake::bare(&[]);
    assert_eq!(asked(&cloud, &["sts", "get-caller-identity"])["Account"], "123456789012");
    let things = asked(&cloud, &["iot", "list-things"]);
    assert_eq!(things["things"][0]["thingName"], "app", "{things}");
    aws(&cloud, &["iot-data", "publish", "--topic=shell", "--qos=1", "--payload=aGVsbG8="]);
    let jobs = asked(&cloud, &["iot-jobs-data", "get-pending-job-executions", "--thing-name=app"]);
    assert_eq!(jobs, json!({ "inProgressJobs": [], "queuedJobs": [] }));
    let made = asked(&cloud, &["panorama", "provision-device", "--name=dock"]);
    let listed = asked(&cloud, &["panorama", "list-devices"]);
    assert_eq!(listed["Devices"][0]["DeviceId"], made["DeviceId"], "{listed}");
    let (success, refused) = said(&cloud, &["panorama", "describe-device", "--device-id=none"]);
    assert!(!success && refused.contains("(ResourceNotFoundException)"), "{refused}");
}
