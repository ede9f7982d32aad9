//! Services of a cloud: where each answers, and by which names.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answers::{at_cloud, cloud_spares};
use super::checks::Known;
use super::model::{Spoken, Word};
use crate::names::NodeName;
use crate::scenario::model::{
    self as scenario, Cloud, CloudNames, CloudService, Endured, JobKind, Kind, WrongCall,
};

/// `talks`.
pub(super) fn talks(known: &Known<'_>, of: NodeName, services: &[CloudService]) -> Word {
    let site = &known.scenario.site;
    let cloud = cloud_of(site, &of);
    let node = known.ways.node(&cloud);
    let written = site.nodes.get(&cloud).and_then(|node| match &node.kind {
        Kind::Cloud(written) => Some(written),
        _ => None,
    });
    let (Some(node), Some(written)) = (node, written) else {
        return Word::Talks { of, cloud, services: Vec::new() };
    };
    let spoken = services.iter().map(|service| {
        let mut addresses: Vec<_> = at_cloud(site, node, *service).collect();
        if service.over_tls() {
            addresses.extend(cloud_spares(node, written));
        }
        Spoken { service: *service, addresses, names: names(written, *service) }
    });
    let services = spoken.collect();
    Word::Talks { of, cloud, services }
}

/// `job`.
pub(super) fn job(
    known: &Known<'_>,
    of: NodeName,
    does: Vec<JobKind>,
    spoiled: bool,
    within: Duration,
) -> Word {
    let site = &known.scenario.site;
    let every = match site.nodes.get(&of).map(|node| &node.kind) {
        Some(Kind::Appliance(appliance)) => appliance.monitor_every,
        _ => Duration::from_secs(1),
    };
    Word::Job { cloud: cloud_of(site, &of), of, does, spoiled, within, every }
}

/// `endures`.
pub(super) fn endures(
    known: &Known<'_>,
    of: NodeName,
    (throttled, meets): (&[CloudService], Vec<Endured>),
    waits: Duration,
    within: Duration,
) -> Word {
    let site = &known.scenario.site;
    let cloud = cloud_of(site, &of);
    let all = match site.nodes.get(&cloud).map(|node| &node.kind) {
        Some(Kind::Cloud(written)) => written.throttles.clone(),
        _ => BTreeMap::new(),
    };
    let throttled = all.into_iter().filter(|(service, _)| throttled.contains(service)).collect();
    Word::Endures { of, cloud, throttled, meets, waits, within }
}

/// `calls`.
pub(super) fn calls(
    known: &Known<'_>,
    (by, of): (NodeName, NodeName),
    does: Vec<JobKind>,
    (refuses, at): (Vec<WrongCall>, Vec<CloudService>),
    within: Duration,
) -> Word {
    let site = &known.scenario.site;
    let cloud = cloud_of(site, &by);
    let written = site.nodes.get(&cloud).and_then(|node| match &node.kind {
        Kind::Cloud(written) => Some(written),
        _ => None,
    });
    let session = written.and_then(|cloud| cloud.credentials_last).unwrap_or(SESSION);
    let signature = written.and_then(|cloud| cloud.signatures_last).unwrap_or(SIGNATURE);
    Word::Calls { by, of, cloud, does, refuses, at, within, session, signature }
}

/// For how long a session lasts unless the cloud's end earlier (AWS STS API reference, AssumeRole).
const SESSION: Duration = Duration::from_secs(3600);

/// For how long after it was made a signature is taken unless the cloud says otherwise (IAM user guide, "AWS Signature Version 4 for API
/// requests"); S3 takes it for longer.
const SIGNATURE: Duration = Duration::from_secs(300);

/// The cloud of an appliance or an operator; itself where it has none, which is a mistake by then.
fn cloud_of(site: &scenario::Site, of: &NodeName) -> NodeName {
    let cloud = site.nodes.get(of).and_then(|node| match &node.kind {
        Kind::Appliance(appliance) => appliance.cloud.clone(),
        Kind::Host(host) => host.operates.clone(),
        _ => None,
    });
    cloud.unwrap_or_else(|| of.clone())
}

/// The names of a service, in the spellings that there are. S3 has those of access points only, as the documents have it.
fn names(cloud: &Cloud, service: CloudService) -> Vec<String> {
    let region = &cloud.region;
    let spelled = |front: &str| {
        let corrected = (cloud.names != CloudNames::AsPrinted).then_some("amazonaws.com");
        let printed = (cloud.names != CloudNames::Corrected).then_some("aws.amazon.com");
        corrected.into_iter().chain(printed).map(|domain| format!("{front}.{region}.{domain}")).collect()
    };
    let one = |front: &str| vec![format!("{front}.{region}.amazonaws.com")];
    match service {
        CloudService::Iot => one("*.iot"),
        CloudService::Monitoring => spelled("monitoring"),
        CloudService::Logs => spelled("logs"),
        CloudService::S3 => spelled("*.s3-accesspoint"),
        CloudService::Sts => one("sts"),
        CloudService::IotControl => one("iot"),
        CloudService::Panorama => one("panorama"),
        CloudService::Dns | CloudService::Ntp => Vec::new(),
    }
}
