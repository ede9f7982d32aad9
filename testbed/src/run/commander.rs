//! Outside the lab: starts it, listens, and always sees its end.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::order::{Ask, Order};
use crate::event::{Event, Failure, Fault, Stage};
use crate::kernel::join::Doors;
use crate::observation::Observations;
use crate::parts;

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

    fn arguments(&self) -> impl Iterator<Item = &'static str> {
        let verbose = std::iter::repeat_n(VERBOSE, self.verbose.into());
        verbose.chain(self.json.then_some(JSON))
    }
}

/// The first argument of the lab's own process.
pub const LAB: &str = "__lab";

const VERBOSE: &str = "verbose";
const JSON: &str = "json";

/// What the lab's process is told of its log, behind [`LAB`]: how often `-v` was given, and whether it writes JSON.
pub fn lab_log(words: impl Iterator<Item = OsString>) -> (u8, bool) {
    words.fold((0, false), |(verbose, json), word| match word.to_str() {
        Some(VERBOSE) => (verbose.saturating_add(1), json),
        Some(JSON) => (verbose, true),
        _ => (verbose, json),
    })
}

/// A lab that runs. It ends when this value is dropped: its life-line is a socket that only we hold.
#[must_use = "the lab ends when this value is dropped"]
#[derive(Debug)]
pub struct Running {
    child: Child,
    lifeline: UnixStream,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Running {
    /// Starts a lab and gives it its order.
    pub async fn start(order: &Order, log: LabLog) -> io::Result<Self> {
        let (ours, its) = Pair::pair()?;
        ours.set_nonblocking(true)?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg(LAB)
            .args(log.arguments())
            .env_clear()
            .envs(
                HANDED_ON
                    .iter()
                    .chain(parts::HANDED_ON)
                    .filter_map(|&name| Some((name, std::env::var_os(name)?))),
            )
            .stdin(Stdio::from(OwnedFd::from(its)))
            .stdout(Stdio::piped())
            .stderr(log.to)
            .kill_on_drop(true)
            .spawn()?;
        tracing::info!(scenario = %order.plan.scenario, pid = child.id(), "a lab starts");
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no pipe from the lab"))?;
        let mut lifeline = UnixStream::from_std(ours)?;
        lifeline.write_all(&order.to_bytes()?).await?;
        let (tell, events) = mpsc::unbounded_channel();
        tokio::spawn(read_events(BufReader::new(stdout), tell));
        Ok(Self { child, lifeline, events })
    }

    /// The lab's next event; none once it can tell no more.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Asks something of the lab. One that is gone already needs no word, so that is no error.
    pub async fn ask(&mut self, ask: &Ask) {
        let Ok(mut line) = serde_json::to_vec(ask) else { return };
        line.push(b'\n');
        let _ = self.lifeline.write_all(&line).await;
    }

    /// The ways into a lab that stays, once it has told that it stands.
    pub fn doors(&self) -> io::Result<Doors> {
        Doors::receive(&self.lifeline)
    }

    /// Cuts the life-line and waits until the lab is gone; how its outer process ended.
    pub async fn gone(self) -> io::Result<String> {
        let Self { mut child, lifeline, .. } = self;
        drop(lifeline);
        match timeout(END_WITHIN, child.wait()).await {
            Ok(status) => Ok(status?.to_string()),
            Err(_) => {
                child.kill().await?;
                Ok("killed, since it did not end".into())
            }
        }
    }
}

/// Starts a lab for an order, hands every event to `listen`, and returns when the lab is gone.
///
/// `interrupted` ends the lab in good order when it becomes ready.
pub async fn command(
    order: &Order,
    log: LabLog,
    mut listen: impl FnMut(&Event),
    interrupted: impl Future<Output = ()>,
) -> Ended {
    let begun = Instant::now();
    let mut stages = Vec::new();
    let mut seen = None;
    let note = |event: Event| {
        listen(&event);
        match event {
            Event::Stage { stage, at_ms } => stages.push((stage, at_ms)),
            Event::Observed(observations) => seen = Some(Ok(*observations)),
            Event::Failed(failure) => {
                seen.get_or_insert(Err(failure));
            }
            Event::Fact(_)
            | Event::Warning { .. }
            | Event::Standing(_)
            | Event::Fallen(_)
            | Event::NotJudged(_)
            | Event::Faulted { .. } => {}
        }
    };
    let how = match Running::start(order, log).await {
        Ok(lab) => follow(lab, note, interrupted).await,
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

/// Reads events until the lab is gone; returns how its outer process ended.
async fn follow(
    mut lab: Running,
    mut note: impl FnMut(Event),
    interrupted: impl Future<Output = ()>,
) -> io::Result<String> {
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            event = lab.next() => match event {
                Some(event) => note(event),
                None => return lab.gone().await,
            },
            () = &mut interrupted => break,
        }
    }
    lab.ask(&Ask::End).await;
    let rest = async {
        while let Some(event) = lab.next().await {
            note(event);
        }
    };
    let _ = timeout(END_WITHIN, rest).await;
    lab.gone().await
}

async fn read_events(mut lines: BufReader<ChildStdout>, tell: mpsc::UnboundedSender<Event>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        let event = match lines.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) if line.len() > LONGEST_EVENT => return,
            Ok(_) => serde_json::from_slice(&line).unwrap_or_else(|error| {
                Event::Failed(ours(format!("the lab said something unheard of: {error}")))
            }),
        };
        if tell.send(event).is_err() {
            return;
        }
    }
}

fn ours(text: String) -> Failure {
    Failure { fault: Fault::Ours, text, node: None, last_lines: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_is_told_of_its_log_what_it_understands() {
        for (verbose, json) in [(0, false), (2, true), (1, false)] {
            let log = LabLog { to: Stdio::null(), verbose, json };
            assert_eq!(lab_log(log.arguments().map(OsString::from)), (verbose, json));
        }
    }
}
