//! Paths below the scenario's folder, and policies, which are built in or such a path.

use serde_json::{Value as Json, json};

use super::super::mistakes::nearest;
use super::super::shape::{Leaf, Wrong};
use super::super::tree::Scalar;
use super::guard;

/// A path below the scenario's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Below(pub(crate) String);

impl Leaf for Below {
    const WHAT: &'static str = "a path below the scenario's folder";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        below(&scalar.text).map(|()| Below(scalar.text.clone())).map_err(Wrong::because)
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*$" })
    }
}

/// What is wrong with a path as a scenario may write it, if anything.
pub(crate) fn below(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("the path is empty");
    }
    if path.len() > 200 {
        return Err("longer than 200 bytes");
    }
    if path.starts_with('/') {
        return Err("must not begin with `/`: paths count from the scenario's folder");
    }
    if path.split('/').any(|part| part == "..") {
        return Err("`..` is never accepted: nothing outside the scenario's folder can be named");
    }
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    if path.split('/').all(part) {
        return Ok(());
    }
    Err("parts between `/` are letters, digits, `.`, `_` and `-`, and do not begin with `.` or `-`")
}

/// Which shared policy: a built-in one, or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PolicyName {
    /// The documented flows.
    Panorama,
    /// A file below the scenario's folder.
    File(String),
}

impl Leaf for PolicyName {
    const WHAT: &'static str = "a policy";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = guard(scalar)?;
        if text == "panorama" {
            return Ok(PolicyName::Panorama);
        }
        if text.contains(['/', '.']) || text.is_empty() {
            return below(text).map(|()| PolicyName::File(text.to_owned())).map_err(Wrong::because);
        }
        Err(Wrong::because(match nearest(text, ["panorama"]) {
            Some(near) => format!("no policy of this name is built in; did you mean `{near}`?"),
            None => {
                "no policy of this name is built in (there is `panorama`), and a file has a suffix".into()
            }
        }))
    }
    fn describe() -> Json {
        json!({ "type": "string", "anyOf": [{ "const": "panorama" }, { "pattern": "[./]" }] })
    }
}
