//! `endures`: what goes wrong at the cloud is outlasted. Requests that are too many were refused as often as the site has it, peers
//! that do not answer were met; the appliance came again later each time, and got through.
//!
//! Refusals are the cloud's word, and so is that something was stored, or a session of MQTT let in; connections are seen at the appliance's tap. Waits are taken
//! from one try to the next, each of which takes time itself: they can only look longer than they were.

use std::time::Duration;

use fake_facts::Fact;

use crate::names::NodeName;
use crate::observation::{Conversation, Observations};
use crate::plan::{Check, Plan, Role, Word};
use crate::scenario::model::{CloudService, Endured};

use super::Finding;
use super::judge::Draft;
use super::matching::is_ours;
use super::stand_in::{self, Meetings};
use super::wording::{counted, length};

/// Codes of what is refused as too much, in each protocol.
const TOO_MUCH: [&str; 3] = ["ThrottlingException: ", "Throttling: ", "SlowDown: "];
/// What sessions of MQTT are agreed as (ALPN) at port 443; who says HTTP there is in no session.
const MQTT: &str = "x-amzn-mqtt-ca";
/// Waits double so often.
const DOUBLINGS: u32 = 4;

/// Whether a service says here that it has refused something as too much.
pub(crate) fn is_throttled(fact: &Fact, service: CloudService) -> bool {
    matches!(fact, Fact::Refused { service: at, reason, .. }
        if at == service.word() && TOO_MUCH.iter().any(|code| reason.starts_with(code)))
}

/// Whether a service says here that it has let somebody get through: it has stored something, IoT Core has let somebody in.
pub(crate) fn is_through(fact: &Fact, service: CloudService) -> bool {
    match fact {
        Fact::Accepted { service: at, alpn, .. } => {
            service == CloudService::Iot && at == service.word() && alpn.as_deref() == Some(MQTT)
        }
        Fact::Stored { service: at, .. } => service != CloudService::Iot && at == service.word(),
        _ => false,
    }
}

/// What is asked of whom.
struct Asked<'a> {
    plan: &'a Plan,
    of: &'a NodeName,
    cloud: &'a NodeName,
    waits: Duration,
    within: Duration,
    seen: &'a Observations,
}

pub(super) fn draft(plan: &Plan, check: &Check, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Endures { of, cloud, throttled, meets, waits, within } = &check.word else { return draft };
    let within = *within * seen.patience.max(1);
    let asked = Asked { plan, of, cloud, waits: *waits, within, seen };
    let change = seen.changes.iter().find(|change| change.check == check.name);
    if let Some(error) = change.and_then(|change| change.error.clone()) {
        draft.reasons.add("carried out", error);
    }
    let refused: usize =
        throttled.iter().map(|(service, many)| asked.throttled(*service, *many, &mut draft)).sum();
    let met = if meets.is_empty() { 0 } else { asked.meetings(check, meets, &mut draft) };
    draft.summary = format!(
        "{of}: {} as too many, {} met; each wait {} at least",
        counted(refused, "refusal"),
        counted(met, "peer"),
        length(*waits)
    );
    draft
}

impl<'a> Asked<'a> {
    /// Judges what a service has refused as too much; how much that was.
    fn throttled(&self, service: CloudService, many: u32, draft: &mut Draft) -> usize {
        let (of, word) = (self.of, service.word());
        let of_cloud = self.seen.facts.iter().filter(|fact| fact.node == *self.cloud);
        let refused: Vec<u64> = of_cloud
            .filter(|fact| is_throttled(&fact.line.fact, service) && self.is_its(&fact.line.fact))
            .map(|fact| fact.line.at)
            .collect();
        if refused.len() < many as usize {
            let times = refused.len();
            let text = format!("{of} was refused {times} of {many} times at {word}: it did not come again");
            draft.findings.push(finding(text, Vec::new()));
        }
        for lot in self.lots(service, &refused) {
            self.judge_lot(service, lot, draft);
        }
        refused.len()
    }

    /// The refusals that follow one another: in a lab that stays the cloud may be told to refuse more, once all has got through.
    fn lots<'t>(&self, service: CloudService, refused: &'t [u64]) -> impl Iterator<Item = &'t [u64]> {
        let told = self.seen.facts.iter().filter(|fact| fact.node == *self.cloud);
        let told: Vec<u64> = told
            .filter(|fact| matches!(&fact.line.fact, Fact::Throttles { services } if services.contains_key(service.word())))
            .map(|fact| fact.line.at)
            .collect();
        refused.chunk_by(move |one, next| !told.iter().any(|at| (*one..*next).contains(at)))
    }

    /// Judges refusals in a row, and what came of them.
    fn judge_lot(&self, service: CloudService, refused: &[u64], draft: &mut Draft) {
        let (of, word) = (self.of, service.word());
        let Some(last) = refused.last() else { return };
        let through = self.stored(service, *last);
        self.judge_end(word, "it was refused as too much", *last, through, draft);
        let tries: Vec<u64> = refused.iter().copied().chain(through).collect();
        let mut pairs = tries.windows(2).zip(0..);
        if let Some((pair, nth)) = pairs.find(|(pair, nth)| self.is_too_soon(pair[0], pair[1], *nth)) {
            let (least, after) = (length(self.least(nth)), apart(pair[0], pair[1]));
            let nth = nth + 1;
            let text = format!(
                "{of} came again to {word} after refusal {nth}, sooner than after {least}: after {after}"
            );
            draft.findings.push(finding(text, Vec::new()));
        }
    }

    /// Judges what became of those who met somebody; how many peers were met.
    fn meetings(&self, check: &Check, meets: &[Endured], draft: &mut Draft) -> usize {
        let meetings = Meetings::of(&check.name, self.cloud, self.seen);
        let mut met = Vec::new();
        for one in meets {
            let (kind, does) = one.words();
            let is_its = |fact: &&Fact| matches!(fact, Fact::StoodIn { kind: at, .. } if at == kind);
            match meetings.facts().find(is_its).and_then(|fact| self.connection(fact)) {
                Some((service, connection)) => met.push((connection.first_at, service, does, connection)),
                None => {
                    let text = format!("nobody was seen to meet the one {does} ({kind})");
                    draft.reasons.add("peers", text);
                }
            }
        }
        met.sort_unstable_by_key(|(at, ..)| *at);
        for service in CloudService::OFTEN_ASKED {
            let row: Vec<_> = met.iter().filter(|(_, at, ..)| *at == service.word()).collect();
            let Some((_, word, does, _)) = row.last() else { continue };
            let connections: Vec<&Conversation> = row.iter().map(|(.., connection)| *connection).collect();
            self.judge_row(word, &connections, draft);
            let over = over(&meetings, word);
            let after = format!("it met the one {does}");
            self.judge_end(word, &after, over, self.stored(service, over), draft);
        }
        met.len()
    }

    /// The connection with a peer at the appliance's tap, and the service that it was for.
    fn connection(&self, fact: &'a Fact) -> Option<(&'a str, &'a Conversation)> {
        let Fact::StoodIn { service, peer, cloud, met_at, .. } = fact else { return None };
        let between = |one: &&Conversation| {
            self.opened(one) && (stand_in::at(&one.opener), stand_in::at(&one.answerer)) == (*peer, *cloud)
        };
        let begun = |one: &&Conversation| one.first_at <= *met_at;
        let its = self.seen.conversations.iter().filter(between).filter(begun);
        Some((service, its.max_by_key(|one| one.first_at)?))
    }

    fn opened(&self, one: &Conversation) -> bool {
        one.kind == "tcp" && one.opener.node.as_ref() == Some(self.of) && !is_ours(self.seen, one)
    }

    /// From one connection with a peer in a service's place to the next there, whoever was met then.
    fn judge_row(&self, word: &str, row: &[&Conversation], draft: &mut Draft) {
        for (one, nth) in row.iter().zip(0..) {
            let later = |other: &&Conversation| {
                self.opened(other)
                    && other.answerer.address == one.answerer.address
                    && other.first_at > one.first_at
            };
            let next = self.seen.conversations.iter().filter(later).min_by_key(|other| other.first_at);
            let Some(next) = next.filter(|next| self.is_too_soon(one.first_at, next.first_at, nth)) else {
                continue;
            };
            let (of, nth) = (self.of, nth + 1);
            let (least, after) = (length(self.least(nth - 1)), apart(one.first_at, next.first_at));
            let text = format!(
                "{of} connected to {word} again after failure {nth}, sooner than after {least}: after {after}"
            );
            draft.findings.push(finding(text, vec![(format!("{of} connects again"), next.first_packet)]));
            return;
        }
    }

    /// Whether it got through in time.
    fn judge_end(&self, word: &str, after: &str, last: u64, through: Option<u64>, draft: &mut Draft) {
        let of = self.of;
        let Some(through) = through else {
            let text = format!("{of} did not get through to {word} after {after}");
            draft.findings.push(finding(text, Vec::new()));
            return;
        };
        if Duration::from_nanos(through.saturating_sub(last)) > self.within {
            let (took, within) = (apart(last, through), length(self.within));
            let text = format!("{of} got through to {word} later than {within} after {after}: after {took}");
            draft.findings.push(finding(text, Vec::new()));
        }
    }

    fn is_too_soon(&self, from: u64, to: u64, nth: u32) -> bool {
        Duration::from_nanos(to.saturating_sub(from)) < self.least(nth)
    }

    /// How long it must wait at least after so many further failures.
    fn least(&self, nth: u32) -> Duration {
        self.waits * (1 << nth.min(DOUBLINGS))
    }

    /// When a service first let something through after that moment.
    fn stored(&self, service: CloudService, after: u64) -> Option<u64> {
        let of_cloud = self.seen.facts.iter().filter(|fact| fact.node == *self.cloud && fact.line.at > after);
        // What is stored names nobody; who is let in may be somebody else.
        let its = |fact: &Fact| !matches!(fact, Fact::Accepted { .. }) || self.is_its(fact);
        let through = of_cloud.filter(|fact| is_through(&fact.line.fact, service) && its(&fact.line.fact));
        through.map(|fact| fact.line.at).min()
    }

    /// Whether it was the appliance who was refused or let in. Behind a router that puts its own address in the place of others, whoever comes from there
    /// may be it.
    fn is_its(&self, fact: &Fact) -> bool {
        let (Fact::Refused { peer, .. } | Fact::Accepted { peer, .. }) = fact else { return false };
        let is_other = |node: &&crate::plan::Node| node.role == Role::Appliance && node.name != *self.of;
        let links = self.plan.nodes.iter().filter(is_other).flat_map(|node| &node.links);
        !links.flat_map(|link| &link.addresses).any(|net| net.addr() == peer.ip())
    }
}

/// When the last connection with a peer in a service's place was over.
fn over(meetings: &Meetings<'_>, word: &str) -> u64 {
    let all = meetings.lines().filter_map(|line| match &line.fact {
        Fact::StoodIn { service, .. } if service == word => Some(line.at),
        _ => None,
    });
    all.max().unwrap_or_default()
}

fn apart(from: u64, to: u64) -> String {
    length(Duration::from_nanos(to.saturating_sub(from)))
}

fn finding(text: String, packets: Vec<(String, u64)>) -> Finding {
    Finding { text, pair: None, stops_at: None, packets, by: None }
}
