//! The record of a run, written to its folder.

use serde::Serialize;

use super::{EvidenceError, RunFile, RunFolder};
use crate::record::{Record, filter_lines, passed_lines, record_lines, sent_lines};

impl RunFolder {
    /// Writes what a run did and saw beside packets: `facts.jsonl`, `sent.jsonl`, `filters.jsonl`, `sightings.jsonl`, and
    /// `record.jsonl` last.
    pub fn write_record(&self, record: &Record) -> Result<(), EvidenceError> {
        self.write_lines(&RunFile::Facts, record.facts.iter())?;
        self.write_lines(&RunFile::Sent, sent_lines(record).iter())?;
        self.write_lines(&RunFile::Filters, filter_lines(record))?;
        self.write_lines(&RunFile::Sightings, passed_lines(record))?;
        self.write_lines(&RunFile::Record, record_lines(record))
    }

    fn write_lines(
        &self,
        file: &RunFile,
        mut lines: impl Iterator<Item = impl Serialize>,
    ) -> Result<(), EvidenceError> {
        let mut out = self.lines(file)?;
        lines.try_for_each(|line| out.add(&line))?;
        out.finish()
    }
}
