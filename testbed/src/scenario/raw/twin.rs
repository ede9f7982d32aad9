//! A broken twin.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::super::leaf::{Below, Line, Pair};
use super::super::mistakes::{Mistake, Mistakes};
use super::super::shape::{At, Named, Shape, Slot, expected};
use super::super::table::{KeyShape, Table, describe_table, prose, table};
use super::super::tree::{Key, Node, Spot, Value};
use super::{One, Some1};
use crate::names::CheckName;

table! {
    /// A broken twin: a good scenario with one deliberate mistake, and what must be reported.
    Twin = "a twin" {
        /// The good scenario's file, in the folder above.
        twin_of: must One<Below>,
        /// What is changed, in one line.
        says: must One<Line>,
        /// Key of the good scenario, with dots between the levels, to its new value; nothing (`null`) removes the key.
        change: must Changes,
        /// What must be reported.
        expect: must Expect,
    }
}

/// The keys that are changed, each with the new value, in the order written.
#[derive(Debug)]
pub(crate) struct Changes(pub(crate) Vec<(At<String>, Node)>);

impl Shape for Changes {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            out.push(expected("a map", node, at));
            return None;
        };
        if entries.is_empty() {
            out.push(Mistake::error("nothing is changed", node.spot, "the map is empty"));
            return None;
        }
        let change =
            |(key, node): &(Key, Node)| (At { value: key.scalar.text.clone(), spot: key.spot }, node.clone());
        Some(Changes(entries.iter().map(change).collect()))
    }
}

impl JsonSchema for Changes {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Changes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "minProperties": 1 })
    }
}

table! {
    /// What must be reported of a broken twin.
    Expect = "`expect`" {
        /// Checks that must fail, and with which findings.
        fail: must Named<CheckName, Failing>,
        /// Checks that must still pass.
        stays: must Some1<CheckName>,
    }
}

table! {
    /// What one check must report.
    Failing = "a failing check" {
        /// Exactly these pairs, each as `dock -> vms`; left out for a check that speaks of no pairs.
        pairs: may Some1<Pair>,
        /// Instead of `pairs`: exactly these findings, each by the beginning of its text.
        finds: may Some1<Line>,
        /// What let it through, or its beginning: family, table, chain, then `policy` or the rule as nft lists it.
        by: may One<Line>,
    }
}
