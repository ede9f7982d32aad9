//! How far the colours of a drawing may go by a check: what was seen counts, and green needs all that makes it
//! believable.

use crate::verdict::{CheckVerdict, Verdict};

/// What may be drawn of what a check did not find fault with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It held, with every control.
    Whole,
    /// Something that makes it believable was missed, or it cannot be said where the fault is.
    None,
}

impl Trust {
    /// A check that failed is relied on for whatever it does not name if nothing was missed and each finding is of a pair.
    pub(super) fn of(check: &CheckVerdict) -> Trust {
        let whole = match check.verdict {
            Verdict::Pass => true,
            Verdict::Fail => check.reasons.is_empty() && check.findings.iter().all(|one| one.pair.is_some()),
            Verdict::Inconclusive => false,
        };
        if whole { Trust::Whole } else { Trust::None }
    }
}
