//! HTTP digest authentication (RFC 7616 with MD5, which is what the clients of cameras speak).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use md5::{Digest as _, Md5};

use super::device::Login;

const REALM: &str = "fake-camera";
/// A nonce holds for so long.
const LIFETIME: Duration = Duration::from_secs(300);
/// Most nonces that are remembered; the oldest is forgotten first.
const MAX_NONCES: usize = 256;
/// Longest header that is looked at, bytes.
const MAX_HEADER: usize = 2048;

/// What became of the credentials in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// None are there, or they are of another kind.
    Nothing,
    /// They are right.
    User(String),
    /// They are right but for the nonce, which has run out; the client asks again with a new one.
    Stale,
    /// They are wrong.
    Wrong,
}

/// The nonces that are out.
#[derive(Debug, Default)]
pub(super) struct Nonces(Mutex<VecDeque<(String, Instant)>>);

impl Nonces {
    /// Value of `WWW-Authenticate` with a new nonce.
    pub(super) fn challenge(&self, stale: bool) -> String {
        let nonce = super::ids::random_hex();
        let mut known = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if known.len() == MAX_NONCES {
            known.pop_front();
        }
        known.push_back((nonce.clone(), Instant::now()));
        let stale = if stale { ", stale=true" } else { "" };
        format!("Digest realm=\"{REALM}\", qop=\"auth\", algorithm=MD5, nonce=\"{nonce}\"{stale}")
    }

    fn holds(&self, nonce: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        known.iter().any(|(known, since)| known == nonce && since.elapsed() < LIFETIME)
    }

    /// Judges the header `Authorization` of a request with this method and target.
    pub(super) fn judge(&self, header: Option<&str>, method: &str, target: &str, login: &Login) -> Shown {
        let Some(fields) = header.and_then(fields) else { return Shown::Nothing };
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        let expected = response(&fields, method, login);
        let right = field("username") == login.user
            && field("realm") == REALM
            && field("uri") == target
            && field("response") == expected;
        match (right, self.holds(field("nonce"))) {
            (false, _) => Shown::Wrong,
            (true, false) => Shown::Stale,
            (true, true) => Shown::User(login.user.clone()),
        }
    }
}

/// The name of the user in the header `Authorization`; `None` if it has none, or cannot be read.
pub(super) fn user(header: &str) -> Option<String> {
    fields(header)?.remove("username")
}

/// What the client must have computed (RFC 7616, section 3.4.1; without qop as in RFC 2069).
fn response(fields: &BTreeMap<String, String>, method: &str, login: &Login) -> String {
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let who = md5(&format!("{}:{REALM}:{}", login.user, login.password));
    let what = md5(&format!("{method}:{}", field("uri")));
    let nonce = field("nonce");
    if fields.contains_key("qop") {
        let (count, own, qop) = (field("nc"), field("cnonce"), field("qop"));
        md5(&format!("{who}:{nonce}:{count}:{own}:{qop}:{what}"))
    } else {
        md5(&format!("{who}:{nonce}:{what}"))
    }
}

fn md5(text: &str) -> String {
    hex::encode(Md5::digest(text))
}

/// The fields after `Digest`, names in lower case; `None` if it is another scheme or cannot be read.
fn fields(header: &str) -> Option<BTreeMap<String, String>> {
    let (scheme, mut rest) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("digest") || header.len() > MAX_HEADER {
        return None;
    }
    let mut fields = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([' ', ',', '\t']);
        if rest.is_empty() {
            return Some(fields);
        }
        let (name, after) = rest.split_once('=')?;
        let (value, left) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        fields.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        rest = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::{Campaign, LINES, Random};

    fn login() -> Login {
        Login { user: "Mufasa".into(), password: "Circle of Life".into() }
    }

    fn answer(nonce: &str, password: &str) -> String {
        let head = format!(
            "username=\"Mufasa\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"/x\", qop=auth, nc=00000001, cnonce=\"c\""
        );
        let login = Login { password: password.into(), ..login() };
        let response = response(&fields(&format!("Digest {head}")).unwrap(), "GET", &login);
        format!("Digest {head}, response=\"{response}\"")
    }

    fn nonce_of(challenge: &str) -> String {
        fields(challenge).unwrap()["nonce"].clone()
    }

    #[test]
    fn the_response_is_that_of_the_standards_example() {
        // RFC 7616, section 3.9.1, but with this server's realm; computed with Python's hashlib.
        let example = "Digest username=\"Mufasa\", uri=\"/dir/index.html\", algorithm=MD5, nc=00000001, qop=auth, \
                       nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                       cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\"";
        assert_eq!(response(&fields(example).unwrap(), "GET", &login()), "93865039f0b8f910f4ac87d76dc0be64");
    }

    #[test]
    fn right_wrong_stale_and_missing_are_told_apart() {
        let nonces = Nonces::default();
        let nonce = nonce_of(&nonces.challenge(false));
        let judge = |header: &str| nonces.judge(Some(header), "GET", "/x", &login());
        assert_eq!(judge(&answer(&nonce, "Circle of Life")), Shown::User("Mufasa".into()));
        assert_eq!(judge(&answer(&nonce, "wrong")), Shown::Wrong);
        assert_eq!(user(&answer(&nonce, "wrong")).as_deref(), Some("Mufasa"));
        assert_eq!(user("Basic TXVmYXNhOg=="), None);
        assert_eq!(judge(&answer("another", "Circle of Life")), Shown::Stale);
        assert_eq!(judge("Basic TXVmYXNhOg=="), Shown::Nothing);
        assert_eq!(nonces.judge(None, "GET", "/x", &login()), Shown::Nothing);
        let elsewhere = nonces.judge(Some(&answer(&nonce, "Circle of Life")), "GET", "/y", &login());
        assert_eq!(elsewhere, Shown::Wrong);
        let posted = nonces.judge(Some(&answer(&nonce, "Circle of Life")), "POST", "/x", &login());
        assert_eq!(posted, Shown::Wrong);
    }

    #[test]
    fn only_so_many_nonces_are_remembered() {
        let nonces = Nonces::default();
        let first = nonce_of(&nonces.challenge(false));
        (0..MAX_NONCES).for_each(|_| drop(nonces.challenge(true)));
        assert!(!nonces.holds(&first));
    }

    #[test]
    fn what_nobody_means_to_send_lets_nobody_in() {
        let nonces = Nonces::default();
        let right = answer(&nonce_of(&nonces.challenge(false)), "Circle of Life");
        let wrong = answer(&nonce_of(&nonces.challenge(false)), "another");
        let mut campaign = Campaign::new("HTTP's credentials", 6000);
        for seed in campaign.by_ref() {
            let mut random = Random::new(seed);
            let judge =
                |header: &[u8]| nonces.judge(Some(&String::from_utf8_lossy(header)), "GET", "/x", &login());
            drop(judge(&random.mutated(right.as_bytes(), LINES)));
            let wrong = random.mutated(wrong.as_bytes(), LINES);
            let judged = judge(&wrong);
            assert!(matches!(judged, Shown::Nothing | Shown::Wrong), "seed {seed}: {judged:?}");
        }
    }
}
