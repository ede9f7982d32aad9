//! Peers that stood in for the cloud: whether their clients took them for it. Who met whom is told by the cloud; whether
//! the client went on is seen at its own tap, and whether it took a job is told by the peer.

use std::net::SocketAddr;

use fake_facts::{Fact, Line};

use crate::names::{CheckName, NodeName};
use crate::observation::{End, HandshakeSeen, NodeFact, Observations};
use crate::scenario::model::{CloudService, StandIn, TlsVersion};

use super::Finding;
use super::judge::Draft;
use super::tls::{suite, version};

/// Whose places were taken, for which check.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) check: &'a CheckName,
    pub(super) cloud: Option<&'a NodeName>,
    pub(super) instead_of: &'a [CloudService],
}

/// Whoever says more than the end of a handshake and an alert has gone on. With TLS 1.3 both look like data (RFC 8446, section
/// 5.2): a hash, its head, a word of its kind and a tag of 16 bytes; and 2 bytes with such a tail.
fn has_gone_on(shaken: &HandshakeSeen) -> bool {
    const TAIL: u64 = 17;
    const HEAD: u64 = 4;
    const ALERT: u64 = 2;
    const SHA384: u16 = 0x1302;
    let said = shaken.said[0];
    match shaken.agreed {
        Some(agreed) if agreed.version >= 0x0304 => {
            let hash = if agreed.suite == SHA384 { 48 } else { 32 };
            said > HEAD + hash + TAIL + ALERT + TAIL
        }
        _ => said > 0,
    }
}

/// Whether this connection was one with a stand-in.
pub(super) fn is_met(shaken: &HandshakeSeen, seen: &Observations) -> bool {
    let its = |fact: &NodeFact| match &fact.line.fact {
        Fact::StoodIn { peer, cloud, met_at, .. } => shaken_before(*met_at, (*peer, *cloud), seen),
        _ => None,
    };
    seen.facts.iter().filter_map(its).any(|one| std::ptr::eq(one, shaken))
}

/// The connection between a client's socket and one of the cloud's on which somebody was met then: the last that had begun. Either
/// socket alone, and both at another time, may be those of a connection with the cloud itself.
fn shaken_before(
    met_at: u64,
    (client, cloud): (SocketAddr, SocketAddr),
    seen: &Observations,
) -> Option<&HandshakeSeen> {
    let between = |one: &&HandshakeSeen| (at(&one.opener), at(&one.answerer)) == (client, cloud);
    let begun = |one: &&HandshakeSeen| one.at <= met_at;
    seen.handshakes.iter().filter(between).filter(begun).max_by_key(|one| one.at)
}

/// Judges what came of each; how many were refused.
pub(super) fn judge(
    places: Places<'_>,
    min: TlsVersion,
    refuses: &[StandIn],
    seen: &Observations,
    draft: &mut Draft,
) -> usize {
    let Some(cloud) = places.cloud else {
        draft.reasons.add("stand-ins", "no flow leads to a cloud");
        return 0;
    };
    let meetings = Meetings::of(places.check, cloud, seen);
    for fact in meetings.facts() {
        if let Fact::Failed { what, error, .. } = fact
            && what == "place"
        {
            draft.reasons.add("stand-ins", error.clone());
        }
    }
    for good in min.good_peers_for(places.instead_of) {
        if !meetings.with(good).iter().any(is_taken) {
            draft
                .reasons
                .add("control", format!("nobody took a stand-in with which nothing is wrong ({good})"));
        } else if is_owed_a_job(&meetings, good) {
            draft.reasons.add(
                "control",
                format!("nobody took a job of a stand-in with which nothing is wrong ({good})"),
            );
        }
    }
    refuses.iter().filter(|one| is_refused(&meetings, **one, draft)).count()
}

/// One connection with a stand-in.
struct Met<'a> {
    /// As it passed its client's tap.
    shaken: &'a HandshakeSeen,
    /// The service that the client wanted.
    service: &'a str,
}

impl Met<'_> {
    /// Whether it was met where jobs come from.
    fn is_for_jobs(&self) -> bool {
        self.service == CloudService::Iot.word()
    }
}

/// Whether the client went on. Peers answer lines, and MQTT has none.
fn is_taken(met: &Met<'_>) -> bool {
    has_gone_on(met.shaken) && (met.shaken.said[1] > 0 || met.is_for_jobs())
}

/// Whether all who met this peer where jobs come from took none: that they take none of others either shows nothing then.
fn is_owed_a_job(meetings: &Meetings<'_>, kind: &str) -> bool {
    let met = meetings.with(kind);
    let mut at_jobs = met.iter().filter(|met| met.is_for_jobs()).peekable();
    at_jobs.peek().is_some() && at_jobs.all(|met| !meetings.has_job_of(kind, met.shaken))
}

/// A job that somebody took of a stand-in.
struct JobTaken<'a> {
    client: SocketAddr,
    /// The connection on which it was, if that passed the client's tap.
    shaken: Option<&'a HandshakeSeen>,
    /// What there was to do, how it was said to go, and the job's name.
    what: String,
}

/// Who met whom for a check.
pub(super) struct Meetings<'a> {
    cloud: &'a NodeName,
    seen: &'a Observations,
    from: u64,
    until: u64,
}

impl<'a> Meetings<'a> {
    /// While the check was carried out; at any time where it is not told when that was.
    pub(super) fn of(check: &CheckName, cloud: &'a NodeName, seen: &'a Observations) -> Self {
        let change = seen.changes.iter().find(|change| change.check == *check);
        let (from, until) = change.map_or((0, u64::MAX), |change| (change.at, change.end_at));
        Self { cloud, seen, from, until }
    }

    /// What the cloud said in that time.
    pub(super) fn facts(&self) -> impl Iterator<Item = &'a Fact> + use<'a> {
        self.lines().map(|line| &line.fact)
    }

    /// The same, with when it was.
    pub(super) fn lines(&self) -> impl Iterator<Item = &'a Line> + use<'a> {
        let Self { cloud, seen, from, until } = *self;
        let in_time = move |fact: &&NodeFact| fact.node == *cloud && (from..=until).contains(&fact.line.at);
        seen.facts.iter().filter(in_time).map(|fact| &fact.line)
    }

    /// The connections with a kind of stand-in that passed their clients' taps.
    fn with(&self, kind: &str) -> Vec<Met<'a>> {
        let met = self.facts().filter_map(|fact| match fact {
            Fact::StoodIn { kind: one, peer, cloud, met_at, service } if one == kind => {
                Some(Met { shaken: shaken_before(*met_at, (*peer, *cloud), self.seen)?, service })
            }
            _ => None,
        });
        met.collect()
    }

    /// Something that was found of a connection with a stand-in.
    fn finding(&self, text: String, shaken: &HandshakeSeen) -> Finding {
        let first = format!("first packet of the connection, at {}'s tap", client_of(shaken));
        Finding {
            text,
            pair: shaken.opener.node.clone().map(|node| (node, self.cloud.clone())),
            stops_at: None,
            packets: if shaken.packet > 0 { vec![(first, shaken.packet)] } else { Vec::new() },
            by: None,
        }
    }

    /// The jobs that were taken of a kind of stand-in.
    fn jobs_of(&self, kind: &str) -> impl Iterator<Item = JobTaken<'a>> {
        self.facts().filter_map(move |fact| match fact {
            Fact::Misled { kind: one, peer, cloud, met_at, job, operation, status } if one == kind => {
                Some(JobTaken {
                    client: *peer,
                    shaken: shaken_before(*met_at, (*peer, *cloud), self.seen),
                    what: format!("{operation}, {status} ({job})"),
                })
            }
            _ => None,
        })
    }

    fn has_job_of(&self, kind: &str, shaken: &HandshakeSeen) -> bool {
        self.jobs_of(kind).any(|job| job.shaken.is_some_and(|its| std::ptr::eq(its, shaken)))
    }
}

fn is_refused(meetings: &Meetings<'_>, one: StandIn, draft: &mut Draft) -> bool {
    let (word, wrong) = one.words();
    let met = meetings.with(word);
    let mut found: Vec<Finding> = met.iter().filter_map(|met| took(meetings, met, wrong)).collect();
    found.extend(meetings.jobs_of(word).map(|job| misled(meetings, &job, wrong)));
    let is_answered = |met: &Met<'_>| met.shaken.agreed.is_some() || met.shaken.alerts[1].is_some();
    if met.is_empty() {
        draft.reasons.add("stand-ins", format!("nobody was seen to meet the one {wrong} ({word})"));
    } else if !met.iter().any(is_answered) {
        draft.reasons.add("stand-ins", format!("the one {wrong} ({word}) did not answer"));
    } else if found.is_empty() {
        return true;
    }
    // Each once, however often it was tried.
    for one in found {
        if draft.findings.iter().all(|known| known.text != one.text) {
            draft.findings.push(one);
        }
    }
    false
}

/// What is found of who took a peer that should be refused for the cloud.
fn took(meetings: &Meetings<'_>, Met { shaken, service }: &Met<'_>, wrong: &str) -> Option<Finding> {
    if !shaken.keyed && shaken.said[0] == 0 {
        return None;
    }
    let with = shaken.agreed.map(|one| format!("{} with {}", version(one.version), suite(one.suite)));
    let with = with.unwrap_or_default();
    let whom = match *service {
        "monitoring" | "logs" => "the cloud".to_owned(),
        other => format!("the cloud's {other}"),
    };
    let text = format!("{} took for {whom} a peer {wrong}: {with}", client_of(shaken));
    Some(meetings.finding(text, shaken))
}

/// What is found of who did a job of a peer that should be refused, whether their connection was seen or not.
fn misled(meetings: &Meetings<'_>, job: &JobTaken<'_>, wrong: &str) -> Finding {
    let text = |client: &str| format!("{client} took a job from a peer {wrong}: {}", job.what);
    match job.shaken {
        Some(shaken) => meetings.finding(text(&client_of(shaken)), shaken),
        None => Finding {
            text: text(&job.client.ip().to_string()),
            pair: None,
            stops_at: None,
            packets: Vec::new(),
            by: None,
        },
    }
}

pub(super) fn at(end: &End) -> SocketAddr {
    SocketAddr::new(end.address, end.port)
}

fn client_of(shaken: &HandshakeSeen) -> String {
    shaken.opener.node.as_ref().map_or_else(|| shaken.opener.address.to_string(), ToString::to_string)
}
