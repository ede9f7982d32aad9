//! A site, or the file that it is written in.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::super::leaf::Below;
use super::super::mistakes::Mistakes;
use super::super::shape::{Shape, Slot};
use super::super::table::{KeyShape, Table, describe_table, prose, table};
use super::super::tree::{Node, Spot};
use super::{Changes, One, Site};

table! {
    /// A site that is written in a file of its own.
    Template = "a site from a file" {
        /// The file, below the scenario's folder: what would stand below `site`. Paths in it count from the scenario's folder.
        from_file ("use"): must One<Below>,
        /// Key of that file, with dots between the levels, to its new value; nothing (`null`) removes the key.
        change: may Changes,
    }
}

/// Whether a site is said to be in a file.
pub(crate) fn is_template(site: &Node) -> bool {
    ["use", "change"].iter().any(|key| site.get(key).is_some())
}

/// A site. One in a file has been put in its place before this is read.
#[derive(Debug)]
pub(crate) struct Sited(pub(crate) Site);

impl Shape for Sited {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        // one that is still there could not be used, and that has been told
        if is_template(node) { None } else { Site::read(node, at, out).map(Sited) }
    }
}

impl JsonSchema for Sited {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Sited".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (site, template) = (generator.subschema_for::<Site>(), generator.subschema_for::<Template>());
        json_schema!({ "anyOf": [site, template] })
    }
}
