//! How much may be said.

use serde::{Deserialize, Serialize};

use super::super::fault::Share;

/// What one node may say to another on one port at most, in bytes of payload; whatever is `None` has no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Within any one second of the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each_second: Option<u64>,
    /// In any one datagram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each_datagram: Option<u64>,
    /// In the whole run, as a share of what comes the other way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
}

impl Amount {
    /// Whether nothing is bounded.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
