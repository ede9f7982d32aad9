//! What was judged, for readers: terminal, JSON, JUnit, SARIF, Markdown, HTML. Pure rendering.

mod course;
#[cfg(test)]
mod example;
mod html;
mod json;
mod junit;
mod markdown;
mod model;
mod rule_line;
mod rule_place;
mod sarif;
mod schema;
mod suite;
mod text;
mod words;

pub use course::{Course, Span, Stream, course};
pub use html::html;
pub use json::{
    Capture, CheckJson, Counts, FaultJson, FindingJson, PacketJson, PairJson, ProofJson, RunJson, RunsJson,
    StageJson, run_json, runs_json,
};
pub use junit::junit;
pub use markdown::summary_markdown;
pub use model::{Report, StageTime};
pub use sarif::sarif;
pub use schema::verdicts_schema;
pub use suite::summary_text;
pub use text::{Colour, text, timings_text};
