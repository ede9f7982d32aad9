//! `matrix`: intent beside measurement, which is the verdict, and prediction beside measurement, which shows whether the
//! rules as they are listed are what the packets meet.
//!
//! What is sent and not allowed is judged as a `no_reach`, with its controls; what is allowed must be answered.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::model::Model;
use crate::model::partition::Piece;
use crate::names::{Kinds, NodeName, Traffic};
use crate::observation::{AimSeen, KindSeen, Observations, OpenSeen};
use crate::plan::{Check, Open, Plan, Word};

use super::controls::open_name;
use super::judge::Draft;
use super::no_reach;
use super::predicted::{self, Predicted};
use super::wording::listed;
use super::{Finding, MatrixSeen, PairSeen, ProbeOnly};

/// Kinds spelled out per finding.
const KINDS: usize = 8;

pub(super) fn draft(plan: &Plan, check: &Check, seen: &Observations) -> Draft {
    let Word::Matrix { between, aims, opens, unopened, left_out } = &check.word else {
        return Draft::default();
    };
    let alive: Vec<Open> = opens.iter().map(|(open, _)| open.clone()).collect();
    let mut draft = no_reach::draft(check, aims, &alive, seen);
    let model = Model::listed(plan, &check.name, &seen.rules);
    if let Err(why) = &model {
        draft.reasons.add("model", why.clone());
    }
    let mut table = Table::new(model.as_ref().ok());
    for aim in seen.aims.iter().filter(|aim| aim.check == check.name) {
        table.add_aim(aim);
    }
    let own = |open: &Open| between.contains(&open.from) && between.contains(&open.to);
    for (open, source) in opens.iter().filter(|(open, _)| own(open)) {
        table.add_opening(&Opening { check, open, source: *source, seen });
    }
    let Table { pairs, probe_only, differences, blocked, .. } = table;
    draft.findings.extend(blocked);
    draft.findings.extend(
        differences
            .into_iter()
            .map(|((from, to, arrived), packets)| difference((from, to), arrived, packets)),
    );
    let matrix = MatrixSeen {
        pairs: pairs.into_values().collect(),
        probe_only: probe_only.into_iter().map(|(why, count)| ProbeOnly { why, count }).collect(),
        unopened: unopened.clone(),
        left_out: left_out.clone(),
    };
    draft.summary = format!("{}; {}", summary(&matrix), draft.summary);
    draft.matrix = Some(matrix);
    draft
}

/// All counts in one line.
fn summary(matrix: &MatrixSeen) -> String {
    let sum = |of: fn(&PairSeen) -> u64| matrix.pairs.iter().map(of).sum::<u64>();
    let (meant, leaks, blocked) = (sum(|p| p.as_meant), sum(|p| p.leak), sum(|p| p.blocked));
    let (unmeasured, differs, probe_only) =
        (sum(|p| p.unmeasured), sum(|p| p.model_differs), sum(|p| p.probe_only));
    format!(
        "{meant} as meant, {leaks} leaked, {blocked} blocked, {unmeasured} not measured; the model differs on {differs}, \
         leaves {probe_only} to probes; {} allowed and not opened, {} left out",
        matrix.unopened.len(),
        matrix.left_out.len(),
    )
}

/// Packets on which the model differs: what they are, where to, what they were said to do, the numbers of one in the capture.
struct Differs {
    kinds: Vec<Traffic>,
    address: IpAddr,
    said: String,
    packets: Vec<(String, u64)>,
    stops_at: NodeName,
}

/// What is counted.
struct Table<'a> {
    model: Option<&'a Model<'a>>,
    pairs: BTreeMap<(NodeName, NodeName, u8), PairSeen>,
    probe_only: BTreeMap<String, u64>,
    /// By pair, and whether they arrived.
    differences: BTreeMap<(NodeName, NodeName, bool), Vec<Differs>>,
    blocked: Vec<Finding>,
}

/// An opening, and where to look for it.
struct Opening<'a> {
    check: &'a Check,
    open: &'a Open,
    source: IpAddr,
    seen: &'a Observations,
}

impl Opening<'_> {
    fn tries(&self) -> impl Iterator<Item = &OpenSeen> {
        let mine = |one: &&OpenSeen| one.check == self.check.name && one.open == *self.open;
        self.seen.opens.iter().filter(mine)
    }

    /// Both of its ends had a part in something that was answered for this check: its silence is not theirs.
    fn ends_live(&self) -> bool {
        let answered = |one: &&OpenSeen| one.check == self.check.name && one.answered_after_us.is_some();
        let lives = |node: &NodeName| {
            let mut answered = self.seen.opens.iter().filter(answered);
            answered.any(|one| one.open.from == *node || one.open.to == *node)
        };
        lives(&self.open.from) && lives(&self.open.to)
    }
}

impl<'a> Table<'a> {
    fn new(model: Option<&'a Model<'a>>) -> Self {
        let (pairs, probe_only) = (BTreeMap::new(), BTreeMap::new());
        Table { model, pairs, probe_only, differences: BTreeMap::new(), blocked: Vec::new() }
    }

    fn pair(&mut self, from: &NodeName, to: &NodeName, address: IpAddr) -> &mut PairSeen {
        let family = if address.is_ipv4() { 4 } else { 6 };
        self.pairs.entry((from.clone(), to.clone(), family)).or_insert_with(|| PairSeen {
            from: from.clone(),
            to: to.clone(),
            family,
            as_meant: 0,
            leak: 0,
            blocked: 0,
            unmeasured: 0,
            model_differs: 0,
            probe_only: 0,
        })
    }

    fn add_aim(&mut self, seen: &AimSeen) {
        let aim = &seen.aim;
        for kind in &seen.kinds {
            let measured = MeasuredKind::of(kind);
            // What is said of one packet is said of all that the model does not tell apart from it.
            let mut said: HashMap<Traffic, Predicted> = HashMap::new();
            for piece in self.pieces(&kind.kinds) {
                for (measured, kinds, count) in measured.of_piece(piece.range) {
                    let pair = self.pair(&aim.from, &aim.to, aim.address);
                    match measured {
                        Measured::Silent => pair.as_meant += count,
                        Measured::Nothing => pair.unmeasured += count,
                        Measured::Arrived | Measured::Astray => pair.leak += count,
                    }
                    if let (Some(model), true) = (self.model, measured != Measured::Nothing) {
                        let predicted = said
                            .entry(piece.stands)
                            .or_insert_with(|| predicted::packet(model, aim, &piece.stands))
                            .clone();
                        self.compare(seen, kind, (kinds, count, measured), predicted);
                    }
                }
            }
        }
    }

    /// What was sent of one kind, cut where the rules tell packets apart; packets of cells one by one.
    fn pieces(&self, kinds: &Kinds) -> Vec<Piece> {
        match (kinds, self.model) {
            (Kinds::Range(range), Some(model)) => model.pieces(*range),
            (Kinds::Range(range), None) => vec![Piece { range: *range, stands: *range }],
            (Kinds::Cells(packets), _) => {
                packets.iter().map(|one| Piece { range: *one, stands: *one }).collect()
            }
        }
    }

    fn compare(
        &mut self,
        seen: &AimSeen,
        kind: &KindSeen,
        (kinds, count, measured): (Vec<Traffic>, u64, Measured),
        predicted: Predicted,
    ) {
        let aim = &seen.aim;
        let arrived = measured == Measured::Arrived;
        let said = match (predicted, measured) {
            (Predicted::Unknown(why), _) => {
                *self.probe_only.entry(why).or_default() += count;
                self.pair(&aim.from, &aim.to, aim.address).probe_only += count;
                return;
            }
            (Predicted::Arrives, Measured::Arrived)
            | (Predicted::Stopped(_), Measured::Silent)
            | (Predicted::Elsewhere(_), Measured::Astray) => return,
            (Predicted::Arrives, _) => format!("arrives at {}", aim.to),
            (Predicted::Elsewhere(said) | Predicted::Stopped(said), _) => said,
        };
        self.pair(&aim.from, &aim.to, aim.address).model_differs += count;
        let first = kinds.first().and_then(|kinds| kinds.nth(0));
        let packets = match (measured, first) {
            (Measured::Arrived, Some(first)) => cited(kind, &first),
            (Measured::Astray, Some(first)) => astray(kind, &first),
            _ => entered(kind),
        };
        let (address, stops_at) = (aim.address, aim.stops_at.clone());
        let differs = Differs { kinds, address, said, packets, stops_at };
        let key = (aim.from.clone(), aim.to.clone(), arrived || measured == Measured::Astray);
        self.differences.entry(key).or_default().push(differs);
    }

    fn add_opening(&mut self, opening: &Opening<'_>) {
        let open = opening.open;
        let answered = opening.tries().find(|one| one.answered_after_us.is_some());
        let tried = answered.or_else(|| opening.tries().next());
        let predicted = tried
            .zip(self.model)
            .map(|(one, model)| predicted::opening(model, (open, opening.source), one.local_port));
        let pair = self.pair(&open.from, &open.to, open.address);
        match (answered, tried) {
            (Some(_), _) => pair.as_meant += 1,
            (None, Some(one)) if opening.ends_live() => {
                pair.blocked += 1;
                self.blocked.push(blocked(open, one, predicted.as_ref()));
            }
            _ => pair.unmeasured += 1,
        }
        // What was not answered may have been lost on its way back, of which the model says nothing.
        let Some(one) = answered else { return };
        match predicted {
            Some(Predicted::Unknown(why)) => {
                *self.probe_only.entry(why).or_default() += 1;
                self.pair(&open.from, &open.to, open.address).probe_only += 1;
            }
            Some(Predicted::Stopped(said) | Predicted::Elsewhere(said)) => {
                self.pair(&open.from, &open.to, open.address).model_differs += 1;
                let shows = |what: &str| format!("{} {what}", open_name(open));
                let (first, answer) = one.packets;
                let first = first.map(|at| (shows("opened"), at));
                let packets = first.into_iter().chain(answer.map(|at| (shows("answered"), at))).collect();
                let (kinds, address, stops_at) = (vec![open.port], open.address, open.to.clone());
                let key = (open.from.clone(), open.to.clone(), true);
                let differs = Differs { kinds, address, said, packets, stops_at };
                self.differences.entry(key).or_default().push(differs);
            }
            Some(Predicted::Arrives) | None => {}
        }
    }
}

/// What was measured of one packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measured {
    Arrived,
    /// It went elsewhere, was altered, or was answered.
    Astray,
    /// It entered, and the instrument that sees such packets saw none.
    Silent,
    /// Nothing that could be relied on.
    Nothing,
}

/// What was measured of one kind: which of its packets got anywhere, and what silence of the others is.
struct MeasuredKind {
    arrived: BTreeSet<Traffic>,
    astray: BTreeSet<Traffic>,
    others: Measured,
}

impl MeasuredKind {
    fn of(kind: &KindSeen) -> Self {
        let instrument = kind.instrument;
        let sees = instrument.sent > 0 && instrument.seen == instrument.sent;
        let whole = kind.planned > 0 && kind.entered == kind.planned;
        let arrived: BTreeSet<Traffic> = kind.arrived.iter().map(|arrival| arrival.traffic).collect();
        let astray = kind.strays.iter().map(|stray| stray.traffic);
        let astray = astray.filter(|one| !arrived.contains(one)).collect();
        let others = if sees && whole { Measured::Silent } else { Measured::Nothing };
        MeasuredKind { arrived, astray, others }
    }

    /// The packets of a piece by what was measured of them, ranges joined, with their number; what there is none of is left
    /// out.
    fn of_piece(&self, piece: Traffic) -> Vec<(Measured, Vec<Traffic>, u64)> {
        let ends = piece.nth(0).zip(piece.nth(piece.width() - 1));
        let among = |all: &BTreeSet<Traffic>| match ends {
            Some((first, last)) => all.range(first..=last).copied().collect::<Vec<_>>(),
            None => Vec::new(),
        };
        let (arrived, astray) = (among(&self.arrived), among(&self.astray));
        let others = match arrived.len() + astray.len() {
            0 => vec![piece],
            _ => piece.each().filter(|one| !self.got_anywhere(one)).collect(),
        };
        let groups = [(Measured::Arrived, arrived), (Measured::Astray, astray), (self.others, others)];
        let joined = groups.into_iter().map(|(measured, kinds)| {
            let kinds = Traffic::joined(kinds);
            let count = kinds.iter().map(Traffic::width).sum();
            (measured, kinds, count)
        });
        joined.filter(|(_, _, count)| *count > 0).collect()
    }

    fn got_anywhere(&self, one: &Traffic) -> bool {
        self.arrived.contains(one) || self.astray.contains(one)
    }
}

fn blocked(open: &Open, one: &OpenSeen, predicted: Option<&Predicted>) -> Finding {
    let said = match predicted {
        Some(Predicted::Stopped(said) | Predicted::Elsewhere(said)) => {
            format!("; by the rules as listed it is {said}")
        }
        _ => String::new(),
    };
    let packet = one.packets.0.map(|at| (format!("{} opened", open_name(open)), at));
    Finding {
        text: format!("{} is allowed and was never answered{said}", open_name(open)),
        pair: Some((open.from.clone(), open.to.clone())),
        stops_at: None,
        packets: packet.into_iter().collect(),
        by: None,
    }
}

/// Packets of one pair on which the model differs.
fn difference((from, to): (NodeName, NodeName), arrived: bool, packets: Vec<Differs>) -> Finding {
    let mut said: BTreeMap<(String, IpAddr), Vec<Traffic>> = BTreeMap::new();
    for one in &packets {
        said.entry((one.said.clone(), one.address)).or_default().extend(&one.kinds);
    }
    let said = said.into_iter().map(|((said, address), kinds)| {
        format!("{} to {address} {said}", listed(Traffic::joined(kinds), KINDS))
    });
    let measured = if arrived { "got through" } else { "did not arrive" };
    let first = packets.into_iter().find(|one| !one.packets.is_empty());
    let stops_at = first.as_ref().map(|one| one.stops_at.clone()).filter(|_| arrived);
    Finding {
        text: format!(
            "the model differs: from {from} to {to}, by the rules as listed {}, and it {measured}",
            listed(said, KINDS)
        ),
        pair: Some((from, to)),
        stops_at,
        packets: first.map(|one| one.packets).unwrap_or_default(),
        by: None,
    }
}

fn cited(kind: &KindSeen, traffic: &Traffic) -> Vec<(String, u64)> {
    let Some(arrival) = kind.arrived.iter().find(|one| one.traffic == *traffic) else { return Vec::new() };
    let entered = arrival.entered_packet.map(|at| (format!("{traffic} entered"), at));
    let arrived = arrival.packet.filter(|at| *at > 0).map(|at| (format!("{traffic} arrived"), at));
    entered.into_iter().chain(arrived).collect()
}

fn astray(kind: &KindSeen, traffic: &Traffic) -> Vec<(String, u64)> {
    let Some(stray) = kind.strays.iter().find(|one| one.traffic == *traffic) else { return Vec::new() };
    let entered = stray.entered_packet.map(|at| (format!("{traffic} entered"), at));
    let went = stray.packet.filter(|at| *at > 0).map(|at| (format!("{traffic} went astray"), at));
    entered.into_iter().chain(went).collect()
}

fn entered(kind: &KindSeen) -> Vec<(String, u64)> {
    kind.entered_packet.map(|at| (format!("{} entered", kind.kinds), at)).into_iter().collect()
}
