//! Jobs that the cloud has for the appliance (AWS IoT, "Jobs device MQTT API"): it hears what there is to do, does one thing
//! at a time, and says how it goes. Monitoring is answered at once, whatever else goes on.
//!
//! Documents have `operation`: `status`, `scan-cameras`, `ota`, `reboot`, `deploy`, `remove`, `signal`, `configuration`,
//! `credentials`. What the product's own look like is not published.

use std::sync::Arc;
use std::time::Duration;

use fake_facts::Fact;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish, Subscribe};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::fetch::Fetcher;
use super::work::{self, Step};
use crate::own::Own;
use crate::restart::Restart;
use crate::scan::Search;
use crate::voice::Voice;

/// Packet identifiers of subscriptions; publications that are acknowledged have others at the same time.
const SUBSCRIPTION: u16 = u16::MAX;

/// Puts a new certificate in use, from the next session on: chain and key, PEM.
pub(super) type Certify = dyn Fn(&[u8], &[u8]) -> Result<(), String> + Send + Sync;

/// What the jobs of an appliance go by, over all its sessions.
#[derive(Clone)]
pub(super) struct Means {
    /// How cameras are looked for if a job says so; none: such a job is refused.
    pub(super) scans: Option<Search>,
    pub(super) own: Arc<Own>,
    pub(super) fetcher: Fetcher,
    pub(super) certify: Arc<Certify>,
    pub(super) restart: Restart,
    /// It says of each job that it is done, and does nothing; for sites that must notice.
    pub(super) only_says_so: bool,
    /// It tells the cloud of other cameras than it has found; for sites that must notice.
    pub(super) tells_of_others: bool,
}

/// What the session is to do next.
pub(super) enum Next {
    /// Send this.
    Say(Packet),
    /// End, and begin anew: the appliance restarts.
    Restart,
}

/// The jobs of one session; what is being done ends with it.
pub(super) struct Jobs {
    means: Means,
    topic: String,
    doing: JoinSet<()>,
    steps: mpsc::Sender<(String, Step)>,
    done: mpsc::Receiver<(String, Step)>,
    /// The last question of the monitoring that was answered: it is told of in two ways.
    answered: Option<String>,
}

/// One job, as it was told.
pub(super) struct Task {
    pub(super) operation: String,
    pub(super) document: Value,
    /// It had the appliance restart, and is told again after that.
    pub(super) restarted: bool,
}

impl Jobs {
    /// For this thing.
    pub(super) fn new(thing: &str, means: Means) -> Self {
        let (steps, done) = mpsc::channel(4);
        Self {
            means,
            topic: format!("$aws/things/{thing}/jobs"),
            doing: JoinSet::new(),
            steps,
            done,
            answered: None,
        }
    }

    /// What asks for the next job, and to be told of others.
    pub(super) fn questions(&self) -> Vec<Packet> {
        let topics = ["notify", "notify-next", "$next/get/accepted"];
        let subscribe = topics.iter().enumerate().map(|(nth, topic)| {
            let mut subscribe = Subscribe::new(format!("{}/{topic}", self.topic), QoS::AtMostOnce);
            subscribe.pkid = SUBSCRIPTION - nth as u16;
            Packet::Subscribe(subscribe)
        });
        subscribe.chain([self.ask("$next")]).collect()
    }

    /// Begins what a message asks for; gives what the cloud is told.
    pub(super) fn take(&mut self, message: &Publish, voice: &Voice) -> Vec<Packet> {
        let Some(rest) = message.topic.strip_prefix(&self.topic) else { return Vec::new() };
        let Ok(told) = serde_json::from_slice::<Value>(&message.payload) else { return Vec::new() };
        match rest.split('/').collect::<Vec<_>>()[..] {
            // What waits behind another may be the monitoring, which does not wait.
            ["", "notify"] => {
                let queued = told["jobs"]["QUEUED"].as_array().into_iter().flatten();
                queued.filter_map(|job| Some(self.ask(job["jobId"].as_str()?))).collect()
            }
            ["", "notify-next"] | ["", _, "get", "accepted"] => {
                self.begin(&told["execution"], voice).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn begin(&mut self, execution: &Value, voice: &Voice) -> Option<Packet> {
        let job = execution["jobId"].as_str()?.to_owned();
        let document = &execution["jobDocument"];
        let operation = document["operation"].as_str().unwrap_or_default().to_owned();
        let monitoring = operation == "status";
        let again = monitoring && self.answered.as_ref() == Some(&job);
        if again || (!monitoring && !self.doing.is_empty()) {
            return None;
        }
        voice.tell(Fact::Tasked { job: job.clone(), operation: operation.clone() });
        if monitoring {
            self.answered = Some(job.clone());
            // The cloud says when it has heard that.
            return Some(self.update(QoS::AtLeastOnce, &job, "SUCCEEDED", Some(self.means.own.status())));
        }
        let restarted = execution["statusDetails"]["step"] == work::RESTARTING;
        let task = Task { operation, document: document.clone(), restarted };
        let (means, voice, steps) = (self.means.clone(), voice.clone(), self.steps.clone());
        self.doing.spawn(async move {
            let said = |step| {
                let (steps, job) = (steps.clone(), job.clone());
                // Nobody is told if the session has ended.
                async move { drop(steps.send((job, step)).await) }
            };
            work::work(&task, &means, &voice, said).await;
        });
        None
    }

    /// Waits for something to say of what is being done.
    pub(super) async fn next(&mut self) -> Next {
        let (job, step) = self.done.recv().await.expect("this very value keeps a sender");
        match step {
            Step::Restart => Next::Restart,
            // The cloud says when it has heard that: it must know of a restart before it.
            Step::Going(details) => Next::Say(self.update(QoS::AtLeastOnce, &job, "IN_PROGRESS", details)),
            Step::Over(status, details) => {
                // It has sent its last word. Nothing may be waited for here: whoever waits may give up.
                self.doing = JoinSet::new();
                Next::Say(self.update(QoS::AtMostOnce, &job, status, details))
            }
        }
    }

    fn ask(&self, job: &str) -> Packet {
        publish(QoS::AtMostOnce, format!("{}/{job}/get", self.topic), &json!({}))
    }

    fn update(&self, qos: QoS, job: &str, status: &str, details: Option<Value>) -> Packet {
        let mut said = json!({ "status": status });
        if let Some(details) = details {
            said["statusDetails"] = details;
        }
        publish(qos, format!("{}/{job}/update", self.topic), &said)
    }
}

fn publish(qos: QoS, topic: String, said: &Value) -> Packet {
    Packet::Publish(Publish::new(topic, qos, said.to_string()))
}

/// The shortest time between two signs of life that a job may ask for.
pub(super) const SHORTEST: Duration = Duration::from_millis(50);

#[cfg(test)]
pub(super) mod tests {
    use fake_facts::Teller;

    use super::*;

    /// Means of an appliance that nobody has configured.
    pub(in super::super) fn means() -> Means {
        let tls =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
        Means {
            scans: None,
            own: Arc::new(Own::new(Duration::from_secs(30), false)),
            fetcher: Fetcher { tls: Arc::new(tls), voice: voice(), takes_anything: false },
            certify: Arc::new(|_, _| Err("no certificates here".into())),
            restart: Restart::new(Duration::ZERO),
            only_says_so: false,
            tells_of_others: false,
        }
    }

    /// A voice that nobody hears.
    pub(in super::super) fn voice() -> Voice {
        Voice::new(Arc::new(Teller::new(Box::new(std::io::sink()))))
    }

    fn told(topic: &str, said: &Value) -> Publish {
        Publish::new(format!("$aws/things/app/jobs/{topic}"), QoS::AtMostOnce, said.to_string())
    }

    fn said(packet: &Packet) -> (String, Value) {
        let Packet::Publish(publish) = packet else { panic!("no publication: {packet:?}") };
        (publish.topic.clone(), serde_json::from_slice(&publish.payload).unwrap())
    }

    fn execution(job: &str, operation: &str, status: &str) -> Value {
        let document = json!({ "operation": operation });
        json!({ "execution": { "jobId": job, "status": status, "jobDocument": document } })
    }

    async fn next(jobs: &mut Jobs) -> Option<(String, Value)> {
        match jobs.next().await {
            Next::Say(packet) => Some(said(&packet)),
            Next::Restart => None,
        }
    }

    #[tokio::test]
    async fn what_is_not_known_is_refused_and_one_thing_is_done_at_a_time() {
        let mut jobs = Jobs::new("app", means());
        assert!(jobs.take(&told("$next/get/accepted", &json!({})), &voice()).is_empty());
        let other = Publish::new("$aws/things/other/jobs/notify-next", QoS::AtMostOnce, "{}");
        assert!(jobs.take(&other, &voice()).is_empty());
        jobs.take(&told("$next/get/accepted", &execution("j-1", "dance", "QUEUED")), &voice());
        jobs.take(&told("notify-next", &execution("j-2", "dance", "QUEUED")), &voice());
        let (topic, refused) = next(&mut jobs).await.unwrap();
        assert_eq!(
            (topic.as_str(), &refused["status"]),
            ("$aws/things/app/jobs/j-1/update", &json!("REJECTED"))
        );
        assert!(jobs.done.try_recv().is_err(), "the second waits until it is told again");
        jobs.take(&told("notify-next", &execution("j-2", "scan-cameras", "QUEUED")), &voice());
        assert_eq!(next(&mut jobs).await.unwrap().1["status"], "REJECTED", "nobody is to look for cameras");
    }

    #[tokio::test]
    async fn monitoring_is_answered_at_once_also_from_behind() {
        let mut jobs = Jobs::new("app", means());
        jobs.take(&told("notify-next", &execution("j-1", "reboot", "QUEUED")), &voice());
        let list = json!({ "jobs": { "QUEUED": [{ "jobId": "status-7" }] } });
        let asked = jobs.take(&told("notify", &list), &voice());
        assert_eq!(said(&asked[0]).0, "$aws/things/app/jobs/status-7/get");
        let answered =
            jobs.take(&told("status-7/get/accepted", &execution("status-7", "status", "QUEUED")), &voice());
        let (topic, answer) = said(&answered[0]);
        assert_eq!(
            (topic.as_str(), &answer["status"]),
            ("$aws/things/app/jobs/status-7/update", &json!("SUCCEEDED"))
        );
        assert_eq!(answer["statusDetails"]["softwareVersion"], env!("CARGO_PKG_VERSION"));
        let again = jobs.take(&told("notify-next", &execution("status-7", "status", "QUEUED")), &voice());
        assert!(again.is_empty(), "once");
    }

    #[tokio::test]
    async fn a_restart_goes_over_two_sessions() {
        let mut jobs = Jobs::new("app", means());
        jobs.take(&told("notify-next", &execution("j-1", "reboot", "QUEUED")), &voice());
        let Next::Say(packet) = jobs.next().await else { panic!("it goes on") };
        let Packet::Publish(Publish { qos: QoS::AtLeastOnce, .. }) = packet else { panic!("{packet:?}") };
        let (_, going) = said(&packet);
        assert_eq!(going, json!({ "status": "IN_PROGRESS", "statusDetails": { "step": "REBOOTING" } }));
        assert_eq!(next(&mut jobs).await, None, "a restart");
        let mut jobs = Jobs::new("app", means());
        let mut again = execution("j-1", "reboot", "IN_PROGRESS");
        again["execution"]["statusDetails"] = json!({ "step": "REBOOTING" });
        jobs.take(&told("$next/get/accepted", &again), &voice());
        assert_eq!(next(&mut jobs).await.unwrap().1, json!({ "status": "SUCCEEDED" }));
    }
}
