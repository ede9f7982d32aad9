//! Jobs that the cloud has for the appliance (AWS IoT, "Jobs device MQTT API"): it asks what there is to do, does it, and
//! says how it went.

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish, Subscribe};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::scan::{self, Found, Login};
use crate::voice::Voice;
use fake_facts::Fact;

/// What a scan is called in jobs.
const SCAN: &str = "scan-cameras";
/// Packet identifier of the one subscription; publications that are acknowledged have others at the same time.
const SUBSCRIPTION: u16 = u16::MAX;

/// The jobs of one session; what is being done ends with it.
pub(super) struct Jobs {
    login: Login,
    topic: String,
    doing: JoinSet<()>,
    reports: mpsc::Sender<(String, Vec<Found>)>,
    reported: mpsc::Receiver<(String, Vec<Found>)>,
}

impl Jobs {
    /// For this thing; cameras are asked by this user.
    pub(super) fn new(thing: &str, login: Login) -> Self {
        let (reports, reported) = mpsc::channel(1);
        Self { login, topic: format!("$aws/things/{thing}/jobs"), doing: JoinSet::new(), reports, reported }
    }

    /// What asks for the next job.
    pub(super) fn questions(&self) -> [Packet; 2] {
        let mut subscribe = Subscribe::new(format!("{}/$next/get/accepted", self.topic), QoS::AtMostOnce);
        subscribe.pkid = SUBSCRIPTION;
        [Packet::Subscribe(subscribe), publish(format!("{}/$next/get", self.topic), &json!({}))]
    }

    /// Begins what a message asks for, if it is a job that is known; gives what the cloud is told.
    pub(super) fn take(&mut self, message: &Publish, voice: &Voice) -> Option<Packet> {
        if message.topic != format!("{}/$next/get/accepted", self.topic) || !self.doing.is_empty() {
            return None;
        }
        let told: Value = serde_json::from_slice(&message.payload).ok()?;
        let job = told["execution"]["jobId"].as_str()?.to_owned();
        let operation = told["execution"]["jobDocument"]["operation"].as_str().unwrap_or_default();
        voice.tell(Fact::Tasked { job: job.clone(), operation: operation.to_owned() });
        if operation != SCAN {
            return Some(self.update(&job, &json!({ "status": "REJECTED" })));
        }
        let (login, voice, reports) = (self.login.clone(), voice.clone(), self.reports.clone());
        let begun = self.update(&job, &json!({ "status": "IN_PROGRESS" }));
        self.doing.spawn(async move {
            let found = scan::scan(&login, &voice).await;
            // Nobody is told if the session has ended.
            let _ = reports.send((job, found)).await;
        });
        Some(begun)
    }

    /// Waits for a job that is done; gives what the cloud is told.
    pub(super) async fn done(&mut self) -> Packet {
        let (job, found) = self.reported.recv().await.expect("this very value keeps a sender");
        // It has sent its last word. Nothing may be waited for here: whoever waits may give up.
        self.doing = JoinSet::new();
        let cameras: Vec<_> = found.iter().map(|one| format!("{} {}", one.endpoint, one.stream)).collect();
        self.update(
            &job,
            &json!({ "status": "SUCCEEDED", "statusDetails": { "cameras": cameras.join("\n") } }),
        )
    }

    fn update(&self, job: &str, said: &Value) -> Packet {
        publish(format!("{}/{job}/update", self.topic), said)
    }
}

fn publish(topic: String, said: &Value) -> Packet {
    Packet::Publish(Publish::new(topic, QoS::AtMostOnce, said.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fake_facts::Teller;

    use super::*;

    fn told(topic: &str, execution: &Value) -> Publish {
        Publish::new(topic, QoS::AtMostOnce, json!({ "execution": execution }).to_string())
    }

    fn said(packet: Option<Packet>) -> Option<(String, Value)> {
        let Some(Packet::Publish(publish)) = packet else { return None };
        Some((publish.topic, serde_json::from_slice(&publish.payload).unwrap()))
    }

    #[tokio::test]
    async fn only_a_known_job_is_begun() {
        let voice = Voice::new(Arc::new(Teller::new(Box::new(std::io::sink()))));
        let mut jobs = Jobs::new("app", Login::default());
        let next = "$aws/things/app/jobs/$next/get/accepted";
        let job = |operation: &str| json!({ "jobId": "j-1", "jobDocument": { "operation": operation } });
        assert!(jobs.take(&told(next, &Value::Null), &voice).is_none(), "there is nothing to do");
        assert!(jobs.take(&told("$aws/things/other/jobs/$next/get/accepted", &job(SCAN)), &voice).is_none());
        let rejected = said(jobs.take(&told(next, &job("reboot")), &voice)).unwrap();
        assert_eq!(rejected, ("$aws/things/app/jobs/j-1/update".into(), json!({ "status": "REJECTED" })));
        let begun = said(jobs.take(&told(next, &job(SCAN)), &voice)).unwrap();
        assert_eq!(begun.1, json!({ "status": "IN_PROGRESS" }));
        assert!(jobs.take(&told(next, &job(SCAN)), &voice).is_none(), "one at a time");
        jobs.doing.abort_all();
        let found = Found {
            endpoint: "urn:x".into(),
            address: [10, 0, 0, 1].into(),
            stream: "rtsp://10.0.0.1/a".into(),
        };
        jobs.reports.send(("j-1".into(), vec![found])).await.unwrap();
        let (_, done) = said(Some(jobs.done().await)).unwrap();
        assert_eq!(done["statusDetails"]["cameras"], "urn:x rtsp://10.0.0.1/a");
    }
}
