//! Running services: started together, watched, stopped together.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_facts::Fact;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::command::{Program, Ready, program};
use super::lease::DHCP_CLIENT;
use super::{Board, ServiceError, Settings};
use crate::event::Fault;
use crate::kernel::{Lab, process};
use crate::names::NodeName;
use crate::observation::{CommandEnd, NodeFact};
use crate::plan::{Plan, Service, ServiceKind, Word};

/// How long a service may take to say that it is ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// How long a node may take to be given an address, before the run goes on without: dnsmasq looks for three seconds
/// whether anybody has an address that it does not know.
const LEASED_WITHIN: Duration = Duration::from_secs(10);

/// How long a DHCP client that asks again is waited for.
const RENEWED_WITHIN: Duration = Duration::from_secs(3);

/// How long a service may take to end after it was told to.
const END_WITHIN: Duration = Duration::from_secs(2);

/// Lines kept of each service for a failure's report.
const LAST_LINES: usize = 12;

/// Exit code of a fake that lacks something of this host's.
const LACKING: i32 = fake_facts::LACKING as i32;

/// Longest line of a service that is read; a longer one is cut.
const LONGEST_LINE: u64 = 64 * 1024;

/// The running services of a lab.
#[must_use = "services end when this value is dropped"]
#[derive(Debug)]
pub struct Services {
    running: Vec<Running>,
    /// What they have said.
    pub board: Arc<Board>,
    endings: mpsc::UnboundedReceiver<ServiceError>,
    told: mpsc::UnboundedSender<ServiceError>,
    settings: Settings,
}

/// One running service.
#[derive(Debug)]
struct Running {
    node: NodeName,
    what: String,
    pid: Pid,
    /// Set before we stop it: an end is then no failure.
    stopping: watch::Sender<bool>,
    ended: watch::Receiver<Option<i32>>,
    /// How often it said that it is ready: a DHCP client says so with each lease.
    ready: watch::Receiver<u32>,
    /// Whether the run goes on without it being ready.
    hoped: bool,
    lines: LastLines,
    to_end: Option<Duration>,
    tasks: Vec<JoinHandle<()>>,
}

type LastLines = Arc<Mutex<VecDeque<String>>>;

/// Commands of the scenario that ended or ran out of time.
pub type Ending = CommandEnd;

impl Services {
    /// No services yet.
    pub fn new(settings: Settings) -> Self {
        let (told, endings) = mpsc::unbounded_channel();
        Self { running: Vec::new(), board: Arc::default(), endings, told, settings }
    }

    /// Starts all services of the plan: first those that hand out addresses and those that ask for them; then those
    /// that only serve, all at once; when all are ready, those that ask; last the scenario's own commands.
    ///
    /// A node that is given no address does not end the run: what follows from it shows in the checks.
    ///
    /// Errors: the first that could not be started or was not ready in time.
    pub async fn start(&mut self, lab: &Lab, plan: &Plan) -> Result<(), ServiceError> {
        // The first camera builds the registry of GStreamer's plugins, which all others then only read.
        let first =
            plan.services.iter().position(|service| matches!(service.kind, ServiceKind::Camera { .. }));
        let (early, late) = plan.services.split_at(first.map_or(plan.services.len(), |first| first + 1));
        let hands_out = |service: &&Service| matches!(service.kind, ServiceKind::DhcpServer { .. });
        let is_given = |service: &&Service| {
            matches!(service.kind, ServiceKind::DhcpClient { .. } | ServiceKind::Spare { .. })
        };
        let serves = |service: &&Service| {
            !matches!(service.kind, ServiceKind::Appliance { .. } | ServiceKind::Command { .. })
                && !hands_out(service)
                && !is_given(service)
        };
        let asks = |service: &&Service| matches!(service.kind, ServiceKind::Appliance { .. });
        let commands = |service: &&Service| matches!(service.kind, ServiceKind::Command { .. });
        self.start_these(lab, plan, plan.services.iter().filter(hands_out).collect()).await?;
        self.start_these(lab, plan, plan.services.iter().filter(is_given).collect()).await?;
        self.start_these(lab, plan, early.iter().filter(serves).collect()).await?;
        self.start_these(lab, plan, late.iter().filter(serves).collect()).await?;
        self.start_these(lab, plan, plan.services.iter().filter(asks).collect()).await?;
        self.start_these(lab, plan, plan.services.iter().filter(commands).collect()).await
    }

    async fn start_these(
        &mut self,
        lab: &Lab,
        plan: &Plan,
        services: Vec<&Service>,
    ) -> Result<(), ServiceError> {
        let from = self.running.len();
        for service in services {
            let program = program(plan, service, &self.settings)?;
            let running = self.spawn(lab, service, program)?;
            self.running.push(running);
        }
        let begun = Instant::now();
        for index in from..self.running.len() {
            match self.running[index].hoped {
                false => self.wait_ready(index, begun + READY_WITHIN * self.settings.patience).await?,
                true => match self.wait_ready(index, begun + LEASED_WITHIN * self.settings.patience).await {
                    Err(ServiceError::NotReady { what, node, .. }) => {
                        tracing::warn!(%node, "{what} was given no address so far");
                    }
                    other => other?,
                },
            }
        }
        Ok(())
    }

    async fn wait_ready(&mut self, index: usize, deadline: Instant) -> Result<(), ServiceError> {
        let mut ready = self.running[index].ready.clone();
        let became_ready = async {
            if ready.wait_for(|times| *times > 0).await.is_err() {
                // Nothing more will be heard of it: either its end is told, or the deadline comes.
                std::future::pending::<()>().await;
            }
        };
        let not_ready = |running: &Running, seconds| ServiceError::NotReady {
            what: running.what.clone(),
            node: running.node.clone(),
            seconds,
            last_lines: last_lines(&running.lines),
        };
        tokio::select! {
            biased;
            Some(error) = self.endings.recv() => Err(error),
            waited = timeout_at(deadline, became_ready) => match waited {
                Ok(()) => Ok(()),
                Err(_) => Err(not_ready(&self.running[index], (READY_WITHIN * self.settings.patience).as_secs())),
            },
        }
    }

    /// Waits until some service fails; pends for ever while all is well.
    pub async fn failure(&mut self) -> ServiceError {
        match self.endings.recv().await {
            Some(error) => error,
            None => std::future::pending().await,
        }
    }

    fn spawn(&self, lab: &Lab, service: &Service, program: Program) -> Result<Running, ServiceError> {
        let failed =
            |cause| ServiceError::Start { what: program.what.clone(), node: service.node.clone(), cause };
        let mut command = Command::new(&program.program);
        command
            .args(&program.arguments)
            .env_clear()
            .envs(ENVIRONMENT)
            .envs(program.environment.iter().cloned());
        if let Some(level) = std::env::var_os("TESTBED_FAKE_LOG") {
            command.env("RUST_LOG", level);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let namespace = lab.node(&service.node);
        process::enter_as_service(
            &mut command,
            namespace,
            &lab.names_of(&service.node),
            &self.settings.evidence,
        )
        .map_err(failed)?;
        let mut child = command.spawn().map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => ServiceError::Missing {
                program: program.program.display().to_string(),
                cure: if program.of_scenario {
                    "the lab sees the host's programs in /usr, and of other folders those that --allow-path names".into()
                } else {
                    "it should lie beside `testbed`; build the whole workspace".into()
                },
            },
            _ => failed(cause),
        })?;
        tracing::debug!(
            node = %service.node,
            pid = child.id(),
            program = %program.program.display(),
            arguments = ?program.arguments,
            "a service starts"
        );
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.settings.logs.join(format!("{}.log", service.node)));
        let watcher = Watcher {
            node: service.node.clone(),
            what: program.what.clone(),
            log: Arc::new(Mutex::new(log.map_err(failed)?)),
            lines: LastLines::default(),
            board: Arc::clone(&self.board),
            told: self.told.clone(),
            ready: watch::Sender::new(u32::from(program.ready == Ready::AtOnce)),
            by_fact: program.ready == Ready::Fact,
        };
        Ok(watcher.watch(&mut child, &program, service).into_running(
            child,
            &program,
            service,
            self.told.clone(),
        ))
    }

    /// Waits for the commands whose end the run waits for. All that come back ended well.
    ///
    /// Errors: a command that ended badly or is still running at its deadline, and any other service that fails
    /// meanwhile.
    pub async fn wait_for_commands(&mut self) -> Result<Vec<Ending>, ServiceError> {
        let begun = Instant::now();
        let mut endings = Vec::new();
        for running in &self.running {
            let Some(within) = running.to_end else { continue };
            let within = within * self.settings.patience;
            let mut ended = running.ended.clone();
            // A bad end is told before it is noted, so it is seen here first.
            let status = tokio::select! {
                biased;
                Some(error) = self.endings.recv() => return Err(error),
                status = timeout_at(begun + within, ended.wait_for(Option::is_some)) => status,
            };
            let status = status.ok().and_then(Result::ok).and_then(|status| *status);
            let last_lines = last_lines(&running.lines);
            if status.is_none() {
                let (what, node) = (running.what.clone(), running.node.clone());
                return Err(ServiceError::NoEnd { what, node, seconds: within.as_secs(), last_lines });
            }
            endings.push(CommandEnd { node: running.node.clone(), status, last_lines });
        }
        Ok(endings)
    }

    /// Makes every DHCP client ask for its address again that a check wants to see keep it, and waits for the answers.
    ///
    /// SIGUSR1 is how udhcpc is told to. One that has no lease, or gets no answer, shows in the capture.
    pub async fn ask_again(&self, plan: &Plan) {
        let kept = |node: &NodeName| {
            plan.checks.iter().any(|check| match &check.word {
                Word::Address { of, kept: true } => of.iter().any(|one| one.node == *node),
                _ => false,
            })
        };
        let clients = self.running.iter().filter(|one| one.what == DHCP_CLIENT && kept(&one.node));
        let clients: Vec<_> =
            clients.map(|one| (one, *one.ready.borrow())).filter(|(_, times)| *times > 0).collect();
        for (client, _) in &clients {
            let _ = kill(client.pid, Signal::SIGUSR1);
        }
        let deadline = Instant::now() + RENEWED_WITHIN * self.settings.patience;
        for (client, before) in clients {
            let mut ready = client.ready.clone();
            if timeout_at(deadline, ready.wait_for(|times| *times > before)).await.is_err() {
                tracing::warn!(node = %client.node, "its address was not given again");
            }
        }
    }

    /// Tells every service to end, those that ask first, and waits for it; what does not end in time is killed.
    pub async fn stop(&mut self) {
        for running in self.running.iter().rev() {
            running.stopping.send_replace(true);
        }
        // The appliance first, while its peers still answer: its last words are facts too.
        let mut rest: Vec<&mut Running> = self.running.iter_mut().rev().collect();
        let split = rest.iter().position(|running| running.what != "fake-appliance").unwrap_or(rest.len());
        let (first, second) = rest.split_at_mut(split);
        stop_all(first).await;
        stop_all(second).await;
        for running in &mut self.running {
            for task in running.tasks.drain(..) {
                // The pipes end with the process, so the readers end too.
                let _ = timeout_at(Instant::now() + END_WITHIN, task).await;
            }
        }
        self.running.clear();
    }
}

async fn stop_all(running: &mut [&mut Running]) {
    for one in running.iter() {
        let _ = kill(one.pid, Signal::SIGTERM);
    }
    let deadline = Instant::now() + END_WITHIN;
    for one in running.iter_mut() {
        if timeout_at(deadline, one.ended.wait_for(Option::is_some)).await.is_err() {
            tracing::warn!(node = %one.node, "{} does not end, so it is killed", one.what);
            let _ = kill(one.pid, Signal::SIGKILL);
        }
    }
}

/// Environment of every service: nothing of the user's leaks in.
const ENVIRONMENT: [(&str, &str); 7] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("LC_ALL", "C.UTF-8"),
    ("HOME", "/run/testbed"),
    ("TMPDIR", "/run/testbed"),
    ("RUST_LOG", "info"),
    ("GST_REGISTRY", "/run/testbed/gstreamer.registry"),
    ("GST_REGISTRY_FORK", "no"),
];

/// Reads what a service says and notices its end.
struct Watcher {
    node: NodeName,
    what: String,
    log: Arc<Mutex<File>>,
    lines: LastLines,
    board: Arc<Board>,
    told: mpsc::UnboundedSender<ServiceError>,
    ready: watch::Sender<u32>,
    /// Whether it is ready when it says so as a fact.
    by_fact: bool,
}

/// A service whose output is being read.
struct Watched {
    readers: Vec<JoinHandle<()>>,
    lines: LastLines,
    ready: watch::Receiver<u32>,
}

impl Watcher {
    fn watch(self, child: &mut Child, program: &Program, _service: &Service) -> Watched {
        let (lines, ready) = (Arc::clone(&self.lines), self.ready.subscribe());
        let this = Arc::new(self);
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let (this, facts) = (Arc::clone(&this), program.facts);
            readers.push(tokio::spawn(async move {
                each_line(stdout, |line| if facts { this.fact(line) } else { this.talk(line, None) }).await;
            }));
        }
        if let Some(stderr) = child.stderr.take() {
            let sign = match program.ready {
                Ready::Line(sign) | Ready::Hoped(sign) => Some(sign),
                _ => None,
            };
            readers.push(tokio::spawn(async move { each_line(stderr, |line| this.talk(line, sign)).await }));
        }
        Watched { readers, lines, ready }
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

impl Watched {
    fn into_running(
        self,
        mut child: Child,
        program: &Program,
        service: &Service,
        told: mpsc::UnboundedSender<ServiceError>,
    ) -> Running {
        let pid = Pid::from_raw(child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(i32::MAX));
        let (stopping, stop_asked) = watch::channel(false);
        let (ending, ended) = watch::channel(None);
        let (what, node, of_scenario) = (program.what.clone(), service.node.clone(), program.of_scenario);
        let (lines, Watched { mut readers, ready, .. }) = (Arc::clone(&self.lines), self);
        let output = std::mem::take(&mut readers);
        let waiter = tokio::spawn({
            let (lines, what, node) = (Arc::clone(&lines), what.clone(), node.clone());
            async move {
                let status = child.wait().await;
                // Its last lines first: they say why.
                for reader in output {
                    let _ = reader.await;
                }
                let code = status.as_ref().map_or(-1, exit_code);
                let expected = *stop_asked.borrow() || (of_scenario && code == 0);
                if !expected {
                    let fault = match (of_scenario, code) {
                        (true, _) => Fault::Scenario,
                        (false, LACKING) => Fault::Host,
                        (false, _) => Fault::Ours,
                    };
                    let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                    let _ = told.send(ServiceError::Ended {
                        what,
                        node,
                        how,
                        fault,
                        last_lines: last_lines(&lines),
                    });
                }
                ending.send_replace(Some(code));
            }
        });
        let to_end = match &service.kind {
            ServiceKind::Command { to_end: true, within, .. } => Some(*within),
            _ => None,
        };
        let hoped = matches!(program.ready, Ready::Hoped(_));
        Running { node, what, pid, stopping, ended, ready, hoped, lines, to_end, tasks: vec![waiter] }
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
