//! `testbed fault`: breaks and mends a lab that is up.

use testbed::cli::Action;
use testbed::exit::Exit;
use testbed::stay::{Answer, Client, Error, Registry, Request};

use super::{say, talk, tell_error};

/// Carries a fault out and says what was done, or lists what is in force.
pub(crate) fn fault(lab: &str, action: &Action, quiet: bool) -> Exit {
    let asked = match action.fault() {
        Ok(Some(fault)) => ask(lab, &Request::Fault { fault: Box::new(fault) }),
        Ok(None) => ask(lab, &Request::Status),
        Err(error) => {
            talk(&format!("error: {error}"));
            return Exit::Input;
        }
    };
    match asked {
        Ok((Some(done), in_force)) => {
            say(&format!("{done}\n"));
            if !quiet && !in_force.is_empty() {
                talk(&format!("in force: {}", in_force.join(", ")));
            }
            Exit::Expected
        }
        Ok((None, in_force)) => list(&in_force, action),
        Err(error) => tell_error(&error),
    }
}

/// What was done, if anything was, and what is in force.
fn ask(lab: &str, request: &Request) -> Result<(Option<String>, Vec<String>), Error> {
    let registry = Registry::open()?;
    let lab = registry.find(lab)?;
    let mut client = Client::ask(&registry, &lab, request)?;
    // A link that flaps does so for as long as it was told to.
    client.be_patient()?;
    match client.answer()? {
        Answer::Faulted { done, in_force } => Ok((Some(done), in_force)),
        Answer::Status(status) => Ok((None, status.faults)),
        other => Err(client.unexpected(&other)),
    }
}

fn list(in_force: &[String], action: &Action) -> Exit {
    if matches!(action, Action::List { json: true }) {
        return match serde_json::to_string_pretty(in_force) {
            Ok(text) => {
                say(&format!("{text}\n"));
                Exit::Expected
            }
            Err(error) => {
                talk(&format!("error: {error}"));
                Exit::Ours
            }
        };
    }
    if in_force.is_empty() {
        talk("nothing is in force: the lab is as its scenario has it");
    }
    in_force.iter().for_each(|fault| say(&format!("{fault}\n")));
    Exit::Expected
}
