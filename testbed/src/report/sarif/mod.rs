//! SARIF 2.1.0, which code hosts show at the lines concerned: a result for each thing that is not as it should be.
//! What passes is no result.

mod format;
mod results;
mod texts;

use format::{
    Descriptor, Driver, Invocation, Log, Message, Notification, Outcome, Reference, Rule, Run, Tool,
};

use super::Report;
use super::words::{fault, harmless};
use crate::exit::Exit;
use crate::utc::Utc;

/// Where the format is published (errata 01 of the OASIS standard).
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One document over all runs, as one run of the tool, and how the command ends.
///
/// - A fail is an error for each finding, at the line of the check, with the line of the rule that let it through.
/// - What is inconclusive is a warning; one that a list accepts is suppressed, with the reason.
/// - A broken twin that is not reported as it expects is an error for each difference, an undecided one a warning.
/// - A broken part of the testbed is an error.
/// - A run that ended before its time is an error, and the invocation was not successful.
///
/// The id of a rule (in SARIF's sense) is the check's word, or `twin`, or `run`. Tags of a result are the controls.
pub fn sarif(reports: &[Report], exit: Exit) -> String {
    let mut results: Vec<Outcome> = reports.iter().flat_map(results::of).collect();
    let mut rules: Vec<Rule> = results.iter().map(|result| texts::rule(&result.rule_id)).collect();
    rules.sort_by(|one, other| one.id.cmp(&other.id));
    rules.dedup_by(|one, other| one.id == other.id);
    for result in &mut results {
        result.rule_index = rules.iter().position(|rule| rule.id == result.rule_id);
    }
    let driver = Driver {
        name: "testbed",
        version: env!("CARGO_PKG_VERSION"),
        information_uri: env!("CARGO_PKG_REPOSITORY"),
        rules,
        notifications: vec![Descriptor { id: "ended-early" }],
    };
    let run = Run {
        tool: Tool { driver },
        invocations: vec![invocation(reports, exit)],
        results,
        // Places of a scenario count characters, not the halves that UTF-16 has.
        column_kind: "unicodeCodePoints",
    };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: vec![run] };
    let mut text = serde_json::to_string_pretty(&log).expect("these types have string keys only");
    text.push('\n');
    text
}

fn invocation(reports: &[Report], exit: Exit) -> Invocation {
    let notes = reports.iter().filter_map(|report| {
        let failure = report.failure.as_ref()?;
        let name = &report.plan.scenario;
        let lines: Vec<String> = failure.text.lines().map(harmless).collect();
        let by = fault(failure.fault);
        let text = format!("{name} ended before its time, by {by}: {}", lines.join("\n"));
        Some(Notification {
            level: "error",
            message: Message::plain(&text),
            descriptor: Reference { id: "ended-early", index: 0 },
        })
    });
    let notes: Vec<_> = notes.collect();
    Invocation {
        start_time_utc: reports.iter().map(|report| report.started).min().map(|at| Utc::from(at).rfc3339()),
        exit_code: exit.code(),
        execution_successful: notes.is_empty(),
        tool_execution_notifications: notes,
    }
}

#[cfg(test)]
mod tests;
