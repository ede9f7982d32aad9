//! Devices as operators see them: provisioned, listed, described, renamed, deleted, tagged.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::device::{Device, Networking};
use super::wire::{body, invalid, is_name, not_found, page, quota, unknown};
use super::{State, new_id};
use crate::answer::Failure;
use crate::cloud::Cloud;
use crate::https::Call;
use crate::iot::provisioning;

/// For how long a new device may use the certificate in its archive (AWS Panorama developer guide, "Setting up").
const CLAIM_LASTS: Duration = Duration::from_secs(300);
/// Devices of an account (AWS Panorama developer guide, "Quotas").
const DEVICES: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Provision {
    name: String,
    description: Option<String>,
    networking_configuration: Option<Networking>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tags {
    tags: BTreeMap<String, String>,
}

pub(super) fn answer(
    method: &Method,
    path: &[&str],
    call: &Call<'_>,
    cloud: &Cloud,
) -> Result<Value, Failure> {
    match (method, path) {
        (&Method::POST, []) => provision(call, cloud),
        (&Method::GET, []) => list(call, cloud),
        (&Method::GET, [id]) => describe(id, cloud),
        (&Method::PUT, [id]) => update(id, call, cloud),
        (&Method::DELETE, [id]) => delete(id, cloud),
        _ => Err(unknown(call.parts.uri.path())),
    }
}

fn provision(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let asked: Provision = body(call)?;
    if !is_name(&asked.name) {
        return Err(invalid("Name has 1 to 255 letters, digits, hyphens and underscores"));
    }
    if let Some(networking) = &asked.networking_configuration {
        networking.check().map_err(|why| invalid(&why))?;
    }
    if cloud.panorama.lock().devices.len() >= DEVICES {
        return Err(quota("devices", "an account has at most 50 devices"));
    }
    let id = new_id("device")?;
    let archive = archive(&id, asked.networking_configuration.as_ref(), cloud)?;
    let now = cloud.clock.milliseconds();
    let mut device = Device::new(&id, &asked.name, now);
    (device.description, device.networking) = (asked.description, asked.networking_configuration);
    device.tags = asked.tags;
    let said = json!({
        "Arn": arn(cloud, &id), "DeviceId": id, "IotThingName": id, "Status": device.provisioning(),
        "Certificates": STANDARD.encode(archive),
    });
    cloud.registry.add_thing(&id);
    cloud.panorama.lock().devices.insert(id, device);
    Ok(said)
}

/// The archive that is carried to a new device: a certificate for its first five minutes, and where to go with it.
fn archive(id: &str, networking: Option<&Networking>, cloud: &Cloud) -> Result<Vec<u8>, Failure> {
    let failed = |why: String| Failure::new(500, "InternalServerException", why);
    let claim = cloud.issue(true).map_err(failed)?;
    cloud.registry.add_thing(id);
    provisioning::claim(cloud, &claim.id, id, CLAIM_LASTS).map_err(|missing| failed(missing.to_string()))?;
    let config = json!({
        "deviceId": id, "thingName": id, "iotEndpoint": cloud.names.corrected().iot,
        "provisioningTemplate": provisioning::TEMPLATE, "networkingConfiguration": networking,
    });
    let (ca, config) = (cloud.authority.pem(), config.to_string());
    let files = [
        ("config.json", config.as_bytes()),
        ("certificates/claim.pem.crt", claim.pem.as_bytes()),
        ("certificates/claim.pem.key", claim.private_key.as_bytes()),
        ("certificates/root.ca.pem", ca.as_bytes()),
    ];
    zipped(&files).map_err(|error| failed(error.to_string()))
}

/// An archive of files, by name.
fn zipped(files: &[(&str, &[u8])]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive
            .start_file(*name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}

fn list(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let state = cloud.panorama.lock();
    let (name, aggregated) = (call.field("NameFilter"), call.field("DeviceAggregatedStatusFilter"));
    let wanted = |device: &&Device| {
        name.as_deref().is_none_or(|name| device.name.contains(name))
            && aggregated.as_deref().is_none_or(|word| device.aggregated() == word)
    };
    let mut devices: Vec<&Device> = state.devices.values().filter(wanted).collect();
    match call.field("SortBy").as_deref() {
        None | Some("CREATED_TIME") => devices.sort_by_key(|device| device.created_at),
        Some("DEVICE_ID") => devices.sort_by(|one, other| one.id.cmp(&other.id)),
        Some("NAME") => devices.sort_by(|one, other| one.name.cmp(&other.name)),
        Some("DEVICE_AGGREGATED_STATUS") => devices.sort_by_key(|device| device.aggregated()),
        Some(_) => return Err(invalid("no such SortBy")),
    }
    if call.field("SortOrder").as_deref() == Some("DESCENDING") {
        devices.reverse();
    }
    let listed = devices.iter().map(|device| device.listed(&latest_job(&state, &device.id, cloud)));
    page("Devices", listed.collect(), call)
}

fn describe(id: &str, cloud: &Cloud) -> Result<Value, Failure> {
    let state = cloud.panorama.lock();
    let device = state.devices.get(id).ok_or_else(|| not_found("DEVICE", id))?;
    Ok(device.described(&arn(cloud, id), &latest_job(&state, id, cloud)))
}

fn update(id: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let asked: Metadata = body(call)?;
    let now = cloud.clock.milliseconds();
    let mut state = cloud.panorama.lock();
    let device = state.devices.get_mut(id).ok_or_else(|| not_found("DEVICE", id))?;
    if asked.description.is_some() {
        device.description = asked.description;
    }
    device.updated_at = now;
    Ok(json!({ "DeviceId": id }))
}

fn delete(id: &str, cloud: &Cloud) -> Result<Value, Failure> {
    let mut state = cloud.panorama.lock();
    let device = state.devices.remove(id).ok_or_else(|| not_found("DEVICE", id))?;
    state.jobs.retain(|job| job.device != id);
    drop(state);
    if let Some(asked) = device.asked {
        cloud.publish_own(cloud.jobs.delete(&asked, cloud.clock.milliseconds()));
    }
    cloud.registry.remove_thing(id);
    Ok(json!({ "DeviceId": id }))
}

/// `/tags/{ResourceArn}`; of devices only.
pub(super) fn tags(method: &Method, of: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let mut state = cloud.panorama.lock();
    let id = of.strip_prefix(&arn(cloud, "")).unwrap_or_default().to_owned();
    let device = state.devices.get_mut(&id).ok_or_else(|| not_found("RESOURCE", of))?;
    match *method {
        Method::GET => Ok(json!({ "Tags": device.tags })),
        Method::POST => {
            device.tags.extend(body::<Tags>(call)?.tags);
            Ok(json!({}))
        }
        Method::DELETE => {
            let query = call.parts.uri.query().unwrap_or_default();
            let keys = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "tagKeys");
            keys.for_each(|(_, key)| drop(device.tags.remove(key.as_ref())));
            Ok(json!({}))
        }
        _ => Err(unknown(call.parts.uri.path())),
    }
}

fn latest_job(state: &State, id: &str, cloud: &Cloud) -> Value {
    let latest = state.jobs.iter().rev().find(|job| job.device == id);
    latest.map_or(Value::Null, |job| job.latest(cloud))
}

/// A device's ARN.
pub(super) fn arn(cloud: &Cloud, id: &str) -> String {
    cloud.arn("panorama", &format!("device/{id}"))
}
