//! Numbers that name things: a camera for ever, a message once.

use sha1::{Digest as _, Sha1};

/// Under which the names of cameras are hashed; made up once, for this program.
const NAMESPACE: &[u8] = b"fake-camera\x9e\x1d\x4b\x07";

/// The camera's own address as a URI: the same whenever and wherever it starts (RFC 9562, version 5).
pub(super) fn of_camera(name: &str, id: u32) -> String {
    let sum =
        Sha1::new().chain_update(NAMESPACE).chain_update(id.to_be_bytes()).chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sum[..16]);
    urn(bytes, 5)
}

/// The address of a new message (RFC 9562, version 4).
pub(super) fn of_message() -> String {
    urn(random(), 4)
}

/// Sixteen random bytes as text.
pub(super) fn random_hex() -> String {
    hex::encode(random())
}

/// A random number below `limit`, which must not be 0.
pub(super) fn random_below(limit: u64) -> u64 {
    let [a, b, c, d, ..] = random();
    u64::from(u32::from_be_bytes([a, b, c, d])) % limit
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    bytes
}

fn urn(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    format!("urn:uuid:{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_keeps_its_address_and_messages_do_not() {
        assert_eq!(of_camera("dock-1", 1), of_camera("dock-1", 1));
        assert_ne!(of_camera("dock-1", 1), of_camera("dock-1", 2));
        assert_ne!(of_camera("dock-1", 1), of_camera("dock-2", 1));
        assert_ne!(of_message(), of_message());
        let (camera, message) = (of_camera("dock-1", 1), of_message());
        assert_eq!((camera.len(), &camera[..9], &camera[23..24]), (45, "urn:uuid:", "5"));
        assert_eq!((message.len(), &message[..9], &message[23..24]), (45, "urn:uuid:", "4"));
    }
}
