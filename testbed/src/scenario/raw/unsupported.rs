//! A list of checks that may stay inconclusive.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::super::leaf::Feature;
use super::super::mistakes::Mistakes;
use super::super::shape::{Shape, Slot};
use super::super::table::{KeyShape, Table, describe_table, prose, table};
use super::super::tree::{Node, Spot};
use super::One;
use crate::names::{CheckName, ScenarioName};

table! {
    /// A check that may stay inconclusive where the kernel lacks a feature that it requires.
    Unsupported = "an entry of the list" {
        /// The scenario.
        scenario: must One<ScenarioName>,
        /// Its check, which has this feature among `requires`.
        check: must One<CheckName>,
        /// The feature, such as `vlan-tags`.
        feature: must One<Feature>,
    }
}
