//! The README's example of a run that is judged again comes out as shown.

use std::process::Command;

use super::pages::{Block, blocks, page, root};

const COMMAND: &str = "$ testbed report docs/example/run";

#[test]
fn the_shipped_run_is_judged_again_as_shown() {
    let is_it = |block: &Block| block.language == "console" && block.text.starts_with(COMMAND);
    let shown = blocks(&page("README.md")).into_iter().find(is_it).expect("the README shows it").text;
    let words = COMMAND.split(' ').skip(2);
    let said = Command::new(env!("CARGO_BIN_EXE_testbed")).current_dir(root()).args(words).output();
    let said = said.expect("it was built");
    assert_eq!(String::from_utf8_lossy(&said.stderr), "");
    assert_eq!(format!("{COMMAND}\n{}", String::from_utf8_lossy(&said.stdout)), shown);
    assert_eq!(said.status.code(), Some(0));
}
