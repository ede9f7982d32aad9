//! What a cloud is like, beside where it is plugged in.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::leaf::{Ahead, Lasting, Whole};
use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::{Cloud, CloudNames, CloudService};
use super::super::raw;
use super::or;

pub(super) fn read(raw: &raw::Cloud, out: &mut Mistakes) -> Cloud {
    Cloud {
        region: raw.region.good().map_or("", |region| region.value.0).to_owned(),
        names: or(&raw.names, CloudNames::Both),
        spare_addresses: or(&raw.spare_addresses, Whole(0)).0,
        clock_offset: or(&raw.clock_offset, Ahead(0)).0,
        serves: serves(raw, out),
        monitor_every: or(&raw.monitor_every, Lasting(Duration::from_secs(1))).0,
        credentials_last: raw.credentials_last.good().map(|last| last.value.0),
        signatures_last: raw.signatures_last.good().map(|last| last.value.0),
        throttles: throttles(raw, out),
        believes: raw.believes.good().map_or(Vec::new(), |all| all.0.iter().map(|one| one.value).collect()),
    }
}

/// What operators use, in the order of their addresses.
fn serves(raw: &raw::Cloud, out: &mut Mistakes) -> Vec<CloudService> {
    let written = raw.serves.good().map_or(&[][..], |many| &many.0);
    let mut serves = Vec::new();
    for service in written {
        if CloudService::OPERATORS.contains(&service.value) {
            serves.push(service.value);
        } else {
            let label = format!("`{}` has its address anyway", service.value.word());
            out.push(Mistake::error("every cloud serves this", service.spot, label));
        }
    }
    serves.sort();
    serves.dedup();
    serves
}

/// Whose first requests are refused.
fn throttles(raw: &raw::Cloud, out: &mut Mistakes) -> BTreeMap<CloudService, u32> {
    let entries = raw.throttles.good().map_or(&[][..], |named| &named.entries);
    let served = serves(raw, &mut Mistakes::default());
    let mut throttles = BTreeMap::new();
    for (service, many) in entries {
        if !service.value.over_tls() {
            let label = format!("`{}` is asked by UDP, and refuses nothing", service.value.word());
            out.push(Mistake::error("nobody can be told that it is too much", service.spot, label));
        } else if CloudService::OPERATORS.contains(&service.value) && !served.contains(&service.value) {
            let label = format!("the cloud needs `serves: [{}]`", service.value.word());
            out.push(Mistake::error("a service that is not there is asked by nobody", service.spot, label));
        }
        if let Some(many) = many {
            throttles.insert(service.value, u32::try_from(many.value.0).unwrap_or(u32::MAX));
        }
    }
    throttles
}
