//! Random moments that can be had again.

use std::time::Duration;

/// How often each kind of process is killed.
pub(crate) fn how_many() -> u32 {
    number("TESTBED_KILL_MOMENTS")
        .map_or(5, |number| u32::try_from(number).expect("TESTBED_KILL_MOMENTS is small"))
}

/// Moments within a time, one in each of as many equal parts of it, so that no part is left out.
pub(crate) fn spread(many: u32, over: Duration, seed: u64) -> Vec<Duration> {
    let mut state = seed;
    (0..many).map(|part| over.mul_f64((f64::from(part) + fraction(&mut state)) / f64::from(many))).collect()
}

/// The seed, told, so that a failure can be tried again with the same moments.
pub(crate) fn seed() -> u64 {
    let seed = number("TESTBED_KILL_SEED")
        .unwrap_or_else(|| u64::from(getrandom::u32().expect("the kernel has some")));
    tell(&format!("TESTBED_KILL_SEED={seed}"));
    seed
}

/// Notes something that a reader of a failure wants to know.
#[expect(clippy::print_stdout, reason = "shown by the test harness where a test fails")]
pub(crate) fn tell(text: &str) {
    println!("{text}");
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, and is {text:?}")))
}

/// The next number of a linear congruential generator (Knuth's MMIX constants), from 0 to below 1.
fn fraction(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    f64::from((*state >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
}

#[test]
fn moments_lie_one_in_each_part_and_differ_between_seeds() {
    let moments = spread(5, Duration::from_secs(5), 7);
    for (part, moment) in moments.iter().enumerate() {
        assert_eq!(usize::try_from(moment.as_secs()).unwrap(), part, "{moments:?}");
    }
    assert_eq!(moments, spread(5, Duration::from_secs(5), 7));
    assert_ne!(moments, spread(5, Duration::from_secs(5), 8));
}
