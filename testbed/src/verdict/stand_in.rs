//! Peers that stood in for the cloud: whether their clients took them for it. Who met whom is told by the cloud; whether
//! the client went on is seen at its own tap, and whether it took a job is told by the peer.

use std::net::SocketAddr;

use fake_facts::{Fact, Line};

use crate::names::{CheckName, NodeName};
use crate::observation::{HandshakeSeen, NodeFact, Observations};
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
    let client = SocketAddr::new(shaken.opener.address, shaken.opener.port);
    seen.facts.iter().any(|fact| {
        matches!(&fact.line.fact, Fact::StoodIn { peer, .. } if *peer == client)
            && shaken.answerer.node.as_ref() == Some(&fact.node)
    })
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
    // Peers answer lines, and MQTT has none.
    let answers = !places.instead_of.contains(&CloudService::Iot);
    for good in min.good_peers_for(places.instead_of) {
        let taken =
            meetings.with(good).is_some_and(|(one, _)| has_gone_on(one) && (one.said[1] > 0 || !answers));
        if !taken {
            draft
                .reasons
                .add("control", format!("nobody took a stand-in with which nothing is wrong ({good})"));
        } else if !answers && is_owed_a_job(&meetings, good) {
            draft.reasons.add(
                "control",
                format!("nobody took a job of a stand-in with which nothing is wrong ({good})"),
            );
        }
    }
    refuses.iter().filter(|one| is_refused(&meetings, **one, draft)).count()
}

/// Whether whoever met this peer where jobs come from took none: that it takes none of others either shows nothing then.
fn is_owed_a_job(meetings: &Meetings<'_>, kind: &str) -> bool {
    meetings.with(kind).is_some_and(|(shaken, service)| {
        service == CloudService::Iot.word() && meetings.job_of(kind, shaken).is_none()
    })
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

    /// The connection with a stand-in, as it passed its client's tap, and the service that the client wanted.
    fn with(&self, kind: &str) -> Option<(&'a HandshakeSeen, &'a str)> {
        let (met, service) = self.facts().find_map(|fact| match fact {
            Fact::StoodIn { kind: one, peer, service } if one == kind => Some((*peer, service.as_str())),
            _ => None,
        })?;
        let shaken = self.seen.handshakes.iter().find(|one| {
            SocketAddr::new(one.opener.address, one.opener.port) == met
                && one.answerer.node.as_ref() == Some(self.cloud)
        })?;
        Some((shaken, service))
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

    /// The job that this client took of it: what there was to do, how it said that it went, and the job's name.
    fn job_of(&self, kind: &str, shaken: &HandshakeSeen) -> Option<String> {
        let client = SocketAddr::new(shaken.opener.address, shaken.opener.port);
        self.facts().find_map(|fact| match fact {
            Fact::Misled { kind: one, peer, job, operation, status } if one == kind && *peer == client => {
                Some(format!("{operation}, {status} ({job})"))
            }
            _ => None,
        })
    }
}

fn is_refused(meetings: &Meetings<'_>, one: StandIn, draft: &mut Draft) -> bool {
    let (word, wrong) = one.words();
    let Some((shaken, service)) = meetings.with(word) else {
        draft.reasons.add("stand-ins", format!("nobody was seen to meet the one {wrong} ({word})"));
        return false;
    };
    if shaken.agreed.is_none() && shaken.alerts[1].is_none() {
        draft.reasons.add("stand-ins", format!("the one {wrong} ({word}) did not answer"));
        return false;
    }
    if !shaken.keyed && shaken.said[0] == 0 {
        return true;
    }
    let client = client_of(shaken);
    let with = shaken.agreed.map(|one| format!("{} with {}", version(one.version), suite(one.suite)));
    let with = with.unwrap_or_default();
    let whom = match service {
        "monitoring" | "logs" => "the cloud".to_owned(),
        other => format!("the cloud's {other}"),
    };
    let took = format!("{client} took for {whom} a peer {wrong}: {with}");
    let job = meetings.job_of(word, shaken);
    let job = job.map(|job| format!("{client} took a job from a peer {wrong}: {job}"));
    draft.findings.extend([Some(took), job].into_iter().flatten().map(|text| meetings.finding(text, shaken)));
    false
}

fn client_of(shaken: &HandshakeSeen) -> String {
    shaken.opener.node.as_ref().map_or_else(|| shaken.opener.address.to_string(), ToString::to_string)
}
