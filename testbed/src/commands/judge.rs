//! `testbed judge`: the checks of a lab that is up, on the lab as it stands.

use testbed::cli::Outputs;
use testbed::event::Event;
use testbed::exit::Exit;
use testbed::stay::{Answer, Client, Error, Judged, Registry, Request};

use super::progress::Progress;
use super::run::{Talk, shade};
use super::{outputs, tell_error};

/// Has a lab judged, and reports as `run` does; exit status of that.
pub(crate) fn judge(lab: &str, to: &Outputs, how: &Talk) -> u8 {
    let judged = match ask(lab, how) {
        Ok(judged) => judged,
        Err(error) => return tell_error(&error).code(),
    };
    outputs::tell(to, how.quiet, &judged.text);
    if to.timings {
        outputs::tell(to, how.quiet, &judged.timings);
    }
    let written = outputs::write(to, Exit::Expected, || judged.junit, |_| judged.json);
    if written == Exit::Expected { judged.exit } else { written.code() }
}

fn ask(lab: &str, how: &Talk) -> Result<Judged, Error> {
    let registry = Registry::open()?;
    let lab = registry.find(lab)?;
    let colour = shade() == testbed::report::Colour::Ansi;
    let from = std::env::current_dir().unwrap_or_default();
    let mut client = Client::ask(&registry, &lab, &Request::Judge { colour, from })?;
    client.be_patient()?;
    let progress = Progress::new(how.quiet || how.verbose > 0);
    let line = progress.line(lab.name.as_str());
    loop {
        match client.answer()? {
            Answer::Stage { stage } => line.show(&Event::Stage { stage, at_ms: 0 }),
            Answer::Judged(judged) => return Ok(*judged),
            other => return Err(client.unexpected(&other)),
        }
    }
}
