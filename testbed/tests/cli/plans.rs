//! `check` and `plan`: without the kernel, from anywhere, the same every time.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::{Place, Said, say, scenario_files, scenarios, yaml_files};

const SOON: Duration = Duration::from_secs(20);

/// Where no namespace can be made and nothing can be written, below a user namespace of its own.
fn without_kernel(command: &Command) -> Command {
    let forbid =
        "for kind in user mnt pid net ipc uts; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done";
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "sh", "-euc"]).arg(format!("{forbid}; exec \"$0\" \"$@\""));
    unshare.arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        unshare.current_dir(folder);
    }
    unshare
}

fn plan(place: &Place, path: &Path, format: &str) -> Said {
    let mut plan = place.testbed();
    plan.arg("plan").arg(path).args(["--format", format]);
    say(without_kernel(&plan), SOON)
}

#[test]
fn a_plan_is_the_same_byte_for_byte_and_touches_no_kernel() {
    let place = Place::new();
    let mut files = scenario_files();
    files.extend(yaml_files(&scenarios().join("broken")).into_iter().take(2));
    files.retain(|file| !file.ends_with("README.md"));
    for file in files {
        for format in ["text", "json", "dot", "mermaid"] {
            let first = plan(&place, &file, format).expect_code(0);
            assert!(first.stderr.is_empty() && first.stdout.len() > 100, "{}: {first}", file.display());
            // Relative, from another folder: what is said is the same but for the path in it.
            let name =
                Path::new(file.parent().expect("it lies somewhere").file_name().expect("it has a name"));
            let mut again = place.testbed();
            again.arg("plan").arg(&file).args(["--format", format]).current_dir("/");
            assert_eq!(say(again, SOON).expect_code(0).stdout, first.stdout, "{} {}", name.display(), format);
            if format == "json" {
                serde_json::from_str::<serde_json::Value>(&first.stdout).expect("JSON");
            }
        }
    }
}

/// T2's site is a file that any scenario may use, each with what it has otherwise.
#[test]
fn another_scenario_uses_a_shipped_site_with_changes_of_its_own() {
    let place = Place::new();
    let shipped = place.bring(&scenarios()).join("t2-hub.yaml");
    let said = std::fs::read_to_string(&shipped).expect("a shipped scenario");
    let changed = ["\n    appliances.app.clock: aws\n", "\n    routers.rtr.serves.ntp: null\n"];
    let has = |text: &str| said.contains(text);
    assert!(has("site:\n  use: sites/hub.yaml\n") && changed.into_iter().all(has), "{said}");
    let mine = "version: 1\nname: mine\nsite: { use: sites/hub.yaml, change: { cameras.cam.count: 2 } }\n";
    let mine = place.write("scenarios/mine.yaml", mine);
    let node = |path: &Path, name: &str| {
        let said = plan(&place, path, "json").expect_code(0);
        let plan: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
        let nodes = plan["nodes"].as_array().expect("nodes").clone();
        nodes.into_iter().find(|node| node["name"] == name)
    };
    let theirs = |name: &str| node(&shipped, name);
    let ours = |name: &str| node(&mine, name);
    assert!(theirs("cam").is_some() && theirs("cam-1").is_none());
    assert!(ours("cam").is_none() && ours("cam-1").is_some() && ours("cam-2").is_some());
    assert_eq!(theirs("vms"), ours("vms"), "what neither changes is the same");
    let (with, without) = (plan(&place, &mine, "text"), plan(&place, &shipped, "text"));
    let tells_time = |said: &Said| said.stdout.lines().any(|line| line.contains("  rtr      clock "));
    assert!(tells_time(&with) && !tells_time(&without), "{with} {without}");
}

#[test]
fn paths_are_relative_to_where_one_stands() {
    let place = Place::new();
    let site = place.bring(&scenarios());
    for (folder, path) in [
        (place.path(), "scenarios/t3-separate-vlan.yaml"),
        (site.as_path(), "t3-separate-vlan.yaml"),
        (site.as_path(), "./t3-separate-vlan.yaml"),
        (&site.join("broken"), "../t3-separate-vlan.yaml"),
        (Path::new("/"), site.join("t3-separate-vlan.yaml").to_str().expect("text")),
    ] {
        let mut check = place.testbed();
        check.current_dir(folder).args(["check", path]);
        let said = say(check, SOON).expect_code(0);
        assert!(
            said.stdout.starts_with(&format!("{path}: ")) && said.stdout.contains("no mistakes"),
            "{said}"
        );
    }
    for (folder, path) in
        [(site.as_path(), "broken/t3-no-state.yaml"), (&site.join("broken"), "t3-no-state.yaml")]
    {
        let mut check = place.testbed();
        check.current_dir(folder).args(["check", path]);
        say(check, SOON).expect_code(0);
    }
}

#[test]
fn check_tells_the_mistakes_of_all_files_and_is_code_two() {
    let place = Place::new();
    let site = place.bring(&scenarios());
    let good = std::fs::read_to_string(site.join("t3-separate-vlan.yaml")).unwrap();
    place.write(
        "scenarios/a-wrong.yaml",
        good.replace("segment: prod", "segment: prodd").replace("version: 1", "version: 7"),
    );
    let mut check = place.testbed();
    check.args(["check", "scenarios", "scenarios/broken/t3-no-state.yaml"]);
    let said = say(without_kernel(&check), SOON).expect_code(2);
    let line_of =
        |text: &str| good.lines().position(|line| line.contains(text)).expect("it is in the file") + 1;
    for text in ["segment: prod", "version: 1"] {
        assert!(
            said.stderr.contains(&format!("scenarios/a-wrong.yaml:{}:", line_of(text))),
            "{text}: {said}"
        );
    }
    assert!(said.stderr.contains("did you mean `prod`?"), "{said}");
    for good in ["t3-separate-vlan.yaml", "t5-dual-network.yaml", "broken/t3-no-state.yaml"] {
        assert!(
            said.stdout.contains(&format!("scenarios/{good}: ")),
            "{good} is looked at all the same: {said}"
        );
    }
}
