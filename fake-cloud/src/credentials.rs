//! IoT Core's credentials provider: a thing's certificate for temporary credentials of a role (IoT Core developer
//! guide, "Authorizing direct calls to AWS services").

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;

use crate::answer::{Failure, Wire};
use crate::clock::iso8601;
use crate::cloud::Cloud;
use crate::https::{Call, Who};
use crate::iot::registry::{Deed, Principal};
use crate::role;

/// Names the thing, so that policies may go by it.
const THING: &str = "x-amzn-iot-thingname";

/// Answers one call: `GET /role-aliases/<alias>/credentials`.
pub(crate) fn answer(call: &Call<'_>, cloud: &Cloud) -> Result<Bytes, Failure> {
    let path = call.parts.uri.path();
    let alias = path.strip_prefix("/role-aliases/").and_then(|rest| rest.strip_suffix("/credentials"));
    let alias = alias.filter(|alias| call.parts.method == Method::GET && !alias.contains('/'));
    let alias = alias.ok_or_else(|| Failure::unknown_action(Wire::RestJson, path))?;
    if alias != role::NAME {
        return Err(Failure::new(404, "ResourceNotFoundException", "Role alias does not exist"));
    }
    // The door is open to certificates of ours only.
    let Who::Certificate(certificate) = &call.who else { return Err(denied()) };
    let holder = cloud.principal(certificate).ok_or_else(denied)?;
    check_thing(call, &holder)?;
    if !holder.may(Deed::AssumeRole(alias), None) {
        return Err(denied());
    }
    let principal = role::session(cloud.names.account(), certificate);
    let given = cloud.keys.sessions.give(principal, cloud.clock.now(), cloud.credentials_last);
    let given = given.map_err(|error| Failure::new(500, "InternalFailureException", error.to_string()))?;
    Ok(serde_json::json!({ "credentials": {
        "accessKeyId": given.key.id,
        "secretAccessKey": given.key.secret,
        "sessionToken": given.token,
        "expiration": iso8601(given.expires),
    } })
    .to_string()
    .into())
}

/// A thing that is named must be that of the certificate.
fn check_thing(call: &Call<'_>, holder: &Principal) -> Result<(), Failure> {
    let Some(named) = call.parts.headers.get(THING) else { return Ok(()) };
    let own = holder.thing.as_deref().ok_or_else(denied)?;
    if named.as_bytes() == own.as_bytes() { Ok(()) } else { Err(denied()) }
}

fn denied() -> Failure {
    Failure::new(403, "AccessDeniedException", "Access Denied")
}

/// How long credentials may hold: AWS gives them 15 minutes to 12 hours; shorter lives show renewals, and ends.
pub(crate) fn lifetime(seconds: u32) -> Duration {
    Duration::from_secs(seconds.clamp(1, 43_200).into())
}
