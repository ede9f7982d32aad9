//! The time as ntplib and chronyd see it.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use fake_facts::Fact;

use crate::support::{Fake, run, text};

fn ask(cloud: &Fake, version: u8) -> serde_json::Value {
    let server = cloud.socket("ntp");
    cloud.python(
        "time_client.py",
        &[&server.ip().to_string(), &server.port().to_string(), &version.to_string()],
    )
}

#[test]
fn versions_3_and_4_get_the_hosts_time_from_stratum_2() {
    let cloud = Fake::start();
    for version in [3, 4] {
        let told = ask(&cloud, version);
        assert_eq!((&told["version"], &told["mode"]), (&version.into(), &4.into()));
        assert_eq!((&told["stratum"], &told["leap"]), (&2.into(), &0.into()));
        assert!(told["offset"].as_f64().unwrap().abs() < 0.5, "{told}");
        cloud.wait_for("told", |fact| matches!(fact, Fact::Told { .. }));
    }
}

#[test]
fn the_clock_offset_is_served() {
    for offset in [3600, -3600] {
        let cloud = Fake::with(&["--clock-offset", &offset.to_string()]);
        let told = ask(&cloud, 4)["offset"].as_f64().unwrap();
        assert!((told - f64::from(offset)).abs() < 0.5, "{told}");
    }
}

#[test]
fn a_server_with_an_upstream_passes_on_its_time() {
    let public = Fake::with(&["--clock-offset", "90"]);
    let site = Fake::with(&["--upstream", &public.socket("ntp").to_string()]);
    let synced = site.wait_for("synced", |fact| matches!(fact, Fact::Synced { .. }));
    let Fact::Synced { server, offset_ns, stratum } = synced else { unreachable!("just matched") };
    assert_eq!((server, stratum), (public.socket("ntp").ip(), 2));
    assert!((offset_ns - 90_000_000_000).abs() < 500_000_000, "{offset_ns}");
    public.wait_for("told", |fact| matches!(fact, Fact::Told { .. }));
    let told = ask(&site, 4);
    assert_eq!(
        (&told["stratum"], &told["leap"]),
        (&3.into(), &0.into()),
        "one further from the source: {told}"
    );
    assert_eq!(told["reference"], "7f000001", "the upstream's address: {told}");
    assert!((told["offset"].as_f64().unwrap() - 90.0).abs() < 0.5, "{told}");
}

#[test]
fn a_server_that_cannot_reach_its_upstream_says_so() {
    // Bound, so that nobody else is there, and never answered.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let site = Fake::with(&["--upstream", &silent.local_addr().unwrap().to_string()]);
    let told = ask(&site, 4);
    assert_eq!((&told["leap"], &told["stratum"]), (&3.into(), &0.into()), "RFC 5905, section 7.3: {told}");
    assert_eq!(told["reference"], hex::encode("INIT"), "RFC 5905, section 7.4: {told}");
    let failed = site.wait_for("failed", |fact| matches!(fact, Fact::Failed { .. }));
    let Fact::Failed { what, about, .. } = failed else { unreachable!("just matched") };
    assert_eq!((what.as_str(), about.as_deref()), ("sync", Some("127.0.0.1")));
    // A server behind a server that does not know the time does not know it either.
    let behind = Fake::with(&["--upstream", &site.socket("ntp").to_string()]);
    behind.wait_for("unsynced", |fact| matches!(fact, Fact::Unsynced { .. }));
    assert_eq!(ask(&behind, 3)["leap"], 3);
}

/// Where `scripts/unpack-chrony` puts it.
fn chronyd() -> PathBuf {
    let in_workspace = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(in_workspace, PathBuf::from);
    target.join("chrony/usr/sbin/chronyd")
}

/// Has chronyd ask a server once, without steering any clock: what it says, and whether it came to know the time.
fn chronyd_asks(server: SocketAddr) -> (String, bool) {
    let mut command = Command::new(chronyd());
    let dir = tempfile::TempDir::new().unwrap();
    // For at most so many seconds; without a file of the host's, and nobody can talk to it.
    command.args(["-Q", "-U", "-t", "5", "-u", &user(), "cmdport 0", "bindcmdaddress /"]);
    command.arg(format!("pidfile {}", dir.path().join("chronyd.pid").display()));
    command.arg(format!("server {} port {} iburst maxsamples 1", server.ip(), server.port()));
    let output = run(&mut command, "chronyd", "run scripts/unpack-chrony");
    (text(&output.stdout) + &text(&output.stderr), output.status.success())
}

fn user() -> String {
    text(&run(Command::new("id").arg("-un"), "id", "coreutils").stdout).trim().to_owned()
}

#[test]
fn chronyd_is_told_the_time_with_its_offset() {
    for offset in ["0", "90", "-3600"] {
        let cloud = Fake::with(&["--clock-offset", offset]);
        let (said, knows) = chronyd_asks(cloud.socket("ntp"));
        // System clock wrong by 90.000084 seconds (ignored)
        let wrong = said.split_once("System clock wrong by ").and_then(|(_, rest)| rest.split_once(' '));
        let wrong: f64 = wrong.unwrap_or_else(|| panic!("{said}")).0.parse().unwrap();
        assert!(knows && (wrong - offset.parse::<f64>().unwrap()).abs() < 0.5, "{said}");
        cloud.wait_for("told", |fact| matches!(fact, Fact::Told { .. }));
    }
}

#[test]
fn chronyd_takes_no_time_from_a_server_that_does_not_know_it() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let site = Fake::with(&["--upstream", &silent.local_addr().unwrap().to_string()]);
    let (said, knows) = chronyd_asks(site.socket("ntp"));
    assert!(!knows && said.contains("Timeout reached"), "{said}");
    site.wait_for("told", |fact| matches!(fact, Fact::Told { .. }));
}
