//! The part of SARIF 2.1.0 that is written, under the standard's own names.

use std::collections::BTreeMap;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Log {
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    pub(super) version: &'static str,
    pub(super) runs: Vec<Run>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub(super) tool: Tool,
    pub(super) invocations: Vec<Invocation>,
    pub(super) results: Vec<Outcome>,
    pub(super) column_kind: &'static str,
}

#[derive(Serialize)]
pub(super) struct Tool {
    pub(super) driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Driver {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) information_uri: &'static str,
    pub(super) rules: Vec<Rule>,
    pub(super) notifications: Vec<Descriptor>,
}

/// A kind of result (`reportingDescriptor`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) short_description: Message,
    pub(super) help_uri: &'static str,
}

#[derive(Serialize)]
pub(super) struct Descriptor {
    pub(super) id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_time_utc: Option<String>,
    pub(super) exit_code: u8,
    pub(super) execution_successful: bool,
    pub(super) tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
pub(super) struct Notification {
    pub(super) level: &'static str,
    pub(super) message: Message,
    pub(super) descriptor: Reference,
}

#[derive(Serialize)]
pub(super) struct Reference {
    pub(super) id: &'static str,
    pub(super) index: usize,
}

/// A result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    pub(super) rule_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule_index: Option<usize>,
    pub(super) level: &'static str,
    pub(super) message: Message,
    pub(super) locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) related_locations: Vec<Location>,
    pub(super) partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) suppressions: Vec<Suppression>,
    pub(super) properties: Properties,
}

#[derive(Serialize)]
pub(super) struct Suppression {
    pub(super) kind: &'static str,
    pub(super) justification: String,
}

/// What is of ours: the same words as in `verdicts.json`.
#[derive(Default, Serialize)]
pub(super) struct Properties {
    /// Controls, for example `PAN-NET-04`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<String>,
    pub(super) scenario: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) check: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    /// Numbers in `capture.pcapng`, from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) packets: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) folder: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    /// What a link in the message names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u32>,
    pub(super) physical_location: Physical,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Physical {
    pub(super) artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<Region>,
}

#[derive(Serialize)]
pub(super) struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) snippet: Option<Snippet>,
}

#[derive(Serialize)]
pub(super) struct Snippet {
    pub(super) text: String,
}

impl Artifact {
    /// A path as a URI: relative as it is, absolute as `file://…`.
    pub(super) fn at(path: &Path) -> Self {
        /// All but what RFC 3986 (section 2.3) leaves as it is, and what parts the path.
        const CODED: &AsciiSet =
            &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
        // `./site.yaml` is `site.yaml`, which is how code hosts know it.
        let path: std::path::PathBuf = path.components().collect();
        let path = path.strip_prefix(".").unwrap_or(&path);
        let coded = utf8_percent_encode(&path.to_string_lossy(), CODED).to_string();
        Self { uri: if path.is_absolute() { format!("file://{coded}") } else { coded } }
    }
}

/// A message. A reader fills in `{0}` and makes links of `[text](1)` (sections 3.11.5 and 3.11.6), so that what comes
/// from elsewhere has neither.
#[derive(Serialize)]
pub(super) struct Message {
    text: String,
}

impl Message {
    /// A text that means what it says.
    pub(super) fn plain(text: &str) -> Self {
        Self { text: tame(text) }
    }

    /// A text with a link in it, to the related location of this id.
    pub(super) fn linked(before: &str, link: &str, id: u32, after: &str) -> Self {
        let link = braces(&link.replace('\\', r"\\").replace('[', r"\[").replace(']', r"\]"));
        Self { text: format!("{}[{link}]({id}){}", tame(before), tame(after)) }
    }
}

fn tame(text: &str) -> String {
    if text.contains("](") { braces(&text.replace('[', r"\[").replace(']', r"\]")) } else { braces(text) }
}

/// Braces are doubled where one holds a number. They are common in rules, and mean nothing there else.
fn braces(text: &str) -> String {
    let filled_in = text.split('{').skip(1).any(|rest| {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        after.len() < rest.len() && after.starts_with('}')
    });
    if filled_in { text.replace('{', "{{").replace('}', "}}") } else { text.to_owned() }
}
