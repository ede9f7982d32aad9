//! IoT Core beside its broker: who may do what, what is asked by message, and the HTTPS side.
//!
//! ```text
//! registry   certificates, things, policies     policy     what a document allows
//! presence   life-cycle events                  data       publish, retained messages
//! control    the control plane                  provisioning   certificates for new devices
//! ```

pub(crate) mod control;
mod data;
pub(crate) mod policy;
pub(crate) mod presence;
pub(crate) mod provisioning;
pub(crate) mod registry;

use bytes::Bytes;
use hyper::Method;
use hyper::http::request::Parts;

use self::presence::Visitor;
use self::registry::{Deed, Principal};
use crate::answer::{Failure, Wire};
use crate::cloud::Cloud;
use crate::https::Call;
use crate::jobs::{self, Reply};
use crate::mqtt::Message;
use crate::service::{JOBS_DATA, Service};
use crate::{operator, panorama, shadow};

/// Who sends a message.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) client_id: &'a str,
    /// None where no certificate was shown.
    pub(crate) principal: Option<&'a Principal>,
}

/// Takes a message whose topic and sender are allowed: passes it on, and answers what it asks.
pub(crate) fn take(cloud: &Cloud, caller: Caller<'_>, message: Message) {
    let now = cloud.clock.milliseconds();
    let reply = cloud.jobs.take(&message, now);
    let certificate = provisioning::take(cloud, caller, &message);
    let of_shadows = cloud.shadows.take(&message, now / 1000);
    pass_on(cloud, message);
    cloud.publish_own(of_shadows.unwrap_or_default());
    if let Some(answer) = certificate {
        cloud.broker.send_to(caller.client_id, answer);
    }
    if let Some(Reply { answer, notices, changed: job }) = reply {
        // Straight to whoever asked, subscribed or not, and before anybody hears of what has changed.
        cloud.broker.send_to(caller.client_id, answer);
        cloud.publish_own(notices);
        if let Some((thing, job)) = job {
            changed(cloud, &thing, &job);
        }
    }
}

/// A thing has said how a job goes.
pub(crate) fn changed(cloud: &Cloud, thing: &str, job: &str) {
    operator::heard(cloud, thing, job);
    panorama::heard(cloud, thing, job);
}

/// To whoever has subscribed.
fn pass_on(cloud: &Cloud, message: Message) {
    cloud.facts.stored(Service::Iot, &message.topic, message.payload.len());
    cloud.broker.publish(message);
}

/// A client is connected.
pub(crate) fn came(cloud: &Cloud, visitor: &Visitor) {
    cloud.broker.publish(presence::connected(visitor, cloud.clock.milliseconds()));
}

/// A client is gone; `event` tells others how.
pub(crate) fn went(cloud: &Cloud, visitor: &Visitor, event: Message) {
    // One that was replaced by itself is not gone.
    if !cloud.broker.is_here(&visitor.client_id) {
        let lost = cloud.panorama.gone(&visitor.client_id);
        lost.into_iter().for_each(|fact| cloud.facts.say(fact));
    }
    cloud.broker.publish(event);
}

/// What a request to a service is signed for: the data plane of jobs is at the same host, and has a name of its own.
pub(crate) fn signing_name(service: Service, parts: &Parts) -> Option<&'static str> {
    let of_jobs =
        |path: &str| matches!(path.split('/').collect::<Vec<_>>()[..], ["", "things", _, "jobs", ..]);
    match service {
        Service::Iot if of_jobs(parts.uri.path()) => Some(JOBS_DATA),
        _ => service.signing_name(),
    }
}

/// Answers one call of the data plane; `who`: whose certificate, none if the request is signed.
pub(crate) fn answer(call: &Call<'_>, cloud: &Cloud, who: Option<&Principal>) -> Result<Bytes, Failure> {
    let path = call.path();
    let levels: Vec<&str> = path.iter().map(String::as_str).collect();
    let answer = match (&call.parts.method, &levels[..]) {
        (&Method::POST, ["topics", topic]) => data::publish(topic, call, cloud, who),
        (&Method::GET, ["retainedMessage", topic]) if who.is_none() => data::retained(topic, cloud),
        (_, ["things", thing, "jobs", rest @ ..]) if who.is_none() => {
            return jobs::data(thing, rest, call, cloud).map(data::written);
        }
        (method, ["things", thing, "shadow"]) => {
            match who.is_none_or(|who| who.may(of_shadow(method, thing), None)) {
                true => shadow::answer(thing, call, cloud),
                false => Err(refused()),
            }
        }
        (&Method::GET, ["api", "things", "shadow", "ListNamedShadowsForThing", thing]) => {
            match who.is_none_or(|who| who.may(Deed::ListShadows(thing), None)) {
                true => shadow::list(thing, call, cloud),
                false => Err(refused()),
            }
        }
        (&Method::GET, ["retainedMessage"]) if who.is_none() => data::all_retained(call, cloud),
        _ => Err(Failure::unknown_action(Wire::RestJson, call.parts.uri.path())),
    };
    answer.map(data::written)
}

fn of_shadow<'a>(method: &Method, thing: &'a str) -> Deed<'a> {
    match *method {
        Method::GET => Deed::GetShadow(thing),
        Method::DELETE => Deed::DeleteShadow(thing),
        _ => Deed::UpdateShadow(thing),
    }
}

/// The policy does not allow it.
fn refused() -> Failure {
    Failure::new(403, "ForbiddenException", "the policy of the certificate does not allow that")
}
