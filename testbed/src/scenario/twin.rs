//! A broken twin as it is meant: what it changes in which scenario, and what must be reported.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::Scenario;
use crate::names::{CheckName, NodeName, ScenarioName};

/// A broken twin, with the changed scenario ready to be planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    /// Its name: the file name without `.yaml`.
    pub name: ScenarioName,
    /// What it changes, in one line: the key `says`.
    pub says: String,
    /// The good scenario's name.
    pub of: ScenarioName,
    /// The scenario with the change made, its checks cut down to those of `fail` and `stays`, and those that a waiver stands on.
    pub scenario: Scenario,
    /// Checks that must fail, with exactly these findings.
    pub fail: BTreeMap<CheckName, Expected>,
    /// Checks that must still pass; at least one.
    pub stays: Vec<CheckName>,
}

/// What one check must report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Exactly these pairs (from, to); groups expanded. Empty for a check that speaks of no pairs.
    pub pairs: Vec<(NodeName, NodeName)>,
    /// Each finding begins with one of these texts, and each of these begins a finding. Empty: the pairs say it all.
    pub finds: Vec<String>,
    /// What let it through, as the finding names it: `inet site through policy`, or the start of a rule's text.
    pub by: Option<String>,
}
