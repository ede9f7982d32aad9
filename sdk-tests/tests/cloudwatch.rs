//! CloudWatch in its CBOR form, as AWS's SDK for Rust speaks it: what is put is listed again, errors are those of the model, and
//! nobody is believed whose signature is wrong or whose authority is another.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::{BehaviorVersion, Config, Region};
use aws_sdk_cloudwatch::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use serde_json::Value;
use tempfile::TempDir;

/// Longest wait for a fact; only ever used up by a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// A cloud in a process of its own, gone with the value.
struct Cloud {
    child: Child,
    facts: Receiver<Value>,
    dir: TempDir,
    client: Value,
    port: u64,
}

impl Cloud {
    fn start(arguments: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let mut command = Command::new(program());
        command.args(["serve", "--https-port=0", "--dns-port=0", "--ntp-port=0", "--dir"]);
        command.arg(dir.path()).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("fake-cloud, built by `cargo build`");
        let (say, facts) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            let fact = |line: String| serde_json::from_str::<Value>(&line).expect("a fact");
            lines.map_while(Result::ok).map(fact).all(|fact| say.send(fact).is_ok())
        });
        let ready = facts.recv_timeout(PATIENCE).expect("ready");
        assert_eq!(ready["fact"], "ready", "{ready}");
        let client = std::fs::read(dir.path().join("client.json")).unwrap();
        let client: Value = serde_json::from_slice(&client).unwrap();
        let port = client["https_port"].as_u64().unwrap();
        Self { child, facts, dir, client, port }
    }

    /// The SDK's client, with a secret and an authority of one's own, or the cloud's.
    fn client(&self, secret: Option<&str>, ca: Option<&Path>) -> Client {
        let text = |key: &str| self.client[key].as_str().unwrap().to_owned();
        let secret = secret.map_or_else(|| text("secret_access_key"), str::to_owned);
        let keys = Credentials::new(text("access_key_id"), secret, None, None, "client.json");
        let own = PathBuf::from(text("ca"));
        let ca = std::fs::read(ca.unwrap_or(&own)).unwrap();
        let trusted = TlsContext::builder().with_trust_store(TrustStore::empty().with_pem_certificate(ca));
        let https = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(trusted.build().unwrap())
            .build_https();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(text("region")))
            .credentials_provider(keys)
            .endpoint_url(format!("https://localhost:{}", self.port))
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .http_client(https);
        Client::from_conf(config.build())
    }

    /// Waits for a fact, however many others come first.
    fn wait_for(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let fact = self.facts.recv_timeout(PATIENCE).expect("the fact that is waited for");
            if wanted(&fact) {
                return fact;
            }
        }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // Nothing is to be done about one that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> PathBuf {
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/fake-cloud");
    std::env::var_os("FAKE_CLOUD").map_or_else(built, PathBuf::from)
}

fn active(device: &str) -> MetricDatum {
    datum("DeviceActive", device)
}

fn datum(name: &str, device: &str) -> MetricDatum {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    MetricDatum::builder()
        .metric_name(name)
        .dimensions(dimension("DeviceId", device))
        .dimensions(dimension("DeviceName", "dock"))
        .timestamp(DateTime::from(SystemTime::now()))
        .value(1.0)
        .unit(StandardUnit::Count)
        .build()
}

#[tokio::test]
async fn what_is_put_is_kept_and_listed_again() {
    let cloud = Cloud::start(&[]);
    let client = cloud.client(None, None);
    let put = client.put_metric_data().namespace("PanoramaDeviceMetrics");
    put.metric_data(active("device-1")).metric_data(active("device-2")).send().await.unwrap();
    let stored = cloud.wait_for(|fact| fact["fact"] == "stored");
    assert_eq!((&stored["service"], &stored["name"]), (&"monitoring".into(), &"DeviceActive".into()));
    let listed = client.list_metrics().namespace("PanoramaDeviceMetrics").send().await.unwrap();
    let devices: Vec<_> = listed.metrics().iter().map(|one| one.dimensions()[0].value().unwrap()).collect();
    assert_eq!(devices, ["device-1", "device-2"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_metric_is_an_error_of_the_model() {
    let cloud = Cloud::start(&[]);
    let datum = active("device-1");
    let put = cloud.client(None, None).put_metric_data().namespace("AWS/X").metric_data(datum);
    let error = put.send().await.unwrap_err().into_service_error();
    assert!(error.is_invalid_parameter_value_exception(), "{}", DisplayErrorContext(&error));
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_logged() {
    let cloud = Cloud::start(&[]);
    let client = cloud.client(Some("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), None);
    let put = client.put_metric_data().namespace("N").metric_data(active("device-1"));
    let error = put.send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidSignatureException"), "{}", DisplayErrorContext(&error));
    let refused = cloud.wait_for(|fact| fact["fact"] == "refused");
    assert!(refused["reason"].as_str().unwrap().starts_with("InvalidSignatureException"), "{refused}");
}

#[tokio::test]
async fn a_throttled_request_is_made_again_by_itself() {
    let cloud = Cloud::start(&["--throttle=monitoring=2"]);
    let put = cloud.client(None, None).put_metric_data().namespace("N").metric_data(active("device-1"));
    put.send().await.unwrap();
    for _ in 0..2 {
        let refused = cloud.wait_for(|fact| fact["fact"] == "refused");
        assert!(refused["reason"].as_str().unwrap().starts_with("Throttling"), "{refused}");
    }
    cloud.wait_for(|fact| fact["fact"] == "stored");
}

#[tokio::test]
async fn a_cloud_of_another_authority_is_told_nothing() {
    let (cloud, other) = (Cloud::start(&[]), Cloud::start(&[]));
    let client = cloud.client(None, Some(&other.dir.path().join("ca.pem")));
    let put = client.put_metric_data().namespace("N").metric_data(active("device-1"));
    let error = put.send().await.unwrap_err();
    assert!(error.as_service_error().is_none(), "{}", DisplayErrorContext(&error));
    let put = cloud
        .client(None, None)
        .put_metric_data()
        .namespace("N")
        .metric_data(datum("ApplicationErrors", "device-1"));
    put.send().await.unwrap();
    let stored = cloud.wait_for(|fact| fact["fact"] == "stored");
    assert_eq!(stored["name"], "ApplicationErrors", "the first that it is told");
}
