//! `kill -9` of each process of a run, at random moments.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};

use crate::moments::{how_many, seed, spread, tell};
use crate::scene::Scene;
use crate::support::{ONE_RUN, Said, User, Victim, find, runs_of, start, until};

/// How often a moment is tried, each time a fifth earlier.
const TRIES: usize = 8;

#[test]
fn after_kill_9_of_the_outer_process() {
    kill_at_random_moments(Victim::Commander, |said| {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(said.status.signal(), Some(9), "{said}");
    });
}

#[test]
fn after_kill_9_of_the_labs_outer_process() {
    kill_at_random_moments(Victim::Outer, says_that_the_lab_ended);
}

#[test]
fn after_kill_9_of_the_labs_first_process() {
    kill_at_random_moments(Victim::First, says_that_the_lab_ended);
}

#[test]
fn after_kill_9_of_the_labs_worker() {
    kill_at_random_moments(Victim::Worker, says_that_the_lab_ended);
}

#[test]
fn after_kill_9_of_a_fake() {
    kill_at_random_moments(Victim::Camera, |said| {
        assert_eq!(said.status.code(), Some(4), "{said}");
        let failure = runs_of(said).runs.remove(0).failure.unwrap_or_else(|| panic!("no failure: {said}"));
        assert!(failure.text.contains("fake-camera") && failure.text.contains("signal: 9"), "{said}");
        assert_eq!(failure.node.as_ref().map(|node| node.as_str()), Some("door"), "{said}");
        assert!(said.all().contains("fake-camera"), "it is named: {said}");
        for line in failure.last_lines {
            assert!(said.all().contains(&line), "its last lines are shown, {line:?} not: {said}");
        }
    });
}

fn says_that_the_lab_ended(said: &Said) {
    assert_eq!(said.status.code(), Some(4), "{said}");
    assert!(said.all().contains("the lab ended by itself"), "{said}");
}

/// Kills one process of a run at as many moments of its life as are asked for, by turns as root and as an ordinary
/// user; nothing may be left, and the run must say what `judge` wants.
///
/// A run may be shorter than usual; a moment that came after its end is tried again earlier.
fn kill_at_random_moments(victim: Victim, judge: impl Fn(&Said)) {
    let seed = seed();
    let scenes = [User::Same, User::Ordinary].map(Scene::of);
    let usual = usual_life(victim, &scenes[0]);
    for (turn, moment) in spread(how_many(), usual, seed).into_iter().enumerate() {
        let scene = &scenes[turn % 2];
        let mut earlier = std::iter::successors(Some(moment), |moment| Some(moment.mul_f64(0.8)));
        let struck = earlier.by_ref().take(TRIES).any(|moment| strikes(victim, scene, moment, &judge));
        assert!(
            struck,
            "{TRIES} kills in a row came after the end, the first {moment:?} into a life of {usual:?}"
        );
    }
}

/// Kills once, and looks; false if the run had told everything before it was struck, or was over.
fn strikes(victim: Victim, scene: &Scene, moment: Duration, judge: impl Fn(&Said)) -> bool {
    let said = kill_once(victim, scene, moment);
    tell(&format!("{victim:?} killed {moment:?} into its life: {}", said.status));
    scene.assert_nothing_left();
    let struck = !said.status.success();
    if struck {
        judge(&said);
    } else {
        let run = runs_of(&said).runs.remove(0);
        assert!(run.failure.is_none() && run.counts.pass == run.checks.len(), "a pass that is none: {said}");
    }
    struck
}

/// How long a process of a run lives when nobody kills it.
fn usual_life(victim: Victim, scene: &Scene) -> Duration {
    let run = start(scene.run());
    until(ONE_RUN, || find(victim, run.pid())).expect("it starts");
    let begun = run.since();
    let said = run.finish(ONE_RUN).expect_code(0);
    scene.assert_nothing_left();
    said.took - begun
}

fn kill_once(victim: Victim, scene: &Scene, moment: Duration) -> Said {
    let run = start(scene.run());
    let pid = until(ONE_RUN, || find(victim, run.pid())).expect("it starts");
    let appeared = run.since();
    // A moment, not a wait for something: that is what this test is about.
    std::thread::sleep(moment.saturating_sub(run.since() - appeared));
    // Only if it is still the same one; else the run was shorter than usual.
    if find(victim, run.pid()) == Some(pid) {
        match kill(pid, Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => panic!("{pid} is ours to kill: {error}"),
        }
    }
    run.finish(ONE_RUN)
}
