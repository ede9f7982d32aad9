//! Who has which certificate, which thing it belongs to, and what its policies say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use super::policy::{self, Asking, Policy};

/// Things, certificates and policies of the account.
#[derive(Default)]
pub(crate) struct Registry {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    things: BTreeSet<String>,
    certificates: BTreeMap<String, Certificate>,
    policies: BTreeMap<String, Arc<Policy>>,
}

#[derive(Clone, Default)]
struct Certificate {
    thing: Option<String>,
    policies: Vec<Arc<Policy>>,
    /// Nobody gets in with it.
    inactive: bool,
    /// When it is forgotten.
    until: Option<SystemTime>,
}

/// Whether a thing may be called so: 1 to 64 letters, digits, hyphens and underscores (IoT Core's alphabet less the colon,
/// and half its length).
pub(crate) fn is_thing_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// What is not there.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Missing {
    #[error("there is no policy {0}")]
    Policy(String),
    #[error("there is no certificate {0}")]
    Certificate(String),
    #[error("there is no thing {0}")]
    Thing(String),
}

/// The holder of a certificate that is known here.
#[derive(Clone)]
pub(crate) struct Principal {
    /// Hex SHA-256 of the certificate.
    pub(crate) certificate_id: String,
    /// The thing that it belongs to.
    pub(crate) thing: Option<String>,
    policies: Vec<Arc<Policy>>,
    /// `REGION:ACCOUNT`, as ARNs have it.
    place: Arc<str>,
}

/// What somebody wants to do, and with what; each has its action and its kind of resource.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed<'a> {
    Connect(&'a str),
    Publish(&'a str),
    Retain(&'a str),
    Subscribe(&'a str),
    Receive(&'a str),
    GetShadow(&'a str),
    UpdateShadow(&'a str),
    DeleteShadow(&'a str),
    ListShadows(&'a str),
    AssumeRole(&'a str),
}

impl Registry {
    /// A thing, whether or not it has a certificate.
    pub(crate) fn add_thing(&self, thing: &str) {
        self.lock().things.insert(thing.into());
    }

    /// Forgets a thing; its certificates stay, and are no thing's.
    pub(crate) fn remove_thing(&self, thing: &str) {
        let mut state = self.lock();
        state.things.remove(thing);
        for certificate in state.certificates.values_mut().filter(|one| one.thing.as_deref() == Some(thing)) {
            certificate.thing = None;
        }
    }

    /// Whether there is such a thing.
    pub(crate) fn has_thing(&self, thing: &str) -> bool {
        self.lock().things.contains(thing)
    }

    /// All things, by name.
    pub(crate) fn things(&self) -> Vec<String> {
        self.lock().things.iter().cloned().collect()
    }

    /// A certificate that is no thing's yet and may do nothing.
    pub(crate) fn add_certificate(&self, certificate_id: &str, active: bool) {
        let certificate = Certificate { inactive: !active, ..Certificate::default() };
        self.lock().certificates.insert(certificate_id.into(), certificate);
    }

    /// Has a certificate forgotten at a time.
    pub(crate) fn expire(&self, certificate_id: &str, until: SystemTime) -> Result<(), Missing> {
        self.lock().certificate(certificate_id)?.until = Some(until);
        Ok(())
    }

    /// Keeps a policy under a name; false if there is one already.
    pub(crate) fn add_policy(&self, name: &str, policy: Policy) -> bool {
        let mut state = self.lock();
        let free = !state.policies.contains_key(name);
        if free {
            state.policies.insert(name.into(), Arc::new(policy));
        }
        free
    }

    /// Lets the holder of a certificate do what a policy says as well.
    pub(crate) fn attach_policy(&self, name: &str, certificate_id: &str) -> Result<(), Missing> {
        let mut state = self.lock();
        let policy = state.policies.get(name).cloned().ok_or_else(|| Missing::Policy(name.into()))?;
        state.certificate(certificate_id)?.policies.push(policy);
        Ok(())
    }

    /// Makes a certificate that of a thing.
    pub(crate) fn attach_thing(&self, thing: &str, certificate_id: &str) -> Result<(), Missing> {
        let mut state = self.lock();
        if !state.things.contains(thing) {
            return Err(Missing::Thing(thing.into()));
        }
        state.certificate(certificate_id)?.thing = Some(thing.into());
        Ok(())
    }

    /// Lets the holder of a certificate in as this thing, to do what the policy says.
    pub(crate) fn admit(&self, certificate_id: &str, thing: Option<&str>, policy: Policy) {
        let mut state = self.lock();
        state.things.extend(thing.map(str::to_owned));
        let (thing, policies) = (thing.map(str::to_owned), vec![Arc::new(policy)]);
        let certificate = Certificate { thing, policies, ..Certificate::default() };
        state.certificates.insert(certificate_id.into(), certificate);
    }

    /// The holder of a certificate; none if it is nobody's, or not good any more.
    pub(crate) fn principal(
        &self,
        certificate_id: &str,
        place: &Arc<str>,
        now: SystemTime,
    ) -> Option<Principal> {
        let certificate = self.lock().certificates.get(certificate_id)?.clone();
        let Certificate { thing, policies, inactive, until } = certificate;
        if inactive || until.is_some_and(|until| until <= now) {
            return None;
        }
        Some(Principal { certificate_id: certificate_id.into(), thing, policies, place: place.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    fn certificate(&mut self, id: &str) -> Result<&mut Certificate, Missing> {
        self.certificates.get_mut(id).ok_or_else(|| Missing::Certificate(id.into()))
    }
}

impl Principal {
    /// Whether the policies allow it; `client_id`: of the MQTT client, none over HTTPS.
    pub(crate) fn may(&self, deed: Deed<'_>, client_id: Option<&str>) -> bool {
        let (action, kind, name) = match deed {
            Deed::Connect(name) => ("iot:Connect", "client", name),
            Deed::Publish(name) => ("iot:Publish", "topic", name),
            Deed::Retain(name) => ("iot:RetainPublish", "topic", name),
            Deed::Subscribe(name) => ("iot:Subscribe", "topicfilter", name),
            Deed::Receive(name) => ("iot:Receive", "topic", name),
            Deed::GetShadow(name) => ("iot:GetThingShadow", "thing", name),
            Deed::UpdateShadow(name) => ("iot:UpdateThingShadow", "thing", name),
            Deed::DeleteShadow(name) => ("iot:DeleteThingShadow", "thing", name),
            Deed::ListShadows(name) => ("iot:ListNamedShadowsForThing", "thing", name),
            Deed::AssumeRole(name) => ("iot:AssumeRoleWithCertificate", "rolealias", name),
        };
        let resource = format!("arn:aws:iot:{}:{kind}/{name}", self.place);
        let asking = Asking { client_id, thing: self.thing.as_deref() };
        policy::allows(self.policies.iter().map(AsRef::as_ref), action, &resource, asking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_of_nobody_is_no_principal() {
        let registry = Registry::default();
        let place: Arc<str> = "eu-west-1:123456789012".into();
        registry.admit("c1", Some("app"), Policy::own_topics());
        let now = SystemTime::now();
        assert!(registry.principal("c2", &place, now).is_none());
        let app = registry.principal("c1", &place, now).unwrap();
        assert_eq!(app.thing.as_deref(), Some("app"));
        assert!(app.may(Deed::Connect("app"), Some("app")));
        assert!(!app.may(Deed::Publish("panorama/other/status"), Some("app")));
    }

    #[test]
    fn a_certificate_is_good_while_it_is_active_and_not_expired() {
        let registry = Registry::default();
        let place: Arc<str> = "eu-west-1:123456789012".into();
        let now = SystemTime::now();
        let known = |at| registry.principal("c1", &place, at).is_some();
        registry.add_certificate("c1", false);
        assert!(!known(now));
        registry.add_certificate("c1", true);
        registry.expire("c1", now + std::time::Duration::from_secs(300)).unwrap();
        assert!(known(now) && !known(now + std::time::Duration::from_secs(300)));
        assert_eq!(registry.attach_thing("app", "c1"), Err(Missing::Thing("app".into())));
        registry.add_thing("app");
        registry.attach_thing("app", "c1").unwrap();
        assert_eq!(registry.attach_policy("own", "c1"), Err(Missing::Policy("own".into())));
        assert!(
            registry.add_policy("own", Policy::own_topics())
                && !registry.add_policy("own", Policy::own_topics())
        );
        registry.attach_policy("own", "c1").unwrap();
        let app = registry.principal("c1", &place, now).unwrap();
        assert!(app.may(Deed::Connect("app"), Some("app")));
        registry.remove_thing("app");
        let nobody = registry.principal("c1", &place, now).unwrap();
        assert!(!nobody.may(Deed::Connect("app"), Some("app")));
    }
}
