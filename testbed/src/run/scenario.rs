//! One scenario from plan to verdict: run folder, lab, judgement, evidence.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use super::commander::{Ended, LabLog, command};
use super::counting;
use super::order::{Order, Task};
use crate::event::{Event, Failure, Fault, Stage};
use crate::evidence::{EvidenceError, Host, RunFile, RunFolder, RunInfo, RunReader, annotations};
use crate::kernel::root::Root;
use crate::observation::{Observations, TapHealth};
use crate::parts;
use crate::plan::{Plan, ServiceKind, plan};
use crate::report::{Course, Report, StageTime, course};
use crate::scenario::Unsupported;
use crate::scenario::model::Scenario;
use crate::scenario::twin::Twin;
use crate::twin::compare;
use crate::verdict::{Judgement, judge};
use crate::{load, report, tap};

/// What the user may set about a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where run folders go.
    pub out: PathBuf,
    /// Folder with the fakes: beside this program.
    pub programs: PathBuf,
    /// Whether negatives that do not say what they send cover everything.
    pub exhaustive: bool,
    /// Whether a second lab, whose rules count, tells which rules nothing uses.
    pub count_rules: bool,
    /// Multiplies every deadline; 1 and more.
    pub patience: u32,
    /// Whether scenarios may run commands of their own.
    pub allow_run: bool,
    /// Folders that the lab may read beside the scenario's.
    pub allow_paths: Vec<PathBuf>,
    /// Checks that may stay inconclusive for want of a kernel feature.
    pub accept: Vec<Unsupported>,
    /// How often `-v` was given; from once on the lab's own log goes to our standard error, not to the run folder.
    pub verbose: u8,
    /// Whether logs are JSON lines.
    pub json_logs: bool,
}

/// The fakes; the lab sees these files and nothing else of their folder.
pub const FAKES: [&str; 3] = ["fake-camera", "fake-cloud", "fake-appliance"];

/// Folders of the host that a lab has of its own; a scenario cannot lie right there.
const TAKEN: [&str; 10] = ["/", "/bin", "/dev", "/etc", "/lib", "/proc", "/run", "/sbin", "/sys", "/usr"];

/// Runs one scenario, or one broken twin; `folder` is the scenario's. What went wrong is in the report.
pub async fn run(
    scenario: &Scenario,
    twin: Option<&Twin>,
    folder: &Path,
    options: &Options,
    listen: impl FnMut(&Event),
    interrupted: impl Future<Output = ()>,
) -> Report {
    let mut report = empty_report(scenario);
    report.accept = accepted(&options.accept, scenario, twin);
    let done = carry_out(scenario, twin, folder, options, listen, interrupted, &mut report).await;
    report.failure = done.err();
    report
}

/// The scenario as it is run: as it is written, or with everything sent.
pub(super) fn covering<'s>(scenario: &'s Scenario, options: &Options) -> Cow<'s, Scenario> {
    if options.exhaustive { Cow::Owned(scenario.exhaustive()) } else { Cow::Borrowed(scenario) }
}

/// What a list of checks that may stay inconclusive says of a scenario, or of a twin of it.
pub(super) fn accepted(list: &[Unsupported], scenario: &Scenario, twin: Option<&Twin>) -> Vec<Unsupported> {
    let of = twin.map_or(&scenario.name, |twin| &twin.of);
    list.iter().filter(|one| one.scenario == *of).cloned().collect()
}

/// The report of a scenario that was not even begun.
pub fn not_run(scenario: &Scenario, failure: Failure) -> Report {
    Report { failure: Some(failure), ..empty_report(scenario) }
}

pub(super) fn empty_report(scenario: &Scenario) -> Report {
    let plan = Plan {
        scenario: scenario.name.clone(),
        documents: scenario.documents.clone(),
        segments: Vec::new(),
        switches: Vec::new(),
        nodes: Vec::new(),
        services: Vec::new(),
        flows: Vec::new(),
        checks: Vec::new(),
        remarks: Vec::new(),
    };
    Report {
        file: None,
        started: SystemTime::now(),
        plan,
        rules: BTreeMap::new(),
        rule_use: Vec::new(),
        planned: scenario.checks.len(),
        judgement: Judgement { scenario: scenario.name.clone(), checks: Vec::new() },
        stages: Vec::new(),
        taps: TapHealth::default(),
        open_taps: TapHealth::default(),
        in_force: Vec::new(),
        faults: Vec::new(),
        course: Course::default(),
        packets: BTreeMap::new(),
        folder: None,
        twin: None,
        accept: Vec::new(),
        broken_part: parts::broken(),
        failure: None,
    }
}

async fn carry_out(
    scenario: &Scenario,
    twin: Option<&Twin>,
    folder: &Path,
    options: &Options,
    mut listen: impl FnMut(&Event),
    interrupted: impl Future<Output = ()>,
    report: &mut Report,
) -> Result<(), Failure> {
    let scenario = &covering(scenario, options);
    report.plan = planned(scenario)?;
    report.rules = rules(&report.plan, folder);
    let root = may_run(&report.plan, folder, options)?;
    let name = twin.map_or(&scenario.name, |twin| &twin.name);
    let evidence = RunFolder::create(&options.out, report.started, name)?;
    report.folder = Some(evidence.path().to_owned());
    write_plan(&evidence, scenario, &report.plan, folder)?;
    let order = order(&report.plan, &evidence, root, folder, options, Task::Run)?;
    let info = RunInfo::begun(report.started, order.run, twin, &report.accept);
    evidence.write_json(&RunFile::Run, &info)?;
    let log = lab_log(&evidence, options)?;
    let mut interrupted = pin!(interrupted);
    let Ended { seen, stages, total_ms } = command(&order, log, &mut listen, interrupted.as_mut()).await;
    report.stages = stage_times(&stages, total_ms);
    if options.count_rules && seen.is_ok() {
        let counted = counting::count(&evidence, &order, report, interrupted).await;
        if let Err(Failure { text, .. }) = counted {
            let text = format!("which rules are never used is not known: {text}");
            listen(&Event::Warning { text });
        }
    }
    conclude(&evidence, info, twin, seen, report)
}

/// The order for a lab that may see `root` of the host, and write to the folder of the evidence.
pub(super) fn order(
    plan: &Plan,
    evidence: &RunFolder,
    root: Root,
    folder: &Path,
    options: &Options,
    task: Task,
) -> Result<Order, Failure> {
    // The lab has another working folder than we have, so the path is made whole.
    let run_folder = std::fs::canonicalize(evidence.path()).map_err(|error| ours(error.to_string()))?;
    Ok(Order {
        plan: plan.clone(),
        folder: folder.to_owned(),
        root: Root { write: vec![run_folder.clone()], ..root },
        run_folder,
        programs: options.programs.clone(),
        run: getrandom::u32().map_err(|error| ours(error.to_string()))?,
        patience: options.patience,
        task,
        counting: false,
    })
}

/// Judges what was seen and keeps it; of a run that failed, why.
pub(super) fn conclude(
    evidence: &RunFolder,
    info: RunInfo,
    twin: Option<&Twin>,
    seen: Result<Observations, Failure>,
    report: &mut Report,
) -> Result<(), Failure> {
    evidence.write_json(&RunFile::Run, &info.ended(&report.stages, seen.as_ref().err()))?;
    let seen = seen?;
    settle(report, twin, &seen);
    report.rule_use = counting::rule_use(&RunReader::of(evidence.path()), &report.plan);
    report.packets = cited(evidence, &report.judgement)?;
    keep(evidence, &seen, report)
}

/// The packets that the judgement cites, in words.
fn cited(evidence: &RunFolder, judgement: &Judgement) -> Result<BTreeMap<u64, String>, Failure> {
    let wanted = annotations(judgement).into_keys().collect();
    let path = evidence.file(&RunFile::Capture);
    let unreadable = |text: String| ours(format!("{} could not be read: {text}", path.display()));
    let capture = std::fs::File::open(&path).map_err(|error| unreadable(error.to_string()))?;
    tap::decoded(capture, &wanted).map_err(unreadable)
}

/// Judges what was seen.
pub(super) fn settle(report: &mut Report, twin: Option<&Twin>, seen: &Observations) {
    report.judgement = judge(&report.plan, seen);
    (report.taps, report.open_taps) = (seen.taps, seen.open_taps);
    (report.in_force, report.faults) = (seen.in_force.clone(), seen.faults.clone());
    report.course = course(seen);
    report.twin = twin.map(|twin| compare(twin, &report.judgement));
}

/// How long each stage took, from when each began.
pub(super) fn stage_times(stages: &[(Stage, u64)], total_ms: u64) -> Vec<StageTime> {
    let ends = stages.iter().skip(1).map(|(_, at)| *at).chain([total_ms]);
    let took = |((stage, begun), end): (&(Stage, u64), u64)| StageTime {
        stage: *stage,
        took: Duration::from_millis(end.saturating_sub(*begun)),
    };
    stages.iter().zip(ends).map(took).collect()
}

/// The plan of a scenario, or its mistakes as a failure.
pub fn planned(scenario: &Scenario) -> Result<Plan, Failure> {
    plan(scenario).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Failure { fault: Fault::Input, text: lines.join("\n"), node: None, last_lines: Vec::new() }
    })
}

/// The rule files of a plan, for readers of a report. One that cannot be read stops the lab, which says so.
pub(super) fn rules(plan: &Plan, folder: &Path) -> BTreeMap<String, String> {
    let of_nodes = plan.nodes.iter().filter_map(|node| node.ruleset.as_deref());
    load::texts(folder, of_nodes.chain(plan.switches.iter().map(|switch| switch.ruleset.as_str())))
}

/// What the lab may see of the host, once everything that needs permission has it.
pub(super) fn may_run(plan: &Plan, folder: &Path, options: &Options) -> Result<Root, Failure> {
    let failure = |fault, text| Failure { fault, text, node: None, last_lines: Vec::new() };
    let command = plan.services.iter().find(|service| matches!(service.kind, ServiceKind::Command { .. }));
    if let Some(service) = command
        && !options.allow_run
    {
        let text = format!(
            "the scenario runs a command of its own in `{}`; allow that with --allow-run",
            service.node
        );
        return Err(failure(Fault::Input, text));
    }
    if TAKEN.iter().any(|taken| folder == Path::new(taken)) {
        let text = format!(
            "a scenario cannot lie right in {}: the lab has that folder of its own",
            folder.display()
        );
        return Err(failure(Fault::Input, text));
    }
    let fakes: Vec<PathBuf> = FAKES.iter().map(|name| options.programs.join(name)).collect();
    if let Some(missing) = fakes.iter().find(|path| !path.exists()) {
        let text = format!("{} is missing: build the whole workspace with `cargo build`", missing.display());
        return Err(failure(Fault::Host, text));
    }
    let read = fakes.into_iter().chain([folder.to_owned()]).chain(options.allow_paths.iter().cloned());
    Ok(Root { read: read.collect(), write: Vec::new() })
}

pub(super) fn lab_log(evidence: &RunFolder, options: &Options) -> Result<LabLog, Failure> {
    let log = |to| LabLog { to, verbose: options.verbose, json: options.json_logs };
    if options.verbose > 0 {
        return Ok(log(Stdio::inherit()));
    }
    let path = evidence.file(&RunFile::LabLog);
    let file = std::fs::File::create(&path);
    file.map(|file| log(file.into()))
        .map_err(|error| ours(format!("{} could not be written: {error}", path.display())))
}

/// What is asked, what will be built, where, and of which files of the scenario's folder.
pub(super) fn write_plan(
    evidence: &RunFolder,
    scenario: &Scenario,
    plan: &Plan,
    folder: &Path,
) -> Result<(), Failure> {
    // JSON is YAML (YAML 1.2.2, section 1.3), and leaves no doubt about what is text and what is a number.
    evidence.write_json(&RunFile::Scenario, scenario)?;
    evidence.write_json(&RunFile::Plan, plan)?;
    evidence.write_json(&RunFile::Host, &host())?;
    plan.files().into_iter().try_for_each(|file| evidence.keep(folder, file))?;
    Ok(())
}

fn host() -> Host {
    let name = nix::sys::utsname::uname();
    let text = |part: Option<&std::ffi::OsStr>| {
        part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let (release, version) = name
        .as_ref()
        .map_or_else(|_| Default::default(), |name| (text(Some(name.release())), text(Some(name.version()))));
    Host {
        testbed: env!("CARGO_PKG_VERSION").into(),
        kernel: format!("{release} {version}"),
        machine: name.as_ref().map_or_else(|_| String::new(), |name| text(Some(name.machine()))),
        processors: std::thread::available_parallelism().map_or(0, usize::from),
        root: nix::unistd::geteuid().is_root(),
        ..Host::default()
    }
}

/// What was seen, put together, and what it came to; `verdicts.json` last. The raw record lies there already.
fn keep(evidence: &RunFolder, seen: &Observations, report: &Report) -> Result<(), Failure> {
    let mut probes = evidence.lines(&RunFile::Probes)?;
    seen.aims.iter().try_for_each(|aim| probes.add(aim))?;
    seen.opens.iter().try_for_each(|open| probes.add(open))?;
    probes.finish()?;
    evidence.write_json(&RunFile::Flows, &seen.conversations)?;
    let cited = annotations(&report.judgement);
    if !cited.is_empty() {
        tap::annotate(&evidence.file(&RunFile::Capture), &cited)
            .map_err(|error| ours(format!("the capture could not be commented: {error}")))?;
    }
    evidence.write(&RunFile::Junit, report::junit(std::slice::from_ref(report)).as_bytes())?;
    evidence.write(&RunFile::Report, report::html(report).as_bytes())?;
    evidence.seal(report::run_json(report).as_bytes())?;
    Ok(())
}

impl From<EvidenceError> for Failure {
    fn from(error: EvidenceError) -> Failure {
        ours(error.to_string())
    }
}

/// A failure of our own.
pub fn ours(text: String) -> Failure {
    Failure { fault: Fault::Ours, text, node: None, last_lines: Vec::new() }
}
