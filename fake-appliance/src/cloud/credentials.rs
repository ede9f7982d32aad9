//! What requests are signed with: credentials of a session, which the certificate is exchanged for and which are renewed
//! before they end (AWS IoT Core Developer Guide, "Authorizing direct calls to AWS services").

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fake_facts::Fact;
use http_body_util::Full;
use hyper::{HeaderMap, Request};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::Identity;
use super::https::{Error, PATIENCE, connect, exchange};
use crate::config::ClientFile;
use crate::restart::Restart;
use crate::voice::Voice;

const SERVICE: &str = "credentials";
/// Credentials are renewed so long before they end, or at three quarters of their life if that is later.
const EARLY: Duration = Duration::from_secs(300);

/// Where credentials come from, shared by all who sign.
pub(super) struct Chain {
    client: Arc<ClientFile>,
    thing: String,
    identity: Identity,
    voice: Voice,
    restart: Restart,
    held: Mutex<Option<Held>>,
}

/// Credentials, and until when they are used.
struct Held {
    keys: Arc<Keys>,
    renew: Instant,
    /// After so many restarts: none outlives one.
    restarts: u64,
}

/// What signs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Keys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: String,
    /// When they end, RFC 3339.
    expiration: String,
}

/// The provider's answer.
#[derive(Deserialize)]
struct Answer {
    credentials: Keys,
}

impl Chain {
    /// `identity` shows the certificate of `thing`.
    pub(super) fn new(
        client: Arc<ClientFile>,
        thing: &str,
        identity: Identity,
        voice: Voice,
        restart: Restart,
    ) -> Self {
        Self { client, thing: thing.to_owned(), identity, voice, restart, held: Mutex::new(None) }
    }

    /// Credentials that hold; whoever asks while they are fetched waits for them.
    pub(super) async fn keys(&self) -> Result<Arc<Keys>, Error> {
        let mut held = self.held.lock().await;
        let (asked, restarts) = (Instant::now(), self.restart.times());
        if let Some(held) = held.as_ref().filter(|held| asked < held.renew && restarts == held.restarts) {
            return Ok(Arc::clone(&held.keys));
        }
        let (headers, body) = self.ask().await.map_err(|error| Error::Credentials(Box::new(error)))?;
        let Answer { credentials } = serde_json::from_slice(&body).map_err(unreadable)?;
        // From the answer on, whose date it is reckoned from: a connection may take its time before.
        let renew = Instant::now() + until_renewal(life(&headers, &credentials.expiration)?);
        self.voice.delivered(SERVICE, &credentials.access_key_id);
        let keys = Arc::new(credentials);
        *held = Some(Held { keys: Arc::clone(&keys), renew, restarts });
        Ok(keys)
    }

    /// Credentials that were refused as ended are not shown again, whatever the clock here says.
    pub(super) async fn forget(&self, ended: &Keys) {
        self.held.lock().await.take_if(|held| held.keys.access_key_id == ended.access_key_id);
    }

    async fn ask(&self) -> Result<(HeaderMap, Bytes), Error> {
        let host = &self.client.endpoints.credentials;
        let (mut sender, peer) =
            connect(&self.voice, host, self.client.https_port, &self.identity.https()).await?;
        self.voice.tell(Fact::Connected { service: SERVICE.to_owned(), peer, camera: None });
        let path = format!("/role-aliases/{}/credentials", self.client.role_alias);
        let request = Request::get(path).header("host", host).header("x-amzn-iot-thingname", &self.thing);
        let request =
            request.body(Full::new(Bytes::new())).map_err(|error| Error::Sign(error.to_string()))?;
        let answer =
            timeout(PATIENCE, exchange(&mut sender, request)).await.map_err(|_| Error::Silence)??;
        match answer.status.is_success() {
            true => Ok((answer.headers, answer.body)),
            false => Err(answer.refused()),
        }
    }
}

/// How long credentials hold, by the clock of whoever gave them: ours may be another.
pub(super) fn life(headers: &HeaderMap, expiration: &str) -> Result<Duration, Error> {
    let now = headers.get("date").and_then(|date| date.to_str().ok()).unwrap_or_default();
    // An HTTP date (RFC 9110, section 5.6.7) is one of e-mail's whose zone has the old name.
    let now = OffsetDateTime::parse(&now.replace("GMT", "+0000"), &Rfc2822).map_err(unreadable)?;
    let end = OffsetDateTime::parse(expiration, &Rfc3339).map_err(unreadable)?;
    Ok((end - now).try_into().unwrap_or_default())
}

pub(super) fn until_renewal(life: Duration) -> Duration {
    life.saturating_sub(EARLY.min(life / 4))
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::Answer(format!("credentials: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_renewed_before_they_end() {
        let renewed = |seconds| until_renewal(Duration::from_secs(seconds)).as_secs();
        assert_eq!((renewed(3600), renewed(900), renewed(4), renewed(0)), (3300, 675, 3, 0));
    }

    #[test]
    fn their_life_is_told_by_the_clock_of_whoever_gave_them() {
        let mut headers = HeaderMap::new();
        headers.insert("date", "Sat, 31 Jan 2026 12:00:00 GMT".parse().unwrap());
        assert_eq!(life(&headers, "2026-01-31T13:00:00Z").unwrap(), Duration::from_secs(3600));
        assert_eq!(life(&headers, "2026-01-31T11:00:00Z").unwrap(), Duration::ZERO);
        assert!(life(&headers, "tomorrow").is_err());
        assert!(life(&HeaderMap::new(), "2026-01-31T13:00:00Z").is_err());
    }
}
