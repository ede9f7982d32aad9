//! Maps with keys of the language's own: one declaration (`table!`) makes the type, its reader and its JSON Schema,
//! so that these know the same keys.

use schemars::{Schema, json_schema};
use serde_json::{Map as Json, json};

use super::mistakes::{Mistake, Mistakes, nearest};
use super::shape::{Shape, Slot, expected};
use super::tree::{Key, Node, Spot, Value};

/// A map with keys of the language's own, while it is being read.
pub(crate) struct Table<'a> {
    entries: &'a [(Key, Node)],
    at: Spot,
    of: &'static str,
    /// For each key that the language does not have, the one that was probably meant.
    meant: Vec<(&'a Node, Spot, &'static str)>,
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
        let mut meant = Vec::new();
        for (key, node) in entries {
            let text = key.scalar.text.as_str();
            if !keys.contains(&text) {
                let near = if out.is_full() { None } else { nearest(text, keys.iter().copied()) };
                meant.extend(near.map(|near| (node, key.spot, near)));
                out.push(unknown_key(key, of, keys, near));
            }
        }
        Some(Table { entries, at, of, meant })
    }

    /// The value of a key that may be left out. A misspelt key is read as the one that was meant, so that nobody is
    /// told that it is missing as well.
    pub(crate) fn may<T: Shape>(&self, key: &str, out: &mut Mistakes) -> Slot<T> {
        let written = self.entries.iter().find(|(have, _)| have.scalar.text == key);
        let written = written.map(|(key, node)| (node, key.spot));
        let meant =
            || self.meant.iter().find(|(.., meant)| *meant == key).map(|(node, spot, _)| (*node, *spot));
        match written.or_else(meant) {
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

fn unknown_key(key: &Key, of: &str, keys: &[&str], near: Option<&str>) -> Mistake {
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
                let keys = [$( $crate::scenario::table::key!($field $($key)?) ),+];
                let table = Table::open(node, at, $phrase, &keys, out)?;
                Some($name { $( $field: table.$need(
                    $crate::scenario::table::key!($field $($key)?), out,
                ) ),+ })
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let keys = vec![$( KeyShape {
                    key: $crate::scenario::table::key!($field $($key)?),
                    must: $crate::scenario::table::is_must!($need),
                    says: prose(&[$($key_says),+]),
                    schema: generator.subschema_for::<$type>(),
                } ),+];
                describe_table(prose(&[$($says),+]), keys)
            }
        }
    };
}

pub(crate) use {is_must, key, table};
