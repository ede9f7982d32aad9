//! Labs for other ends than a run: what the kernel can do, and how fast a star stands.

use std::path::PathBuf;
use std::time::Instant;

use super::commander::{Ended, LabLog, command};
use super::order::{Order, Task};
use super::scenario::ours;
use crate::event::{Event, Failure, Stage};
use crate::kernel::root::Root;
use crate::plan::{Plan, STAR_RULES, star};

/// How long a star took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StarTimes {
    /// From the lab's first action until its last host had connected to the router, milliseconds.
    pub build_ms: f64,
    /// From then until the lab was gone as far as we can see, milliseconds; the kernel cleans up after that.
    pub call_ms: f64,
}

/// Tries what this kernel can do: features that are missing, with the reason.
///
/// Errors: a failure where not even a lab can be made.
pub async fn try_features() -> Result<Vec<(String, String)>, Failure> {
    let order = order(star(1), Root::default(), PathBuf::from("/"), Task::Features);
    let Ended { seen, .. } = command(&order, LabLog::ours(), |_| {}, std::future::pending()).await;
    Ok(seen?.missing)
}

/// Builds a star of hosts, waits until the last has connected to the router, and drops it.
pub async fn bench_star(hosts: usize) -> Result<StarTimes, Failure> {
    let folder = tempfile::tempdir().map_err(|error| ours(error.to_string()))?;
    std::fs::write(folder.path().join("star.nft"), STAR_RULES).map_err(|error| ours(error.to_string()))?;
    let path = folder.path().to_owned();
    let root = Root { read: Vec::new(), write: vec![path.clone()] };
    let order = order(star(hosts), root, path, Task::Bench);
    let mut built = None;
    let begun = Instant::now();
    let note = |event: &Event| {
        if matches!(event, Event::Stage { stage: Stage::End, .. }) {
            built = Some(begun.elapsed());
        }
    };
    let Ended { seen, .. } = command(&order, LabLog::ours(), note, std::future::pending()).await;
    seen?;
    let all = begun.elapsed();
    let built = built.ok_or_else(|| ours("the star never stood".into()))?;
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    Ok(StarTimes { build_ms: milliseconds(built), call_ms: milliseconds(all - built) })
}

fn order(plan: Plan, root: Root, folder: PathBuf, task: Task) -> Order {
    Order {
        plan,
        run_folder: folder.clone(),
        folder,
        programs: PathBuf::from("/"),
        root,
        run: 1,
        patience: 1,
        task,
        counting: false,
    }
}
