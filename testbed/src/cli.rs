//! Arguments of the command, and their help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::names::LabName;

/// Builds a site out of network namespaces, attacks its isolation, and says with packets what holds.
#[derive(Debug, Parser)]
#[command(name = "testbed", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Log more: -v the steps, -vv the details. RUST_LOG says it finer.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Say nothing but the result.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Shape of the log on standard error.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

const EXAMPLES: &str = "\
Examples:
  testbed run scenarios                    run all scenarios of a folder; evidence goes to runs/
  testbed run site.yaml --junit out.xml    one scenario, with a JUnit file for CI
  testbed twins scenarios                  each broken twin must be reported exactly as it expects
  testbed check site.yaml                  every mistake of a scenario, at its place
  testbed plan site.yaml --format mermaid  what would be built, as a drawing
  testbed doctor                           what this host can do, and how to mend what it cannot
  testbed up site.yaml                     build and stay; then, in another terminal:
  testbed shell site guest                 a shell in one of its nodes

Exit codes: 0 all as expected; 1 a check failed; 2 wrong usage or scenario; 3 inconclusive;
4 our own failure; 130 interrupted.";

const RUN: &str = "\
PATH is a scenario, or a folder: then the files directly in it that have `version:` and `site:`.

Examples:
  testbed run scenarios                          all scenarios of a folder
  testbed run site.yaml --json - --quiet         the verdicts for a program, after the report
  testbed run site.yaml --out evidence --jobs 2  two labs at once, run folders in evidence/";

const TWINS: &str = "\
PATH is a scenario (its twins lie in broken/ beside it), a twin, or a folder of scenarios.

Examples:
  testbed twins scenarios                                 every twin of every scenario of a folder
  testbed twins scenarios/broken/t3-forward-accept.yaml   one twin";

const UP: &str = "\
Prints the lab's name and how to reach it, and stays until Ctrl-C (exit code 130), until the terminal closes, or until
`testbed down` (exit code 0). With --detach it returns when the lab is up, which then stays until `testbed down`.

Examples:
  testbed up site.yaml                          until Ctrl-C
  testbed up site.yaml --detach --name mine     in the background, as `mine`
  testbed up site.yaml --detach --quiet         says the lab's name and nothing else, for scripts";

const PS: &str = "\
A lab is starting, up, judging, ending, or damaged: then something in it has ended by itself.

Examples:
  testbed ps          name, scenario, process, since when, state
  testbed ps --json   the same for a program, with folder and what has ended";

const SHELL: &str = "\
The command has the node's network, resolv.conf and hosts, and any program of the host. It sees the host's files as the
lab does: programs and the scenario's folder read-only, the lab's folder for writing, nothing else. It ends with the lab.
Without a command it is $SHELL where the lab has that, else /bin/sh. Exit code: the command's; 125 if it could not be
started.

Examples:
  testbed shell site guest                             a shell
  testbed shell site guest -- curl -v http://10.1.0.5  one command
  testbed shell site rtr -- nft list ruleset           what a router has loaded";

const CAPTURE: &str = "\
Every frame at every link, or at those of one segment, as pcapng; an interface for each link. Ends when nobody reads any
more, with Ctrl-C, and with the lab.

Examples:
  testbed capture site | wireshark -k -i -        all taps, in Wireshark
  testbed capture site cam | tcpdump -n -r -      one segment, as text
  testbed capture site cam > cam.pcapng           into a file";

const JUDGE: &str = "\
Carries out the scenario's checks on the lab as it stands, and reports as `testbed run` does, with the same exit codes.
The evidence goes to a run folder of its own inside the lab's folder.

Examples:
  testbed judge site                    the report
  testbed judge site --json - --quiet   the verdicts for a program";

const DOWN: &str = "\
Waits until nothing of the lab runs any more. A lab that is gone already is no failure.

Examples:
  testbed down site     one lab
  testbed down --all    all of yours";

const CHECK: &str = "\
PATH is a scenario, a twin, or a folder: then the files directly in it that have `version:` and `site:`.

Examples:
  testbed check site.yaml     one scenario
  testbed check scenarios     all scenarios of a folder";

const CONTROLS: &str = "\
`part` says that a check proves some of the control only. Controls that no check names stand at the end.

Examples:
  testbed controls scenarios          the table over all scenarios of a folder
  testbed controls scenarios --json   the same for a program";

const PLAN: &str = "\
Examples:
  testbed plan site.yaml                            nodes, addresses, routes, flows, checks
  testbed plan site.yaml --format json | jq .nodes  the same for a program
  testbed plan site.yaml --format dot | dot -Tsvg   a drawing, by Graphviz";

const SCHEMA: &str = "\
Example:
  testbed schema > scenario.schema.json   and in a scenario's first line:
  # yaml-language-server: $schema=scenario.schema.json";

const COMPLETIONS: &str = "\
Examples:
  testbed completions bash > ~/.local/share/bash-completion/completions/testbed
  testbed completions zsh > ~/.zfunc/_testbed
  testbed completions fish > ~/.config/fish/completions/testbed.fish";

const DOCTOR: &str = "\
Example:
  testbed doctor   exit code 0 if every run can be made, 3 if not";

/// Shape of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build, exercise, judge, tear down.
    #[command(after_help = RUN)]
    Run(Run),
    /// Run the broken twins of scenarios; each must be reported exactly as it expects.
    #[command(after_help = TWINS)]
    Twins(Run),
    /// Build and stay, to look around in; ends with Ctrl-C or `down`.
    #[command(after_help = UP)]
    Up(Up),
    /// List the labs that are up.
    #[command(after_help = PS)]
    Ps {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// A shell or a command in a node of a lab that is up.
    #[command(after_help = SHELL)]
    Shell {
        /// The lab.
        #[arg(value_name = "LAB")]
        lab: String,
        /// The node.
        #[arg(value_name = "NODE")]
        node: String,
        /// A command and its arguments.
        #[arg(last = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Write what passes the taps of a lab to standard output.
    #[command(after_help = CAPTURE)]
    Capture {
        /// The lab.
        #[arg(value_name = "LAB")]
        lab: String,
        /// Only this segment.
        #[arg(value_name = "SEGMENT")]
        segment: Option<String>,
    },
    /// Carry out the checks of a lab that is up, on the lab as it stands.
    #[command(after_help = JUDGE)]
    Judge {
        /// The lab.
        #[arg(value_name = "LAB")]
        lab: String,
        /// Where to report, beside the terminal.
        #[command(flatten)]
        outputs: Outputs,
    },
    /// End labs that are up, and wait until they are gone.
    #[command(after_help = DOWN)]
    Down {
        /// The labs.
        #[arg(value_name = "LAB", required_unless_present = "all")]
        labs: Vec<String>,
        /// All labs of yours.
        #[arg(long, conflicts_with = "labs")]
        all: bool,
    },
    /// Parse and validate only; every mistake at its place.
    #[command(after_help = CHECK)]
    Check {
        /// Scenarios, twins or folders.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Show what would be built, without touching the kernel.
    #[command(after_help = PLAN)]
    Plan {
        /// A scenario or a twin.
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// text for people, json for programs, dot and mermaid for drawings.
        #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
        format: PlanFormat,
    },
    /// Show which documented control is proven by which scenario, check and broken twin.
    #[command(after_help = CONTROLS)]
    Controls {
        /// Scenarios or folders; their twins lie in broken/ beside them.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// For programs: a list of controls, each with its checks.
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of scenario files, for editors.
    #[command(after_help = SCHEMA)]
    Schema {
        /// Which files.
        #[arg(value_enum, default_value_t = SchemaOf::Scenario)]
        of: SchemaOf,
    },
    /// Print shell completions.
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Say what this host can do and what it cannot, and how to mend it.
    #[command(after_help = DOCTOR)]
    Doctor,
    /// The lab's own process.
    #[command(name = "__lab", hide = true)]
    Lab,
    /// Build a star of hosts around a router and tear it down; prints one JSON line of times.
    #[command(hide = true)]
    BenchStar {
        /// How many hosts.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        hosts: u32,
    },
}

/// Options of `run` and `twins`.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// Scenarios or folders.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How labs are built.
    #[command(flatten)]
    pub lab: Lab,
    /// How many labs at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64), value_name = "N")]
    pub jobs: u32,
    /// Where to report, beside the terminal.
    #[command(flatten)]
    pub outputs: Outputs,
}

/// Options of `up`.
#[derive(Args, Clone, Debug)]
pub struct Up {
    /// A scenario or a twin.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Return when the lab is up; it then stays until `down`, whatever becomes of the terminal.
    #[arg(long)]
    pub detach: bool,
    /// What the lab is called; else as the scenario, with a number behind it where that is taken.
    #[arg(long, value_name = "NAME")]
    pub name: Option<LabName>,
    /// How the lab is built.
    #[command(flatten)]
    pub lab: Lab,
}

/// How labs are built.
#[derive(Args, Clone, Debug)]
pub struct Lab {
    /// Folder for the run folders.
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub out: PathBuf,
    /// Let scenarios run commands of their own (as you, inside the lab).
    #[arg(long)]
    pub allow_run: bool,
    /// Let the lab read this folder too; may be given more than once.
    #[arg(long = "allow-path", value_name = "DIR")]
    pub allow_paths: Vec<PathBuf>,
    /// Multiply every deadline by this, on a slow machine.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    pub patience: u32,
}

/// Where to report, beside the terminal.
#[derive(Args, Clone, Debug)]
pub struct Outputs {
    /// Write a JUnit file over all of them; `-` as for --json.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the verdicts of all of them as JSON; `-` is standard output, and the report then goes to standard error.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Say how long each stage took.
    #[arg(long)]
    pub timings: bool,
}

/// Shape of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the help of `plan --format` says it")]
pub enum PlanFormat {
    Text,
    Json,
    Dot,
    Mermaid,
}

/// Files that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Scenario files.
    Scenario,
    /// Broken twins.
    Twin,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Cli::command().debug_assert();
    }
}
