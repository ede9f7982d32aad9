//! A new device asks for a certificate of its own (AWS IoT developer guide, "Device provisioning MQTT API"): it connects with
//! one that is good for minutes, hands in a request or has a key made, and then becomes the thing that it is to be.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Caller;
use super::policy::Policy;
use super::registry::{Missing, Principal};
use crate::cloud::Cloud;
use crate::keys::random_text;
use crate::mqtt::Message;

/// The template that devices of Panorama's name.
pub(crate) const TEMPLATE: &str = "panorama";
/// For how long a certificate that was made can be claimed (the same guide: one hour), milliseconds.
const TOKEN_LASTS: i64 = 3_600_000;
/// Certificates that wait for their thing (ours).
const WAITING: usize = 1000;

/// What a device may do until it has its own certificate.
const CLAIM: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
    {"Effect":"Allow","Action":["iot:Publish","iot:Receive"],"Resource":[
        "arn:aws:iot:*:*:topic/$aws/certificates/create/*", "arn:aws:iot:*:*:topic/$aws/certificates/create-from-csr/*",
        "arn:aws:iot:*:*:topic/$aws/provisioning-templates/panorama/provision/*"]},
    {"Effect":"Allow","Action":"iot:Subscribe","Resource":[
        "arn:aws:iot:*:*:topicfilter/$aws/certificates/create/*",
        "arn:aws:iot:*:*:topicfilter/$aws/certificates/create-from-csr/*",
        "arn:aws:iot:*:*:topicfilter/$aws/provisioning-templates/panorama/provision/*"]}
]}"#;

/// Certificates that were made and are no thing's yet, by their token.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<BTreeMap<String, Claimable>>);

struct Claimable {
    certificate_id: String,
    /// Only whoever had it made may claim it.
    claim_id: String,
    until: i64,
}

/// Why a device gets none.
struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn invalid(message: impl Into<String>) -> Self {
        Self { status: 400, code: "InvalidParameters", message: message.into() }
    }
}

/// Lets a certificate do nothing but ask for another one, for a while.
pub(crate) fn claim(cloud: &Cloud, id: &str, thing: &str, lasts: Duration) -> Result<(), Missing> {
    let policy = Policy::read(CLAIM).expect("a test reads our own document");
    cloud.registry.admit(id, Some(thing), policy);
    cloud.registry.expire(id, cloud.clock.now() + lasts)
}

/// What a message leads to: an answer for whoever sent it; none if it asks nothing of provisioning.
pub(super) fn take(cloud: &Cloud, caller: Caller<'_>, message: &Message) -> Option<Message> {
    let levels: Vec<&str> = message.topic.split('/').collect();
    let principal = caller.principal?;
    let done = match levels[..] {
        ["$aws", "certificates", "create", "json"] => create(cloud, principal),
        ["$aws", "certificates", "create-from-csr", "json"] => {
            object(&message.payload).and_then(|body| sign(cloud, principal, &body))
        }
        ["$aws", "provisioning-templates", template, "provision", "json"] => {
            object(&message.payload).and_then(|body| provision(cloud, principal, template, &body))
        }
        _ => return None,
    };
    let (word, said) = match done {
        Ok(said) => ("accepted", said),
        Err(Refusal { status, code, message }) => {
            ("rejected", json!({ "statusCode": status, "errorCode": code, "errorMessage": message }))
        }
    };
    Some(Message::own(format!("{}/{word}", message.topic), Bytes::from(said.to_string())))
}

fn object(payload: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(payload) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Refusal {
            status: 400,
            code: "InvalidPayload",
            message: "the payload is no JSON object".into(),
        }),
    }
}

fn create(cloud: &Cloud, principal: &Principal) -> Result<Value, Refusal> {
    let made = cloud.issue(false).map_err(failed)?;
    let token = wait(cloud, principal, &made.id)?;
    Ok(json!({
        "certificateId": made.id, "certificatePem": made.pem, "privateKey": made.private_key,
        "certificateOwnershipToken": token,
    }))
}

fn sign(cloud: &Cloud, principal: &Principal, body: &Map<String, Value>) -> Result<Value, Refusal> {
    let request = body.get("certificateSigningRequest").and_then(Value::as_str);
    let request = request.ok_or_else(|| Refusal::invalid("certificateSigningRequest is missing"))?;
    let bad = |message| Refusal { status: 400, code: "InvalidCertificateSigningRequest", message };
    let (id, pem) = cloud.sign_request(request).map_err(bad)?;
    let token = wait(cloud, principal, &id)?;
    Ok(json!({ "certificateId": id, "certificatePem": pem, "certificateOwnershipToken": token }))
}

/// Keeps a certificate for whoever had it made; gives the token that shows it.
fn wait(cloud: &Cloud, principal: &Principal, certificate_id: &str) -> Result<String, Refusal> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let token = random_text(64, ALPHABET).map_err(|error| failed(error.to_string()))?;
    let now = cloud.clock.milliseconds();
    let mut waiting = cloud.waiting.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    waiting.retain(|_, one| one.until > now);
    if waiting.len() >= WAITING {
        return Err(Refusal { status: 429, code: "Throttled", message: "too many certificates wait".into() });
    }
    let claimable = Claimable {
        certificate_id: certificate_id.into(),
        claim_id: principal.certificate_id.clone(),
        until: now + TOKEN_LASTS,
    };
    waiting.insert(token.clone(), claimable);
    Ok(token)
}

/// The device becomes the thing that its first certificate names.
fn provision(
    cloud: &Cloud,
    principal: &Principal,
    template: &str,
    body: &Map<String, Value>,
) -> Result<Value, Refusal> {
    if template != TEMPLATE {
        return Err(Refusal {
            status: 404,
            code: "ResourceNotFound",
            message: format!("no template {template}"),
        });
    }
    let thing =
        principal.thing.as_deref().ok_or_else(|| Refusal::invalid("the certificate is no device's"))?;
    let token = body.get("certificateOwnershipToken").and_then(Value::as_str).unwrap_or_default();
    let now = cloud.clock.milliseconds();
    let found = {
        let mut waiting = cloud.waiting.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let fits = |one: &Claimable| one.until > now && one.claim_id == principal.certificate_id;
        if waiting.get(token).is_some_and(fits) { waiting.remove(token) } else { None }
    };
    let invalid = || Refusal {
        status: 403,
        code: "InvalidCertificateOwnershipToken",
        message: "the token shows no certificate".into(),
    };
    let certificate_id = found.ok_or_else(invalid)?.certificate_id;
    cloud.registry.admit(&certificate_id, Some(thing), Policy::own_topics());
    cloud.panorama.provisioned(thing);
    Ok(json!({ "deviceConfiguration": {}, "thingName": thing }))
}

fn failed(message: String) -> Refusal {
    Refusal { status: 500, code: "InternalFailure", message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_document_is_a_policy() {
        assert!(Policy::read(CLAIM).is_ok());
    }
}
