//! Sets and maps: their elements, with what they lead to.

use serde_json::Value;

use super::statement::verdict;
use super::value::{pattern, text};
use super::{Data, Element, Kind, Lookup, Pattern};

/// `@name`, or `{"set": […]}` as it stands in a rule; none if it is neither.
pub(super) fn lookup(kinds: &[Option<Kind>], value: &Value, data: &[Option<Kind>]) -> Option<Lookup> {
    if let Some(name) = value.as_str().and_then(|word| word.strip_prefix('@')) {
        return Some(Lookup::Named(name.to_owned()));
    }
    let elements = match value.as_object()?.get("set")? {
        Value::Array(elements) => elements.iter().collect(),
        one => vec![one],
    };
    Some(Lookup::Here(elements.into_iter().map(|one| element(kinds, one, data)).collect()))
}

/// One element: a key, a key with options, or a pair of key and what it leads to.
pub(super) fn element(kinds: &[Option<Kind>], value: &Value, data: &[Option<Kind>]) -> Element {
    if let Some([key, to]) = value.as_array().map(Vec::as_slice) {
        let to = match verdict(to) {
            Some(verdict) => Data::Verdict(verdict),
            None => Data::Value(parts(data, to)),
        };
        return Element { data: Some(to), ..element(kinds, key, data) };
    }
    let (value, expires) = match value.get("elem") {
        // The length of its life is not said of one that lasts.
        Some(inside) => (inside.get("val").unwrap_or(inside), inside.get("expires").is_some()),
        None => (value, false),
    };
    let any = value.as_str() == Some("*");
    Element { key: (!any).then(|| parts(kinds, value)), data: None, expires }
}

fn parts(kinds: &[Option<Kind>], value: &Value) -> Vec<Pattern> {
    let parts = match value.get("concat").and_then(Value::as_array) {
        Some(parts) => parts.iter().collect(),
        None => vec![value],
    };
    if parts.len() != kinds.len() {
        return vec![Pattern::Unknown(text(value)); kinds.len().max(1)];
    }
    kinds.iter().zip(parts).map(|(kind, part)| pattern(*kind, part)).collect()
}

/// The kinds of a set's type: a word, a list of them, or words with dots between.
pub(super) fn kinds_of(value: &Value) -> Vec<Option<Kind>> {
    match value {
        Value::String(word) => word.split(" . ").map(Kind::of_type).collect(),
        Value::Array(words) => words.iter().map(|word| word.as_str().and_then(Kind::of_type)).collect(),
        _ => vec![None],
    }
}
