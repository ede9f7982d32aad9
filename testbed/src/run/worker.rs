//! Inside the lab: build, start, exercise, probe, end; tells the commander as it goes.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fake_facts::{Fact, Video};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::order::{Order, Task};
use crate::event::{Event, Failure, Fault, Stage};
use crate::kernel::enter::{Entered, enter};
use crate::kernel::{KernelError, features, snapshot};
use crate::names::{NodeName, Traffic};
use crate::observation::{AddressesSeen, Conversation, Moment, NodeFact, Observations, OpenSeen};
use crate::plan::{Open, Plan, Role, Vlans, Word};
use crate::probe::{self, Seen, Site, Swept};
use crate::services::{ServiceError, Services, Settings};
use crate::tap::Captured;

/// Longest that video and cloud are waited for beyond the time that the frames themselves take.
const EXERCISE_WITHIN: Duration = Duration::from_secs(8);

/// Room for each service's first words with the cloud.
const CLOUD_SERVICES: [&str; 3] = ["iot", "monitoring", "logs"];

/// Entry of the lab process: reads the order, enters the lab, works. Returns the exit status.
///
/// Must be called before the process has a second thread. Standard output carries events.
pub fn lab_process() -> u8 {
    let teller = Teller::new();
    close_inherited();
    let order = match read_order() {
        Ok(order) => order,
        Err(error) => return teller.fail(ours(format!("the lab got no order: {error}"))),
    };
    let report = |error: &KernelError| {
        teller.fail(kernel_failure(error));
    };
    match enter(&order.root, &report) {
        Ok(Entered::Outer(status)) => u8::try_from(status).unwrap_or(1),
        Ok(Entered::Worker) => work(&order, &teller),
        Err(error) => teller.fail(kernel_failure(&error)),
    }
}

/// Closes what whoever called `testbed` had open: a lab must not get at files that were not handed to it.
fn close_inherited() {
    const FIRST: libc::c_uint = 3;
    #[expect(unsafe_code, reason = "close_range(2) has no safe form")]
    // SAFETY: nothing of ours is open yet but standard input, output and error.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) };
    if closed != 0 {
        // Linux before 5.9; no kernel that has what a lab needs otherwise.
        tracing::warn!("inherited files stay open: {}", io::Error::last_os_error());
    }
}

fn work(order: &Order, teller: &Teller) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return teller.fail(ours(format!("no async runtime: {error}"))),
    };
    let done = runtime.block_on(async {
        tokio::select! {
            done = carry_out(order, teller) => done,
            () = stop_asked() => Err(Failure {
                fault: Fault::Interrupted,
                text: "interrupted".into(),
                node: None,
                last_lines: Vec::new(),
            }),
        }
    });
    match done {
        Ok(seen) => {
            teller.tell(&Event::Observed(Box::new(seen)));
            0
        }
        Err(failure) => teller.fail(failure),
    }
}

async fn carry_out(order: &Order, teller: &Teller) -> Result<Observations, Failure> {
    let asks_for_features = order.plan.checks.iter().any(|check| !check.requires.is_empty());
    let missing = if asks_for_features || order.task == Task::Features {
        features::missing().await.map_err(|error| kernel_failure(&error))?
    } else {
        Vec::new()
    };
    if order.task == Task::Features {
        return Ok(Observations { missing, ..Observations::default() });
    }
    teller.stage(Stage::Build);
    let vlans = vlans(&order.plan).await?;
    let capture = order.run_folder.join("capture.pcapng");
    let site = Site::build(order.plan.clone(), vlans, "site", &order.folder, &capture, key(order, 0)).await;
    let site = site.map_err(|error| kernel_failure(&error))?;
    if order.task == Task::Bench {
        return bench(&site, teller).await;
    }
    take_snapshots(&site, &order.run_folder.join("before")).await?;
    let copy_capture = order.run_folder.join("open-copy.pcapng");
    let copy =
        Site::build(order.plan.opened(), vlans, "open", &order.folder, &copy_capture, key(order, 1)).await;
    let copy = copy.map_err(|error| kernel_failure(&error))?;
    teller.stage(Stage::Start);
    let mut services = Services::new(settings(order));
    let served = serve_and_probe(order, teller, &site, &copy, &mut services).await;
    teller.stage(Stage::End);
    services.stop().await;
    let (swept, opens, commands, addresses) = served.map_err(Failure::from)?;
    take_snapshots(&site, &order.run_folder.join("after")).await?;
    let facts = services.board.all();
    finish(site, copy, swept, opens).map(|mut seen| {
        seen.facts = facts;
        seen.commands = commands;
        seen.addresses = addresses;
        seen.missing = missing;
        seen
    })
}

/// How the site's VLANs are kept apart; not asked of the kernel where there are none.
async fn vlans(plan: &Plan) -> Result<Vlans, Failure> {
    if plan.segments.iter().all(|segment| segment.vlan.is_none()) {
        return Ok(Vlans::Bridges);
    }
    let vlans = features::vlans().await.map_err(|error| kernel_failure(&error))?;
    tracing::info!(?vlans, "VLANs are kept apart");
    Ok(vlans)
}

type Probed = (Vec<Swept>, Vec<OpenSeen>, Vec<crate::observation::CommandEnd>, Vec<AddressesSeen>);

/// Starts the services and probes while video plays; ends at once when a service fails.
async fn serve_and_probe(
    order: &Order,
    teller: &Teller,
    site: &Site,
    copy: &Site,
    services: &mut Services,
) -> Result<Probed, ServiceError> {
    services.start(&site.lab, &order.plan).await?;
    let mut addresses = probe::look_at_addresses(site, Moment::Begun).await;
    teller.stage(Stage::Exercise);
    let board = std::sync::Arc::clone(&services.board);
    let wait = plays_within(&order.plan) * order.patience;
    let plan = &order.plan;
    let exercised = async {
        let enough = |facts: &[NodeFact]| exercised(plan, facts).then_some(());
        board.wait_for(wait, enough).await
    };
    // Probing begins when the appliance is known to live, and goes on while video plays.
    let probed = async {
        let alive = |facts: &[NodeFact]| begun(plan, facts).then_some(());
        board.wait_for(wait, alive).await;
        teller.stage(Stage::Probe);
        probe_all(site, copy, order.patience).await
    };
    let (swept, opens) = {
        let failure = services.failure();
        tokio::select! {
            biased;
            error = failure => return Err(error),
            (_, probed) = async { tokio::join!(exercised, probed) } => probed,
        }
    };
    services.ask_again(&order.plan).await;
    addresses.extend(probe::look_at_addresses(site, Moment::End).await);
    let commands = services.wait_for_commands().await?;
    Ok((swept, opens, commands, addresses))
}

async fn probe_all(site: &Site, copy: &Site, patience: u32) -> (Vec<Swept>, Vec<OpenSeen>) {
    let (mut swept, mut opens) = (Vec::new(), Vec::new());
    for check in &site.plan.checks {
        match &check.word {
            Word::NoReach { aims, alive } => {
                let first = swept.len();
                let (aims, alive) = probe::sweep(site, copy, check, aims, alive, first, patience).await;
                swept.extend(aims);
                opens.extend(alive);
            }
            Word::Reach { opens: wanted } => {
                for open in wanted {
                    opens.push(probe::open(&site.lab, &check.name, open, patience).await);
                }
            }
            Word::Plays { .. }
            | Word::Direction { .. }
            | Word::PeersOf { .. }
            | Word::Members { .. }
            | Word::Clock { .. }
            | Word::Address { .. } => {}
        }
    }
    (swept, opens)
}

/// Closes the captures and joins what was sent with what was seen.
fn finish(site: Site, copy: Site, swept: Vec<Swept>, opens: Vec<OpenSeen>) -> Result<Observations, Failure> {
    let failed = |error: crate::tap::Error| ours(format!("the capture could not be written: {error}"));
    let (Site { capture, filters, ledger, lab, plan, .. }, copy) = (site, copy);
    let captured = capture.finish().map_err(failed)?;
    let copied = copy.capture.finish().map_err(failed)?;
    let here = Seen::new(&captured, &filters, &plan, &ledger);
    let there = Seen::new(&copied, &copy.filters, &copy.plan, &copy.ledger);
    let aims = probe::complete(swept, &here, &there);
    let opens = opens.into_iter().map(|open| find_packets(open, &captured)).collect();
    drop(lab);
    Ok(Observations {
        aims,
        opens,
        taps: captured.health,
        open_taps: copied.health,
        conversations: captured.conversations.clone(),
        stations: captured.stations.clone(),
        dhcp: captured.dhcp.clone(),
        ..Observations::default()
    })
}

/// Finds a conversation that we opened in the capture, by its local port; an answer that the target had no part in is
/// none.
fn find_packets(mut open: OpenSeen, captured: &Captured) -> OpenSeen {
    if open.local_port == 0 {
        return open;
    }
    let Open { from, to, address, .. } = &open.open;
    let is_it = |one: &&Conversation| {
        one.opener.node.as_ref() == Some(from)
            && one.answerer.address == *address
            && one.opener.port == open.local_port
    };
    let found = captured.conversations.iter().find(is_it);
    open.packets = found.map_or((None, None), |found| (Some(found.first_packet), found.answered_packet));
    // Behind an address translation the target sees another conversation, at the same time.
    let until = open.at + open.answered_after_us.unwrap_or(0).saturating_mul(1000);
    let port = found.map_or(0, |found| found.answerer.port);
    let translated = |one: &Conversation| {
        one.answerer.node.as_ref() == Some(to)
            && one.answerer.address == *address
            && one.answerer.port == port
            && one.reached_packet.is_some()
            && (open.at..=until).contains(&one.first_at)
    };
    let reached = found.is_some_and(|found| found.reached_packet.is_some())
        || captured.conversations.iter().any(translated);
    if open.answered_after_us.is_some() && !reached {
        open.answered_after_us = None;
        open.error = Some(format!("somebody else answered: nothing of it reached {to}"));
    }
    open
}

/// The state of every node, one file each in the folder.
async fn take_snapshots(site: &Site, folder: &Path) -> Result<(), Failure> {
    for node in &site.plan.nodes {
        let taken =
            snapshot::take(node, site.lab.node(&node.name)).await.map_err(|error| kernel_failure(&error))?;
        let path = folder.join(format!("{}.json", node.name));
        let written = serde_json::to_vec_pretty(&taken)
            .map_err(io::Error::from)
            .and_then(|text| std::fs::write(&path, text));
        written.map_err(|error| ours(format!("{} could not be written: {error}", path.display())))?;
    }
    Ok(())
}

/// How long the longest `plays` may take.
fn plays_within(plan: &Plan) -> Duration {
    use crate::plan::ServiceKind;
    let slowest = plan.services.iter().filter_map(|service| match service.kind {
        ServiceKind::Camera { fps, .. } => Some(fps),
        _ => None,
    });
    let fps = slowest.min().unwrap_or(15).max(1);
    let most = plan.checks.iter().filter_map(|check| match &check.word {
        Word::Plays { frames, .. } => Some(*frames),
        _ => None,
    });
    EXERCISE_WITHIN + Duration::from_secs(most.max().unwrap_or(0).div_ceil(u64::from(fps)))
}

/// Whether every `plays` has its frames, and the appliance its first words with the cloud.
fn exercised(plan: &Plan, facts: &[NodeFact]) -> bool {
    let played = plan.checks.iter().all(|check| match &check.word {
        Word::Plays { cameras, at, frames, .. } => {
            cameras.iter().all(|camera| played(facts, at, camera, *frames))
        }
        Word::Clock { of, .. } => of.iter().all(|node| {
            facts.iter().any(|fact| fact.node == *node && matches!(fact.line.fact, Fact::Synced { .. }))
        }),
        _ => true,
    });
    played && all_tried(plan, facts) && delivered(plan, facts)
}

/// Whether everybody who plays cameras has had a frame of each, or has failed: who talks with whom is asked of all of
/// them, also where no check waits for their video.
fn all_tried(plan: &Plan, facts: &[NodeFact]) -> bool {
    use crate::plan::ServiceKind;
    let failed = |at: &NodeName, camera: &NodeName| {
        facts.iter().any(|fact| {
            let about = match &fact.line.fact {
                Fact::Failed { about, .. } => about.as_deref(),
                _ => None,
            };
            fact.node == *at && about == Some(camera.as_str())
        })
    };
    plan.services.iter().all(|service| match &service.kind {
        ServiceKind::Appliance { cameras, .. } => cameras
            .iter()
            .map(|source| &source.camera)
            .all(|camera| received(facts, &service.node, camera) > 0 || failed(&service.node, camera)),
        _ => true,
    })
}

/// Whether so many frames arrived, and pictures are made of them: on a slow machine that begins much later.
fn played(facts: &[NodeFact], at: &NodeName, camera: &NodeName, frames: u64) -> bool {
    last_video(facts, at, camera).is_some_and(|video| video.received >= frames && video.decoded > 0)
}

fn received(facts: &[NodeFact], at: &NodeName, camera: &NodeName) -> u64 {
    last_video(facts, at, camera).map_or(0, |video| video.received)
}

fn last_video<'a>(facts: &'a [NodeFact], at: &NodeName, camera: &NodeName) -> Option<&'a Video> {
    facts.iter().rev().find_map(|fact| match &fact.line.fact {
        Fact::Video(video) if fact.node == *at && video.camera == camera.as_str() => Some(video),
        _ => None,
    })
}

fn delivered(plan: &Plan, facts: &[NodeFact]) -> bool {
    use crate::plan::ServiceKind;
    let talks = |service: &&crate::plan::Service| {
        matches!(&service.kind, ServiceKind::Appliance { cloud: Some(_), .. })
    };
    plan.services.iter().filter(talks).all(|service| {
        CLOUD_SERVICES.iter().all(|&wanted| {
            facts.iter().any(|fact| {
                fact.node == service.node
                    && matches!(&fact.line.fact, Fact::Delivered { service, .. } if service == wanted)
            })
        })
    })
}

/// Whether the site lives: video of every camera that is played has begun.
fn begun(plan: &Plan, facts: &[NodeFact]) -> bool {
    plan.checks.iter().all(|check| match &check.word {
        Word::Plays { cameras, at, .. } => cameras.iter().all(|camera| received(facts, at, camera) > 0),
        _ => true,
    })
}

/// A benchmark's end: the last host connects to the router, then all is dropped.
async fn bench(site: &Site, teller: &Teller) -> Result<Observations, Failure> {
    let router = site.plan.nodes.iter().find(|node| node.role == Role::Router);
    let host = site
        .plan
        .nodes
        .iter()
        .rev()
        .find(|node| node.role == Role::Host && node.links[0].segment.as_str() == "hosts");
    let (Some(router), Some(host)) = (router, host) else {
        return Err(ours("the star has no router".into()));
    };
    let gateway = host.routes[0].via;
    let namespace = site.lab.node(&router.name);
    let listen = namespace.inside(|| std::net::TcpListener::bind((gateway, STAR_PORT)));
    let _listener =
        listen.map_err(|error| kernel_failure(&error))?.map_err(|error| ours(error.to_string()))?;
    let open = Open {
        flow: None,
        from: host.name.clone(),
        to: router.name.clone(),
        address: gateway,
        port: Traffic::Tcp(STAR_PORT, STAR_PORT),
    };
    let check = "star".parse().map_err(|_| ours("no name".into()))?;
    let seen = probe::open(&site.lab, &check, &open, 10).await;
    match seen.error {
        Some(error) => Err(ours(format!("the last host could not connect to the router: {error}"))),
        None => {
            teller.stage(Stage::End);
            Ok(Observations::default())
        }
    }
}

/// Port that the star's router lets its hosts connect to.
const STAR_PORT: u16 = 5000;

fn settings(order: &Order) -> Settings {
    Settings {
        programs: order.programs.clone(),
        evidence: order.run_folder.clone(),
        logs: order.run_folder.join("logs"),
        run: order.run,
        camera_password: format!("{:08x}{:08x}", order.run.rotate_left(13) ^ 0x9e37_79b9, order.run),
        patience: order.patience,
    }
}

/// Marks our packets; differs between runs, and between the site and its open copy.
fn key(order: &Order, which: u32) -> u32 {
    order.run.wrapping_mul(0x9e37_79b1).rotate_left(7) ^ 0x7e57_be0d ^ (which << 31)
}

/// Ends when the commander asks for it by a line.
///
/// Not through tokio's standard input: its reader is a thread that nothing ends.
async fn stop_asked() {
    let pipe = io::stdin().as_fd().try_clone_to_owned().and_then(pipe::Receiver::from_owned_fd);
    match pipe {
        Ok(mut pipe) => drop(pipe.read_u8().await),
        // Without it only the life-line is left, which ends the lab too.
        Err(_) => std::future::pending().await,
    }
}

fn kernel_failure(error: &KernelError) -> Failure {
    Failure { fault: error.fault(), text: error.to_string(), node: None, last_lines: Vec::new() }
}

fn ours(text: String) -> Failure {
    Failure { fault: Fault::Ours, text, node: None, last_lines: Vec::new() }
}

/// Reads the order without a buffer: what follows it on standard input is not ours to read ahead.
fn read_order() -> io::Result<Order> {
    Order::read(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// Tells events on standard output, one JSON line each.
struct Teller {
    begun: Instant,
    out: Mutex<io::Stdout>,
}

impl Teller {
    fn new() -> Self {
        Self { begun: Instant::now(), out: Mutex::new(io::stdout()) }
    }

    fn stage(&self, stage: Stage) {
        let at_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(?stage, at_ms, "a stage begins");
        self.tell(&Event::Stage { stage, at_ms });
    }

    fn tell(&self, event: &Event) {
        let Ok(mut text) = serde_json::to_string(event) else { return };
        text.push('\n');
        let mut out = self.out.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // If nobody listens any more the life-line is cut too, and ends us.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn fail(&self, failure: Failure) -> u8 {
        let code = crate::exit::Exit::from(failure.fault).code();
        self.tell(&Event::Failed(failure));
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::example::video;

    #[test]
    fn video_is_played_when_its_frames_came_and_pictures_are_made_of_them() {
        let (app, door) = ("app".parse().expect("a name"), "door".parse().expect("a name"));
        let mut facts = vec![video("app", "door", 1, 9)];
        assert!(played(&facts, &app, &door, 9));
        assert!(!played(&facts, &app, &door, 10), "a frame is still to come");
        if let Fact::Video(video) = &mut facts[0].line.fact {
            video.decoded = 0;
        }
        assert!(!played(&facts, &app, &door, 9), "the decoder is still to begin");
    }
}
