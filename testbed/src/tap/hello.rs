//! One direction of a TLS connection: what is said in the clear before keys are agreed on, and how much after that.
//!
//! Records and messages are taken apart here (RFC 8446, section 5.1; RFC 5246, section 6.2), since they come in pieces;
//! what is in a hello is read by a library.

use std::collections::BTreeSet;

use tls_parser::{
    TlsExtension, parse_tls_client_hello_extensions, parse_tls_handshake_client_hello,
    parse_tls_handshake_server_hello, parse_tls_server_hello_extensions,
};

use super::stream::Sink;
use crate::observation::Offered;

/// Bytes in front of each record: its kind, a version, its length.
const HEADER: usize = 5;
/// Longest record (RFC 5246, section 6.2.3).
const LONGEST_RECORD: usize = (1 << 14) + 2048;
/// Bytes of messages that are kept until they are whole; a hello with all that there is has a few thousand.
const MOST_HELD: usize = 64 * 1024;
/// The version that a hello of 1.2 and later names in its body (RFC 8446, section 4.1.2).
const LEGACY: u16 = 0x0303;
/// A server's "random" bytes by which it asks for another hello (RFC 8446, section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What one end has said so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// It is no TLS, or is no longer followed, since bytes are missing.
    lost: bool,
    /// The record that is being read, its header included.
    record: Vec<u8>,
    /// Bytes of a record that are only counted.
    skipped: usize,
    /// Messages of the handshake, as far as they are not whole.
    messages: Vec<u8>,
    /// What a client offers.
    pub(super) offered: Option<Offered>,
    /// What a server takes of it: version and suite.
    pub(super) agreed: Option<(u16, u16)>,
    /// The first alert that was said in the clear (RFC 8446, section 6).
    pub(super) alert: Option<u8>,
    /// It went over to the keys that were agreed on.
    pub(super) keyed: bool,
    /// Bytes of what an application says, encrypted; with TLS 1.3 the end of the handshake is among them.
    pub(super) bytes: u64,
}

impl Said {
    /// Takes the header of a record, once it is whole: whether what follows is to be kept.
    fn header(&mut self) {
        let (kind, length) =
            (self.record[0], usize::from(u16::from_be_bytes([self.record[3], self.record[4]])));
        if !(20..=24).contains(&kind) || self.record[1] != 3 || length > LONGEST_RECORD {
            self.lost = true;
            return;
        }
        let clear = !self.keyed && matches!(kind, CHANGE | ALERT | HANDSHAKE);
        if !clear {
            self.bytes += if kind == DATA { length as u64 } else { 0 };
            self.skipped = length;
            self.record.clear();
        }
    }

    /// Takes a record that was kept.
    fn whole(&mut self) {
        let record = std::mem::take(&mut self.record);
        let body = &record[HEADER..];
        match (record[0], body) {
            // With 1.3 it means nothing (RFC 8446, section 5); what follows is in records of data.
            (CHANGE, _) => self.keyed = true,
            (ALERT, [_, description]) => self.alert = self.alert.or(Some(*description)),
            (HANDSHAKE, body) if self.messages.len() + body.len() <= MOST_HELD => {
                self.messages.extend_from_slice(body);
                self.read_messages();
            }
            _ => {}
        }
    }

    fn read_messages(&mut self) {
        while let [kind, a, b, c, ..] = self.messages[..] {
            let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            let Some(body) = self.messages.get(4..4 + length) else { return };
            match kind {
                CLIENT_HELLO if self.offered.is_none() => self.offered = offered(body),
                SERVER_HELLO if self.agreed.is_none() => self.agreed = agreed(body),
                _ => {}
            }
            self.messages.drain(..4 + length);
        }
    }
}

const CHANGE: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

impl Sink for Said {
    fn data(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.lost {
            let skipped = self.skipped.min(bytes.len());
            self.skipped -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return;
            }
            let wanted = match self.record.get(3..HEADER) {
                Some(length) => HEADER + usize::from(u16::from_be_bytes([length[0], length[1]])),
                None => HEADER,
            };
            let taken = (wanted - self.record.len()).min(bytes.len());
            self.record.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.record.len() < wanted {
                return;
            }
            if wanted == HEADER {
                self.header();
            }
            if self.record.len() >= HEADER && self.record.len() == whole_length(&self.record) {
                self.whole();
            }
        }
    }

    fn gap(&mut self) {
        self.lost = true;
    }
}

fn whole_length(record: &[u8]) -> usize {
    HEADER + usize::from(u16::from_be_bytes([record[3], record[4]]))
}

/// Values that clients throw in to keep servers honest mean nothing (RFC 8701).
fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

fn offered(body: &[u8]) -> Option<Offered> {
    let (_, hello) = parse_tls_handshake_client_hello(body).ok()?;
    let mut offered = Offered {
        versions: vec![hello.version.0],
        suites: hello.ciphers.iter().map(|suite| suite.0).filter(|suite| !is_grease(*suite)).collect(),
        name: None,
        protocols: Vec::new(),
    };
    let extensions = hello.ext.and_then(|bytes| parse_tls_client_hello_extensions(bytes).ok());
    for extension in extensions.map(|(_, known)| known).unwrap_or_default() {
        match extension {
            TlsExtension::SupportedVersions(versions) => {
                let versions: BTreeSet<u16> =
                    versions.iter().map(|version| version.0).filter(|version| !is_grease(*version)).collect();
                offered.versions = versions.into_iter().collect();
            }
            TlsExtension::SNI(names) => {
                offered.name = names.first().map(|(_, name)| String::from_utf8_lossy(name).into_owned());
            }
            TlsExtension::ALPN(protocols) => {
                offered.protocols =
                    protocols.iter().map(|one| String::from_utf8_lossy(one).into_owned()).collect();
            }
            _ => {}
        }
    }
    Some(offered)
}

/// Version and suite; none if the server asks for another hello first.
fn agreed(body: &[u8]) -> Option<(u16, u16)> {
    let (_, hello) = parse_tls_handshake_server_hello(body).ok()?;
    if hello.random == RETRY.as_slice() {
        return None;
    }
    let extensions = hello.ext.and_then(|bytes| parse_tls_server_hello_extensions(bytes).ok());
    let named = extensions.into_iter().flat_map(|(_, known)| known).find_map(|extension| match extension {
        TlsExtension::SupportedVersions(versions) => versions.first().map(|version| version.0),
        _ => None,
    });
    let version = if hello.version.0 == LEGACY { named.unwrap_or(LEGACY) } else { hello.version.0 };
    Some((version, hello.cipher.0))
}

#[cfg(test)]
mod tests {
    use super::super::openssl::{self, EC, RSA};
    use super::*;

    /// What client and server of OpenSSL said to one another with these options.
    fn talk(key: &[&str], server: &[&str], client: &[&str]) -> [Said; 2] {
        openssl::talk(key, server, client, "hello").bytes.map(|bytes| read(&bytes))
    }

    /// The same whether bytes come at once or one by one.
    fn read(bytes: &[u8]) -> Said {
        let (mut at_once, mut one_by_one) = (Said::default(), Said::default());
        at_once.data(bytes);
        bytes.chunks(1).for_each(|byte| one_by_one.data(byte));
        assert_eq!(told(&at_once), told(&one_by_one));
        at_once
    }

    type Told = (Option<Offered>, Option<(u16, u16)>, Option<u8>, bool, u64);

    fn told(said: &Said) -> Told {
        (said.offered.clone(), said.agreed, said.alert, said.keyed, said.bytes)
    }

    #[test]
    fn a_session_of_today_is_read_as_openssl_had_it() {
        let [client, server] = talk(&EC, &["-tls1_3"], &["-ciphersuites", "TLS_AES_128_GCM_SHA256"]);
        let offered = client.offered.unwrap();
        assert_eq!(offered.versions.iter().max(), Some(&0x0304));
        assert!(offered.suites.contains(&0x1301), "{offered:?}");
        assert_eq!(offered.name.as_deref(), Some("a.example.org"));
        assert_eq!(offered.protocols, ["http/1.1", "x"]);
        assert_eq!((server.agreed, client.alert, server.alert), (Some((0x0304, 0x1301)), None, None));
        assert!(client.bytes > 0 && server.bytes > 0);
    }

    #[test]
    fn a_session_that_is_too_old_or_without_forward_secrecy_is_read_as_such() {
        let weak = ["-tls1_1", "-cipher", "ECDHE:@SECLEVEL=0"];
        let [client, server] = talk(&EC, &weak, &weak);
        assert_eq!(client.offered.unwrap().versions, [0x0302]);
        let (version, _) = server.agreed.unwrap();
        assert!(version == 0x0302 && client.keyed && client.bytes > 0 && server.bytes > 0);
        let [client, server] = talk(&RSA, &["-tls1_2"], &["-tls1_2", "-cipher", "AES128-GCM-SHA256"]);
        assert_eq!((client.offered.unwrap().versions, server.agreed), (vec![0x0303], Some((0x0303, 0x009c))));
        assert!(client.keyed && client.bytes > 0);
    }

    #[test]
    fn whoever_refuses_says_so_and_goes_no_further() {
        let [client, server] = talk(&EC, &["-tls1", "-cipher", "ECDHE:@SECLEVEL=0"], &["-tls1_2"]);
        // Whoever names no oldest version is answered with what there is, and says then that it is too old.
        assert_eq!(server.agreed.map(|(version, _)| version), Some(0x0301));
        assert_eq!(client.alert, Some(70), "protocol_version");
        assert!(!client.keyed && client.bytes == 0);
        let [client, server] = talk(&EC, &["-tls1_2"], &["-tls1_2", "-verify_return_error"]);
        assert_eq!(server.agreed.map(|(version, _)| version), Some(0x0303));
        assert!(client.alert.is_some() && !client.keyed && client.bytes == 0, "{client:?}");
    }

    #[test]
    fn what_is_no_tls_and_what_is_torn_is_left_alone() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            &[22, 3, 1, 0xff, 0xff, 1],
            &[22, 2, 0, 0, 1, 1],
            &[22, 3, 1, 0, 0],
        ] {
            let said = read(bytes);
            assert_eq!(told(&said), (None, None, None, false, 0), "{bytes:?}");
        }
        let mut said = Said::default();
        said.gap();
        said.data(&[23, 3, 3, 0, 1, 9]);
        assert_eq!(told(&said), (None, None, None, false, 0));
    }
}
