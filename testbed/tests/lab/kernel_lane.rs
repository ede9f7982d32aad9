//! Under a distribution's stock kernel: what ordinary machines here lack is there, and a site works as it does elsewhere.
//!
//! `make test-kernel` runs these inside its guest; `make test` leaves them out (`.config/nextest.toml`).

use crate::sites;
use crate::support::{ONE_RUN, Place, say};

/// A feature, and how iproute2 makes use of it in a network namespace of its own.
const FEATURES: [(&str, &str); 4] = [
    (
        "802.1Q tags",
        "ip link add v0 type veth peer name v1 && ip link add link v0 name v0.20 type vlan id 20",
    ),
    ("VLAN filtering", "ip link add sw type bridge vlan_filtering 1 && bridge vlan show dev sw | grep -w 1"),
    ("netem", "tc qdisc add dev lo root netem delay 20ms loss 1%"),
    ("bonding", "ip link add bond type bond mode active-backup"),
];

#[test]
fn the_kernel_has_what_the_lane_is_for() {
    let place = Place::new();
    for (feature, words) in FEATURES {
        let mut command = place.command("unshare");
        command.args(["--map-root-user", "--net", "sh", "-c", words]);
        let said = say(command, ONE_RUN);
        assert!(said.status.success(), "this kernel has no {feature}: {said}");
    }
}

#[test]
fn the_doctor_finds_what_the_kernel_has() {
    let place = Place::new();
    let mut doctor = place.testbed();
    doctor.arg("doctor");
    let said = say(doctor, ONE_RUN).expect_code(0);
    for feature in ["vlan-tags", "bonding"] {
        let there = said.stdout.contains(&format!("yes  kernel: {feature} ("));
        // What the kernel lacks has the kernel's own words in place of these.
        let mut lines =
            said.stdout.lines().skip_while(|line| !line.contains(&format!(" kernel: {feature} (")));
        let unused = lines.nth(1).is_some_and(|line| line.contains("this version builds no site with it"));
        assert!(there || unused, "the kernel has {feature}: {said}");
    }
}

#[test]
fn a_small_site_streams() {
    let place = Place::new();
    let said = say(place.run(&sites::small(&place, sites::SMALL_RULES)), ONE_RUN).expect_code(0);
    assert!(said.stdout.contains("PASS          door-plays"), "{said}");
}
