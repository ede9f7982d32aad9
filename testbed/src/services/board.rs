//! The board of facts: what the services have said so far, and who waits for what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use fake_facts::{Fact, Video};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::names::NodeName;
use crate::observation::NodeFact;
use crate::verdict::{asks_for_search, ends_search};

/// All facts so far, in order of arrival; readers wait for it to grow.
#[derive(Debug)]
pub struct Board {
    facts: Mutex<Facts>,
    count: watch::Sender<usize>,
}

/// Whose video at which node.
type Stream = (NodeName, String);

#[derive(Debug, Default)]
struct Facts {
    told: Vec<NodeFact>,
    /// What was counted of each stream, as it was told.
    latest: BTreeMap<Stream, Video>,
    /// The same at the beginning of this stretch.
    before: BTreeMap<Stream, Video>,
}

impl Default for Board {
    fn default() -> Self {
        Self { facts: Mutex::default(), count: watch::Sender::new(0) }
    }
}

impl Board {
    /// Adds a fact and wakes who waits. Video is counted from the beginning of the stretch.
    pub fn add(&self, mut fact: NodeFact) {
        let mut facts = self.lock();
        if let Fact::Video(video) = &mut fact.line.fact {
            let stream = (fact.node.clone(), video.camera.clone());
            let latest = facts.latest.insert(stream.clone(), video.clone());
            if latest.is_some_and(|latest| is_anew(video, &latest)) {
                facts.before.remove(&stream);
            }
            if let Some(before) = facts.before.get(&stream) {
                *video = since(video, before);
            }
        }
        facts.told.push(fact);
        self.count.send_replace(facts.told.len());
    }

    /// Begins another stretch: all is forgotten but what holds until something else is said. That is, that a service
    /// was ready, what it once delivered, what each node was told of the time last, and what came of its search for cameras,
    /// which comes about once.
    pub fn turn(&self) {
        let mut facts = self.lock();
        facts.before = facts.latest.clone();
        let mut known = BTreeSet::new();
        // The latest word on each counts.
        facts.told.reverse();
        facts.told.retain(|fact| {
            holds(&fact.line.fact).is_some_and(|what| known.insert((fact.node.clone(), what)))
        });
        facts.told.reverse();
        self.count.send_replace(facts.told.len());
    }

    /// A copy of all facts so far.
    pub fn all(&self) -> Vec<NodeFact> {
        self.lock().told.clone()
    }

    /// Waits until `look` finds what it wants among all facts, at most for `patience`; none when the time is over.
    pub async fn wait_for<T>(
        &self,
        patience: Duration,
        look: impl Fn(&[NodeFact]) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut count = self.count.subscribe();
        loop {
            count.mark_unchanged();
            if let Some(found) = look(&self.lock().told) {
                return Some(found);
            }
            match timeout_at(deadline, count.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return None,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What a fact is a word on, if it holds until the next one.
fn holds(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Ready { listens } => Some(format!("ready {listens:?}")),
        Fact::Delivered { service, .. } => Some(format!("delivered {service}")),
        Fact::Synced { .. } | Fact::Unsynced { .. } => Some("time".into()),
        Fact::Failed { what, .. } if what == "sync" => Some("time".into()),
        asked if asks_for_search(asked) => Some("search".into()),
        Fact::Found { address, .. } => Some(format!("found {address}")),
        Fact::Scanned { .. } => Some("searched".into()),
        other => ends_search(other).map(|thing| format!("told of the search of {thing}")),
    }
}

/// Whether whoever counts was started again since the last count: then all that was counted before is no part of it, also once it has
/// grown beyond that.
fn is_anew(now: &Video, latest: &Video) -> bool {
    now.run != latest.run
        || now.received < latest.received
        || now.packets < latest.packets
        || now.decoded < latest.decoded
}

/// What was counted of a stream since an earlier count of it.
///
/// Times between arrivals are not counts: they stay what they were told to be.
fn since(now: &Video, before: &Video) -> Video {
    Video {
        received: now.received.saturating_sub(before.received),
        packets: now.packets.saturating_sub(before.packets),
        first: if now.received > before.received { before.last.saturating_add(1) } else { now.first },
        lost: now.lost.saturating_sub(before.lost),
        duplicated: now.duplicated.saturating_sub(before.duplicated),
        swapped: now.swapped.saturating_sub(before.swapped),
        unidentified: now.unidentified.saturating_sub(before.unidentified),
        foreign: now.foreign.saturating_sub(before.foreign),
        unreferenced: now.unreferenced.saturating_sub(before.unreferenced),
        decoded: now.decoded.saturating_sub(before.decoded),
        matched: now.matched.saturating_sub(before.matched),
        mismatched: now.mismatched.saturating_sub(before.mismatched),
        undecoded: now.undecoded.saturating_sub(before.undecoded),
        odd: now.odd.iter().filter(|odd| !before.odd.contains(odd)).copied().collect(),
        untold: now.untold.saturating_sub(before.untold),
        ..now.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fake_facts::Line;

    use super::*;

    fn fact(at: u64) -> NodeFact {
        let line = Line { at, fact: Fact::Bye { reason: "told to".into() } };
        NodeFact { node: "app".parse().unwrap(), line }
    }

    #[tokio::test]
    async fn a_waiter_is_woken_by_the_fact_it_waits_for() {
        let board = Arc::new(Board::default());
        board.add(fact(1));
        let waiter = tokio::spawn({
            let board = Arc::clone(&board);
            async move {
                let third = |facts: &[NodeFact]| (facts.len() == 3).then(|| facts[2].line.at);
                board.wait_for(Duration::from_secs(10), third).await
            }
        });
        board.add(fact(2));
        board.add(fact(3));
        assert_eq!(waiter.await.unwrap(), Some(3));
    }

    #[tokio::test]
    async fn a_waiter_gives_up_at_its_deadline() {
        let never = |_: &[NodeFact]| None::<()>;
        assert_eq!(Board::default().wait_for(Duration::from_millis(5), never).await, None);
    }

    fn told(fact: Fact) -> NodeFact {
        NodeFact { node: "app".parse().unwrap(), line: Line { at: 1, fact } }
    }

    fn video(received: u64, lost: u64) -> NodeFact {
        let (camera, last) = ("door".to_owned(), received + lost);
        let (decoded, packets) = (received, 3 * received);
        told(Fact::Video(Video { camera, received, packets, lost, decoded, last, ..Video::default() }))
    }

    fn counts(board: &Board) -> Vec<(u64, u64)> {
        let counts = board.all().into_iter().filter_map(|fact| match fact.line.fact {
            Fact::Video(video) => {
                assert_eq!(video.packets, 3 * video.received, "they are counted from the same moment");
                Some((video.received, video.lost))
            }
            _ => None,
        });
        counts.collect()
    }

    #[test]
    fn video_is_counted_from_the_beginning_of_a_stretch() {
        let board = Board::default();
        board.add(video(10, 2));
        board.add(video(20, 2));
        assert_eq!(counts(&board), [(10, 2), (20, 2)]);
        board.turn();
        assert_eq!(counts(&board), []);
        board.add(video(25, 3));
        assert_eq!(counts(&board), [(5, 1)]);
        board.turn();
        // Nothing came: the count stays, and what it comes to is nothing.
        board.add(video(25, 3));
        // The player was started again.
        board.add(video(4, 0));
        assert_eq!(counts(&board), [(0, 0), (4, 0)]);
        board.add(video(30, 0));
        assert_eq!(counts(&board)[2..], [(30, 0)], "what it had before is taken off no more");
    }

    #[test]
    fn a_stretch_forgets_all_but_what_still_holds() {
        let board = Board::default();
        let delivered =
            |service: &str, name: &str| Fact::Delivered { service: service.into(), name: name.into() };
        let synced = |offset_ns| Fact::Synced { server: [10, 0, 0, 1].into(), offset_ns, stratum: 1 };
        let ready = Fact::Ready { listens: vec![] };
        let asked = Fact::Told { peer: "10.0.0.1:123".parse().unwrap() };
        let tasked = |operation: &str| Fact::Tasked { job: operation.into(), operation: operation.into() };
        let searched = Fact::Scanned { cameras: 1 };
        for fact in [
            ready.clone(),
            delivered("logs", "a"),
            synced(1),
            delivered("iot", "b"),
            asked,
            synced(2),
            tasked("scan-cameras"),
            tasked("reboot"),
            searched.clone(),
            delivered("logs", "c"),
        ] {
            board.add(told(fact));
        }
        let kept = |board: &Board| -> Vec<Fact> {
            board.turn();
            board.all().into_iter().map(|fact| fact.line.fact).collect()
        };
        let all = [
            ready.clone(),
            delivered("iot", "b"),
            synced(2),
            tasked("scan-cameras"),
            searched.clone(),
            delivered("logs", "c"),
        ];
        assert_eq!(kept(&board), all);
        assert_eq!(kept(&board), all, "it still holds");
        // A clock that has no time any more has none.
        let failed = Fact::Failed { what: "sync".into(), about: None, error: "no answer".into() };
        board.add(told(failed.clone()));
        let left =
            [ready, delivered("iot", "b"), tasked("scan-cameras"), searched, delivered("logs", "c"), failed];
        assert_eq!(kept(&board), left);
    }
}
