//! The cameras' video, kept with the evidence and looked for in the capture, as is text of RTSP: the same in a live run and from its folder.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use crate::evidence::{Damage, EvidenceError, RunFile, RunFolder, RunReader};
use crate::names::NodeName;
use crate::observation::{FaultSeen, Observations, TaintSeen};
use crate::plan::fault::{Fault, Plug};
use crate::plan::{Check, Node, Plan, Word};
use crate::record::{Which, key};
use crate::services;
use crate::tap::taint::Unsettled;
use crate::tap::{self, Port};

/// A node takes note of a carrier, moves to a spare, or back, within this, times the run's patience.
const SETTLED_WITHIN: Duration = Duration::from_secs(1);

/// Keeps the video of every camera that a check looks for. One that a camera has not made is left out: the search says
/// that it is missing.
pub(super) fn keep_clips(plan: &Plan, evidence: &RunFolder) -> Result<(), EvidenceError> {
    for camera in looked_for(plan) {
        let from = services::clip(camera);
        match std::fs::read(&from) {
            Ok(clip) => evidence.write(&RunFile::Clip(camera.clone()), &clip)?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                tracing::warn!(%camera, "it made no clip");
            }
            Err(cause) => return Err(EvidenceError::Write { path: from, cause }),
        }
    }
    Ok(())
}

/// Looks for them, for all cameras' passwords and for text of RTSP in the capture of the run with this number; none if no check asks for it.
/// What else was `seen` of it says when switches may have flooded.
///
/// Errors: the capture cannot be read.
pub(super) fn search(
    reader: &RunReader,
    plan: &Plan,
    run: u32,
    seen: &Observations,
) -> Result<Option<TaintSeen>, Damage> {
    let cameras = looked_for(plan);
    let reads_rtsp = |check: &Check| matches!(check.word, Word::Rtsp { nowhere_else: true, .. });
    if cameras.is_empty() && !plan.checks.iter().any(reads_rtsp) {
        return Ok(None);
    }
    let clips = cameras.into_iter().map(|camera| (camera.clone(), reader.clip(camera))).collect();
    let key_log = tap::secrets(reader.capture(&RunFile::Capture)?);
    let capture = reader.capture(&RunFile::Capture)?;
    let found = tap::taint::search(
        capture,
        Port::all_of(plan),
        &clips,
        &services::camera_passwords(plan, run),
        key(run, Which::Site),
        &unsettled(plan, &seen.faults, seen.patience),
        &key_log,
    );
    found.map(Some).map_err(|text| Damage::Wrong { file: RunFile::Capture.path(), line: None, text })
}

fn looked_for(plan: &Plan) -> BTreeSet<&NodeName> {
    let cameras = plan.checks.iter().flat_map(|check| match &check.word {
        Word::Taint { cameras, .. } => cameras.as_slice(),
        _ => &[],
    });
    cameras.collect()
}

/// When switches may have forgotten whom: around each fault that takes a carrier or gives it back.
fn unsettled(plan: &Plan, faults: &[FaultSeen], patience: u32) -> Vec<Unsettled> {
    let settled = SETTLED_WITHIN * patience.max(1);
    let around = |one: &FaultSeen| {
        let until = one.done_at.saturating_add(u64::try_from(settled.as_nanos()).unwrap_or(u64::MAX));
        let from = one.at;
        let nodes: BTreeSet<&NodeName> = carriers(plan, &one.fault).into_iter().collect();
        nodes.into_iter().map(move |node| Unsettled { node: node.clone(), from, until }).collect::<Vec<_>>()
    };
    faults.iter().flat_map(around).collect()
}

/// Whose carriers a fault changes.
fn carriers<'p>(plan: &'p Plan, fault: &Fault) -> Vec<&'p NodeName> {
    let plugs: Vec<&Plug> = match fault {
        Fault::Cut(plugs) | Fault::Heal(plugs) => plugs.iter().collect(),
        Fault::Flap { plug, .. } => vec![plug],
        Fault::Swap(one, other) => vec![one, other],
        Fault::Kill(running) | Fault::Stop(running) | Fault::Restart(running) => {
            running.whole.iter().flatten().collect()
        }
        Fault::HealAll => return plan.nodes.iter().map(|node| &node.name).collect(),
        Fault::Reload { .. }
        | Fault::Refuse { .. }
        | Fault::FillState { .. }
        | Fault::ClearState { .. }
        | Fault::ExpireLease(_)
        | Fault::MoveName { .. }
        | Fault::Rate { .. }
        | Fault::Impair { .. } => vec![],
    };
    let has = |node: &Node, plug: &Plug| node.links.iter().any(|link| plug.ports.contains(&link.port));
    let nodes = plan.nodes.iter().filter(|node| plugs.iter().any(|plug| has(node, plug)));
    nodes.map(|node| &node.name).collect()
}
