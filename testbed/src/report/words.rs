//! Words that several reports share.

use std::time::{Duration, UNIX_EPOCH};

use super::Report;
use crate::event::{Fault, Stage};
use crate::scenario::model::{Place, Proof};
use crate::utc::Utc;
use crate::verdict::Verdict;

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Inconclusive => "INCONCLUSIVE",
    }
}

pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Enter => "enter",
        Stage::Build => "build",
        Stage::Start => "start",
        Stage::Exercise => "exercise",
        Stage::Probe => "probe",
        Stage::End => "end",
    }
}

/// Whose fault it is that a run ended early.
pub(super) fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Scenario => "the scenario's own process",
        Fault::Input => "the scenario",
        Fault::Host => "this host",
        Fault::Ours => "the testbed itself",
        Fault::Interrupted => "an interruption",
    }
}

/// `PAN-NET-04`, or `PAN-SGL-02 (part)`.
pub(super) fn proof(proof: &Proof) -> String {
    if proof.part { format!("{} (part)", proof.control) } else { proof.control.to_string() }
}

/// `scenarios/t3.yaml:31`.
pub(super) fn place(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}

/// Seconds with two digits after the point.
pub(super) fn seconds(took: Duration) -> String {
    format!("{:.2} s", took.as_secs_f64())
}

/// The text on one line, without anything that a terminal would obey: control characters (line ends and escape
/// sequences among them) and those that turn the direction of writing are shown by their number.
pub(super) fn harmless(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Nanoseconds since 1970 as people write the moment.
fn utc(at: u64) -> String {
    Utc::from(UNIX_EPOCH + Duration::from_nanos(at)).rfc3339()
}

/// What was broken by hand while a lab was judged, a line each; what a check breaks is told by the check.
pub(super) fn by_hand(report: &Report) -> Vec<String> {
    let before = report.in_force.iter().map(|fault| format!("{fault}, in force from the beginning"));
    let since = report.faults.iter().filter(|fault| fault.by_hand);
    let since = since.map(|one| format!("{} at {}: {}", one.fault, utc(one.at), one.done));
    before.chain(since).collect()
}

/// What a report says of a broken part of the testbed, if there was one.
pub(super) fn broken_part(report: &Report) -> Option<String> {
    let part = report.broken_part?;
    Some(format!("this run had {part} ({}): what it says of the site is worth nothing", part.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_reaches_the_terminal_as_a_command() {
        assert_eq!(harmless("plain ä → text"), "plain ä → text");
        assert_eq!(harmless("a\x1b[31mb\nc\u{202e}d\u{9b}"), "a\\u{1b}[31mb\\nc\\u{202e}d\\u{9b}");
    }
}
