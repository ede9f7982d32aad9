//! How verdicts put things into words: counts, lists cut short, reasons grouped by what was missed.

use std::fmt::Display;
use std::time::Duration;

/// `1 pair`, `2 pairs`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    let plural = match number {
        1 => "",
        _ if noun.ends_with('s') => "es",
        _ => "s",
    };
    format!("{number} {noun}{plural}")
}

/// The first `most` items, and how many more there are.
pub(crate) fn listed<T: Display>(items: impl IntoIterator<Item = T>, most: usize) -> String {
    joined(items, ", ", most)
}

fn joined<T: Display>(items: impl IntoIterator<Item = T>, between: &str, most: usize) -> String {
    let mut words: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    let left = words.len().saturating_sub(most);
    if left > 0 {
        words.truncate(most);
        words.push(format!("and {left} more"));
    }
    words.join(between)
}

/// In seconds from one second on, else in milliseconds.
pub(crate) fn length(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.1} s"),
    }
}

/// Reasons why something cannot be said, grouped by the control that was missed, in the order first met.
#[derive(Debug, Default)]
pub(super) struct Reasons(Vec<(String, Vec<String>)>);

impl Reasons {
    /// How many details of one group are spelled out.
    const SHOWN: usize = 3;

    /// Adds one detail below a control.
    pub(super) fn add(&mut self, control: &str, detail: impl Into<String>) {
        let detail = detail.into();
        match self.0.iter_mut().find(|(known, _)| known == control) {
            Some((_, details)) if details.contains(&detail) => {}
            Some((_, details)) => details.push(detail),
            None => self.0.push((control.to_owned(), vec![detail])),
        }
    }

    /// True if this control was missed.
    pub(super) fn has(&self, control: &str) -> bool {
        self.0.iter().any(|(known, _)| known == control)
    }

    /// One line per control.
    pub(super) fn lines(self) -> Vec<String> {
        self.0
            .into_iter()
            .map(|(control, details)| format!("{control}: {}", joined(details, "; ", Self::SHOWN)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_and_say_so() {
        assert_eq!(listed([1, 2, 3], 3), "1, 2, 3");
        assert_eq!(listed([1, 2, 3, 4, 5], 3), "1, 2, 3, and 2 more");
        assert_eq!([counted(1, "pair"), counted(2, "pair")], ["1 pair", "2 pairs"]);
    }

    #[test]
    fn reasons_are_grouped_by_control_and_said_once() {
        let mut reasons = Reasons::default();
        for detail in ["a", "b", "a", "c", "d"] {
            reasons.add("path", detail);
        }
        reasons.add("alive", "e");
        assert!(reasons.has("path") && !reasons.has("instrument"));
        assert_eq!(reasons.lines(), ["path: a; b; c; and 1 more", "alive: e"]);
    }
}
