//! The binary as an operator of the fake cloud: an update that an appliance carries out, and calls that nobody may make.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fake_cloud::cloud::{self, Running};
use fake_cloud::settings::{Settings, Wrong};
use fake_facts::{Fact, Teller, read_line};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// A cloud whose thing `app` is a device, and whose sessions end after three seconds.
async fn start(dir: &Path, believed: &[Wrong], stop: &CancellationToken) -> Running {
    let settings = Settings {
        https_port: 0,
        dns_port: 0,
        ntp_port: 0,
        devices: vec!["app".into()],
        monitor_every: Duration::from_millis(200),
        sessions_seconds: Some(3),
        signatures_seconds: Some(2),
        believed: believed.to_vec(),
        ..Settings::on_loopback(dir.to_owned())
    };
    let running =
        cloud::start(&settings, Teller::new(Box::new(std::io::sink())), stop.clone()).await.unwrap();
    // At `localhost` the path names the bucket, and no access point does.
    std::fs::create_dir(dir.join("objects").join("operators")).unwrap();
    running
}

/// `client.json` with every service at `localhost`.
fn client(dir: &Path, running: &Running) -> PathBuf {
    let mut client = serde_json::to_value(&running.client).unwrap();
    for (_, endpoint) in client["endpoints"].as_object_mut().unwrap() {
        *endpoint = "localhost".into();
    }
    let file = dir.join("client.json");
    std::fs::write(&file, client.to_string()).unwrap();
    file
}

fn appliance(dir: &Path, client: &Path, running: &Running) -> Child {
    let thing = &running.client.things["app"];
    let cloud = json!({ "client_file": client, "thing": "app", "cert": thing.certificate, "key": thing.key });
    let file = dir.join("appliance.json");
    std::fs::write(&file, json!({ "name": "app", "cloud": cloud }).to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-appliance"));
    command.args(["run", "--config"]).arg(file).stdout(Stdio::null()).spawn().unwrap()
}

/// A call as it was answered.
#[derive(Debug)]
struct Called {
    /// `service/form`
    place: String,
    operation: String,
    wrong: String,
    status: u16,
    code: Option<String>,
    software: Option<String>,
}

type Calls = Vec<Called>;

/// Has an operator carry orders out, each to its end.
fn operate(client: &Path, orders: &[&str]) -> Vec<Calls> {
    let mut operator = Command::new(env!("CARGO_BIN_EXE_fake-appliance"))
        .args(["operate", "--sessions", "--client"])
        .arg(client)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut says = operator.stdin.take().unwrap();
    let mut told = BufReader::new(operator.stdout.take().unwrap()).lines();
    let mut all = Vec::new();
    for kind in orders {
        let order = json!({
            "order": "o", "do": kind, "device": "app", "version": "9.9.9", "within_ms": 20_000,
            "at": ["panorama", "monitoring", "logs", "s3"], "signatures_ms": 2000,
        });
        writeln!(says, "{order}").unwrap();
        let mut calls = Calls::new();
        loop {
            match read_line(&told.next().unwrap().unwrap()).unwrap().fact {
                Fact::Called { service, form, operation, wrong, status, code, said, .. } => {
                    let (place, software) =
                        (format!("{service}/{form}"), said.get("CurrentSoftware").cloned());
                    calls.push(Called { place, operation, wrong, status, code, software });
                }
                Fact::CallsOver { .. } => break,
                Fact::Failed { error, .. } => panic!("{kind}: {error}"),
                _ => {}
            }
        }
        all.push(calls);
    }
    operator.kill().unwrap();
    operator.wait().unwrap();
    all
}

/// How wrong calls of this kind were answered, in the order of their places.
fn refused<'a>(calls: &'a Calls, wrong: &str) -> Vec<(&'a str, u16, &'a str)> {
    let wrong = calls.iter().filter(|call| call.wrong == wrong);
    { wrong }
        .map(|call| (call.place.as_str(), call.status, call.code.as_deref().unwrap_or_default()))
        .collect()
}

/// Status and code of a wrong call, at Panorama, CloudWatch in its three forms, its logs, and S3.
fn everywhere(
    json: &'static str,
    query: &'static str,
    s3: (u16, &'static str),
) -> Vec<(&'static str, u16, &'static str)> {
    vec![
        ("panorama/rest-json", 403, json),
        ("monitoring/json", 400, json),
        ("monitoring/cbor", 400, json),
        ("monitoring/query", 403, query),
        ("logs/json", 400, json),
        ("s3/xml", s3.0, s3.1),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_called_for_done_and_known_and_wrong_calls_are_refused() {
    let dir = tempfile::TempDir::new().unwrap();
    let stop = CancellationToken::new();
    let running = start(&dir.path().join("cloud"), &[], &stop).await;
    let client = client(dir.path(), &running);
    let mut app = appliance(dir.path(), &client, &running);
    let orders = ["update", "unsigned", "altered", "late", "expired", "scope", "kept"];
    let seen = tokio::task::spawn_blocking(move || operate(&client, &orders)).await;
    app.kill().unwrap();
    app.wait().unwrap();
    let seen = seen.unwrap();
    let operations: Vec<_> = seen[0].iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(operations.first(), Some(&"AssumeRole"), "{operations:?}");
    assert!(operations.contains(&"CreateJobForDevices") && operations.contains(&"DescribeDeviceJob"));
    assert_eq!(seen[0].last().unwrap().software.as_deref(), Some("9.9.9"), "{:?}", seen[0]);
    // Unsigned, what is said to `localhost` is for S3: no place tells.
    assert_eq!(refused(&seen[1], "unsigned").last(), Some(&("s3/xml", 403, "AccessDenied")));
    let invalid = |s3| everywhere("InvalidSignatureException", "SignatureDoesNotMatch", s3);
    assert_eq!(refused(&seen[2], "altered"), invalid((403, "SignatureDoesNotMatch")));
    assert_eq!(refused(&seen[3], "late"), invalid((403, "RequestTimeTooSkewed")));
    let ended = everywhere("ExpiredTokenException", "ExpiredToken", (400, "ExpiredToken"));
    assert_eq!(refused(&seen[4], "expired"), ended);
    assert_eq!(refused(&seen[5], "region"), invalid((400, "AuthorizationHeaderMalformed")));
    assert_eq!(refused(&seen[6], "kept"), invalid((403, "RequestTimeTooSkewed")));
    let right = |calls: &Calls| {
        let right = calls.iter().filter(|call| call.wrong.is_empty() && call.operation != "AssumeRole");
        assert!(right.clone().all(|call| call.status == 200), "{calls:?}");
        right.count()
    };
    // After a session has ended a new one is taken.
    assert_eq!(seen[1..].iter().map(right).collect::<Vec<_>>(), [6, 6, 6, 12, 6, 6]);
    stop.cancel();
    running.finish("told to").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_looks_at_less_believes_them() {
    let dir = tempfile::TempDir::new().unwrap();
    let stop = CancellationToken::new();
    let believed = [Wrong::Unsigned, Wrong::Altered, Wrong::Late, Wrong::Expired, Wrong::Scope];
    let running = start(&dir.path().join("cloud"), &believed, &stop).await;
    let client = client(dir.path(), &running);
    let orders = ["unsigned", "altered", "late", "expired", "scope"];
    let seen = tokio::task::spawn_blocking(move || operate(&client, &orders)).await.unwrap();
    let good = |call: &(&str, u16, &str)| (call.1, call.2) == (200, "");
    // Unsigned, what is said to `localhost` is for S3: no place tells.
    assert_eq!(refused(&seen[0], "unsigned").last(), Some(&("s3/xml", 200, "")));
    for (calls, wrong) in seen[1..].iter().zip(["altered", "late", "expired", "region"]) {
        let calls = refused(calls, wrong);
        assert!(calls.len() == 6 && calls.iter().all(good), "{wrong}: {calls:?}");
    }
    stop.cancel();
    running.finish("told to").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_takes_again_what_it_has_taken_believes_what_is_kept_alone() {
    let dir = tempfile::TempDir::new().unwrap();
    let stop = CancellationToken::new();
    let running = start(&dir.path().join("cloud"), &[Wrong::Kept], &stop).await;
    let client = client(dir.path(), &running);
    let seen = tokio::task::spawn_blocking(move || operate(&client, &["late", "kept"])).await.unwrap();
    assert!(refused(&seen[0], "late").iter().all(|call| call.1 >= 400));
    let kept: Vec<_> = refused(&seen[1], "kept").iter().map(|call| (call.0, call.1)).collect();
    let taken = |place| (place, if place == "logs/json" { 400 } else { 200 });
    let places = everywhere("", "", (0, ""));
    // A log group is there already.
    assert_eq!(kept, places.iter().map(|place| taken(place.0)).collect::<Vec<_>>());
    stop.cancel();
    running.finish("told to").await;
}
