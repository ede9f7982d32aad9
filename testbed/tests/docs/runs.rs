//! What the README shows of runs of shipped scenarios is of these scenarios as they are: the checks that they have, at
//! the places where they are written.

use std::path::Path;

use crate::pages::{Block, blocks, page};

const VERDICTS: [&str; 3] = ["PASS", "FAIL", "INCONCLUSIVE"];

fn shown() -> Vec<Block> {
    blocks(&page("README.md"))
}

/// The checks of a scenario, in their order.
fn checks(scenario: &str) -> Vec<String> {
    let text = page(scenario);
    let (_, below) = text.split_once("\nchecks:\n").unwrap_or_else(|| panic!("{scenario} has no checks"));
    let names = below.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    names.filter(|name| !name.starts_with([' ', '#'])).map(str::to_owned).collect()
}

/// The checks of a list of verdicts, in their order.
fn listed(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| {
        let mut words = line.strip_prefix("  ")?.split_whitespace();
        VERDICTS.contains(&words.next()?).then(|| words.next()).flatten()
    });
    names.map(str::to_owned).collect()
}

#[test]
fn a_run_that_is_shown_has_the_checks_of_its_scenario() {
    let mut seen = 0;
    for block in shown() {
        let asked = block.text.lines().find_map(|line| line.strip_prefix("$ testbed run scenarios/"));
        let Some(file) = asked.and_then(|words| words.split(' ').next()) else { continue };
        let listed = listed(&block.text);
        if !listed.is_empty() {
            assert_eq!(listed, checks(&format!("scenarios/{file}")), "{file}");
            seen += 1;
        }
    }
    assert!(seen > 0, "the README shows none");
}

#[test]
fn a_verdict_that_is_shown_names_the_line_of_its_check() {
    let mut seen = 0;
    for block in shown() {
        let mut check = None;
        for line in block.text.lines() {
            if let [verdict, name, _] = line.split(' ').collect::<Vec<_>>()[..]
                && VERDICTS.contains(&verdict)
            {
                check = Some(name);
            }
            let place = line.strip_prefix("  written in  ").and_then(|place| place.rsplit_once(':'));
            let Some((file, number)) = place.filter(|(file, _)| Path::new(file).starts_with("scenarios"))
            else {
                continue;
            };
            let number: usize = number.parse().expect("a line's number");
            let text = page(file);
            let written = text.lines().nth(number - 1).expect("the scenario has this line");
            assert_eq!(written.trim().strip_suffix(':'), check, "{line}");
            seen += 1;
        }
    }
    assert!(seen > 0, "the README shows none");
}
