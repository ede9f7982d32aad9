//! The testbed's own parts, each of which a test can break: whether a run that has one broken is noticed by its controls.
//!
//! Any build knows the names, so that it can read of one in a record. Only a build with the feature `broken-parts` can break
//! one, and only when told so by [`VARIABLE`]; tests are built with it, what is shipped is not
//! (`docs/decisions/023-the-testbeds-own-parts-have-twins.md`).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(all(feature = "broken-parts", not(debug_assertions)))]
compile_error!("the feature `broken-parts` is for tests: a release cannot be built with it");

/// A part that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The taps see what leaves a node, and nothing of what comes to one.
    BlindTap,
    /// The searcher for video and passwords finds nothing.
    FindsNothing,
    /// The matcher finds an explanation for every frame.
    ExplainsAll,
    /// The prober enters its packets in the ledger, and sends none.
    SendsNothing,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 4] = [Part::BlindTap, Part::FindsNothing, Part::ExplainsAll, Part::SendsNothing];

    /// As the environment variable and records name it.
    pub fn name(self) -> &'static str {
        match self {
            Part::BlindTap => "blind-tap",
            Part::FindsNothing => "finds-nothing",
            Part::ExplainsAll => "explains-all",
            Part::SendsNothing => "sends-nothing",
        }
    }
}

/// For readers of a report.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::BlindTap => "a tap that is blind to what arrives",
            Part::FindsNothing => "a searcher that finds nothing",
            Part::ExplainsAll => "a matcher that explains everything",
            Part::SendsNothing => "a prober that sends nothing",
        })
    }
}

/// Of the environment, what the processes of a lab must have to break the same part.
pub const HANDED_ON: &[&str] = if cfg!(feature = "broken-parts") { &[VARIABLE] } else { &[] };

/// The environment variable that names the part.
pub const VARIABLE: &str = "TESTBED_BROKEN_PART";

/// The part that is broken in this process.
#[cfg(feature = "broken-parts")]
pub fn broken() -> Option<Part> {
    static BROKEN: std::sync::OnceLock<Option<Part>> = std::sync::OnceLock::new();
    *BROKEN.get_or_init(|| {
        let name = std::env::var_os(VARIABLE)?;
        let named = Part::ALL.into_iter().find(|part| name == part.name());
        // A test that breaks nothing would be believed.
        Some(named.unwrap_or_else(|| panic!("{VARIABLE}={} names no part", name.display())))
    })
}

/// Nothing is: this build cannot break anything.
#[cfg(not(feature = "broken-parts"))]
pub const fn broken() -> Option<Part> {
    None
}

/// Whether it is this part.
#[cfg(feature = "broken-parts")]
pub fn is_broken(part: Part) -> bool {
    broken() == Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_name_parts_as_the_variable_does() {
        for part in Part::ALL {
            assert_eq!(serde_json::to_value(part).unwrap(), part.name());
        }
        assert_eq!(broken(), None, "and nothing is broken unless somebody says so");
    }
}
