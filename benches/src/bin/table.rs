//! Reads measured lines from standard input and prints them as a table (`bench::table`).

use std::io;
use std::process::ExitCode;

use anyhow::Context;
use bench::line::Line;
use bench::table;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's result and its failure")]
fn main() -> ExitCode {
    match read() {
        Ok(lines) => {
            print!("{}", table::draw(&lines));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("table: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn read() -> anyhow::Result<Vec<Line>> {
    io::stdin().lines().map(|text| serde_json::from_str(&text?).context("a line that is no result")).collect()
}
