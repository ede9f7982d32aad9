//! The documented exit codes, and which of several wins.

use crate::event::Fault;
use crate::verdict::Verdict;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All as expected.
    Expected = 0,
    /// A check failed, a twin was not reported as it expects, a replay differs, a scenario's own process died.
    Failed = 1,
    /// Usage, wrong scenario, a rule file that nft refuses, a damaged run folder.
    Input = 2,
    /// Inconclusive: a missing kernel feature, tool, plugin or right, a control missed, an incomplete run folder.
    Inconclusive = 3,
    /// Our own failure.
    Ours = 4,
    /// Interrupted.
    Interrupted = 130,
}

impl Exit {
    /// The code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Of two endings the one that is reported: 130 beats 4 beats 1 beats 2 beats 3 beats 0.
    pub fn worse(self, other: Exit) -> Exit {
        let rank = |exit: Exit| match exit {
            Exit::Interrupted => 5,
            Exit::Ours => 4,
            Exit::Failed => 3,
            Exit::Input => 2,
            Exit::Inconclusive => 1,
            Exit::Expected => 0,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl From<Fault> for Exit {
    fn from(fault: Fault) -> Exit {
        match fault {
            Fault::Scenario => Exit::Failed,
            Fault::Input => Exit::Input,
            Fault::Host => Exit::Inconclusive,
            Fault::Ours => Exit::Ours,
            Fault::Interrupted => Exit::Interrupted,
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Pass => Exit::Expected,
            Verdict::Fail => Exit::Failed,
            Verdict::Inconclusive => Exit::Inconclusive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_several_scenarios_four_beats_one_beats_two_beats_three() {
        let order = [Exit::Ours, Exit::Failed, Exit::Input, Exit::Inconclusive, Exit::Expected];
        for (better, worse) in order.iter().skip(1).zip(&order) {
            assert_eq!(better.worse(*worse), *worse);
            assert_eq!(worse.worse(*better), *worse);
        }
    }
}
