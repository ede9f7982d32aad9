//! Progress on a terminal: a line per lab that says what it is at. Elsewhere nothing but warnings, a line each.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use testbed::event::{Event, Stage};

/// The lines of all labs of a command.
#[derive(Debug)]
pub(crate) struct Progress {
    lines: MultiProgress,
    quiet: bool,
}

impl Progress {
    /// Draws on standard error if that is a terminal and nobody asked for quiet.
    pub(crate) fn new(quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        Self { lines: MultiProgress::with_draw_target(target), quiet }
    }

    /// A line for one lab.
    pub(crate) fn line(&self, name: &str) -> Line {
        let bar = self.lines.add(ProgressBar::new_spinner());
        // The template is a constant, so it cannot be wrong; a plain one would do all the same.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {msg}  {elapsed}") {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Line { bar, lines: self.lines.clone(), quiet: self.quiet }
    }
}

/// The line of one lab; it goes when this value is dropped.
#[derive(Debug)]
pub(crate) struct Line {
    bar: ProgressBar,
    lines: MultiProgress,
    quiet: bool,
}

impl Line {
    /// Shows what an event means for a reader.
    pub(crate) fn show(&self, event: &Event) {
        if let (Event::Warning { text }, false) = (event, self.quiet) {
            let told = format!("warning: {}: {text}\n", self.bar.prefix());
            // Whoever has closed standard error does not want to know.
            let _ = self.lines.suspend(|| io::stderr().write_all(told.as_bytes()));
        }
        if let Event::Stage { stage, .. } = event {
            self.bar.set_message(match stage {
                Stage::Enter => "enters its own namespaces",
                Stage::Build => "builds segments, nodes, links, rules",
                Stage::Start => "starts cameras, cloud, appliance",
                Stage::Exercise => "streams",
                Stage::Probe => "streams and attacks",
                Stage::End => "ends and closes the evidence",
            });
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
