//! Panorama's own service (API "AWS Panorama", version 2019-07-24): for operators; appliances never talk to it, but to IoT
//! Core, through which it gives them jobs and hears of them (AWS Panorama developer guide, "Service endpoints").
//!
//! ```text
//! devices      provisioning, descriptions, tags     jobs          software updates and restarts
//! device       what is known of one                 monitor       asks each device again and again how it is
//! applications instances and what runs of them      packages      packages, versions, camera nodes
//! wire         bodies, lists, errors
//! ```

mod applications;
mod device;
mod devices;
mod jobs;
mod monitor;
mod packages;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use fake_facts::Fact;
use serde_json::Value;

use self::applications::Instance;
use self::device::Device;
use self::jobs::DeviceJob;
use self::packages::{Node, Package, TemplateJob};
use crate::answer::Failure;
use crate::cloud::Cloud;
use crate::https::Call;
use crate::jobs::Job;
use crate::keys::random_text;

pub(crate) use self::monitor::run as monitor;

/// What the service knows.
#[derive(Default)]
pub(crate) struct Panorama(Mutex<State>);

#[derive(Default)]
struct State {
    devices: BTreeMap<String, Device>,
    jobs: Vec<DeviceJob>,
    instances: BTreeMap<String, Instance>,
    packages: BTreeMap<String, Package>,
    nodes: BTreeMap<String, Node>,
    template_jobs: Vec<TemplateJob>,
    /// Counts monitoring jobs, so that no two have one name.
    asked: u64,
}

impl Panorama {
    /// A device that has its certificate already, under the name of its thing.
    pub(crate) fn add_device(&self, thing: &str, now: i64) {
        let device = Device { provisioned: true, ..Device::new(thing, thing, now) };
        self.lock().devices.insert(thing.into(), device);
    }

    /// A device has got a certificate of its own.
    pub(crate) fn provisioned(&self, thing: &str) {
        if let Some(device) = self.lock().devices.get_mut(thing) {
            device.provisioned = true;
        }
    }

    /// The client of this name is gone: if it is a device, it is so no longer online. What is known of it, if that is new.
    pub(crate) fn gone(&self, client_id: &str) -> Option<Fact> {
        let mut state = self.lock();
        let device = state.devices.get_mut(client_id)?;
        std::mem::take(&mut device.online).then(|| device.known())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A device has said how a job goes.
pub(crate) fn heard(cloud: &Cloud, thing: &str, job: &str) {
    monitor::heard(cloud, thing, job);
}

/// Answers one call.
pub(crate) fn answer(call: &Call<'_>, cloud: &Cloud) -> Result<Bytes, Failure> {
    let path = call.path();
    let levels: Vec<&str> = path.iter().map(String::as_str).collect();
    let method = &call.parts.method;
    let answer = match (method, &levels[..]) {
        (_, ["devices", ..]) => devices::answer(method, &levels[1..], call, cloud),
        (_, ["jobs", ..]) => jobs::answer(method, &levels[1..], call, cloud),
        (_, ["application-instances", ..]) => applications::answer(method, &levels[1..], call, cloud),
        (_, ["packages", ..] | ["nodes", ..]) => packages::answer(method, &levels, call, cloud),
        (_, ["tags", arn]) => devices::tags(method, arn, call, cloud),
        _ => Err(wire::unknown(call.parts.uri.path())),
    };
    answer.map(|said| without_nothing(said).to_string().into())
}

/// What has no value is left out: clients take a null for something.
fn without_nothing(said: Value) -> Value {
    match said {
        Value::Object(map) => {
            let there = map.into_iter().filter(|(_, value)| !value.is_null());
            there.map(|(name, value)| (name, without_nothing(value))).collect()
        }
        Value::Array(list) => list.into_iter().map(without_nothing).collect(),
        other => other,
    }
}

/// A job of IoT Core's for one device.
fn order(cloud: &Cloud, device: &str, id: &str, document: &Value) {
    let now = cloud.clock.milliseconds();
    let mut job = Job::new(id, &document.to_string(), now);
    job.targets = vec![cloud.arn("iot", &format!("thing/{device}"))];
    cloud.publish_own(cloud.jobs.create(job, &[device.to_owned()], now));
}

/// An id as the service makes them: a word, a hyphen, 26 letters and digits.
fn new_id(word: &str) -> Result<String, Failure> {
    let random = random_text(26, b"abcdefghijklmnopqrstuvwxyz234567");
    let random = random.map_err(|error| Failure::new(500, "InternalServerException", error.to_string()))?;
    Ok(format!("{word}-{random}"))
}
