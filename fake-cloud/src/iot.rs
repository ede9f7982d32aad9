//! IoT Core's HTTPS side: publish by POST, with a certificate or a signature.

use bytes::Bytes;
use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::answer::{Failure, Wire};
use crate::cloud::Cloud;
use crate::https::Call;
use crate::keys::request_id;
use crate::mqtt::{Message, PAYLOAD_LIMIT, topic};

/// Answers one call: `POST /topics/<topic, percent-encoded>?qos=0|1`.
pub(crate) fn answer(call: &Call<'_>, cloud: &Cloud) -> Result<Bytes, Failure> {
    let path = call.parts.uri.path();
    let topic = match path.strip_prefix("/topics/") {
        Some(topic) if call.parts.method == Method::POST => {
            percent_decode_str(topic).decode_utf8_lossy().into_owned()
        }
        _ => return Err(Failure::unknown_action(Wire::RestJson, path)),
    };
    if call.body.len() > PAYLOAD_LIMIT {
        return Err(Failure::new(
            413,
            "RequestEntityTooLargeException",
            "the payload is larger than 128 KiB",
        ));
    }
    topic::check_name(&topic)
        .map_err(|error| Failure::new(400, "InvalidRequestException", error.to_string()))?;
    let query = call.parts.uri.query().unwrap_or_default();
    let field = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    let at_least_once = field("qos").is_some_and(|(_, value)| value == "1");
    let retain = field("retain").is_some_and(|(_, value)| value == "true");
    let message =
        Message { topic, payload: call.body.clone(), at_least_once, retain, properties: Vec::new() };
    cloud.broker.publish(message, &cloud.facts);
    Ok(serde_json::json!({ "message": "OK", "traceId": request_id() }).to_string().into())
}
