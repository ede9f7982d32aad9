//! The bare sweep, run as `scripts/bench-sweep` runs it. Needs user namespaces, iproute2 and nft.

use std::process::Command;

use bench::sweep::Sweep;

#[test]
fn everything_is_sent_and_what_the_rules_let_through_arrives() {
    sweep_arrives("bare");
    sweep_arrives("switched");
}

fn sweep_arrives(kind: &str) {
    let peer = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/bare-pair");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "--mount", peer, env!("CARGO_BIN_EXE_sweep")]);
    command.args([
        "benches/sites/one-pair.nft",
        "office0,10.2.0.1,10.2.0.11",
        "doors0,10.1.0.1,10.1.0.2",
        kind,
    ]);
    let output = command.output().expect("util-linux has unshare");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sweep: Sweep = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    // 102 ports of TCP and 11 of UDP, as one-pair.nft has them.
    assert_eq!((sweep.system.as_str(), sweep.sent, sweep.arrived), (kind, 199_168, 113));
    assert!(sweep.whole_ms >= sweep.send_ms, "{sweep:?}");
}
