//! Many measured lines, as one table: medians, and their ratios to the floor.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::line::Line;

/// The system that all others are compared with.
pub const FLOOR: &str = "floor";

/// Draws a Markdown table of the lines: by number of hosts, then in the order in which systems first appear.
///
/// `k` is the number of lines a row stands for; times are medians, ratios (×) those of medians to the floor's of
/// the same number of hosts.
#[must_use]
pub fn draw(lines: &[Line]) -> String {
    let mut systems: Vec<&str> = Vec::new();
    let mut rows: BTreeMap<(u32, usize), Vec<&Line>> = BTreeMap::new();
    for line in lines {
        let place = systems.iter().position(|known| *known == line.system).unwrap_or_else(|| {
            systems.push(&line.system);
            systems.len() - 1
        });
        rows.entry((line.n, place)).or_default().push(line);
    }
    let floor = systems.iter().position(|known| *known == FLOOR);
    let mut text = String::from(
        "| N | system | k | build ms | min | × | call ms | gone ms | × | peak MB |\n|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for ((n, place), row) in &rows {
        let base = floor.and_then(|floor| rows.get(&(*n, floor))).map(Vec::as_slice).unwrap_or_default();
        draw_row(&mut text, *n, systems[*place], row, base);
    }
    text
}

fn draw_row(text: &mut String, n: u32, system: &str, row: &[&Line], base: &[&Line]) {
    let of = |lines: &[&Line], value: fn(&Line) -> Option<f64>| {
        median(lines.iter().filter_map(|line| value(line)).collect())
    };
    let build = |line: &Line| Some(line.build_ms);
    let gone = |line: &Line| line.gone_ms;
    let least = row.iter().map(|line| line.build_ms).fold(f64::INFINITY, f64::min);
    let cells = [
        figure(of(row, build)),
        figure(Some(least)),
        ratio(of(row, build), of(base, build)),
        figure(of(row, |line| Some(line.call_ms))),
        figure(of(row, gone)),
        ratio(of(row, gone), of(base, gone)),
        figure(of(row, |line| line.peak_kb.map(|kb| kb as f64 / 1e3))),
    ];
    writeln!(text, "| {n} | {system} | {} | {} |", row.len(), cells.join(" | ")).expect("a string takes all");
}

/// The middle one; of two middle ones their mean.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    Some(if values.len() % 2 == 1 { upper } else { (values[half - 1] + upper) / 2.0 })
}

/// Three digits tell enough; a dash where nothing was measured.
fn figure(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value < 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}

fn ratio(value: Option<f64>, base: Option<f64>) -> String {
    match (value, base) {
        (Some(value), Some(base)) if base > 0.0 => format!("{:.2}", value / base),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(system: &str, n: u32, build_ms: f64, gone_ms: f64) -> Line {
        Line { system: system.into(), n, build_ms, call_ms: 1.0, gone_ms: Some(gone_ms), peak_kb: None }
    }

    #[test]
    fn ratios_are_of_medians_at_the_same_number_of_hosts() {
        let lines = [
            line("floor", 10, 10.0, 100.0),
            line("testbed", 10, 15.0, 110.0),
            line("floor", 10, 20.0, 100.0),
            line("floor", 10, 90.0, 100.0),
            line("floor", 100, 1000.0, 100.0),
        ];
        let table = draw(&lines);
        assert!(table.contains("| 10 | testbed | 1 | 15 | 15 | 0.75 | 1.0 | 110 | 1.10 | - |"), "{table}");
        assert!(table.contains("| 10 | floor | 3 | 20 | 10 | 1.00 |"), "{table}");
    }

    #[test]
    fn without_a_floor_there_is_no_ratio() {
        assert!(draw(&[line("testbed", 10, 15.0, 110.0)]).contains("| 15 | 15 | - | 1.0 | 110 | - |"));
    }
}
