//! Runs a test inside a user and network namespace of its own: the test starts its own program again there.

use std::env;
use std::process::Command;

/// Set inside.
const INSIDE: &str = "TESTBED_TEST_INSIDE";

/// Runs `body` inside; `test` is the test's full path, `module_path!()` and its name.
///
/// Fails if namespaces are refused or util-linux' `unshare` is missing: a test that cannot run has not passed.
pub(crate) fn inside(test: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    let test = test.strip_prefix("testbed::").expect("a path in this crate");
    let program = env::current_exe().expect("a test knows its own program");
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "--mount", "--"])
        .arg(program)
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare (Debian package util-linux) must be installed for this test");
    let told =
        format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "inside a user and network namespace: {told}");
    assert!(told.contains("1 passed"), "the test did not run inside: {told}");
}

/// Runs a command of an administrator's, which must succeed; its output.
pub(crate) fn run(command: &str) -> String {
    let path = format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap_or_default());
    let mut words = command.split_whitespace();
    let program = words.next().expect("a command has a name");
    let output = Command::new("env").arg(format!("PATH={path}")).arg(program).args(words).output();
    let output = output.expect("env is everywhere");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{command}`, from Debian's iproute2, nftables or util-linux: {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// Index of a device.
pub(crate) fn index(device: &str) -> u32 {
    let line = run(&format!("ip -o link show dev {device}"));
    line.split(':').next().unwrap().parse().unwrap()
}

/// A bridge `fabric` with two ports: `pa`, whose other end is `a`, and `pb` with `b`. Nothing speaks by itself.
pub(crate) fn bridge_with_two_ports() {
    std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
    run("ip link add name fabric type bridge mcast_snooping 0");
    for end in ["a", "b"] {
        run(&format!("ip link add name p{end} mtu 9000 type veth peer name {end} mtu 9000"));
        run(&format!("ip link set dev p{end} master fabric up"));
        run(&format!("ip link set dev {end} up"));
    }
    run("ip link set dev fabric up");
}
