//! What operators have devices do: software updates and restarts, one device at a time.

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::device::seconds;
use super::devices::arn;
use super::order;
use super::wire::{body, invalid, not_found, page, unknown};
use crate::answer::Failure;
use crate::cloud::Cloud;
use crate::https::Call;
use crate::jobs::Status;

/// One job of one device; how it goes is read from IoT Core's job of the same name.
#[derive(Clone, Debug)]
pub(super) struct DeviceJob {
    id: String,
    pub(super) device: String,
    name: String,
    kind: Kind,
    /// Of an update.
    image: Option<String>,
    created_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Ota,
    Reboot,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Ota => "OTA",
            Self::Reboot => "REBOOT",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Create {
    device_ids: Vec<String>,
    job_type: Kind,
    device_job_config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(rename = "OTAJobConfig")]
    ota: Option<Ota>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Ota {
    image_version: String,
    #[serde(default)]
    allow_major_version_update: bool,
}

impl DeviceJob {
    /// How far it is, as IoT Core knows it; the device names its steps itself.
    fn status(&self, cloud: &Cloud) -> &'static str {
        let Some(execution) = cloud.jobs.execution(&self.device, &self.id) else { return "FAILED" };
        match execution.status {
            Status::Queued => "PENDING",
            Status::InProgress => {
                let step = execution.details.get("step").and_then(Value::as_str).unwrap_or_default();
                let known =
                    ["DOWNLOADING", "VERIFYING", "REBOOTING"].into_iter().find(|known| *known == step);
                known.unwrap_or("IN_PROGRESS")
            }
            Status::Succeeded => "COMPLETED",
            _ => "FAILED",
        }
    }

    /// `LatestDeviceJob`.
    pub(super) fn latest(&self, cloud: &Cloud) -> Value {
        json!({ "ImageVersion": self.image, "JobType": self.kind.word(), "Status": self.status(cloud) })
    }

    fn listed(&self) -> Value {
        json!({
            "JobId": self.id, "DeviceId": self.device, "DeviceName": self.name, "JobType": self.kind.word(),
            "CreatedTime": seconds(self.created_at),
        })
    }
}

pub(super) fn answer(
    method: &Method,
    path: &[&str],
    call: &Call<'_>,
    cloud: &Cloud,
) -> Result<Value, Failure> {
    match (method, path) {
        (&Method::POST, []) => create(call, cloud),
        (&Method::GET, []) => list(call, cloud),
        (&Method::GET, [id]) => describe(id, cloud),
        _ => Err(unknown(call.parts.uri.path())),
    }
}

fn create(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let asked: Create = body(call)?;
    let [device] = &asked.device_ids[..] else { return Err(invalid("DeviceIds has exactly one entry")) };
    let ota = asked.device_job_config.and_then(|config| config.ota);
    let (image, document) = match (asked.job_type, ota) {
        (Kind::Ota, Some(ota)) if is_version(&ota.image_version) => {
            let Ota { image_version, allow_major_version_update } = ota;
            let document = json!({
                "operation": "ota", "imageVersion": image_version,
                "allowMajorVersionUpdate": allow_major_version_update,
            });
            (Some(image_version), document)
        }
        (Kind::Ota, _) => return Err(invalid("OTA needs OTAJobConfig with an ImageVersion")),
        (Kind::Reboot, _) => (None, json!({ "operation": "reboot" })),
    };
    let job = {
        let mut state = cloud.panorama.lock();
        let known = state.devices.get_mut(device).ok_or_else(|| not_found("DEVICE", device))?;
        let id = format!("{device}-{}", known.jobs);
        known.jobs += 1;
        let (name, created_at) = (known.name.clone(), cloud.clock.milliseconds());
        let job = DeviceJob { id, device: device.clone(), name, kind: asked.job_type, image, created_at };
        state.jobs.push(job.clone());
        job
    };
    order(cloud, device, &job.id, &document);
    Ok(json!({ "Jobs": [{ "JobId": job.id, "DeviceId": device }] }))
}

/// 1 to 255 letters, digits, dots, hyphens, underscores.
fn is_version(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

fn list(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let device = call.field("DeviceId");
    let state = cloud.panorama.lock();
    if let Some(id) = device.as_ref().filter(|id| !state.devices.contains_key(*id)) {
        return Err(not_found("DEVICE", id));
    }
    let jobs =
        state.jobs.iter().rev().filter(|job| device.as_ref().is_none_or(|device| *device == job.device));
    page("DeviceJobs", jobs.map(DeviceJob::listed).collect(), call)
}

fn describe(id: &str, cloud: &Cloud) -> Result<Value, Failure> {
    let state = cloud.panorama.lock();
    let job = state.jobs.iter().find(|job| job.id == id).ok_or_else(|| not_found("JOB", id))?;
    let mut said = job.listed();
    said["Status"] = job.status(cloud).into();
    said["ImageVersion"] = job.image.clone().into();
    said["DeviceArn"] = arn(cloud, &job.device).into();
    said["DeviceType"] = "PANORAMA_APPLIANCE".into();
    Ok(said)
}
