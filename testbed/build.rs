//! How the program is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|set| set == value);
    // At a fixed address: as one that may lie anywhere, a start spends a millisecond on writing 21,000 addresses into
    // memory, and a lab is two starts. Libraries, stack and heap still lie anywhere.
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bin=testbed=-no-pie");
    }
}
