//! `spare`: the second port is plugged in where the first one is, has no address of its own, is silent as long as it is
//! not needed, and passes nothing on.

use crate::names::{LinkName, NodeName};
use crate::observation::{Observations, PortUse, Station};
use crate::plan::fault::Fault;
use crate::plan::{Link, Node, Plan};

use super::Finding;
use super::judge::Draft;
use super::wording::{counted, listed};

/// How long the spare may still be used once the first port has its carrier again, nanoseconds: the node is told of it,
/// and moves its addresses back.
const GIVES_BACK_WITHIN: u64 = 1_000_000_000;

pub(super) fn draft(plan: &Plan, of: &[NodeName], seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let mut words = Vec::new();
    for name in of {
        let node = plan.node(name);
        let spares = node.into_iter().flat_map(|node| node.links.iter().map(move |link| (node, link)));
        let mut spares = spares
            .filter_map(|(node, spare)| Some(Pair { node, main: node.partner(spare)?, spare }))
            .filter(|pair| pair.spare.spare_of.is_some())
            .peekable();
        if spares.peek().is_none() {
            draft.reasons.add("vacuous", format!("{name} has no spare"));
        }
        for pair in spares {
            words.push(pair.judge(seen, &mut draft));
        }
    }
    if of.is_empty() {
        draft.reasons.add("vacuous", "no node is named");
    }
    draft.summary = format!("{}: {}", counted(of.len(), "node"), listed(words, 6));
    draft
}

/// What is wrong with where a spare is plugged in; `after` says it, too.
pub(super) fn wrong_plug(node: &Node, spare: &Link, main: &Link) -> Option<String> {
    (spare.segment != main.segment).then(|| {
        format!(
            "{0}.{1}, the spare of {0}.{2}, is plugged into {3} and not into {4}",
            node.name, spare.name, main.name, spare.segment, main.segment
        )
    })
}

/// A link and its spare.
struct Pair<'a> {
    node: &'a Node,
    main: &'a Link,
    spare: &'a Link,
}

impl Pair<'_> {
    fn judge(&self, seen: &Observations, draft: &mut Draft) -> String {
        let Pair { node, main, spare } = self;
        let who = format!("{0}.{1}, the spare of {0}.{2},", node.name, spare.name, main.name);
        let mut find = |text: String, packet| draft.findings.push(finding(text, packet));
        if let Some(text) = wrong_plug(node, spare, main) {
            find(text, None);
        }
        if !spare.addresses.is_empty() {
            find(format!("{who} has an address of its own: {}", listed(&spare.addresses, 4)), None);
        }
        for one in self.foreign(seen) {
            let text = format!(
                "frames come out of {}.{} from {}, which is not its own",
                node.name,
                self.link(&one.port),
                one.mac
            );
            find(text, Some(one.first_packet));
        }
        let uses = |port: &LinkName| seen.uses.iter().filter(|one| one.port == *port).collect::<Vec<_>>();
        let (of_main, of_spare) = (uses(&main.port), uses(&spare.port));
        if let Some(first) = of_spare.iter().find(|one| !self.is_needed(one, seen)) {
            let frames: u64 =
                of_spare.iter().filter(|one| !self.is_needed(one, seen)).map(|one| one.frames).sum();
            let frames = counted(usize::try_from(frames).unwrap_or(usize::MAX), "frame");
            let text = format!("{who} sent {frames} beyond link upkeep while {} had its carrier", main.name);
            find(text, Some(first.first_packet));
        }
        if of_main.is_empty() {
            draft.reasons.add("silent", format!("{}.{} was never used", node.name, main.name));
        }
        let total = |uses: &[&PortUse]| uses.iter().map(|one| one.frames).sum::<u64>();
        let stood_in = match of_spare.len() {
            0 => "never stood in".to_owned(),
            times => format!("stood in {} with {} frames", counted(times, "time"), total(&of_spare)),
        };
        format!("{}.{} sent {} frames, {} {stood_in}", node.name, main.name, total(&of_main), spare.name)
    }

    /// Ethernet addresses that are neither link's.
    fn foreign<'s>(&self, seen: &'s Observations) -> Vec<&'s Station> {
        let here = |one: &&Station| one.port == self.main.port || one.port == self.spare.port;
        let own = |one: &&Station| one.mac == self.main.mac || one.mac == self.spare.mac;
        seen.stations.iter().filter(|one| here(one) && !own(one) && one.frames > 0).collect()
    }

    fn link(&self, port: &LinkName) -> &LinkName {
        if *port == self.main.port { &self.main.name } else { &self.spare.name }
    }

    /// Whether the main link was without carrier when this use of the spare began, and until it ended, but for a moment.
    fn is_needed(&self, used: &PortUse, seen: &Observations) -> bool {
        without_carrier(&self.main.port, seen).iter().any(|(from, until)| {
            *from <= used.first_at && used.last_at <= until.saturating_add(GIVES_BACK_WITHIN)
        })
    }
}

/// From when until when nobody was at the other end of a link's cable.
fn without_carrier(port: &LinkName, seen: &Observations) -> Vec<(u64, u64)> {
    let mut times: Vec<(u64, u64)> = Vec::new();
    for one in &seen.faults {
        let concerned = one.fault.plugs().iter().any(|plug| plug.ports.contains(port));
        let open = times.last_mut().filter(|(_, until)| *until == u64::MAX);
        match (&one.fault, open) {
            (Fault::Cut(_) | Fault::Kill(_) | Fault::Stop(_), None) if concerned => {
                times.push((one.at, u64::MAX))
            }
            (Fault::Flap { .. }, None) if concerned => times.push((one.at, one.done_at)),
            (Fault::Heal(_) | Fault::Restart(_), Some(open)) if concerned => open.1 = one.done_at,
            (Fault::HealAll, Some(open)) => open.1 = one.done_at,
            _ => {}
        }
    }
    times
}

fn finding(text: String, packet: Option<u64>) -> Finding {
    let packets = packet.map(|packet| ("first frame".to_owned(), packet));
    Finding { text, pair: None, stops_at: None, packets: packets.into_iter().collect(), by: None }
}
