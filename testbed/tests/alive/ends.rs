//! How labs end: by `down`, by Ctrl-C, with their terminal; and how one that cannot be brought up does.

use std::fs;

use nix::sys::signal::{Signal, kill};

use crate::lab::{BOTH, Labs, ctrl_c};
use crate::support::{ONE_RUN, User, say, start};

#[test]
fn ctrl_c_ends_a_lab_with_code_130_and_down_with_code_0() {
    for user in BOTH {
        let labs = Labs::of(user);
        let mut up = labs.up_at_terminal();
        assert!(up.all().contains("testbed down small   or Ctrl-C here"), "{}", up.all());
        assert_eq!(ctrl_c(&mut up), 130, "{}", up.all());
        labs.assert_nothing_left();

        let mut up = labs.up_at_terminal();
        labs.say(&["down", "small"]).expect_code(0);
        assert_eq!(up.ends(), 0, "{}", up.all());
        labs.assert_nothing_left();
    }
}

#[test]
fn a_signal_ends_a_lab_in_good_order() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let labs = Labs::of(User::Same);
        let mut up = labs.up_at_terminal();
        kill(up.pid(), signal).expect("it is ours");
        assert_eq!(up.ends(), 130, "{signal}: {}", up.all());
        labs.assert_nothing_left();
    }
}

#[test]
fn a_terminal_that_closes_ends_the_lab_in_front_of_it_and_not_the_one_behind() {
    for user in BOTH {
        let labs = Labs::of(user);
        let mut front = labs.up_at_terminal();
        front.close();
        assert_eq!(front.ends(), 130, "{user:?}: {}", front.all());
        labs.assert_nothing_left();

        let mut behind = crate::terminal::Terminal::start(labs.up(&["--detach"]));
        behind.expect("lab small is up");
        assert_eq!(behind.ends(), 0);
        behind.close();
        drop(behind);
        assert_eq!(labs.ps()[0]["state"], "up");
        labs.say(&["judge", "small"]).expect_code(0);
        // Whatever it says goes to its folder now.
        assert!(labs.place.run_folders()[1].join("up.log").exists());
        labs.say(&["down", "small"]).expect_code(0);
        labs.assert_nothing_left();
    }
}

#[test]
fn a_lab_behind_holds_nothing_open_of_those_who_brought_it_up() {
    let labs = Labs::of(User::Same);
    // The pipe ends when its last writer does: a lab that held it would keep `cat` waiting.
    let up = labs.up_arguments(&["--detach", "--quiet"]).join(" ");
    let said = labs.script(&format!("testbed {up} 2>&1 | cat")).expect_code(0);
    assert_eq!(said.stdout, "small\n");
    labs.say(&["down", "small"]).expect_code(0);
    labs.assert_nothing_left();
}

#[test]
fn whoever_gives_up_waiting_for_a_lab_behind_has_none() {
    let labs = Labs::of(User::Ordinary);
    let mut up = crate::terminal::Terminal::start(labs.up(&["--detach"]));
    crate::support::until(ONE_RUN, || labs.ps().first().map(drop)).expect("it is being brought up");
    assert_eq!(ctrl_c(&mut up), 130, "{}", up.all());
    labs.assert_nothing_left();
}

#[test]
fn a_lab_may_be_taken_down_twice_at_once_and_again() {
    let labs = Labs::of(User::Ordinary);
    labs.up_detached();
    let downs: Vec<_> = (0..3).map(|_| start(labs.testbed(&["down", "small"]))).collect();
    for down in downs {
        down.finish(ONE_RUN).expect_code(0);
    }
    let said = labs.say(&["down", "small"]).expect_code(0);
    assert!(said.stderr.contains("no lab is called `small`"), "{said}");
    labs.say(&["down"]).expect_code(2);
    labs.say(&["down", "--all"]).expect_code(0);
    labs.assert_nothing_left();
}

#[test]
fn a_lab_that_is_being_brought_up_may_be_taken_down() {
    let labs = Labs::of(User::Same);
    let up = start(labs.up(&[]));
    crate::support::until(ONE_RUN, || labs.ps().first().map(drop)).expect("it is being brought up");
    labs.say(&["down", "small"]).expect_code(0);
    up.finish(ONE_RUN).expect_code(0);
    labs.assert_nothing_left();
}

#[test]
fn one_that_stands_still_is_ended_the_hard_way() {
    let labs = Labs::of(User::Same);
    labs.up_detached();
    kill(labs.owner("small"), Signal::SIGSTOP).expect("it is ours");
    let said = labs.say(&["down", "small"]).expect_code(0);
    assert!(said.stderr.contains("is killed"), "{said}");
    labs.assert_nothing_left();
}

#[test]
fn a_lab_that_cannot_be_brought_up_says_why_and_leaves_nothing() {
    for detach in [&[][..], &["--detach"]] {
        let labs = Labs::of(User::Ordinary);
        let rules = labs.site.with_extension("nft");
        let text = fs::read_to_string(&rules).expect("our own file");
        fs::write(&rules, text.replace("policy drop", "policy perhaps")).expect("our own file");
        let said = say(labs.up(detach), ONE_RUN).expect_code(2);
        assert!(said.stderr.contains("nft refuses the rule file small.nft"), "{said}");
        assert!(said.stdout.is_empty(), "{said}");
        fs::write(&labs.site, "version: 1\n").expect("our own file");
        let said = say(labs.up(detach), ONE_RUN).expect_code(2);
        assert!(said.stderr.contains("small.yaml"), "{said}");
        labs.assert_nothing_left();
    }
}
