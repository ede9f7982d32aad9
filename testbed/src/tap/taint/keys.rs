//! Keys of TLS 1.3 (RFC 8446, sections 5 and 7) from the secrets of a session, and what they open.

use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use ring::hkdf;

/// Bytes of a record's header.
pub(super) const HEADER: usize = 5;

/// What opens the records of one direction, in their order.
pub(super) struct Opener {
    suite: u16,
    secret: Vec<u8>,
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
}

impl Opener {
    /// None for a suite that is none of TLS 1.3's common ones.
    pub(super) fn new(suite: u16, secret: &[u8]) -> Option<Opener> {
        let (aead, _) = algorithms(suite)?;
        let key = expand(suite, secret, "key", aead.key_len())?;
        let iv = expand(suite, secret, "iv", 12)?.try_into().ok()?;
        let key = LessSafeKey::new(UnboundKey::new(aead, &key).ok()?);
        Some(Opener { suite, secret: secret.to_vec(), key, iv, sequence: 0 })
    }

    /// The content of a record (its header included) and of which type it is; none if this is not its key.
    pub(super) fn open(&mut self, record: &[u8]) -> Option<(u8, Vec<u8>)> {
        let (header, sealed) = record.split_at_checked(HEADER)?;
        let mut bytes = sealed.to_vec();
        let opened = self.key.open_in_place(self.nonce(), Aad::from(header), &mut bytes).ok()?.len();
        self.sequence += 1;
        bytes.truncate(opened);
        // The type is the last byte that is not padding (RFC 8446, section 5.4).
        let end = bytes.iter().rposition(|byte| *byte != 0)?;
        let kind = bytes[end];
        bytes.truncate(end);
        Some((kind, bytes))
    }

    /// The key that follows (RFC 8446, section 7.2).
    pub(super) fn next(&self) -> Option<Opener> {
        let next = expand(self.suite, &self.secret, "traffic upd", self.secret.len())?;
        Opener::new(self.suite, &next)
    }

    /// Whether nothing was opened with it yet: what comes before is the handshake, under keys of its own.
    pub(super) fn is_fresh(&self) -> bool {
        self.sequence == 0
    }

    /// Seals what the other end would say: for canaries.
    pub(super) fn seal(&mut self, content: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = [content, &[23]].concat();
        let length = u16::try_from(bytes.len() + self.key.algorithm().tag_len()).ok()?.to_be_bytes();
        let header = [23, 3, 3, length[0], length[1]];
        self.key.seal_in_place_append_tag(self.nonce(), Aad::from(header), &mut bytes).ok()?;
        self.sequence += 1;
        Some([&header[..], &bytes].concat())
    }

    fn nonce(&self) -> Nonce {
        Nonce::assume_unique_for_key(counted(self.iv, self.sequence))
    }
}

/// The nonce of a record (RFC 8446, section 5.3; RFC 7905, section 2).
pub(super) fn counted(mut iv: [u8; 12], sequence: u64) -> [u8; 12] {
    for (byte, number) in iv[4..].iter_mut().zip(sequence.to_be_bytes()) {
        *byte ^= number;
    }
    iv
}

/// Whether a suite is of TLS 1.3.
pub(super) fn is_suite(suite: u16) -> bool {
    algorithms(suite).is_some()
}

/// The suites of RFC 8446, appendix B.4.
fn algorithms(suite: u16) -> Option<(&'static Algorithm, hkdf::Algorithm)> {
    match suite {
        0x1301 => Some((&AES_128_GCM, hkdf::HKDF_SHA256)),
        0x1302 => Some((&AES_256_GCM, hkdf::HKDF_SHA384)),
        0x1303 => Some((&CHACHA20_POLY1305, hkdf::HKDF_SHA256)),
        _ => None,
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// `HKDF-Expand-Label` without context (RFC 8446, section 7.1).
fn expand(suite: u16, secret: &[u8], label: &str, length: usize) -> Option<Vec<u8>> {
    let (_, hash) = algorithms(suite)?;
    let size = u16::try_from(length).ok()?.to_be_bytes();
    let label = [b"tls13 ", label.as_bytes()].concat();
    let parts: [&[u8]; 4] = [&size, &[label.len() as u8], &label, &[0]];
    let mut key = vec![0; length];
    let secret = hkdf::Prk::new_less_safe(hash, secret);
    secret.expand(&parts, Length(length)).ok()?.fill(&mut key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_rfc() {
        // RFC 8448, section 3: the server's application traffic secret, key and nonce.
        let secret = hex::decode("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643").unwrap();
        let of = |label, length| hex::encode(expand(0x1301, &secret, label, length).unwrap());
        assert_eq!(of("key", 16), "9f02283b6c9c07efc26bb9f2ac92e356");
        assert_eq!(of("iv", 12), "cf782b88dd83549aadf1e984");
    }

    #[test]
    fn what_is_sealed_is_opened_in_its_order_and_after_a_new_key() {
        for suite in [0x1301, 0x1302, 0x1303] {
            let mut there = Opener::new(suite, &[7; 32]).unwrap();
            let mut here = Opener::new(suite, &[7; 32]).unwrap();
            let [one, two] = [b"one", b"two"].map(|text| there.seal(text).unwrap());
            assert!(here.open(&two).is_none() && here.is_fresh(), "not in its turn");
            assert_eq!(here.open(&one), Some((23, b"one".to_vec())));
            assert_eq!(here.open(&two), Some((23, b"two".to_vec())));
            let three = there.next().unwrap().seal(b"three").unwrap();
            assert!(here.open(&three).is_none());
            assert_eq!(here.next().unwrap().open(&three), Some((23, b"three".to_vec())));
            assert!(here.open(b"x").is_none() && here.open(&[0; 300]).is_none());
        }
        assert!(Opener::new(0xc02f, &[7; 32]).is_none());
    }
}
