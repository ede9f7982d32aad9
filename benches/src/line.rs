//! The line of JSON that a measured program prints when its star is built and torn down again.

use serde::{Deserialize, Serialize};

/// One star, built and torn down once. All times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What built it: `floor`, `testbed`, `ip -batch`, `mininet`.
    pub system: String,
    /// Number of hosts; the star has a router, a server and a bridge besides.
    pub n: u32,
    /// From the program's first action until the last host's first TCP connection to the router.
    pub build_ms: f64,
    /// From the begin of the teardown until the teardown call returned.
    pub call_ms: f64,
    /// From the begin of the teardown until the kernel had removed every network namespace. Added by `gone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_ms: Option<f64>,
    /// Resident memory of the largest process that took part, at its peak, in kB. Added by `gone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_kb: Option<u64>,
}
