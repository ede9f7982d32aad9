//! VLANs: tags on the wire where the kernel has them, bridges of their own where it has not, and the same verdicts on
//! what does not depend on it.

use std::collections::BTreeSet;
use std::process::Command;

use testbed::report::RunJson;
use testbed::verdict::Verdict;

use crate::support::{ONE_RUN, Place, Said, runs_of, say};

const SITE: &str = include_str!("vlans.yaml");
const RULES: &str = include_str!("vlans.nft");

/// Whether the kernel can do it, as iproute2 finds.
fn kernel_has_tags() -> bool {
    let words = "ip link add sw type bridge vlan_filtering 1 && ip link add link sw name v type vlan id 20";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", words]);
    command.output().expect("unshare is there").status.success()
}

/// Interfaces of a capture at which frames of a VLAN were seen, as `node.link`.
fn seen_in(capture: &std::path::Path, filter: &str) -> BTreeSet<String> {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-T", "fields", "-e", "frame.interface_name", "-Y", filter, "-r"]).arg(capture);
    let output = tshark.output().expect("tshark is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn tags_are_on_the_trunk_and_nowhere_else_or_the_check_says_that_there_are_none() {
    let place = Place::new();
    place.write("site/vlans.nft", RULES);
    let site = place.write("site/vlans.yaml", SITE);
    let mut run = place.run(&site);
    run.args(["--json", "-"]);
    let tags = kernel_has_tags();
    let said = say(run, ONE_RUN).expect_code(if tags { 0 } else { 3 });
    let run = &runs_of(&said).runs[0];
    let verdict = |name: &str| run.checks.iter().find(|check| check.name.as_str() == name).unwrap();
    for check in ["door-plays", "desk-shut"] {
        assert_eq!(verdict(check).verdict, Verdict::Pass, "{said}");
    }
    let folders = place.run_folders();
    let capture = folders[0].join("capture.pcapng");
    if tags {
        assert_eq!(verdict("in-tags").verdict, Verdict::Pass, "{said}");
        assert_eq!(seen_in(&capture, "vlan.id == 20"), ["rtr.lan.20".to_owned()].into());
        assert_eq!(seen_in(&capture, "vlan.id == 30"), ["rtr.lan.30".to_owned()].into());
        // On the trunk everything has a tag, and on no other port anything.
        assert_eq!(seen_in(&capture, "not vlan").iter().find(|name| name.starts_with("rtr.")), None);
    } else {
        assert_eq!(verdict("in-tags").verdict, Verdict::Inconclusive, "{said}");
        let reasons = &verdict("in-tags").reasons;
        assert!(reasons.iter().any(|reason| reason.contains("needs `vlan-tags`")), "{said}");
        assert_eq!(seen_in(&capture, "vlan"), BTreeSet::new());
    }
}

/// Of the site with VLANs, with a list that says this of it: exit code and the one run.
fn with_list(text: &str) -> (Said, Option<RunJson>) {
    let place = Place::new();
    place.write("site/vlans.nft", RULES);
    let site = place.write("site/vlans.yaml", SITE);
    let list = place.write("lists/unsupported.yaml", text);
    let mut run = place.run(&site);
    run.args(["--json", "-", "--accept-unsupported"]).arg(list);
    let said = say(run, ONE_RUN);
    let run = (said.status.code() != Some(2)).then(|| runs_of(&said).runs.remove(0));
    (said, run)
}

#[test]
fn what_is_listed_for_a_missing_feature_ends_with_0_and_stays_inconclusive() {
    let (said, run) = with_list("- { scenario: vlans, check: in-tags, feature: vlan-tags }\n");
    let (said, run) = (said.expect_code(0), run.expect("it ran"));
    let check = run.checks.iter().find(|check| check.name.as_str() == "in-tags").expect("it was judged");
    if kernel_has_tags() {
        assert_eq!((check.verdict, run.accepted.len()), (Verdict::Pass, 0), "{said}");
        assert!(said.stderr.contains("accepted in vain: in-tags passes here"), "{said}");
    } else {
        assert_eq!(check.verdict, Verdict::Inconclusive, "{said}");
        assert_eq!(check.lacks, ["vlan-tags"], "{said}");
        assert_eq!((run.exit, run.counts.inconclusive), (0, 1), "{said}");
        assert!(said.stderr.contains("1 inconclusive"), "it is counted: {said}");
        assert!(said.stderr.contains("accepted: in-tags is inconclusive, for want of vlan-tags"), "{said}");
    }
}

#[test]
fn an_empty_list_accepts_nothing_and_a_wrong_one_is_refused_before_anything_is_built() {
    let (said, run) = with_list("[]\n");
    said.expect_code(if kernel_has_tags() { 0 } else { 3 });
    assert_eq!(run.expect("it ran").accepted.len(), 0);
    let (said, run) = with_list("- { scenario: vlans, check: in-tag, feature: vlan-tags }\n");
    let said = said.expect_code(2);
    assert!(run.is_none() && said.stderr.contains("unsupported.yaml:1:29"), "{said}");
    assert!(said.stderr.contains("did you mean `in-tags`?"), "{said}");
}
