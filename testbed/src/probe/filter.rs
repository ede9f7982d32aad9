//! The instruments behind input filters: who listens there, and what has arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{FilterLog, Logged};
use crate::kernel::nflog::Nflog;
use crate::kernel::nft::{LOG_GROUP, LOG_PROBE};
use crate::kernel::{KernelError, Lab};
use crate::names::NodeName;
use crate::plan::Plan;
use crate::tap::frame::Packet;
use crate::tap::nonce;

/// How often a listener looks whether it should end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What one listener has seen.
#[derive(Debug, Default)]
struct Seen {
    /// Since the beginning of this stretch.
    log: FilterLog,
    /// Losses before this stretch.
    lost_before: u64,
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
            seen.lost_before += seen.log.lost;
            seen.log = seen.log.next();
        }
    }

    /// The numbers of the packets that have arrived behind the node's filter so far, ascending.
    pub fn all_arrived(&self, node: &NodeName) -> BTreeSet<u32> {
        self.nodes.get(node).map(|shared| lock(shared).log.all_arrived().collect()).unwrap_or_default()
    }

    /// Waits until all these numbers have arrived behind the node's filter, at most until the deadline; whether they have.
    pub fn wait_for(&self, node: &NodeName, numbers: &[u32], deadline: Instant) -> bool {
        let Some(shared) = self.nodes.get(node) else { return false };
        let mut seen = lock(shared);
        while !numbers.iter().all(|number| seen.log.arrived(*number)) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            seen = shared.grown.wait_timeout(seen, left).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
        true
    }

    /// Waits until the node's listener has logged another packet after a moment (nanoseconds since 1970), at most until
    /// the deadline. What was logged before that packet has then been read, too.
    pub fn wait_for_life(&self, node: &NodeName, after: u64, deadline: Instant) {
        let Some(shared) = self.nodes.get(node) else { return };
        let mut seen = lock(shared);
        while seen.log.latest_life().is_none_or(|at| at < after) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            seen = shared.grown.wait_timeout(seen, left).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    /// What each has logged in this stretch, so far.
    pub fn logs(&self) -> BTreeMap<NodeName, FilterLog> {
        self.nodes.iter().map(|(node, shared)| (node.clone(), lock(shared).log.clone())).collect()
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
        note_lost(shared, log.lost());
        match received {
            Ok(None) => {}
            Ok(Some(packet)) => {
                let is_probe = packet.prefix == LOG_PROBE;
                let read = Packet::of(&packet.payload).filter(|_| is_probe);
                // The kernel's own time: on a busy machine we may read it late.
                let at = packet.at.unwrap_or_else(fake_facts::now);
                let probe = read.and_then(|packet| nonce::of_packet(&packet, key));
                lock(shared).log.add(Logged { at, probe });
                shared.grown.notify_all();
            }
            Err(error) => {
                tracing::warn!(%error, "the instrument behind a filter cannot listen any more");
                lock(shared).log.broken = true;
                return;
            }
        }
    }
}

/// `lost`: how many times so far, over all stretches.
fn note_lost(shared: &Shared, lost: u64) {
    let mut seen = lock(shared);
    seen.log.lost = lost.saturating_sub(seen.lost_before);
}
