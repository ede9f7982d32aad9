//! `attacks`: hostile cameras did what they are there for. What was not done nobody held against: then nothing is shown.

use fake_facts::Fact;

use crate::names::NodeName;
use crate::observation::Observations;
use crate::plan::{Plan, ServiceKind};

use super::judge::Draft;
use super::wording::counted;

pub(super) fn draft(plan: &Plan, of: &[NodeName], seen: &Observations) -> Draft {
    let (mut draft, mut done) = (Draft::default(), 0);
    if of.is_empty() {
        draft.reasons.add("vacuous", "no camera is named");
    }
    for camera in of {
        let acts = acts(plan, camera);
        if acts.is_empty() {
            draft
                .reasons
                .add("camera", format!("{camera} has no camera service in the plan that is hostile"));
        }
        for act in acts {
            match was_done(seen, camera, act) {
                true => done += 1,
                false => draft.reasons.add("attack", format!("{camera} never did what its `{act}` says")),
            }
        }
    }
    let cameras = counted(of.len(), "camera");
    draft.summary = format!("{} by {cameras} took place", counted(done, "attack"));
    draft
}

/// All that a camera is there for.
pub(crate) fn acts(plan: &Plan, camera: &NodeName) -> Vec<&'static str> {
    let mut services = plan.services.iter().filter(|service| service.node == *camera);
    let acts = services.find_map(|service| match &service.kind {
        ServiceKind::Camera { hostile, .. } => Some(hostile.acts()),
        _ => None,
    });
    acts.unwrap_or_default()
}

fn was_done(seen: &Observations, camera: &NodeName, act: &str) -> bool {
    let did = |fact: &Fact| matches!(fact, Fact::Attacked { what } if what == act);
    seen.facts.iter().any(|fact| fact.node == *camera && did(&fact.line.fact))
}
