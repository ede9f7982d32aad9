use std::collections::BTreeSet;
use std::sync::LazyLock;

use boon::{Compiler, Schemas};
use serde_json::Value;

use super::super::example::{
    accepting_report, bad_report, blinded_report, failed_report, good_report, twin_report,
};
use super::*;
use crate::verdict::Verdict;

/// The schema as OASIS published it.
static PUBLISHED: LazyLock<Value> = LazyLock::new(published);

/// It is where the crate `serde-sarif` lies.
fn published() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut metadata = std::process::Command::new(cargo);
    metadata.args(["metadata", "--format-version=1", "--locked", "--offline"]);
    // Crates of other systems need not be there.
    metadata.arg(format!("--filter-platform={}-unknown-linux-gnu", std::env::consts::ARCH));
    metadata.current_dir(env!("CARGO_MANIFEST_DIR"));
    let said = metadata.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let known: Value = serde_json::from_slice(&said.stdout).unwrap();
    let mut packages = known["packages"].as_array().unwrap().iter();
    let crate_itself = packages.find(|one| one["name"] == "serde-sarif").unwrap();
    let manifest = std::path::Path::new(crate_itself["manifest_path"].as_str().unwrap());
    let schema = std::fs::read_to_string(manifest.with_file_name("src").join("schema.json")).unwrap();
    serde_json::from_str(&schema).unwrap()
}

/// What the published schema says of a document; formats (URIs, times) count.
fn valid(document: &Value) -> Result<(), String> {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource("file:///sarif.json", PUBLISHED.clone()).unwrap();
    let schema = compiler.compile("file:///sarif.json", &mut schemas).unwrap();
    schemas.validate(document, schema).map_err(|error| format!("{error:#}"))
}

fn log(reports: &[Report], exit: Exit) -> Value {
    let text = sarif(reports, exit);
    // Somebody else's types take it.
    let _: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
    let log = serde_json::from_str(&text).unwrap();
    valid(&log).unwrap_or_else(|error| panic!("{error}\n{log:#}"));
    log
}

fn results(log: &Value) -> Vec<&Value> {
    log["runs"][0]["results"].as_array().unwrap().iter().collect()
}

fn text(result: &Value) -> &str {
    result["message"]["text"].as_str().unwrap()
}

#[test]
fn all_runs_of_a_command_are_one_document_as_it_was_published() {
    let reports = [
        good_report(),
        bad_report(),
        accepting_report(),
        failed_report(),
        twin_report(true),
        twin_report(false),
    ];
    let log = log(&reports, Exit::Ours);
    assert_eq!(log["runs"].as_array().unwrap().len(), 1, "code hosts take one run of a tool");
    let mut shown = log.clone();
    shown["runs"][0]["tool"]["driver"]["version"] = "VERSION".into();
    insta::assert_snapshot!(format!("{shown:#}"));
    // The schema says no where something is wrong.
    for (pointer, wrong) in [
        ("/runs/0/results/0/level", Value::from("fatal")),
        ("/runs/0/results/0/locations/0/physicalLocation/region/startLine", Value::from(0)),
        ("/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri", Value::from("a b")),
        ("/runs/0/invocations/0/executionSuccessful", Value::Null),
        ("/version", Value::from("2.2.0")),
    ] {
        let mut wronged = log.clone();
        *wronged.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = wrong;
        assert!(valid(&wronged).is_err(), "{pointer}");
    }
}

#[test]
fn what_passes_is_no_result_and_a_run_without_results_is_whole() {
    let log = log(&[good_report(), twin_report(true)], Exit::Expected);
    assert_eq!(results(&log), Vec::<&Value>::new());
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], true);
    assert_eq!(log["runs"][0]["invocations"][0]["exitCode"], 0);
}

#[test]
fn a_finding_is_at_its_check_and_the_rule_at_its_line() {
    let report = bad_report();
    let log = log(std::slice::from_ref(&report), Exit::Failed);
    let errors: Vec<_> = results(&log).into_iter().filter(|one| one["level"] == "error").collect();
    let check = report.judgement.checks.iter().find(|check| check.verdict == Verdict::Fail).unwrap();
    assert_eq!(errors.len(), check.findings.len());
    assert!(errors.len() > 1);
    let at = &errors[0]["locations"][0]["physicalLocation"];
    assert_eq!(at["artifactLocation"]["uri"], "scenarios/small.yaml");
    assert_eq!(
        (at["region"]["startLine"].as_u64(), at["region"]["startColumn"].as_u64()),
        (Some(42), Some(3))
    );
    let rule = &errors[0]["relatedLocations"][0]["physicalLocation"];
    assert_eq!(rule["artifactLocation"]["uri"], "scenarios/small.nft");
    assert_eq!(rule["region"]["startLine"], 3);
    assert_eq!(rule["region"]["snippet"]["text"], "type filter hook forward priority filter; policy accept;");
    assert!(
        text(errors[0]).contains("let through by [inet site through policy](1)\n"),
        "{}",
        text(errors[0])
    );
    assert!(errors[1]["relatedLocations"].is_null(), "no trace says which rule it was");
    let tags: Vec<_> = errors[0]["properties"]["tags"].as_array().unwrap().iter().collect();
    assert_eq!(tags, ["PAN-NET-06", "PAN-SGL-02"]);
    let prints: BTreeSet<_> =
        results(&log).iter().map(|one| one["partialFingerprints"].to_string()).collect();
    assert_eq!(prints.len(), results(&log).len(), "no two are taken for one");
}

#[test]
fn a_rule_that_is_not_found_has_its_file_alone() {
    let mut report = bad_report();
    report.judgement.checks[2].findings[0].by = Some("inet site through tcp dport 22 accept".into());
    let log = log(&[report], Exit::Failed);
    let rule = &results(&log)[0]["relatedLocations"][0]["physicalLocation"];
    assert_eq!(rule["artifactLocation"]["uri"], "scenarios/small.nft");
    assert!(rule["region"].is_null(), "{rule}");
}

#[test]
fn what_is_accepted_is_suppressed_and_nothing_else() {
    let unlisted = log(&[bad_report()], Exit::Failed);
    assert!(results(&unlisted).iter().all(|one| one["suppressions"].is_null()));
    let listed = log(&[accepting_report()], Exit::Failed);
    let suppressed: Vec<_> =
        results(&listed).into_iter().filter(|one| !one["suppressions"].is_null()).collect();
    let [one] = suppressed.as_slice() else { panic!("one is accepted: {listed:#}") };
    assert_eq!(one["level"], "warning");
    assert_eq!(one["suppressions"][0]["justification"], "accepted: this kernel lacks vlan-tags");
    assert_eq!(results(&listed).len(), results(&unlisted).len());
}

#[test]
fn a_run_that_ended_early_and_a_twin_that_differs_are_errors() {
    let early = log(&[failed_report()], Exit::Ours);
    assert_eq!(early["runs"][0]["invocations"][0]["executionSuccessful"], false);
    assert_eq!(results(&early).len(), 1);
    assert!(text(results(&early)[0]).contains("fake-camera died"));
    let differs = log(&[twin_report(false)], Exit::Failed);
    let levels: Vec<_> = results(&differs).iter().map(|one| &one["level"]).collect();
    assert_eq!(levels, ["error", "error"]);
    let mut undecided = twin_report(true);
    let lacking = undecided.judgement.checks.iter().find(|check| !check.lacks.is_empty()).unwrap();
    let lacking = lacking.check.clone();
    let twin = undecided.twin.as_mut().unwrap();
    (twin.agrees, twin.undecided) = (false, vec![lacking]);
    let undecided = log(&[undecided], Exit::Inconclusive);
    let levels: Vec<_> = results(&undecided).iter().map(|one| &one["level"]).collect();
    assert_eq!(levels, ["warning"]);
}

#[test]
fn what_was_broken_by_hand_is_said_of_each_result() {
    let mut report = bad_report();
    assert!(
        !results(&log(std::slice::from_ref(&report), Exit::Failed))
            .iter()
            .any(|one| text(one).contains("by hand"))
    );
    report.in_force = vec!["cut desk.eth0".into()];
    let log = log(&[report], Exit::Failed);
    let said =
        |one: &&Value| text(one).contains("broken by hand: cut desk.eth0, in force from the beginning");
    assert!(results(&log).iter().all(said), "{log:#}");
}

#[test]
fn a_broken_part_is_a_result_and_is_said_of_each_other_one() {
    let says = |one: &&Value| text(one).contains("a tap that is blind to what arrives (blind-tap)");
    let alone = log(&[blinded_report()], Exit::Inconclusive);
    assert!(results(&alone).len() == 1 && results(&alone).iter().all(says), "{alone:#}");
    assert_eq!(
        (&results(&alone)[0]["ruleId"], &results(&alone)[0]["level"]),
        (&"run".into(), &"error".into())
    );
    let report = Report { broken_part: blinded_report().broken_part, ..bad_report() };
    let all = log(&[report], Exit::Failed);
    assert!(results(&all).len() > 1 && results(&all).iter().all(says), "{all:#}");
}

#[test]
fn no_text_makes_links_or_is_filled_in() {
    let mut report = bad_report();
    let finding = &mut report.judgement.checks[2].findings[0];
    finding.text = "see [here](https://evil.example) \u{1b}[31m".into();
    finding.by = Some("inet site through meta l4proto {1} log prefix \"](2) [x\" accept".into());
    report.judgement.checks[2].findings[1].text = "{ 22, 80 } stays, {} too".into();
    let log = log(&[report], Exit::Failed);
    let [first, second, ..] = results(&log)[..] else { panic!("{log:#}") };
    assert!(text(first).contains(r"see \[here\](https://evil.example) \u{1b}\[31m"), "{}", text(first));
    assert!(text(first).contains(r#"{{1}} log prefix "\](2) \[x" accept](1)"#), "{}", text(first));
    assert!(text(second).contains("{ 22, 80 } stays, {} too"), "{}", text(second));
}

#[test]
fn paths_are_uris() {
    for (path, uri) in [
        ("./scenarios/a b.yaml", "scenarios/a%20b.yaml"),
        ("../site/ü:1.yaml", "../site/%C3%BC%3A1.yaml"),
        ("/tmp/50%.yaml", "file:///tmp/50%25.yaml"),
    ] {
        let artifact = format::Artifact::at(std::path::Path::new(path));
        assert_eq!(serde_json::to_value(artifact).unwrap()["uri"], uri);
    }
}

#[test]
fn every_word_of_a_check_is_described() {
    let page = include_str!("../../../../docs/verdicts-json.md");
    let row = page.lines().find(|line| line.starts_with("| `word` |")).unwrap();
    let words: BTreeSet<&str> = row.split('`').skip(3).step_by(2).collect();
    let described: BTreeSet<&str> = texts::KINDS.iter().map(|(id, _)| *id).collect();
    assert!(words.len() > 10 && words.is_subset(&described), "{words:?}");
    assert_eq!(described.difference(&words).collect::<Vec<_>>(), [&"run", &"twin"]);
}
