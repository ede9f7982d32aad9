//! Filter patterns of FilterLogEvents, as far as they look for terms (CloudWatch Logs user guide, "Filter pattern syntax"):
//! `ERROR`, `"two words"`, `-DEBUG` for absent, `?one ?another` for any of them. Terms are told by case.

use super::invalid;
use crate::answer::Failure;

/// Longest pattern (API model).
const LONGEST: usize = 1024;

/// What messages have, and have not.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Pattern {
    /// Reads a pattern; an empty one wants everything. Errors: of JSON, of fields and regular expressions, which this
    /// cloud does not know, and quotes without an end.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let mut rest = text.trim();
        if rest.len() > LONGEST || rest.starts_with(['{', '[', '%']) {
            return Err(invalid("filter patterns of terms are known here, of 1024 characters at most"));
        }
        let mut pattern = Self::default();
        while let Some(first) = rest.chars().next() {
            let terms = match first {
                '-' => &mut pattern.none,
                '?' => &mut pattern.any,
                _ => &mut pattern.all,
            };
            rest = rest.trim_start_matches(['-', '?']);
            let (term, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(|| invalid("a quote has no end"))?,
                None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            };
            if term.is_empty() {
                return Err(invalid("a term is empty"));
            }
            terms.push(term.to_owned());
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    pub(super) fn wants(&self, message: &str) -> bool {
        let has = |term: &String| message.contains(term.as_str());
        self.all.iter().all(has)
            && !self.none.iter().any(has)
            && (self.any.is_empty() || self.any.iter().any(has))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_there_or_not() {
        let wants = |pattern: &str, message: &str| Pattern::read(pattern).unwrap().wants(message);
        assert!(wants("", "anything"));
        assert!(wants("ERROR", "an ERROR") && !wants("ERROR", "an error"));
        assert!(wants("a b", "b a") && !wants("a b", "a"));
        assert!(wants("\"b a\" c", "c b a") && !wants("\"b a\"", "a b"));
        assert!(wants("a -b", "a") && !wants("a -b", "a b"));
        assert!(wants("?a ?b", "b") && !wants("?a ?b", "c"));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for bad in ["{ $.a = 1 }", "[a, b]", "%a%", "\"a", "-", "? a"] {
            assert_eq!(Pattern::read(bad).unwrap_err().code, "InvalidParameterException", "{bad}");
        }
        assert!(Pattern::read(&"a".repeat(1025)).is_err());
    }
}
