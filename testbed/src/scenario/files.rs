//! What a scenario's folder has of the files that the scenario names: found by `load`, looked up here.

use std::collections::{BTreeMap, BTreeSet};

use super::leaf::below;
use super::tree::{Node, Value};

/// What lies in the scenario's folder, as far as the scenario names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Path below the scenario's folder → its text, or why there is none.
    pub found: BTreeMap<String, Result<String, Missing>>,
    /// Other paths there that somebody who mistyped a name may have meant.
    pub others: BTreeSet<String>,
}

/// Why a named file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// Nothing has this path.
    #[error("no such file in the scenario's folder")]
    NotThere,
    /// A symbolic link leads out of the scenario's folder.
    #[error("leads out of the scenario's folder")]
    Outside,
    /// A folder.
    #[error("not a regular file")]
    Folder,
    /// A device, a pipe.
    #[error("not a regular file")]
    NotAFile,
    /// More than [`LONGEST`] bytes.
    #[error("larger than 1 MiB")]
    TooLarge,
    /// Not UTF-8.
    #[error("not UTF-8 text")]
    NotText,
    /// The system refuses it, in its words.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

impl Missing {
    /// Whether nothing has the path: then a near one may have been meant.
    pub(crate) fn is_absent(&self) -> bool {
        *self == Missing::NotThere
    }
}

/// Longest file that is read, in bytes: scenarios, policies and rule files are written by people.
pub const LONGEST: u64 = 1 << 20;

impl Files {
    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> Result<&str, &Missing> {
        match self.found.get(path) {
            Some(Ok(text)) => Ok(text),
            Some(Err(missing)) => Err(missing),
            None => Err(&Missing::NotThere),
        }
    }

    /// Every path that is there, for suggestions.
    pub(crate) fn there(&self) -> impl Iterator<Item = &str> {
        let found = self.found.iter().filter(|(_, found)| found.is_ok()).map(|(path, _)| path.as_str());
        found.chain(self.others.iter().map(String::as_str))
    }
}

/// Every acceptable path that a scenario names: rule files, policies, the file of its site.
pub(crate) fn mentioned(root: &Node, paths: &mut BTreeSet<String>) {
    match &root.value {
        Value::List(items) => items.iter().for_each(|item| mentioned(item, paths)),
        Value::Map(entries) => {
            for (key, node) in entries {
                match (key.scalar.text.as_str(), node.text()) {
                    ("files", None) => {
                        let below = |path: &&str| below(path).is_ok();
                        let named = node.entries().iter().filter_map(|(_, file)| file.text());
                        paths.extend(named.filter(below).map(str::to_owned));
                    }
                    ("recording", Some(path)) if below(path).is_ok() => {
                        paths.insert(path.to_owned());
                    }
                    ("ruleset" | "use", Some(path)) if below(path).is_ok() && path.contains(['/', '.']) => {
                        paths.insert(path.to_owned());
                    }
                    _ => mentioned(node, paths),
                }
            }
        }
        Value::Scalar(_) => {}
    }
}
