//! Whoever runs a site: has a thing do what operators have appliances do, by jobs of IoT Core's, and says how each went.
//!
//! What a thing fetches lies in the first bucket, and its links lead to the access point, as the documents have it. What the
//! product's own job documents look like is not published; these are [`fake-appliance`'s](crate::panorama).

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fake_facts::Fact;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cloud::Cloud;
use crate::files;
use crate::iot::policy::Policy;
use crate::iot::registry::Missing;
use crate::jobs::{Job, is_job_id};
use crate::s3::first_bucket;

/// Bytes of what a deployment and an update have fetched: little, and more than one TCP segment.
const ARTEFACT: usize = 16 * 1024;
/// Longest word of a thing that is passed on, in characters, and how many are.
const LONGEST_WORD: usize = 1024;
const MOST_WORDS: usize = 10;
/// Longest beginning of a job's name.
const LONGEST_NAME: usize = 56;

/// What a thing may be given to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// An application: its artefacts are fetched and looked at.
    Deployment,
    /// Another software version, which it runs after a restart.
    Update,
    /// How often it gives signs of life.
    Configuration,
    /// A new certificate, which it shows after a restart.
    Credentials,
    /// A restart.
    Restart,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Update => "update",
            Self::Configuration => "configuration",
            Self::Credentials => "credentials",
            Self::Restart => "restart",
        }
    }
}

/// Something that a thing shall be given to do.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Give {
    /// What.
    #[serde(rename = "give")]
    pub(crate) kind: Kind,
    /// To whom.
    pub(crate) to: String,
    /// How its name begins; a number follows. None: thing and kind.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// What it fetches is not what the job says that it is.
    #[serde(default)]
    pub(crate) spoiled: bool,
    /// Of a configuration: milliseconds between signs of life.
    #[serde(default = "second")]
    pub(crate) every_ms: u64,
}

/// Milliseconds between signs of life where nothing else is said.
pub(crate) fn second() -> u64 {
    1000
}

/// Why nothing was given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no job can be called `{0}-1`")]
    Name(String),
    #[error("there is no thing `{0}`")]
    NoThing(String),
    #[error(transparent)]
    File(#[from] files::Error),
    #[error("a certificate cannot be made: {0}")]
    Certificate(String),
    #[error(transparent)]
    Missing(#[from] Missing),
}

/// What was given, and is not over: thing and job.
#[derive(Default)]
pub(crate) struct Orders(Mutex<Open>);

#[derive(Default)]
struct Open {
    given: u64,
    pending: BTreeSet<(String, String)>,
}

impl Orders {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a thing something to do, and says so.
pub(crate) fn give(order: &Give, cloud: &Cloud) -> Result<(), Error> {
    if !cloud.registry.has_thing(&order.to) {
        return Err(Error::NoThing(order.to.clone()));
    }
    let number = {
        let mut open = cloud.orders.lock();
        open.given += 1;
        open.given
    };
    let name = order.name.clone().unwrap_or_else(|| format!("{}-{}", order.to, order.kind.word()));
    let job = format!("{name}-{number}");
    if name.len() > LONGEST_NAME || !is_job_id(&job) {
        return Err(Error::Name(name));
    }
    let (document, expects) = document(order, &job, number, cloud)?;
    cloud.orders.lock().pending.insert((order.to.clone(), job.clone()));
    let (thing, kind) = (order.to.clone(), order.kind.word().to_owned());
    cloud.facts.say(Fact::Ordered { thing, job: job.clone(), kind, expects });
    let now = cloud.clock.milliseconds();
    let mut made = Job::new(&job, &document.to_string(), now);
    made.targets = vec![cloud.arn("iot", &format!("thing/{}", order.to))];
    cloud.publish_own(cloud.jobs.create(made, std::slice::from_ref(&order.to), now));
    Ok(())
}

/// Tells once this job is over, too.
pub(crate) fn awaited(cloud: &Cloud, thing: &str, job: &str) {
    cloud.orders.lock().pending.insert((thing.to_owned(), job.to_owned()));
}

/// A thing has said how a job goes; whether it is over, of one that was given here, is told.
pub(crate) fn heard(cloud: &Cloud, thing: &str, job: &str) {
    let Some(execution) = cloud.jobs.execution(thing, job).filter(|one| one.status.is_terminal()) else {
        return;
    };
    if !cloud.orders.lock().pending.remove(&(thing.to_owned(), job.to_owned())) {
        return;
    }
    let line = |text: &str| -> String {
        text.chars().map(|one| if one.is_control() { ' ' } else { one }).take(LONGEST_WORD).collect()
    };
    let details = execution.details.iter().filter_map(|(key, said)| Some((line(key), line(said.as_str()?))));
    cloud.facts.say(Fact::Ended {
        thing: thing.into(),
        job: job.into(),
        status: execution.status.word().into(),
        details: details.take(MOST_WORDS).collect(),
    });
}

/// The document of a job, and what must come of it.
fn document(order: &Give, job: &str, number: u64, cloud: &Cloud) -> Result<(Value, String), Error> {
    let body: Vec<u8> = (0..ARTEFACT).map(|at| (at as u64 ^ number) as u8).collect();
    Ok(match order.kind {
        Kind::Deployment => {
            let artefact = artefact(&format!("{job}/application.bin"), &body, order.spoiled, cloud)?;
            let document =
                json!({ "operation": "deploy", "applicationInstanceId": job, "artefacts": [artefact] });
            (document, job.to_owned())
        }
        Kind::Update => {
            let version = format!("7.{number}.0");
            let mut document = artefact(&format!("{job}/image.bin"), &body, order.spoiled, cloud)?;
            document["operation"] = "ota".into();
            document["imageVersion"] = version.as_str().into();
            (document, version)
        }
        Kind::Configuration => {
            let document = json!({ "operation": "configuration", "monitorEveryMs": order.every_ms });
            (document, order.every_ms.to_string())
        }
        Kind::Credentials => {
            let made = cloud.issue(true).map_err(Error::Certificate)?;
            cloud.registry.admit(&made.id, Some(&order.to), Policy::own_topics());
            let keep = |name: &str, text: &str| {
                artefact(&format!("{job}/{name}"), text.as_bytes(), order.spoiled, cloud)
            };
            let document = json!({
                "operation": "credentials",
                "certificate": keep("cert.pem", &made.pem)?,
                "privateKey": keep("key.pem", &made.private_key)?,
            });
            (document, made.id)
        }
        Kind::Restart => (json!({ "operation": "reboot" }), String::new()),
    })
}

/// Keeps something to be fetched; its name, hash and link. One that is spoiled is not what its hash says.
fn artefact(key: &str, body: &[u8], spoiled: bool, cloud: &Cloud) -> Result<Value, Error> {
    let hash = hex::encode(Sha256::digest(body));
    let kept = if spoiled { [body, b"?"].concat() } else { body.to_vec() };
    cloud.objects.keep(key, &kept)?;
    let place = match cloud.names.is_local() {
        // `localhost` has buckets, and no access points.
        true => format!("s3.{}.amazonaws.com/{}", cloud.names.region(), first_bucket(&cloud.names)),
        false => cloud.names.corrected().s3,
    };
    let url = format!("${{aws:iot:s3-presigned-url:https://{place}/{key}}}");
    Ok(json!({ "name": key, "sha256": hash, "url": url }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_whole_or_not_at_all() {
        let read = |text: &str| serde_json::from_str::<Give>(text);
        let plain = read(r#"{"give":"update","to":"app"}"#).unwrap();
        assert_eq!((plain.kind, plain.spoiled, plain.every_ms), (Kind::Update, false, 1000));
        assert!(read(r#"{"give":"credentials","to":"app","spoiled":true}"#).unwrap().spoiled);
        for bad in [
            r#"{"give":"dance","to":"app"}"#,
            r#"{"give":"update"}"#,
            r#"{"give":"update","to":"a","and":1}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
