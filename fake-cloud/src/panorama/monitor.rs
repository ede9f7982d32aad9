//! Asks each device again and again how it is, by a job of IoT Core's (AWS Panorama developer guide, "Data protection": a
//! remote job every 30 seconds tells whether it is online, and its software version).
//!
//! What that job looks like is not published; here its document is `{"operation":"status"}`, and the device answers
//! `SUCCEEDED` with the details `softwareVersion`, `eth0`, `eth1` and `ntp`.

use serde_json::json;
use tokio::time::{Duration, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::device::Said;
use super::order;
use crate::cloud::Cloud;
use crate::jobs::Status;

/// Asks all devices, every so often, until `stop`.
pub(crate) async fn run(cloud: &Cloud, every: Duration, stop: CancellationToken) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => ask(cloud),
            () = stop.cancelled() => return,
        }
    }
}

/// One round: what is still unanswered is taken back, and counted.
fn ask(cloud: &Cloud) {
    let now = cloud.clock.milliseconds();
    let (mut old, mut new, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    {
        let mut state = cloud.panorama.lock();
        let mut count = state.asked;
        for device in state.devices.values_mut().filter(|device| device.provisioned) {
            if let Some(unanswered) = device.asked.take() {
                lost.extend(device.missed().then(|| device.known()));
                old.push(unanswered);
            }
            count += 1;
            let id = format!("status-{count}");
            device.asked = Some(id.clone());
            new.push((device.id.clone(), id));
        }
        state.asked = count;
    }
    lost.into_iter().for_each(|fact| cloud.facts.say(fact));
    old.iter().for_each(|id| cloud.publish_own(cloud.jobs.delete(id, now)));
    new.iter().for_each(|(device, id)| order(cloud, device, id, &json!({ "operation": "status" })));
}

/// A device has said how a job goes: if it was the one that asks how it is, what it says is kept, and the job forgotten.
pub(super) fn heard(cloud: &Cloud, thing: &str, job: &str) {
    let now = cloud.clock.milliseconds();
    let (ended, known) = {
        let mut state = cloud.panorama.lock();
        let device = state.devices.get_mut(thing).filter(|device| device.asked.as_deref() == Some(job));
        let execution = cloud.jobs.execution(thing, job).filter(|execution| execution.status.is_terminal());
        let (Some(device), Some(execution)) = (device, execution) else { return };
        let known = match Said::read(&execution.details, now) {
            Some(said) if execution.status == Status::Succeeded => {
                device.answered(said);
                Some(device.known())
            }
            // An answer that says nothing is none.
            _ => {
                device.asked = None;
                device.missed().then(|| device.known())
            }
        };
        (execution.job, known)
    };
    known.into_iter().for_each(|fact| cloud.facts.say(fact));
    cloud.publish_own(cloud.jobs.delete(&ended, now));
}
