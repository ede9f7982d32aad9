//! Commands of the scenario's own: when they are ready, their environment, their files.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::files::{Files, Missing};
use super::super::leaf::{Argument, Below, Lasting};
use super::super::mistakes::{Mistake, Mistakes, nearest};
use super::super::model::{Ready, Run, Sign};
use super::super::raw;
use super::super::shape::{At, Slot};
use super::or;
use crate::names::Traffic;

/// What a command is, with everything that it needs.
pub(super) fn command(run: &raw::Run, files: &Files, out: &mut Mistakes) -> Run {
    let arguments = |list: &[At<Argument>]| list.iter().map(|argument| argument.value.0.clone()).collect();
    let plain = |command| Run {
        command,
        to_end: false,
        within: Duration::from_secs(30),
        ready: None,
        environment: BTreeMap::new(),
        files: BTreeMap::new(),
    };
    let full = match run {
        raw::Run::Plain(list) => return plain(arguments(&list.items)),
        raw::Run::Full(full) => full,
    };
    let run = plain(arguments(full.command.list()));
    let within = or(&full.within, Lasting(run.within)).0;
    let environment = full.environment.good().map_or(&[][..], |named| &named.entries);
    let environment = environment
        .iter()
        .filter_map(|(name, value)| Some((name.value.0.clone(), value.as_ref()?.value.0.clone())));
    let named = full.files.good().map_or(&[][..], |named| &named.entries);
    for path in named.iter().filter_map(|(_, path)| path.as_ref()) {
        look_for(path, files, out);
    }
    let files =
        named.iter().filter_map(|(name, path)| Some((name.value.0.clone(), path.as_ref()?.value.0.clone())));
    Run {
        to_end: or(&full.to_end, false),
        within,
        ready: full.ready.good().and_then(|ready| self::ready(ready, full, out)),
        environment: environment.collect(),
        files: files.collect(),
        ..run
    }
}

/// By a line or by a port, and not by both.
fn ready(ready: &raw::Ready, run: &raw::Command, out: &mut Mistakes) -> Option<Ready> {
    let at = run.command.list().first()?.spot;
    let within = or(&ready.within, Lasting(Duration::from_secs(20))).0;
    let title = "it is not clear when a command is ready";
    let sign = match (&ready.line, &ready.port) {
        (Slot::Bad, _) | (_, Slot::Bad) => return None,
        (Slot::Good(line), Slot::Absent) => Sign::Line(line.value.0.clone()),
        (Slot::Absent, Slot::Good(port)) => match port.value {
            Traffic::Tcp(number, last) if number == last && number > 0 => Sign::Port(number),
            _ => {
                out.push(Mistake::error(title, port.spot, "one TCP port, such as `tcp/554`"));
                return None;
            }
        },
        (Slot::Good(_), Slot::Good(port)) => {
            out.push(Mistake::error(title, port.spot, "`line` stands there already: write one of the two"));
            return None;
        }
        (Slot::Absent, Slot::Absent) => {
            out.push(Mistake::error(title, at, "`ready` needs `line` or `port`"));
            return None;
        }
    };
    Some(Ready { sign, within })
}

/// A file must be there; what is in it is the command's business.
fn look_for(path: &At<Below>, files: &Files, out: &mut Mistakes) {
    let text = &path.value.0;
    match files.text(text) {
        Ok(_) | Err(Missing::TooLarge | Missing::NotText) => {}
        Err(missing) => {
            let label = match missing.is_absent().then(|| nearest(text, files.there())).flatten() {
                Some(near) => format!("{missing}; did you mean `{near}`?"),
                None => missing.to_string(),
            };
            out.push(Mistake::error("a command's file cannot be used", path.spot, label));
        }
    }
}
