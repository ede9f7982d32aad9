//! A file as a tree in which every key and value knows its place.
//!
//! Values are text, as written: what a text means is decided where it is used, so that `010`, `no` and `1.10` stay
//! what they are.

/// A stretch of one of the texts that are being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    /// Which text: index into the sources of the mistakes.
    pub(crate) source: usize,
    /// First byte.
    pub(crate) start: usize,
    /// First byte after it.
    pub(crate) end: usize,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The scalar itself; of a map or list its beginning.
    pub(crate) spot: Spot,
    /// What stands there.
    pub(crate) value: Value,
}

/// What stands at a place.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Keys and values, in the order written; keys are unique.
    Map(Vec<(Key, Node)>),
    /// Values, in the order written.
    List(Vec<Node>),
    /// A single text.
    Scalar(Scalar),
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Its place.
    pub(crate) spot: Spot,
    /// Its text.
    pub(crate) scalar: Scalar,
}

/// A text, and whether it stood without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// The text, escapes resolved.
    pub(crate) text: String,
    /// True if written without quotes, where YAML guesses at a type.
    pub(crate) plain: bool,
}

impl Scalar {
    /// True for nothing at all, `~` and `null`.
    pub(crate) fn is_nothing(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// True for the words that readers of YAML 1.1 take for a boolean although YAML 1.2 does not.
    pub(crate) fn is_old_boolean(&self) -> bool {
        const WORDS: [&str; 4] = ["yes", "no", "on", "off"];
        self.plain && WORDS.iter().any(|word| self.text.eq_ignore_ascii_case(word))
    }
}

impl Node {
    /// The value of a key, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(have, _)| have.scalar.text == key).map(|(_, node)| node)
    }

    /// The entries of a map; none for anything else.
    pub(crate) fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// What it is, for a sentence such as "found a list".
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Map(_) => "a map",
            Value::List(_) => "a list",
            Value::Scalar(scalar) if scalar.is_nothing() => "nothing",
            Value::Scalar(_) => "a single value",
        }
    }

    /// True if both say the same, wherever they stand.
    pub(crate) fn says_the_same_as(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Scalar(a), Value::Scalar(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.says_the_same_as(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, node)| {
                        other.get(&key.scalar.text).is_some_and(|there| node.says_the_same_as(there))
                    })
            }
            _ => false,
        }
    }
}
