//! The kernel features that a check cannot do without: those that are written, and those that follow from what it does.

use super::super::fault::Fault;
use super::super::model::Word;

/// What is written, and what the check's faults and the checks that it looks at need; sorted, each once.
pub(super) fn required(written: Vec<String>, during: Option<&Fault>, word: &Word) -> Vec<String> {
    let mut faults: Vec<&Fault> = during.into_iter().collect();
    let mut required = written;
    if let Word::After { fault, then, resume, stops, hold, .. } = word {
        faults.extend([fault, then]);
        required.extend(resume.iter().chain(stops).chain(hold).flat_map(|one| one.requires.iter().cloned()));
    }
    required.extend(faults.into_iter().filter_map(Fault::needs).map(str::to_owned));
    required.sort();
    required.dedup();
    required
}
