use pulldown_cmark::{Event, Options, Parser, Tag};

use super::super::example::{
    accepting_report, bad_report, blinded_report, broken_report, failed_report, good_report, twin_report,
};
use super::*;

#[test]
fn what_failed_comes_first_and_what_passed_is_folded_away() {
    insta::assert_snapshot!(summary_markdown(&[
        good_report(),
        accepting_report(),
        failed_report(),
        twin_report(true),
        twin_report(false)
    ]));
}

#[test]
fn a_good_run_is_short() {
    let text = summary_markdown(&[good_report()]);
    assert!(text.starts_with("## testbed: 0 failed, 0 inconclusive, 5 passed\n"), "{text}");
    assert!(!text.contains("###"), "{text}");
}

#[test]
fn only_what_is_accepted_lets_an_inconclusive_run_pass() {
    let mut report = accepting_report();
    report.judgement.checks.retain(|check| check.verdict != Verdict::Fail);
    assert_eq!(result(&report), "⚠️ inconclusive", "one of two is accepted");
    report.judgement.checks = report.accepted().cloned().collect();
    assert_eq!(result(&report), "✅ passed, apart from what is accepted");
    report.accept.clear();
    assert_eq!(result(&report), "⚠️ inconclusive");
    report.judgement.checks.clear();
    assert_eq!(result(&report), "⚠️ no checks");
}

#[test]
fn a_broken_part_is_said_before_all_else() {
    let text = summary_markdown(&[blinded_report()]);
    let (table, said) = text.split_once("\n### Runs with a broken part of the testbed\n").expect("a section");
    assert!(table.contains("❌ a part of the testbed was broken"), "{text}");
    assert!(said.contains("a tap that is blind to what arrives"), "{text}");
}

/// HTML of a document, and how often it has links and pictures.
fn html_and_links(document: &str) -> (Vec<String>, usize) {
    let (mut html, mut links) = (Vec::new(), 0);
    for event in Parser::new_ext(document, Options::all()) {
        match event {
            Event::InlineHtml(tag) | Event::Html(tag) => html.push(tag.trim().to_owned()),
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => links += 1,
            _ => {}
        }
    }
    (html, links)
}

#[test]
fn no_text_of_a_scenario_is_markdown_or_html() {
    const EVIL: &str = "<img src=x>\n# [x](https://evil.example) | `</code></details><script>";
    let evil = || EVIL.to_owned();
    let mut bad = bad_report();
    for check in &mut bad.judgement.checks {
        check.summary = evil();
        check.reasons = check.reasons.iter().map(|_| evil()).collect();
        check.place.file = evil();
        check.lacks = check.lacks.iter().map(|_| evil()).collect();
        for finding in &mut check.findings {
            (finding.text, finding.by) = (evil(), Some(evil()));
            finding.packets.iter_mut().for_each(|(shows, _)| *shows = evil());
        }
    }
    let mut early = failed_report();
    let failure = early.failure.as_mut().unwrap();
    (failure.text, failure.last_lines) = (evil(), vec![evil()]);
    let mut differs = twin_report(false);
    let twin = differs.twin.as_mut().unwrap();
    (twin.says, twin.differences) = (evil(), vec![evil()]);
    let text = summary_markdown(&[bad, early, differs]);
    assert!(text.matches("evil").count() > 10, "{text}");
    let (html, links) = html_and_links(&text);
    assert_eq!(links, 0, "{text}");
    for tag in html {
        let ours = tag == "<code>" || tag == "</code>" || tag == "</details>";
        let folded =
            tag.starts_with("<details><summary>Passed: ") || tag.starts_with("<details><summary>Controls: ");
        assert!(ours || (folded && !tag.contains("evil")), "{tag}\n{text}");
    }
}

#[test]
fn it_fits_into_a_step_and_says_what_does_not() {
    let mut report = bad_report();
    let failing = report.judgement.checks[2].clone();
    report.judgement.checks = vec![failing; 3000];
    let text = summary_markdown(&[report]);
    assert!(text.len() < 600 * 1024, "{}", text.len());
    assert!(text.contains("more have no room here"), "{}", &text[text.len() - 200..]);
    let opened = text.matches("<details>").count();
    assert_eq!(opened, text.matches("</details>").count());
    let short = summary_markdown(&[bad_report()]);
    assert!(!short.contains("no room"), "{short}");
}

#[test]
fn of_many_findings_the_first_are_spelled_out() {
    let mut report = bad_report();
    let check = &mut report.judgement.checks[2];
    check.findings = vec![check.findings[0].clone(); SHOWN + 3];
    let text = summary_markdown(&[report]);
    assert!(text.contains("\n  - and 3 more\n"), "{text}");
}

#[test]
fn what_was_broken_by_hand_is_said() {
    let text = summary_markdown(&[broken_report()]);
    assert!(text.contains("### Broken by hand\n\n- <code>small</code>\n  - cut desk"), "{text}");
    assert!(!summary_markdown(&[good_report()]).contains("by hand"));
}
