//! `judge`: the checks of a lab that stands, as often as asked for, on what there is now.

use testbed::verdict::Verdict;

use crate::lab::{BOTH, Labs};
use crate::support::{ONE_RUN, Said, User, runs_of, say, scenarios, start, verdicts_in};

#[track_caller]
fn judged(labs: &Labs, code: i32) -> Said {
    labs.say(&["judge", "small", "--json", "-"]).expect_code(code)
}

#[test]
fn a_lab_is_judged_again_and_again_with_evidence_of_its_own_each_time() {
    for user in BOTH {
        let labs = Labs::of(user);
        labs.up_detached();
        for _ in 0..3 {
            let said = judged(&labs, 0);
            assert_eq!(runs_of(&said).runs[0].counts.pass, 2, "{said}");
            assert!(said.stderr.contains("2 passed, 0 failed"), "{said}");
        }
        let [lab] = &labs.place.run_folders()[..] else { panic!("one folder") };
        let mut folders: Vec<_> = std::fs::read_dir(lab)
            .expect("our own folder")
            .map(|entry| entry.expect("our own folder").path())
            .filter(|path| path.join("verdicts.json").exists())
            .collect();
        folders.sort();
        assert_eq!(folders.len(), 3, "{folders:?}");
        for folder in &folders {
            assert_eq!(verdicts_in(folder).counts.pass, 2);
            for file in
                ["capture.pcapng", "open-copy.pcapng", "before/rtr.json", "after/rtr.json", "report.html"]
            {
                assert!(folder.join(file).exists(), "{file} of {}", folder.display());
            }
        }
        // What the taps knew from before is in none of them, so that nobody can say it all again.
        let folder = folders[1].display().to_string();
        let said = labs.say(&["report", &folder]).expect_code(3);
        assert!(said.stdout.contains("0 passed, 0 failed, 2 inconclusive"), "{said}");
        assert!(said.stdout.contains("folder: it is one judgement of a lab that stays"), "{said}");
        // Packets are counted from nothing each time, and a cited one is in the file that it is cited from.
        let said = labs.say(&["judge", "small", "--timings"]).expect_code(0);
        assert!(said.stdout.contains("evidence: ") && said.stdout.contains("  probe "), "{said}");
        labs.say(&["down", "small"]).expect_code(0);
        labs.assert_nothing_left();
    }
}

/// The flows of the shipped sites come about once, when their appliance starts: they need not come about again.
#[test]
fn the_shipped_sites_pass_again_and_again() {
    for name in ["t3-separate-vlan", "t5-dual-network"] {
        passes_again_and_again(name);
    }
}

/// What a name has opened in one judgement is shut in the next.
#[test]
fn a_site_that_is_opened_by_names_passes_again_and_again() {
    passes_again_and_again("t4-leases-and-names");
}

fn passes_again_and_again(name: &str) {
    let labs = Labs::of(User::Same);
    let site = labs.place.bring(&scenarios()).join(format!("{name}.yaml"));
    // Not counted: dnsmasq wants a group that the counted user namespace does not have.
    let testbed = |arguments: &[&str]| {
        let mut command = labs.place.testbed();
        command.args(arguments);
        say(command, ONE_RUN).expect_code(0)
    };
    let list = site.with_file_name("unsupported.yaml").display().to_string();
    let (site, out) = (site.display().to_string(), labs.place.out().display().to_string());
    testbed(&["up", &site, "--detach", "--out", &out]);
    for _ in 0..2 {
        let said = testbed(&["judge", name, "--accept-unsupported", &list]);
        let accepted = said.stdout.lines().filter(|line| line.starts_with("accepted: ")).count();
        assert!(said.stdout.contains(&format!(" 0 failed, {accepted} inconclusive")), "{said}");
    }
    testbed(&["down", name]);
}

#[test]
fn a_hole_that_is_made_and_closed_is_found_and_gone() {
    let labs = Labs::of(User::Ordinary);
    labs.up_detached();
    judged(&labs, 0);
    let nft = |rule: &str| {
        labs.say(&["shell", "small", "rtr", "--", "sh", "-c", &format!("nft {rule}")]).expect_code(0);
    };
    nft("insert rule inet site through tcp dport 554 accept");
    for _ in 0..2 {
        let said = judged(&labs, 1);
        let run = &runs_of(&said).runs[0];
        let failed: Vec<_> = run.checks.iter().filter(|check| check.verdict == Verdict::Fail).collect();
        assert_eq!(failed.len(), 1, "{said}");
        let finding = &failed[0].findings[0];
        assert!(finding.text.contains("guest reached door 10.1.0.2 on tcp/554"), "{said}");
        assert!(said.all().contains("tcp dport 554 accept"), "the rule is named: {said}");
        assert!(finding.packets.iter().all(|packet| packet.number > 0), "{said}");
    }
    nft(
        "delete rule inet site through handle $(nft -a list chain inet site through | sed -n 's/.*554.*handle //p')",
    );
    judged(&labs, 0);
}

#[test]
fn what_has_stopped_playing_does_not_pass_for_what_it_played_before() {
    let labs = Labs::of(User::Same);
    labs.up_detached();
    judged(&labs, 0);
    labs.say(&["shell", "small", "door", "--", "sh", "-c", "kill -STOP $(pidof fake-camera)"]).expect_code(0);
    let said = judged(&labs, 1);
    let plays =
        runs_of(&said).runs.remove(0).checks.into_iter().find(|check| check.name.as_str() == "door-plays");
    assert_eq!(plays.expect("it was judged").verdict, Verdict::Fail, "{said}");
    labs.say(&["shell", "small", "door", "--", "sh", "-c", "kill -CONT $(pidof fake-camera)"]).expect_code(0);
}

#[test]
fn a_lab_that_lacks_a_service_is_damaged_and_not_judged_but_stays() {
    let labs = Labs::of(User::Ordinary);
    labs.up_detached();
    labs.say(&["shell", "small", "door", "--", "sh", "-c", "kill -9 $(pidof fake-camera)"]).expect_code(0);
    let state = || labs.ps().first().map(|lab| lab["state"].as_str().unwrap_or_default().to_owned());
    crate::support::until(ONE_RUN, || (state().as_deref() == Some("damaged")).then_some(()))
        .expect("its end is noticed");
    let fallen = labs.ps()[0]["fallen"][0].as_str().unwrap().to_owned();
    assert!(fallen.contains("fake-camera of `door` ended by itself"), "{fallen}");
    for _ in 0..2 {
        let said = judged(&labs, 4);
        let failure = runs_of(&said).runs[0].failure.clone().expect("it says why");
        assert!(failure.text.contains("fake-camera of `door` ended by itself"), "{said}");
    }
    labs.say(&["shell", "small", "door", "--", "true"]).expect_code(0);
    labs.say(&["down", "small"]).expect_code(0);
    labs.assert_nothing_left();
}

#[test]
fn several_that_ask_at_once_are_answered_one_after_the_other_and_the_end_answers_who_waits() {
    let labs = Labs::of(User::Same);
    labs.up_detached();
    let asking: Vec<_> = (0..2).map(|_| start(labs.testbed(&["judge", "small"]))).collect();
    for one in asking {
        let said = one.finish(ONE_RUN).expect_code(0);
        assert!(said.stdout.contains("2 passed"), "{said}");
    }
    let asking: Vec<_> = (0..2).map(|_| start(labs.testbed(&["judge", "small"]))).collect();
    crate::support::until(ONE_RUN, || (labs.ps()[0]["state"] == "judging").then_some(())).expect("it begins");
    labs.say(&["down", "small"]).expect_code(0);
    for one in asking {
        let said = one.finish(ONE_RUN).expect_code(130);
        assert!(said.stdout.contains("the lab was taken down"), "{said}");
    }
    labs.assert_nothing_left();
}
