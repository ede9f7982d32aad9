//! How a tree is read into types: every type that mirrors a part of the file reads itself and describes itself.
//!
//! Reading never stops at a mistake: what is wrong is noted, left out, and the rest is read. Maps with keys of the
//! language's own are in `table.rs`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value as JsonValue;

use super::mistakes::{Mistake, Mistakes};
use super::tree::{Node, Scalar, Spot, Value};

/// A type that is read from a part of the tree.
pub(crate) trait Shape: JsonSchema + Sized {
    /// Reads a node. `at` is the place to show when the node as a whole is wrong: its key, or itself in a list.
    /// `None`: it cannot be read at all, and a mistake says why.
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self>;
}

/// A single text that means something.
pub(crate) trait Leaf: Sized {
    /// What it is, after "this is not ": `a duration`.
    const WHAT: &'static str;
    /// The value, or what is wrong with the text.
    fn parse(scalar: &Scalar) -> Result<Self, Wrong>;
    /// Its JSON Schema.
    fn describe() -> JsonValue;
}

/// What is wrong with a text, and a cure that has no place of its own.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) label: String,
    pub(crate) help: Option<String>,
}

impl Wrong {
    pub(crate) fn because(label: impl Into<String>) -> Self {
        Wrong { label: label.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) spot: Spot,
}

impl<T> At<T> {
    /// The same place, the value borrowed.
    pub(crate) fn as_ref(&self) -> At<&T> {
        At { value: &self.value, spot: self.spot }
    }
}

/// What a key of a table holds.
#[derive(Debug)]
pub(crate) enum Slot<T> {
    /// The key is not written.
    Absent,
    /// It is written, but its value cannot be read; a mistake says so.
    Bad,
    /// Its value.
    Good(T),
}

impl<T> Slot<T> {
    pub(crate) fn good(&self) -> Option<&T> {
        match self {
            Slot::Good(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Slot::Absent)
    }

    pub(crate) fn is_bad(&self) -> bool {
        matches!(self, Slot::Bad)
    }
}

impl<T> Slot<List<T>> {
    /// The list; empty if there is none.
    pub(crate) fn list(&self) -> &[T] {
        self.good().map_or(&[], |list| &list.items)
    }

    /// True unless something stands there that could not be read.
    pub(crate) fn is_whole(&self) -> bool {
        !self.is_bad() && self.good().is_none_or(|list| !list.incomplete)
    }
}

/// Values in the order written.
#[derive(Debug)]
pub(crate) struct List<T> {
    /// Those that could be read.
    pub(crate) items: Vec<T>,
    /// True if there are others.
    pub(crate) incomplete: bool,
}

/// A map whose keys are names of the scenario's own, in the order written.
#[derive(Debug)]
pub(crate) struct Named<K, V> {
    /// Each name, and its value unless that cannot be read.
    pub(crate) entries: Vec<(At<K>, Option<V>)>,
    /// True if a name itself could not be read, so that not all names are known.
    pub(crate) incomplete: bool,
}

/// One value, or a list of them.
#[derive(Debug)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<T: Leaf> Shape for At<T> {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        let Value::Scalar(scalar) = &node.value else {
            out.push(expected(T::WHAT, node, node.spot));
            return None;
        };
        if scalar.is_nothing() {
            let spot = if node.spot.start == node.spot.end { at } else { node.spot };
            out.push(expected(T::WHAT, node, spot));
            return None;
        }
        parse_leaf(scalar, node.spot, out)
    }
}

fn parse_leaf<T: Leaf>(scalar: &Scalar, spot: Spot, out: &mut Mistakes) -> Option<At<T>> {
    match T::parse(scalar) {
        Ok(value) => Some(At { value, spot }),
        Err(wrong) => {
            let mistake = Mistake::error(format!("this is not {}", T::WHAT), spot, wrong.label);
            out.push(match wrong.help {
                Some(help) => mistake.help(help),
                None => mistake,
            });
            None
        }
    }
}

/// "A map is expected here, found a list."
pub(crate) fn expected(what: &str, node: &Node, spot: Spot) -> Mistake {
    Mistake::error(format!("{what} is expected here"), spot, format!("found {}", node.kind()))
}

impl<T: Leaf> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::WHAT.into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        T::describe().try_into().expect("every leaf describes itself as an object")
    }
}

impl<T: Shape> Shape for List<T> {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        let Value::List(items) = &node.value else {
            out.push(expected("a list", node, if node.spot.start == node.spot.end { at } else { node.spot }));
            return None;
        };
        if items.is_empty() {
            out.push(Mistake::error("the list is empty", node.spot, "name something, or leave the key out"));
            return None;
        }
        let read: Vec<T> = items.iter().filter_map(|item| T::read(item, item.spot, out)).collect();
        Some(List { incomplete: read.len() < items.len(), items: read })
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "List".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": item, "minItems": 1 })
    }
}

impl<T: Shape> Shape for OneOrMany<T> {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        match node.value {
            Value::List(_) => List::read(node, at, out).map(|list| OneOrMany(list.items)),
            _ => T::read(node, at, out).map(|one| OneOrMany(vec![one])),
        }
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

impl<K: Leaf, V: Shape> Shape for Named<K, V> {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            out.push(expected("a map", node, if node.spot.start == node.spot.end { at } else { node.spot }));
            return None;
        };
        if entries.is_empty() {
            out.push(Mistake::error("the map is empty", node.spot, "name something, or leave the key out"));
            return None;
        }
        let mut named = Named { entries: Vec::new(), incomplete: false };
        for (key, value) in entries {
            match parse_leaf::<K>(&key.scalar, key.spot, out) {
                Some(name) => named.entries.push((name, V::read(value, key.spot, out))),
                None => {
                    named.incomplete = true;
                    V::read(value, key.spot, out);
                }
            }
        }
        Some(named)
    }
}

impl<K: Leaf, V: JsonSchema> JsonSchema for Named<K, V> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Named".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<V>();
        json_schema!({
            "type": "object", "minProperties": 1, "propertyNames": K::describe(), "additionalProperties": value,
        })
    }
}
