//! `testbed down`: ends labs that are up, and sees that they are gone.

use std::time::Duration;

use testbed::exit::Exit;
use testbed::stay::{Answer, Client, Entry, Error, Registry, Request};

use super::{talk, tell_error};

/// How long a lab may take to end in good order before it is ended the hard way, and how long that may take.
const END_WITHIN: Duration = Duration::from_secs(30);

/// Ends labs; one that is gone already is no failure.
pub(crate) fn down(labs: &[String], all: bool, quiet: bool) -> Exit {
    let registry = match Registry::open() {
        Ok(registry) => registry,
        Err(error) => return tell_error(&error),
    };
    let labs = match all {
        true => registry.labs().map(|(labs, _)| labs.into_iter().map(|lab| lab.name.to_string()).collect()),
        false => Ok(labs.to_vec()),
    };
    let labs = match labs {
        Ok(labs) => labs,
        Err(error) => return tell_error(&error),
    };
    labs.iter().map(|lab| end(&registry, lab, quiet)).fold(Exit::Expected, Exit::worse)
}

fn end(registry: &Registry, name: &str, quiet: bool) -> Exit {
    let lab = match registry.find(name) {
        Ok(lab) => lab,
        Err(gone @ (Error::Unknown { .. } | Error::Killed { .. })) => {
            if !quiet {
                talk(&gone.to_string());
            }
            return Exit::Expected;
        }
        Err(error) => return tell_error(&error),
    };
    if ends_in_good_order(registry, &lab) || !lab.owner.runs() {
        return Exit::Expected;
    }
    talk(&format!("lab `{name}` does not end, so its process {} is killed", lab.owner.pid));
    if lab.owner.kill(END_WITHIN) {
        return Exit::Expected;
    }
    talk(&format!("error: lab `{name}` could not be ended: look at process {}", lab.owner.pid));
    Exit::Ours
}

/// Asks a lab to end; whether it did, in time. Another `down` may have asked before.
fn ends_in_good_order(registry: &Registry, lab: &Entry) -> bool {
    let Ok(mut client) = Client::ask(registry, lab, &Request::Down) else { return false };
    matches!(client.answer(), Ok(Answer::Ending)) && client.hung_up(END_WITHIN)
}
