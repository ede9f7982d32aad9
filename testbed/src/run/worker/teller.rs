//! What the lab tells the commander: events on standard output, one JSON line each.

use std::io::{self, Write};
use std::sync::Mutex;
use std::time::Instant;

use crate::event::{Event, Failure, Stage};
use crate::exit::Exit;

/// Tells events; the clock of its stages starts with it.
pub(super) struct Teller {
    begun: Instant,
    out: Mutex<io::Stdout>,
}

impl Teller {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), out: Mutex::new(io::stdout()) }
    }

    /// A stage begins.
    pub(super) fn stage(&self, stage: Stage) {
        let at_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(?stage, at_ms, "a stage begins");
        self.tell(&Event::Stage { stage, at_ms });
    }

    pub(super) fn tell(&self, event: &Event) {
        let Ok(mut text) = serde_json::to_string(event) else { return };
        text.push('\n');
        let mut out = self.out.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // If nobody listens any more the life-line is cut too, and ends us.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// The lab ends before its time; the exit status that this deserves.
    pub(super) fn fail(&self, failure: Failure) -> u8 {
        let code = Exit::from(failure.fault).code();
        self.tell(&Event::Failed(failure));
        code
    }
}
