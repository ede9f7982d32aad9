//! Changes to a tree, by keys with dots between the levels: what a broken twin breaks, what a scenario has otherwise than
//! the site file that it uses.

use super::mistakes::{Mistake, Mistakes, nearest};
use super::raw;
use super::shape::At;
use super::tree::{Key, Node, Scalar, Value};

/// What is changed.
pub(super) struct Changing<'a> {
    /// In words: `the good scenario`.
    pub(super) of: &'a str,
    /// Keys of its top level that nobody changes.
    pub(super) stays: &'a [&'a str],
}

impl Changing<'_> {
    /// Makes the changes, in the order written.
    pub(super) fn make(&self, tree: &mut Node, changes: &raw::Changes, out: &mut Mistakes) {
        for (path, value) in &changes.0 {
            if let Err(mistake) = self.one(tree, path, value) {
                out.push(mistake);
            }
        }
    }

    fn one(&self, tree: &mut Node, path: &At<String>, value: &Node) -> Result<(), Mistake> {
        let first = path.value.split('.').next().unwrap_or_default();
        if self.stays.contains(&first) {
            let label = format!("{} stay as they are", listed(self.stays));
            return Err(Mistake::error("this cannot be changed", path.spot, label));
        }
        let mut node = tree;
        let mut rest = path.value.as_str();
        loop {
            let (index, deeper) = self.step(node, rest, path)?;
            let Value::Map(entries) = &mut node.value else { unreachable!("`step` refuses all but maps") };
            if let (Some(index), Some(deeper)) = (index, deeper) {
                node = &mut entries[index].1;
                rest = deeper;
                continue;
            }
            let nothing = matches!(&value.value, Value::Scalar(scalar) if scalar.is_nothing());
            return match (index, nothing) {
                (Some(index), true) => {
                    entries.remove(index);
                    Ok(())
                }
                (Some(index), false) if entries[index].1.says_the_same_as(value) => {
                    let label = format!("{} says the same", self.of);
                    Err(Mistake::error("nothing is changed", path.spot, label))
                }
                (Some(index), false) => {
                    entries[index] =
                        (Key { spot: path.spot, scalar: entries[index].0.scalar.clone() }, value.clone());
                    Ok(())
                }
                (None, true) => Err(self.unknown(entries, rest, path)),
                (None, false) => {
                    let scalar = Scalar { text: rest.to_owned(), plain: true };
                    entries.push((Key { spot: path.spot, scalar }, value.clone()));
                    Ok(())
                }
            };
        }
    }

    /// One level of a path: the entry that its beginning names, and what is left. Keys may have dots themselves
    /// (`eth0.20`), so the longest key that fits is taken.
    fn step<'p>(
        &self,
        node: &Node,
        path: &'p str,
        whole: &At<String>,
    ) -> Result<(Option<usize>, Option<&'p str>), Mistake> {
        let Value::Map(entries) = &node.value else {
            let label = format!("`{path}` cannot be looked up in {}: change it as a whole", node.kind());
            return Err(Mistake::error("the changed key leads nowhere", whole.spot, label));
        };
        let fits = |key: &str| match path.strip_prefix(key) {
            Some("") => true,
            Some(rest) => rest.starts_with('.'),
            None => false,
        };
        let found = entries.iter().enumerate().filter(|(_, (key, _))| fits(&key.scalar.text));
        match found.max_by_key(|(_, (key, _))| key.scalar.text.len()) {
            Some((index, (key, _))) => {
                let rest = path[key.scalar.text.len()..].strip_prefix('.');
                Ok((Some(index), rest))
            }
            None if path.contains('.') || path.is_empty() => Err(self.unknown(entries, path, whole)),
            None => Ok((None, None)),
        }
    }

    fn unknown(&self, entries: &[(Key, Node)], path: &str, whole: &At<String>) -> Mistake {
        let wanted = path.split('.').next().unwrap_or(path);
        let label = match nearest(wanted, entries.iter().map(|(key, _)| key.scalar.text.as_str())) {
            Some(near) => format!("{} has no `{wanted}` there; did you mean `{near}`?", self.of),
            None => format!("{} has no `{wanted}` there", self.of),
        };
        Mistake::error("the changed key leads nowhere", whole.spot, label)
    }
}

/// `` `a` and `b` ``.
fn listed(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and ")
}
