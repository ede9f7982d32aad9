//! PutMetricData: what it takes (CloudWatch API reference and model; user guide, "Publishing metrics").

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::answer::Failure;

/// Metrics per call.
const METRICS: usize = 1000;
/// Dimensions per metric.
const DIMENSIONS: usize = 30;
/// Different values per metric.
const VALUES: usize = 150;
/// How old a value may be, and how far ahead.
const OLDEST: Duration = Duration::from_secs(14 * 86_400);
const NEWEST: Duration = Duration::from_secs(2 * 3600);
/// The units of the model.
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// The body of PutMetricData.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    #[serde(default)]
    pub(super) namespace: String,
    #[serde(default)]
    pub(super) metric_data: Vec<Datum>,
}

/// One metric that a client reports.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Datum {
    #[serde(default)]
    pub(super) metric_name: String,
    #[serde(default)]
    pub(super) dimensions: Vec<Dimension>,
    /// Seconds since 1970; none: now.
    timestamp: Option<f64>,
    value: Option<f64>,
    #[serde(default)]
    values: Vec<f64>,
    #[serde(default)]
    counts: Vec<f64>,
    statistic_values: Option<Statistics>,
    unit: Option<String>,
    storage_resolution: Option<u32>,
}

/// A name and a value that tell metrics of the same name apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Dimension {
    pub(super) name: String,
    pub(super) value: String,
}

/// Many values in four numbers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statistics {
    sample_count: f64,
    sum: f64,
    minimum: f64,
    maximum: f64,
}

impl Put {
    /// Finds the first thing wrong; `now` is the cloud's clock.
    pub(super) fn check(&self, now: SystemTime) -> Result<(), Failure> {
        let namespace = &self.namespace;
        if namespace.is_empty() {
            return Err(missing("Namespace"));
        }
        if namespace.len() > 255 || namespace.starts_with([':']) || namespace.starts_with("AWS/") {
            return Err(invalid(format!("the namespace `{namespace}` is not allowed")));
        }
        if self.metric_data.is_empty() {
            return Err(missing("MetricData"));
        }
        if self.metric_data.len() > METRICS {
            return Err(invalid(format!("MetricData may have {METRICS} members at most")));
        }
        self.metric_data.iter().enumerate().try_for_each(|(at, datum)| {
            let member = format!("MetricData.member.{}", at + 1);
            datum.check(&member, now)
        })
    }
}

impl Datum {
    fn check(&self, member: &str, now: SystemTime) -> Result<(), Failure> {
        if self.metric_name.is_empty() {
            return Err(missing(&format!("{member}.MetricName")));
        }
        if self.metric_name.len() > 255 {
            return Err(invalid(format!("{member}.MetricName may have 255 characters at most")));
        }
        if self.unit.as_ref().is_some_and(|unit| !UNITS.contains(&unit.as_str())) {
            return Err(invalid(format!("{member}.Unit is none of the units")));
        }
        if self.storage_resolution.is_some_and(|seconds| seconds != 1 && seconds != 60) {
            return Err(invalid(format!("{member}.StorageResolution must be 1 or 60")));
        }
        self.check_dimensions(member)?;
        self.check_values(member)?;
        self.check_time(member, now)
    }

    fn check_dimensions(&self, member: &str) -> Result<(), Failure> {
        let bad =
            |one: &Dimension| !(1..=255).contains(&one.name.len()) || !(1..=1024).contains(&one.value.len());
        if self.dimensions.len() > DIMENSIONS || self.dimensions.iter().any(bad) {
            return Err(invalid(format!(
                "{member}.Dimensions may have {DIMENSIONS} members, names of 1 to 255 and values of 1 to 1024 characters"
            )));
        }
        Ok(())
    }

    /// One of a value, a list of values, and statistics.
    fn check_values(&self, member: &str) -> Result<(), Failure> {
        let given = [self.value.is_some(), !self.values.is_empty(), self.statistic_values.is_some()];
        match given.iter().filter(|given| **given).count() {
            0 => return Err(missing(&format!("{member}.Value"))),
            1 => {}
            _ => {
                let message = format!("{member}: Value, Values and StatisticValues are mutually exclusive");
                return Err(Failure::new(400, "InvalidParameterCombination", message));
            }
        }
        if self.values.len() > VALUES || !(self.counts.is_empty() || self.counts.len() == self.values.len()) {
            let message = format!("{member}.Values may have {VALUES} members, and Counts as many as Values");
            return Err(invalid(message));
        }
        let statistics = self.statistic_values.iter();
        let statistics = statistics.flat_map(|all| [all.sample_count, all.sum, all.minimum, all.maximum]);
        let mut numbers =
            self.value.iter().chain(&self.values).chain(&self.counts).copied().chain(statistics);
        if numbers.any(|number| !number.is_finite() || number.abs() > 2f64.powi(360)) {
            return Err(invalid(format!("{member}: values must be within -2^360 and 2^360")));
        }
        Ok(())
    }

    fn check_time(&self, member: &str, now: SystemTime) -> Result<(), Failure> {
        let Some(at) = self.timestamp else { return Ok(()) };
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        if (now - OLDEST.as_secs_f64()..=now + NEWEST.as_secs_f64()).contains(&at) {
            return Ok(());
        }
        Err(invalid(format!("{member}.Timestamp is older than two weeks, or more than two hours ahead")))
    }

    /// Letters of the names, and eight bytes per value.
    pub(super) fn size(&self, namespace: &str) -> usize {
        let dimensions: usize = self.dimensions.iter().map(|one| one.name.len() + one.value.len()).sum();
        namespace.len() + self.metric_name.len() + dimensions + 8 * self.values.len().max(1)
    }
}

fn missing(name: &str) -> Failure {
    Failure::new(400, "MissingParameter", format!("The parameter {name} is required."))
}

fn invalid(message: String) -> Failure {
    Failure::new(400, "InvalidParameterValue", message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn code(put: Value) -> &'static str {
        let put: Put = serde_json::from_value(put).unwrap();
        put.check(UNIX_EPOCH + Duration::from_secs(10_000_000))
            .map_or_else(|failure| failure.code, |()| "none")
    }

    fn of_datum(more: Value) -> &'static str {
        let mut datum = json!({ "MetricName": "M" });
        datum.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        code(json!({ "Namespace": "N", "MetricData": [datum] }))
    }

    #[test]
    fn what_is_allowed_is_taken() {
        for datum in [
            json!({ "Value": 0 }),
            json!({ "Values": [1, 2], "Counts": [3, 4] }),
            json!({ "StatisticValues": { "SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2 } }),
            json!({ "Value": -1e100, "Unit": "Count", "StorageResolution": 1, "Timestamp": 10_007_200 }),
            json!({ "Value": 1, "Dimensions": [{ "Name": "n", "Value": "v" }], "Timestamp": 8_790_400.5 }),
        ] {
            assert_eq!(of_datum(datum.clone()), "none", "{datum}");
        }
    }

    #[test]
    fn each_mistake_has_its_code() {
        assert_eq!(code(json!({ "MetricData": [] })), "MissingParameter");
        assert_eq!(code(json!({ "Namespace": "N" })), "MissingParameter");
        assert_eq!(code(json!({ "Namespace": "AWS/X", "MetricData": [] })), "InvalidParameterValue");
        assert_eq!(code(json!({ "Namespace": ":x", "MetricData": [] })), "InvalidParameterValue");
        let unnamed = json!({ "Namespace": "N", "MetricData": [{ "Value": 1 }] });
        assert_eq!(code(unnamed), "MissingParameter");
        let many: Vec<Value> = (0..1001).map(|_| json!({ "MetricName": "M", "Value": 1 })).collect();
        assert_eq!(code(json!({ "Namespace": "N", "MetricData": many })), "InvalidParameterValue");
        assert_eq!(of_datum(json!({})), "MissingParameter");
        assert_eq!(of_datum(json!({ "Value": 1, "Values": [1] })), "InvalidParameterCombination");
        let dimension = json!({ "Name": "n", "Value": "v" });
        for bad in [
            json!({ "Value": 1e300 }),
            json!({ "Values": [1, 2], "Counts": [1] }),
            json!({ "Values": vec![1; 151] }),
            json!({ "Value": 1, "Unit": "Parsecs" }),
            json!({ "Value": 1, "StorageResolution": 2 }),
            json!({ "Value": 1, "Timestamp": 10_007_201 }),
            json!({ "Value": 1, "Timestamp": 8_790_399 }),
            json!({ "Value": 1, "Dimensions": vec![dimension; 31] }),
            json!({ "Value": 1, "Dimensions": [{ "Name": "", "Value": "v" }] }),
        ] {
            assert_eq!(of_datum(bad.clone()), "InvalidParameterValue", "{bad}");
        }
    }
}
