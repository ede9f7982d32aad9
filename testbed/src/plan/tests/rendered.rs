//! What a reader sees.

use crate::plan::render::{dot, json, mermaid, text};
use crate::plan::testsite::{t1, t3, t5};
use crate::plan::{Plan, star};

#[test]
fn t1_as_text() {
    insta::assert_snapshot!(text(&t1().planned()));
}

#[test]
fn t3_as_text() {
    insta::assert_snapshot!(text(&t3().planned()));
}

#[test]
fn t5_as_text() {
    insta::assert_snapshot!(text(&t5().planned()));
}

#[test]
fn the_open_copy_of_t5_as_text() {
    insta::assert_snapshot!(text(&t5().planned().opened()));
}

#[test]
fn t3_as_drawing_for_graphviz() {
    insta::assert_snapshot!(dot(&t3().planned()));
}

#[test]
fn t3_as_drawing_for_mermaid() {
    insta::assert_snapshot!(mermaid(&t3().planned()));
}

#[test]
fn json_reads_back_as_the_same_plan() {
    for plan in [t1().planned(), t3().planned(), t5().planned().opened(), star(3)] {
        assert_eq!(serde_json::from_str::<Plan>(&json(&plan)).unwrap(), plan);
    }
}

#[test]
fn the_same_scenario_gives_the_same_bytes() {
    for site in [t1, t3, t5] {
        let (one, two) = (site().planned(), site().planned());
        assert_eq!(json(&one), json(&two));
        assert_eq!(json(&one.opened()), json(&two.opened()));
    }
}

#[test]
fn no_line_ends_in_a_space() {
    let text = text(&t3().planned());
    assert!(text.lines().all(|line| line == line.trim_end()));
}
