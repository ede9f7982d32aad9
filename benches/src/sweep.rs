//! Sweeps of everything that can be sent: what each printed, and the table that a reader sees.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::table::median;

/// One sweep of one pair. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// What sent it: `bare`, over cables; `counted`, the same with each frame counted by the router; `switched`, bare over
    /// bridges; `testbed`.
    pub system: String,
    /// Packets sent.
    pub sent: u64,
    /// Packets that came out on the other side.
    pub arrived: u64,
    /// From the first packet to the last.
    pub send_ms: f64,
    /// From the first packet until all is known: with testbed, until the last control.
    pub whole_ms: f64,
}

/// The sweep that a run folder's `record.jsonl` and `verdicts.json` tell of.
///
/// Errors: they do not tell of one.
pub fn of_run(record: &str, verdicts: &str) -> anyhow::Result<Sweep> {
    let lines: Vec<Value> = record.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let aims: Vec<&Value> = lines.iter().filter_map(|line| line.get("aim")).collect();
    let of = |value: &Value, key: &str| value.get(key).and_then(Value::as_u64);
    let began = aims.iter().filter_map(|aim| of(aim, "started_at")).min().context("no aim was sent")?;
    let sent_by = aims.iter().filter_map(|aim| of(aim, "ended_at")).max().context("no aim ended")?;
    let done = lines.iter().find_map(|line| of(line.get("done")?, "until")).context("it is not done")?;
    let verdicts: Value = serde_json::from_str(verdicts)?;
    let summary = verdicts.pointer("/checks/0/summary").and_then(Value::as_str).context("no check")?;
    let count = |word: &str| {
        let (before, _) = summary.split_once(word)?;
        before.rsplit([' ', ',']).find(|part| !part.is_empty())?.parse().ok()
    };
    let ms = |until: u64| until.saturating_sub(began) as f64 / 1e6;
    Ok(Sweep {
        system: "testbed".to_owned(),
        sent: count(" packets sent").context("how many were sent")?,
        arrived: count(" arrived").context("how many arrived")?,
        send_ms: ms(sent_by),
        whole_ms: ms(done),
    })
}

/// Draws a Markdown table of sweeps: medians, and the ratios of the whole to the bare ones'.
#[must_use]
pub fn draw(sweeps: &[Sweep]) -> String {
    let mut rows: BTreeMap<&str, Vec<&Sweep>> = BTreeMap::new();
    for sweep in sweeps {
        rows.entry(&sweep.system).or_default().push(sweep);
    }
    let whole = |row: &[&Sweep]| median(row.iter().map(|one| one.whole_ms).collect());
    let bases = ["bare", "counted", "switched"].map(|name| rows.get(name).and_then(|row| whole(row)));
    let mut text = String::from(
        "| system | k | packets | arrived | sent in ms | whole ms | min | × bare | × counted | × switched |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for (system, row) in &rows {
        let send = median(row.iter().map(|one| one.send_ms).collect()).unwrap_or_default();
        let middle = whole(row).unwrap_or_default();
        let least = row.iter().map(|one| one.whole_ms).fold(f64::INFINITY, f64::min);
        let ratios =
            bases.map(|base| base.map_or_else(|| "-".to_owned(), |base| format!("{:.2}", middle / base)));
        let ratios = ratios.join(" | ");
        let (k, sent, arrived) = (row.len(), row[0].sent, row[0].arrived);
        writeln!(
            text,
            "| {system} | {k} | {sent} | {arrived} | {send:.0} | {middle:.0} | {least:.0} | {ratios} |"
        )
        .expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_folder_tells_when_its_sweep_began_and_ended() {
        let record = r#"{"aim":{"started_at":1000000,"ended_at":5000000}}
{"done":{"until":9000000,"patience":1}}"#;
        let verdicts = r#"{"checks":[{"summary":"1 pair, 199056 kinds, 199056 packets sent, 3 arrived; instrument 9/9"}]}"#;
        let sweep = of_run(record, verdicts).unwrap();
        assert_eq!((sweep.sent, sweep.arrived, sweep.send_ms, sweep.whole_ms), (199_056, 3, 4.0, 8.0));
        assert!(of_run(record.lines().next().unwrap(), verdicts).is_err());
    }

    #[test]
    fn the_ratio_is_that_of_medians_of_the_whole() {
        let sweep = |system: &str, whole_ms| Sweep {
            system: system.into(),
            sent: 10,
            arrived: 1,
            send_ms: 1.0,
            whole_ms,
        };
        let table = draw(&[
            sweep("testbed", 30.0),
            sweep("bare", 10.0),
            sweep("bare", 20.0),
            sweep("bare", 90.0),
            sweep("switched", 25.0),
            sweep("counted", 24.0),
        ]);
        assert!(table.contains("| testbed | 1 | 10 | 1 | 1 | 30 | 30 | 1.50 | 1.25 | 1.20 |"), "{table}");
        assert!(table.contains("| bare | 3 | 10 | 1 | 1 | 20 | 10 | 1.00 | 0.83 | 0.80 |"), "{table}");
        let alone = draw(&[sweep("testbed", 30.0)]);
        assert!(alone.contains("| 30 | - | - | - |"), "{alone}");
    }
}
