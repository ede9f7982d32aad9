//! Rootless, and as root: what passes for one passes for the other, and programs run unchanged.

use std::time::Duration;

use nix::unistd::Uid;

use crate::sites;
use crate::support::{ONE_RUN, Place, User, runs_of, say, scenarios};

/// The system's own list of who may make user namespaces without a profile; the copies that `nobody` runs have none.
fn only_with_a_profile() -> bool {
    let setting = std::fs::read_to_string("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    Uid::effective().is_root() && setting.is_ok_and(|text| text.trim() == "1")
}

#[test]
fn the_separate_vlan_passes_for_an_ordinary_user() {
    let place = Place::of(User::Ordinary);
    let site = place.bring(&scenarios()).join("t3-separate-vlan.yaml");
    let mut run = place.run(&site);
    let list = site.with_file_name("unsupported.yaml");
    run.args(["--json", "-", "--accept-unsupported"]).arg(list);
    let said = say(run, ONE_RUN);
    if only_with_a_profile() {
        let said = said.expect_code(3);
        assert!(said.all().contains("scripts/setup userns"), "{said}");
        return;
    }
    let said = said.expect_code(0);
    let runs = runs_of(&said);
    assert!(runs.runs[0].counts.pass >= 8, "{said}");
    let run = &runs.runs[0];
    assert_eq!((run.counts.fail, run.counts.inconclusive), (0, run.accepted.len()), "{said}");
}

#[test]
fn root_of_a_container_runs_a_site() {
    let place = Place::new();
    let site = sites::small(&place, sites::SMALL_RULES);
    let run = place.run(&site);
    let mut inside = place.command("unshare");
    inside.args(["--user", "--map-root-user"]).arg(run.get_program()).args(run.get_args());
    say(inside, ONE_RUN).expect_code(0);
}

#[test]
fn tcpdump_and_dnsmasq_run_unchanged() {
    for program in ["tcpdump", "dnsmasq"] {
        let there = ["/usr/bin", "/usr/sbin"]
            .iter()
            .any(|folder| std::path::Path::new(folder).join(program).exists());
        assert!(there, "{program} is missing: run `scripts/setup test`");
    }
    // Both drop their rights when they think that they are root, and change their groups for that.
    for user in [User::Same, User::Ordinary] {
        if user == User::Ordinary && only_with_a_profile() {
            continue;
        }
        let place = Place::of(user);
        let said = say(sites::run_allowed(&place, &sites::programs(&place)), Duration::from_secs(45));
        let said = said.expect_code(0);
        let heard = sites::log_of(&place, "listener");
        assert!(heard.contains("1 packet captured"), "{user:?}: {heard}\n{said}");
        let answer = sites::log_of(&place, "asker");
        assert!(answer.contains("c0 00 02 0a"), "192.0.2.10 was not answered: {answer}\n{said}");
        let names = sites::log_of(&place, "names");
        assert!(names.contains("started, version"), "{user:?}: {names}\n{said}");
    }
}
