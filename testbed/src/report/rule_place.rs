//! Where the rule stands that let a packet through.

use std::path::{Path, PathBuf};

use super::Report;
use super::rule_line::rule_line;
use crate::names::NodeName;
use crate::plan::Plan;
use crate::verdict::{CheckVerdict, Finding};

/// A place in a rule file.
pub(super) struct RulePlace<'a> {
    /// The device that has loaded it, and should have stopped the packet.
    pub(super) device: &'a str,
    /// What nft's trace names.
    pub(super) by: &'a str,
    /// The file, from where the scenario's own file counts.
    pub(super) file: PathBuf,
    /// Line, from 1, and its text; none if the rule's text is not found in the file.
    pub(super) line: Option<(u32, &'a str)>,
}

/// The place of the rule that a finding names, if it names one of a device that has a rule file.
pub(super) fn rule_place<'a>(
    report: &'a Report,
    check: &CheckVerdict,
    finding: &'a Finding,
) -> Option<RulePlace<'a>> {
    let by = finding.by.as_deref()?;
    let stops_at = finding.stops_at.as_ref()?;
    let (device, ruleset) = ruled(&report.plan, stops_at)?;
    // All paths of a scenario count from its folder.
    let file = Path::new(&check.place.file).with_file_name("").join(ruleset);
    let line = report.rules.get(ruleset).and_then(|text| {
        let line = rule_line(text, by)?;
        Some((line, text.lines().nth(line as usize - 1)?.trim()))
    });
    Some(RulePlace { device, by, file, line })
}

/// Who has the rules that should stop what goes to a node, and in which file: the node itself, or else the switch that it is
/// plugged into.
fn ruled<'a>(plan: &'a Plan, stops_at: &NodeName) -> Option<(&'a str, &'a String)> {
    let node = plan.node(stops_at)?;
    let of_switch = || {
        let mut plugged = plan.switches.iter();
        let switch = plugged.find(|one| one.plugged.iter().any(|(name, _)| name == stops_at))?;
        Some((switch.name.as_str(), &switch.ruleset))
    };
    node.ruleset.as_ref().map(|file| (node.name.as_str(), file)).or_else(of_switch)
}
