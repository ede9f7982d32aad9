//! udhcpc, busybox's DHCP client, and what it does with a lease.

use std::fs;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::ServiceError;
use super::command::{Program, Ready, find, text};
use crate::names::LinkName;
use crate::plan::Route;

/// What the client is called in messages.
pub(super) const DHCP_CLIENT: &str = "udhcpc";

/// What udhcpc runs for each lease.
const SCRIPT: &str = include_str!("lease.sh");

/// A client, still to be told of which link. It looks whether anybody else has the address that it is offered
/// (RFC 5227) for a fifth of a second, asks four times in a row, and begins again a second later.
///
/// Errors: its script could not be written; udhcpc is not there.
pub(super) fn client(
    home: &Path,
    asks: Option<Ipv4Addr>,
    default_route: bool,
    routes: &[Route],
) -> io::Result<Result<Program, ServiceError>> {
    let script = home.join("lease.sh");
    write_program(&script)?;
    let mut arguments: Vec<String> =
        ["-f", "-t", "4", "-T", "1", "-A", "1", "-a200", "-s"].map(str::to_owned).to_vec();
    arguments.push(text(&script));
    arguments.extend(asks.iter().flat_map(|address| ["-r".to_owned(), address.to_string()]));
    let routes: Vec<_> = routes.iter().map(|route| format!("{} {}\n", route.to, route.via)).collect();
    let default_route = if default_route { "yes" } else { "no" };
    Ok(find("udhcpc", "udhcpc").map(|program| Program {
        what: DHCP_CLIENT.into(),
        program,
        arguments,
        environment: vec![
            ("TESTBED_DEFAULT".into(), default_route.into()),
            ("TESTBED_ROUTES".into(), routes.concat()),
        ],
        ready: Ready::Hoped("testbed: ".into()),
        facts: false,
        of_scenario: false,
        listens: false,
        ready_within: None,
        works_in: None,
    }))
}

/// The client of one link.
pub(super) fn of_link(mut client: Program, link: &LinkName) -> Program {
    client.arguments.extend(["-i".into(), link.to_string()]);
    client
}

/// The client of whichever of two links is in use: it is started by who changes from one to the other.
pub(super) fn of_either(
    client: Program,
    programs: &Path,
    home: &Path,
    (main, spare): (&LinkName, &LinkName),
) -> Program {
    let held = text(&home.join("held"));
    let mut arguments = ports(main, spare);
    arguments.extend(["--held".into(), held.clone(), "--".into(), text(&client.program)]);
    arguments.extend(client.arguments);
    let mut environment = client.environment;
    environment.push(("TESTBED_HELD".into(), held));
    let program = programs.join("fake-appliance");
    Program { program, arguments, environment, facts: true, ..client }
}

/// Arguments of `fake-appliance` that keep one of two links in use.
pub(super) fn ports(main: &LinkName, spare: &LinkName) -> Vec<String> {
    vec!["ports".into(), format!("--main={main}"), format!("--spare={spare}")]
}

fn write_program(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o755);
    options.open(path)?.write_all(SCRIPT.as_bytes())
}
