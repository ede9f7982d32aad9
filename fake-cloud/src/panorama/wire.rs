//! What calls of Panorama's have in common: their bodies, their lists, and the errors of its model.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Failure;
use crate::https::Call;

/// Entries of a list, unless fewer are asked for (API reference, MaxResults).
const PAGE: usize = 25;

/// The body of a call.
pub(super) fn body<T: for<'de> Deserialize<'de>>(call: &Call<'_>) -> Result<T, Failure> {
    serde_json::from_slice(&call.body).map_err(|error| {
        failure(400, "ValidationException", &error.to_string(), &[("Reason", "CANNOT_PARSE")])
    })
}

/// Something that is asked for is wrong.
pub(super) fn invalid(message: &str) -> Failure {
    failure(400, "ValidationException", message, &[("Reason", "FIELD_VALIDATION_FAILED")])
}

/// There is no such operation: this API has a word of its own for that.
pub(super) fn unknown(path: &str) -> Failure {
    failure(
        400,
        "ValidationException",
        &format!("no operation at {path}"),
        &[("Reason", "UNKNOWN_OPERATION")],
    )
}

/// There is no such thing.
pub(super) fn not_found(kind: &str, id: &str) -> Failure {
    let more = [("ResourceId", id), ("ResourceType", kind)];
    failure(404, "ResourceNotFoundException", &format!("{kind} {id} not found"), &more)
}

/// It is there already, or in use.
pub(super) fn conflict(kind: &str, id: &str, why: &str) -> Failure {
    failure(409, "ConflictException", why, &[("ResourceId", id), ("ResourceType", kind)])
}

/// There are too many.
pub(super) fn quota(code: &str, why: &str) -> Failure {
    failure(402, "ServiceQuotaExceededException", why, &[("QuotaCode", code), ("ServiceCode", "panorama")])
}

/// Its errors spell `Message`.
fn failure(status: u16, code: &'static str, message: &str, more: &[(&'static str, &str)]) -> Failure {
    let mut failure = Failure::new(status, code, message);
    failure.details = std::iter::once(("Message", message))
        .chain(more.iter().copied())
        .map(|(key, value)| (key, value.to_owned()))
        .collect();
    failure
}

/// One page of a list; some lists write their fields with a capital, and some do not.
pub(super) fn page(name: &str, all: Vec<Value>, call: &Call<'_>) -> Result<Value, Failure> {
    let field = |large: &str, small: &str| call.field(large).or_else(|| call.field(small));
    let most = field("MaxResults", "maxResults").map_or(Ok(PAGE), |text| text.parse());
    let most =
        most.ok().filter(|most| (0..=PAGE).contains(most)).ok_or_else(|| invalid("MaxResults is 0 to 25"))?;
    let from = field("NextToken", "nextToken").map_or(Ok(0), |text| text.parse::<usize>());
    let from = from.map_err(|_| invalid("NextToken is none of ours"))?;
    let most = if most == 0 { PAGE } else { most };
    let next = Some(from.saturating_add(most)).filter(|next| *next < all.len()).map(|next| next.to_string());
    let entries: Vec<Value> = all.into_iter().skip(from).take(most).collect();
    Ok(json!({ name: entries, "NextToken": next }))
}

/// A name: 1 to 255 letters, digits, hyphens and underscores.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}
