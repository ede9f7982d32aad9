//! Cameras that serve otherwise than usual, pulled by the appliance and looked at by FFmpeg, every packet explained.

use testbed::verdict::Verdict;

use crate::sites::{self, changed};
use crate::support::{ONE_RUN, Place, runs_of, say};

const SITE: &str = include_str!("cameras.yaml");

#[test]
fn a_site_of_other_codecs_transports_and_authentication_plays_and_is_explained() {
    let place = Place::new();
    let mut run = sites::run_allowed(&place, &place.write("site/cameras.yaml", SITE));
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN);
    let run = runs_of(&said).runs.remove(0);
    assert!(run.failure.is_none(), "{said}");
    assert!(run.checks.iter().all(|check| check.verdict == Verdict::Pass), "{:#?}", run.checks);
    // That it is UDP, and not the connection, which brings the door's frames.
    let folder = &place.run_folders()[0];
    let mut tshark = std::process::Command::new("tshark");
    let filter = "udp && ip.src == 192.0.2.10 && udp.srcport >= 50000 && udp.srcport < 50200";
    tshark.args(["-n", "-Y", filter, "-r"]).arg(folder.join("capture.pcapng"));
    let output = tshark.output().expect("tshark is there");
    assert!(output.status.success() && !output.stdout.is_empty(), "the door sends by UDP");
}

#[test]
fn frames_by_udp_that_no_flow_allows_are_not_explained() {
    let place = Place::new();
    let without = changed(
        SITE,
        "  - { id: S02, from: app, to: door, ports: udp/50000-50199, why: frames of the door come by UDP }\n",
        "",
    );
    let without = changed(&without, "flows: [F01, S02]", "flows: [F01]");
    let mut run = sites::run_allowed(&place, &place.write("site/cameras.yaml", &without));
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN);
    let run = runs_of(&said).runs.remove(0);
    let check = run.checks.iter().find(|check| check.name.as_str() == "nothing-else").expect("it was judged");
    assert_eq!(check.verdict, Verdict::Fail, "{said}");
    let udp = |text: &str| text.contains("app sent udp/50000");
    assert!(check.findings.iter().any(|finding| udp(&finding.text)), "{:#?}", check.findings);
}
