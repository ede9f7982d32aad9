//! Arguments of the command, and their help.

mod fault;
mod help;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::names::LabName;
pub use fault::{Action, Impair, Of};
use help::{
    CAPTURE, CHECK, COMPLETIONS, CONTROLS, DOCTOR, DOWN, EXAMPLES, FAULT, JUDGE, PLAN, PS, REPLAY, REPORT,
    RUN, SCHEMA, SHELL, TWINS, UP,
};

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
    /// Break something of a lab that is up, change it, or mend it.
    #[command(after_help = FAULT)]
    Fault {
        /// The lab.
        #[arg(value_name = "LAB")]
        lab: String,
        /// What is done.
        #[command(subcommand)]
        action: Action,
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
        /// What may stay inconclusive.
        #[command(flatten)]
        accept: Accept,
        /// Where to report, beside the terminal.
        #[command(flatten)]
        outputs: Outputs,
    },
    /// Judge a run again from its run folder alone, on any machine and without any rights.
    #[command(after_help = REPORT)]
    Report(Report),
    /// Run the scenario of a run folder again, and compare verdicts and flows with the record.
    #[command(after_help = REPLAY)]
    Replay {
        /// The run folder; it is read and never written to.
        #[arg(value_name = "RUNDIR")]
        folder: PathBuf,
        /// How the lab is built.
        #[command(flatten)]
        lab: Lab,
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
    /// Print the JSON Schema of scenario files, for editors, or of verdicts, for programs.
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
    /// What may stay inconclusive.
    #[command(flatten)]
    pub accept: Accept,
    /// Run each once more in a second lab, whose rules all count, and list the rules that nothing used.
    #[arg(long)]
    pub count_rules: bool,
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
    /// Send everything: all ports, ICMP types and codes and protocols, wherever a check does not say what is sent.
    #[arg(long)]
    pub exhaustive: bool,
    /// Multiply every deadline by this, on a slow machine.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    pub patience: u32,
}

/// What may stay inconclusive.
#[derive(Args, Clone, Debug)]
pub struct Accept {
    /// A list of checks that may stay inconclusive where the kernel lacks what they require; verdicts stay, the exit code is then 0.
    #[arg(long, value_name = "FILE")]
    pub accept_unsupported: Option<PathBuf>,
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
    /// Write what is not as it should be as SARIF 2.1.0, for code hosts; `-` as for --json.
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Append a summary in Markdown, as CI systems show it beside a job; `-` as for --json.
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Say how long each stage took.
    #[arg(long)]
    pub timings: bool,
}

/// Options of `report`.
#[derive(Args, Clone, Debug)]
pub struct Report {
    /// The run folder; it is read and never written to.
    #[arg(value_name = "RUNDIR")]
    pub folder: PathBuf,
    /// Write the run's `verdicts.json` again; `-` as for --json.
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
    /// Write the run's `report.html` again.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Where to report, beside the terminal.
    #[command(flatten)]
    pub outputs: Outputs,
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
    /// What a run came to: `verdicts.json`, and what --json writes.
    Verdicts,
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
