//! Outside the lab: starts it, listens, and always sees its end.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::order::Order;
use crate::event::{Event, Failure, Fault, Stage};
use crate::observation::Observations;

/// How long a lab may take to end in good order after it was asked to; then its life-line is cut.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Of the user's environment the lab gets these: whatever else is there is nobody's business in it.
const HANDED_ON: [&str; 4] = ["RUST_LOG", "RUST_BACKTRACE", "TESTBED_FAKE_LOG", "LLVM_PROFILE_FILE"];

/// Longest event, bytes: the observations of a big sweep fit.
const LONGEST_EVENT: usize = 1024 * 1024 * 1024;

/// What a lab ended with.
#[derive(Debug)]
pub struct Ended {
    /// What was seen, or why the run ended before its time.
    pub seen: Result<Observations, Failure>,
    /// When each stage began, milliseconds since the lab's start; the last is the end of all.
    pub stages: Vec<(Stage, u64)>,
    /// How long the lab lived in all, milliseconds.
    pub total_ms: u64,
}

/// Where the lab's own log goes, and what it tells.
#[derive(Debug)]
pub struct LabLog {
    /// A file, or our own standard error.
    pub to: Stdio,
    /// How often `-v` was given.
    pub verbose: u8,
    /// JSON lines instead of text.
    pub json: bool,
}

impl LabLog {
    /// Warnings and errors, to our own standard error.
    pub fn ours() -> Self {
        Self { to: Stdio::inherit(), verbose: 0, json: false }
    }

    fn arguments(&self) -> Vec<&'static str> {
        let mut arguments = vec!["-v"; usize::from(self.verbose)];
        if self.json {
            arguments.extend(["--log-format", "json"]);
        }
        arguments
    }
}

/// Starts a lab for an order, hands every event to `listen`, and returns when the lab is gone.
///
/// `interrupted` ends the lab in good order when it becomes ready. The lab also ends when this process does, however
/// that happens: its life-line is a pipe that only we hold.
pub async fn command(
    order: &Order,
    log: LabLog,
    mut listen: impl FnMut(&Event),
    interrupted: impl Future<Output = ()>,
) -> Ended {
    let begun = std::time::Instant::now();
    let mut stages = Vec::new();
    let mut seen = None;
    let mut note = |event: Event| {
        listen(&event);
        match event {
            Event::Stage { stage, at_ms } => stages.push((stage, at_ms)),
            Event::Observed(observations) => seen = Some(Ok(*observations)),
            Event::Failed(failure) => {
                seen.get_or_insert(Err(failure));
            }
            Event::Fact(_) | Event::Warning { .. } => {}
        }
    };
    let how = match start(order, log).await {
        Ok((child, lifeline)) => follow(child, lifeline, &mut note, interrupted).await,
        Err(error) => Err(error),
    };
    tracing::info!(scenario = %order.plan.scenario, took = ?begun.elapsed(), "the lab is gone");
    let total_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let seen = match (seen, how) {
        (Some(seen), _) => seen,
        (None, Ok(how)) => Err(ours(format!("the lab ended by itself ({how})"))),
        (None, Err(error)) => Err(ours(format!("the lab could not be started: {error}"))),
    };
    Ended { seen, stages, total_ms }
}

async fn start(order: &Order, log: LabLog) -> io::Result<(Child, ChildStdin)> {
    let mut child = Command::new(own_program()?)
        .args(log.arguments())
        .arg("__lab")
        .env_clear()
        .envs(HANDED_ON.iter().filter_map(|&name| Some((name, std::env::var_os(name)?))))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log.to)
        .kill_on_drop(true)
        .spawn()?;
    tracing::info!(scenario = %order.plan.scenario, pid = child.id(), "a lab starts");
    let mut lifeline = child.stdin.take().ok_or_else(|| io::Error::other("no pipe to the lab"))?;
    lifeline.write_all(&order.to_bytes()?).await?;
    lifeline.flush().await?;
    Ok((child, lifeline))
}

fn own_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// Reads events until the lab is gone; returns how its outer process ended.
async fn follow(
    mut child: Child,
    lifeline: ChildStdin,
    note: &mut impl FnMut(Event),
    interrupted: impl Future<Output = ()>,
) -> io::Result<String> {
    let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no pipe from the lab"))?;
    let mut lines = BufReader::new(stdout);
    let mut lifeline = Some(lifeline);
    {
        let reading = read_events(&mut lines, note);
        tokio::pin!(reading);
        tokio::pin!(interrupted);
        tokio::select! {
            () = &mut reading => {}
            () = &mut interrupted => {
                if let Some(pipe) = &mut lifeline {
                    // A lab that is gone already needs no word.
                    let _ = pipe.write_all(b"\n").await;
                    let _ = pipe.flush().await;
                }
                let _ = timeout(END_WITHIN, &mut reading).await;
            }
        }
    }
    drop(lifeline);
    match timeout(END_WITHIN, child.wait()).await {
        Ok(status) => Ok(status?.to_string()),
        Err(_) => {
            child.kill().await?;
            Ok("killed, since it did not end".into())
        }
    }
}

async fn read_events(lines: &mut (impl AsyncBufReadExt + Unpin), note: &mut impl FnMut(Event)) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) if line.len() > LONGEST_EVENT => return,
            Ok(_) => match serde_json::from_slice(&line) {
                Ok(event) => note(event),
                Err(error) => {
                    note(Event::Failed(ours(format!("the lab said something unheard of: {error}"))))
                }
            },
        }
    }
}

fn ours(text: String) -> Failure {
    Failure { fault: Fault::Ours, text, node: None, last_lines: Vec::new() }
}
