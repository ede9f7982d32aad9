//! Answers in the protocol of the request.
//!
//! A JSON client cannot read an XML error: it would show the HTTP status as the code. So each request's wire form
//! is settled first, and every answer, good or bad, is written in it.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::http::HeaderValue;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use quick_xml::escape::escape;

use crate::clock::Clock;
use crate::keys::request_id;
use crate::service::Service;
use crate::sigv4::Refusal;
use crate::{cbor, monitoring, sts};

/// Body of every answer; S3 streams, the others send one piece.
pub(crate) type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The forms that AWS protocols write on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// `application/x-amz-json-1.0`, with CloudWatch's hint for clients of the older query form.
    Json10,
    /// `application/x-amz-json-1.1`.
    Json11,
    /// Form in, XML out.
    Query {
        /// Namespace of the XML.
        xmlns: &'static str,
    },
    /// `smithy-protocol: rpc-v2-cbor`.
    Cbor,
    /// JSON with the error's code in a header.
    RestJson,
    /// XML of S3.
    S3,
}

impl Wire {
    /// Which form this request is in.
    pub(crate) fn of(service: Service, parts: &Parts) -> Self {
        match service {
            Service::S3 => Self::S3,
            Service::Logs => Self::Json11,
            Service::Monitoring if parts.headers.contains_key("x-amz-target") => Self::Json10,
            Service::Monitoring if parts.uri.path().starts_with("/service/") => Self::Cbor,
            Service::Monitoring => Self::Query { xmlns: monitoring::XMLNS },
            Service::Sts => Self::Query { xmlns: sts::XMLNS },
            Service::Iot
            | Service::Credentials
            | Service::IotControl
            | Service::Panorama
            | Service::Dns
            | Service::Ntp => Self::RestJson,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::Query { .. } => "text/xml",
            Self::Cbor => "application/cbor",
            Self::RestJson => "application/json",
            Self::S3 => "application/xml",
        }
    }
}

/// An error that a client is to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// HTTP status.
    pub(crate) status: u16,
    /// AWS error code.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) message: String,
    /// Further elements of an S3 error, further fields of a JSON one.
    pub(crate) details: Vec<(&'static str, String)>,
}

impl Failure {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new() }
    }

    /// The code for a refused signature: each protocol has its own words for the same thing.
    pub(crate) fn of_refusal(wire: Wire, refusal: &Refusal) -> Self {
        let (status, code) = match wire {
            Wire::S3 => s3_code(refusal),
            Wire::Query { .. } => query_code(refusal),
            Wire::RestJson => (403, json_code(refusal)),
            Wire::Json10 | Wire::Json11 | Wire::Cbor => (400, json_code(refusal)),
        };
        let mut failure = Self::new(status, code, refusal.to_string());
        if wire == Wire::S3 {
            failure.details = s3_details(refusal);
        }
        failure
    }

    /// Nobody here knows the action.
    pub(crate) fn unknown_action(wire: Wire, action: &str) -> Self {
        let message = format!("unknown action: {action}");
        match wire {
            Wire::Query { .. } => Self::new(400, "InvalidAction", message),
            Wire::RestJson => Self::new(404, "UnknownOperationException", message),
            Wire::S3 => Self::new(405, "MethodNotAllowed", message),
            Wire::Json10 | Wire::Json11 | Wire::Cbor => Self::new(400, "UnknownOperationException", message),
        }
    }

    /// The body is larger than this endpoint reads.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("the body is larger than {limit} bytes"))
    }
}

fn s3_details(refusal: &Refusal) -> Vec<(&'static str, String)> {
    match refusal {
        Refusal::Skewed { signed, now, window_seconds } => vec![
            ("RequestTime", signed.clone()),
            ("ServerTime", now.clone()),
            ("MaxAllowedSkewMilliseconds", (window_seconds * 1000).to_string()),
        ],
        Refusal::OldLink { seconds, until, now } => vec![
            ("X-Amz-Expires", seconds.to_string()),
            ("Expires", until.clone()),
            ("ServerTime", now.clone()),
        ],
        Refusal::UnknownKey(id) => vec![("AWSAccessKeyId", id.clone())],
        _ => Vec::new(),
    }
}

fn json_code(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Missing => "MissingAuthenticationTokenException",
        Refusal::VersionTwo | Refusal::VersionTwoLink | Refusal::Incomplete(_) => {
            "IncompleteSignatureException"
        }
        Refusal::UnknownKey(_) | Refusal::Token => "UnrecognizedClientException",
        Refusal::Expired { .. } => "ExpiredTokenException",
        Refusal::Scope { .. }
        | Refusal::Unsigned(_)
        | Refusal::Skewed { .. }
        | Refusal::OldLink { .. }
        | Refusal::Mismatch
        | Refusal::Body => "InvalidSignatureException",
    }
}

fn query_code(refusal: &Refusal) -> (u16, &'static str) {
    match refusal {
        Refusal::Missing => (403, "MissingAuthenticationToken"),
        Refusal::VersionTwo | Refusal::VersionTwoLink | Refusal::Incomplete(_) => {
            (400, "IncompleteSignature")
        }
        Refusal::UnknownKey(_) | Refusal::Token => (403, "InvalidClientTokenId"),
        Refusal::Expired { .. } => (403, "ExpiredToken"),
        Refusal::Scope { .. }
        | Refusal::Unsigned(_)
        | Refusal::Skewed { .. }
        | Refusal::OldLink { .. }
        | Refusal::Mismatch
        | Refusal::Body => (403, "SignatureDoesNotMatch"),
    }
}

fn s3_code(refusal: &Refusal) -> (u16, &'static str) {
    match refusal {
        Refusal::Missing | Refusal::VersionTwoLink | Refusal::Unsigned(_) | Refusal::OldLink { .. } => {
            (403, "AccessDenied")
        }
        Refusal::Expired { .. } => (400, "ExpiredToken"),
        // As where only version 4 is taken (S3 API, "Authenticating requests").
        Refusal::VersionTwo => (400, "InvalidRequest"),
        Refusal::Incomplete(_) | Refusal::Scope { .. } => (400, "AuthorizationHeaderMalformed"),
        Refusal::UnknownKey(_) => (403, "InvalidAccessKeyId"),
        Refusal::Token => (400, "InvalidToken"),
        Refusal::Skewed { .. } => (403, "RequestTimeTooSkewed"),
        Refusal::Mismatch => (403, "SignatureDoesNotMatch"),
        Refusal::Body => (400, "XAmzContentSHA256Mismatch"),
    }
}

/// A good answer with a whole body.
pub(crate) fn good(wire: Wire, body: impl Into<Bytes>) -> Response<Body> {
    build(wire, StatusCode::OK, body.into())
}

/// A failure in the form of `wire`. A HEAD request's failure has no body.
pub(crate) fn failure(wire: Wire, failure: &Failure, clock: Clock, head: bool) -> Response<Body> {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::BAD_REQUEST);
    let id = request_id();
    let body = if head { Bytes::new() } else { failure_body(wire, failure, &id) };
    let mut response = build(wire, status, body);
    let headers = response.headers_mut();
    match wire {
        // Clients that know the query codes read the code from here.
        Wire::Json10 | Wire::Cbor => {
            let hint = HeaderValue::try_from(format!("{};Sender", failure.code));
            headers.insert("x-amzn-query-error", hint.expect("codes are ASCII words"));
        }
        Wire::RestJson => {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(failure.code));
        }
        Wire::Json11 | Wire::Query { .. } | Wire::S3 => {}
    }
    stamp(wire, &mut response, clock, &id);
    response
}

/// Writes the headers that every answer has, unless the service wrote them.
pub(crate) fn stamp(wire: Wire, response: &mut Response<Body>, clock: Clock, id: &str) {
    let names: &[&'static str] = match wire {
        Wire::S3 => &["x-amz-request-id", "x-amz-id-2"],
        _ => &["x-amzn-requestid"],
    };
    let headers = response.headers_mut();
    for name in names {
        let value = HeaderValue::try_from(id).expect("a request id is hex and hyphens");
        headers.entry(*name).or_insert(value);
    }
    let date = HeaderValue::try_from(clock.http_date()).expect("a date is ASCII");
    headers.insert(hyper::header::DATE, date);
}

fn build(wire: Wire, status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static(wire.content_type()));
    if wire == Wire::Cbor {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    response
}

fn failure_body(wire: Wire, failure: &Failure, id: &str) -> Bytes {
    match wire {
        Wire::Json10 | Wire::Json11 => typed_error(failure).to_string().into(),
        Wire::RestJson => rest_json(failure, id).to_string().into(),
        Wire::Cbor => cbor::write(&typed_error(failure)).into(),
        Wire::Query { xmlns } => query_xml(xmlns, failure, id).into(),
        Wire::S3 => s3_xml(failure, id).into(),
    }
}

/// Details are further fields; a service that spells `Message` has it among them, and no trace.
fn rest_json(failure: &Failure, id: &str) -> serde_json::Value {
    let details = failure.details.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into()));
    let mut fields: serde_json::Map<_, _> = details.collect();
    if !fields.contains_key("Message") {
        fields.insert("message".into(), failure.message.clone().into());
        fields.insert("traceId".into(), id.into());
    }
    fields.into()
}

/// An error that names its shape.
fn typed_error(failure: &Failure) -> serde_json::Value {
    serde_json::json!({ "__type": monitoring::shape_of(failure.code), "message": failure.message })
}

fn query_xml(xmlns: &str, failure: &Failure, id: &str) -> String {
    let (code, message) = (failure.code, escape(&failure.message));
    format!(
        "<ErrorResponse xmlns=\"{xmlns}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}\
         </Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
    )
}

fn s3_xml(failure: &Failure, id: &str) -> String {
    let (code, message) = (failure.code, escape(&failure.message));
    let details: String =
        failure.details.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escape(value))).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{details}\
         <RequestId>{id}</RequestId><HostId>{id}</HostId></Error>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_the_code_of_each_protocol() {
        let text = String::new;
        let skewed = Refusal::Skewed { signed: text(), now: text(), window_seconds: 900 };
        let old_link = Refusal::OldLink { seconds: 60, until: text(), now: text() };
        let expired = Refusal::Expired { at: text(), now: text() };
        let scope = Refusal::Scope { expected: text(), found: text() };
        let mismatch = (403, "SignatureDoesNotMatch");
        let incomplete = (400, "IncompleteSignature");
        let unknown = (403, "InvalidClientTokenId");
        // Refusal; code of the JSON protocols (IAM user guide, "Common errors"); of query; of S3 ("Error responses").
        let table = [
            (
                Refusal::Missing,
                "MissingAuthenticationToken",
                (403, "MissingAuthenticationToken"),
                (403, "AccessDenied"),
            ),
            (Refusal::VersionTwo, "IncompleteSignature", incomplete, (400, "InvalidRequest")),
            (Refusal::VersionTwoLink, "IncompleteSignature", incomplete, (403, "AccessDenied")),
            (
                Refusal::Incomplete(text()),
                "IncompleteSignature",
                incomplete,
                (400, "AuthorizationHeaderMalformed"),
            ),
            (scope, "InvalidSignature", mismatch, (400, "AuthorizationHeaderMalformed")),
            (Refusal::Unsigned(text()), "InvalidSignature", mismatch, (403, "AccessDenied")),
            (Refusal::UnknownKey(text()), "UnrecognizedClient", unknown, (403, "InvalidAccessKeyId")),
            (Refusal::Token, "UnrecognizedClient", unknown, (400, "InvalidToken")),
            (expired, "ExpiredToken", (403, "ExpiredToken"), (400, "ExpiredToken")),
            (old_link, "InvalidSignature", mismatch, (403, "AccessDenied")),
            (skewed, "InvalidSignature", mismatch, (403, "RequestTimeTooSkewed")),
            (Refusal::Mismatch, "InvalidSignature", mismatch, mismatch),
            (Refusal::Body, "InvalidSignature", mismatch, (400, "XAmzContentSHA256Mismatch")),
        ];
        for (refusal, json, query, s3) in table {
            let of = |wire| {
                let failure = Failure::of_refusal(wire, &refusal);
                (failure.status, failure.code)
            };
            let exception = format!("{json}Exception");
            for (wire, status) in
                [(Wire::Json10, 400), (Wire::Json11, 400), (Wire::Cbor, 400), (Wire::RestJson, 403)]
            {
                assert_eq!(of(wire), (status, exception.as_str()), "{refusal:?} {wire:?}");
            }
            assert_eq!(of(Wire::Query { xmlns: "n" }), query, "{refusal:?}");
            assert_eq!(of(Wire::S3), s3, "{refusal:?}");
        }
    }

    #[test]
    fn xml_errors_escape_what_they_quote() {
        let failure = Failure::new(400, "InvalidRequest", "<&>");
        assert!(s3_xml(&failure, "id").contains("<Message>&lt;&amp;&gt;</Message>"));
        assert!(query_xml("n", &failure, "id").contains("<Message>&lt;&amp;&gt;</Message>"));
    }
}
