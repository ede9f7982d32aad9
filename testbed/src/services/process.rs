//! Running services: started together, ended and started again one by one, stopped together.

use std::cell::RefCell;
use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Stdio;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::net::TcpSocket;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::command::{Program, home, program};
use super::dnsmasq;
use super::lease::DHCP_CLIENT;
use super::watcher::{Ears, Running, watch};
use super::{Board, ServiceError, Settings};
use crate::event::Fault;
use crate::kernel::{Lab, Namespace, autoconf, process};
use crate::names::{Mac, NodeName};
use crate::observation::CommandEnd;
use crate::plan::{Node, Plan, Role, ServiceKind, Word};

/// How long a service may take to say that it is ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// How long a node may take to be given an address, before the run goes on without: dnsmasq looks for three seconds
/// whether anybody has an address that it does not know.
const LEASED_WITHIN: Duration = Duration::from_secs(10);

/// How long a DHCP client that asks again is waited for.
const RENEWED_WITHIN: Duration = Duration::from_secs(3);

/// How long a service may take to end after it was told to.
const END_WITHIN: Duration = Duration::from_secs(2);

/// The services of a lab. One thread only: what is asked of it may be asked while something else is waited for.
#[must_use = "services end when this value is dropped"]
#[derive(Debug)]
pub struct Services {
    /// In the order in which they were started first; one that was started again keeps its place.
    started: RefCell<Vec<Rc<Running>>>,
    /// What they have said.
    pub board: Arc<Board>,
    endings: tokio::sync::Mutex<mpsc::UnboundedReceiver<ServiceError>>,
    told: mpsc::UnboundedSender<ServiceError>,
    settings: Settings,
}

/// Commands of the scenario that ended or ran out of time.
pub type Ending = CommandEnd;

/// How a service is ended on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Without a word.
    AtOnce,
    /// It may say farewell.
    InOrder,
}

impl Services {
    /// No services yet.
    pub fn new(settings: Settings) -> Self {
        let (told, endings) = mpsc::unbounded_channel();
        let endings = tokio::sync::Mutex::new(endings);
        Self { started: RefCell::default(), board: Arc::default(), endings, told, settings }
    }

    /// Starts all services of the plan: first those that hand out addresses and those that ask for them; then those
    /// that only serve, all at once; when all are ready, those that ask; last the scenario's own commands.
    ///
    /// A node that is given no address does not end the run: what follows from it shows in the checks.
    ///
    /// Errors: the first that could not be started or was not ready in time.
    pub async fn start(&self, lab: &Lab, plan: &Plan) -> Result<(), ServiceError> {
        let all: Vec<usize> = (0..plan.services.len()).collect();
        tokio::select! {
            biased;
            error = self.failure() => Err(error),
            started = self.start_these(lab, plan, &all) => started,
        }
    }

    /// Starts services that do not run, in the order in which a lab starts them.
    ///
    /// Errors: as [`Services::start`]; the others are started all the same.
    pub async fn start_these(&self, lab: &Lab, plan: &Plan, places: &[usize]) -> Result<(), ServiceError> {
        let mut ranks: Vec<(Rank, usize)> = places.iter().map(|place| (rank(plan, *place), *place)).collect();
        ranks.sort_unstable();
        for together in ranks.chunk_by(|one, other| one.0 == other.0) {
            let mut begun = Vec::new();
            for (_, place) in together.iter().filter(|(_, place)| !self.runs(*place)) {
                begun.push(self.begin(lab, plan, *place)?);
            }
            self.wait_until_ready(lab, plan, &begun).await?;
            if together.iter().any(|(_, place)| advertises(plan, *place)) {
                self.wait_for_advice(lab, plan).await?;
            }
        }
        Ok(())
    }

    /// Until links have the addresses that routers advise; one that has none does not end the run.
    async fn wait_for_advice(&self, lab: &Lab, plan: &Plan) -> Result<(), ServiceError> {
        let deadline = Instant::now() + LEASED_WITHIN * self.settings.patience;
        let advised = |node: &&Node| node.links.iter().any(|link| !link.advised.is_empty());
        for node in plan.nodes.iter().filter(advised) {
            match autoconf::wait(node, lab.node(&node.name), deadline).await {
                Ok(true) => {}
                Ok(false) => tracing::warn!(node = %node.name, "no router advised it of an address so far"),
                Err(error) => {
                    let (what, node) = ("the wait for advertisements".to_owned(), node.name.clone());
                    return Err(ServiceError::Start { what, node, cause: std::io::Error::other(error) });
                }
            }
        }
        Ok(())
    }

    /// Starts one.
    fn begin(&self, lab: &Lab, plan: &Plan, place: usize) -> Result<Rc<Running>, ServiceError> {
        let program = program(plan, &plan.services[place], &self.settings)?;
        let running = Rc::new(self.spawn(lab, plan, place, &program)?);
        let mut started = self.started.borrow_mut();
        match started.iter_mut().find(|one| one.place == place) {
            Some(before) => *before = Rc::clone(&running),
            None => started.push(Rc::clone(&running)),
        }
        Ok(running)
    }

    async fn wait_until_ready(
        &self,
        lab: &Lab,
        plan: &Plan,
        begun: &[Rc<Running>],
    ) -> Result<(), ServiceError> {
        let since = Instant::now();
        for running in begun {
            let answers = async {
                match (running.port, plan.node(&running.node)) {
                    (Some(port), Some(node)) => answers_at(lab, node, port).await,
                    _ => std::future::pending().await,
                }
            };
            let within = if running.hoped { LEASED_WITHIN } else { READY_WITHIN };
            match self.wait_ready(running, answers, since, running.ready_within.unwrap_or(within)).await {
                Err(ServiceError::NotReady { what, node, .. }) if running.hoped => {
                    tracing::warn!(%node, "{what} was given no address so far");
                }
                other => other?,
            }
        }
        Ok(())
    }

    async fn wait_ready(
        &self,
        running: &Running,
        answers: impl Future<Output = ()>,
        since: Instant,
        within: Duration,
    ) -> Result<(), ServiceError> {
        let within = within * self.settings.patience;
        let (what, node) = (running.what.clone(), running.node.clone());
        let fault = if running.of_scenario { Fault::Scenario } else { Fault::Ours };
        let mut ready = running.ready.clone();
        tokio::select! {
            biased;
            Ok(_) = ready.wait_for(|times| *times > 0) => Ok(()),
            () = running.end() => Err(ServiceError::Ended {
                what,
                node,
                how: "before it was ready".into(),
                fault,
                last_lines: running.last_lines(),
            }),
            () = answers => Ok(()),
            () = tokio::time::sleep_until(since + within) => Err(ServiceError::NotReady {
                what,
                node,
                seconds: within.as_secs(),
                fault,
                last_lines: running.last_lines(),
            }),
        }
    }

    /// Waits until some service fails; pends for ever while all is well.
    pub async fn failure(&self) -> ServiceError {
        match self.endings.lock().await.recv().await {
            Some(error) => error,
            None => std::future::pending().await,
        }
    }

    /// Whether a service runs; `place` is its place in the plan's list.
    pub fn runs(&self, place: usize) -> bool {
        self.find(place).is_some_and(|running| running.runs())
    }

    fn find(&self, place: usize) -> Option<Rc<Running>> {
        self.started.borrow().iter().find(|one| one.place == place).cloned()
    }

    /// What a service is called in messages of one line.
    pub fn name(&self, place: usize) -> String {
        let Some(running) = self.find(place) else { return "a service".into() };
        match running.what.split_once('\n') {
            Some((first, _)) => format!("{first} …`"),
            None => running.what.clone(),
        }
    }

    /// Ends services on purpose, and waits until they have ended: that is no failure of theirs. Those that ran.
    pub async fn end(&self, places: &[usize], how: End) -> Vec<usize> {
        let all: Vec<_> = places.iter().filter_map(|place| self.find(*place)).collect();
        let running: Vec<_> = all.into_iter().filter(|running| running.runs()).collect();
        running.iter().for_each(|running| running.may_end());
        match how {
            End::AtOnce => {
                running.iter().for_each(|running| running.signal(Signal::SIGKILL));
                for one in &running {
                    one.end().await;
                }
            }
            End::InOrder => stop_all(&running).await,
        }
        running.iter().map(|running| running.place).collect()
    }

    /// Writes a line to the standard input of a service that listens there.
    ///
    /// Errors: it does not, or does not run.
    pub async fn say(&self, place: usize, line: &str) -> std::io::Result<()> {
        match self.find(place) {
            Some(running) => running.say(line).await,
            None => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    /// Lets a DHCP server, which must not run, forget whoever has this Ethernet address; the address that it had given.
    ///
    /// Errors: its file cannot be read or written.
    pub fn forget_lease(
        &self,
        plan: &Plan,
        place: usize,
        mac: Mac,
    ) -> Result<Option<Ipv4Addr>, ServiceError> {
        let service = &plan.services[place];
        let failed = |cause| ServiceError::Start {
            what: "dnsmasq without a lease".into(),
            node: service.node.clone(),
            cause,
        };
        dnsmasq::forget(&home(&service.node), &service.kind, mac).map_err(failed)
    }

    fn spawn(
        &self,
        lab: &Lab,
        plan: &Plan,
        place: usize,
        program: &Program,
    ) -> Result<Running, ServiceError> {
        let service = &plan.services[place];
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
        if let Some(folder) = &program.works_in {
            command.current_dir(folder);
        }
        command.stdin(if program.listens { Stdio::piped() } else { Stdio::null() });
        // A group of its own, so that a signal reaches what it starts, too.
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let namespace = lab.node(&service.node);
        let names = lab.names_of(&service.node);
        let names = names.map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        process::enter_as_service(&mut command, namespace, &names, &self.settings.evidence)
            .map_err(failed)?;
        let child = command.spawn().map_err(|cause| match cause.kind() {
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
        let log = self.settings.logs.join(format!("{}.log", service.node));
        let log = File::options().create(true).append(true).open(log).map_err(failed)?;
        let ears = Ears { log, board: Arc::clone(&self.board), told: self.told.clone() };
        Ok(watch(child, program, service, place, ears))
    }

    /// Waits for the commands whose end the run waits for. All that come back ended well, or were ended on purpose.
    ///
    /// Errors: a command that ended badly or is still running at its deadline, and any other service that fails
    /// meanwhile.
    pub async fn wait_for_commands(&self) -> Result<Vec<Ending>, ServiceError> {
        let begun = Instant::now();
        let mut endings = Vec::new();
        let all = self.started.borrow().clone();
        for running in all.iter().filter(|running| !running.was_to_end()) {
            let Some(within) = running.to_end else { continue };
            let within = within * self.settings.patience;
            let mut ended = running.ended.clone();
            // A bad end is told before it is noted, so it is seen here first.
            let status = tokio::select! {
                biased;
                error = self.failure() => return Err(error),
                status = timeout_at(begun + within, ended.wait_for(Option::is_some)) => status,
            };
            let status = status.ok().and_then(Result::ok).and_then(|status| *status);
            let last_lines = running.last_lines();
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
                Word::Address { of, kept: true, .. } => of.iter().any(|one| one.node == *node),
                _ => false,
            })
        };
        let all = self.started.borrow().clone();
        let clients = all.iter().filter(|one| one.what == DHCP_CLIENT && kept(&one.node));
        let clients: Vec<_> =
            clients.map(|one| (one, *one.ready.borrow())).filter(|(_, times)| *times > 0).collect();
        // Who keeps a client of its own passes it on, and a client that is told twice begins anew.
        clients.iter().for_each(|(client, _)| client.tell(Signal::SIGUSR1));
        let deadline = Instant::now() + RENEWED_WITHIN * self.settings.patience;
        for (client, before) in clients {
            let mut ready = client.ready.clone();
            if timeout_at(deadline, ready.wait_for(|times| *times > before)).await.is_err() {
                tracing::warn!(node = %client.node, "its address was not given again");
            }
        }
    }

    /// Tells every service to end, those that ask first, and waits for it; what does not end in time is killed.
    pub async fn stop(&self) {
        let mut all = std::mem::take(&mut *self.started.borrow_mut());
        all.reverse();
        all.iter().for_each(|running| running.may_end());
        // DHCP clients first: one that was not given its address again would begin anew, and the report would not know why.
        // Then the appliance, while its peers still answer: its last words are facts too.
        let first = |running: &Running| match running.what.as_str() {
            DHCP_CLIENT => 0,
            "fake-appliance" => 1,
            _ => 2,
        };
        all.sort_by_key(|running| first(running));
        for like in all.chunk_by(|one, other| first(one) == first(other)) {
            stop_all(like).await;
        }
        for running in &all {
            let waiter = running.waiter.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
            if let Some(waiter) = waiter {
                // The pipes end with the process, so the readers end too.
                let _ = timeout_at(Instant::now() + END_WITHIN, waiter).await;
            }
        }
    }
}

/// When a service is started: those of one rank together, when all before them are ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    HandsOut,
    IsGiven,
    /// The first camera builds the registry of GStreamer's plugins, which all others then only read.
    ServesFirst,
    Serves,
    Asks,
    Command,
}

fn rank(plan: &Plan, place: usize) -> Rank {
    match &plan.services[place].kind {
        ServiceKind::DhcpServer { .. } | ServiceKind::Advertiser { .. } => Rank::HandsOut,
        // nobody may be given an address before it listens
        ServiceKind::Camera { hostile, .. } if hostile.hands_out.is_some() => Rank::HandsOut,
        ServiceKind::DhcpClient { .. } | ServiceKind::Spare { .. } => Rank::IsGiven,
        ServiceKind::Appliance { .. } | ServiceKind::Operator { .. } => Rank::Asks,
        ServiceKind::Command { instead: true, .. } => {
            let role = plan.node(&plan.services[place].node).map(|node| node.role);
            if role == Some(Role::Camera) { Rank::Serves } else { Rank::Asks }
        }
        ServiceKind::Command { .. } => Rank::Command,
        _ => {
            let mut kinds = plan.services.iter().map(|service| &service.kind);
            let first = kinds.position(|kind| matches!(kind, ServiceKind::Camera { .. }));
            if place <= first.unwrap_or(usize::MAX) { Rank::ServesFirst } else { Rank::Serves }
        }
    }
}

fn advertises(plan: &Plan, place: usize) -> bool {
    matches!(plan.services[place].kind, ServiceKind::Advertiser { .. })
}

/// How often a port is tried that does not answer yet.
const TRIED_EVERY: Duration = Duration::from_millis(20);

/// Waits until a TCP port of a node takes a connection from the node itself, at any of its addresses.
async fn answers_at(lab: &Lab, node: &Node, port: u16) {
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let own = node.links.iter().flat_map(|link| &link.addresses).map(|net| net.addr());
    let sockets: Vec<SocketAddr> = own.chain(loopback).map(|ip| SocketAddr::new(ip, port)).collect();
    let mut again = tokio::time::interval(TRIED_EVERY);
    loop {
        again.tick().await;
        for socket in &sockets {
            if connects(lab.node(&node.name), *socket).await {
                return;
            }
        }
    }
}

async fn connects(namespace: &Namespace, to: SocketAddr) -> bool {
    const PATIENCE: Duration = Duration::from_millis(100);
    let open = || if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let Ok(Ok(socket)) = namespace.inside(open) else { return false };
    matches!(timeout(PATIENCE, socket.connect(to)).await, Ok(Ok(_)))
}

async fn stop_all(running: &[Rc<Running>]) {
    running.iter().for_each(|one| one.signal(Signal::SIGTERM));
    let deadline = Instant::now() + END_WITHIN;
    for one in running {
        if timeout_at(deadline, one.end()).await.is_err() {
            tracing::warn!(node = %one.node, "{} does not end, so it is killed", one.what);
            one.signal(Signal::SIGKILL);
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
