//! `reach`: answered, unanswered, never tried.

use super::super::example::{START, cloud_open, of, open_seen};
use super::*;
use crate::observation::{ChangeSeen, OpenSeen};
use crate::plan::During;
use crate::plan::fault::Fault;

const CHECK: &str = "cloud-reached";

#[test]
fn no_answer_is_a_finding_with_its_error_and_packet() {
    let verdict = after(CHECK, |seen| {
        seen.opens[0].answered_after_us = None;
        seen.opens[0].error = Some("connection refused".into());
        seen.opens[0].packets = (Some(60), None);
    });
    assert_fails(&verdict, &["app could not open tcp/443 at aws 203.0.113.10 (F07): connection refused"]);
    let finding = &verdict.findings[0];
    assert_eq!(finding.pair.as_ref().unwrap().1.as_str(), "aws");
    assert_eq!(finding.packets, [("tcp/443 to 203.0.113.10 sent, at app's tap".to_owned(), 60)]);
}

#[test]
fn silence_without_a_packet_says_that_nothing_left() {
    let verdict = after(CHECK, |seen| {
        seen.opens[0].answered_after_us = None;
        seen.opens[0].packets = (None, None);
    });
    let text = "app could not open tcp/443 at aws 203.0.113.10 (F07): no answer within the deadline; \
                no packet of it left app";
    assert_fails(&verdict, &[text]);
}

#[test]
fn one_failure_among_repeated_tries_is_a_fail() {
    let verdict = after(CHECK, |seen| {
        let mut again = open_seen(CHECK, cloud_open(), START + 9);
        again.answered_after_us = None;
        seen.opens.push(again);
    });
    assert_eq!(verdict.verdict, Verdict::Fail);
}

#[test]
fn what_was_never_tried_is_inconclusive() {
    let verdict = after(CHECK, |seen| drop(seen.opens.remove(0)));
    assert_inconclusive(&verdict, &["opened", "F07 app -> aws 203.0.113.10 tcp/443 was never tried"]);
    let verdict = after(CHECK, |seen| seen.opens[0].check = "other".parse().unwrap());
    assert_eq!(verdict.verdict, Verdict::Inconclusive, "another check's conversation does not count");
}

#[test]
fn a_check_that_opens_nothing_is_vacuous() {
    let verdict = after_word(CHECK, |word| *word = Word::Reach { opens: vec![] });
    assert_inconclusive(&verdict, &["vacuous"]);
}

/// An address that is open anyhow is not opened by the name that leads there.
#[test]
fn what_a_name_opens_was_shut_before() {
    let judged = |before: Option<Option<u64>>| {
        let ask = |plan: &mut Plan| {
            let check = plan.checks.iter_mut().find(|check| check.name.as_str() == CHECK).unwrap();
            let fault = asked_on_purpose("other.iot.example.com", "app", 1).fault;
            check.during = Some(During { fault, then: Fault::HealAll });
        };
        after_both(CHECK, ask, |seen| {
            let own: Vec<_> = seen.opens.iter().filter(|one| one.check.as_str() == CHECK).cloned().collect();
            let at = own.iter().map(|one| one.at).min().unwrap();
            let (check, then_at) = (of(CHECK), at + 5);
            seen.changes.push(ChangeSeen {
                check,
                at: at - 1,
                then_at,
                end_at: then_at,
                error: None,
                done: Default::default(),
            });
            if let Some(answered_after_us) = before {
                let (at, packets) = (at - 2, (Some(40), answered_after_us.map(|_| 41)));
                let before = |one| OpenSeen { at, answered_after_us, packets, ..one };
                seen.opens.extend(own.into_iter().map(before));
            }
        })
    };
    let verdict = judged(Some(None));
    // That the name was told is for another control.
    assert_eq!(verdict.findings, []);
    assert_eq!(verdict.reasons, ["moved: app was never told that other.iot.example.com is 203.0.113.16"]);
    let open = "app could open tcp/443 at aws 203.0.113.10 before the name was asked for";
    assert_fails(&judged(Some(Some(900))), &[open]);
    assert_inconclusive(&judged(None), &["shut", "was not seen to be shut before the name was asked for"]);
}
