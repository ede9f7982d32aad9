//! IoT Core's control plane, as far as devices need it (API "AWS IoT", version 2015-05-28): endpoints, things,
//! certificates with their policies; jobs are in a room of their own.

use bytes::Bytes;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::policy::Policy;
use super::registry::{Missing, is_thing_name};
use crate::answer::Failure;
use crate::cloud::Cloud;
use crate::https::Call;
use crate::jobs::control::{self as jobs, body, page};

/// Answers one call.
pub(crate) fn answer(call: &Call<'_>, cloud: &Cloud) -> Result<Bytes, Failure> {
    let path = call.path();
    let levels: Vec<&str> = path.iter().map(String::as_str).collect();
    let method = &call.parts.method;
    if let Some(answer) = jobs::answer(method, &levels, call, cloud) {
        return answer.map(super::data::written);
    }
    let answer = match (method, &levels[..]) {
        (&Method::GET, ["endpoint"]) => endpoint(call, cloud),
        (&Method::GET, ["things"]) => things(call, cloud),
        (&Method::POST, ["things", thing]) => create_thing(thing, cloud),
        (&Method::GET, ["things", thing]) => describe_thing(thing, cloud),
        (&Method::POST, ["keys-and-certificate"]) => create_certificate(call, cloud),
        (&Method::POST, ["policies", name]) => create_policy(name, call, cloud),
        (&Method::PUT, ["target-policies", name]) => attach_policy(name, call, cloud),
        (&Method::PUT, ["things", thing, "principals"]) => attach_thing(thing, call, cloud),
        _ => Err(Failure::unknown_action(call.wire, call.parts.uri.path())),
    };
    answer.map(super::data::written)
}

fn endpoint(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let names = &cloud.names;
    let address = match call.field("endpointType").as_deref() {
        Some("iot:Data-ATS" | "iot:Data") | None => names.corrected().iot,
        Some("iot:CredentialProvider") => names.corrected().credentials,
        Some("iot:Jobs") => {
            return Err(invalid("iot:Jobs is not offered any more: use iot:Data-ATS"));
        }
        Some(other) => return Err(invalid(&format!("no endpoint type {other}"))),
    };
    Ok(json!({ "endpointAddress": address }))
}

fn thing_of(thing: &str, cloud: &Cloud) -> Value {
    json!({
        "thingName": thing, "thingArn": cloud.arn("iot", &format!("thing/{thing}")), "attributes": {}, "version": 1,
    })
}

fn things(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let all = cloud.registry.things();
    page("things", all.iter().map(|thing| thing_of(thing, cloud)).collect(), call)
}

fn create_thing(thing: &str, cloud: &Cloud) -> Result<Value, Failure> {
    if !is_thing_name(thing) {
        return Err(invalid("a thing's name has 1 to 128 letters, digits, hyphens and underscores"));
    }
    cloud.registry.add_thing(thing);
    let said = thing_of(thing, cloud);
    Ok(json!({ "thingName": said["thingName"], "thingArn": said["thingArn"], "thingId": thing }))
}

fn describe_thing(thing: &str, cloud: &Cloud) -> Result<Value, Failure> {
    if !cloud.registry.has_thing(thing) {
        return Err(Failure::new(404, "ResourceNotFoundException", format!("there is no thing {thing}")));
    }
    let mut said = thing_of(thing, cloud);
    said["defaultClientId"] = thing.into();
    Ok(said)
}

fn create_certificate(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let active = call.field("setAsActive").is_some_and(|value| value == "true");
    let made = cloud.issue(active).map_err(|reason| Failure::new(500, "InternalFailureException", reason))?;
    let arn = cloud.arn("iot", &format!("cert/{}", made.id));
    Ok(json!({
        "certificateArn": arn, "certificateId": made.id, "certificatePem": made.pem,
        "keyPair": { "PublicKey": made.public_key, "PrivateKey": made.private_key },
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    policy_document: String,
}

fn create_policy(name: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let document = body::<Document>(call)?.policy_document;
    let malformed = |reason: String| Failure::new(400, "MalformedPolicyException", reason);
    let policy = Policy::read(&document).map_err(malformed)?;
    if !cloud.registry.add_policy(name, policy) {
        return Err(Failure::new(
            409,
            "ResourceAlreadyExistsException",
            format!("policy {name} already exists"),
        ));
    }
    let arn = cloud.arn("iot", &format!("policy/{name}"));
    Ok(json!({ "policyName": name, "policyArn": arn, "policyDocument": document, "policyVersionId": "1" }))
}

#[derive(Deserialize)]
struct Target {
    target: String,
}

fn attach_policy(name: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let target = body::<Target>(call)?.target;
    let id = certificate_of(&target, cloud)?;
    cloud.registry.attach_policy(name, id).map_err(missing)?;
    Ok(json!({}))
}

fn attach_thing(thing: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let principal = call.parts.headers.get("x-amzn-principal").and_then(|value| value.to_str().ok());
    let id = certificate_of(principal.unwrap_or_default(), cloud)?;
    cloud.registry.attach_thing(thing, id).map_err(missing)?;
    Ok(json!({}))
}

fn certificate_of<'a>(arn: &'a str, cloud: &Cloud) -> Result<&'a str, Failure> {
    arn.strip_prefix(&cloud.arn("iot", "cert/"))
        .ok_or_else(|| invalid("that is no certificate of the account"))
}

fn missing(missing: Missing) -> Failure {
    Failure::new(404, "ResourceNotFoundException", missing.to_string())
}

fn invalid(message: &str) -> Failure {
    Failure::new(400, "InvalidRequestException", message)
}
