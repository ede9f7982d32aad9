//! Application instances: deployed to a device, described, signalled, removed; each step is a job of IoT Core's.

use std::collections::BTreeMap;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::device::seconds;
use super::wire::{body, conflict, invalid, not_found, page, quota, unknown};
use super::{State, new_id, order, packages};
use crate::answer::Failure;
use crate::cloud::Cloud;
use crate::https::Call;
use crate::jobs::Status;

/// Application instances of a device (AWS Panorama developer guide, "Quotas").
const PER_DEVICE: usize = 10;
/// Largest manifest (API reference, ManifestPayloadData).
const LARGEST: usize = 51_200;

/// One instance; how far it is, is read from IoT Core's jobs.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    id: String,
    name: Option<String>,
    description: Option<String>,
    device: String,
    manifest: String,
    overrides: Option<String>,
    role: Option<String>,
    replaces: Option<String>,
    tags: BTreeMap<String, String>,
    created_at: i64,
    updated_at: i64,
    /// The job that removes it.
    removal: Option<String>,
    /// The last signal of each node instance, and the job that carries it.
    signals: BTreeMap<String, (Signal, String)>,
    signalled: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Signal {
    Pause,
    Resume,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Create {
    name: Option<String>,
    description: Option<String>,
    manifest_payload: Payload,
    manifest_overrides_payload: Option<Payload>,
    application_instance_id_to_replace: Option<String>,
    runtime_role_arn: Option<String>,
    default_runtime_context_device: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Payload {
    payload_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Signals {
    node_signals: Vec<NodeSignal>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeSignal {
    node_instance_id: String,
    signal: Signal,
}

/// The manifest's graph (AWS Panorama developer guide, "Application manifest").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    node_graph: Graph,
}

#[derive(Deserialize)]
struct Graph {
    #[serde(default)]
    packages: Vec<Used>,
    #[serde(default)]
    nodes: Vec<GraphNode>,
}

/// A package that the graph uses, `ACCOUNT::NAME`.
#[derive(Deserialize)]
struct Used {
    name: String,
    version: String,
}

/// A node of the graph; its interface is `ACCOUNT::PACKAGE.INTERFACE`.
#[derive(Deserialize)]
struct GraphNode {
    name: String,
    #[serde(default)]
    interface: String,
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
        (&Method::GET, [id]) => with(id, cloud, |state, instance| Ok(instance.described(state, cloud))),
        (&Method::GET, [id, "details"]) => with(id, cloud, |_, instance| Ok(instance.details())),
        (&Method::GET, [id, "node-instances"]) => {
            with(id, cloud, |_, instance| page("NodeInstances", instance.nodes(cloud), call))
        }
        (&Method::GET, [id, "package-dependencies"]) => {
            with(id, cloud, |_, instance| page("PackageObjects", instance.packages(), call))
        }
        (&Method::DELETE, [id]) => remove(id, cloud),
        (&Method::PUT, [id, "node-signals"]) => signal(id, call, cloud),
        _ => Err(unknown(call.parts.uri.path())),
    }
}

fn with(
    id: &str,
    cloud: &Cloud,
    say: impl FnOnce(&State, &Instance) -> Result<Value, Failure>,
) -> Result<Value, Failure> {
    let state = cloud.panorama.lock();
    let instance = state.instances.get(id).ok_or_else(|| absent(id))?;
    say(&state, instance)
}

fn absent(id: &str) -> Failure {
    not_found("APPLICATION_INSTANCE", id)
}

fn create(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let asked: Create = body(call)?;
    let text = asked.manifest_payload.payload_data.unwrap_or_default();
    if text.len() > LARGEST {
        return Err(invalid("ManifestPayload is larger than 51200 bytes"));
    }
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| invalid(&format!("ManifestPayload: {error}")))?;
    let device = asked.default_runtime_context_device;
    let (id, now) = (new_id("applicationInstance")?, cloud.clock.milliseconds());
    let document = {
        let mut state = cloud.panorama.lock();
        if !state.devices.contains_key(&device) {
            return Err(not_found("DEVICE", &device));
        }
        if state.instances.values().filter(|one| one.device == device && one.removal.is_none()).count()
            >= PER_DEVICE
        {
            return Err(quota("applications", "a device has at most 10 application instances"));
        }
        if let Some(other) =
            asked.application_instance_id_to_replace.as_ref().filter(|id| !state.instances.contains_key(*id))
        {
            return Err(absent(other));
        }
        let artefacts: Vec<Value> = manifest
            .node_graph
            .packages
            .iter()
            .flat_map(|used| packages::artefacts(&state, &used.name, &used.version, cloud))
            .collect();
        let instance = Instance {
            id: id.clone(),
            name: asked.name,
            description: asked.description,
            device: device.clone(),
            manifest: text,
            overrides: asked.manifest_overrides_payload.and_then(|payload| payload.payload_data),
            role: asked.runtime_role_arn,
            replaces: asked.application_instance_id_to_replace.clone(),
            tags: asked.tags,
            created_at: now,
            updated_at: now,
            removal: None,
            signals: BTreeMap::new(),
            signalled: 0,
        };
        state.instances.insert(id.clone(), instance);
        json!({
            "operation": "deploy", "applicationInstanceId": id, "artefacts": artefacts,
            "replaces": asked.application_instance_id_to_replace,
        })
    };
    order(cloud, &device, &id, &document);
    Ok(json!({ "ApplicationInstanceId": id }))
}

fn remove(id: &str, cloud: &Cloud) -> Result<Value, Failure> {
    let (device, job) = {
        let mut state = cloud.panorama.lock();
        let now = cloud.clock.milliseconds();
        let instance = state.instances.get_mut(id).ok_or_else(|| absent(id))?;
        if instance.removal.is_some() {
            return Err(conflict("APPLICATION_INSTANCE", id, "it is being removed"));
        }
        let job = format!("{id}-remove");
        (instance.removal, instance.updated_at) = (Some(job.clone()), now);
        (instance.device.clone(), job)
    };
    order(cloud, &device, &job, &json!({ "operation": "remove", "applicationInstanceId": id }));
    Ok(json!({}))
}

fn signal(id: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let asked: Signals = body(call)?;
    let (device, job, document) = {
        let mut state = cloud.panorama.lock();
        let instance = state.instances.get_mut(id).ok_or_else(|| absent(id))?;
        let known: Vec<String> = instance.graph().nodes.iter().map(|node| node.name.clone()).collect();
        if let Some(other) = asked.node_signals.iter().find(|one| !known.contains(&one.node_instance_id)) {
            return Err(not_found("NODE_INSTANCE", &other.node_instance_id));
        }
        let job = format!("{id}-signal-{}", instance.signalled);
        instance.signalled += 1;
        let mut said = Vec::new();
        for NodeSignal { node_instance_id, signal } in asked.node_signals {
            let word = if signal == Signal::Pause { "PAUSE" } else { "RESUME" };
            said.push(json!({ "nodeInstanceId": node_instance_id, "signal": word }));
            instance.signals.insert(node_instance_id, (signal, job.clone()));
        }
        let document = json!({ "operation": "signal", "applicationInstanceId": id, "signals": said });
        (instance.device.clone(), job, document)
    };
    order(cloud, &device, &job, &document);
    Ok(json!({ "ApplicationInstanceId": id }))
}

fn list(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let state = cloud.panorama.lock();
    let (device, wanted) = (call.field("deviceId"), call.field("statusFilter"));
    let fits = |instance: &&Instance| {
        let (status, _) = instance.status(cloud);
        let group = match status {
            "DEPLOYMENT_REQUESTED" | "DEPLOYMENT_IN_PROGRESS" => "PROCESSING_DEPLOYMENT",
            "REMOVAL_REQUESTED" | "REMOVAL_IN_PROGRESS" => "PROCESSING_REMOVAL",
            other => other,
        };
        device.as_ref().is_none_or(|device| *device == instance.device)
            && wanted.as_ref().is_none_or(|wanted| wanted == group)
    };
    let mut found: Vec<&Instance> = state.instances.values().filter(fits).collect();
    found.sort_by_key(|instance| std::cmp::Reverse(instance.created_at));
    let said = found.iter().map(|instance| instance.described(&state, cloud));
    page("ApplicationInstances", said.collect(), call)
}

impl Instance {
    fn graph(&self) -> Graph {
        let read: Result<Manifest, _> = serde_json::from_str(&self.manifest);
        read.map_or(Graph { packages: Vec::new(), nodes: Vec::new() }, |manifest| manifest.node_graph)
    }

    /// How far it is, and what the device reports of it.
    fn status(&self, cloud: &Cloud) -> (&'static str, &'static str) {
        let of = |job: &str| cloud.jobs.execution(&self.device, job).map(|execution| execution.status);
        match &self.removal {
            Some(job) => match of(job) {
                Some(Status::Queued) => ("REMOVAL_REQUESTED", "RUNNING"),
                Some(Status::InProgress) => ("REMOVAL_IN_PROGRESS", "REMOVAL_IN_PROGRESS"),
                Some(Status::Succeeded) => ("REMOVAL_SUCCEEDED", "STOPPED"),
                _ => ("REMOVAL_FAILED", "REMOVAL_FAILED"),
            },
            None => match of(&self.id) {
                Some(Status::Queued) => ("DEPLOYMENT_REQUESTED", "STARTING"),
                Some(Status::InProgress) => ("DEPLOYMENT_IN_PROGRESS", "INSTALL_IN_PROGRESS"),
                Some(Status::Succeeded) => ("DEPLOYMENT_SUCCEEDED", "RUNNING"),
                Some(Status::Failed) => ("DEPLOYMENT_FAILED", "INSTALL_ERROR"),
                _ => ("DEPLOYMENT_ERROR", "INSTALL_ERROR"),
            },
        }
    }

    fn described(&self, state: &State, cloud: &Cloud) -> Value {
        let (status, reported) = self.status(cloud);
        let device = state.devices.get(&self.device);
        let health = match (reported, device.is_some_and(|device| device.online)) {
            ("RUNNING", true) => "RUNNING",
            ("INSTALL_ERROR" | "REMOVAL_FAILED", _) => "ERROR",
            _ => "NOT_AVAILABLE",
        };
        let desired = if self.removal.is_some() { "REMOVED" } else { "RUNNING" };
        let at = cloud.jobs.execution(&self.device, self.removal.as_ref().unwrap_or(&self.id));
        let at = at.map_or(self.updated_at, |execution| execution.updated_at);
        json!({
            "ApplicationInstanceId": self.id, "Name": self.name, "Description": self.description,
            "Arn": cloud.arn("panorama", &format!("applicationInstance/{}", self.id)),
            "DefaultRuntimeContextDevice": self.device,
            "DefaultRuntimeContextDeviceName": device.map(|device| device.name.clone()),
            "ApplicationInstanceIdToReplace": self.replaces, "RuntimeRoleArn": self.role, "Tags": self.tags,
            "Status": status, "HealthStatus": health, "CreatedTime": seconds(self.created_at),
            "LastUpdatedTime": seconds(self.updated_at.max(at)),
            "RuntimeContextStates": [{
                "RuntimeContextName": self.device, "DesiredState": desired, "DeviceReportedStatus": reported,
                "DeviceReportedTime": seconds(at),
            }],
        })
    }

    fn details(&self) -> Value {
        json!({
            "ApplicationInstanceId": self.id, "Name": self.name, "Description": self.description,
            "DefaultRuntimeContextDevice": self.device, "ManifestPayload": { "PayloadData": self.manifest },
            "ManifestOverridesPayload": self.overrides.as_ref().map(|text| json!({ "PayloadData": text })),
            "ApplicationInstanceIdToReplace": self.replaces, "CreatedTime": seconds(self.created_at),
        })
    }

    fn nodes(&self, cloud: &Cloud) -> Vec<Value> {
        let (_, reported) = self.status(cloud);
        let paused = |name: &String| {
            let (signal, job) = self.signals.get(name)?;
            let execution = cloud.jobs.execution(&self.device, job)?;
            (*signal == Signal::Pause && execution.status == Status::Succeeded).then_some(())
        };
        let said = |node: GraphNode| {
            let status = match reported {
                "RUNNING" if paused(&node.name).is_some() => "PAUSED",
                "RUNNING" => "RUNNING",
                "INSTALL_ERROR" | "REMOVAL_FAILED" => "ERROR",
                _ => "NOT_AVAILABLE",
            };
            let package = node.interface.split_once("::").map_or("", |(_, rest)| rest);
            let package = package.split_once('.').map(|(package, _)| package.to_owned());
            json!({
                "NodeInstanceId": node.name, "NodeName": node.name, "PackageName": package, "CurrentStatus": status,
            })
        };
        self.graph().nodes.into_iter().map(said).collect()
    }

    fn packages(&self) -> Vec<Value> {
        let said = |used: Used| {
            let name = used.name.split_once("::").map_or(used.name.as_str(), |(_, name)| name).to_owned();
            json!({ "Name": name, "PackageVersion": used.version, "PatchVersion": "" })
        };
        self.graph().packages.into_iter().map(said).collect()
    }
}
