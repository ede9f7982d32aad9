//! The single values of the language: what a text must look like, and what is said if it does not.

mod faults;
mod names;
mod network;
mod numbers;
mod paths;
mod refs;
mod sets;
mod texts;
mod words;

use super::shape::{Leaf, Wrong};
use super::tree::Scalar;

pub(crate) use faults::{Healed, ServiceRef};
pub(crate) use network::Asks;
pub(crate) use numbers::{Ahead, Bytes, Lasting, Size, Whole};
pub(crate) use paths::{Below, PolicyName, below};
pub(crate) use refs::{FlowRange, Gateway, Pair};
pub(crate) use sets::NamePattern;
pub(crate) use texts::{Anchor, Argument, FileName, Line, StreamPath, Variable};
pub use words::FEATURES;
pub(crate) use words::{AuthWord, Feature, Region};

/// Words that YAML guesses a meaning for are no names: say so before the name's own rule does.
fn guard(scalar: &Scalar) -> Result<&str, Wrong> {
    let text = scalar.text.as_str();
    if scalar.is_old_boolean() {
        return Err(Wrong::because(format!("many YAML readers take a bare `{text}` for a boolean"))
            .help(format!("choose another word, or put it in quotes: \"{text}\"")));
    }
    Ok(text)
}

/// A value of the command line, read as one of a scenario is; what is wrong with it, in words.
pub(crate) fn leaf_of<T: Leaf>(text: &str) -> Result<T, String> {
    let scalar = Scalar { text: text.to_owned(), plain: true };
    T::parse(&scalar).map_err(|wrong| match wrong.help {
        Some(help) => format!("{}; {help}", wrong.label),
        None => wrong.label,
    })
}
