//! Where a run took place, as `host.json` keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The machine and the tools of a run; whoever knows them hands them in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Version of the testbed.
    pub testbed: String,
    /// Kernel release and version, as `uname -rv` prints them.
    pub kernel: String,
    /// Machine, as `uname -m` prints it.
    pub machine: String,
    /// Processors that the run could use.
    pub processors: usize,
    /// Whether the run was started by root.
    pub root: bool,
    /// Tool to the version that it prints of itself, for example `nft` to `v1.0.6`.
    pub tools: BTreeMap<String, String>,
    /// Kernel features that are missing here, with the reason.
    pub missing: BTreeMap<String, String>,
}
