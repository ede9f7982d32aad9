//! `testbed bench-star`: how long a star of hosts takes to stand, for `make bench`.

use testbed::exit::Exit;
use testbed::run;

use super::{block_on, say};

/// Builds a star, waits until its last host has connected to the router, drops it; prints one JSON line.
pub(crate) fn bench_star(hosts: u32) -> Exit {
    match block_on(run::bench_star(hosts as usize)).and_then(|built| built) {
        Ok(times) => {
            let line = serde_json::json!({
                "system": "testbed", "n": hosts, "build_ms": times.build_ms, "call_ms": times.call_ms,
            });
            say(&format!("{line}\n"));
            Exit::Expected
        }
        Err(failure) => super::tell_failure("the star", &failure),
    }
}
