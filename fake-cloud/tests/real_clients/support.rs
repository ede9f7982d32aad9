//! A running cloud, the facts it tells, and the clients that are let loose on it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use fake_cloud::client::ClientFile;
use fake_facts::{Fact, Listen, read_line};
use tempfile::TempDir;

/// Longest wait for a fact; generous, since it is only ever used up by a failure.
const PATIENCE: Duration = Duration::from_secs(30);

const SERVICES: [&str; 9] =
    ["iot", "monitoring", "logs", "s3", "sts", "iot-control", "panorama", "dns", "ntp"];

/// A cloud in a process of its own, gone with the value.
pub(crate) struct Fake {
    child: Child,
    facts: Receiver<Fact>,
    log: Receiver<String>,
    pub(crate) dir: TempDir,
    pub(crate) listens: Vec<Listen>,
    pub(crate) client: ClientFile,
}

impl Fake {
    /// All services on 127.0.0.1 with free ports.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// The same, with further arguments.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        Self::spawn(with_all_services(arguments).env_clear())
    }

    /// The same, which is told this on its standard input.
    pub(crate) fn told(orders: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let said = dir.path().join("orders");
        std::fs::write(&said, orders).unwrap();
        let mut command = with_all_services(&["--control"]);
        Self::spawn_told(dir, command.env_clear(), std::fs::File::open(said).unwrap().into())
    }

    /// Only these arguments, the folder and free ports.
    pub(crate) fn bare(arguments: &[&str]) -> Self {
        Self::spawn(serve(arguments).env_clear())
    }

    /// Ends it, and starts it in the same folder, as [`Fake::with`] does.
    pub(crate) fn start_again(&mut self, arguments: &[&str]) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let dir = std::mem::replace(&mut self.dir, TempDir::new().unwrap());
        *self = Self::spawn_in(dir, with_all_services(arguments).env_clear());
    }

    /// In a network namespace of its own, whose loopback has these addresses; the real ports.
    pub(crate) fn in_namespace(addresses: &[&str], arguments: &[&str]) -> Self {
        let added: String =
            addresses.iter().map(|address| format!("ip address add {address} dev lo && ")).collect();
        let script = format!("ip link set lo up && {added} exec \"$0\" serve \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "sh", "-c", &script]).arg(env!("CARGO_BIN_EXE_fake-cloud"));
        Self::spawn(command.args(arguments))
    }

    /// All services on 127.0.0.1, its folder on a disk of this size (as tmpfs takes it) that only it and
    /// [`Fake::python_on_disk`] see.
    pub(crate) fn on_small_disk(size: &str, arguments: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let serve = with_all_services(arguments);
        let script = format!("mount -t tmpfs -o size={size} disk \"$0\" && exec \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", &script]).arg(dir.path());
        command.arg(serve.get_program()).args(serve.get_args());
        Self::spawn_in(dir, &mut command)
    }

    /// The folder of a cloud with a disk of its own, as it is seen from here.
    pub(crate) fn folder_on_disk(&self) -> PathBuf {
        seen_by(self.child.id(), &self.folder())
    }

    /// Runs a Python client as [`Fake::python`] does, where the disk of the cloud is seen.
    pub(crate) fn python_on_disk(&self, script: &str, arguments: &[&str]) -> serde_json::Value {
        let mut command = Command::new("nsenter");
        let target = self.child.id().to_string();
        command.args(["--target", &target, "--user", "--mount", "--preserve-credentials"]);
        command.arg(interpreter()).arg(client(script)).args(arguments);
        self.run_client(command, script, arguments)
    }

    /// A tool, to be run where the cloud is.
    pub(crate) fn beside(&self, tool: &str) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.child.id().to_string();
        command.args(["--target", &target, "--user", "--net", "--preserve-credentials", tool]);
        command
    }

    fn spawn(command: &mut Command) -> Self {
        Self::spawn_in(TempDir::new().unwrap(), command)
    }

    fn spawn_in(dir: TempDir, command: &mut Command) -> Self {
        Self::spawn_told(dir, command, Stdio::null())
    }

    fn spawn_told(dir: TempDir, command: &mut Command, stdin: Stdio) -> Self {
        let cloud = dir.path().join("cloud");
        let command = command.arg("--dir").arg(&cloud).stdin(stdin);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("this test needs {command:?}: {error}"));
        let facts = lines(child.stdout.take().unwrap(), |text| {
            read_line(&text).unwrap_or_else(|error| panic!("no fact on stdout: {text}: {error}")).fact
        });
        let log = lines(child.stderr.take().unwrap(), |text| text);
        let ready = match facts.recv_timeout(PATIENCE) {
            Ok(Fact::Ready { listens }) => listens,
            other => panic!("not ready: {other:?}; log: {:?}", log.try_iter().collect::<Vec<_>>()),
        };
        let client = std::fs::read_to_string(seen_by(child.id(), &cloud).join("client.json")).unwrap();
        let client = serde_json::from_str(&client).unwrap();
        Self { child, facts, log, dir, listens: ready, client }
    }

    /// The folder that the cloud writes to.
    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("cloud")
    }

    /// Where a service listens.
    pub(crate) fn socket(&self, service: &str) -> SocketAddr {
        self.listens.iter().find(|listen| listen.service == service).unwrap().socket
    }

    /// Waits for a fact, however many others come first.
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&Fact) -> bool) -> Fact {
        let deadline = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.facts.recv_timeout(left) {
                Ok(fact) if wanted(&fact) => return fact,
                Ok(fact) => others.push(fact),
                Err(_) => panic!("no fact: {what}; instead: {others:#?}"),
            }
        }
    }

    /// Waits for a line of the log, by its beginning.
    pub(crate) fn wait_for_log(&self, start: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.starts_with(start)) {
            let left = deadline.saturating_duration_since(Instant::now());
            lines.push(
                self.log.recv_timeout(left).unwrap_or_else(|_| panic!("no line {start:?} in {lines:?}")),
            );
        }
        lines
    }

    /// Asks the cloud to stop by SIGTERM; gives the rest of the facts and how it ended.
    pub(crate) fn stop(mut self) -> (Vec<Fact>, ExitStatus) {
        run(Command::new("kill").arg(self.child.id().to_string()), "kill", "procps");
        let mut rest = Vec::new();
        while let Ok(fact) = self.facts.recv_timeout(PATIENCE) {
            rest.push(fact);
        }
        (rest, self.child.wait().unwrap())
    }

    /// Runs a Python client of `tests/clients` against this cloud and gives the JSON that it prints.
    pub(crate) fn python(&self, script: &str, arguments: &[&str]) -> serde_json::Value {
        let mut command = Command::new(interpreter());
        command.arg(client(script)).args(arguments);
        self.run_client(command, script, arguments)
    }

    /// The same where a cloud of `in_namespace` is, with its own name server.
    pub(crate) fn python_beside(&self, script: &str, arguments: &[&str]) -> serde_json::Value {
        let servers = self.dir.path().join("resolv.conf");
        std::fs::write(&servers, format!("nameserver {}\n", self.socket("dns").ip())).unwrap();
        let mut command = self.beside("unshare");
        command.args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\""]);
        command.arg(&servers).arg(interpreter()).arg(client(script)).args(arguments);
        self.run_client(command, script, arguments)
    }

    fn run_client(&self, mut command: Command, script: &str, arguments: &[&str]) -> serde_json::Value {
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("CLOUD_CLIENT_FILE", self.folder().join("client.json"));
        command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("HOME", self.dir.path())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        let output =
            run(&mut command, "python of the test clients", "run scripts/setup, or set TESTBED_PYTHON");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{script} {arguments:?} failed: {out}{err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{script}: {error}: {out}{err}"))
    }
}

/// All services on 127.0.0.1, and these arguments.
fn with_all_services(arguments: &[&str]) -> Command {
    let binds = SERVICES.map(|service| format!("--bind={service}=127.0.0.1"));
    let all: Vec<&str> = binds.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
    serve(&all)
}

fn serve(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-cloud"));
    command.arg("serve").args(["--https-port=0", "--dns-port=0", "--ntp-port=0"]).args(arguments);
    command
}

impl Drop for Fake {
    fn drop(&mut self) {
        // Already gone after `stop`; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines<T: Send + 'static>(pipe: impl Read + Send + 'static, read: fn(String) -> T) -> Receiver<T> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(read(line)).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A path as a process sees it that may have mounts of its own.
fn seen_by(process: u32, path: &Path) -> PathBuf {
    Path::new("/proc").join(process.to_string()).join("root").join(path.strip_prefix("/").unwrap())
}

fn client(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script)
}

pub(crate) fn interpreter() -> PathBuf {
    let in_workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    std::env::var_os("TESTBED_PYTHON").map_or(in_workspace, PathBuf::from)
}

/// Runs a tool to its end; a tool that is missing fails the test by name.
pub(crate) fn run(command: &mut Command, tool: &str, source: &str) -> Output {
    let command = command.stdin(Stdio::null());
    command.output().unwrap_or_else(|error| panic!("this test needs `{tool}` ({source}): {error}"))
}

/// Bytes of a tool as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether the fact says that `service` turned a client away with this in the reason.
pub(crate) fn is_refusal(fact: &Fact, wanted: &str, part: &str) -> bool {
    matches!(fact, Fact::Refused { service, reason, .. } if service == wanted && reason.contains(part))
}

/// Whether the fact says that `service` keeps `wanted`.
pub(crate) fn is_stored(fact: &Fact, of: &str, wanted: &str) -> bool {
    matches!(fact, Fact::Stored { service, name, .. } if service == of && name == wanted)
}
