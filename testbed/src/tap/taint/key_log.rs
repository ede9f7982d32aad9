//! The secrets of TLS sessions, as a key log has them.

use std::collections::HashMap;

/// Sessions whose secrets are kept.
const MOST: usize = 100_000;

/// The secrets of sessions, by the random number of the client that opened each.
#[derive(Debug, Default)]
pub(super) struct KeyLog(HashMap<[u8; 32], Secrets>);

#[derive(Debug, Default)]
struct Secrets {
    /// Of TLS 1.3: for what the client says, and for what the server does.
    said: [Option<Vec<u8>>; 2],
    /// Of TLS 1.2, for both.
    master: Option<Vec<u8>>,
}

impl KeyLog {
    /// Adds what a key log (of the form that `SSLKEYLOGFILE` has) says of what applications say. What reads as nothing
    /// is passed over.
    pub(super) fn add(&mut self, text: &[u8]) {
        for line in text.split(|byte| *byte == b'\n') {
            if let Ok(line) = std::str::from_utf8(line) {
                self.add_line(line);
            }
        }
    }

    fn add_line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (Some(label), Some(random), Some(secret)) = (words.next(), words.next(), words.next()) else {
            return;
        };
        let slot: fn(&mut Secrets) -> &mut Option<Vec<u8>> = match label {
            "CLIENT_TRAFFIC_SECRET_0" => |of| &mut of.said[0],
            "SERVER_TRAFFIC_SECRET_0" => |of| &mut of.said[1],
            "CLIENT_RANDOM" => |of| &mut of.master,
            _ => return,
        };
        let mut session = [0; 32];
        if let (Ok(()), Ok(secret)) = (hex::decode_to_slice(random, &mut session), hex::decode(secret))
            && (self.0.len() < MOST || self.0.contains_key(&session))
        {
            *slot(self.0.entry(session).or_default()) = Some(secret);
        }
    }

    /// Whether it has anything of a session.
    pub(super) fn has(&self, random: &[u8; 32]) -> bool {
        self.0.contains_key(random)
    }

    /// The secret of what the client (0) or the server (1) of a session of TLS 1.3 says.
    pub(super) fn secret(&self, random: &[u8; 32], side: usize) -> Option<&[u8]> {
        self.0.get(random)?.said[side].as_deref()
    }

    /// The master secret of a session of TLS 1.2.
    pub(super) fn master(&self, random: &[u8; 32]) -> Option<&[u8]> {
        self.0.get(random)?.master.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_log_is_read_and_what_is_none_is_passed_over() {
        let mut log = KeyLog::default();
        let random = "07".repeat(32);
        log.add(b"\xff\xfe\n\n");
        log.add(
            format!("# x\nCLIENT_TRAFFIC_SECRET_0 {random} 0a0b\nCLIENT_RANDOM {random} 0c\n").as_bytes(),
        );
        log.add(format!("SERVER_TRAFFIC_SECRET_0 {random} zz\nSERVER_TRAFFIC_SECRET_0 07 0a\n\n").as_bytes());
        log.add(format!("CLIENT_RANDOM {random} \nCLIENT_RANDOM {random} c\nEARLY {random} 0d\n").as_bytes());
        assert!(log.has(&[7; 32]) && !log.has(&[8; 32]));
        assert_eq!(log.secret(&[7; 32], 0), Some(&[0x0a, 0x0b][..]));
        assert_eq!(log.master(&[7; 32]), Some(&[0x0c][..]));
        assert_eq!(
            (log.secret(&[7; 32], 1), log.secret(&[8; 32], 0), log.master(&[8; 32])),
            (None, None, None)
        );
    }
}
