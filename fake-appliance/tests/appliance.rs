//! The appliance's binary: what it does when nothing works, that it listens on nothing, and that it ends.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fake_facts::Fact;

/// Far more than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder of this test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fake-appliance-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The appliance as a process; killed when dropped.
struct Appliance {
    child: Child,
    facts: mpsc::Receiver<Fact>,
}

impl Appliance {
    fn run(config: &Path) -> Self {
        let mut child = command(config).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, facts) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines() {
                let line = fake_facts::read_line(&line.unwrap()).expect("standard output holds facts only");
                if sender.send(line.fact).is_err() {
                    return;
                }
            }
        });
        Self { child, facts }
    }

    fn wait<T>(&self, what: &str, pick: impl Fn(&Fact) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let fact =
                self.facts.recv_timeout(left).unwrap_or_else(|error| panic!("no fact `{what}`: {error}"));
            if let Some(found) = pick(&fact) {
                return found;
            }
        }
    }

    fn terminate(mut self) -> (Vec<Fact>, ExitStatus, Duration) {
        let begun = Instant::now();
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(killed.expect("`kill` (Debian: procps) is needed").success());
        let mut rest = Vec::new();
        loop {
            match self.facts.recv_timeout(PATIENCE) {
                Ok(fact) => rest.push(fact),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("no end after {rest:?}"),
            }
        }
        (rest, self.child.wait().unwrap(), begun.elapsed())
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-appliance"));
    command.arg("run").arg("--config").arg(config);
    command
}

fn failure_to_start(config: &Path) -> String {
    let mut child = command(config).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    said
}

/// A certificate authority and a device certificate; only read here, never checked.
fn secrets(folder: &Folder) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["app".to_owned()]).unwrap().self_signed(&key).unwrap();
    folder.write("cert.pem", &certificate.pem());
    folder.write("key.pem", &key.serialize_pem());
}

fn client_file(folder: &Folder, host: &str, port: u16) {
    let file = serde_json::json!({
        "region": "eu-west-1", "account": "123456789012",
        "role_alias": "alias",
        "ca": folder.0.join("cert.pem"), "https_port": port,
        "endpoints": { "iot": host, "credentials": host, "monitoring": host, "logs": host, "s3": host },
    });
    folder.write("client.json", &file.to_string());
}

/// A port of this machine on which nobody listens.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn config(folder: &Folder) -> PathBuf {
    let config = serde_json::json!({
        "name": "app",
        "cameras": [{ "name": "dock-1", "id": 1, "url": format!("rtsp://127.0.0.1:{}/stream", closed_port()) }],
        "cloud": {
            "client_file": folder.0.join("client.json"), "thing": "app",
            "cert": folder.0.join("cert.pem"), "key": folder.0.join("key.pem"), "monitor_every_ms": 1000,
        },
        "clock": { "server": format!("127.0.0.1:{}", closed_port()) },
    });
    folder.write("app.json", &config.to_string())
}

fn failed(what: &'static str) -> impl Fn(&Fact) -> Option<String> {
    move |fact| match fact {
        Fact::Failed { what: tried, error, .. } if tried == what => Some(error.clone()),
        _ => None,
    }
}

#[test]
fn what_fails_is_told_and_tried_again_and_nothing_ends_it() {
    let folder = Folder::new("fails");
    secrets(&folder);
    client_file(&folder, "127.0.0.1", closed_port());
    let appliance = Appliance::run(&config(&folder));
    appliance
        .wait("ready", |fact| matches!(fact, Fact::Ready { listens } if listens.is_empty()).then_some(()));
    for what in ["iot", "rtsp", "monitoring", "logs", "s3", "sync"] {
        appliance.wait(what, failed(what));
    }
    for what in ["rtsp", "iot", "s3"] {
        appliance.wait(what, failed(what));
    }
    let (rest, status, took) = appliance.terminate();
    assert!(status.success());
    assert!(took < Duration::from_secs(5), "it ended after {took:?}");
    let [.., Fact::Video(video), Fact::Bye { reason }] = &rest[..] else { panic!("{rest:?}") };
    assert_eq!((video.camera.as_str(), video.received, reason.as_str()), ("dock-1", 0, "SIGTERM"));
}

#[test]
fn a_name_that_cannot_be_a_host_is_told_as_such() {
    let folder = Folder::new("name");
    secrets(&folder);
    client_file(&folder, "no host", 443);
    let said = Appliance::run(&config(&folder)).wait("iot", failed("iot"));
    assert!(said.contains("is no host name"), "{said}");
}

#[test]
fn it_listens_on_nothing() {
    let folder = Folder::new("listens");
    secrets(&folder);
    client_file(&folder, "127.0.0.1", closed_port());
    let appliance = Appliance::run(&config(&folder));
    appliance.wait("everything goes on", failed("s3"));
    appliance.wait("everything goes on", failed("iot"));
    let own = sockets_of(appliance.child.id());
    let listening = listening_sockets();
    assert!(own.is_disjoint(&listening), "{own:?}");
    // The check can see a listener: this process's own.
    let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(!sockets_of(std::process::id()).is_disjoint(&listening_sockets()));
}

/// Inodes of a process's sockets.
fn sockets_of(process: u32) -> BTreeSet<u64> {
    std::fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

/// Inodes of all TCP sockets that listen (proc(5): state 0A, the inode is the tenth field).
fn listening_sockets() -> BTreeSet<u64> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .flat_map(|text| {
            let inode = |line: &str| {
                let fields: Vec<_> = line.split_whitespace().collect();
                (fields.get(3) == Some(&"0A")).then(|| fields[9].parse().ok()).flatten()
            };
            text.lines().skip(1).filter_map(inode).collect::<Vec<u64>>()
        })
        .collect()
}

/// The next question of the appliance, and the answer of a server whose clock is 10 s ahead.
fn time_told(server: &UdpSocket, leap: u8, stratum: u8) {
    const AHEAD_S: u64 = 10;
    /// Seconds from 1900 to 1970 (RFC 5905, figure 4).
    const TO_1970: u64 = 2_208_988_800;
    let mut asked = [0; 48];
    let (length, client) = server.recv_from(&mut asked).unwrap();
    assert_eq!((length, asked[0] & 7), (48, 3), "a client's question");
    let stamp = |nanos: u64| {
        let seconds = nanos / 1_000_000_000 + TO_1970 + AHEAD_S;
        let fraction = (u128::from(nanos % 1_000_000_000) << 32) / 1_000_000_000;
        (seconds << 32 | fraction as u64).to_be_bytes()
    };
    let mut answer = [0; 48];
    answer[0] = leap << 6 | 4 << 3 | 4; // version 4, server
    answer[1] = stratum;
    if stratum == 0 {
        answer[12..16].copy_from_slice(b"INIT");
    }
    answer[24..32].copy_from_slice(&asked[40..48]);
    for at in [16, 32, 40] {
        answer[at..at + 8].copy_from_slice(&stamp(fake_facts::now()));
    }
    server.send_to(&answer, client).unwrap();
}

fn with_clock(name: &str) -> (UdpSocket, Folder, Appliance) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let folder = Folder::new(name);
    let clock = serde_json::json!({ "name": "app", "clock": { "server": server.local_addr().unwrap() } });
    let appliance = Appliance::run(&folder.write("app.json", &clock.to_string()));
    (server, folder, appliance)
}

fn synced(fact: &Fact) -> Option<(i64, u8)> {
    match fact {
        Fact::Synced { offset_ns, stratum, .. } => Some((*offset_ns, *stratum)),
        _ => None,
    }
}

#[test]
fn the_clock_is_compared_with_a_time_server() {
    let (server, _folder, appliance) = with_clock("clock");
    time_told(&server, 0, 3);
    let (offset, stratum) = appliance.wait("synced", synced);
    assert_eq!(stratum, 3);
    assert!((9_000_000_000..11_000_000_000).contains(&offset), "{offset}");
    let second = server.recv_from(&mut [0; 48]).unwrap();
    assert_eq!(second.0, 48, "it asks again");
}

#[test]
fn a_server_that_does_not_know_the_time_is_no_time_and_is_asked_again() {
    let (server, _folder, appliance) = with_clock("unsynced");
    // as a server with nobody to ask says it, and as others write stratum 16
    for stratum in [0, 16] {
        time_told(&server, 3, stratum);
        let unsynced = appliance.wait("unsynced", |fact| match fact {
            Fact::Synced { .. } => panic!("that was no time: {fact:?}"),
            Fact::Unsynced { server } => Some(*server),
            _ => None,
        });
        assert_eq!(unsynced, server.local_addr().unwrap().ip());
    }
    time_told(&server, 0, 3);
    appliance.wait("synced", synced);
}

#[test]
fn mistakes_in_files_are_named_at_the_start() {
    let folder = Folder::new("mistakes");
    let absent = folder.0.join("absent.json");
    assert!(failure_to_start(&absent).contains("absent.json"));
    let unknown = folder.write("unknown.json", r#"{ "name": "app", "camera": [] }"#);
    let said = failure_to_start(&unknown);
    assert!(said.contains("unknown.json") && said.contains("unknown field `camera`"), "{said}");
    client_file(&folder, "127.0.0.1", 443);
    let said = failure_to_start(&config(&folder));
    assert!(said.contains("cert.pem"), "{said}");
}
