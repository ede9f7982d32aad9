//! `application`: what an application of an appliance's calls, which nothing else of it does.

use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::CloudService;
use super::super::raw;

/// What it calls. That its cloud has such a service is seen to once all nodes are known.
pub(super) fn read(raw: &raw::Appliance, out: &mut Mistakes) -> Option<CloudService> {
    let written = raw.application.good()?;
    if !CloudService::OF_APPLICATIONS.contains(&written.value) {
        let label = "`sts` is called by applications and by nothing else of an appliance's";
        out.push(Mistake::error("no service of an application's own", written.spot, label));
        return None;
    }
    if raw.cloud.is_absent() {
        let label = "the appliance has no `cloud`";
        out.push(Mistake::error("an application that calls nobody", written.spot, label));
    }
    Some(written.value)
}
