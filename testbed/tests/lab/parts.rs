//! The testbed's own parts have broken twins, too: a good site, judged with one of them broken, does not pass, for the
//! reason that its controls give; and every report of such a run names the part.

use std::fs;

use testbed::parts::{Part, VARIABLE};
use testbed::report::{CheckJson, RunJson};
use testbed::verdict::Verdict;

use crate::sites::SWEEP_RULES;
use crate::support::{ONE_RUN, Place, Said, runs_of, say, verdicts_in};

const SITE: &str = include_str!("parts.yaml");

/// Runs the site with this part broken.
fn run(place: &Place, part: Option<Part>, more: &[&str]) -> Said {
    place.write("site/sweep.nft", SWEEP_RULES);
    let mut run = place.run(&place.write("site/parts.yaml", SITE));
    run.args(more).envs(part.map(|part| (VARIABLE, part.name())));
    say(run, ONE_RUN)
}

/// The run with this part broken, in which these checks alone do not pass.
#[track_caller]
fn without(part: Part, noticed_by: &[&str]) -> RunJson {
    let said = run(&Place::new(), Some(part), &["--json", "-"]);
    let run = runs_of(&said).runs.remove(0);
    let not_passed = run.checks.iter().filter(|check| check.verdict != Verdict::Pass);
    let not_passed: Vec<_> = not_passed.map(|check| check.name.as_str()).collect();
    assert_eq!((run.broken_part, not_passed), (Some(part), noticed_by.to_vec()), "{said}");
    assert_eq!(run.failure, None, "it went to its end: {said}");
    run
}

/// A check of the run is inconclusive, and these alone are the controls that it has missed, each with words that say so.
#[track_caller]
fn assert_missed(run: &RunJson, name: &str, wanted: &[(&str, &str)]) {
    assert_eq!(missed(run, name, wanted), Verdict::Inconclusive);
}

/// These alone are the controls that a check of the run has missed, each with words that say so; its verdict.
#[track_caller]
fn missed(run: &RunJson, name: &str, wanted: &[(&str, &str)]) -> Verdict {
    let CheckJson { verdict, reasons, .. } =
        run.checks.iter().find(|check| check.name.as_str() == name).expect("a check of the site");
    assert_eq!(reasons.len(), wanted.len(), "{reasons:#?}");
    for (control, words) in wanted {
        let begins = format!("{control}: ");
        let said = reasons.iter().any(|reason| reason.starts_with(&begins) && reason.contains(words));
        assert!(said, "no `{begins}` with `{words}` in {reasons:#?}");
    }
    *verdict
}

#[test]
fn with_all_parts_at_work_the_site_is_good() {
    let said = run(&Place::new(), None, &["--json", "-"]).expect_code(0);
    let run = runs_of(&said).runs.remove(0);
    assert_eq!((run.counts.pass, run.broken_part), (6, None), "{said}");
}

#[test]
fn a_tap_that_is_blind_to_what_arrives_is_noticed() {
    let run =
        without(Part::BlindTap, &["guest-out", "no-frames-across", "still-shut", "stays", "nothing-else"]);
    let nothing = "(18 of 18 kinds missed)";
    let alive = ("alive", "nothing of it reached door");
    // A late answer to a packet of the instrument, which nobody saw arrive, is blamed on the attack's with the same ports.
    let verdict = missed(&run, "guest-out", &[("instrument", nothing), ("path", nothing), alive]);
    assert!(matches!(verdict, Verdict::Inconclusive | Verdict::Fail), "{verdict:?}");
    assert_missed(&run, "stays", &[("density", "0 bytes of door's clip at app.eth0")]);
}

#[test]
fn a_searcher_that_finds_nothing_is_noticed() {
    let run = without(Part::FindsNothing, &["stays"]);
    let wanted = [("density", "0 bytes of door's clip"), ("canary", "app.eth0 did not find its canary")];
    assert_missed(&run, "stays", &wanted);
}

#[test]
fn a_matcher_that_explains_everything_is_noticed() {
    let run = without(Part::ExplainsAll, &["nothing-else"]);
    let words = "a connection that no flow lets it open";
    assert_missed(&run, "nothing-else", &[("canary", words)]);
}

#[test]
fn a_prober_that_sends_nothing_is_noticed() {
    let run = without(Part::SendsNothing, &["guest-out", "no-frames-across", "still-shut"]);
    for stopped in ["guest-out", "still-shut"] {
        assert_missed(&run, stopped, &[("sent", "not all packets entered at guest's tap")]);
    }
    assert_missed(&run, "no-frames-across", &[("sent", "were handed to the node")]);
}

#[test]
fn every_report_names_the_part_and_so_does_the_record_to_whoever_judges_again() {
    let place = Place::new();
    let files = ["junit.xml", "sarif.json", "summary.md", "runs.json"].map(|name| place.path().join(name));
    let [junit, sarif, summary, json] = files.each_ref().map(|path| path.to_str().expect("a path of ours"));
    let outputs = ["--junit", junit, "--sarif", sarif, "--summary", summary, "--json", json];
    let part = Part::ExplainsAll;
    let said = run(&place, Some(part), &outputs).expect_code(3);
    let [folder] = &place.run_folders()[..] else { panic!("one run: {said}") };
    let kept = ["junit.xml", "report.html", "verdicts.json", "run.json"].map(|name| folder.join(name));
    for file in files.iter().chain(&kept) {
        let text = fs::read_to_string(file).expect("it was written");
        // Markdown has the hyphen escaped.
        let names = text.replace('\\', "").contains(part.name());
        assert!(names, "{} does not name the part", file.display());
    }
    let line = format!("BROKEN PART: this run had {part} ({})", part.name());
    assert!(said.stdout.starts_with(&line), "{said}");

    // Here the matcher is at work again, so that the record comes to what it should have come to. It is no pass for that.
    let mut again = place.testbed();
    again.arg("report").arg(folder);
    let again = say(again, ONE_RUN).expect_code(3);
    assert!(again.stdout.starts_with(&line) && again.stdout.contains("6 passed, 0 failed"), "{again}");
    assert!(again.stderr.contains("nothing-else was inconclusive and is pass"), "{again}");
    assert_eq!(verdicts_in(folder).counts.inconclusive, 1, "{said}");
}

#[test]
fn a_part_that_there_is_not_breaks_nothing_and_says_so() {
    let place = Place::new();
    place.write("site/sweep.nft", SWEEP_RULES);
    let mut run = place.run(&place.write("site/parts.yaml", SITE));
    run.env(VARIABLE, "no-such-part");
    let said = say(run, ONE_RUN);
    assert!(said.status.code() != Some(0) && said.stderr.contains("no-such-part names no part"), "{said}");
}
