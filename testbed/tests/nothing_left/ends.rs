//! Runs that end in good order, well or badly.

use std::fs;
use std::os::unix::process::CommandExt;

use nix::sys::signal::{Signal, killpg};
use testbed::event::{Fault, Stage};
use testbed::verdict::Verdict;

use crate::scene::Scene;
use crate::support::{ONE_RUN, User, runs_of, say, start, until, verdicts_in};

#[test]
fn after_success() {
    for user in [User::Same, User::Ordinary] {
        let scene = Scene::of(user);
        let said = say(scene.run(), ONE_RUN).expect_code(0);
        assert_eq!(runs_of(&said).runs[0].counts.pass, 2, "{said}");
        scene.assert_nothing_left();
    }
}

#[test]
fn after_a_failed_check() {
    for user in [User::Same, User::Ordinary] {
        let scene = Scene::of(user);
        scene.break_site();
        let said = say(scene.run(), ONE_RUN).expect_code(1);
        let run = &runs_of(&said).runs[0];
        let failed = run.checks.iter().find(|check| check.verdict == Verdict::Fail);
        assert_eq!(failed.map(|check| check.name.as_str()), Some("guest-shut"), "{said}");
        scene.assert_nothing_left();
    }
}

/// The signal goes to the whole group, as a terminal sends it; the lab must not be struck by it, but told.
#[test]
fn after_ctrl_c_while_probing() {
    for user in [User::Same, User::Ordinary] {
        let scene = Scene::of(user);
        let mut command = scene.run();
        command.process_group(0);
        let talking = start(command);
        until(ONE_RUN, || scene.probes_begin()).expect("the appliance receives video");
        killpg(talking.pid(), Signal::SIGINT).expect("it runs");
        let said = talking.finish(ONE_RUN).expect_code(130);
        let run = &runs_of(&said).runs[0];
        assert_eq!(run.stages.last().map(|stage| stage.stage), Some(Stage::Probe), "{said}");
        assert_eq!(run.failure.as_ref().map(|failure| failure.fault), Some(Fault::Interrupted), "{said}");
        assert!(
            !scene.place.run_folders()[0].join("verdicts.json").exists(),
            "an interrupted run has no verdicts"
        );
        scene.assert_nothing_left();
    }
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let scene = Scene::of(User::Same);
    let runs = [start(scene.run()), start(scene.run())];
    for run in runs {
        let said = run.finish(ONE_RUN * 2).expect_code(0);
        assert_eq!(runs_of(&said).runs[0].counts.pass, 2, "{said}");
    }
    let folders = scene.place.run_folders();
    assert_eq!(folders.len(), 2, "each has a folder of its own: {folders:?}");
    for folder in folders {
        assert_eq!(verdicts_in(&folder).counts.pass, 2, "{}", folder.display());
    }
    scene.assert_nothing_left();
}

impl Scene {
    /// Once the appliance has received video, which is when probing begins.
    fn probes_begin(&self) -> Option<()> {
        let log = self.place.run_folders().first()?.join("logs/app.log");
        let lines = fs::read_to_string(log).ok()?;
        let facts = lines.lines().filter_map(|line| fake_facts::read_line(line).ok());
        facts
            .map(|line| line.fact)
            .any(|fact| matches!(fact, fake_facts::Fact::Video(video) if video.received > 0))
            .then_some(())
    }
}
