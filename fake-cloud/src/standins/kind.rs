//! What a peer is like.

use serde::Deserialize;

/// What a peer is like. But for what the word says all is right: the names, the authority, the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// It speaks TLS 1.0 and nothing else.
    #[serde(rename = "tls1.0")]
    Tls10,
    /// It speaks TLS 1.1 and nothing else.
    #[serde(rename = "tls1.1")]
    Tls11,
    /// It speaks TLS 1.2, with ECDHE: nothing is wrong with it.
    #[serde(rename = "tls1.2")]
    Tls12,
    /// It speaks TLS 1.3 and nothing else: nothing is wrong with it.
    #[serde(rename = "tls1.3")]
    Tls13,
    /// It speaks TLS 1.2 with DHE and nothing else: nothing is wrong with it, but not every client can.
    Dhe,
    /// TLS 1.2 with RSA key exchange, and so without forward secrecy.
    StaticRsa,
    /// TLS 1.2 with suites that encrypt nothing.
    NoEncryption,
    /// Its certificate is of an authority that nobody knows. Whoever has something wrong with a certificate speaks TLS 1.2, where
    /// one that turns it down says so in the clear.
    WrongCa,
    /// Its certificate is for another name.
    WrongName,
    /// Its certificate is for the cloud's other services.
    SiblingName,
    /// Its certificate has expired.
    Expired,
    /// It ends the client's TLS with a certificate of its own authority, and hands on what it hears to the cloud.
    Middlebox,
    /// It says nothing.
    Silent,
    /// The cloud itself, but its answers come a byte at a time.
    Slow,
    /// It resets the connection once the client has said something.
    Resets,
    /// It says at once that it will say nothing more, and goes on hearing.
    HalfCloses,
}

impl Kind {
    /// All of them, with their words.
    pub(crate) const ALL: [(Self, &str); 16] = [
        (Self::Tls10, "tls1.0"),
        (Self::Tls11, "tls1.1"),
        (Self::Tls12, "tls1.2"),
        (Self::Tls13, "tls1.3"),
        (Self::Dhe, "dhe"),
        (Self::StaticRsa, "static-rsa"),
        (Self::NoEncryption, "no-encryption"),
        (Self::WrongCa, "wrong-ca"),
        (Self::WrongName, "wrong-name"),
        (Self::SiblingName, "sibling-name"),
        (Self::Expired, "expired"),
        (Self::Middlebox, "middlebox"),
        (Self::Silent, "silent"),
        (Self::Slow, "slow"),
        (Self::Resets, "resets"),
        (Self::HalfCloses, "half-closes"),
    ];

    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).expect("the table names every kind").1
    }

    /// Whether nothing but its certificate may be wrong with it, so that it can be had of the cloud's own TLS library, too.
    pub(super) fn is_modern(self) -> bool {
        matches!(
            self,
            Self::Tls12 | Self::Tls13 | Self::WrongCa | Self::WrongName | Self::SiblingName | Self::Expired
        )
    }

    /// Whether it ends its clients' TLS itself, and may speak to them as a broker does.
    pub(super) fn is_server(self) -> bool {
        self != Self::Middlebox && !self.is_outlasted()
    }

    /// Whether it is there to be outlasted, and not to be believed or refused.
    pub(super) fn is_outlasted(self) -> bool {
        matches!(self, Self::Silent | Self::Slow | Self::Resets | Self::HalfCloses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_written_as_its_word() {
        for (kind, word) in Kind::ALL {
            assert_eq!(serde_json::from_value::<Kind>(word.into()).unwrap(), kind);
            assert_eq!(kind.word(), word);
        }
    }
}
