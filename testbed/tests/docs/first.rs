//! The README's first scenario is run, and what the README shows of it is what comes out.

use std::path::Path;
use std::process::Command;

use super::examples::write_scenarios;
use super::pages::{Block, blocks, page};

/// The blocks of the README that show what `testbed run first.yaml` prints: first the good one, then the broken one.
fn shown() -> Vec<String> {
    let is_it =
        |block: &Block| block.language == "console" && block.text.starts_with("$ testbed run first.yaml");
    let blocks = blocks(&page("README.md")).into_iter().filter(is_it);
    blocks.map(|block| block.text.lines().skip(1).map(|line| format!("{line}\n")).collect()).collect()
}

/// What two runs need not have in common is replaced: times, names of run folders, numbers and counts of packets and
/// frames. Counts of losses and of what arrived stay.
pub(crate) fn steady(text: &str) -> String {
    text.lines().map(|line| steady_line(line) + "\n").collect()
}

fn steady_line(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let varies = |index: usize| {
        let next = words.get(index + 1).copied().unwrap_or_default();
        let before = index.checked_sub(1).and_then(|before| words.get(before)).copied().unwrap_or_default();
        words[index].starts_with("runs/")
            || (words[index].starts_with('#') && before.is_empty())
            || (before == "in" && next == "s;")
            // Of what stands for cells, the source port is the run's.
            || (before == "from" && words[index].parse::<u16>().is_ok())
            || ["frames", "decoded"].contains(&next)
    };
    let kept = words.iter().enumerate().map(|(index, word)| if varies(index) { "…" } else { word });
    kept.collect::<Vec<_>>().join(" ")
}

fn run(folder: &Path) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testbed"));
    let ran = command.current_dir(folder).args(["run", "first.yaml"]).output().expect("it was built");
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "");
    (String::from_utf8(ran.stdout).expect("a report is text"), ran.status.code())
}

#[test]
fn the_first_scenario_is_short() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = write_scenarios(&page("README.md"), folder.path());
    assert!(scenarios[0].ends_with("first.yaml"));
    let lines = std::fs::read_to_string(&scenarios[0]).unwrap().lines().count();
    assert!(lines < 30, "{lines} lines");
}

#[test]
fn the_first_scenario_comes_out_as_shown() {
    let folder = tempfile::tempdir().unwrap();
    write_scenarios(&page("README.md"), folder.path());
    let (said, code) = run(folder.path());
    assert_eq!(steady(&said), steady(&shown()[0]));
    assert_eq!(code, Some(0));
}

#[test]
fn the_first_scenario_with_its_mistake_comes_out_as_shown() {
    const RESTRICTS: &str = "ip saddr 10.2.0.10 ";
    assert!(
        page("README.md").contains(&format!("`{}`", RESTRICTS.trim())),
        "the README says what is taken out"
    );
    let folder = tempfile::tempdir().unwrap();
    write_scenarios(&page("README.md"), folder.path());
    let rules = folder.path().join("first.nft");
    let text = std::fs::read_to_string(&rules).unwrap();
    assert!(text.contains(RESTRICTS));
    std::fs::write(&rules, text.replace(RESTRICTS, "")).unwrap();
    let (said, code) = run(folder.path());
    assert_eq!(steady(&said), steady(&shown()[1]));
    assert_eq!(code, Some(1));
}

#[test]
fn only_what_varies_is_taken_out() {
    assert_eq!(
        steady_line("2 passed, 0 failed, 0 inconclusive in 3.85 s; 1159 frames captured, 0 dropped"),
        "2 passed, 0 failed, 0 inconclusive in … s; … frames captured, 0 dropped"
    );
    assert_eq!(
        steady_line("1 camera at desk: 32 frames received, 0 lost, 32 decoded"),
        "1 camera at desk: … frames received, 0 lost, … decoded"
    );
    assert_eq!(
        steady_line("    packet    #179 tcp/554 to 10.1.0.2 entered at guest's tap"),
        "    packet    … tcp/554 to 10.1.0.2 entered at guest's tap"
    );
}
