//! What a run folder does not hold of its run leaves no pass, and takes away what may only look so.

use super::super::example::leak;
use super::*;
use crate::observation::Gap;

fn end(seen: &mut Observations) {
    seen.gaps.push(Gap::End("the run was interrupted".into()));
}

fn hole(seen: &mut Observations) {
    seen.gaps.push(Gap::Hole("7 frames were not stored".into()));
}

#[test]
fn no_check_passes_in_a_folder_that_is_not_whole() {
    for (gap, says) in [(end as fn(&mut Observations), "interrupted"), (hole, "7 frames")] {
        let mut seen = good();
        gap(&mut seen);
        for check in judge(&plan(), &seen).checks {
            assert_inconclusive(&check, &["folder", says]);
        }
    }
}

#[test]
fn a_packet_that_arrived_stays_a_finding_whatever_is_missing() {
    for gap in [end as fn(&mut Observations), hole] {
        let verdict = after("vms-shut", |seen| {
            leak(&mut seen.aims[0], "tcp/22", Some(112));
            gap(seen);
        });
        assert_eq!(verdict.verdict, Verdict::Fail, "{verdict:#?}");
        assert!(verdict.reasons.iter().any(|reason| reason.starts_with("folder")), "{verdict:#?}");
    }
}

#[test]
fn who_opened_what_is_a_finding_until_packets_are_missing_in_the_midst() {
    let opened = |seen: &mut Observations| seen.conversations[2].syn_back = true;
    let cut = after("app-opens", |seen| {
        opened(seen);
        end(seen);
    });
    assert_eq!(cut.verdict, Verdict::Fail, "{cut:#?}");
    let holed = after("app-opens", |seen| {
        opened(seen);
        hole(seen);
    });
    assert_inconclusive(&holed, &["seen all the same, in a folder that is not whole", "first SYN"]);
}

#[test]
fn what_was_missed_is_no_finding_in_a_folder_that_is_not_whole() {
    let verdict = after("cloud-reached", |seen| {
        seen.opens[0].answered_after_us = None;
        end(seen);
    });
    assert_inconclusive(&verdict, &["seen all the same", "could not open tcp/443"]);
}
