//! Who asks which camera for its stream.

use crate::plan::testsite::{t1, words};
use crate::plan::{Open, Word};
use crate::scenario::model::{Scenario, Word as Asserted};

fn no_stream(cameras: &str, from: &str) -> Asserted {
    Asserted::NoStream { cameras: words(cameras), from: words(from), knows_password: true }
}

fn tried(scenario: Scenario, cameras: &str, from: &str) -> (Vec<String>, Vec<String>) {
    let plan = scenario.check("asked", "", no_stream(cameras, from)).planned();
    let check = plan.checks.iter().find(|one| one.name.as_str() == "asked").unwrap();
    let Word::NoStream { tries, may, .. } = &check.word else { panic!("a no_stream") };
    let text = |open: &Open| {
        let flow = open.flow.as_ref().map(|flow| format!("{flow} ")).unwrap_or_default();
        format!("{flow}{} -> {} {}", open.from, open.to, open.port)
    };
    (tries.iter().map(text).collect(), may.iter().map(text).collect())
}

#[test]
fn each_asks_each_other_camera_and_somebody_may_watch_each() {
    let (tries, may) = tried(t1(), "dock", "rtr aws dock");
    assert_eq!(tries, ["rtr -> dock tcp/554", "aws -> dock tcp/554"]);
    assert_eq!(may, ["F01 app -> dock tcp/554"]);
}

#[test]
fn a_camera_that_nobody_may_watch_shows_nothing_and_is_refused() {
    let mut scenario = t1().check("asked", "", no_stream("dock", "rtr"));
    scenario.flows.retain(|flow| flow.id.as_str() != "F01");
    let text = scenario.refused();
    assert!(text.contains("no flow lets anybody watch `dock`"), "{text}");
}
