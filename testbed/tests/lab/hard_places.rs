//! Hosts that refuse, disks that are full, places that cannot be written: clear words, the right code, nothing left.

use std::fs;
use std::process::Command;
use std::time::Duration;

use nix::unistd::Uid;

use crate::sites;
use crate::support::{Counted, ONE_RUN, Place, Said, say};

/// Runs a shell script as root of a user namespace of its own, in which `$0` is the program and `$1` the scenario.
#[track_caller]
fn in_own_namespace(place: &Place, options: &[&str], script: &str) -> Said {
    let site = sites::small(place, sites::SMALL_RULES);
    let mut unshare = place.command("unshare");
    unshare.args(["--user", "--map-root-user"]).args(options).args(["sh", "-euc", script]);
    unshare.arg(place.testbed().get_program()).arg(site).arg(place.out());
    say(unshare, ONE_RUN)
}

#[test]
fn refused_user_namespaces_are_said_with_what_to_do() {
    let place = Place::new();
    // An ordinary user is one without the rights to do without them.
    let drop_rights = "exec setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all";
    let refuse = "echo 0 > /proc/sys/user/max_user_namespaces";
    let said =
        in_own_namespace(&place, &[], &format!("{refuse}; {drop_rights} \"$0\" run \"$1\" --out \"$2\""));
    let said = said.expect_code(3);
    assert!(said.stdout.contains("refuses a user namespace"), "{said}");
    assert!(said.stdout.contains("sudo sysctl user.max_user_namespaces="), "{said}");
    assert!(said.took < Duration::from_secs(5), "{said}");

    let said = in_own_namespace(&place, &[], &format!("{refuse}; {drop_rights} \"$0\" doctor"));
    let said = said.expect_code(3);
    assert!(said.stdout.contains("NO   namespaces for"), "{said}");
    assert!(said.stdout.contains("sudo sysctl user.max_user_namespaces="), "{said}");
}

#[test]
fn refused_network_namespaces_are_said_with_what_to_do() {
    for most in ["0", "3"] {
        let place = Place::new();
        let script =
            format!("echo {most} > /proc/sys/user/max_net_namespaces; exec \"$0\" run \"$1\" --out \"$2\"");
        let said = in_own_namespace(&place, &[], &script).expect_code(3);
        assert!(said.stdout.contains("sudo sysctl user.max_net_namespaces="), "{most}: {said}");
    }
}

#[test]
fn root_that_gets_no_user_namespace_does_without() {
    let place = Place::new();
    let script = "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$0\" run \"$1\" --out \"$2\"";
    in_own_namespace(&place, &[], script).expect_code(0);
}

#[test]
fn a_missing_plugin_is_named_with_its_package() {
    let plugins = [("x264", "fake-camera", "plugins-ugly"), ("libav", "fake-appliance", "libav")];
    for (plugin, fake, package) in plugins {
        let place = Place::new();
        let hide = format!(
            "for file in /usr/lib/*/gstreamer-1.0/libgst{plugin}.so; do mount --bind /dev/null \"$file\"; done; \
             export GST_REGISTRY=\"$2/registry\""
        );
        let said = in_own_namespace(&place, &["--mount"], &format!("{hide}; exec \"$0\" doctor"));
        let said = said.expect_code(3);
        assert!(said.stdout.contains(&format!("NO   program {fake}")), "{said}");
        assert!(said.stdout.contains(&format!("gstreamer1.0-{package}")), "{said}");
        let said =
            in_own_namespace(&place, &["--mount"], &format!("{hide}; exec \"$0\" run \"$1\" --out \"$2\""));
        let said = said.expect_code(3);
        assert!(said.stdout.contains(&format!("gstreamer1.0-{package}")), "{said}");
    }
}

#[test]
fn a_full_disk_is_our_failure_and_names_the_file() {
    for size in ["16k", "64k"] {
        let place = Place::new();
        let script =
            format!("mount -t tmpfs -o size={size} full \"$2\"; exec \"$0\" run \"$1\" --out \"$2\"");
        let counted = Counted::at(&place);
        let site = sites::small(&place, sites::SMALL_RULES);
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--mount", "sh", "-euc", &script]);
        unshare.arg(place.testbed().get_program()).arg(site).arg(place.out());
        let said = say(counted.wrap(unshare), ONE_RUN).expect_code(4);
        assert!(said.stdout.contains("by the testbed itself"), "{size}: {said}");
        assert!(said.stdout.contains("No space left on device"), "{size}: {said}");
        assert!(
            said.stdout.contains(&place.out().display().to_string()),
            "the file is named: {size}: {said}"
        );
        counted.assert_nothing_left();
    }
}

#[test]
fn an_out_folder_that_cannot_be_written_is_our_failure() {
    let place = Place::new();
    let counted = Counted::at(&place);
    let site = sites::small(&place, sites::SMALL_RULES);
    let file = place.write("file", "in the way");
    for out in [file.clone(), file.join("below"), "/proc/nowhere".into()] {
        let mut run = place.testbed();
        run.arg("run").arg(&site).arg("--out").arg(&out);
        let said = say(counted.wrap(run), ONE_RUN).expect_code(4);
        assert!(said.stdout.contains(&out.display().to_string()), "{said}");
    }
    for option in ["--junit", "--json"] {
        let mut run = place.run(&site);
        run.arg(option).arg(file.join("below"));
        let said = say(counted.wrap(run), ONE_RUN).expect_code(4);
        assert!(said.stderr.contains("could not be written"), "{option}: {said}");
        assert!(said.stdout.contains("1 passed"), "the report is there all the same: {said}");
    }
    counted.assert_nothing_left();
}

#[test]
fn an_out_folder_of_another_user_is_our_failure() {
    if !Uid::effective().is_root() {
        // Only root can make a folder that somebody else may not write; the case above is the same for others.
        return;
    }
    let place = Place::of(crate::support::User::Ordinary);
    let site = sites::small(&place, sites::SMALL_RULES);
    fs::create_dir(place.path().join("roots")).unwrap();
    let mut run = place.testbed();
    run.arg("run").arg(site).arg("--out").arg(place.path().join("roots"));
    let said = say(run, ONE_RUN).expect_code(4);
    assert!(said.stdout.contains("Permission denied"), "{said}");
}
