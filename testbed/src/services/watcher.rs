//! Reads what a service says, and notices its end.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_facts::Fact;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::command::{Program, Ready};
use super::{Board, ServiceError};
use crate::event::Fault;
use crate::names::NodeName;
use crate::observation::NodeFact;
use crate::plan::{Service, ServiceKind};

/// Lines kept of each service for a failure's report.
const LAST_LINES: usize = 12;

/// Exit code of a fake that lacks something of this host's.
const LACKING: i32 = fake_facts::LACKING as i32;

/// Longest line of a service that is read; a longer one is cut.
const LONGEST_LINE: u64 = 64 * 1024;

/// A service that runs, or has run.
#[derive(Debug)]
pub(super) struct Running {
    /// Its place in the plan's list of services.
    pub(super) place: usize,
    pub(super) node: NodeName,
    pub(super) what: String,
    pid: Pid,
    /// Set before we stop it: an end is then no failure.
    stopping: watch::Sender<bool>,
    pub(super) ended: watch::Receiver<Option<i32>>,
    /// How often it said that it is ready: a DHCP client says so with each lease.
    pub(super) ready: watch::Receiver<u32>,
    /// Whether the run goes on without it being ready.
    pub(super) hoped: bool,
    /// The port by which it is known to be ready, if that is how.
    pub(super) port: Option<u16>,
    /// How long it may take to be ready; none: as long as our own.
    pub(super) ready_within: Option<Duration>,
    /// Whether it is a command of the scenario's.
    pub(super) of_scenario: bool,
    lines: LastLines,
    pub(super) to_end: Option<Duration>,
    /// Its standard input, if it listens there.
    control: tokio::sync::Mutex<Option<ChildStdin>>,
    pub(super) waiter: Mutex<Option<JoinHandle<()>>>,
}

type LastLines = Arc<Mutex<VecDeque<String>>>;

impl Running {
    /// Whether it has not ended yet.
    pub(super) fn runs(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// From here on its end is no failure.
    pub(super) fn may_end(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether its end was asked for.
    pub(super) fn was_to_end(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Sends a signal to it and to all that it started, unless it has ended: its number may be another's by then.
    pub(super) fn signal(&self, signal: Signal) {
        if self.runs() {
            let _ = killpg(self.pid, signal);
        }
    }

    /// Sends a signal to it alone: what it starts is its own business.
    pub(super) fn tell(&self, signal: Signal) {
        if self.runs() {
            let _ = kill(self.pid, signal);
        }
    }

    /// Waits for its end.
    pub(super) async fn end(&self) {
        let _ = self.ended.clone().wait_for(Option::is_some).await;
    }

    /// Writes a line to its standard input.
    ///
    /// Errors: it does not listen there, or has ended.
    pub(super) async fn say(&self, line: &str) -> std::io::Result<()> {
        let mut control = self.control.lock().await;
        let control = control.as_mut().ok_or(std::io::ErrorKind::Unsupported)?;
        control.write_all(format!("{line}\n").as_bytes()).await?;
        control.flush().await
    }

    pub(super) fn last_lines(&self) -> Vec<String> {
        last_lines(&self.lines)
    }
}

/// Reads what a service says.
struct Watcher {
    node: NodeName,
    what: String,
    log: Mutex<File>,
    lines: LastLines,
    board: Arc<Board>,
    told: mpsc::UnboundedSender<ServiceError>,
    stopping: watch::Receiver<bool>,
    ready: watch::Sender<u32>,
    /// Whether it is ready when it says so as a fact.
    by_fact: bool,
}

/// Where what a service says goes.
pub(super) struct Ears {
    pub(super) log: File,
    pub(super) board: Arc<Board>,
    pub(super) told: mpsc::UnboundedSender<ServiceError>,
}

/// Watches a service that was just started.
pub(super) fn watch(
    mut child: Child,
    program: &Program,
    service: &Service,
    place: usize,
    ears: Ears,
) -> Running {
    let pid = Pid::from_raw(child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(i32::MAX));
    let (stopping, stop_asked) = watch::channel(false);
    let lines = LastLines::default();
    let watcher = Arc::new(Watcher {
        node: service.node.clone(),
        what: program.what.clone(),
        log: Mutex::new(ears.log),
        lines: Arc::clone(&lines),
        board: ears.board,
        told: ears.told,
        stopping: stop_asked,
        ready: watch::Sender::new(u32::from(program.ready == Ready::AtOnce)),
        by_fact: program.ready == Ready::Fact,
    });
    let ready = watcher.ready.subscribe();
    let control = tokio::sync::Mutex::new(child.stdin.take());
    let readers = watcher.read(&mut child, program);
    let (ending, ended) = watch::channel(None);
    let waiter = tokio::spawn(watcher.wait(child, readers, program.of_scenario, ending));
    let to_end = match &service.kind {
        ServiceKind::Command { to_end: true, within, .. } => Some(*within),
        _ => None,
    };
    Running {
        place,
        node: service.node.clone(),
        what: program.what.clone(),
        pid,
        stopping,
        ended,
        ready,
        hoped: matches!(program.ready, Ready::Hoped(_)),
        port: match program.ready {
            Ready::Port(port) => Some(port),
            _ => None,
        },
        ready_within: program.ready_within,
        of_scenario: program.of_scenario,
        lines,
        to_end,
        control,
        waiter: Mutex::new(Some(waiter)),
    }
}

impl Watcher {
    fn read(self: &Arc<Self>, child: &mut Child, program: &Program) -> Vec<JoinHandle<()>> {
        let mut readers = Vec::new();
        let sign = match &program.ready {
            Ready::Line(sign) | Ready::Hoped(sign) => Some(sign.clone()),
            _ => None,
        };
        if let Some(stdout) = child.stdout.take() {
            let (this, facts, sign) = (Arc::clone(self), program.facts, sign.clone());
            readers.push(tokio::spawn(async move {
                let sign = sign.as_deref();
                each_line(stdout, |line| if facts { this.fact(line) } else { this.talk(line, sign) }).await;
            }));
        }
        if let Some(stderr) = child.stderr.take() {
            let this = Arc::clone(self);
            readers.push(tokio::spawn(async move {
                each_line(stderr, |line| this.talk(line, sign.as_deref())).await
            }));
        }
        readers
    }

    /// Waits for the end, and tells it unless it was asked for.
    async fn wait(
        self: Arc<Self>,
        mut child: Child,
        readers: Vec<JoinHandle<()>>,
        of_scenario: bool,
        ending: watch::Sender<Option<i32>>,
    ) {
        let status = child.wait().await;
        // Its last lines first: they say why.
        for reader in readers {
            let _ = reader.await;
        }
        let code = status.as_ref().map_or(-1, exit_code);
        let expected = *self.stopping.borrow() || (of_scenario && code == 0);
        if !expected {
            let fault = match (of_scenario, code) {
                (true, _) => Fault::Scenario,
                (false, LACKING) => Fault::Host,
                (false, _) => Fault::Ours,
            };
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            let (what, node) = (self.what.clone(), self.node.clone());
            let last_lines = last_lines(&self.lines);
            let _ = self.told.send(ServiceError::Ended { what, node, how, fault, last_lines });
        }
        ending.send_replace(Some(code));
    }

    fn fact(&self, line: &str) {
        self.keep(line);
        match fake_facts::read_line(line) {
            Ok(line) => {
                tracing::debug!(node = %self.node, fact = ?line.fact);
                if self.by_fact && matches!(line.fact, Fact::Ready { .. }) {
                    tracing::info!(node = %self.node, "{} is ready", self.what);
                    self.ready.send_modify(|times| *times += 1);
                }
                self.board.add(NodeFact { node: self.node.clone(), line });
            }
            // One that is killed may be in the middle of a word.
            Err(_) if *self.stopping.borrow() => {}
            Err(_) => {
                let _ = self.told.send(ServiceError::Rubbish {
                    what: self.what.clone(),
                    node: self.node.clone(),
                    line: line.chars().take(200).collect(),
                    last_lines: last_lines(&self.lines),
                });
            }
        }
    }

    fn talk(&self, line: &str, sign: Option<&str>) {
        self.keep(line);
        if sign.is_some_and(|sign| line.contains(sign)) {
            self.ready.send_modify(|times| *times += 1);
        }
    }

    fn keep(&self, line: &str) {
        if let Ok(mut log) = self.log.lock() {
            // A full disk shows when the run's evidence is closed.
            let _ = writeln!(log, "{line}");
        }
        let mut lines = self.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(400).collect());
    }
}

async fn each_line(pipe: impl AsyncRead + Unpin, mut say: impl FnMut(&str)) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = tokio::io::AsyncReadExt::take(&mut reader, LONGEST_LINE);
        match limited.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => say(String::from_utf8_lossy(&line).trim_end()),
        }
    }
}

fn exit_code(status: &ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

fn last_lines(lines: &LastLines) -> Vec<String> {
    lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).iter().cloned().collect()
}
