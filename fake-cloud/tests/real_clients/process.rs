//! The process itself: its files, its facts, its end, and what a developer gets.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fake_cloud::cloud;
use fake_cloud::settings::Settings;
use fake_facts::{Fact, Teller};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Fake, run, text};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_folder_and_the_secrets_in_it_are_private() {
    let cloud = Fake::with(&["--thing=app", "--thing=other"]);
    let folder = cloud.folder();
    assert_eq!(mode(&folder), 0o700);
    for secret in ["client.json", "tls-keys.log", "things/app/key.pem", "things/other/key.pem"] {
        assert_eq!(mode(&folder.join(secret)), 0o600, "{secret}");
    }
    let ids: Vec<&String> = cloud.client.things.values().map(|thing| &thing.certificate_id).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    assert!(cloud.client.ca.is_absolute() && cloud.client.ca.is_file());
}

#[test]
fn the_certificate_id_is_the_hash_of_the_certificate() {
    let cloud = Fake::start();
    let thing = &cloud.client.things["app"];
    let mut command = Command::new("openssl");
    command.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(&thing.certificate);
    let printed = text(&run(&mut command, "openssl", "Debian package openssl").stdout);
    let hash = printed.split('=').nth(1).unwrap().trim().replace(':', "").to_lowercase();
    assert_eq!(hash, thing.certificate_id);
}

#[test]
fn ready_names_every_bound_socket() {
    let cloud = Fake::start();
    let mut listens: Vec<_> =
        cloud.listens.iter().map(|listen| (listen.service.as_str(), listen.transport.as_str())).collect();
    listens.sort_unstable();
    let expected = [
        ("dns", "tcp"),
        ("dns", "udp"),
        ("iot", "tcp"),
        ("iot-control", "tcp"),
        ("logs", "tcp"),
        ("monitoring", "tcp"),
        ("ntp", "udp"),
        ("panorama", "tcp"),
        ("s3", "tcp"),
        ("sts", "tcp"),
    ];
    assert_eq!(listens, expected);
    assert!(cloud.listens.iter().all(|listen| listen.socket.port() != 0));
}

#[test]
fn what_is_not_bound_is_not_served() {
    let cloud = Fake::bare(&["--bind=s3=127.0.0.1", "--bind=dns=127.0.0.1"]);
    let services: Vec<_> = cloud.listens.iter().map(|listen| listen.service.as_str()).collect();
    assert_eq!(services, ["dns", "dns", "s3"]);
    let mut command = Command::new("openssl");
    let name = &cloud.client.endpoints.logs;
    command.args(["s_client", "-connect", &cloud.socket("s3").to_string(), "-servername", name]);
    let seen = text(&run(&mut command, "openssl", "Debian package openssl").stdout);
    assert!(seen.contains("New, (NONE)"), "{seen}");
}

#[test]
fn every_service_has_its_own_addresses_of_both_families_and_the_real_ports() {
    let services = ["iot", "monitoring", "logs", "s3", "dns", "ntp"];
    let hosts = [10, 11, 12, 13, 53, 123];
    let v4: Vec<String> = hosts.iter().map(|host| format!("203.0.113.{host}")).collect();
    let v6: Vec<String> = hosts.iter().map(|host| format!("2001:db8::{host}")).collect();
    let addresses: Vec<&str> = v4.iter().chain(&v6).map(String::as_str).collect();
    let binds = services.iter().cycle().zip(&addresses).map(|(service, ip)| format!("--bind={service}={ip}"));
    let binds: Vec<String> = binds.collect();
    let cloud = Fake::in_namespace(&addresses, &binds.iter().map(String::as_str).collect::<Vec<_>>());
    for listen in &cloud.listens {
        let port = match listen.service.as_str() {
            "dns" => 53,
            "ntp" => 123,
            _ => 443,
        };
        assert_eq!(listen.socket.port(), port, "{listen:?}");
    }

    let dig = |server: &str, kind: &str, name: &str| {
        let mut command = cloud.beside("dig");
        command.args([&format!("@{server}"), "+short", "+tries=1", "+time=5", "-t", kind, name]);
        text(&run(&mut command, "nsenter and dig", "util-linux, bind9-dnsutils").stdout).trim().to_owned()
    };
    let logs = &cloud.client.endpoints.logs;
    assert_eq!(dig("203.0.113.53", "AAAA", logs), "2001:db8::12");
    assert_eq!(dig("2001:db8::53", "A", logs), "203.0.113.12");
    assert_eq!(dig("2001:db8::53", "A", "1.pool.ntp.org"), "203.0.113.123");

    for socket in ["[2001:db8::12]:443", "203.0.113.12:443"] {
        let mut command = cloud.beside("openssl");
        command.args(["s_client", "-connect", socket, "-servername", logs, "-CAfile"]).arg(&cloud.client.ca);
        let seen = text(&run(&mut command, "nsenter and openssl", "util-linux, openssl").stdout);
        assert!(seen.contains("Verify return code: 0 (ok)"), "{socket}: {seen}");
    }
}

#[test]
fn sigterm_ends_it_cleanly_with_a_last_word() {
    let cloud = Fake::start();
    let socket = cloud.socket("s3");
    // A client that only sits there does not hold it up.
    let idle = TcpStream::connect(socket).unwrap();
    let (rest, status) = cloud.stop();
    assert!(status.success(), "{status}");
    assert_eq!(rest.last(), Some(&Fact::Bye { reason: "told to stop by SIGTERM".into() }));
    assert!(TcpStream::connect(socket).is_err());
    drop(idle);
}

#[test]
fn an_address_that_is_not_ours_is_named_in_the_error() {
    let dir = tempfile::TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-cloud"));
    command.args(["serve", "--bind=s3=203.0.113.13", "--https-port=0", "--dir"]).arg(dir.path());
    let output = command.env_clear().output().unwrap();
    assert!(!output.status.success());
    let seen = text(&output.stderr);
    assert!(seen.contains("bind s3 to 203.0.113.13:0"), "{seen}");
    assert_eq!(text(&output.stdout), "", "nothing but facts on stdout");
}

#[test]
fn a_developer_can_use_what_is_printed() {
    let cloud = Fake::bare(&[]);
    let printed = cloud.wait_for_log("unset ").join("\n") + "\n";
    let file = cloud.folder().join("env.sh");
    assert!(printed.ends_with(&std::fs::read_to_string(&file).unwrap()), "{printed}");
    assert_eq!(mode(&file), 0o600);
    // The shell itself reads the lines.
    let mut shell = Command::new("sh");
    shell.args(["-c", ". \"$0\" && env"]).arg(&file).env_clear();
    let variables = text(&run(&mut shell, "sh", "any POSIX shell").stdout);
    let arguments: Vec<&str> = variables.lines().filter(|line| line.starts_with("AWS_")).collect();
    assert_eq!(arguments.len(), 13, "{variables}");
    let seen = cloud.python("developer_client.py", &arguments);
    let expected = json!({ "metric": "FromShell", "log": "from a shell", "posted": 200, "object": "from a shell", "things": ["app"], "devices": [], "account": "123456789012" });
    assert_eq!(seen, expected);
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-cloud"));
    let listed = text(&run(command.arg("ls").arg("--dir").arg(cloud.folder()), "fake-cloud", "built").stdout);
    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    let wanted = [
        ["SERVICE", "TIMES", "BYTES", "NAME"],
        ["iot", "1", "12", "shell"],
        ["logs", "1", "12", "stream"],
        ["monitoring", "1", "22", "FromShell"],
        ["s3", "1", "12", "key"],
    ];
    assert_eq!(rows, wanted, "{listed}");
}

#[test]
fn a_folder_of_no_cloud_has_nothing_to_list() {
    let dir = tempfile::TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-cloud"));
    let output = command.arg("ls").arg("--dir").arg(dir.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("has stored"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn it_runs_inside_a_test_too_and_stops_when_told() {
    let dir = tempfile::TempDir::new().unwrap();
    let settings = Settings {
        https_port: 0,
        dns_port: 0,
        ntp_port: 0,
        ..Settings::on_loopback(dir.path().join("cloud"))
    };
    let stop = tokio_util::sync::CancellationToken::new();
    let running =
        cloud::start(&settings, Teller::new(Box::new(std::io::sink())), stop.clone()).await.unwrap();
    let socket = running.listens.iter().find(|listen| listen.service == "s3").unwrap().socket;
    assert!(TcpStream::connect(socket).is_ok());
    stop.cancel();
    running.finish("told to").await;
    assert!(TcpStream::connect(socket).is_err());
}

/// A cloud that serves at a spare address as well, for one name of its own.
struct Spare {
    _dir: tempfile::TempDir,
    stop: tokio_util::sync::CancellationToken,
    running: cloud::Running,
    /// What it says.
    facts: BufReader<std::io::PipeReader>,
    socket: std::net::SocketAddr,
    name: String,
}

impl Spare {
    async fn start() -> Self {
        let dir = tempfile::TempDir::new().unwrap();
        let spare = [127, 0, 0, 2].into();
        let settings = Settings {
            https_port: 0,
            dns_port: 0,
            ntp_port: 0,
            spares: vec![spare],
            ..Settings::on_loopback(dir.path().join("cloud"))
        };
        let stop = tokio_util::sync::CancellationToken::new();
        let (facts, says) = std::io::pipe().unwrap();
        let running = cloud::start(&settings, Teller::new(Box::new(says)), stop.clone()).await.unwrap();
        let socket = running.listens.iter().find(|listen| listen.socket.ip() == spare).unwrap().socket;
        let name = running.client.endpoints.monitoring.clone();
        Self { _dir: dir, stop, running, facts: BufReader::new(facts), socket, name }
    }

    /// A client that asks for something, and leaves its end open.
    fn ask(&self, at: std::net::SocketAddr) -> (std::process::Child, std::process::ChildStdin) {
        let mut client = Command::new("openssl");
        client.args(["s_client", "-quiet", "-connect", &at.to_string(), "-servername", &self.name]);
        client.args(["-verify_return_error", "-CAfile"]).arg(&self.running.client.ca);
        let piped = client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut client = piped.spawn().expect("openssl (Debian package openssl)");
        let mut asks = client.stdin.take().unwrap();
        write!(asks, "GET / HTTP/1.1\r\nHost: {}\r\n\r\n", self.name).unwrap();
        (client, asks)
    }

    /// The name goes elsewhere.
    fn move_away(&mut self) {
        let order = format!("{{\"move\": \"{}\", \"to\": \"127.0.0.1\"}}\n", self.name);
        self.running.obey(std::io::Cursor::new(order));
        let mut lines = (&mut self.facts).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.contains("\"name_moved\"")), "the cloud ended");
    }

    async fn end(self, asks: std::process::ChildStdin, mut client: std::process::Child) {
        drop(asks);
        client.wait().unwrap();
        self.stop.cancel();
        self.running.finish("told to").await;
    }
}

/// Everything else that a connection brings, which ends soon.
async fn rest_of(mut answers: impl Read + Send + 'static) -> String {
    let mut rest = Vec::new();
    let ended = tokio::task::spawn_blocking(move || answers.read_to_end(&mut rest).map(|_| rest));
    let ended = tokio::time::timeout(Duration::from_secs(30), ended).await;
    let ended = ended.expect("the connection outlived its name, and is idle for less than a minute");
    String::from_utf8_lossy(&ended.unwrap().unwrap()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spare_address_serves_by_name_until_the_name_moves() {
    let mut cloud = Spare::start().await;
    let (mut client, asks) = cloud.ask(cloud.socket);
    let mut answers = BufReader::new(client.stdout.take().unwrap());
    let mut first = String::new();
    answers.read_line(&mut first).unwrap();
    assert!(first.starts_with("HTTP/1.1 4"), "an unsigned request is refused: {first}");
    cloud.move_away();
    rest_of(answers).await;
    cloud.end(asks, client).await;
}

/// It was taken in before, so that it is one of those that the name leaves behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_shakes_hands_while_its_name_moves_ends_with_its_first_answer() {
    let mut cloud = Spare::start().await;
    let between = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (mut client, asks) = cloud.ask(between.local_addr().unwrap());
    let (mut near, _) = between.accept().await.unwrap();
    let mut far = tokio::net::TcpStream::connect(cloud.socket).await.unwrap();
    let mut said = [0; 1 << 14];
    let hello = near.read(&mut said).await.unwrap();
    far.write_all(&said[..hello]).await.unwrap();
    let answer = far.read(&mut said).await.unwrap();
    cloud.move_away();
    near.write_all(&said[..answer]).await.unwrap();
    let carried = tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
    let answers = rest_of(client.stdout.take().unwrap()).await;
    let head = answers.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 4") && head.contains("\r\nconnection: close\r\n"), "{answers}");
    cloud.end(asks, client).await;
    carried.abort();
}
