//! Where operators call: the services that hold signatures against requests, in each of the protocols that they take; and what is
//! asked there, and what would change something.

use serde::Deserialize;
use serde_json::json;

use super::account::Endpoints;
use super::cbor;
use super::read::Order;

/// A service that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Service {
    Panorama,
    Monitoring,
    Logs,
    S3,
}

/// A service in one of its protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Panorama,
    /// As botocore and appliances ask it.
    Metrics,
    /// As the SDK for Rust asks it.
    MetricsCbor,
    /// As older clients ask it.
    MetricsQuery,
    Logs,
    Objects,
}

/// What is called, before it is signed.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) operation: &'static str,
    pub(super) method: &'static str,
    /// With the query, percent-encoded.
    pub(super) path: String,
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) body: Vec<u8>,
}

type Headers = &'static [(&'static str, &'static str)];

const CBOR: Headers = &[("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")];
const FORM: Headers = &[("content-type", "application/x-www-form-urlencoded")];
/// Of CloudWatch, in the form of CBOR (Smithy RPC v2 CBOR protocol).
const CBOR_PATH: &str = "/service/GraniteServiceVersion20100801/operation/";
/// What CloudWatch keeps of it.
const NAMESPACE: &str = "Operators";

impl Service {
    /// Its protocols.
    pub(super) fn places(self) -> &'static [Place] {
        match self {
            Self::Panorama => &[Place::Panorama],
            Self::Monitoring => &[Place::Metrics, Place::MetricsCbor, Place::MetricsQuery],
            Self::Logs => &[Place::Logs],
            Self::S3 => &[Place::Objects],
        }
    }
}

impl Place {
    /// As facts name it, and as signatures do.
    pub(super) fn service(self) -> &'static str {
        match self {
            Self::Panorama => "panorama",
            Self::Metrics | Self::MetricsCbor | Self::MetricsQuery => "monitoring",
            Self::Logs => "logs",
            Self::Objects => "s3",
        }
    }

    /// Its protocol, as facts name it.
    pub(super) fn form(self) -> &'static str {
        match self {
            Self::Panorama => "rest-json",
            Self::Metrics | Self::Logs => "json",
            Self::MetricsCbor => "cbor",
            Self::MetricsQuery => "query",
            Self::Objects => "xml",
        }
    }

    /// Its host.
    pub(super) fn host(self, endpoints: &Endpoints) -> &str {
        match self {
            Self::Panorama => &endpoints.panorama,
            Self::Metrics | Self::MetricsCbor | Self::MetricsQuery => &endpoints.monitoring,
            Self::Logs => &endpoints.logs,
            Self::Objects => &endpoints.s3,
        }
    }

    /// A call that asks, and changes nothing.
    pub(super) fn asking(self, order: &Order) -> Ask {
        match self {
            Self::Panorama => Ask::get("DescribeDevice", device(order)),
            Self::Metrics => metrics("ListMetrics", b"{}".to_vec()),
            Self::MetricsCbor => metrics_cbor("ListMetrics", &json!({})),
            Self::MetricsQuery => metrics_query("ListMetrics", ""),
            Self::Logs => logs("DescribeLogGroups", &json!({})),
            Self::Objects => Ask::get("ListObjectsV2", "/?list-type=2".to_owned()),
        }
    }

    /// A call that would change something, called `name`: of a device its description, of a metric a value; a log group; an object.
    pub(super) fn changing(self, order: &Order, name: &str) -> Ask {
        let metric = json!({ "Namespace": NAMESPACE, "MetricData": [{ "MetricName": name, "Value": 1 }] });
        match self {
            Self::Panorama => {
                let body = json!({ "Description": name }).to_string().into_bytes();
                Ask { body, ..Ask::of("UpdateDeviceMetadata", "PUT", device(order), REST_JSON) }
            }
            Self::Metrics => metrics("PutMetricData", metric.to_string().into_bytes()),
            Self::MetricsCbor => metrics_cbor("PutMetricData", &metric),
            Self::MetricsQuery => {
                let member = "MetricData.member.1";
                let fields = format!("&Namespace={NAMESPACE}&{member}.MetricName={name}&{member}.Value=1");
                metrics_query("PutMetricData", &fields)
            }
            Self::Logs => logs("CreateLogGroup", &json!({ "logGroupName": format!("/operators/{name}") })),
            Self::Objects => {
                let path = format!("/operators/{name}");
                Ask { body: name.as_bytes().to_vec(), ..Ask::of("PutObject", "PUT", path, &[]) }
            }
        }
    }
}

/// What calls of Panorama's with a body look like (API reference: JSON in both directions).
pub(super) const REST_JSON: Headers = &[("content-type", "application/json")];

impl Ask {
    /// One without a body.
    pub(super) fn of(operation: &'static str, method: &'static str, path: String, headers: Headers) -> Self {
        Self { operation, method, path, headers, body: Vec::new() }
    }

    /// One that only asks.
    pub(super) fn get(operation: &'static str, path: String) -> Self {
        Self::of(operation, "GET", path, &[])
    }
}

fn post(operation: &'static str, path: String, headers: Headers, body: Vec<u8>) -> Ask {
    Ask { body, ..Ask::of(operation, "POST", path, headers) }
}

fn metrics(operation: &'static str, body: Vec<u8>) -> Ask {
    const PUT: Headers = &[
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "GraniteServiceVersion20100801.PutMetricData"),
    ];
    const LIST: Headers = &[
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "GraniteServiceVersion20100801.ListMetrics"),
    ];
    post(operation, "/".to_owned(), if operation == "ListMetrics" { LIST } else { PUT }, body)
}

fn metrics_cbor(operation: &'static str, input: &serde_json::Value) -> Ask {
    post(operation, format!("{CBOR_PATH}{operation}"), CBOR, cbor::write(input))
}

fn metrics_query(operation: &'static str, fields: &str) -> Ask {
    let body = format!("Action={operation}&Version=2010-08-01{fields}");
    post(operation, "/".to_owned(), FORM, body.into_bytes())
}

fn logs(operation: &'static str, input: &serde_json::Value) -> Ask {
    const CREATE: Headers =
        &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "Logs_20140328.CreateLogGroup")];
    const DESCRIBE: Headers = &[
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "Logs_20140328.DescribeLogGroups"),
    ];
    let headers = if operation == "CreateLogGroup" { CREATE } else { DESCRIBE };
    post(operation, "/".to_owned(), headers, input.to_string().into_bytes())
}

/// The path of the order's device.
fn device(order: &Order) -> String {
    format!("/devices/{}", order.device)
}
