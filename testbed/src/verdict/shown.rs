//! The control of `explained`: what nothing may explain was told at each tap, so that its silence means something.

use crate::observation::Observations;
use crate::plan::Plan;

use super::ControlSeen;
use super::wording::{Reasons, counted, listed};

/// Every tap was shown frames that nothing may explain, and told all of them.
pub(super) fn ask_canaries(plan: &Plan, seen: &Observations, reasons: &mut Reasons) -> ControlSeen {
    let links = plan.nodes.iter().flat_map(|node| node.links.iter().map(move |link| (node, link)));
    let (mut taps, mut told) = (0, 0);
    for (node, link) in links {
        taps += 1;
        let at = format!("{}.{}", node.name, link.name);
        match seen.explained.canaries.iter().find(|one| one.port == link.port) {
            Some(one) if one.shown > 0 && one.explained.is_empty() => told += 1,
            Some(one) if one.shown > 0 => {
                reasons
                    .add("canary", format!("at {at}, {} was taken for explained", listed(&one.explained, 4)));
            }
            _ => reasons.add("canary", format!("{at} was shown nothing that nothing explains")),
        }
    }
    let all = counted(taps, "tap");
    let seen = format!("{told} of {all} told all that was shown to them and that nothing explains");
    ControlSeen { control: "canary".into(), seen, held: !reasons.has("canary") }
}
