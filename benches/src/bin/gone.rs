//! Runs a program that builds and tears down a star, and adds how long the kernel took until all of it was gone.
//!
//! `gone COMMAND…`: COMMAND prints one line of JSON as in `bench::line` when its teardown call has returned. The
//! line is printed again with `gone_ms` and `peak_kb`.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bench::line::Line;
use bench::userns::{self, Inside};
use nix::sched::CloneFlags;
use nix::sys::resource::{UsageWho, getrusage};

/// The longest removal seen, of 1000 namespaces on a loaded machine, took a few seconds.
const PATIENCE: Duration = Duration::from_secs(90);

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's result and its failure")]
fn main() -> ExitCode {
    match measure(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("gone: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(command: &[String]) -> anyhow::Result<String> {
    let [program, arguments @ ..] = command else { bail!("name the command to measure") };
    userns::enter(Inside::Myself, CloneFlags::empty()).context("making a user namespace")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {program}"))?;
    let output = child.stdout.take().expect("stdout was piped");
    // Held open until the program has ended: what it says later must not break it.
    let mut output = BufReader::new(output);
    let (mut line, at) = read_line(&mut output).with_context(|| program.clone())?;
    let gone = userns::wait_until_gone(PATIENCE).context("waiting for the kernel")?;
    let status = child.wait()?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    line.gone_ms = Some(line.call_ms + (gone - at).as_secs_f64() * 1e3);
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    line.peak_kb = Some(u64::try_from(peak).context("peak memory")?);
    Ok(serde_json::to_string(&line)?)
}

/// The first line that is a result, and when it came; lines before it are the program's own talk.
fn read_line(output: impl BufRead) -> anyhow::Result<(Line, Instant)> {
    for text in output.lines() {
        if let Ok(line) = serde_json::from_str(&text?) {
            return Ok((line, Instant::now()));
        }
    }
    bail!("printed no result")
}
