//! What a failure prints is true: check, controls, pair, device, packet and rule, and Wireshark shows that packet.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use testbed::report::FindingJson;

use crate::sites::changed;
use crate::support::{ONE_RUN, Place, runs_of, say, scenarios};

#[test]
fn a_failure_says_everything_that_a_reader_needs_to_look_himself() {
    let place = Place::new();
    let site = place.bring(&scenarios());
    let good = std::fs::read_to_string(site.join("t3-separate-vlan.yaml")).unwrap();
    let bad = changed(&good, "ruleset: t3.nft", "ruleset: broken/t3-forward-accept.nft");
    let scenario = place.write("scenarios/bad.yaml", bad);
    let mut run = place.run(&scenario);
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN).expect_code(1);
    let runs = runs_of(&said);
    let check = runs.runs[0]
        .checks
        .iter()
        .find(|check| check.name.as_str() == "vms-shut")
        .expect("it is in the file");
    let is_wanted = |finding: &&FindingJson| {
        finding.pair.as_ref().is_some_and(|pair| (pair.from.as_str(), pair.to.as_str()) == ("app", "vms"))
    };
    let finding =
        check.findings.iter().find(is_wanted).unwrap_or_else(|| panic!("no finding app -> vms: {said}"));
    let shown = finding.packets.iter().find(|packet| packet.shows.contains("arrived at vms's tap"));
    let shown = shown.unwrap_or_else(|| panic!("no packet that arrived: {said}"));

    // All of it stands in the report for people.
    let line = good.lines().position(|line| line.trim() == "vms-shut:").expect("it is in the file") + 1;
    for wanted in [
        "FAIL          vms-shut".to_owned(),
        "PAN-NET-06 (part), PAN-NET-07 (part)".into(),
        format!("bad.yaml:{line}"),
        "source    app".into(),
        "target    vms".into(),
        "rtr, which should have stopped it".into(),
        "inet site through policy".into(),
        format!("#{} {}", shown.number, shown.shows),
    ] {
        assert!(said.all().contains(&wanted), "`{wanted}` is not in the report: {said}");
    }
    assert_eq!(finding.by.as_deref(), Some("inet site through policy"));

    let capture = place.run_folders()[0].join("capture.pcapng");
    let fields = packet_in_wireshark(&capture, shown.number);
    let [number, source, target, comment] = fields.split('\t').collect::<Vec<_>>()[..] else {
        panic!("four fields were asked for: {fields}")
    };
    assert_eq!((number, source, target), (shown.number.to_string().as_str(), "10.20.0.5", "10.30.0.10"));
    assert!(comment.contains("vms-shut"), "the comment names the check: {comment}");
}

/// Number, source, target and comment of a packet, as tshark reads them.
fn packet_in_wireshark(capture: &Path, number: u64) -> String {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-r"]).arg(capture).args(["-Y", &format!("frame.number == {number}"), "-T", "fields"]);
    tshark.args(["-e", "frame.number", "-e", "ip.src", "-e", "ip.dst", "-e", "frame.comment"]);
    assert!(Path::new("/usr/bin/tshark").exists(), "tshark is missing: run `scripts/setup test`");
    let said = say(tshark, Duration::from_secs(60)).expect_code(0);
    said.stdout.trim_end_matches('\n').to_owned()
}
