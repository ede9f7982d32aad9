//! Texts for people, for commands, and places in documents.

use serde_json::{Value as Json, json};

use super::super::shape::{Leaf, Wrong};
use super::super::tree::Scalar;

/// Anything people read: one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line(pub(crate) String);

impl Leaf for Line {
    const WHAT: &'static str = "a line of text";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.trim();
        if text.is_empty() || text.chars().count() > 300 || text.chars().any(char::is_control) {
            return Err(Wrong::because("must be one line of 1 to 300 characters"));
        }
        Ok(Line(text.to_owned()))
    }
    fn describe() -> Json {
        json!({ "type": "string", "minLength": 1, "maxLength": 300 })
    }
}

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argument(pub(crate) String);

impl Leaf for Argument {
    const WHAT: &'static str = "an argument";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        if scalar.text.contains('\0') || scalar.text.len() > 4096 {
            return Err(Wrong::because("must have at most 4096 bytes, none of them zero"));
        }
        Ok(Argument(scalar.text.clone()))
    }
    fn describe() -> Json {
        json!({ "type": ["string", "number", "boolean"] })
    }
}

/// The name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable(pub(crate) String);

impl Leaf for Variable {
    const WHAT: &'static str = "an environment variable's name";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.as_str();
        let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let inner = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !first || !inner || text.len() > 100 {
            return Err(Wrong::because("letters, digits and `_`, no digit first, at most 100"));
        }
        if text.starts_with("TESTBED_") {
            return Err(Wrong::because("names that begin with `TESTBED_` are the testbed's own"));
        }
        Ok(Variable(text.to_owned()))
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,99}$" })
    }
}

/// The name of a file in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileName(pub(crate) String);

impl Leaf for FileName {
    const WHAT: &'static str = "a file's name";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.as_str();
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let inner = text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !first || !inner || text.len() > 100 {
            let label = "letters, digits, `.`, `_` and `-`, a letter, digit or `_` first, at most 100";
            return Err(Wrong::because(label));
        }
        Ok(FileName(text.to_owned()))
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$" })
    }
}

/// Path of a camera's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamPath(pub(crate) String);

impl Leaf for StreamPath {
    const WHAT: &'static str = "a stream's path";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.as_str();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
        if !text.starts_with('/') || text.len() < 2 || text.len() > 100 || !text.bytes().all(plain) {
            return Err(Wrong::because("must begin with `/`, then letters, digits, `/`, `-`, `_` and `.`"));
        }
        Ok(StreamPath(text.to_owned()))
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^/[A-Za-z0-9/._-]{1,99}$" })
    }
}

/// A place in a document: `file.txt#anchor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchor(pub(crate) String);

impl Leaf for Anchor {
    const WHAT: &'static str = "a place in a document";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let word = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        match scalar.text.split_once('#') {
            Some((file, anchor)) if word(file) && word(anchor) => Ok(Anchor(scalar.text.clone())),
            _ => Err(Wrong::because("must look like `file.txt#anchor`")),
        }
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]+#[A-Za-z0-9._-]+$" })
    }
}
