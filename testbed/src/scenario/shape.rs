//! How a tree is read into types: every type that mirrors a part of the file reads itself and describes itself.
//!
//! Reading never stops at a mistake: what is wrong is noted, left out, and the rest is read. The same declaration
//! (`table!`) makes the reader and the JSON Schema, so the two know the same keys.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map as Json, Value as JsonValue, json};

use super::mistakes::{Mistake, Mistakes, nearest};
use super::tree::{Key, Node, Scalar, Spot, Value};

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

/// A map with keys of the language's own, while it is being read.
pub(crate) struct Table<'a> {
    entries: &'a [(Key, Node)],
    at: Spot,
    of: &'static str,
    /// For each key that the language does not have, the one that was probably meant.
    meant: Vec<(&'a Node, Spot, &'static str)>,
    /// True if a word of a later version stands here: then nobody knows what else is needed.
    later: bool,
}

impl<'a> Table<'a> {
    /// Notes every key that the language does not have.
    pub(crate) fn open(
        node: &'a Node,
        at: Spot,
        of: &'static str,
        keys: &[&'static str],
        out: &mut Mistakes,
    ) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            out.push(expected("a map", node, if node.spot.start == node.spot.end { at } else { node.spot }));
            return None;
        };
        let (mut meant, mut later) = (Vec::new(), false);
        for (key, node) in entries {
            let text = key.scalar.text.as_str();
            if !keys.contains(&text) {
                let near = if out.is_full() { None } else { nearest(text, keys.iter().copied()) };
                later |= LATER.contains(&text);
                meant.extend(near.map(|near| (node, key.spot, near)));
                out.push(unknown_key(key, of, keys, near));
            }
        }
        Some(Table { entries, at, of, meant, later })
    }

    /// The value of a key that may be left out. A misspelt key is read as the one that was meant, so that nobody is
    /// told that it is missing as well.
    pub(crate) fn may<T: Shape>(&self, key: &str, out: &mut Mistakes) -> Slot<T> {
        let written = self.entries.iter().find(|(have, _)| have.scalar.text == key);
        let written = written.map(|(key, node)| (node, key.spot));
        let meant =
            || self.meant.iter().find(|(.., meant)| *meant == key).map(|(node, spot, _)| (*node, *spot));
        match written.or_else(meant) {
            None if self.later => Slot::Bad,
            None => Slot::Absent,
            Some((node, spot)) => T::read(node, spot, out).map_or(Slot::Bad, Slot::Good),
        }
    }

    /// The value of a key that must be there.
    pub(crate) fn must<T: Shape>(&self, key: &str, out: &mut Mistakes) -> Slot<T> {
        let slot = self.may(key, out);
        if slot.is_absent() {
            out.push(Mistake::error(format!("`{key}` is missing"), self.at, format!("{} needs it", self.of)));
        }
        slot
    }
}

/// Words that later versions of the language will have.
const LATER: [&str; 11] = [
    "during",
    "matrix",
    "taint",
    "explained",
    "periodic",
    "after",
    "tls",
    "members",
    "lint",
    "waive",
    "cover",
];

fn unknown_key(key: &Key, of: &str, keys: &[&str], near: Option<&str>) -> Mistake {
    let text = key.scalar.text.as_str();
    if LATER.contains(&text) {
        let title = format!("`{text}` is kept for a later version of the language");
        return Mistake::error(title, key.spot, "this version cannot do that yet");
    }
    let title = format!("{of} has no such key");
    if let Some(near) = near {
        return Mistake::error(title, key.spot, format!("did you mean `{near}`?"));
    }
    let known = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    Mistake::error(title, key.spot, "not a key of the language here").help(format!("keys here are {known}"))
}

/// One key of a table, for its schema.
pub(crate) struct KeyShape {
    pub(crate) key: &'static str,
    pub(crate) must: bool,
    pub(crate) says: String,
    pub(crate) schema: Schema,
}

/// The schema of a table.
pub(crate) fn describe_table(says: String, keys: Vec<KeyShape>) -> Schema {
    let required: Vec<_> = keys.iter().filter(|key| key.must).map(|key| key.key).collect();
    let mut properties = Json::new();
    for KeyShape { key, says, schema, .. } in keys {
        let mut schema = schema.to_value();
        if let Some(reference) = schema.get("$ref").cloned() {
            // beside `$ref` a description would be ignored (JSON Schema draft 7, section 8.3)
            schema = json!({ "allOf": [{ "$ref": reference }] });
        }
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".into(), says.into());
        }
        properties.insert(key.into(), schema);
    }
    let mut table = json_schema!({
        "type": "object", "description": says, "properties": properties, "additionalProperties": false,
    });
    if !required.is_empty() {
        table.insert("required".into(), required.into());
    }
    table
}

/// Joins the lines of a doc comment.
pub(crate) fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The name of a key: that of the field, or another where Rust keeps the word for itself.
macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

/// `true` for `must`.
macro_rules! is_must {
    (must) => {
        true
    };
    (may) => {
        false
    };
}

/// Declares a map of the language: its keys, whether each must be there, what each holds.
macro_rules! table {
    (
        $(#[doc = $says:literal])+
        $name:ident = $phrase:literal {
            $( $(#[doc = $key_says:literal])+ $(#[expect($($lint:tt)+)])? $field:ident $(($key:literal))? : $need:ident $type:ty ),+ $(,)?
        }
    ) => {
        $(#[doc = $says])+
        #[derive(Debug)]
        pub(crate) struct $name {
            $( $(#[doc = $key_says])+ $(#[expect($($lint)+)])? pub(crate) $field: Slot<$type> ),+
        }

        impl Shape for $name {
            fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
                let keys = [$( $crate::scenario::shape::key!($field $($key)?) ),+];
                let table = Table::open(node, at, $phrase, &keys, out)?;
                Some($name { $( $field: table.$need(
                    $crate::scenario::shape::key!($field $($key)?), out,
                ) ),+ })
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let keys = vec![$( KeyShape {
                    key: $crate::scenario::shape::key!($field $($key)?),
                    must: $crate::scenario::shape::is_must!($need),
                    says: prose(&[$($key_says),+]),
                    schema: generator.subschema_for::<$type>(),
                } ),+];
                describe_table(prose(&[$($says),+]), keys)
            }
        }
    };
}

pub(crate) use {is_must, key, table};
