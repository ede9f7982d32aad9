//! Latencies as counts in buckets that grow with the value: constant size, any length of run.

/// Buckets between two powers of two; a value is known to 1 part in 32.
const STEPS: usize = 32;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Counts of values from 0 to 2^32 - 1; larger ones count as the largest.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self { counts: vec![0; bucket(u32::MAX) + 1], total: 0 }
    }

    pub(super) fn add(&mut self, value: u64) {
        self.counts[bucket(value.min(u64::from(u32::MAX)) as u32)] += 1;
        self.total += 1;
    }

    /// The value below or at which this share (0 to 1) of all values lies; 0 if there are none.
    pub(super) fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return largest_in(bucket);
            }
        }
        0
    }
}

/// Values below `STEPS` have a bucket each; above, each doubling has `STEPS` buckets.
fn bucket(value: u32) -> usize {
    let bits = u32::BITS - value.leading_zeros();
    if bits <= STEP_BITS {
        return value as usize;
    }
    let shift = bits - STEP_BITS - 1;
    (shift as usize + 1) * STEPS + (value >> shift) as usize - STEPS
}

fn largest_in(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let (shift, step) = (bucket / STEPS - 1, bucket % STEPS);
    ((STEPS + step + 1) as u64) * (1 << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_again_within_a_thirty_second() {
        for value in (0..5000).chain((0..32).map(|bit| 1u32 << bit)).chain([u32::MAX]) {
            let found = largest_in(bucket(value));
            let value = u64::from(value);
            assert!(found >= value && found - value <= value / 32, "{value} became {found}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(0.5), 0);
        (1..=100).for_each(|value| histogram.add(value * 10));
        assert!((500..=515).contains(&histogram.quantile(0.5)), "{}", histogram.quantile(0.5));
        assert!((990..=1023).contains(&histogram.quantile(0.99)), "{}", histogram.quantile(0.99));
        histogram.add(u64::MAX);
        assert_eq!(histogram.quantile(1.0), u64::from(u32::MAX));
    }
}
