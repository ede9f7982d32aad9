//! Under a distribution's stock kernel: what ordinary machines here lack is there, and a site works as it does elsewhere.
//!
//! `make test-kernel` runs these inside its guest; `make test` leaves them out (`.config/nextest.toml`).

use crate::sites;
use crate::support::{ONE_RUN, Place, Said, patience, say};

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
    for feature in ["vlan-tags", "netem", "bonding"] {
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

/// A lab that stays until the test ends, however it does.
struct Staying {
    place: Place,
}

impl Staying {
    fn small() -> Self {
        let place = Place::new();
        let site = sites::small(&place, sites::SMALL_RULES);
        let staying = Self { place };
        let out = staying.place.out();
        let (site, out) = (site.display().to_string(), out.display().to_string());
        let patience = patience().to_string();
        let up = ["up", &site, "--detach", "--out", &out, "--patience", &patience];
        staying.testbed(&up).expect_code(0);
        staying
    }

    fn testbed(&self, arguments: &[&str]) -> Said {
        let mut command = self.place.testbed();
        command.args(arguments);
        say(command, ONE_RUN)
    }

    fn fault(&self, words: &str) -> Said {
        let words: Vec<&str> = ["fault", "small"].into_iter().chain(words.split(' ')).collect();
        self.testbed(&words).expect_code(0)
    }

    /// What a command in a node prints, and its exit code.
    fn inside(&self, node: &str, script: &str) -> (String, Option<i32>) {
        let said = self.testbed(&["shell", "small", node, "--", "sh", "-c", script]);
        (said.stdout.clone(), said.status.code())
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        let mut down = self.place.testbed();
        let _ = down.args(["down", "--all", "--quiet"]).status();
    }
}

#[test]
fn frames_wait_get_lost_and_are_whole_again() {
    let staying = Staying::small();
    staying.fault("impair door --delay 100ms");
    // Each way: the shortest of three round trips has waited twice.
    let (said, _) = staying.inside("app", "busybox ping -c 3 192.0.2.10");
    let fastest = said.split(" = ").nth(1).and_then(|times| times.split('/').next());
    let fastest: f64 = fastest.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{said}"));
    assert!(fastest >= 200.0, "{said}");
    staying.fault("impair door --loss 100%");
    assert_eq!(staying.inside("app", "busybox ping -c 1 -W 2 192.0.2.10").1, Some(1));
    staying.fault("impair door --delay 20ms --jitter 5ms --duplicate 1% --reorder 5%");
    let (said, _) = staying.inside("door", "tc qdisc show dev eth0");
    for words in ["netem", "delay 20ms  5ms", "duplicate 1%", "reorder 5%", "gap 1"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    staying.fault("heal --all");
    assert_eq!(staying.inside("app", "busybox ping -c 1 -W 10 192.0.2.10").1, Some(0));
    let (said, _) = staying.inside("door", "tc qdisc show dev eth0");
    assert!(!said.contains("netem"), "{said}");
}
