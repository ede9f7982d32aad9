//! Access keys of the run: the one that lasts, and those of sessions; and where their randomness comes from.

use std::time::SystemTime;

use rustls::crypto::ring;

use crate::session::{Principal, Sessions, Unknown};

/// The secret half of an access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The public half, 20 characters.
    pub(crate) id: String,
    /// The secret, 40 characters.
    pub(crate) secret: String,
}

impl Key {
    /// A new key that lasts.
    pub(crate) fn create() -> Result<Self, NoRandomness> {
        Ok(Self {
            id: format!("AKIA{}", random_text(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?),
            secret: random_text(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")?,
        })
    }
}

/// Somebody whose key we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) key: Key,
    pub(crate) principal: Principal,
    /// Whether the key ends with its session.
    pub(crate) temporary: bool,
}

/// Why a key opens nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// Nobody has such a key; a temporary one is none without its token.
    Key,
    /// The token that came with it is not its own.
    Token,
    /// Its session ended then.
    Expired(SystemTime),
}

/// All access keys.
pub(crate) struct Keys {
    lasting: Key,
    owner: Principal,
    pub(crate) sessions: Sessions,
}

impl Keys {
    /// `lasting` belongs to `owner`.
    pub(crate) fn new(lasting: Key, owner: Principal, sessions: Sessions) -> Self {
        Self { lasting, owner, sessions }
    }

    /// Whoever holds the key that lasts.
    pub(crate) fn lasting(&self) -> Holder {
        Holder { key: self.lasting.clone(), principal: self.owner.clone(), temporary: false }
    }

    /// The key called `id`, whoever shows it.
    pub(crate) fn find(&self, id: &str) -> Option<Key> {
        if id == self.lasting.id { Some(self.lasting.clone()) } else { self.sessions.key(id) }
    }

    /// Who holds the key called `id`, if this token is its own.
    pub(crate) fn holder(&self, id: &str, token: Option<&str>, now: SystemTime) -> Result<Holder, Stranger> {
        let key = self.find(id).ok_or(Stranger::Key)?;
        let lasting = key == self.lasting;
        match token {
            None if lasting => Ok(self.lasting()),
            None => Err(Stranger::Key),
            Some(_) if lasting => Err(Stranger::Token),
            Some(token) => match self.sessions.known(id, token, now) {
                Ok(principal) => Ok(Holder { key, principal, temporary: true }),
                Err(Unknown::Token) => Err(Stranger::Token),
                Err(Unknown::Expired(at)) => Err(Stranger::Expired(at)),
            },
        }
    }
}

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("get random bytes from the system")]
pub struct NoRandomness;

/// `length` random characters out of `alphabet`, whose size must divide 256 for an even spread.
pub(crate) fn random_text(length: usize, alphabet: &[u8]) -> Result<String, NoRandomness> {
    let mut bytes = vec![0; length];
    ring::default_provider().secure_random.fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect())
}

/// A request id, as AWS writes them: a random UUID.
pub(crate) fn request_id() -> String {
    let hex = random_text(32, b"0123456789abcdef").unwrap_or_else(|_| "0".repeat(32));
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_documented_lengths_and_differ() {
        let (one, other) = (Key::create().unwrap(), Key::create().unwrap());
        assert_eq!((one.id.len(), one.secret.len()), (20, 40));
        assert_ne!(one, other);
    }

    #[test]
    fn a_lasting_key_has_no_token_and_a_temporary_one_its_own() {
        let (lasting, now) = (Key::create().unwrap(), SystemTime::now());
        let owner = Principal { arn: "arn:aws:iam::123456789012:user/u".into(), id: "AIDA".into() };
        let keys = Keys::new(lasting.clone(), owner.clone(), Sessions::new("secret".into()));
        let given = keys.sessions.give(owner.clone(), now, std::time::Duration::from_secs(900)).unwrap();
        let holder = |id: &str, token| keys.holder(id, token, now).map(|holder| holder.temporary);
        assert_eq!(holder(&lasting.id, None), Ok(false));
        assert_eq!(holder(&lasting.id, Some(&given.token)), Err(Stranger::Token));
        assert_eq!(holder(&given.key.id, Some(&given.token)), Ok(true));
        assert_eq!(holder(&given.key.id, None), Err(Stranger::Key));
        assert_eq!(holder("AKIAIOSFODNN7EXAMPLE", None), Err(Stranger::Key));
    }

    #[test]
    fn a_request_id_has_the_form_of_a_uuid() {
        let id = request_id();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
