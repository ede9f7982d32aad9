//! Who the cloud is: what must not change when it is started again in the same folder, since its clients remember it.

use std::fs;
use std::path::Path;

use rcgen::KeyPair;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::keys::{self, Key};
use crate::{ca, files};

/// What a start leaves to the next one. Its authority's certificate is made anew each time: it is known by name and key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Private key of the authority, PEM (PKCS #8).
    pub(crate) authority_key: String,
    /// Access key that its clients sign with.
    access_key_id: String,
    secret_access_key: String,
    /// Label that the service gives an account at random.
    pub(crate) label: String,
}

/// No identity could be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its file.
    #[error(transparent)]
    File(#[from] files::Error),
    /// The file is not one of ours.
    #[error("read {path}: {reason}")]
    Unreadable {
        /// Which.
        path: std::path::PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No random bytes.
    #[error(transparent)]
    Keys(#[from] keys::NoRandomness),
    /// No key for the authority.
    #[error(transparent)]
    Authority(#[from] ca::Error),
}

impl Identity {
    /// That of the folder; a new one where none has been started yet.
    pub(crate) fn of(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("identity.json");
        let unreadable = |reason: String| Error::Unreadable { path: path.clone(), reason };
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let identity = Self::new()?;
                let text = serde_json::to_string_pretty(&identity).expect("text only");
                files::write_private(&path, &text)?;
                Ok(identity)
            }
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    fn new() -> Result<Self, Error> {
        let authority_key = KeyPair::generate().map_err(ca::Error::of_the_authority)?.serialize_pem();
        let key = Key::create()?;
        let label = format!("a{}", keys::random_text(13, b"abcdefghijklmnopqrstuvwxyz234567")?);
        Ok(Self { authority_key, access_key_id: key.id, secret_access_key: key.secret, label })
    }

    /// The access key.
    pub(crate) fn key(&self) -> Key {
        Key { id: self.access_key_id.clone(), secret: self.secret_access_key.clone() }
    }

    /// What its session tokens are sealed with: it follows from the authority's key, which no client has.
    pub(crate) fn session_secret(&self) -> String {
        hex::encode(Sha256::digest(format!("session tokens\n{}", self.authority_key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_that_is_started_again_is_the_same_and_one_elsewhere_is_not() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let known = |dir: &Path| {
            let identity = Identity::of(dir).unwrap();
            (identity.authority_key.clone(), identity.key().id, identity.label.clone())
        };
        let first = known(here.path());
        assert_eq!(known(here.path()), first);
        assert_ne!(known(there.path()), first);
        fs::write(here.path().join("identity.json"), "{}").unwrap();
        assert!(Identity::of(here.path()).is_err());
    }
}
