//! Access keys of the run, and where their randomness comes from.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rustls::crypto::ring;

/// The secret half of an access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The public half, 20 characters.
    pub(crate) id: String,
    /// The secret, 40 characters.
    pub(crate) secret: String,
    /// The session token that must come with it; `None` for a long-lived key.
    pub(crate) token: Option<String>,
}

/// All access keys that are valid now.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    by_id: Mutex<BTreeMap<String, Key>>,
}

impl Keys {
    /// Makes and keeps a new long-lived key.
    pub(crate) fn create(&self) -> Result<Key, NoRandomness> {
        let key = Key {
            id: format!("AKIA{}", random_text(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?),
            secret: random_text(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")?,
            token: None,
        };
        self.add(key.clone());
        Ok(key)
    }

    /// Keeps a key from elsewhere.
    pub(crate) fn add(&self, key: Key) {
        self.lock().insert(key.id.clone(), key);
    }

    /// The key called `id`.
    pub(crate) fn find(&self, id: &str) -> Option<Key> {
        self.lock().get(id).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Key>> {
        self.by_id.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
        let keys = Keys::default();
        let (one, other) = (keys.create().unwrap(), keys.create().unwrap());
        assert_eq!((one.id.len(), one.secret.len()), (20, 40));
        assert_ne!(one, other);
        assert_eq!(keys.find(&one.id), Some(one));
        assert_eq!(keys.find("AKIAIOSFODNN7EXAMPLE"), None);
    }

    #[test]
    fn a_request_id_has_the_form_of_a_uuid() {
        let id = request_id();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
