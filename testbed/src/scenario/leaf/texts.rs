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
