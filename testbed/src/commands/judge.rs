//! `testbed judge`: the checks of a lab that is up, on the lab as it stands.

use testbed::cli::{Accept, Outputs};
use testbed::event::Event;
use testbed::evidence::RunFile;
use testbed::exit::Exit;
use testbed::scenario::Unsupported;
use testbed::scenario::model::Scenario;
use testbed::stay::{Answer, Client, Error, Judged, Registry, Request};

use super::progress::Progress;
use super::run::{Talk, shade};
use super::{accepting, loading, outputs, tell_error};

/// Has a lab judged, and reports as `run` does; exit status of that.
pub(crate) fn judge(lab: &str, accept: &Accept, to: &Outputs, how: &Talk) -> u8 {
    let list = match list(lab, accept) {
        Ok(list) => list,
        Err(exit) => return exit.code(),
    };
    let judged = match ask(lab, list, how) {
        Ok(judged) => judged,
        Err(error) => return tell_error(&error).code(),
    };
    outputs::tell(to, how.quiet, &judged.text);
    if to.timings {
        outputs::tell(to, how.quiet, &judged.timings);
    }
    let written = outputs::write(to, Exit::Expected, &judged);
    if written == Exit::Expected { judged.exit } else { written.code() }
}

/// The lab's owner has written it all.
impl outputs::Told for Judged {
    fn junit(&self) -> String {
        self.junit.clone()
    }
    fn sarif(&self, _: Exit) -> String {
        self.sarif.clone()
    }
    fn summary(&self) -> String {
        self.summary.clone()
    }
    fn json(&self, _: Exit) -> String {
        self.json.clone()
    }
}

/// The list of what may stay inconclusive, held against the scenario that the lab was built from.
fn list(lab: &str, accept: &Accept) -> Result<Vec<Unsupported>, Exit> {
    if accept.accept_unsupported.is_none() {
        return Ok(Vec::new());
    }
    let scenario = scenario_of(lab).map_err(|error| tell_error(&error))?;
    accepting::for_scenario(accept, scenario).map_err(|error| {
        loading::tell(&error);
        Exit::Input
    })
}

/// The scenario as it lies in the lab's folder.
fn scenario_of(lab: &str) -> Result<Scenario, Error> {
    let registry = Registry::open()?;
    let lab = registry.find(lab)?;
    let folder = Client::status(&registry, &lab)?.folder.unwrap_or_default();
    let path = folder.join(RunFile::Scenario.path());
    let read = || Ok(serde_json::from_slice(&std::fs::read(&path)?)?);
    read().map_err(|cause| Error::Folder { operation: "read the lab's scenario", path: path.clone(), cause })
}

fn ask(lab: &str, accept: Vec<Unsupported>, how: &Talk) -> Result<Judged, Error> {
    let registry = Registry::open()?;
    let lab = registry.find(lab)?;
    let colour = shade() == testbed::report::Colour::Ansi;
    let from = std::env::current_dir().unwrap_or_default();
    let mut client = Client::ask(&registry, &lab, &Request::Judge { colour, from, accept })?;
    client.be_patient()?;
    let progress = Progress::new(how.quiet || how.verbose > 0);
    let line = progress.line(lab.name.as_str());
    loop {
        match client.answer()? {
            Answer::Stage { stage } => line.show(&Event::Stage { stage, at_ms: 0 }),
            Answer::Warning { text } => line.show(&Event::Warning { text }),
            Answer::Judged(judged) => return Ok(*judged),
            other => return Err(client.unexpected(&other)),
        }
    }
}
