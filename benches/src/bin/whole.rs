//! Runs a program and tells what all of it took: time, and memory of all its processes at once.
//!
//! `whole COMMAND…` passes on what COMMAND prints and how it ends; its own line comes last, on standard error.

use std::collections::{HashMap, HashSet};
use std::env;
use std::fs;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// Time between two looks at the processes.
const EVERY: Duration = Duration::from_millis(250);

/// Memory at one moment, in kB of proportional set size: what is shared counts once in all.
#[derive(Debug, Clone, Default)]
struct Memory {
    all: u64,
    processes: usize,
    /// Of the largest process that has the command's own name.
    own: u64,
}

#[expect(clippy::print_stderr, reason = "a program's result and its failure")]
fn main() -> ExitCode {
    match measure(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok((text, status)) => {
            eprintln!("{text}");
            ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
        }
        Err(error) => {
            eprintln!("whole: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(command: &[String]) -> anyhow::Result<(String, ExitStatus)> {
    let [program, arguments @ ..] = command else { bail!("name the command to measure") };
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {program}"))?;
    let name = program.rsplit('/').next().unwrap_or(program);
    let (status, peak) = watch(&mut child, name)?;
    let text = format!(
        "took {:.1} s; at most {} MB in {} processes, {} MB in the largest {}",
        begun.elapsed().as_secs_f64(),
        peak.all / 1000,
        peak.processes,
        peak.own / 1000,
        name,
    );
    Ok((text, status))
}

/// Looks at the program and all that it started until it has ended: the most memory seen.
fn watch(child: &mut Child, name: &str) -> anyhow::Result<(ExitStatus, Memory)> {
    // The kernel keeps 15 bytes of it (proc(5), `comm`).
    let name = name.get(..15).unwrap_or(name);
    let mut peak = Memory::default();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, peak));
        }
        let now = memory(child.id(), name);
        peak.own = peak.own.max(now.own);
        if now.all > peak.all {
            (peak.all, peak.processes) = (now.all, now.processes);
        }
        thread::sleep(EVERY);
    }
}

fn memory(root: u32, name: &str) -> Memory {
    let mut memory = Memory::default();
    for process in descendants(root) {
        let Some(size) = proportional_set_size(process) else { continue };
        memory.all += size;
        memory.processes += 1;
        if name_of(process).as_deref() == Some(name) {
            memory.own = memory.own.max(size);
        }
    }
    memory
}

/// The process and all below it.
fn descendants(root: u32) -> HashSet<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for process in processes {
        children.entry(parent_of(process).unwrap_or(0)).or_default().push(process);
    }
    let (mut found, mut waiting) = (HashSet::new(), vec![root]);
    while let Some(process) = waiting.pop() {
        if found.insert(process) {
            waiting.extend(children.get(&process).into_iter().flatten());
        }
    }
    found
}

/// The fourth field of `/proc/PID/stat` (proc(5)); the second, a name in parentheses, may hold anything.
fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn name_of(process: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{process}/comm")).ok()?.trim().to_owned())
}

fn proportional_set_size(process: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?.split_whitespace().next()?.parse().ok()
}
