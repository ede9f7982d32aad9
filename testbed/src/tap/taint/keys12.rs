//! Keys of TLS 1.2 (RFC 5246, sections 5 and 6.3) from the master secret of a session, and what they open: records of the
//! suites with AES-GCM (RFC 5288) and ChaCha20-Poly1305 (RFC 7905).

use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use ring::hmac;
use tls_parser::{TlsCipherEnc, TlsCipherEncMode, TlsCipherKx, TlsCipherSuite, TlsPRF};

use super::keys::{HEADER, counted};

/// Bytes of a nonce that are agreed on with the key, where the others are in each record (RFC 5288, section 3).
const SALT: usize = 4;
/// Bytes of a nonce that are in each record.
const EXPLICIT: usize = 8;

/// What opens the records of one direction, in their order, from the first after the change of keys.
pub(super) struct Opener {
    key: LessSafeKey,
    iv: Iv,
    sequence: u64,
}

/// What is agreed on of each nonce.
#[derive(Clone, Copy)]
enum Iv {
    Salt([u8; SALT]),
    Whole([u8; 12]),
}

impl Opener {
    /// For what the client (0) or the server (1) says in a session with these two random numbers. None for a suite that is
    /// none of TLS 1.2's with AES-GCM or ChaCha20-Poly1305.
    pub(super) fn new(
        suite: u16,
        master: &[u8],
        [client, server]: [&[u8; 32]; 2],
        side: usize,
    ) -> Option<Opener> {
        let (aead, hash) = algorithms(suite)?;
        let (key, iv) = (aead.key_len(), if aead == &CHACHA20_POLY1305 { 12 } else { SALT });
        let seed = [&b"key expansion"[..], server, client].concat();
        // Both keys, then both beginnings of nonces; these suites have no keys for a MAC (RFC 5246, section 6.3).
        let block = expand(hash, master, &seed, 2 * (key + iv));
        let part = |at: usize, length: usize| &block[at + side * length..][..length];
        let iv = match part(2 * key, iv) {
            short if short.len() == SALT => Iv::Salt(short.try_into().ok()?),
            whole => Iv::Whole(whole.try_into().ok()?),
        };
        let key = LessSafeKey::new(UnboundKey::new(aead, part(0, key)).ok()?);
        Some(Opener { key, iv, sequence: 0 })
    }

    /// The content of a record (its header included); none if this is not its key, or not its turn.
    pub(super) fn open(&mut self, record: &[u8]) -> Option<Vec<u8>> {
        let (header, sealed) = record.split_at_checked(HEADER)?;
        let (nonce, sealed) = match self.iv {
            Iv::Salt(salt) => {
                let (explicit, sealed) = sealed.split_at_checked(EXPLICIT)?;
                ([&salt[..], explicit].concat().try_into().ok()?, sealed)
            }
            Iv::Whole(iv) => (counted(iv, self.sequence), sealed),
        };
        let length = sealed.len().checked_sub(self.key.algorithm().tag_len())?;
        let about = self.about([header[0], header[1], header[2]], length)?;
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.open_in_place(nonce, Aad::from(about), &mut bytes).ok()?;
        self.sequence += 1;
        bytes.truncate(length);
        Some(bytes)
    }

    /// Seals what an application says: for canaries.
    pub(super) fn seal(&mut self, content: &[u8]) -> Option<Vec<u8>> {
        let said = self.sequence.to_be_bytes();
        let (nonce, explicit) = match self.iv {
            Iv::Salt(salt) => ([&salt[..], &said].concat().try_into().ok()?, &said[..]),
            Iv::Whole(iv) => (counted(iv, self.sequence), &[][..]),
        };
        let kind = [23, 3, 3];
        let about = self.about(kind, content.len())?;
        let mut bytes = content.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(about), &mut bytes).ok()?;
        self.sequence += 1;
        let length = u16::try_from(explicit.len() + bytes.len()).ok()?.to_be_bytes();
        Some([&kind[..], &length, explicit, &bytes].concat())
    }

    /// What is authenticated besides the content: number, type and version, and the content's length (RFC 5246, section
    /// 6.2.3.3).
    fn about(&self, [kind, major, minor]: [u8; 3], length: usize) -> Option<[u8; 13]> {
        let mut about = [0; 13];
        about[..8].copy_from_slice(&self.sequence.to_be_bytes());
        about[8..11].copy_from_slice(&[kind, major, minor]);
        about[11..].copy_from_slice(&u16::try_from(length).ok()?.to_be_bytes());
        Some(about)
    }
}

/// What a suite encrypts with, and the hash of its pseudorandom function, by IANA's list of suites.
fn algorithms(suite: u16) -> Option<(&'static Algorithm, hmac::Algorithm)> {
    let suite = TlsCipherSuite::from_id(suite).filter(|suite| suite.kx != TlsCipherKx::Tls13)?;
    let aead = match (&suite.enc, &suite.enc_mode, suite.enc_size) {
        (TlsCipherEnc::Aes, TlsCipherEncMode::Gcm, 128) => &AES_128_GCM,
        (TlsCipherEnc::Aes, TlsCipherEncMode::Gcm, 256) => &AES_256_GCM,
        (TlsCipherEnc::Chacha20_Poly1305, _, _) => &CHACHA20_POLY1305,
        _ => return None,
    };
    match suite.prf {
        TlsPRF::Sha256 => Some((aead, hmac::HMAC_SHA256)),
        TlsPRF::Sha384 => Some((aead, hmac::HMAC_SHA384)),
        _ => None,
    }
}

/// `P_hash`, as many bytes of it (RFC 5246, section 5); label and seed come as one.
fn expand(hash: hmac::Algorithm, secret: &[u8], seed: &[u8], length: usize) -> Vec<u8> {
    let key = hmac::Key::new(hash, secret);
    let mut block = Vec::new();
    let mut a = hmac::sign(&key, seed);
    while block.len() < length {
        block.extend_from_slice(hmac::sign(&key, &[a.as_ref(), seed].concat()).as_ref());
        a = hmac::sign(&key, a.as_ref());
    }
    block.truncate(length);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ECDHE with ECDSA: AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305.
    const SUITES: [u16; 3] = [0xc02b, 0xc02c, 0xcca9];

    fn opener(suite: u16, server: u8, side: usize) -> Opener {
        Opener::new(suite, &[7; 48], [&[1; 32], &[server; 32]], side).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_in_its_order_by_the_same_side_of_the_same_session() {
        for suite in SUITES {
            let (mut there, mut here) = (opener(suite, 2, 0), opener(suite, 2, 0));
            let [one, two] = [b"one", b"two"].map(|text| there.seal(text).unwrap());
            assert!(here.open(&two).is_none(), "not in its turn");
            assert!(opener(suite, 2, 1).open(&one).is_none() && opener(suite, 3, 0).open(&one).is_none());
            assert_eq!(here.open(&one), Some(b"one".to_vec()));
            let other_kind = [&[22][..], &two[1..]].concat();
            assert!(here.open(&other_kind).is_none());
            assert_eq!(here.open(&two), Some(b"two".to_vec()));
            assert!((0..30).all(|length| here.open(&vec![0; length]).is_none()));
        }
    }

    #[test]
    fn other_suites_are_left_alone() {
        // AES-CBC with SHA-1, AES-CCM, TLS 1.3, GREASE.
        for suite in [0x002f, 0xc0ac, 0x1301, 0x1303, 0x0a0a] {
            assert!(Opener::new(suite, &[7; 48], [&[1; 32], &[2; 32]], 0).is_none(), "{suite:x}");
        }
    }
}
