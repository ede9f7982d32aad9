//! CloudWatch: takes metrics in the JSON form of today's SDKs and the query form of older ones, and lists them.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Mutex;

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};

use crate::answer::{Failure, Wire};
use crate::cloud::Cloud;
use crate::https::Call;
use crate::keys::request_id;
use crate::service::Service;

const TARGET: &str = "GraniteServiceVersion20100801.";
/// Namespace of its answers in the query form.
pub(crate) const XMLNS: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";
/// Largest body after decompression.
const UNPACKED_LIMIT: u64 = 10 * 1024 * 1024;
/// Metrics per call (CloudWatch API reference, PutMetricData).
const METRICS_PER_CALL: usize = 1000;
/// Distinct metrics that are kept.
const KEPT: usize = 100_000;

/// One value that a client reported.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Datum {
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    value: Option<f64>,
    #[serde(default)]
    values: Vec<f64>,
    statistic_values: Option<serde_json::Value>,
}

/// A name and a value that tell metrics of the same name apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dimension {
    name: String,
    value: String,
}

/// The body of PutMetricData.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    namespace: String,
    #[serde(default)]
    metric_data: Vec<Datum>,
}

/// What identifies a metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    namespace: String,
    metric_name: String,
    dimensions: Vec<Dimension>,
}

/// The metrics of this run, in memory.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    kept: Mutex<BTreeSet<Metric>>,
}

impl Metrics {
    fn keep(&self, metric: Metric) -> Result<(), Failure> {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if kept.len() >= KEPT && !kept.contains(&metric) {
            return Err(Failure::new(400, "LimitExceeded", "this cloud keeps no more metrics"));
        }
        kept.insert(metric);
        Ok(())
    }

    fn list(&self, namespace: Option<&str>, name: Option<&str>) -> Vec<Metric> {
        let kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let wanted = |metric: &&Metric| {
            namespace.is_none_or(|wanted| metric.namespace == wanted)
                && name.is_none_or(|wanted| metric.metric_name == wanted)
        };
        kept.iter().filter(wanted).cloned().collect()
    }
}

/// Answers one call.
pub(crate) fn answer(call: &Call<'_>, cloud: &Cloud) -> Result<Bytes, Failure> {
    let body = unpacked(call)?;
    match call.wire {
        Wire::Json10 => answer_json(call, &body, cloud),
        Wire::Query { .. } => answer_query(&body, cloud),
        _ => Err(Failure::unknown_action(call.wire, call.parts.uri.path())),
    }
}

/// The body without `Content-Encoding: gzip`, which SDKs apply from 10 240 bytes on.
fn unpacked(call: &Call<'_>) -> Result<Bytes, Failure> {
    let encoding = call.parts.headers.get(hyper::header::CONTENT_ENCODING);
    if encoding.is_none_or(|encoding| encoding != "gzip") {
        return Ok(call.body.clone());
    }
    let mut plain = Vec::new();
    let read = GzDecoder::new(&call.body[..]).take(UNPACKED_LIMIT + 1).read_to_end(&mut plain);
    match read {
        Ok(size) if size as u64 > UNPACKED_LIMIT => Err(Failure::too_large(UNPACKED_LIMIT as usize)),
        Ok(_) => Ok(plain.into()),
        Err(error) => Err(Failure::new(400, "SerializationException", format!("gzip: {error}"))),
    }
}

fn answer_json(call: &Call<'_>, body: &[u8], cloud: &Cloud) -> Result<Bytes, Failure> {
    let target =
        call.parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match target.strip_prefix(TARGET) {
        Some("PutMetricData") => {
            let put: Put = read_json(body)?;
            keep(put, cloud)?;
            Ok("{}".into())
        }
        Some("ListMetrics") => {
            #[derive(Deserialize)]
            #[serde(rename_all = "PascalCase")]
            struct List {
                namespace: Option<String>,
                metric_name: Option<String>,
            }
            let list: List = read_json(body)?;
            let metrics = cloud.metrics.list(list.namespace.as_deref(), list.metric_name.as_deref());
            Ok(serde_json::json!({ "Metrics": metrics }).to_string().into())
        }
        _ => Err(Failure::unknown_action(Wire::Json10, target)),
    }
}

fn read_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::new(400, "SerializationException", error.to_string()))
}

fn answer_query(body: &[u8], cloud: &Cloud) -> Result<Bytes, Failure> {
    let form: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let action = form.iter().find(|(key, _)| key == "Action").map_or("", |(_, value)| value);
    if action != "PutMetricData" {
        return Err(Failure::unknown_action(Wire::Query { xmlns: XMLNS }, action));
    }
    keep(put_of_form(&form)?, cloud)?;
    let id = request_id();
    Ok(format!(
        "<PutMetricDataResponse xmlns=\"{XMLNS}\"><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
         </PutMetricDataResponse>"
    )
    .into())
}

/// Reads `MetricData.member.1.MetricName=…` and its like.
fn put_of_form(form: &[(String, String)]) -> Result<Put, Failure> {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let number = |name: &str| match field(name) {
        Some(text) => text.parse().map(Some).map_err(|_| invalid(format!("{name} is no number"))),
        None => Ok(None),
    };
    let mut metric_data = Vec::new();
    for index in 1..=METRICS_PER_CALL + 1 {
        let member = format!("MetricData.member.{index}");
        let Some(name) = field(&format!("{member}.MetricName")) else { break };
        let mut dimensions = Vec::new();
        while let Some(name) = field(&format!("{member}.Dimensions.member.{}.Name", dimensions.len() + 1)) {
            let value = field(&format!("{member}.Dimensions.member.{}.Value", dimensions.len() + 1));
            dimensions.push(Dimension { name: name.into(), value: value.unwrap_or_default().into() });
        }
        let statistics = field(&format!("{member}.StatisticValues.SampleCount"));
        metric_data.push(Datum {
            metric_name: name.into(),
            dimensions,
            value: number(&format!("{member}.Value"))?,
            values: number(&format!("{member}.Values.member.1"))?.into_iter().collect(),
            statistic_values: statistics.map(Into::into),
        });
    }
    Ok(Put { namespace: field("Namespace").unwrap_or_default().into(), metric_data })
}

/// Checks all before any is kept.
fn keep(put: Put, cloud: &Cloud) -> Result<(), Failure> {
    let namespace = &put.namespace;
    if namespace.is_empty() || namespace.len() > 255 || namespace.starts_with("AWS/") {
        return Err(invalid(format!("the namespace `{namespace}` is not allowed")));
    }
    if put.metric_data.is_empty() || put.metric_data.len() > METRICS_PER_CALL {
        return Err(invalid(format!("MetricData must have 1 to {METRICS_PER_CALL} members")));
    }
    if let Some(bad) = put.metric_data.iter().find(|datum| !datum.is_valid()) {
        return Err(invalid(format!("the metric `{}` has no name or no finite value", bad.metric_name)));
    }
    for datum in put.metric_data {
        let bytes = datum.size(&put.namespace);
        let name = datum.metric_name.clone();
        let namespace = put.namespace.clone();
        cloud.metrics.keep(Metric {
            namespace,
            metric_name: datum.metric_name,
            dimensions: datum.dimensions,
        })?;
        cloud.facts.stored(Service::Monitoring, &name, bytes);
    }
    Ok(())
}

impl Datum {
    fn is_valid(&self) -> bool {
        let valued = self.value.is_some() || !self.values.is_empty() || self.statistic_values.is_some();
        let finite = self.value.iter().chain(&self.values).all(|value| value.is_finite());
        !self.metric_name.is_empty() && self.metric_name.len() <= 255 && valued && finite
    }

    /// Letters of the names, and eight bytes per value.
    fn size(&self, namespace: &str) -> usize {
        let dimensions: usize = self.dimensions.iter().map(|one| one.name.len() + one.value.len()).sum();
        namespace.len() + self.metric_name.len() + dimensions + 8 * self.values.len().max(1)
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(400, "InvalidParameterValue", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_form_means_the_same_as_the_json_form() {
        let form = "Action=PutMetricData&Version=2010-08-01&Namespace=PanoramaDeviceMetrics\
                    &MetricData.member.1.MetricName=DeviceActive&MetricData.member.1.Value=1\
                    &MetricData.member.1.Dimensions.member.1.Name=DeviceId\
                    &MetricData.member.1.Dimensions.member.1.Value=device-1";
        let form: Vec<_> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let json =
            br#"{"Namespace":"PanoramaDeviceMetrics","MetricData":[{"MetricName":"DeviceActive","Value":1,
                       "Dimensions":[{"Name":"DeviceId","Value":"device-1"}]}]}"#;
        assert_eq!(put_of_form(&form).unwrap(), read_json::<Put>(json).unwrap());
    }

    #[test]
    fn a_metric_without_a_value_is_invalid() {
        let put: Put = read_json(br#"{"Namespace":"N","MetricData":[{"MetricName":"M"}]}"#).unwrap();
        assert!(!put.metric_data[0].is_valid());
    }
}
