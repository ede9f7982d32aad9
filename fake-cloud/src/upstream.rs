//! Where a time server has its time from: another one, asked again and again, given up when it stays silent.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use fake_facts::Fact;
use rsntp::{AsyncSntpClient, Config, KissCode, ProtocolError, SynchronizationError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::facts::Facts;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Time between two questions while there is no answer, or only few: doubled with each miss up to the second.
const AT_FIRST: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));
/// Time between two questions from then on: the shortest that RFC 5905 has (section 7.2, `MINPOLL`, 2^4 s).
const LATER: Duration = Duration::from_secs(16);
/// Answers in quick succession at the start, to choose from.
const QUICK: u32 = 4;
/// Questions without answer after which an upstream is out of reach (RFC 5905, section 13: the reach register), and
/// answers that are chosen from (section 10: the clock filter).
const REACH: u32 = 8;
/// Stratum from which on nothing is synchronised (RFC 5905, section 7.2, `MAXSTRAT`).
const UNSYNCHRONISED: u8 = 16;

/// What an upstream has told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Told {
    /// Its clock minus the host's, nanoseconds.
    pub(crate) offset_ns: i64,
    /// Its stratum, 1 to 14: ours is one more, and synchronised too.
    pub(crate) stratum: u8,
    /// How long question and answer were on their way, seconds.
    pub(crate) round_trip: f64,
}

/// Why an upstream has told nothing.
#[derive(Debug)]
enum Silent {
    /// It does not know the time itself.
    Unsynchronised,
    /// No answer, or none that makes sense.
    Failed(String),
}

/// What is known of an upstream.
#[derive(Debug, Default)]
struct Known {
    answers: VecDeque<Told>,
    heard: u32,
    misses: u32,
}

impl Known {
    /// Takes note of an answer, or of its absence; what was told is good until the upstream is out of reach.
    fn note(&mut self, told: Option<Told>) {
        let Some(told) = told else {
            self.misses += 1;
            if self.misses >= REACH {
                (self.answers, self.heard) = (VecDeque::new(), 0);
            }
            return;
        };
        (self.heard, self.misses) = (self.heard.saturating_add(1), 0);
        if self.answers.len() == REACH as usize {
            self.answers.pop_front();
        }
        self.answers.push_back(told);
    }

    /// The answer that was on its way for the shortest time: it can be the least wrong.
    fn best(&self) -> Option<Told> {
        self.answers.iter().copied().min_by(|one, other| one.round_trip.total_cmp(&other.round_trip))
    }

    fn pause(&self) -> Duration {
        let (first, longest) = AT_FIRST;
        if self.heard >= QUICK { LATER } else { (first * 2_u32.pow(self.misses.min(REACH))).min(longest) }
    }
}

/// Asks `server` until `stop`, shows what is known, and says each answer as a fact.
pub(crate) async fn follow(
    server: SocketAddr,
    shown: watch::Sender<Option<Told>>,
    facts: &Facts,
    stop: CancellationToken,
) {
    let mut known = Known::default();
    loop {
        let answer = tokio::select! {
            answer = ask(server) => answer,
            () = stop.cancelled() => return,
        };
        facts.say(fact(server, &answer));
        known.note(answer.ok());
        shown.send_replace(known.best());
        tokio::select! {
            () = tokio::time::sleep(known.pause()) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn ask(server: SocketAddr) -> Result<Told, Silent> {
    let any = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let config = Config::default().bind_address(SocketAddr::new(any, 0)).timeout(ANSWER_WITHIN);
    let answer = AsyncSntpClient::with_config(config).synchronize(server).await.map_err(why)?;
    if answer.stratum() + 1 >= UNSYNCHRONISED {
        return Err(Silent::Unsynchronised);
    }
    Ok(Told {
        offset_ns: (answer.clock_offset().as_secs_f64() * 1e9) as i64,
        stratum: answer.stratum(),
        round_trip: answer.round_trip_delay().as_secs_f64(),
    })
}

fn why(error: SynchronizationError) -> Silent {
    match error {
        SynchronizationError::ProtocolError(
            ProtocolError::ServerNotSynchronized
            | ProtocolError::KissODeath(KissCode::AssociationNotYetSynchronized),
        ) => Silent::Unsynchronised,
        other => Silent::Failed(other.to_string()),
    }
}

fn fact(server: SocketAddr, answer: &Result<Told, Silent>) -> Fact {
    match answer {
        Ok(Told { offset_ns, stratum, .. }) => {
            Fact::Synced { server: server.ip(), offset_ns: *offset_ns, stratum: *stratum }
        }
        Err(Silent::Unsynchronised) => Fact::Unsynced { server: server.ip() },
        Err(Silent::Failed(error)) => Fact::Failed {
            what: "sync".into(),
            about: Some(server.ip().to_string()),
            error: error.lines().next().unwrap_or_default().to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(round_trip: f64) -> Told {
        Told { offset_ns: 7, stratum: 2, round_trip }
    }

    #[test]
    fn what_was_told_outlives_some_silence_but_not_too_much() {
        let mut known = Known::default();
        known.note(Some(told(0.1)));
        for _ in 1..REACH {
            known.note(None);
            assert_eq!(known.best(), Some(told(0.1)));
        }
        known.note(None);
        assert_eq!(known.best(), None, "out of reach");
        known.note(Some(told(0.2)));
        known.note(None);
        assert_eq!(known.best(), Some(told(0.2)), "an answer counts misses anew");
    }

    #[test]
    fn the_quickest_of_the_last_answers_is_believed() {
        let mut known = Known::default();
        for round_trip in [0.3, 0.1, 0.2] {
            known.note(Some(told(round_trip)));
        }
        assert_eq!(known.best(), Some(told(0.1)));
        for _ in 0..REACH {
            known.note(Some(told(0.4)));
        }
        assert_eq!(known.best(), Some(told(0.4)), "an old answer says nothing about now");
    }

    #[test]
    fn it_asks_often_until_it_has_some_answers() {
        let mut known = Known::default();
        let mut pauses = |answer: Option<Told>, times: usize| -> Vec<u128> {
            let mut once = || {
                known.note(answer);
                known.pause().as_millis()
            };
            (0..times).map(|_| once()).collect()
        };
        assert_eq!(pauses(None, 4), [500, 1000, 2000, 2000]);
        assert_eq!(pauses(Some(told(0.1)), 4), [250, 250, 250, 16_000]);
        assert_eq!(pauses(None, 8)[6..], [16_000, 2000], "out of reach, it starts anew");
    }
}
