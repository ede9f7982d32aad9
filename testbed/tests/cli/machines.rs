//! What code hosts and CI systems read of a run that found something.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{ONE_RUN, Place, say};

const SITE: &str = "\
version: 1
name: leaky
site:
  segments:
    office: { subnets: [10.1.0.0/24] }
    lab: { subnets: [10.2.0.0/24] }
  routers:
    rtr: { links: { office0: { segment: office, address: 10.1.0.1 }, lab0: { segment: lab, address: 10.2.0.1 } }, ruleset: rules/leaky.nft }
  hosts:
    guest: { segment: office, address: 10.1.0.9 }
    desk: { segment: lab, address: 10.2.0.5 }
flows:
  - { id: S01, from: desk, to: guest, ports: icmp/8, why: a sign of life }
checks:
  shut: { no_reach: { from: guest, to: desk, ports: [tcp/22, tcp/23] }, alive: S01, proves: PAN-NET-06 }
  lives: { reach: { from: desk, to: guest, ports: icmp/8 }, proves: PAN-NET-10 (part) }
";

const RULES: &str = "\
define management = { 22, 80 }
table inet site {
  chain own { type filter hook input priority filter; policy drop; }
  chain through {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname lab0 accept
    iifname office0 tcp dport $management accept
  }
}
";

fn leaky(place: &Place) -> PathBuf {
    place.write("site/rules/leaky.nft", RULES);
    place.write("site/leaky.yaml", SITE)
}

#[test]
fn a_leak_is_told_at_the_line_of_its_check_and_of_the_rule_and_in_the_summary() {
    let place = Place::new();
    let scenario = leaky(&place);
    let sarif = place.path().join("testbed.sarif");
    let mut run = place.testbed();
    run.current_dir(scenario.parent().unwrap()).args(["run", "leaky.yaml", "--out"]).arg(place.out());
    let summary = place.write("summary.md", "# before\nan open line");
    run.arg("--sarif").arg(&sarif).arg("--summary").arg(&summary);
    let said = say(run, ONE_RUN).expect_code(1);
    let log: Value = serde_json::from_slice(&std::fs::read(sarif).unwrap()).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let [leak] = results.as_slice() else { panic!("one finding: {said}\n{log:#}") };
    let at = &leak["locations"][0]["physicalLocation"];
    assert_eq!(at["artifactLocation"]["uri"], "leaky.yaml", "{leak:#}");
    let line = at["region"]["startLine"].as_u64().unwrap() as usize;
    assert!(SITE.lines().nth(line - 1).unwrap().trim().starts_with("shut:"), "{leak:#}");
    let rule = &leak["relatedLocations"][0]["physicalLocation"];
    assert_eq!(rule["artifactLocation"]["uri"], "rules/leaky.nft", "{leak:#}");
    let line = rule["region"]["startLine"].as_u64().unwrap_or_else(|| panic!("{leak:#}")) as usize;
    assert_eq!(RULES.lines().nth(line - 1).unwrap().trim(), "iifname office0 tcp dport $management accept");
    assert_eq!((&leak["level"], &leak["ruleId"]), (&"error".into(), &"no_reach".into()));

    // The folder alone says the same.
    let [folder] = place.run_folders().try_into().expect("one run folder");
    let mut report = place.testbed();
    report.current_dir("/").arg("report").arg(folder).args(["--sarif", "-", "--quiet"]);
    let again: Value = serde_json::from_str(&say(report, ONE_RUN).expect_code(1).stdout).unwrap();
    assert_eq!(again["runs"][0]["results"], log["runs"][0]["results"]);

    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(
        summary.starts_with("# before\nan open line\n## testbed: 1 failed, "),
        "it is appended: {summary}"
    );
    for part in [
        "<code>leaky\\.yaml\\:15</code>",
        "let through by <code>inet site through iifname \"office0\" tcp dport",
    ] {
        assert!(summary.contains(part), "{part}: {summary}");
    }
}
