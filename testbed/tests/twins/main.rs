//! Each broken twin is reported exactly as it expects, as a test of its own name; and one that expects something else
//! is told apart.

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Trial};
use support::{
    ONE_RUN, Place, Said, assert_judged_alike, is_lane, runs_of, say, scenario_files, scenarios, test_names,
    unsupported, yaml_files,
};
use testbed::load;

fn main() {
    // Those of the router's rules send everything, and are run by `make test-rules`.
    let of_switches =
        yaml_files(&scenarios().join("rules/broken")).into_iter().filter(|path| is_of_switch(path));
    let files = yaml_files(&scenarios().join("broken")).into_iter().chain(of_switches);
    let named = files.flat_map(|path| test_names(&path).into_iter().map(move |name| (path.clone(), name)));
    let mut trials: Vec<Trial> = named.map(|(path, name)| twin(path, name)).collect();
    trials.push(Trial::test("a_wrong_expectation_is_told_apart", || {
        a_wrong_expectation_is_told_apart();
        Ok(())
    }));
    trials.push(Trial::test("each_scenario_has_at_least_five_twins", || {
        each_scenario_has_at_least_five_twins();
        Ok(())
    }));
    trials.push(Trial::test("rules_of_a_switch_as_they_were_meant_are_not_accused", || {
        rules_of_a_switch_as_they_were_meant_are_not_accused();
        Ok(())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn is_of_switch(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("switch-"))
}

fn rules_of_a_switch_as_they_were_meant_are_not_accused() {
    let twins = yaml_files(&scenarios().join("rules/broken")).into_iter().filter(|path| is_of_switch(path));
    assert!(twins.count() >= 5);
    let place = Place::new();
    let mut command = place.run(&scenarios().join("rules/one-switch.yaml"));
    command.args(["--json", "-"]);
    let runs = runs_of(&say(command, ONE_RUN).expect_code(0)).runs;
    assert_eq!((runs.len(), runs[0].counts.pass), (1, 2));
    let [folder] = place.run_folders().try_into().expect("one run folder");
    assert_judged_alike(&place, &folder);
}

/// Reported as it expects; or, outside the kernel lane, undecided for want of what the shipped list says, and nothing else.
fn twin(path: PathBuf, name: String) -> Trial {
    let lane = is_lane(&name);
    Trial::test(name, move || {
        let place = Place::new();
        let mut command = place.twins(&path);
        // Some have a node say by a command what it should not.
        command.args(["--json", "-", "--allow-run"]);
        if !lane {
            command.arg("--accept-unsupported").arg(unsupported());
        }
        let said = say(command, ONE_RUN).expect_code(0);
        let runs = runs_of(&said).runs;
        assert_eq!(runs.len(), 1, "{said}");
        let report = runs[0].twin.as_ref().unwrap_or_else(|| panic!("it ran as a twin: {said}"));
        assert!(report.differences.is_empty() && report.agrees == report.undecided.is_empty(), "{said}");
        if report.agrees {
            assert!(runs[0].counts.fail > 0, "a broken twin turns red: {said}");
        } else {
            assert!(!lane && report.undecided == runs[0].accepted, "{said}");
        }
        let [folder] = place.run_folders().try_into().expect("one run folder");
        assert_judged_alike(&place, &folder);
        Ok(())
    })
}

fn twins(place: &Place, path: &Path) -> Said {
    let mut command = place.twins(path);
    command.args(["--json", "-"]);
    say(command, ONE_RUN)
}

/// A twin whose expected pairs are changed, one for another: both differences are named.
fn a_wrong_expectation_is_told_apart() {
    let place = Place::new();
    let path = place.bring(&scenarios()).join("broken/t3-support-may-enter.yaml");
    let text = fs::read_to_string(&path).expect("a shipped twin");
    let wrong = text.replace("pairs: [aws -> dock, aws -> app]", "pairs: [aws -> dock, aws -> vms]");
    assert_ne!(text, wrong, "the twin has other pairs than this test knows");
    fs::write(&path, wrong).expect("our own copy");
    let said = twins(&place, &path).expect_code(1);
    let report = runs_of(&said).runs.remove(0).twin.unwrap_or_else(|| panic!("it ran as a twin: {said}"));
    let differences = ["cloud-inbound does not report aws -> vms", "cloud-inbound reports aws -> app too"];
    assert!(!report.agrees, "{said}");
    assert_eq!(report.differences, differences, "{said}");
    let text = said.stdout.split("\n{").next().unwrap_or_default();
    assert!(differences.iter().all(|difference| text.contains(difference)), "a reader is told: {said}");
}

fn each_scenario_has_at_least_five_twins() {
    let mut twins: BTreeMap<String, u32> = BTreeMap::new();
    for path in yaml_files(&scenarios().join("broken")) {
        let twin = load::twin(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).twin;
        *twins.entry(twin.of.to_string()).or_default() += 1;
    }
    for path in scenario_files() {
        let name =
            load::scenario(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).scenario.name;
        let has = twins.get(name.as_str()).copied().unwrap_or(0);
        assert!(has >= 5, "{name} has {has} broken twins");
    }
}
