//! Builds a star of N hosts with bare netlink, tears it down, and prints how long both took.
//!
//! `floor N` prints one line of JSON as in `bench::line`.

use std::env;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use bench::line::Line;
use bench::star;
use bench::userns::{self, Inside};
use nix::sched::CloneFlags;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's result and its failure")]
fn main() -> ExitCode {
    match measure() {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("floor: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> anyhow::Result<String> {
    let begin = Instant::now();
    let n = env::args().nth(1).and_then(|n| n.parse().ok()).context("name the number of hosts")?;
    // Two open files a host.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    userns::enter(Inside::Root, CloneFlags::CLONE_NEWNET).context("making a user namespace")?;
    let star = star::build(n)?;
    let build_ms = begin.elapsed().as_secs_f64() * 1e3;
    let end = Instant::now();
    drop(star);
    let call_ms = end.elapsed().as_secs_f64() * 1e3;
    let line = Line { system: "floor".to_owned(), n, build_ms, call_ms, gone_ms: None, peak_kb: None };
    Ok(serde_json::to_string(&line)?)
}
