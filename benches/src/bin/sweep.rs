//! Everything sent to one address, timed: `sweep bare GUEST DOOR SOURCE TARGET NAME [ROUTER]` sends it between two network namespaces by
//! itself, from one address to another, and calls it by a name; with that of the router between, it asks its counter, too. `sweep of RUNDIR` reads it off a run of testbed's. Each prints one line of JSON;
//! `sweep table` draws a table of such lines.

use std::env;
use std::fs;
use std::io;
use std::process::ExitCode;

use anyhow::{Context, bail};
use bench::bare::{self, Pair};
use bench::sweep::{self, Sweep};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's result and its failure")]
fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match act(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(text) => {
            println!("{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("sweep: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(arguments: &[&str]) -> anyhow::Result<String> {
    match arguments {
        ["bare", guest, door, source, target, name, router @ ..] if router.len() < 2 => {
            let pair = Pair { source: source.parse()?, target: target.parse()? };
            Ok(serde_json::to_string(&bare::sweep(guest, door, pair, router.first().copied(), name)?)?)
        }
        ["of", folder] => {
            let read = |file: &str| fs::read_to_string(format!("{folder}/{file}")).context(file.to_owned());
            let sweep = sweep::of_run(&read("record.jsonl")?, &read("verdicts.json")?)?;
            Ok(serde_json::to_string(&sweep)?)
        }
        ["table"] => {
            let lines = io::stdin().lines();
            let sweeps = lines.map(|text| anyhow::Ok(serde_json::from_str::<Sweep>(&text?)?));
            Ok(sweep::draw(&sweeps.collect::<Result<Vec<_>, _>>()?))
        }
        _ => bail!("sweep bare GUEST DOOR SOURCE TARGET NAME [ROUTER], sweep of RUNDIR, sweep table"),
    }
}
