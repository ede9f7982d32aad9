//! The cameras' video, kept with the evidence and looked for in the capture: the same in a live run and from its folder.

use std::collections::BTreeSet;
use std::io;

use crate::evidence::{Damage, EvidenceError, RunFile, RunFolder, RunReader};
use crate::names::NodeName;
use crate::observation::TaintSeen;
use crate::plan::{Plan, Word};
use crate::record::{Which, key};
use crate::services;
use crate::tap::{self, Port};

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

/// Looks for them, and for the cameras' password, in the capture of the run with this number; none if no check asks for it.
///
/// Errors: the capture cannot be read.
pub(super) fn search(reader: &RunReader, plan: &Plan, run: u32) -> Result<Option<TaintSeen>, Damage> {
    let cameras = looked_for(plan);
    if cameras.is_empty() {
        return Ok(None);
    }
    let clips = cameras.into_iter().map(|camera| (camera.clone(), reader.clip(camera))).collect();
    let capture = reader.capture(&RunFile::Capture)?;
    let found = tap::taint::search(
        capture,
        Port::all_of(plan),
        &clips,
        &services::camera_password(run),
        key(run, Which::Site),
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
