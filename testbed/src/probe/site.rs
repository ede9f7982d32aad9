//! A live site as a prober sees it: its lab, its taps, its instruments, its ledger.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::room::Room;
use crate::kernel::ring::Ring;
use crate::kernel::{KernelError, Lab};
use crate::names::{LinkName, NodeName};
use crate::plan::{Plan, Vlans, Wiring, wiring};
use crate::probe::{Filters, Ledger};
use crate::tap::{self, Capture, Captured, Inventory, MAX_BYTES, Port, Settings, Watch};

/// A site with everything that sees packets in it.
#[must_use = "the site goes when this value is dropped"]
pub struct Site {
    /// The namespaces; let go of first, so that the kernel takes them apart while listeners and taps end.
    pub lab: Lab,
    /// Its plan; the open copy's differs from the site's own.
    pub plan: Plan,
    /// How its VLANs are kept apart.
    pub vlans: Vlans,
    /// Listeners behind input filters.
    pub filters: Filters,
    /// The taps.
    pub capture: Capture,
    /// Where they are.
    pub ports: Vec<Port>,
    /// Looks at what the taps see.
    pub watch: Watch,
    /// Numbers of the packets sent here.
    pub ledger: Ledger,
    /// Marks our packets here.
    pub key: u32,
    /// So many probes are sent before the taps are waited for: a ring that is never full drops nothing.
    pub batch: u32,
    /// Ports that a check has left without carrier.
    dark: Mutex<BTreeSet<LinkName>>,
    /// Whether a node that was off has its links again, and not all else of it.
    rising: AtomicBool,
}

impl Site {
    /// Builds the site of a plan, its taps open before its first link is up; they store what they see in `capture`.
    pub async fn build(
        plan: Plan,
        vlans: Vlans,
        prefix: &str,
        folder: &Path,
        capture: Option<&Path>,
        key: u32,
        patience: u32,
    ) -> Result<Site, KernelError> {
        let failed = |operation, cause: String| KernelError::Socket {
            operation,
            node: "fabric".into(),
            cause: std::io::Error::other(cause),
        };
        let Room { block, blocks, batch } = Room::of(&plan, patience);
        let open = move || Ring::open(block, blocks);
        let wiring = wiring(&plan, vlans);
        let (mut lab, ring) = Lab::create(&plan, &wiring, prefix, folder, open).await?;
        let ring = ring.map_err(|error| failed("open the taps", error.to_string()))?;
        lab.raise(&plan, &wiring, folder, key).await?;
        let ports = ports(&plan, &wiring, &lab);
        let settings = Settings {
            ports: ports.clone(),
            inventory: Inventory::of(&plan),
            file: capture.map(Path::to_owned),
            max_bytes: MAX_BYTES,
            key,
        };
        let capture =
            Capture::start(ring, settings).map_err(|error| failed("write the capture", error.to_string()))?;
        let filters = Filters::listen(&lab, &plan, key)?;
        let watch = capture.watch();
        Ok(Site {
            plan,
            batch,
            vlans,
            filters,
            capture,
            ports,
            watch,
            lab,
            ledger: Ledger::default(),
            key,
            dark: Mutex::default(),
            rising: AtomicBool::default(),
        })
    }

    /// From now on these ports have no carrier, and no others: an attacker behind one of them attacks by its spare.
    pub fn without_carrier(&self, ports: &[LinkName]) {
        *self.dark() = ports.iter().cloned().collect();
    }

    /// From now on a node that was off has its links again, and what else it needs is still missing; or that is over.
    pub fn rises(&self, so: bool) {
        self.rising.store(so, Ordering::Relaxed);
    }

    /// Whether one has.
    pub(super) fn is_rising(&self) -> bool {
        self.rising.load(Ordering::Relaxed)
    }

    /// The link by which a node sends what would leave by this one, and its port: its spare if it has no carrier; none if
    /// there is no such.
    pub fn way_out(&self, node: &NodeName, link: &LinkName) -> Option<(&LinkName, &LinkName)> {
        let node = self.plan.node(node)?;
        let own = node.links.iter().find(|one| one.name == *link)?;
        let dark = self.dark();
        let mut ways = std::iter::once(own).chain(node.spare_of(link));
        ways.find(|link| !dark.contains(&link.port)).map(|link| (&link.name, &link.port))
    }

    fn dark(&self) -> MutexGuard<'_, BTreeSet<LinkName>> {
        self.dark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins another stretch of everything that sees packets here; the taps store it in a file, if one is given.
    ///
    /// Errors: those of [`Capture::turn`].
    pub fn begin(&self, capture: Option<&Path>) -> Result<(), tap::Error> {
        self.filters.turn();
        self.capture.turn(capture.map(Path::to_owned)).map(drop)
    }

    /// Ends a stretch of the taps: what they saw in it. What the filters saw stays until the next one begins.
    ///
    /// Errors: those of [`Capture::turn`].
    pub fn end(&self) -> Result<Captured, tap::Error> {
        self.capture.turn(None)
    }
}

/// One port per link, in the plan's order: the end of its cable, and the tag where that carries several.
fn ports(plan: &Plan, wiring: &Wiring<'_>, lab: &Lab) -> Vec<Port> {
    let mut carried = HashMap::new();
    for cable in &wiring.cables {
        let number = lab.port(&cable.port);
        carried.extend(cable.carries.iter().map(|(link, vlan)| (&link.port, (number, vlan.map(u16::from)))));
    }
    let mut ports = Port::all_of(plan);
    for port in &mut ports {
        (port.ifindex, port.tag) = carried[&port.name];
    }
    ports
}
