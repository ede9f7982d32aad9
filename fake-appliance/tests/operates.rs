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
        believed: believed.to_vec(),
        ..Settings::on_loopback(dir.to_owned())
    };
    cloud::start(&settings, Teller::new(Box::new(std::io::sink())), stop.clone()).await.unwrap()
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

/// Calls as they were answered: operation, status, the error's code, and the software that is told.
type Calls = Vec<(String, u16, Option<String>, Option<String>)>;

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
        let order =
            json!({ "order": "o", "do": kind, "device": "app", "version": "9.9.9", "within_ms": 20_000 });
        writeln!(says, "{order}").unwrap();
        let mut calls = Calls::new();
        loop {
            match read_line(&told.next().unwrap().unwrap()).unwrap().fact {
                Fact::Called { operation, status, code, said, .. } => {
                    calls.push((operation, status, code, said.get("CurrentSoftware").cloned()));
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

fn refused(calls: &Calls) -> (u16, Option<&str>) {
    let call = calls.iter().find(|(operation, ..)| operation == "UpdateDeviceMetadata").unwrap();
    (call.1, call.2.as_deref())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_called_for_done_and_known_and_wrong_calls_are_refused() {
    let dir = tempfile::TempDir::new().unwrap();
    let stop = CancellationToken::new();
    let running = start(&dir.path().join("cloud"), &[], &stop).await;
    let client = client(dir.path(), &running);
    let mut app = appliance(dir.path(), &client, &running);
    let orders = ["update", "altered", "late", "expired"];
    let seen = tokio::task::spawn_blocking(move || operate(&client, &orders)).await;
    app.kill().unwrap();
    app.wait().unwrap();
    let seen = seen.unwrap();
    let operations: Vec<_> = seen[0].iter().map(|(operation, ..)| operation.as_str()).collect();
    assert_eq!(operations.first(), Some(&"AssumeRole"), "{operations:?}");
    assert!(operations.contains(&"CreateJobForDevices") && operations.contains(&"DescribeDeviceJob"));
    assert_eq!(seen[0].last().unwrap().3.as_deref(), Some("9.9.9"), "{:?}", seen[0]);
    let invalid = (403, Some("InvalidSignatureException"));
    assert_eq!([refused(&seen[1]), refused(&seen[2])], [invalid; 2]);
    assert_eq!(refused(&seen[3]), (403, Some("ExpiredTokenException")));
    let right = |calls: &Calls| calls.iter().filter(|(operation, ..)| operation == "DescribeDevice").count();
    assert_eq!(seen[1..].iter().map(right).collect::<Vec<_>>(), [1, 1, 2], "a new session is taken");
    stop.cancel();
    running.finish("told to").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_looks_at_less_believes_them() {
    let dir = tempfile::TempDir::new().unwrap();
    let stop = CancellationToken::new();
    let running =
        start(&dir.path().join("cloud"), &[Wrong::Altered, Wrong::Late, Wrong::Expired], &stop).await;
    let client = client(dir.path(), &running);
    let orders = ["altered", "late", "expired"];
    let seen = tokio::task::spawn_blocking(move || operate(&client, &orders)).await.unwrap();
    assert_eq!(seen.iter().map(refused).collect::<Vec<_>>(), [(200, None); 3]);
    stop.cancel();
    running.finish("told to").await;
}
