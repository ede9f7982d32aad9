//! Service of the plan → the command line of a real program, and the files it reads.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::logins::{self, Login};
use super::{ServiceError, appliance, camera, dnsmasq, lease};
use crate::kernel::root::STATE;
use crate::names::NodeName;
use crate::plan::{Monitors, Plan, Service, ServiceKind};
use crate::scenario::model::Sign;

/// What all services of a run share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder with `fake-camera`, `fake-cloud`, `fake-appliance`.
    pub programs: PathBuf,
    /// The run folder; no service sees it.
    pub evidence: PathBuf,
    /// Where each node's log goes: `<node>.log`.
    pub logs: PathBuf,
    /// The run's number, written into every frame.
    pub run: u32,
    /// Multiplies every deadline; 1 and more.
    pub patience: u32,
    /// The scenario's folder.
    pub folder: PathBuf,
}

/// A program to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// What it is, for messages: `fake-camera`, `dnsmasq`, …
    pub what: String,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub ready: Ready,
    /// Whether every line on standard output is a fact.
    pub facts: bool,
    /// Whether an end before its time is the scenario's fault.
    pub of_scenario: bool,
    /// Whether it is told things on its standard input.
    pub listens: bool,
    /// How long it may take to be ready; none: as long as our own.
    pub ready_within: Option<Duration>,
    /// Where it works; none: where the lab does.
    pub works_in: Option<PathBuf>,
}

/// How a program says that it is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// By the fact `ready` on standard output.
    Fact,
    /// By a line with this text, on standard error or where no facts are said.
    Line(String),
    /// The same, but the run goes on without.
    Hoped(String),
    /// By a TCP port of the node that takes a connection.
    Port(u16),
    /// It does not say so.
    AtOnce,
}

/// Folder in which a node's service keeps its files, on the lab's tmpfs.
pub(super) fn home(node: &NodeName) -> PathBuf {
    Path::new(STATE).join("services").join(node.as_str())
}

/// Where a camera of ours keeps the video that it repeats, once it is ready.
pub(crate) fn clip(camera: &NodeName) -> PathBuf {
    home(camera).join("clip.h264")
}

/// Where a cloud of ours logs the secrets of its TLS sessions.
pub(crate) fn key_log(cloud: &NodeName) -> PathBuf {
    home(cloud).join("cloud").join("tls-keys.log")
}

/// Turns a service of the plan into a program, writing the files it reads.
pub(super) fn program(plan: &Plan, service: &Service, settings: &Settings) -> Result<Program, ServiceError> {
    let home = home(&service.node);
    let failed = |what: &str| {
        let (what, node) = (what.to_owned(), service.node.clone());
        move |cause: io::Error| ServiceError::Start { what, node, cause }
    };
    fs::create_dir_all(&home).map_err(failed("the folder"))?;
    match &service.kind {
        ServiceKind::Cloud { .. } => {
            let cloud = fake(settings, "fake-cloud", cloud_arguments(&home, &service.kind));
            Ok(Program { listens: true, ..cloud })
        }
        ServiceKind::Clock { listen, upstream } => {
            let mut arguments = vec!["serve".into(), "--dir".into(), text(&home.join("clock"))];
            arguments
                .extend(listen.iter().flat_map(|address| ["--bind".to_owned(), format!("ntp={address}")]));
            arguments.extend(upstream.map(|address| format!("--upstream={address}")));
            Ok(fake(settings, "fake-cloud", arguments))
        }
        ServiceKind::Resolver { listen, upstream, sets, refuses_inward } => {
            dnsmasq::forwarder(listen, *upstream, sets, *refuses_inward)
        }
        ServiceKind::DhcpServer { .. } => dnsmasq::dhcp_server(&home, &service.kind),
        ServiceKind::Advertiser { link, prefixes } => dnsmasq::advertiser(&home, link, prefixes),
        ServiceKind::DhcpClient { link, asks, default_route, routes, spare } => {
            let client = lease::client(&home, *asks, *default_route, routes).map_err(failed("udhcpc"))??;
            Ok(match spare {
                None => lease::of_link(client, link),
                Some(spare) => lease::of_either(client, &settings.programs, &home, (link, spare)),
            })
        }
        ServiceKind::Spare { main, spare } => Ok(fake(settings, "fake-appliance", lease::ports(main, spare))),
        ServiceKind::Camera { rtsp, .. } => {
            let secret = home.join("password");
            let password = Login::of(&service.node, settings.run).password;
            write_secret(&secret, &password).map_err(failed("fake-camera"))?;
            let arguments = camera::arguments(service, &secret, settings);
            let node = service.node.clone();
            let arguments = arguments.map_err(|cause| ServiceError::Recording { node, cause })?;
            let camera = fake(settings, "fake-camera", arguments);
            // One that cannot be served ends it, with the reason.
            Ok(Program { of_scenario: rtsp.recordings().next().is_some(), ..camera })
        }
        ServiceKind::Appliance { .. } => {
            let file = home.join("config.json");
            let config = appliance::config(plan, service, settings).to_string();
            write_secret(&file, &config).map_err(failed("fake-appliance"))?;
            Ok(fake(settings, "fake-appliance", vec!["run".into(), "--config".into(), text(&file)]))
        }
        ServiceKind::Operator { cloud, sessions } => {
            let client = cloud_folder(cloud).join("client.json");
            let mut arguments = vec!["operate".into(), "--client".into(), text(&client)];
            arguments.extend(sessions.then(|| "--sessions".to_owned()));
            Ok(Program { listens: true, ..fake(settings, "fake-appliance", arguments) })
        }
        ServiceKind::Command { .. } => own_command(plan, service, &home, settings),
    }
}

/// A command of the scenario's, told where the cloud's files are and how cameras are asked.
fn own_command(
    plan: &Plan,
    service: &Service,
    home: &Path,
    settings: &Settings,
) -> Result<Program, ServiceError> {
    let ServiceKind::Command { command, ready, environment, files, .. } = &service.kind else {
        unreachable!("only called for one")
    };
    let (program, arguments) = command.split_first().ok_or_else(|| ServiceError::Missing {
        program: "the command".into(),
        cure: format!("write one for `{}`", service.node),
    })?;
    let works_in = (!files.is_empty()).then(|| home.join("work"));
    if let Some(folder) = &works_in {
        lay_out(folder, files, settings).map_err(|cause| ServiceError::Start {
            what: "the files of the command".into(),
            node: service.node.clone(),
            cause,
        })?;
    }
    let program = match (program.contains('/'), &works_in) {
        // One of its own files, perhaps.
        (true, Some(folder)) => folder.join(program),
        (true, None) => PathBuf::from(program),
        (false, _) => find(program, "that has it, or write its whole path")?,
    };
    let mut all = vec![("TESTBED_CLOUD_DIR".into(), cloud_home(plan))];
    all.extend(logins::environment(plan, &service.node, settings.run));
    all.extend(environment.clone());
    let sign = ready.as_ref().map_or(Ready::AtOnce, |ready| match &ready.sign {
        Sign::Line(line) => Ready::Line(line.clone()),
        Sign::Port(port) => Ready::Port(*port),
    });
    Ok(Program {
        what: format!("the command `{}`", command.join(" ")),
        program,
        arguments: arguments.to_vec(),
        environment: all,
        ready: sign,
        facts: false,
        of_scenario: true,
        listens: false,
        ready_within: ready.as_ref().map(|ready| ready.within),
        works_in,
    })
}

/// Longest file that a command is given, bytes: it is copied into memory.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Copies files of the scenario's folder into a new folder, where the command may write.
fn lay_out(folder: &Path, files: &BTreeMap<String, String>, settings: &Settings) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir_all(folder)?,
    }
    for (name, path) in files {
        let from = settings.folder.join(path);
        let found = fs::metadata(&from).map_err(|cause| about(path, &cause))?;
        if found.len() > LONGEST {
            return Err(io::Error::other(format!("{path} has more than 64 MiB")));
        }
        fs::copy(&from, folder.join(name)).map_err(|cause| about(path, &cause))?;
    }
    Ok(())
}

fn about(path: &str, cause: &io::Error) -> io::Error {
    io::Error::new(cause.kind(), format!("{path}: {cause}"))
}

fn cloud_arguments(home: &Path, cloud: &ServiceKind) -> Vec<String> {
    let mut arguments: Vec<String> = ["serve", "--control", "--dir"].map(str::to_owned).to_vec();
    arguments.push(text(&home.join("cloud")));
    let ServiceKind::Cloud {
        region,
        names,
        binds,
        spares,
        things,
        scanners,
        clock_offset,
        monitors,
        credentials_last,
        signatures_last,
        throttles,
        believes,
    } = cloud
    else {
        return arguments;
    };
    arguments.extend(["--region".into(), region.clone(), "--names".into(), spelled(names)]);
    arguments.push(format!("--clock-offset={clock_offset}"));
    for thing in things {
        arguments.extend(["--thing".into(), thing.to_string()]);
    }
    for thing in scanners {
        arguments.extend(["--job".into(), format!("{thing}=scan-cameras")]);
    }
    if let Some(Monitors { devices, every }) = monitors {
        arguments.push(format!("--monitor-every={}", every.as_millis()));
        arguments.extend(devices.iter().flat_map(|device| ["--device".into(), device.to_string()]));
    }
    for flag in ["credentials", "sessions"] {
        arguments.extend(credentials_last.map(|last| format!("--{flag}-last={}", last.as_secs())));
    }
    arguments.extend(signatures_last.map(|last| format!("--signatures-last={}", last.as_secs())));
    arguments.extend(believes.iter().map(|wrong| format!("--believe={wrong}")));
    arguments.extend(throttles.iter().map(|(service, many)| format!("--throttle={}={many}", service.word())));
    for (service, address) in binds {
        arguments.extend(["--bind".into(), format!("{}={address}", spelled(service))]);
    }
    for address in spares {
        arguments.extend(["--spare".into(), address.to_string()]);
    }
    arguments
}

/// The spelling that scenario files and the fakes' command lines share.
pub(super) fn spelled(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Where a cloud node keeps its files.
pub(super) fn cloud_folder(cloud: &NodeName) -> PathBuf {
    home(cloud).join("cloud")
}

/// Folder of the site's first cloud, for a scenario's own commands; empty where there is none.
fn cloud_home(plan: &Plan) -> String {
    let cloud = plan.services.iter().find(|service| matches!(service.kind, ServiceKind::Cloud { .. }));
    cloud.map(|service| text(&cloud_folder(&service.node))).unwrap_or_default()
}

fn fake(settings: &Settings, name: &str, arguments: Vec<String>) -> Program {
    Program {
        what: name.into(),
        program: settings.programs.join(name),
        arguments,
        environment: Vec::new(),
        ready: Ready::Fact,
        facts: true,
        of_scenario: false,
        listens: false,
        ready_within: None,
        works_in: None,
    }
}

pub(super) fn find(program: &str, package: &str) -> Result<PathBuf, ServiceError> {
    let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let found = folders.iter().map(|folder| Path::new(folder).join(program)).find(|path| path.exists());
    found.ok_or_else(|| ServiceError::Missing {
        program: program.into(),
        cure: format!("install the package {package}"),
    })
}

fn write_secret(path: &Path, content: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, content.as_bytes())
}

pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
