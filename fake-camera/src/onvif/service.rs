//! A SOAP request → its answer: who asks is found out, the operation is carried out.

use std::net::SocketAddr;

use time::OffsetDateTime;

use super::call::{self, Call};
use super::device::Device;
use super::digest::Shown;
use super::envelope::{self, Envelope};
use super::fault::Fault;
use super::names::SECURITY;
use super::token;

/// What goes back to the client, and what is told about it.
#[derive(Debug)]
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: u16,
    /// The envelope.
    pub(super) text: String,
    /// Whether the client should try again with HTTP's credentials, and whether only its nonce was too old.
    pub(super) challenge: Option<Challenge>,
    /// Who was let in; empty where nobody needs to be. `Err` says why nobody was.
    pub(super) user: Result<String, String>,
    /// The name that the envelope shows of a user who is not the camera's; `None` if it shows none, or the right one.
    pub(super) misnamed: Option<String>,
}

/// How a client is asked for credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// For the first time, or again.
    New,
    /// The credentials were right, the nonce too old.
    Stale,
}

/// Answers one request that reached the camera at `host`; `shown` is what HTTP's credentials are worth.
pub(super) fn answer(
    device: &Device,
    host: SocketAddr,
    now: OffsetDateTime,
    shown: &Shown,
    body: &[u8],
) -> Answer {
    let envelope = match envelope::read(body) {
        Ok(envelope) => envelope,
        Err(fault) => return refusal(&fault, None),
    };
    let user = match user(device, now, shown, &envelope) {
        Ok(user) => user,
        Err((fault, challenge)) => {
            let misnamed = misnamed(device, &envelope);
            return Answer { misnamed, ..refusal(&fault, challenge) };
        }
    };
    let misnamed = None;
    match call::answer(&Call { device, host, now, asked: &envelope.body }) {
        Ok(inner) => {
            let text = envelope::write("", &inner);
            Answer { status: 200, text, challenge: None, user: Ok(user), misnamed }
        }
        Err(fault) => Answer {
            status: fault.status(),
            text: envelope::write("", &fault.to_xml()),
            challenge: None,
            user: Ok(user),
            misnamed,
        },
    }
}

fn refusal(fault: &Fault, challenge: Option<Challenge>) -> Answer {
    let status = if challenge.is_some() { 401 } else { fault.status() };
    let text = envelope::write("", &fault.to_xml());
    Answer { status, text, challenge, user: Err(fault.reason.clone()), misnamed: None }
}

fn misnamed(device: &Device, envelope: &Envelope) -> Option<String> {
    let shown = token::user(envelope.block(SECURITY, "Security")?)?;
    let is_own = device.login.as_ref().is_some_and(|login| login.user == shown);
    (!is_own).then(|| shown.to_owned())
}

/// Who asks; what stands in the envelope counts before what HTTP says (ONVIF Core Specification, section 5.9.4).
fn user(
    device: &Device,
    now: OffsetDateTime,
    shown: &Shown,
    envelope: &Envelope,
) -> Result<String, (Fault, Option<Challenge>)> {
    let Some(login) = &device.login else { return Ok(String::new()) };
    if call::needs_no_user(&envelope.body) {
        return Ok(String::new());
    }
    if let Some(security) = envelope.block(SECURITY, "Security") {
        return token::judge(security, login, now).map_err(|reason| (Fault::not_authorized(reason), None));
    }
    let refused = |reason: &str, challenge| Err((Fault::not_authorized(reason), Some(challenge)));
    match shown {
        Shown::User(user) => Ok(user.clone()),
        Shown::Stale => refused("the nonce is too old", Challenge::Stale),
        Shown::Wrong => refused("wrong user name or password", Challenge::New),
        Shown::Nothing => refused("no credentials", Challenge::New),
    }
}
