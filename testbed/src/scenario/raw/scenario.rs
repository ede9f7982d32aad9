//! A scenario as a whole.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::super::leaf::{Anchor, Line, Whole};
use super::super::mistakes::Mistakes;
use super::super::shape::{List, Named, Shape, Slot};
use super::super::table::{KeyShape, Table, describe_table, prose, table};
use super::super::tree::{Node, Spot};
use super::{Check, Flow, Many, One, Sited};
use crate::names::{CheckName, ScenarioName};

table! {
    /// Who answers for what, each in one line.
    Owners = "`owners`" {
        /// That the network is secure, physically and logically.
        network: may One<Line>,
        /// That cameras are run safely.
        cameras: may One<Line>,
        /// That software is kept up to date.
        updates: may One<Line>,
        /// That privacy law is obeyed.
        privacy: may One<Line>,
    }
}

table! {
    /// A site, what is allowed in it, and what is asserted about it.
    Scenario = "a scenario" {
        /// Version of the language: 1.
        #[expect(dead_code, reason = "there is one version, and reading it checks it")]
        version: must One<Whole<1, 1>>,
        /// Name of the scenario: lower-case letters, digits and hyphens.
        name: must One<ScenarioName>,
        /// The documents under test, each as `file.txt#anchor`.
        documents: may Many<Anchor>,
        /// Who answers for what the documents leave to whoever runs the site.
        owners: may Owners,
        /// What is built, or the file in which that is written.
        site: must Sited,
        /// What is allowed; everything else between any two nodes is expected to be blocked.
        flows: may List<Flow>,
        /// What is asserted, by name.
        checks: may Named<CheckName, Check>,
    }
}
