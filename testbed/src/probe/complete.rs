//! What came of a sweep: what was sent, joined with what taps and instruments have seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ports::own_link;
use super::{Entry, FilterLog, Role, Swept};
use crate::names::{Form, Header, Kinds, LinkName, NodeName, Shape, Traffic};
use crate::observation::{AimSeen, Arrival, Control, KindSeen, Stray, StrayKind};
use crate::plan::{Aim, Judge, Link, Plan};
use crate::tap::{self, Captured, Direction};

/// Joins what was sent with what the taps and instruments have seen, once the captures are closed.
pub fn complete(swept: Vec<Swept>, site: &Seen<'_>, open_copy: &Seen<'_>) -> Vec<AimSeen> {
    swept.into_iter().map(|one| complete_one(one, site, open_copy)).collect()
}

/// A site whose captures are closed.
#[derive(Debug)]
pub struct Seen<'a> {
    /// What the taps saw.
    pub captured: &'a Captured,
    /// What was logged behind filters.
    pub logs: &'a BTreeMap<NodeName, FilterLog>,
    /// Who is behind which port.
    pub plan: &'a Plan,
    /// What was sent: by aim, kind and role.
    sent: HashMap<(usize, usize, Role), Vec<(u32, Traffic)>>,
}

impl<'a> Seen<'a> {
    /// Puts together what was sent (by number) and what saw it.
    pub fn new(
        captured: &'a Captured,
        logs: &'a BTreeMap<NodeName, FilterLog>,
        plan: &'a Plan,
        ledger: &[(u32, Entry)],
    ) -> Self {
        let mut sent: HashMap<_, Vec<_>> = HashMap::new();
        for (n, entry) in ledger {
            sent.entry((entry.aim, entry.kind, entry.role)).or_default().push((*n, entry.traffic));
        }
        Self { captured, logs, plan, sent }
    }
}

/// The ports at which a probe came out of the fabric.
fn ports_seen(site: &Seen<'_>, n: u32) -> BTreeSet<LinkName> {
    let sightings = site.captured.sightings.of(n);
    sightings.filter(|one| one.direction == Direction::ToNode).map(|one| one.port).collect()
}

fn complete_one(mut swept: Swept, site: &Seen<'_>, open_copy: &Seen<'_>) -> AimSeen {
    swept.errors.extend(swept.not_as_planned(site));
    let aim = &swept.sending.aim;
    let at = |site: &Seen<'_>, n, ports: &[LinkName], direction| {
        let mut seen = ports.iter().filter_map(|port| site.captured.sightings.first(n, port, direction));
        seen.next().map(|sighting| (sighting.packet, sighting.at))
    };
    let arrived = |site: &Seen<'_>, n| match &aim.judge {
        Judge::Tap { .. } => at(site, n, &swept.ports.1, Direction::ToNode).is_some(),
        Judge::BehindFilter { node } => site.logs.get(node).is_some_and(|log| log.arrived(n)),
    };
    let mine = |site: &Seen<'_>, kind: usize, role: Role| -> Vec<(u32, Traffic)> {
        site.sent.get(&(swept.number, kind, role)).cloned().unwrap_or_default()
    };
    let control = |site: &Seen<'_>, sent: Vec<(u32, Traffic)>| Control {
        sent: sent.len() as u64,
        seen: sent.iter().filter(|(n, _)| arrived(site, *n)).count() as u64,
    };
    // What is at everybody must be seen by each tap that judges: else one of them may be blind.
    let seen_at_all = |site: &Seen<'_>, sent: Vec<(u32, Traffic)>| {
        let at_all = |n: u32| ports_seen(site, n).is_superset(&swept.ports.1.iter().cloned().collect());
        Control { sent: sent.len() as u64, seen: sent.iter().filter(|(n, _)| at_all(*n)).count() as u64 }
    };
    let all: Vec<(u32, Traffic)> =
        (0..swept.sending.kinds.len()).flat_map(|kind| mine(site, kind, Role::Attack)).collect();
    let got_in = first_by_way(all.into_iter().filter(|(n, _)| arrived(site, *n)));
    let kinds = swept.sending.kinds.iter().enumerate().map(|(kind, kinds)| {
        let sent = mine(site, kind, Role::Attack);
        let entered: Vec<u64> = sent
            .iter()
            .filter_map(|(n, _)| at(site, *n, &swept.ports.0, Direction::FromNode))
            .map(|(packet, _)| packet)
            .collect();
        let arrivals = sent.iter().filter(|(n, _)| arrived(site, *n)).map(|(n, single)| {
            let entered = at(site, *n, &swept.ports.0, Direction::FromNode);
            Arrival {
                traffic: *single,
                entered_packet: entered.map(|(packet, _)| packet),
                packet: at(site, *n, &swept.ports.1, Direction::ToNode).map(|(packet, _)| packet),
                at: entered.map_or(0, |(_, at)| at),
            }
        });
        let instrument = match aim.judge {
            Judge::Tap { .. } if aim.everybody.is_some() => {
                seen_at_all(site, mine(site, kind, Role::Instrument))
            }
            Judge::Tap { .. } => control(site, mine(site, kind, Role::Instrument)),
            Judge::BehindFilter { .. } => control(open_copy, mine(open_copy, kind, Role::Instrument)),
        };
        KindSeen {
            strays: sent
                .iter()
                .flat_map(|sent| {
                    let is_anothers = !arrived(site, sent.0) && is_answered_before(&got_in, *sent);
                    let all = strays(site, aim, &swept.ports, *sent).into_iter();
                    all.filter(move |stray| !(is_anothers && stray.kind == StrayKind::Answered))
                })
                .collect(),
            kinds: kinds.clone(),
            planned: swept.planned(kinds, sent.len() as u64),
            entered: entered.len() as u64,
            entered_packet: entered.iter().find(|packet| **packet > 0).or(entered.first()).copied(),
            arrived: arrivals.collect(),
            instrument,
            path: control(open_copy, mine(open_copy, kind, Role::Attack)),
        }
    });
    let filter_instrument_alive = match &aim.judge {
        Judge::Tap { .. } => None,
        Judge::BehindFilter { node } => {
            Some(site.logs.get(node).is_some_and(|log| log.alive(swept.started_at, swept.ended_at)))
        }
    };
    AimSeen {
        check: swept.check.clone(),
        kinds: kinds.collect(),
        aim: aim.clone(),
        cells: swept.sending.cells.clone(),
        started_at: swept.started_at,
        ended_at: swept.ended_at,
        slices: swept.slices,
        errors: swept.errors,
        filter_instrument_alive,
        trace: swept.trace,
    }
}

impl Swept {
    /// What is wrong with what the ledger says was sent for it.
    fn not_as_planned(&self, site: &Seen<'_>) -> Vec<String> {
        let sent = |kind| site.sent.get(&(self.number, kind, Role::Attack)).map_or(&[][..], Vec::as_slice);
        (0..self.sending.kinds.len())
            .filter_map(|kind| self.sending.differs(kind, sent(kind), self.again))
            .collect()
    }

    /// How many packets of a kind there should be. What is sent again and again is as many as were sent, but of cells each is sent once.
    fn planned(&self, kinds: &Kinds, sent: u64) -> u64 {
        if self.again && !matches!(kinds, Kinds::Cells(_)) { sent } else { kinds.width() }
    }
}

/// Ports of a datagram from end to end.
type UdpWay = (u16, u16);

/// The ports by which an answer to a probe finds back, if it is a datagram: nothing in such an answer says which of several it is for.
fn udp_way(traffic: &Traffic) -> Option<UdpWay> {
    let Traffic::Shaped(Shape { header: Header::Udp { to, from }, form, .. }) = traffic else { return None };
    (!matches!(form, Form::In(_))).then_some((*to, *from))
}

/// The first of these on each way, by number.
fn first_by_way(probes: impl Iterator<Item = (u32, Traffic)>) -> BTreeMap<UdpWay, u32> {
    let mut first = BTreeMap::new();
    for (n, way) in probes.filter_map(|(n, traffic)| Some((n, udp_way(&traffic)?))) {
        first.entry(way).and_modify(|known: &mut u32| *known = n.min(*known)).or_insert(n);
    }
    first
}

/// Whether an earlier packet got in on the way of this one, which did not: an answer is that one's, and came late. That it got in is a finding
/// by itself.
fn is_answered_before(got_in: &BTreeMap<UdpWay, u32>, (n, traffic): (u32, Traffic)) -> bool {
    udp_way(&traffic).and_then(|way| got_in.get(&way)).is_some_and(|first| *first < n)
}

/// What became of a packet of the attack otherwise: handed to somebody it was not for, altered on the way, or answered.
fn strays(
    site: &Seen<'_>,
    aim: &Aim,
    ports: &(Vec<LinkName>, Vec<LinkName>),
    (n, traffic): (u32, Traffic),
) -> Vec<Stray> {
    let entered = ports.0.iter().find_map(|port| site.captured.sightings.first(n, port, Direction::FromNode));
    let stray = |kind, packet| Stray {
        kind,
        traffic,
        entered_packet: entered.as_ref().map(|sighting| sighting.packet),
        packet: Some(packet),
        at: entered.as_ref().map_or(0, |sighting| sighting.at),
    };
    // A device on the way has to get it; so has the target, and whether it lets it in is judged elsewhere.
    // What is for everybody is for the neighbours, too; in the target's segment it has arrived.
    let own_segment = own_link(site.plan, aim).map(|link| &link.segment);
    let hears = |link: &Link| {
        aim.everybody.is_some() && (Some(&link.segment) == own_segment || ports.1.contains(&link.port))
    };
    let stranger = |port: &LinkName| {
        let links = site.plan.nodes.iter().flat_map(|node| node.links.iter().map(move |link| (node, link)));
        let (node, _) = links.into_iter().find(|(_, link)| link.port == *port && !hears(link))?;
        (!node.forwards && node.name != aim.to && node.name != aim.next_node).then(|| node.name.clone())
    };
    let ends = |port: &LinkName| ports.1.contains(port) || stranger(port).is_some();
    let delivered = site.captured.sightings.delivered(n).filter_map(|sighting| {
        let node = stranger(&sighting.port)?;
        Some(stray(StrayKind::DeliveredElsewhere { node }, sighting.packet))
    });
    let told = site.captured.sightings.stray(n);
    let altered = told.iter().find(|one| {
        one.kind == tap::StrayKind::Altered
            && one.direction == Direction::ToNode
            && one.addressed
            && ends(&one.port)
    });
    let answered = told.iter().find(|one| one.kind == tap::StrayKind::Answered);
    let altered = altered.map(|one| stray(StrayKind::Altered, one.packet));
    let answered = answered.map(|one| stray(StrayKind::Answered, one.packet));
    delivered.chain(altered).chain(answered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Tunnel;

    fn datagram(from: u16, form: Form) -> Traffic {
        Traffic::Shaped(Shape { form, ..Shape::of(Header::Udp { to: 53, from }) })
    }

    #[test]
    fn an_answer_is_an_earlier_ones_that_got_in_on_the_same_way_and_no_others() {
        let got_in =
            first_by_way([(7, datagram(68, Form::Whole)), (5, datagram(68, Form::Tiny))].into_iter());
        let of = |n, from, form| is_answered_before(&got_in, (n, datagram(from, form)));
        assert!(of(8, 68, Form::Strict) && of(6, 68, Form::Loose));
        assert!(!of(4, 68, Form::Strict), "it was sent before");
        assert!(!of(8, 69, Form::Strict), "none got in from there");
        assert!(!of(8, 68, Form::In(Tunnel::VxlanByWay)), "another way");
        let tcp = Traffic::Shaped(Shape::of(Header::Tcp { to: 53, from: 68, flags: 2 }));
        assert!(!is_answered_before(&got_in, (8, tcp)), "a segment says what it answers");
        assert!(first_by_way([(1, datagram(68, Form::In(Tunnel::VxlanByWay)))].into_iter()).is_empty());
    }
}
