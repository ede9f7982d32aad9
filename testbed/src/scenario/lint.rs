//! What a drawing of a site says beside its cables: zones, who answers for what, and the rules on where a developer kit
//! may be.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::model::Proof;
use crate::names::{CheckName, ControlId};

/// Declares an enum of the language's own words, with their spelling.
macro_rules! words {
    ($(#[doc = $says:literal])+ $name:ident { $( $(#[doc = $word_says:literal])+ $word:ident = $spelled:literal ),+ $(,)? }) => {
        $(#[doc = $says])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $( $(#[doc = $word_says])+ $word ),+ }

        impl $name {
            /// Every word, with its spelling.
            pub(crate) const ALL: &[(&str, $name)] = &[$( ($spelled, $name::$word) ),+];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $( $name::$word => $spelled ),+ })
            }
        }
    };
}

words! {
    /// What kind of network a segment is.
    Zone {
        /// The business runs on it.
        Production = "production",
        /// Cameras that watch the business are on it.
        ProductionCameras = "production-cameras",
        /// What is on it must not get out.
        Sensitive = "sensitive",
        /// It is kept apart from every other network.
        Isolated = "isolated",
        /// It leads to the internet.
        Internet = "internet",
        /// It is there to try things.
        Test = "test",
    }
}

words! {
    /// What the documents leave to whoever runs the site.
    Duty {
        /// The network is secure, physically and logically.
        Network = "network",
        /// Cameras are run safely.
        Cameras = "cameras",
        /// Software is kept up to date.
        Updates = "updates",
        /// Privacy law is obeyed.
        Privacy = "privacy",
    }
}

words! {
    /// A rule on the drawing.
    LintRule {
        /// No kit is joined to a production network, and no flow leads between the two.
        KitInTest = "kit-in-test",
        /// No kit joins a sensitive or isolated network and another one that leads to the internet.
        KitNotAcrossInternet = "kit-not-across-internet",
        /// No kit joins a sensitive or isolated network and another one with production cameras.
        KitNotAcrossProductionCameras = "kit-not-across-production-cameras",
        /// Each duty has an owner.
        Owners = "owners",
    }
}

impl LintRule {
    /// Whether a site may break it for a reason.
    pub(crate) fn may_be_waived(self) -> bool {
        matches!(self, LintRule::KitNotAcrossInternet | LintRule::KitNotAcrossProductionCameras)
    }

    /// Whether it speaks of developer kits.
    pub fn is_about_kits(self) -> bool {
        self != LintRule::Owners
    }
}

/// What the checks of a waiver must prove together: that the kit is no way from one of its networks to the other.
const WAIVED_BY: [&str; 4] = ["PAN-BRG-01", "PAN-BRG-02", "PAN-BRG-03", "PAN-BRG-04"];

/// Those of the controls that a waiver stands on which none of these proofs is of.
pub(crate) fn left_unshown(proofs: &[Proof]) -> Vec<ControlId> {
    let all = WAIVED_BY.map(|id| id.parse().expect("the catalogue's ids are well formed"));
    all.into_iter().filter(|id| !proofs.iter().any(|proof| proof.control == *id)).collect()
}

/// A rule that the site breaks for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The rule.
    pub rule: LintRule,
    /// Why, in one line.
    pub because: String,
    /// The checks without which it does not hold: together they prove that the kit is no way between its networks.
    pub shown_by: Vec<CheckName>,
}
