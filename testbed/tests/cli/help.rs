//! Help and usage.

use std::time::Duration;

use crate::support::{Place, Said, say};

const SOON: Duration = Duration::from_secs(20);

const COMMANDS: [&str; 16] = [
    "run",
    "twins",
    "up",
    "ps",
    "shell",
    "capture",
    "judge",
    "report",
    "replay",
    "down",
    "check",
    "plan",
    "controls",
    "schema",
    "completions",
    "doctor",
];

fn testbed(arguments: &[&str]) -> Said {
    let mut command = Place::new().testbed();
    command.current_dir("/").args(arguments);
    say(command, SOON)
}

#[test]
fn every_command_has_help_with_an_example() {
    let all = testbed(&["--help"]).expect_code(0);
    assert!(
        all.stdout.contains("Examples:") && all.stdout.contains("Exit codes:") && all.stderr.is_empty(),
        "{all}"
    );
    for command in COMMANDS {
        assert!(all.stdout.contains(&format!("\n  {command} ")), "{command} is not listed: {all}");
        let help = testbed(&[command, "--help"]).expect_code(0);
        assert!(help.stdout.contains(&format!("testbed {command}")), "{help}");
        assert!(help.stdout.contains("Example"), "{command} has no example: {help}");
        assert!(help.stdout.contains("--quiet"), "{help}");
    }
    for hidden in ["__lab", "bench-star"] {
        assert!(!all.stdout.contains(hidden), "{all}");
    }
}

#[test]
fn the_examples_in_the_help_are_right() {
    for command in COMMANDS {
        let help = testbed(&[command, "--help"]);
        let examples = help.stdout.split("Example").nth(1).unwrap_or_default();
        let lines = examples.lines().map(str::trim).filter(|line| line.starts_with("testbed "));
        for line in lines {
            // Up to what is for a shell or explains; asked for help, the program reads the arguments and does nothing.
            let words =
                line.split("  ").next().unwrap_or_default().split(['|', '>']).next().unwrap_or_default();
            // What comes after `--` is for another program.
            let words = words.split(" -- ").next().unwrap_or_default();
            let words: Vec<&str> = words.split_whitespace().skip(1).chain(["--help"]).collect();
            assert_eq!(words[0], command, "{line}");
            testbed(&words).expect_code(0);
        }
    }
}

#[test]
fn a_wrong_usage_is_code_two_and_talk() {
    for arguments in [
        &[][..],
        &["no-such-command"],
        &["run"],
        &["run", "--no-such-option", "x"],
        &["run", "x", "--jobs", "0"],
        &["run", "x", "--patience", "none"],
        &["check"],
        &["plan", "x", "--format", "picture"],
        &["schema", "recipes"],
        &["completions", "no-such-shell"],
        &["-q", "-v", "doctor"],
    ] {
        let said = testbed(arguments).expect_code(2);
        assert!(!said.stderr.is_empty() && said.stdout.is_empty(), "{arguments:?}: {said}");
    }
    for command in ["run", "twins", "check", "plan"] {
        let said = testbed(&[command, "/no/such/file.yaml"]).expect_code(2);
        assert!(said.stderr.contains("/no/such/file.yaml") && said.stdout.is_empty(), "{command}: {said}");
    }
}

#[test]
fn the_version_is_told() {
    let said = testbed(&["--version"]).expect_code(0);
    assert_eq!(said.stdout.trim(), format!("testbed {}", env!("CARGO_PKG_VERSION")));
}
