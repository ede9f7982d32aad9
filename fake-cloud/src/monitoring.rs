//! CloudWatch: takes metrics and lists them, in the JSON form of botocore and JavaScript, the CBOR form of Rust and the
//! query form of older clients.

mod form;
mod put;

use std::collections::BTreeSet;
use std::io::Read;
use std::ops::Bound;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::put::{Dimension, Put};
use crate::answer::{Failure, Wire};
use crate::cbor;
use crate::cloud::Cloud;
use crate::https::Call;
use crate::keys::request_id;
use crate::service::Service;

const TARGET: &str = "GraniteServiceVersion20100801.";
const PATH: &str = "/service/GraniteServiceVersion20100801/operation/";
/// Namespace of its answers in the query form.
pub(crate) const XMLNS: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";
/// Largest body after decompression.
const UNPACKED_LIMIT: u64 = 10 * 1024 * 1024;
/// Metrics per page of a list (CloudWatch API reference, ListMetrics).
const PAGE: usize = 500;
/// Distinct metrics that are kept.
const KEPT: usize = 100_000;

/// What identifies a metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    namespace: String,
    metric_name: String,
    /// In the order of their names, since the order says nothing.
    dimensions: Vec<Dimension>,
}

/// The body of ListMetrics.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<Filter>,
    next_token: Option<String>,
}

/// A dimension that listed metrics have.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    name: String,
    value: Option<String>,
}

/// The metrics of this run, in memory.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    kept: Mutex<BTreeSet<Metric>>,
}

impl Metrics {
    fn keep(&self, metric: Metric) -> Result<(), Failure> {
        let mut kept = self.lock();
        if kept.len() >= KEPT && !kept.contains(&metric) {
            return Err(Failure::new(400, "LimitExceeded", "this cloud keeps no more metrics"));
        }
        kept.insert(metric);
        Ok(())
    }

    /// One page, and what to ask the next one with.
    fn list(&self, list: &List) -> Result<(Vec<Metric>, Option<String>), Failure> {
        let after = match &list.next_token {
            None => Bound::Unbounded,
            Some(token) => Bound::Excluded(read_token(token)?),
        };
        let kept = self.lock();
        let mut found = kept.range((after, Bound::Unbounded)).filter(|metric| list.wants(metric)).cloned();
        let page: Vec<Metric> = found.by_ref().take(PAGE).collect();
        let more = found.next().is_some();
        let token = page.last().filter(|_| more).map(write_token);
        Ok((page, token))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<Metric>> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl List {
    fn wants(&self, metric: &Metric) -> bool {
        let has = |filter: &Filter| {
            let named = metric.dimensions.iter().filter(|one| one.name == filter.name);
            named.into_iter().any(|one| filter.value.as_ref().is_none_or(|value| one.value == *value))
        };
        self.namespace.as_ref().is_none_or(|wanted| metric.namespace == *wanted)
            && self.metric_name.as_ref().is_none_or(|wanted| metric.metric_name == *wanted)
            && self.dimensions.iter().all(has)
    }
}

/// A token names the last metric of a page.
fn write_token(last: &Metric) -> String {
    BASE64.encode(serde_json::to_string(last).expect("texts only"))
}

fn read_token(token: &str) -> Result<Metric, Failure> {
    let metric = BASE64.decode(token).ok().and_then(|text| serde_json::from_slice(&text).ok());
    metric.ok_or_else(|| Failure::new(400, "InvalidParameterValue", "the next token is none of ours"))
}

/// Answers one call.
pub(crate) fn answer(call: &Call<'_>, cloud: &Cloud) -> Result<Bytes, Failure> {
    let body = unpacked(call)?;
    let (operation, input) = read(call, &body)?;
    let result = match operation.as_str() {
        "PutMetricData" => {
            keep(understand(call.wire, input)?, cloud)?;
            Value::Null
        }
        "ListMetrics" => {
            let (metrics, token) = cloud.metrics.list(&understand(call.wire, input)?)?;
            let token = token.map(|token| ("NextToken".to_owned(), Value::from(token)));
            let metrics = [("Metrics".to_owned(), json!(metrics))];
            metrics.into_iter().chain(token).collect()
        }
        other => return Err(Failure::unknown_action(call.wire, other)),
    };
    Ok(write(call.wire, &operation, result))
}

/// The operation and its input, in the values of the JSON form.
fn read(call: &Call<'_>, body: &[u8]) -> Result<(String, Value), Failure> {
    match call.wire {
        Wire::Cbor => {
            let path = call.parts.uri.path();
            let protocol = call.parts.headers.get("smithy-protocol");
            let operation =
                path.strip_prefix(PATH).filter(|_| protocol.is_some_and(|one| one == "rpc-v2-cbor"));
            let operation = operation.ok_or_else(|| Failure::unknown_action(call.wire, path))?;
            // An operation without input has no body.
            let input = if body.is_empty() { Ok(json!({})) } else { cbor::read(body) };
            Ok((operation.to_owned(), input.map_err(|error| unreadable(call.wire, &error))?))
        }
        Wire::Query { .. } => {
            let input = form::read(body)?;
            Ok((input["Action"].as_str().unwrap_or_default().to_owned(), input))
        }
        _ => {
            let target = call.parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
            let target = target.unwrap_or_default();
            let operation = target.strip_prefix(TARGET);
            let operation = operation.ok_or_else(|| Failure::unknown_action(call.wire, target))?;
            let input = serde_json::from_slice(body).map_err(|error| unreadable(call.wire, &error))?;
            Ok((operation.to_owned(), input))
        }
    }
}

fn understand<T: DeserializeOwned>(wire: Wire, input: Value) -> Result<T, Failure> {
    serde_json::from_value(input).map_err(|error| unreadable(wire, &error))
}

fn unreadable(wire: Wire, error: &dyn std::fmt::Display) -> Failure {
    let code = if matches!(wire, Wire::Query { .. }) { "MalformedInput" } else { "SerializationException" };
    Failure::new(400, code, error.to_string())
}

/// A result in the form of the request; `Null` is an operation's that has none.
fn write(wire: Wire, operation: &str, result: Value) -> Bytes {
    let shown = if result.is_null() { json!({}) } else { result.clone() };
    match wire {
        Wire::Cbor => cbor::write(&shown).into(),
        Wire::Query { xmlns } => {
            let (inner, id) = (form::write(&result), request_id());
            let tag = format!("{operation}Result");
            let inner = if result.is_null() { inner } else { format!("<{tag}>{inner}</{tag}>") };
            format!(
                "<{operation}Response xmlns=\"{xmlns}\">{inner}<ResponseMetadata><RequestId>{id}</RequestId>\
                 </ResponseMetadata></{operation}Response>"
            )
            .into()
        }
        _ => shown.to_string().into(),
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
        Err(error) => Err(unreadable(call.wire, &format!("gzip: {error}"))),
    }
}

/// Checks all before any is kept.
fn keep(put: Put, cloud: &Cloud) -> Result<(), Failure> {
    put.check(cloud.clock.now())?;
    for datum in put.metric_data {
        let bytes = datum.size(&put.namespace);
        let (namespace, metric_name) = (put.namespace.clone(), datum.metric_name.clone());
        let mut dimensions = datum.dimensions;
        dimensions.sort();
        cloud.metrics.keep(Metric { namespace, metric_name, dimensions })?;
        cloud.facts.stored(Service::Monitoring, &datum.metric_name, bytes);
    }
    Ok(())
}

/// The shape that the model has for a code of the query form, which newer forms name.
pub(crate) fn shape_of(code: &str) -> &str {
    match code {
        "InvalidParameterValue" => "InvalidParameterValueException",
        "InvalidParameterCombination" => "InvalidParameterCombinationException",
        "MissingParameter" => "MissingRequiredParameterException",
        "LimitExceeded" => "LimitExceededFault",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, dimension: &str) -> Metric {
        let dimensions = vec![Dimension { name: "d".into(), value: dimension.into() }];
        Metric { namespace: "N".into(), metric_name: name.into(), dimensions }
    }

    fn list(input: Value) -> List {
        serde_json::from_value(input).unwrap()
    }

    #[test]
    fn pages_meet_end_to_end_whatever_comes_between() {
        let metrics = Metrics::default();
        for at in 0..PAGE + 1 {
            metrics.keep(metric(&format!("m{at:04}"), "v")).unwrap();
        }
        let (first, token) = metrics.list(&list(json!({}))).unwrap();
        metrics.keep(metric("a", "v")).unwrap();
        let (second, none) = metrics.list(&list(json!({ "NextToken": token.unwrap() }))).unwrap();
        assert_eq!((first.len(), second, none), (PAGE, vec![metric("m0500", "v")], None));
        assert_eq!(
            metrics.list(&list(json!({ "NextToken": "x" }))).unwrap_err().code,
            "InvalidParameterValue"
        );
    }

    #[test]
    fn a_list_is_of_what_is_asked_for() {
        let metrics = Metrics::default();
        let all = [metric("a", "1"), metric("a", "2"), metric("b", "1")];
        all.iter().for_each(|one| metrics.keep(one.clone()).unwrap());
        let found = |input| metrics.list(&list(input)).unwrap().0.len();
        assert_eq!(found(json!({ "Namespace": "N" })), 3);
        assert_eq!(found(json!({ "Namespace": "O" })), 0);
        assert_eq!(found(json!({ "MetricName": "a" })), 2);
        assert_eq!(found(json!({ "Dimensions": [{ "Name": "d" }] })), 3);
        assert_eq!(found(json!({ "Dimensions": [{ "Name": "d", "Value": "1" }], "MetricName": "a" })), 1);
        assert_eq!(found(json!({ "Dimensions": [{ "Name": "e" }] })), 0);
    }
}
