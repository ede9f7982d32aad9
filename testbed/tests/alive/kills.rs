//! `kill -9` of a process of a lab that stays: nothing is left, and every command says clearly that it is gone.

use nix::sys::signal::{Signal, kill};

use crate::lab::Labs;
use crate::support::{ONE_RUN, User, Victim, find, start};

#[test]
fn after_kill_9_of_the_owner_nothing_is_left_but_a_clear_answer() {
    for (user, arguments, code) in [
        (User::Same, &["shell", "small", "door", "--", "true"][..], 2),
        (User::Ordinary, &["capture", "small"], 2),
        (User::Ordinary, &["judge", "small"], 2),
        (User::Same, &["down", "small"], 0),
    ] {
        let labs = Labs::of(user);
        labs.up_detached();
        let mut shell = labs.at_terminal(&["shell", "small", "guest"]);
        shell.expect("small guest ");
        let judging = start(labs.testbed(&["judge", "small"]));
        let owner = labs.owner("small");
        crate::support::until(ONE_RUN, || (labs.ps()[0]["state"] == "judging").then_some(()))
            .expect("it begins");
        kill(owner, Signal::SIGKILL).expect("it is ours");
        labs.counted_without_judges(judging);
        assert_eq!(shell.ends(), 137, "{}", shell.all());
        let said = labs.say(arguments).expect_code(code);
        assert!(
            said.stderr.contains(&format!("lab `small` is gone: its process {owner} was killed")),
            "{said}"
        );
        assert!(said.stdout.is_empty(), "{said}");
        labs.assert_nothing_left();
    }
}

impl Labs {
    /// Whoever waits for a judgement is told that nobody makes it any more.
    #[track_caller]
    fn counted_without_judges(&self, judging: crate::support::Talking) {
        let said = judging.finish(ONE_RUN).expect_code(4);
        assert!(said.stderr.contains("lab `small` does not answer: it ended"), "{said}");
    }
}

#[test]
fn after_kill_9_of_any_process_of_the_lab_its_owner_ends_and_says_so() {
    for user in [User::Same, User::Ordinary] {
        for victim in [Victim::Outer, Victim::First, Victim::Worker] {
            let labs = Labs::of(user);
            let mut up = labs.up_at_terminal();
            let mut shell = labs.at_terminal(&["shell", "small", "guest"]);
            shell.expect("small guest ");
            kill(find(victim, up.pid()).expect("it runs"), Signal::SIGKILL).expect("it is ours");
            assert_eq!(up.ends(), 4, "{user:?} {victim:?}: {}", up.all());
            assert!(up.all().contains("the lab ended by itself"), "{victim:?}: {}", up.all());
            assert_eq!(shell.ends(), 137, "{user:?} {victim:?}: {}", shell.all());
            labs.assert_nothing_left();
        }
    }
}
