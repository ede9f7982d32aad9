//! What becomes of tracked connections while a run goes on: listened to in every node with rules, kept as evidence, and which way the
//! first packet of each went, for verdicts.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use serde::Serialize;

use crate::evidence::{EvidenceError, RunFile, RunFolder, RunLines};
use crate::kernel::conntrack::{self, Ends, Event, Events, What};
use crate::kernel::{KernelError, Lab};
use crate::names::NodeName;
use crate::observation::TrackedSeen;
use crate::plan::Plan;

/// Events that are kept at most; those after them are counted.
const MOST: u64 = 100_000;

/// A line of the file.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    /// Something became of a connection.
    Event {
        /// When it was read, nanoseconds since 1970.
        at: u64,
        /// Where.
        node: &'a NodeName,
        #[serde(flatten)]
        event: &'a Event,
    },
    /// The last line of a node.
    End {
        node: &'a NodeName,
        /// How many events there were, of which the first 100,000 of all nodes are above.
        events: u64,
        /// How many times the kernel had no room for what it wanted to tell.
        lost: u64,
        /// Why nobody listened to the end, if so.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// Those who listen; dropping it ends them, and what was not yet written is lost.
#[must_use = "listening ends when this value is dropped"]
pub struct Connections {
    over: Arc<EventFd>,
    thread: Option<JoinHandle<Result<Vec<TrackedSeen>, EvidenceError>>>,
}

/// What is heard of one node.
struct Ear {
    node: NodeName,
    events: Events,
    heard: u64,
    error: Option<String>,
    tracked: Vec<TrackedSeen>,
}

impl Connections {
    /// Listens in every node that has rules, and writes what it hears to `connections.jsonl`.
    ///
    /// Errors: the kernel's, as `Ok` within; those of the file.
    pub fn listen(lab: &Lab, plan: &Plan, folder: &RunFolder) -> Result<Connections, KernelError> {
        let filtering = plan.nodes.iter().filter(|node| node.ruleset.is_some());
        let ears = filtering.map(|node| {
            let namespace = lab.node(&node.name);
            let events = Events::of(namespace)?;
            // In a lab that stays some are there already.
            let known = conntrack::tracked(namespace)?;
            let tracked = known.iter().map(|ends| tracked(&node.name, ends)).collect();
            Ok(Ear { node: node.name.clone(), events, heard: 0, error: None, tracked })
        });
        let ears = ears.collect::<Result<Vec<_>, KernelError>>()?;
        let failed = |cause: Errno| KernelError::Socket {
            operation: "listen to what becomes of connections",
            node: "lab".into(),
            cause: cause.into(),
        };
        let over = EventFd::from_flags(EfdFlags::EFD_CLOEXEC).map_err(failed)?;
        let over = Arc::new(over);
        let (waits, folder) = (Arc::clone(&over), folder.clone());
        let thread = std::thread::spawn(move || listen(ears, &waits, &folder));
        Ok(Connections { over, thread: Some(thread) })
    }

    /// Ends it, with all that was told before this call: what was tracked, each once; at most 100,000 beside what was tracked before.
    ///
    /// Errors: those of the file.
    pub fn end(mut self) -> Result<Vec<TrackedSeen>, EvidenceError> {
        self.stop().expect("only `end` and `drop` stop it, and both take it")
    }

    fn stop(&mut self) -> Option<Result<Vec<TrackedSeen>, EvidenceError>> {
        let thread = self.thread.take()?;
        self.over.write(1).expect("the counter is at 0 and takes a 1");
        Some(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = self.stop();
        }
    }
}

fn listen(mut ears: Vec<Ear>, over: &EventFd, folder: &RunFolder) -> Result<Vec<TrackedSeen>, EvidenceError> {
    let mut lines = folder.lines(&RunFile::Connections)?;
    let mut room = MOST;
    loop {
        let ended = wait(&ears, over);
        for ear in ears.iter_mut().filter(|ear| ear.error.is_none()) {
            ear.take(&mut lines, &mut room)?;
        }
        if ended {
            break;
        }
    }
    for Ear { node, events, heard, error, .. } in &ears {
        let (lost, error) = (events.lost(), error.clone());
        lines.add(&Line::End { node, events: *heard, lost, error })?;
    }
    lines.finish()?;
    let all: BTreeSet<_> = ears.into_iter().flat_map(|ear| ear.tracked).collect();
    Ok(all.into_iter().collect())
}

fn tracked(node: &NodeName, ends: &Ends) -> TrackedSeen {
    let kind = if ends.protocol == 6 { "tcp" } else { "udp" };
    TrackedSeen { node: node.clone(), kind: kind.into(), original: ends.original, reply: ends.reply }
}

/// Waits until something was told; true if the end is asked for.
fn wait(ears: &[Ear], over: &EventFd) -> bool {
    let listening = ears.iter().filter(|ear| ear.error.is_none());
    let mut all: Vec<_> = listening.map(|ear| PollFd::new(ear.events.as_fd(), PollFlags::POLLIN)).collect();
    all.push(PollFd::new(over.as_fd(), PollFlags::POLLIN));
    // A signal only makes it look once more.
    let _ = poll(&mut all, PollTimeout::NONE);
    all.last().and_then(PollFd::any).unwrap_or(false)
}

impl Ear {
    fn take(&mut self, lines: &mut RunLines, room: &mut u64) -> Result<(), EvidenceError> {
        let told = match self.events.read() {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(node = %self.node, %error, "what becomes of its connections is not heard any more");
                self.error = Some(error.to_string());
                return Ok(());
            }
        };
        let at = fake_facts::now();
        for event in &told {
            self.heard += 1;
            if *room > 0 {
                *room -= 1;
                let began = event.ends.filter(|_| event.event == What::New);
                self.tracked.extend(began.map(|ends| tracked(&self.node, &ends)));
                lines.add(&Line::Event { at, node: &self.node, event })?;
            }
        }
        Ok(())
    }
}
