//! The instruments behind input filters: who listens there, and what has arrived.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::kernel::nflog::Nflog;
use crate::kernel::nft::{LOG_GROUP, LOG_PROBE};
use crate::kernel::{KernelError, Lab};
use crate::names::NodeName;
use crate::plan::Plan;
use crate::tap::frame::Packet;
use crate::tap::nonce;

/// How often a listener looks whether it should end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A second in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// What one listener has seen.
#[derive(Debug, Default)]
struct Seen {
    probes: HashSet<u32>,
    /// When other packets were logged, nanoseconds since 1970: the signs of life.
    life: Vec<u64>,
    /// Losses so far, and before this stretch.
    lost: (u64, u64),
    broken: bool,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    grown: Condvar,
}

/// The listeners behind the input filters of one site.
#[must_use = "listening ends when this value is dropped"]
#[derive(Debug)]
pub struct Filters {
    nodes: BTreeMap<NodeName, Arc<Shared>>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Filters {
    /// Listens in every node behind whose filter the plan judges.
    pub fn listen(lab: &Lab, plan: &Plan, key: u32) -> Result<Self, KernelError> {
        let mut filters = Self { nodes: BTreeMap::new(), over: Arc::default(), threads: Vec::new() };
        for node in plan.nodes.iter().filter(|node| plan.judges_behind(&node.name)) {
            let namespace = lab.node(&node.name);
            let log = namespace.inside(|| Nflog::bind(LOG_GROUP))?.map_err(|error| KernelError::Socket {
                operation: "listen behind the input filter",
                node: node.name.to_string(),
                cause: std::io::Error::other(error.to_string()),
            })?;
            let shared = Arc::new(Shared::default());
            filters.nodes.insert(node.name.clone(), Arc::clone(&shared));
            let over = Arc::clone(&filters.over);
            filters.threads.push(std::thread::spawn(move || listen(log, &shared, &over, key)));
        }
        Ok(filters)
    }

    /// Begins another stretch: what was seen and lost before it is forgotten.
    pub fn turn(&self) {
        for shared in self.nodes.values() {
            let mut seen = lock(shared);
            seen.probes.clear();
            seen.life.clear();
            seen.lost.1 = seen.lost.0;
        }
    }

    /// Whether the packet with this number has arrived behind the node's filter.
    pub fn arrived(&self, node: &NodeName, number: u32) -> bool {
        self.look(node, |seen| seen.probes.contains(&number)).unwrap_or(false)
    }

    /// Waits until all these numbers have arrived behind the node's filter, at most until the deadline.
    pub fn wait_for(&self, node: &NodeName, numbers: &[u32], deadline: Instant) {
        let Some(shared) = self.nodes.get(node) else { return };
        let mut seen = lock(shared);
        while !numbers.iter().all(|number| seen.probes.contains(number)) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            seen = shared.grown.wait_timeout(seen, left).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    /// Waits until the node's listener has logged another packet after a moment (nanoseconds since 1970), at most until
    /// the deadline. What was logged before that packet has then been read, too.
    pub fn wait_for_life(&self, node: &NodeName, after: u64, deadline: Instant) {
        let Some(shared) = self.nodes.get(node) else { return };
        let mut seen = lock(shared);
        while seen.life.last().is_none_or(|at| *at < after) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            seen = shared.grown.wait_timeout(seen, left).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    /// Whether the listener gave a sign of life in the second before and in the second after packets were sent (from
    /// the first to the last, nanoseconds since 1970), and lost nothing at all.
    pub fn alive(&self, node: &NodeName, first: u64, last: u64) -> bool {
        let within = |life: &[u64], from: u64, to: u64| life.iter().any(|at| (from..=to).contains(at));
        self.look(node, |seen| {
            let whole = seen.lost.0 == seen.lost.1 && !seen.broken;
            whole
                && within(&seen.life, first.saturating_sub(SECOND), last)
                && within(&seen.life, first, last.saturating_add(SECOND))
        })
        .unwrap_or(false)
    }

    fn look<T>(&self, node: &NodeName, look: impl FnOnce(&Seen) -> T) -> Option<T> {
        self.nodes.get(node).map(|shared| look(&lock(shared)))
    }
}

impl Drop for Filters {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, Seen> {
    shared.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn listen(mut log: Nflog, shared: &Shared, over: &AtomicBool, key: u32) {
    while !over.load(Ordering::Relaxed) {
        let received = log.recv(LOOK_EVERY);
        lock(shared).lost.0 = log.lost();
        match received {
            Ok(None) => {}
            Ok(Some(packet)) => {
                let mut seen = lock(shared);
                if packet.prefix == LOG_PROBE
                    && let Some(number) =
                        Packet::of(&packet.payload).and_then(|packet| nonce::of_packet(&packet, key))
                {
                    seen.probes.insert(number);
                } else {
                    // The kernel's own time: on a busy machine we may read it late.
                    seen.life.push(packet.at.unwrap_or_else(fake_facts::now));
                }
                shared.grown.notify_all();
            }
            Err(error) => {
                tracing::warn!(%error, "the instrument behind a filter cannot listen any more");
                lock(shared).broken = true;
                return;
            }
        }
    }
}
