//! Temporary credentials: who holds them, until when, and how the cloud knows its own.
//!
//! Nothing is kept. A token carries what is to be known, sealed with a secret of the cloud's, and the key's secret
//! follows from its name and that same secret. So a cloud that is started again still knows what it gave out, as AWS
//! does, and nobody can fill its memory by asking.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sigv4::sign::v4::calculate_signature as hmac_sha256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::keys::{Key, NoRandomness, random_text};

/// How access key ids of temporary credentials begin (IAM user guide, "IAM identifiers").
const TEMPORARY: &str = "ASIA";
/// Length of the seal, hex SHA-256.
const SEAL: usize = 64;

/// Who somebody is to IAM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Principal {
    /// `arn:aws:iam::ACCOUNT:user/NAME` or `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub(crate) arn: String,
    /// `AIDA…` of a user, `AROA…:SESSION` of a role's session.
    pub(crate) id: String,
}

/// Credentials that end.
#[derive(Clone, Debug)]
pub(crate) struct Temporary {
    pub(crate) key: Key,
    pub(crate) token: String,
    /// By the cloud's clock.
    pub(crate) expires: SystemTime,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Content {
    key: String,
    /// Seconds since 1970.
    until: u64,
    principal: Principal,
}

/// Why a token opens nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It is none of ours, or not that of the key.
    Token,
    /// It was ours, until then.
    Expired(SystemTime),
}

/// Gives out temporary credentials, and knows them again.
pub(crate) struct Sessions {
    secret: String,
}

impl Sessions {
    /// `secret` is nobody's but the cloud's.
    pub(crate) fn new(secret: String) -> Self {
        Self { secret }
    }

    /// New credentials for `principal` that end `lifetime` after `now`.
    pub(crate) fn give(
        &self,
        principal: Principal,
        now: SystemTime,
        lifetime: Duration,
    ) -> Result<Temporary, NoRandomness> {
        let id = format!("{TEMPORARY}{}", random_text(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?);
        let until = (now + lifetime).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let expires = UNIX_EPOCH + Duration::from_secs(until);
        let token = self.seal_for(&id, principal, expires);
        Ok(Temporary { key: Key { secret: self.secret_of(&id), id }, token, expires })
    }

    /// A token for the key called `id`.
    pub(crate) fn seal_for(&self, id: &str, principal: Principal, expires: SystemTime) -> String {
        let until = expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let content = Content { key: id.to_owned(), until, principal };
        let content = serde_json::to_string(&content).expect("text and a number");
        BASE64.encode(format!("{}{content}", self.seal(&content)))
    }

    /// Whether a key of this name is one of ours to give; its secret is that, whoever shows it.
    pub(crate) fn key(&self, id: &str) -> Option<Key> {
        id.starts_with(TEMPORARY).then(|| Key { id: id.to_owned(), secret: self.secret_of(id) })
    }

    /// Who showed this token with this key.
    pub(crate) fn known(&self, id: &str, token: &str, now: SystemTime) -> Result<Principal, Unknown> {
        let opened = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let opened = opened.ok_or(Unknown::Token)?;
        let (seal, content) = opened.split_at_checked(SEAL).ok_or(Unknown::Token)?;
        if seal != self.seal(content) {
            return Err(Unknown::Token);
        }
        let content: Content = serde_json::from_str(content).map_err(|_| Unknown::Token)?;
        let until = UNIX_EPOCH + Duration::from_secs(content.until);
        match content.key == id {
            false => Err(Unknown::Token),
            true if now >= until => Err(Unknown::Expired(until)),
            true => Ok(content.principal),
        }
    }

    fn secret_of(&self, id: &str) -> String {
        hmac_sha256(&self.secret, format!("secret of {id}").as_bytes()).chars().take(40).collect()
    }

    fn seal(&self, content: &str) -> String {
        hmac_sha256(&self.secret, format!("token of {content}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal() -> Principal {
        Principal { arn: "arn:aws:sts::123456789012:assumed-role/r/s".into(), id: "AROA:s".into() }
    }

    fn sessions(secret: &str) -> Sessions {
        Sessions::new(secret.into())
    }

    #[test]
    fn a_cloud_that_starts_again_knows_what_it_gave_until_it_ends() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let given = sessions("a").give(principal(), now, Duration::from_secs(900)).unwrap();
        let later =
            |seconds| sessions("a").known(&given.key.id, &given.token, now + Duration::from_secs(seconds));
        assert_eq!(later(0), Ok(principal()));
        assert_eq!(later(899), Ok(principal()));
        assert_eq!(later(900), Err(Unknown::Expired(given.expires)));
        assert_eq!(sessions("a").key(&given.key.id), Some(given.key.clone()));
        assert_eq!((given.key.id.len(), given.key.secret.len()), (20, 40));
    }

    #[test]
    fn a_token_of_another_key_another_cloud_or_nobody_opens_nothing() {
        let now = SystemTime::now();
        let give = |secret: &str| sessions(secret).give(principal(), now, Duration::from_secs(900)).unwrap();
        let (one, other) = (give("a"), give("a"));
        let known = |id: &str, token: &str| sessions("a").known(id, token, now);
        assert_eq!(known(&one.key.id, &other.token), Err(Unknown::Token));
        assert_eq!(known(&one.key.id, &give("b").token), Err(Unknown::Token));
        let opened = String::from_utf8(BASE64.decode(&one.token).unwrap()).unwrap();
        let longer = BASE64.encode(opened.replace("\"until\":1", "\"until\":9"));
        assert_ne!(longer, one.token, "the lifetime was changed");
        for token in ["", "AAAA", "no base64", &one.token[..60], longer.as_str()] {
            assert_eq!(known(&one.key.id, token), Err(Unknown::Token), "{token}");
        }
        assert_eq!(sessions("a").key("AKIAIOSFODNN7EXAMPLE"), None);
    }
}
