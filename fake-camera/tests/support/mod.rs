//! A camera process, an appliance in this process, and a relay between them that can be cut.

pub(crate) mod letters;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use fake_appliance::config::{Camera, Transport};
use fake_facts::{Fact, Line, Teller, Video};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// Far more than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const USER: &str = "admin";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const PASSWORD_VARIABLE: &str = "TEST_CAMERA_PASSWORD";

/// Facts as they are told, with a deadline for each.
pub(crate) struct Facts(mpsc::Receiver<Fact>);

impl Facts {
    /// Waits for the first fact that this picks out; panics after the deadline, naming what it waited for.
    pub(crate) fn wait<T>(&self, what: &str, pick: impl Fn(&Fact) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let fact = self.0.recv_timeout(left).unwrap_or_else(|error| panic!("no fact `{what}`: {error}"));
            if let Some(found) = pick(&fact) {
                return found;
            }
        }
    }

    /// The first fact that this picks out, if it comes soon enough.
    pub(crate) fn soon<T>(&self, within: Duration, pick: impl Fn(&Fact) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + within;
        std::iter::from_fn(|| self.0.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok())
            .find_map(|fact| pick(&fact))
    }

    /// All that is left up to the teller's end; panics after the deadline.
    pub(crate) fn rest(&self) -> Vec<Fact> {
        let deadline = Instant::now() + PATIENCE;
        let mut rest = Vec::new();
        loop {
            match self.0.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(fact) => rest.push(fact),
                Err(mpsc::RecvTimeoutError::Disconnected) => return rest,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("no end after {rest:?}"),
            }
        }
    }
}

/// A fake-camera process; killed when dropped.
pub(crate) struct CameraProcess {
    child: Child,
    pub(crate) facts: Facts,
    pub(crate) socket: SocketAddr,
}

pub(crate) fn camera_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-camera"));
    command.args(["serve", "--address", "127.0.0.1", "--port", "0"]).args(arguments);
    if !arguments.contains(&"--name") {
        command.args(["--name", "test"]);
    }
    command.env(PASSWORD_VARIABLE, PASSWORD);
    command
}

/// Runs a command in a network namespace of its own, with a cable to this one that lasts as long as the command.
const BESIDE: &str = r#"
    PATH=$PATH:/usr/sbin:/sbin
    ip link add cam type veth peer name cli && ip address add 10.77.0.1/24 dev cam || exit 125
    ip link set cam up && ip route add 239.0.0.0/8 dev cam || exit 125
    unshare --net sh -c '
        until ip link set cli up 2>/dev/null; do :; done
        ip address add 10.77.0.2/24 dev cli && ip route add 239.0.0.0/8 dev cli || exit 125
        exec "$0" "$@"' "$0" "$@" &
    until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
    ip link set cli netns $! || exit 125
    wait $!
    ended=$?
    # The namespace goes in its own time, the cable must be gone before the next.
    ip link delete cam 2>/dev/null
    exit $ended
"#;

impl CameraProcess {
    /// Starts a camera on a free port and waits until it is ready.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawned(camera_command(arguments))
    }

    /// Starts a camera in a network of its own; clients get there by [`CameraProcess::client`].
    pub(crate) fn apart(arguments: &[&str]) -> Self {
        let own = camera_command(arguments);
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net"]).arg(own.get_program());
        command.args(own.get_args().map(|word| if word == "127.0.0.1" { "0.0.0.0".as_ref() } else { word }));
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut camera = Self::spawned(command);
        camera.socket.set_ip([10, 77, 0, 1].into());
        camera
    }

    /// Runs a program in a network beside that of a camera which is apart.
    pub(crate) fn client(&self, program: &str, arguments: &[&str]) -> Output {
        let process = self.child.id().to_string();
        let enter = ["--target", &process, "--user", "--net", "--preserve-credentials", "sh", "-c", BESIDE];
        let ended =
            Command::new("nsenter").args(enter).arg(program).args(arguments).stdin(Stdio::null()).output();
        ended.unwrap_or_else(|error| panic!("`nsenter` (Debian: util-linux) cannot be run: {error}"))
    }

    fn spawned(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (sender, receiver) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines() {
                let line = fake_facts::read_line(&line.unwrap()).expect("standard output holds facts only");
                if sender.send(line.fact).is_err() {
                    return;
                }
            }
        });
        let facts = Facts(receiver);
        let socket = facts.wait("ready", |fact| match fact {
            Fact::Ready { listens } => Some(listens[0].socket),
            _ => None,
        });
        Self { child, facts, socket }
    }

    /// Starts a camera with a user.
    pub(crate) fn with_login(arguments: &[&str]) -> Self {
        let login = ["--user", USER, "--password-env", PASSWORD_VARIABLE];
        Self::start(&[arguments, &login].concat())
    }

    pub(crate) fn url(&self) -> String {
        format!("rtsp://{}/stream", self.socket)
    }

    /// The address with credentials in it, as other programs take it.
    pub(crate) fn url_with(&self, password: &str) -> String {
        format!("rtsp://{USER}:{}@{}/stream", password.replace(' ', "%20"), self.socket)
    }

    /// Sends SIGTERM; gives what it still said, and how it ended.
    pub(crate) fn terminate(mut self) -> (Vec<Fact>, ExitStatus) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(killed.expect("`kill` (Debian: procps) is needed").success());
        let rest = self.facts.rest();
        (rest, self.child.wait().unwrap())
    }
}

impl Drop for CameraProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program of FFmpeg on the camera; a missing one fails the test by name.
pub(crate) fn ffmpeg(program: &str, arguments: &[&str]) -> Output {
    let ended = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    ended.unwrap_or_else(|error| panic!("`{program}` (Debian: ffmpeg) cannot be run: {error}"))
}

/// Checksums of the pictures that FFmpeg decodes, as many as asked for; a warning of FFmpeg's fails the test.
pub(crate) fn pictures(url: &str, transport: &str, count: usize) -> Vec<String> {
    checksums(&ffmpeg("ffmpeg", &decoding(url, transport, &count.to_string())))
}

/// Arguments by which FFmpeg decodes so many pictures and prints their checksums.
pub(crate) fn decoding<'a>(url: &'a str, transport: &'a str, count: &'a str) -> Vec<&'a str> {
    let source = ["-v", "warning", "-rtsp_transport", transport, "-i", url];
    [&source[..], &["-frames:v", count, "-f", "framecrc", "-"]].concat()
}

/// What FFmpeg printed with [`decoding`]; a warning of FFmpeg's fails the test.
pub(crate) fn checksums(decoded: &Output) -> Vec<String> {
    assert_eq!(String::from_utf8_lossy(&decoded.stderr), "");
    String::from_utf8_lossy(&decoded.stdout)
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit(',').next().map(str::to_owned))
        .collect()
}

/// An appliance in this process.
pub(crate) struct Appliance {
    pub(crate) facts: Facts,
    stop: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Appliance {
    /// Pulls until so many frames (`None`: until stopped).
    pub(crate) fn pull(camera: Camera, frames: Option<u64>) -> Self {
        Self::pull_all(vec![camera], frames)
    }

    /// The same of several at once.
    pub(crate) fn pull_all(cameras: Vec<Camera>, frames: Option<u64>) -> Self {
        let (sender, receiver) = mpsc::channel();
        let teller = Arc::new(Teller::new(Box::new(Told { sender, part: Vec::new() })));
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let told = async move {
                stopped.notified().await;
                "told to".to_owned()
            };
            fake_appliance::pull(&cameras, true, frames, teller, told).await.unwrap();
        });
        Self { facts: Facts(receiver), stop, task }
    }

    /// Waits for its end; gives the last report.
    pub(crate) async fn ended(self) -> Video {
        self.all_ended().await.pop().expect("there is a last report")
    }

    /// The same of several: one of each, in the order of the cameras.
    pub(crate) async fn all_ended(self) -> Vec<Video> {
        tokio::time::timeout(PATIENCE, self.task).await.expect("the appliance ends in time").unwrap();
        let rest = self.facts.rest();
        assert!(matches!(rest.last(), Some(Fact::Bye { .. })), "the last fact is the goodbye");
        let video = |fact| if let Fact::Video(video) = fact { Some(video) } else { None };
        let mut last: Vec<Video> = Vec::new();
        for video in rest.into_iter().filter_map(video) {
            match last.iter_mut().find(|known| known.camera == video.camera) {
                Some(known) => *known = video,
                None => last.push(video),
            }
        }
        last
    }

    /// Tells it to stop; gives the last report.
    pub(crate) async fn stopped(self) -> Video {
        self.stop.notify_one();
        self.ended().await
    }
}

pub(crate) fn camera_at(url: &str, id: Option<u32>) -> Camera {
    Camera {
        name: "dock-1".to_owned(),
        id,
        url: url.to_owned(),
        known: Default::default(),
        user: Some(USER.to_owned()),
        password: Some(PASSWORD.to_owned()),
        transport: Transport::Tcp,
        further_port: None,
        stream: 0,
    }
}

struct Told {
    sender: mpsc::Sender<Fact>,
    part: Vec<u8>,
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.part.extend_from_slice(bytes);
        while let Some(end) = self.part.iter().position(|&byte| byte == b'\n') {
            let text: Vec<u8> = self.part.drain(..=end).collect();
            let line: Line = serde_json::from_slice(&text)?;
            // The test may have seen enough already.
            let _ = self.sender.send(line.fact);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Passes connections on to the camera until told otherwise.
pub(crate) struct Relay {
    pub(crate) socket: SocketAddr,
    mode: watch::Sender<Mode>,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Passing,
    Cut,
    Frozen,
}

impl Relay {
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = listener.local_addr().unwrap();
        let (mode, watching) = watch::channel(Mode::Passing);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, target, watching.clone()));
            }
        });
        Self { socket, mode }
    }

    /// Closes every connection that stands now; new ones are passed on.
    pub(crate) fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    /// Leaves the connections standing, and passes nothing on.
    pub(crate) fn freeze(&self) {
        self.mode.send_replace(Mode::Frozen);
    }
}

async fn pass(mut client: TcpStream, target: SocketAddr, mut mode: watch::Receiver<Mode>) {
    mode.mark_unchanged();
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => return,
        _ = mode.changed() => {}
    }
    if *mode.borrow() == Mode::Frozen {
        // Holds both connections until the client gives up.
        let mut byte = [0];
        while tokio::io::AsyncReadExt::read(&mut client, &mut byte).await.is_ok_and(|read| read > 0) {}
    }
}

/// Standard error of a camera that must not start, and its exit code.
pub(crate) fn failure_to_start(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (child.wait().unwrap().code(), text)
}

/// An RTSP connection over which a test asks what no ready-made client would, word by word.
pub(crate) struct Talk {
    stream: BufReader<std::net::TcpStream>,
    url: String,
    asked: u32,
    session: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: std::collections::BTreeMap<String, String>,
}

impl Talk {
    pub(crate) fn with(camera: &CameraProcess) -> Self {
        let stream = std::net::TcpStream::connect(camera.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream), url: camera.url(), asked: 0, session: None }
    }

    /// Sends a request for the stream, or for what lies below it; with the session's id once there is one.
    pub(crate) fn ask(&mut self, method: &str, below: &str, headers: &[(&str, &str)]) -> Answer {
        self.asked += 1;
        let mut text = format!("{method} {}{below} RTSP/1.0\r\nCSeq: {}\r\n", self.url, self.asked);
        let session = self.session.clone();
        let session = session.iter().map(|id| ("Session", id.as_str()));
        for (name, value) in headers.iter().copied().chain(session) {
            text += &format!("{name}: {value}\r\n");
        }
        self.stream.get_mut().write_all((text + "\r\n").as_bytes()).unwrap();
        self.answer()
    }

    /// Sets the main stream up by UDP to this port and the next one.
    pub(crate) fn set_up(&mut self, port: u16) -> Answer {
        let described = self.ask("DESCRIBE", "", &[("Accept", "application/sdp")]);
        assert_eq!(described.status, 200, "{described:?}");
        let transport = format!("RTP/AVP;unicast;client_port={port}-{}", port + 1);
        let answer = self.ask("SETUP", "/stream=0", &[("Transport", &transport)]);
        self.session = answer.headers.get("session").map(|id| id.split(';').next().unwrap().to_owned());
        answer
    }

    fn answer(&mut self) -> Answer {
        let mut line = || {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let status = line().split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        let mut headers = std::collections::BTreeMap::new();
        loop {
            let line = line();
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        std::io::copy(&mut self.stream.by_ref().take(length), &mut std::io::sink()).unwrap();
        Answer { status, headers }
    }
}

/// Two UDP sockets as RTP wants them: an even port and the next one, chosen by the kernel.
pub(crate) fn pair() -> (std::net::UdpSocket, std::net::UdpSocket) {
    for _ in 0..1000 {
        let first = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port.is_multiple_of(2)
            && let Ok(second) = std::net::UdpSocket::bind(("127.0.0.1", port + 1))
        {
            first.set_read_timeout(Some(PATIENCE)).unwrap();
            return (first, second);
        }
    }
    panic!("no two ports in a row are free")
}
