//! What keeps a valid scenario from being planned.

use std::fmt;

use crate::scenario::model::{Check, Place};

/// Something that the scenario asks for and no plan can give; all of them are reported at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PlanMistake {
    /// Where it is written; none for what follows from the site as a whole.
    pub place: Option<Place>,
    /// What is wrong and, where we can tell, how to mend it.
    pub text: String,
}

impl fmt::Display for PlanMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(Place { file, line, column }) => write!(f, "{file}:{line}:{column}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// The mistakes found so far.
#[derive(Default)]
pub(super) struct Mistakes(Vec<PlanMistake>);

impl Mistakes {
    /// Notes one about the site.
    pub(super) fn site(&mut self, text: String) {
        self.0.push(PlanMistake { place: None, text });
    }

    /// Notes one about a check.
    pub(super) fn check(&mut self, check: &Check, text: impl fmt::Display) {
        let text = format!("check `{}`: {text}", check.name);
        self.0.push(PlanMistake { place: Some(check.place.clone()), text });
    }

    /// `value` if none was found until now, else all of them.
    pub(super) fn none_or<T>(self, value: T) -> Result<T, Vec<PlanMistake>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }

    /// All that were found.
    pub(super) fn all(self) -> Vec<PlanMistake> {
        self.0
    }

    /// Whether any was found.
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }
}
