//! Tables of the pages against the program: commands, exit codes, what the host must offer, the run folder, controls.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use clap::CommandFactory;
use testbed::cli::Cli;
use testbed::evidence::RunFile;

use super::pages::{page, root};

/// Cells of the table below a heading of the README, its two head rows left out, backquotes taken off.
fn table(heading: &str) -> Vec<Vec<String>> {
    let page = page("README.md");
    let (_, below) = page.split_once(&format!("\n## {heading}\n")).expect("the README has this heading");
    let section = below.split("\n## ").next().expect("it has at least one part");
    let rows = section.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    let cells = |row: &str| row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
    let rows: Vec<Vec<String>> = rows.skip(2).map(cells).collect();
    assert!(rows.len() > 2, "{heading}: {rows:?}");
    rows
}

fn first_words(rows: &[Vec<String>]) -> BTreeSet<String> {
    rows.iter().map(|row| row[0].split(' ').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_commands_are_those_of_the_help() {
    let mut cli = Cli::command();
    // Only then it has `help`.
    cli.build();
    let visible = cli.get_subcommands().filter(|command| !command.is_hide_set());
    let commands: BTreeSet<String> = visible.map(|command| command.get_name().to_owned()).collect();
    assert_eq!(first_words(&table("Commands")), commands);
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let source = std::fs::read_to_string(root().join("testbed/src/exit.rs")).unwrap();
    let (_, codes) = source.split_once("pub enum Exit {").unwrap();
    let (codes, _) = codes.split_once('}').unwrap();
    let lines: Vec<&str> = codes.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let wanted: Vec<(String, String)> = lines
        .chunks(2)
        .map(|pair| {
            let says = pair[0].trim_start_matches("/// ").trim_end_matches('.');
            let code = pair[1].rsplit(' ').next().unwrap().trim_end_matches(',');
            (code.to_owned(), says.to_owned())
        })
        .collect();
    assert_eq!(wanted.len(), 6, "{wanted:?}");
    let shown: Vec<(String, String)> =
        table("Exit codes").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(shown, wanted);
}

#[test]
fn the_doctor_looks_at_what_the_host_must_offer() {
    let said = Command::new(env!("CARGO_BIN_EXE_testbed")).arg("doctor").output().unwrap();
    assert!(matches!(said.status.code(), Some(0 | 3)), "{said:?}");
    let said = String::from_utf8(said.stdout).unwrap();
    // `yes  kernel: bridge (segments)`
    let looked_at = said.lines().filter_map(|line| {
        let (mark, what) = line.split_once(' ')?;
        ["yes", "no", "NO"].contains(&mark).then(|| what.trim())
    });
    let plain = |what: &str| {
        let what = what.replace("for root", "").replace("for an ordinary user", "");
        what.split([':', '('])
            .next()
            .map(|start| start.trim().to_owned())
            .filter(|start| start != "kernel")
            .unwrap_or_else(|| what.split(" (").next().unwrap_or_default().trim().to_owned())
    };
    let looked_at: BTreeSet<String> = looked_at.map(plain).collect();
    let shown: BTreeSet<String> =
        table("What the host must offer").iter().map(|row| row[0].clone()).collect();
    assert_eq!(shown, looked_at, "{said}");
    // Whatever the kernel has: no site is built with it, so no check that requires it may pass.
    assert!(said.contains("\nno   kernel: bonding ("), "{said}");
}

#[test]
fn the_files_are_those_of_a_run_folder() {
    let node = || "node".parse().expect("a name");
    let files = [
        RunFile::Scenario,
        RunFile::Plan,
        RunFile::Host,
        RunFile::Run,
        RunFile::Facts,
        RunFile::Record,
        RunFile::Sent,
        RunFile::Filters,
        RunFile::Sightings,
        RunFile::Connections,
        RunFile::Flows,
        RunFile::Probes,
        RunFile::Capture,
        RunFile::OpenCopy,
        RunFile::Clip(node()),
        RunFile::Given("PATH".into()),
        RunFile::Before(node()),
        RunFile::After(node()),
        RunFile::Counted(node()),
        RunFile::LearnedBefore,
        RunFile::LearnedAfter,
        RunFile::Log(node()),
        RunFile::LabLog,
        RunFile::UpLog,
        RunFile::Junit,
        RunFile::Report,
        RunFile::Manifest,
        RunFile::Verdicts,
    ];
    let named: BTreeSet<PathBuf> =
        files.iter().map(|file| PathBuf::from(file.path().replace("node", "NODE"))).collect();
    let rows = table("Where the evidence lies");
    let shown: BTreeSet<PathBuf> =
        rows.iter().flat_map(|row| row[0].split(", ")).map(PathBuf::from).collect();
    assert_eq!(shown, named);
}

#[test]
fn every_documented_control_has_one_row() {
    let mut controls = Command::new(env!("CARGO_BIN_EXE_testbed"));
    let said = controls.arg("controls").arg(root().join("scenarios")).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    let said = String::from_utf8(said.stdout).unwrap();
    // Those that no check names stand in a line, with commas.
    let words = said.split(|letter: char| letter.is_whitespace() || letter == ',');
    let known: BTreeSet<&str> = words.filter(|word| word.starts_with("PAN-")).collect();
    let page = page("docs/controls.md");
    let rows: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .filter(|first| first.starts_with("PAN-"))
        .collect();
    let shown: BTreeSet<&str> = rows.iter().copied().collect();
    assert_eq!(shown, known);
    assert_eq!(rows.len(), shown.len(), "one has two rows: {rows:?}");
}
