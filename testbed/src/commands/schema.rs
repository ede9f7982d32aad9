//! `testbed schema` and `testbed completions`: what editors and shells read.

use clap::CommandFactory;
use testbed::cli::{Cli, SchemaOf};
use testbed::exit::Exit;
use testbed::{report, scenario};

use super::say;

/// Prints a JSON Schema.
pub(crate) fn schema(of: SchemaOf) -> Exit {
    let schema = match of {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Twin => scenario::twin_schema(),
        SchemaOf::Verdicts => report::verdicts_schema(),
    };
    say(&format!("{schema:#}\n"));
    Exit::Expected
}

/// Prints completions for a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "testbed", &mut text);
    say(&String::from_utf8_lossy(&text));
    Exit::Expected
}
