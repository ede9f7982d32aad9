//! Calls with something wrong: each refused by its service in its protocol's own words, and logged; each beside one that was right, and
//! was answered there.

use std::collections::BTreeSet;

use fake_facts::Fact;

use super::super::judge::Draft;
use super::{Asked, Called, answered, finding};
use crate::observation::NodeFact;
use crate::scenario::model::{CloudService, WrongCall};

/// A service in one of its protocols.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    service: CloudService,
    /// As an operator's facts name it.
    form: &'static str,
    /// Whether the service has others.
    of_many: bool,
}

/// A service in each protocol in which it is called.
pub(super) fn places(service: CloudService) -> impl Iterator<Item = Place> {
    let forms: &[&str] = match service {
        CloudService::Monitoring => &["json", "cbor", "query"],
        CloudService::Logs => &["json"],
        CloudService::S3 => &["xml"],
        _ => &["rest-json"],
    };
    forms.iter().map(move |form| Place { service, form, of_many: forms.len() > 1 })
}

impl Asked<'_> {
    /// Whether all calls that are wrong in this way were refused at this place; what was not shown or not as it should be goes into the
    /// draft. `nothing`: why there may be none.
    pub(super) fn refuses(&self, wrong: WrongCall, place: Place, nothing: &str, draft: &mut Draft) -> bool {
        let calls: Vec<_> = self.calls(wrong.word()).into_iter().filter(|call| place.has(call)).collect();
        let mut refused = true;
        for manner in wrong.manners() {
            let called = place.named(wrong, manner);
            let its: Vec<_> = calls.iter().filter(|call| call.wrong == *manner).collect();
            if its.is_empty() {
                let why = self.failed(wrong.word()).map_or(nothing, String::as_str);
                draft.reasons.add("called", format!("{called}: {why}"));
            }
            let texts: BTreeSet<String> =
                its.iter().filter_map(|call| self.refused(place, manner, call).err()).collect();
            refused &= !its.is_empty() && texts.is_empty();
            draft.findings.extend(texts.iter().map(|text| finding(format!("{called}: {text}"))));
        }
        if let Some(why) = self.not_right(&calls) {
            draft.reasons.add("right", format!("{}: {why}", place.named(wrong, wrong.word())));
            refused = false;
        }
        refused
    }

    /// Why nothing is shown by what was refused there: what was right was not called, not answered well, or not let in.
    fn not_right(&self, calls: &[Called<'_>]) -> Option<String> {
        let right: Vec<_> = calls.iter().filter(|call| call.wrong.is_empty()).collect();
        if right.is_empty() {
            return Some(format!("{} called nothing as it should be", self.by));
        }
        let why = |call: &&Called<'_>| {
            if !call.is_good() {
                return Some(format!("{}, as it should be, has {}", call.operation, call.answer()));
            }
            let known = self.let_in(call.service, call.socket);
            (!known).then(|| format!("{} never said who called {}", self.cloud, call.operation))
        };
        right.iter().find_map(why)
    }

    /// Whether a call was refused for what is wrong with it, and that was logged; else what was not.
    fn refused(&self, place: Place, manner: &str, call: &Called<'_>) -> Result<(), String> {
        let (cloud, service, words) = (self.cloud, place.service.word(), logged_as(manner));
        let (status, code) = refusal(place.form, manner);
        if (call.status, call.code) != (status, code) {
            let expected = answered(status, code);
            return Err(format!("{cloud} answers with {}, and not with {expected}", call.answer()));
        }
        let is_logged = |fact: &NodeFact| match &fact.line.fact {
            Fact::Refused { service: by, peer, reason } => {
                fact.node == *cloud && by == service && *peer == call.socket && reason.contains(words)
            }
            _ => false,
        };
        match self.facts.iter().any(is_logged) {
            true => Ok(()),
            false => Err(format!("{cloud} did not log that it refused it: \"{words}\"")),
        }
    }
}

impl Place {
    fn has(&self, call: &Called<'_>) -> bool {
        call.service == self.service.word() && call.form == self.form
    }

    /// Something wrong there: what, in which way if there are several, and where.
    fn named(&self, wrong: WrongCall, manner: &str) -> String {
        let way = if manner == wrong.word() { String::new() } else { format!(" ({manner})") };
        let form = if self.of_many { format!(" ({})", self.form) } else { String::new() };
        format!("{wrong}{way} at {}{form}", self.service.word())
    }
}

/// With which status and code a call is refused: JSON's and CloudWatch's by IAM user guide, "Common errors", with status 400 where the
/// protocol has it for all errors of clients (awsJson, Smithy RPC v2 CBOR); S3's by its API reference, "Error responses".
fn refusal(form: &str, manner: &str) -> (u16, &'static str) {
    match (form, manner) {
        ("xml", "unsigned") => (403, "AccessDenied"),
        ("xml", "altered") => (403, "SignatureDoesNotMatch"),
        ("xml", "expired") => (400, "ExpiredToken"),
        ("xml", "region" | "service") => (400, "AuthorizationHeaderMalformed"),
        ("xml", _) => (403, "RequestTimeTooSkewed"),
        ("query", "unsigned") => (403, "MissingAuthenticationToken"),
        ("query", "expired") => (403, "ExpiredToken"),
        ("query", _) => (403, "SignatureDoesNotMatch"),
        (_, "unsigned") => (refused_with(form), "MissingAuthenticationTokenException"),
        (_, "expired") => (refused_with(form), "ExpiredTokenException"),
        _ => (refused_with(form), "InvalidSignatureException"),
    }
}

fn refused_with(form: &str) -> u16 {
    if form == "rest-json" { 403 } else { 400 }
}

/// What the log must say.
fn logged_as(manner: &str) -> &'static str {
    match manner {
        "unsigned" => "not signed",
        "altered" => "does not match",
        "expired" => "expired at",
        "region" | "service" => "should be scoped to",
        _ => "signature expired",
    }
}
