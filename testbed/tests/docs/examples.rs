//! Examples: whole scenarios pass `testbed check`, shell lines are commands that exist.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use testbed::cli::Cli;

use super::pages::{Block, all, blocks, page};

/// Pages whose examples are complete.
const COMPLETE: [&str; 2] = ["README.md", "scenarios/README.md"];

/// Writes each scenario of a page, and the rule files that it names, into the folder; returns the scenarios.
///
/// A rule file's text is the first block in nft that follows its scenario.
pub(crate) fn write_scenarios(page: &str, folder: &Path) -> Vec<PathBuf> {
    let blocks = blocks(page);
    let mut written = Vec::new();
    for (index, block) in blocks.iter().enumerate().filter(|(_, block)| is_scenario(block)) {
        let mut rules = blocks[index + 1..].iter().filter(|block| block.language == "nft");
        for name in rule_files(&block.text) {
            let rules = rules.next().unwrap_or_else(|| panic!("{name} is not shown"));
            std::fs::write(folder.join(name), &rules.text).expect("a folder of ours");
        }
        let path =
            folder.join(format!("{}.yaml", value(&block.text, "name:").expect("a scenario has a name")));
        std::fs::write(&path, &block.text).expect("a folder of ours");
        written.push(path);
    }
    written
}

fn is_scenario(block: &Block) -> bool {
    block.language == "yaml" && block.text.starts_with("version:") && block.text.contains("\nsite:")
}

fn rule_files(scenario: &str) -> Vec<&str> {
    let after = scenario.split("ruleset:").skip(1);
    after.filter_map(|rest| rest.trim_start().split([',', ' ', '\n', '}']).next()).collect()
}

fn value<'a>(scenario: &'a str, key: &str) -> Option<&'a str> {
    scenario.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)
}

#[test]
fn every_scenario_in_the_pages_is_right() {
    for path in COMPLETE {
        let folder = tempfile::tempdir().unwrap();
        let scenarios = write_scenarios(&page(path), folder.path());
        assert!(!scenarios.is_empty(), "{path} shows no scenario");
        for scenario in scenarios {
            let mut check = Command::new(env!("CARGO_BIN_EXE_testbed"));
            let said = check.arg("check").arg(&scenario).output().unwrap();
            assert!(said.status.success(), "{path}: {}", String::from_utf8_lossy(&said.stderr));
        }
    }
}

#[test]
fn every_block_of_yaml_in_the_readmes_is_a_scenario() {
    for path in COMPLETE {
        let other: Vec<_> = blocks(&page(path))
            .into_iter()
            .filter(|one| one.language == "yaml" && !is_scenario(one))
            .collect();
        assert!(other.is_empty(), "{path} has examples that nothing checks: {other:#?}");
    }
}

/// The lines of a page that a reader would type, without prompts.
fn typed(page: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for block in blocks(page) {
        let kept = block.text.lines().filter_map(|line| match block.language.as_str() {
            "sh" => Some(line),
            "console" => line.strip_prefix("$ "),
            _ => None,
        });
        lines.extend(kept.map(|line| line.split(" # ").next().unwrap_or(line).trim().to_owned()));
    }
    lines
}

#[test]
fn every_command_that_a_page_shows_exists() {
    let makefile = page("Makefile");
    let mut seen = 0;
    for path in all() {
        for line in typed(&page(&path)) {
            let words: Vec<&str> =
                line.split_whitespace().take_while(|word| !"|<>;".contains(*word)).collect();
            match words.as_slice() {
                ["testbed", ..] => {
                    seen += 1;
                    let parsed = Cli::try_parse_from(&words);
                    assert!(parsed.is_ok(), "{path}: {line}: {}", parsed.unwrap_err());
                }
                ["make", target, ..] => {
                    seen += 1;
                    assert!(makefile.contains(&format!("\n{target}:")), "{path}: {line}");
                }
                _ => {}
            }
        }
    }
    assert!(seen > 5, "{seen} commands");
}
