//! Packages with their versions, and nodes of cameras. What is in a package lies in S3, behind the account's access point
//! (AWS Panorama developer guide, "Deploying applications").

use std::collections::BTreeMap;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::device::seconds;
use super::wire::{body, conflict, invalid, is_name, not_found, page, unknown};
use super::{State, new_id};
use crate::answer::Failure;
use crate::cloud::Cloud;
use crate::https::Call;

/// One package.
#[derive(Clone, Debug)]
pub(super) struct Package {
    id: String,
    name: String,
    tags: BTreeMap<String, String>,
    created_at: i64,
    /// By version and patch.
    versions: BTreeMap<(String, String), Version>,
}

#[derive(Clone, Debug)]
struct Version {
    latest: bool,
    registered_at: i64,
    /// Why it is none.
    failed: Option<String>,
}

/// A node that gives video.
#[derive(Clone, Debug)]
pub(super) struct Node {
    id: String,
    name: String,
    description: Option<String>,
    package: String,
    version: String,
    created_at: i64,
}

/// A camera that was made a node.
#[derive(Clone, Debug)]
pub(super) struct TemplateJob {
    id: String,
    asked: Template,
    created_at: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    package_name: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Register {
    #[serde(default)]
    mark_latest: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Template {
    template_type: String,
    node_name: String,
    node_description: Option<String>,
    output_package_name: String,
    output_package_version: String,
    template_parameters: BTreeMap<String, String>,
}

pub(super) fn answer(
    method: &Method,
    path: &[&str],
    call: &Call<'_>,
    cloud: &Cloud,
) -> Result<Value, Failure> {
    match (method, path) {
        (&Method::POST, ["packages"]) => create(call, cloud),
        (&Method::GET, ["packages"]) => list(call, cloud),
        (&Method::POST, ["packages", "template-job"]) => create_node(call, cloud),
        (&Method::GET, ["packages", "template-job"]) => template_jobs(call, cloud),
        (&Method::GET, ["packages", "template-job", id]) => template_job(id, cloud),
        (&Method::GET, ["packages", "metadata", id]) => {
            with(id, cloud, |package| Ok(package.described(cloud)))
        }
        (&Method::GET, ["packages", "metadata", id, "versions", version]) => {
            let patch = call.field("PatchVersion");
            with(id, cloud, |package| package.version_described(version, patch.as_deref(), cloud))
        }
        (&Method::PUT, ["packages", id, "versions", version, "patch", patch]) => {
            register(id, version, patch, call, cloud)
        }
        (&Method::DELETE, ["packages", id, "versions", version, "patch", patch]) => {
            deregister(id, version, patch, cloud)
        }
        (&Method::DELETE, ["packages", id]) => delete(id, call, cloud),
        (&Method::GET, ["nodes"]) => nodes(call, cloud),
        (&Method::GET, ["nodes", id]) => node(id, cloud),
        _ => Err(unknown(call.parts.uri.path())),
    }
}

fn with(
    id: &str,
    cloud: &Cloud,
    say: impl FnOnce(&Package) -> Result<Value, Failure>,
) -> Result<Value, Failure> {
    say(cloud.panorama.lock().packages.get(id).ok_or_else(|| not_found("PACKAGE", id))?)
}

/// A new package, unless there is one of that name.
fn add(state: &mut State, name: &str, tags: BTreeMap<String, String>, now: i64) -> Result<String, Failure> {
    if !is_name(name) {
        return Err(invalid("a package's name has 1 to 255 letters, digits, hyphens and underscores"));
    }
    if let Some(there) = state.packages.values().find(|package| package.name == name) {
        return Err(conflict("PACKAGE", &there.id, "there is a package of that name"));
    }
    let id = new_id("package")?;
    let package =
        Package { id: id.clone(), name: name.into(), tags, created_at: now, versions: BTreeMap::new() };
    state.packages.insert(id.clone(), package);
    Ok(id)
}

fn create(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let asked: Create = body(call)?;
    let mut state = cloud.panorama.lock();
    let id = add(&mut state, &asked.package_name, asked.tags, cloud.clock.milliseconds())?;
    let said = state.packages.get(&id).map(|package| package.described(cloud)).unwrap_or_default();
    Ok(json!({ "PackageId": id, "Arn": said["Arn"], "StorageLocation": said["StorageLocation"] }))
}

fn list(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let state = cloud.panorama.lock();
    let said = state.packages.values().map(|package| {
        json!({
            "PackageId": package.id, "PackageName": package.name, "Arn": package.arn(cloud),
            "CreatedTime": seconds(package.created_at), "Tags": package.tags,
        })
    });
    page("Packages", said.collect(), call)
}

/// A version is there once something lies where its manifests belong.
fn register(id: &str, version: &str, patch: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let asked: Register = body(call)?;
    let now = cloud.clock.milliseconds();
    let mut state = cloud.panorama.lock();
    let package = state.packages.get_mut(id).ok_or_else(|| not_found("PACKAGE", id))?;
    let there = !cloud.objects.below(&format!("{}/", package.prefix("manifests"))).is_empty();
    let failed = (!there).then(|| "there is no manifest".to_owned());
    if asked.mark_latest {
        package.versions.values_mut().for_each(|version| version.latest = false);
    }
    let latest = asked.mark_latest || package.versions.is_empty();
    let key = (version.to_owned(), patch.to_owned());
    package.versions.insert(key, Version { latest, registered_at: now, failed });
    Ok(json!({}))
}

fn deregister(id: &str, version: &str, patch: &str, cloud: &Cloud) -> Result<Value, Failure> {
    let mut state = cloud.panorama.lock();
    let package = state.packages.get_mut(id).ok_or_else(|| not_found("PACKAGE", id))?;
    let gone = package.versions.remove(&(version.to_owned(), patch.to_owned()));
    gone.map(|_| json!({})).ok_or_else(|| not_found("PACKAGE_VERSION", version))
}

fn delete(id: &str, call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let mut state = cloud.panorama.lock();
    let package = state.packages.get(id).ok_or_else(|| not_found("PACKAGE", id))?;
    if !package.versions.is_empty() && call.field("ForceDelete").as_deref() != Some("true") {
        return Err(conflict("PACKAGE", id, "it has versions"));
    }
    state.nodes.retain(|_, node| node.package != id);
    state.packages.remove(id);
    Ok(json!({}))
}

fn create_node(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let asked: Template = body(call)?;
    if asked.template_type != "RTSP_CAMERA_STREAM" {
        return Err(invalid("TemplateType is RTSP_CAMERA_STREAM"));
    }
    let stream = asked.template_parameters.get("StreamUrl");
    if !stream.is_some_and(|url| url.starts_with("rtsp://") || url.starts_with("rtsps://")) {
        return Err(invalid("TemplateParameters needs a StreamUrl of RTSP"));
    }
    let (job, id, now) = (new_id("job")?, new_id("node")?, cloud.clock.milliseconds());
    let mut state = cloud.panorama.lock();
    let package = add(&mut state, &asked.output_package_name, BTreeMap::new(), now)?;
    if let Some(package) = state.packages.get_mut(&package) {
        let key = (asked.output_package_version.clone(), patch(&id));
        package.versions.insert(key, Version { latest: true, registered_at: now, failed: None });
    }
    let node = Node {
        id: id.clone(),
        name: asked.node_name.clone(),
        description: asked.node_description.clone(),
        package,
        version: asked.output_package_version.clone(),
        created_at: now,
    };
    state.nodes.insert(id, node);
    state.template_jobs.push(TemplateJob { id: job.clone(), asked, created_at: now });
    Ok(json!({ "JobId": job }))
}

/// A node's patch version has letters and digits only.
fn patch(node: &str) -> String {
    node.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn template_jobs(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let state = cloud.panorama.lock();
    let said = state.template_jobs.iter().rev().map(|job| {
        json!({
            "JobId": job.id, "TemplateType": job.asked.template_type, "NodeName": job.asked.node_name,
            "Status": "SUCCEEDED", "StatusMessage": "", "CreatedTime": seconds(job.created_at),
        })
    });
    page("NodeFromTemplateJobs", said.collect(), call)
}

fn template_job(id: &str, cloud: &Cloud) -> Result<Value, Failure> {
    let state = cloud.panorama.lock();
    let job = state.template_jobs.iter().find(|job| job.id == id).ok_or_else(|| not_found("JOB", id))?;
    let asked = &job.asked;
    let mut parameters = asked.template_parameters.clone();
    // A secret is kept to itself.
    if let Some(password) = parameters.get_mut("Password") {
        *password = "SAVED_AS_SECRET".into();
    }
    Ok(json!({
        "JobId": id, "Status": "SUCCEEDED", "StatusMessage": "", "TemplateType": asked.template_type,
        "NodeName": asked.node_name, "NodeDescription": asked.node_description,
        "OutputPackageName": asked.output_package_name, "OutputPackageVersion": asked.output_package_version,
        "TemplateParameters": parameters, "CreatedTime": seconds(job.created_at),
        "LastUpdatedTime": seconds(job.created_at),
    }))
}

fn nodes(call: &Call<'_>, cloud: &Cloud) -> Result<Value, Failure> {
    let state = cloud.panorama.lock();
    let (category, package) = (call.field("category"), call.field("packageName"));
    let said = state.nodes.values().map(|node| node.described(&state, cloud));
    let fits = |said: &Value| {
        category.as_ref().is_none_or(|wanted| said["Category"] == **wanted)
            && package.as_ref().is_none_or(|wanted| said["PackageName"] == **wanted)
    };
    page("Nodes", said.filter(fits).collect(), call)
}

fn node(id: &str, cloud: &Cloud) -> Result<Value, Failure> {
    let state = cloud.panorama.lock();
    let node = state.nodes.get(id).ok_or_else(|| not_found("NODE", id))?;
    let mut said = node.described(&state, cloud);
    said["LastUpdatedTime"] = seconds(node.created_at).into();
    said["NodeInterface"] = json!({
        "Inputs": [],
        "Outputs": [{ "Name": "video_out", "Description": "Video of the camera", "Type": "MEDIA" }],
    });
    Ok(said)
}

impl Node {
    fn described(&self, state: &State, cloud: &Cloud) -> Value {
        let package = state.packages.get(&self.package);
        json!({
            "NodeId": self.id, "Name": self.name, "Category": "MEDIA_SOURCE",
            "Description": self.description.clone().unwrap_or_default(), "OwnerAccount": cloud.names.account(),
            "PackageId": self.package, "PackageName": package.map(|package| package.name.clone()),
            "PackageArn": package.map(|package| package.arn(cloud)), "PackageVersion": self.version,
            "PatchVersion": patch(&self.id), "CreatedTime": seconds(self.created_at),
        })
    }
}

impl Package {
    fn arn(&self, cloud: &Cloud) -> String {
        cloud.arn("panorama", &format!("package/{}", self.id))
    }

    /// Where things of a kind lie in the bucket.
    fn prefix(&self, kind: &str) -> String {
        format!("{}/{kind}", self.id)
    }

    fn described(&self, cloud: &Cloud) -> Value {
        let point = cloud.arn("s3", &format!("accesspoint/{}", cloud.names.access_point()));
        json!({
            "PackageId": self.id, "PackageName": self.name, "Arn": self.arn(cloud), "Tags": self.tags,
            "CreatedTime": seconds(self.created_at),
            "StorageLocation": {
                "Bucket": point, "RepoPrefixLocation": self.id,
                "GeneratedPrefixLocation": self.prefix("generated"), "BinaryPrefixLocation": self.prefix("binaries"),
                "ManifestPrefixLocation": self.prefix("manifests"),
            },
        })
    }

    fn version_described(&self, version: &str, patch: Option<&str>, cloud: &Cloud) -> Result<Value, Failure> {
        let fits = |(key, found): &(&(String, String), &Version)| {
            key.0 == version && patch.map_or(found.latest, |patch| key.1 == patch)
        };
        let found = self.versions.iter().find(fits);
        let ((_, patch), found) = found.ok_or_else(|| not_found("PACKAGE_VERSION", version))?;
        let status = if found.failed.is_some() { "FAILED" } else { "REGISTER_COMPLETED" };
        Ok(json!({
            "PackageId": self.id, "PackageName": self.name, "PackageArn": self.arn(cloud),
            "OwnerAccount": cloud.names.account(), "PackageVersion": version, "PatchVersion": patch,
            "IsLatestPatch": found.latest, "Status": status, "StatusDescription": found.failed,
            "RegisteredTime": seconds(found.registered_at),
        }))
    }
}

/// What a device has to fetch for a package (`ACCOUNT::NAME`) in a version: links that are signed when they are handed over,
/// with the SHA-256 of what is behind them.
pub(super) fn artefacts(state: &State, name: &str, version: &str, cloud: &Cloud) -> Vec<Value> {
    let name = name.split_once("::").map_or(name, |(_, name)| name);
    let found = state.packages.values().find(|package| {
        package.name == name && package.versions.keys().any(|(registered, _)| registered == version)
    });
    let Some(package) = found else { return Vec::new() };
    let bucket = crate::s3::first_bucket(&cloud.names);
    let region = cloud.names.region();
    let kinds = ["manifests", "binaries"].into_iter();
    let objects = kinds.flat_map(|kind| cloud.objects.below(&format!("{}/", package.prefix(kind))));
    objects
        .map(|(key, sha256)| {
            let address = format!("https://s3.{region}.amazonaws.com/{bucket}/{key}");
            json!({ "name": key, "sha256": sha256, "url": format!("${{aws:iot:s3-presigned-url:{address}}}") })
        })
        .collect()
}
