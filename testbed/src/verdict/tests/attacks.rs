//! `attacks`: all were made, one was not, and who has nothing to do with it.

use fake_facts::{Fact, Line};

use super::super::example::{START, of};
use super::*;
use crate::observation::NodeFact;
use crate::plan::ServiceKind;
use crate::scenario::model::Place;

const CHECK: &str = "attacks-made";

fn hostile(plan: &mut Plan) {
    for service in plan.services.iter_mut().filter(|service| service.node == of("dock-1")) {
        if let ServiceKind::Camera { hostile, .. } = &mut service.kind {
            (hostile.answers_garbage, hostile.clock) = (true, -5);
        }
    }
    let word = Word::Attacks { of: vec![of("dock-1")] };
    let place = Place { file: "scenarios/small.yaml".into(), line: 45, column: 3 };
    plan.checks.push(Check { name: of(CHECK), place, proves: vec![], requires: vec![], during: None, word });
}

fn did(node: &str, what: &str) -> NodeFact {
    NodeFact { node: of(node), line: Line { at: START, fact: Fact::Attacked { what: what.into() } } }
}

#[test]
fn what_was_done_by_the_camera_itself_counts() {
    let verdict = after_both(CHECK, hostile, |seen| {
        seen.facts.extend([did("dock-1", "answers_garbage"), did("dock-1", "clock")]);
    });
    assert_eq!(
        (verdict.verdict, verdict.summary.as_str()),
        (Verdict::Pass, "2 attacks by 1 camera took place")
    );
}

#[test]
fn what_was_never_done_shows_nothing() {
    let verdict = after_both(CHECK, hostile, |seen| {
        seen.facts.extend([did("dock-1", "answers_garbage"), did("dock-2", "clock")]);
    });
    assert_inconclusive(&verdict, &["attack"]);
    assert!(format!("{:?}", verdict.reasons).contains("dock-1 never did what its `clock` says"));
}
