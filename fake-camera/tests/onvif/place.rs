//! A network of its own with a camera and clients on it, and what they say.
//!
//! The camera's end is a bridge with an address; each client has a namespace and a cable to it, so that what a group
//! hears goes over a wire and nothing of it leaves the test.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use fake_facts::{Fact, Listen};

/// Far more than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const USER: &str = "viewer";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const ADDRESS: &str = "10.77.0.2";

/// The network; gone with the value.
pub(crate) struct Place(Child);

impl Place {
    pub(crate) fn new() -> Self {
        let script = format!(
            "ip link set lo up && ip link add br0 type bridge && ip address add {ADDRESS}/24 dev br0 && \
             ip link set br0 up && echo up && exec cat"
        );
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "sh", "-c", &script]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("`unshare` (Debian: util-linux) is needed");
        let mut said = [0; 3];
        child.stdout.as_mut().unwrap().read_exact(&mut said).expect("a network can be made");
        Self(child)
    }

    /// A program in the camera's own namespace.
    pub(crate) fn beside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.0.id().to_string();
        command.args(["--target", &target, "--user", "--net", "--preserve-credentials", program]);
        command
    }

    /// A program in a namespace of its own with this address, over a cable.
    pub(crate) fn wired(&self, address: &str, program: &Path) -> Command {
        let cable = "ip link set lo up && \
            nsenter --target \"$0\" --net sh -c \"ip link add p$$ type veth peer name eth0 netns $$ && \
                ip link set p$$ master br0 && ip link set p$$ up\" && \
            ip address add \"$1\"/24 dev eth0 && ip link set eth0 up && shift && exec \"$@\"";
        let mut command = self.beside("unshare");
        command.args(["--net", "sh", "-c", cable, &self.0.id().to_string(), address]).arg(program);
        command
    }

    /// A Python client of `clients/` at this address.
    pub(crate) fn client_at(&self, address: &str, script: &str, arguments: &[&str]) -> Command {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onvif/clients").join(script);
        let mut command = self.wired(address, &interpreter());
        command.arg(path).args(arguments);
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
        command
    }

    /// The same, where the address is of no matter.
    pub(crate) fn client(&self, script: &str, arguments: &[&str]) -> Command {
        self.client_at("10.77.0.9", script, arguments)
    }

    /// Runs a Python client to its end; gives the JSON that it prints.
    pub(crate) fn asked(&self, script: &str, arguments: &[&str]) -> serde_json::Value {
        let output =
            self.client(script, arguments).output().expect("`nsenter` (Debian: util-linux) is needed");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{script} {arguments:?} (run scripts/setup test): {out}{err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{script}: {error}: {out}{err}"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn interpreter() -> PathBuf {
    let in_workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    std::env::var_os("TESTBED_PYTHON").map_or(in_workspace, PathBuf::from)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines of a program, with a deadline for each.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    pub(crate) fn of(out: ChildStdout) -> Self {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    pub(crate) fn next(&self, what: &str) -> String {
        self.0.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("no {what}: {error}"))
    }
}

/// A camera process; killed when dropped.
pub(crate) struct Camera {
    child: Child,
    lines: Lines,
    listens: Vec<Listen>,
}

impl Camera {
    /// On the network, on the real ports, with a user.
    pub(crate) fn at(place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.beside(env!("CARGO_BIN_EXE_fake-camera"));
        let login = ["--user", USER, "--password-env", "TEST_CAMERA_PASSWORD"];
        command.args(["serve", "--name", "dock-1", "--id", "7", "--address", ADDRESS, "--onvif", "80"]);
        Self::spawn(command.args(login).args(arguments))
    }

    /// On this machine's loopback, on free ports, hidden, without a user.
    pub(crate) fn on_loopback() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fake-camera"));
        command.args(["serve", "--name", "dock-1", "--id", "7", "--address", "127.0.0.1", "--port", "0"]);
        Self::spawn(command.args(["--onvif", "0", "--hidden"]))
    }

    fn spawn(command: &mut Command) -> Self {
        let command =
            command.env("TEST_CAMERA_PASSWORD", PASSWORD).stdout(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = Lines::of(child.stdout.take().unwrap());
        let mut camera = Self { child, lines, listens: Vec::new() };
        camera.listens = camera.wait("ready", |fact| match fact {
            Fact::Ready { listens } => Some(listens.clone()),
            _ => None,
        });
        camera
    }

    pub(crate) fn wait<T>(&self, what: &str, pick: impl Fn(&Fact) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let line = self.lines.next(what);
            let fact = fake_facts::read_line(&line).expect("standard output holds facts only").fact;
            if let Some(found) = pick(&fact) {
                return found;
            }
        }
        panic!("no fact `{what}` in time")
    }

    pub(crate) fn listens(&self) -> Vec<String> {
        let one = |listen: &Listen| format!("{}/{} {}", listen.service, listen.transport, listen.socket);
        self.listens.iter().map(one).collect()
    }

    pub(crate) fn socket(&self, service: &str) -> SocketAddr {
        self.listens.iter().find(|listen| listen.service == service).unwrap().socket
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn terminate(&mut self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(killed.expect("`kill` (Debian: procps) is needed").success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end; a missing one fails the test by name.
pub(crate) fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"))
}
