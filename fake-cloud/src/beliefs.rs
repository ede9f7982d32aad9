//! What a cloud believes that looks at less than it should, so that sites can be seen to notice.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;

use crate::sigv4::{self, Refusal, Wrong};

/// Signatures that are remembered; later ones are not.
const REMEMBERED: usize = 10_000;

/// Requests that are believed although something is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Beliefs {
    believed: Vec<Wrong>,
    /// Signatures of requests that were right, where these are taken again whenever they come.
    taken: Mutex<BTreeSet<String>>,
}

impl Beliefs {
    pub(crate) fn new(believed: &[Wrong]) -> Self {
        Self { believed: believed.to_vec(), taken: Mutex::default() }
    }

    /// A request without its signature, and without its body's hash, as far as anything wrong may have been believed of these: the store of
    /// objects would look at them once more.
    pub(crate) fn unsigned(&self, mut parts: Parts) -> Parts {
        if !self.believed.is_empty() {
            parts.headers.remove(AUTHORIZATION);
        }
        if self.believed.contains(&Wrong::Altered) {
            parts.headers.remove("x-amz-content-sha256");
        }
        parts
    }

    /// Remembers a request that was right, if that matters.
    pub(crate) fn note(&self, parts: &Parts) {
        let signature = self.believed.contains(&Wrong::Kept).then(|| sigv4::signature(parts)).flatten();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signature) = signature.filter(|_| taken.len() < REMEMBERED) {
            taken.insert(signature);
        }
    }

    /// Whether a request is believed that should be refused.
    pub(crate) fn believes(&self, refusal: &Refusal, parts: &Parts) -> bool {
        let Some(wrong) = refusal.wrong() else { return false };
        self.believed.contains(&wrong) || (wrong == Wrong::Late && self.knows(parts))
    }

    fn knows(&self, parts: &Parts) -> bool {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        sigv4::signature(parts).is_some_and(|signature| taken.contains(&signature))
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn signed(signature: &str) -> Parts {
        let scope = "AKIAEXAMPLE/20260131/eu-west-1/logs/aws4_request";
        let value = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={signature}");
        let request = Request::get("/").header("x-amz-date", "20260131T120000Z");
        request.header("authorization", value).body(()).unwrap().into_parts().0
    }

    fn late() -> Refusal {
        Refusal::Skewed { signed: String::new(), now: String::new(), window_seconds: 300 }
    }

    #[test]
    fn what_was_taken_once_is_taken_again_only_where_that_is_believed() {
        let (kept, late_ones) = (Beliefs::new(&[Wrong::Kept]), Beliefs::new(&[Wrong::Late]));
        for beliefs in [&kept, &late_ones, &Beliefs::default()] {
            beliefs.note(&signed("aa"));
        }
        assert!(kept.believes(&late(), &signed("aa")) && !kept.believes(&late(), &signed("bb")));
        assert!(late_ones.believes(&late(), &signed("bb")));
        assert!(!Beliefs::default().believes(&late(), &signed("aa")));
        assert!(!kept.believes(&Refusal::Mismatch, &signed("aa")), "it is not only late");
    }

    #[test]
    fn each_wrong_is_believed_for_itself() {
        let scope = Refusal::Scope { expected: String::new(), found: String::new() };
        assert!(Beliefs::new(&[Wrong::Scope]).believes(&scope, &signed("aa")));
        assert!(!Beliefs::new(&[Wrong::Scope]).believes(&Refusal::Missing, &signed("aa")));
        assert!(!Beliefs::new(&[Wrong::Scope]).believes(&Refusal::Token, &signed("aa")));
    }

    #[test]
    fn only_what_may_be_wrong_is_kept_from_the_store() {
        let left = |beliefs: &Beliefs| {
            let mut parts = signed("aa");
            parts.headers.insert("x-amz-content-sha256", "00".parse().unwrap());
            let left = beliefs.unsigned(parts);
            ["authorization", "x-amz-content-sha256"].map(|name| left.headers.contains_key(name))
        };
        assert_eq!(left(&Beliefs::default()), [true, true]);
        assert_eq!(left(&Beliefs::new(&[Wrong::Late])), [false, true]);
        assert_eq!(left(&Beliefs::new(&[Wrong::Altered])), [false, false]);
    }
}
