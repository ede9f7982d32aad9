//! Digest authentication with SHA-256 (RFC 7616), which GStreamer 1.22 has not: the challenge, and whether an answer to it
//! is right. Pure.

use sha2::{Digest, Sha256};

use super::Login;

/// What follows `Digest` in a client's `Authorization`, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    pub(super) username: &'a str,
    pub(super) realm: &'a str,
    pub(super) nonce: &'a str,
    pub(super) uri: &'a str,
    pub(super) response: &'a str,
    pub(super) algorithm: &'a str,
    /// Empty where the client has none, as RFC 2069 had it.
    pub(super) qop: &'a str,
    pub(super) nc: &'a str,
    pub(super) cnonce: &'a str,
}

impl<'a> Answer<'a> {
    /// The parameters that matter; others are passed over.
    pub(super) fn of(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut answer = Self::default();
        for (name, value) in parameters {
            let field = match name {
                "username" => &mut answer.username,
                "realm" => &mut answer.realm,
                "nonce" => &mut answer.nonce,
                "uri" => &mut answer.uri,
                "response" => &mut answer.response,
                "algorithm" => &mut answer.algorithm,
                "qop" => &mut answer.qop,
                "nc" => &mut answer.nc,
                "cnonce" => &mut answer.cnonce,
                _ => continue,
            };
            *field = value;
        }
        answer
    }

    /// Whether it answers a challenge with SHA-256.
    pub(super) fn is_sha_256(&self) -> bool {
        self.algorithm.eq_ignore_ascii_case("SHA-256")
    }

    /// Whether it shows that the client knows the password, for a request of this method and the challenge with this
    /// nonce (RFC 7616, section 3.4.1).
    pub(super) fn is_right(&self, login: &Login, realm: &str, nonce: &str, method: &str) -> bool {
        if self.username != login.user || self.realm != realm || self.nonce != nonce {
            return false;
        }
        let whose = hash(&[&login.user, realm, &login.password]);
        let what = hash(&[method, self.uri]);
        let expected = match self.qop {
            "" => hash(&[&whose, nonce, &what]),
            "auth" => hash(&[&whose, nonce, self.nc, self.cnonce, self.qop, &what]),
            _ => return false,
        };
        self.response.eq_ignore_ascii_case(&expected)
    }
}

/// What `WWW-Authenticate` says.
pub(super) fn challenge(realm: &str, nonce: &str) -> String {
    format!(r#"Digest realm="{realm}", nonce="{nonce}", algorithm=SHA-256, qop="auth""#)
}

/// Of the parts with colons between them, as hexadecimal digits.
fn hash(parts: &[&str]) -> String {
    hex::encode(Sha256::digest(parts.join(":")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616, section 3.9.1.
    const REALM: &str = "http-auth@example.org";
    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";

    fn answer() -> Answer<'static> {
        Answer::of([
            ("username", "Mufasa"),
            ("realm", REALM),
            ("uri", "/dir/index.html"),
            ("algorithm", "SHA-256"),
            ("nonce", NONCE),
            ("nc", "00000001"),
            ("cnonce", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
            ("qop", "auth"),
            ("response", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            ("opaque", "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"),
        ])
    }

    fn login() -> Login {
        Login { user: "Mufasa".into(), password: "Circle of Life".into(), methods: Vec::new() }
    }

    #[test]
    fn the_example_of_the_rfc_is_right() {
        assert!(answer().is_sha_256() && answer().is_right(&login(), REALM, NONCE, "GET"));
    }

    #[test]
    fn whatever_else_is_wrong() {
        let wrong =
            |answer: Answer<'_>| assert!(!answer.is_right(&login(), REALM, NONCE, "GET"), "{answer:?}");
        wrong(Answer { username: "Nala", ..answer() });
        wrong(Answer { nonce: "another", ..answer() });
        wrong(Answer { realm: "another", ..answer() });
        wrong(Answer { uri: "/", ..answer() });
        wrong(Answer { qop: "auth-int", ..answer() });
        wrong(Answer { response: "", ..answer() });
        wrong(Answer::default());
        assert!(!answer().is_right(&login(), REALM, NONCE, "PLAY"));
        let other = Login { password: "circle of life".into(), ..login() };
        assert!(!answer().is_right(&other, REALM, NONCE, "GET"));
    }
}
