//! The appliance's binary and the cloud that gives it jobs, by an operator that nobody here wrote (boto3).

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fake_appliance::config::Config;
use fake_cloud::cloud::{self, Running};
use fake_cloud::settings::Settings;
use fake_facts::{Fact, Line, Teller};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// How long the appliance is down when it restarts.
const RESTART: Duration = Duration::from_millis(300);

/// A cloud on free ports whose thing `app` is a device, asked ten times a second how it is.
async fn start(dir: &Path, stop: &CancellationToken) -> Running {
    let settings = Settings {
        https_port: 0,
        dns_port: 0,
        ntp_port: 0,
        devices: vec!["app".into()],
        monitor_every: Duration::from_millis(200),
        ..Settings::on_loopback(dir.to_owned())
    };
    cloud::start(&settings, Teller::new(Box::new(std::io::sink())), stop.clone()).await.unwrap()
}

/// What the appliance is told: every service is at `localhost`.
fn config(dir: &Path, running: &Running) -> PathBuf {
    let mut client = serde_json::to_value(&running.client).unwrap();
    for (_, endpoint) in client["endpoints"].as_object_mut().unwrap() {
        *endpoint = "localhost".into();
    }
    let file = dir.join("appliance-client.json");
    std::fs::write(&file, client.to_string()).unwrap();
    let thing = &running.client.things["app"];
    let config = json!({
        "name": "app",
        "cloud": {
            "client_file": file, "thing": "app", "cert": thing.certificate, "key": thing.key,
            "monitor_every_ms": 30_000,
        },
        "restart_ms": RESTART.as_millis() as u64,
    });
    let file = dir.join("appliance.json");
    std::fs::write(&file, config.to_string()).unwrap();
    assert!(Config::read(&file).is_ok());
    file
}

fn operator(client: &Path) -> Value {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var_os("TESTBED_PYTHON").map_or(here.join("../.venv/bin/python"), PathBuf::from);
    let mut command = Command::new(python);
    command.arg(here.join("tests/clients/gives_jobs.py")).arg(client).env_clear();
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("AWS_EC2_METADATA_DISABLED", "true");
    let output =
        command.output().expect("python of the test clients: run scripts/setup, or set TESTBED_PYTHON");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    serde_json::from_str(&out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_every_kind_are_done_and_reported() {
    let dir = tempfile::TempDir::new().unwrap();
    let stop = CancellationToken::new();
    let running = start(&dir.path().join("cloud"), &stop).await;
    let mut appliance = Command::new(env!("CARGO_BIN_EXE_fake-appliance"))
        .arg("run")
        .arg("--config")
        .arg(config(dir.path(), &running))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let facts = appliance.stdout.take().unwrap();
    let told = std::thread::spawn(move || std::io::read_to_string(facts).unwrap());
    let client = dir.path().join("cloud/client.json");
    let seen = tokio::task::spawn_blocking(move || operator(&client)).await;
    appliance.kill().unwrap();
    appliance.wait().unwrap();
    let (seen, told) = (seen.unwrap(), told.join().unwrap());

    assert_eq!(seen["online"], json!(["ONLINE", true]));
    let ports = json!(["Ethernet0Status", "Ethernet1Status", "LastUpdatedTime", "NtpStatus"]);
    assert_eq!((&seen["ports"], &seen["still"]), (&ports, &json!("ONLINE")));
    assert_eq!((&seen["updated"], &seen["restarted"]), (&json!(["COMPLETED", "9.9.9"]), &json!("COMPLETED")));
    assert_eq!(seen["deployed"], json!(["DEPLOYMENT_SUCCEEDED", "REMOVAL_SUCCEEDED"]));
    assert_eq!(seen["wrong"][0], "FAILED");
    assert!(seen["wrong"][1]["reason"].as_str().unwrap().contains("hash"), "{seen}");
    assert_eq!(seen["wrong"][1]["spoiled"], "a");
    assert_eq!((&seen["configured"][0], &seen["misconfigured"]), (&json!("SUCCEEDED"), &json!("FAILED")));
    assert_eq!((&seen["unknown"], &seen["no_cameras"]), (&json!("REJECTED"), &json!("REJECTED")));
    assert_eq!(seen["certified"], "SUCCEEDED");
    let told: Vec<Line> = told.lines().map(|line| fake_facts::read_line(line).unwrap()).collect();
    // Four sessions: the first, and one after the update, the restart and the new certificate each.
    let sessions =
        told.iter().filter(|line| matches!(&line.fact, Fact::Connected { service, .. } if service == "iot"));
    let sessions: Vec<u64> = sessions.map(|line| line.at).collect();
    assert_eq!(sessions.len(), 4, "{told:#?}");
    let lasts = u64::try_from(RESTART.as_nanos()).unwrap();
    assert!(sessions.windows(2).all(|two| two[1] - two[0] >= lasts), "down for less: {told:#?}");

    stop.cancel();
    running.finish("told to").await;
}
