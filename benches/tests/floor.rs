//! The measuring programs themselves, run as `scripts/bench` runs them. Needs user namespaces and nft.

use std::process::Command;

use bench::line::Line;

/// Runs `gone` with the command and reads the line it prints.
fn gone(command: &[&str]) -> Line {
    let output = Command::new(env!("CARGO_BIN_EXE_gone")).args(command).output().expect("gone was built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

#[test]
fn a_star_is_built_connected_and_gone() {
    let line = gone(&[env!("CARGO_BIN_EXE_floor"), "3"]);
    assert_eq!((line.system.as_str(), line.n), ("floor", 3));
    assert!(line.build_ms > line.call_ms, "{line:?}");
    assert!(line.gone_ms > Some(line.call_ms), "{line:?}");
}

#[test]
fn a_namespace_that_stays_for_a_while_is_waited_for() {
    let late = r#"echo '{"system":"late","n":1,"build_ms":0,"call_ms":0}'; exec sleep 0.7"#;
    let line = gone(&["unshare", "--map-root-user", "--net", "sh", "-c", late]);
    assert!(line.gone_ms >= Some(650.0), "{line:?}");
}

#[test]
fn what_a_command_and_its_children_take_is_told_and_its_end_passed_on() {
    let output = Command::new(env!("CARGO_BIN_EXE_whole"))
        .args(["sh", "-c", "sleep 0.6 & sleep 0.6; exit 3"])
        .output()
        .expect("whole was built");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("in 3 processes"), "{said}");
}
