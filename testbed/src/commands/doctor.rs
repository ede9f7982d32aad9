//! `testbed doctor`: what this host can do and what it cannot, and how to mend it.

use std::path::Path;
use std::process::{Command, Stdio};

use testbed::event::Failure;
use testbed::exit::Exit;
use testbed::kernel::features;
use testbed::run;

use super::{block_on, say};

/// One line of the answer.
struct Line {
    what: String,
    /// Whether no run can do without it.
    needed: bool,
    /// Why it is missing and how to mend that; none if it is there.
    missing: Option<String>,
}

/// Programs of the host, the package that has each, what for, and whether no run can do without it.
const PROGRAMS: [(&str, &str, &str, bool); 4] = [
    ("nft", "nftables", "rule files", true),
    ("dnsmasq", "dnsmasq-base", "names and addresses on routers", true),
    ("udhcpc", "udhcpc", "nodes that ask for their address", true),
    ("openssl", "openssl", "peers that must be refused", false),
];

/// Looks at everything; exit code 0 if every run can be made, 3 if not.
pub(crate) fn doctor() -> Exit {
    let mut lines = programs();
    lines.extend(fakes());
    lines.extend(kernel());
    for line in &lines {
        let mark = match (&line.missing, line.needed) {
            (None, _) => "yes",
            (Some(_), true) => "NO",
            (Some(_), false) => "no",
        };
        say(&format!("{mark:<4} {}\n", line.what));
        if let Some(why) = &line.missing {
            say(&format!("     {}\n", why.replace('\n', "\n     ")));
        }
    }
    let lacks = lines.iter().filter(|line| line.needed && line.missing.is_some()).count();
    let optional = lines.iter().filter(|line| !line.needed && line.missing.is_some()).count();
    say(&match lacks {
        0 if optional == 0 => "\nEverything is there.\n".to_owned(),
        0 => format!(
            "\nRuns can be made; checks that require one of the {optional} missing are inconclusive.\n"
        ),
        _ => format!("\n{lacks} missing: no run can be made until that is mended.\n"),
    });
    if lacks == 0 { Exit::Expected } else { Exit::Inconclusive }
}

fn programs() -> Vec<Line> {
    let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
    let there = |name: &str| folders.iter().any(|folder| Path::new(folder).join(name).exists());
    let line = |(name, package, purpose, needed): (&str, &str, &str, bool)| Line {
        what: format!("program {name}: {purpose}"),
        needed,
        missing: (!there(name)).then(|| format!("install the package {package}, or run `scripts/setup run`")),
    };
    PROGRAMS.into_iter().map(line).collect()
}

/// How each fake is asked whether it can work here: one that lacks a library does not start, one that lacks a plugin
/// says so.
const QUESTIONS: [(&str, &str); 3] =
    [("fake-camera", "doctor"), ("fake-cloud", "--version"), ("fake-appliance", "doctor")];

fn fakes() -> Vec<Line> {
    let folder = super::programs();
    let line = |(name, question): (&str, &str)| Line {
        what: format!("program {name}"),
        needed: true,
        missing: broken(&folder.join(name), question),
    };
    QUESTIONS.into_iter().map(line).collect()
}

fn broken(program: &Path, question: &str) -> Option<String> {
    if !program.exists() {
        return Some(format!(
            "{} is missing: build the whole workspace with `cargo build`",
            program.display()
        ));
    }
    let run = Command::new(program).arg(question).stdin(Stdio::null()).output();
    match run {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "it cannot work here: {}\nrun `scripts/setup run`, which installs its libraries and plugins",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Some(format!("it does not start: {error}")),
    }
}

/// Namespaces and kernel features, tried in a lab of their own.
fn kernel() -> Vec<Line> {
    let who = if nix::unistd::geteuid().is_root() { "root" } else { "an ordinary user" };
    let namespaces = |missing| Line { what: format!("namespaces for {who}"), needed: true, missing };
    match tried() {
        Err(failure) => vec![namespaces(Some(failure.text))],
        Ok(missing) => {
            let why = |name: &str| missing.iter().find(|(one, _)| one == name).map(|(_, why)| why.clone());
            let lines = features::ALL.iter().map(|feature| Line {
                what: format!("kernel: {} ({})", feature.name, feature.purpose),
                needed: feature.needed,
                missing: why(feature.name),
            });
            [namespaces(None)].into_iter().chain(lines).collect()
        }
    }
}

fn tried() -> Result<Vec<(String, String)>, Failure> {
    block_on(run::try_features()).and_then(|tried| tried)
}
