//! What is sent at one aim: its list, and the packets that stand for what the loaded rules tell apart.
//!
//! Pure: a run that is judged again comes to the same packets from its plan, the rules that were listed and its key.

use super::odd::{Way, odd, other_limits};
use crate::model::Model;
use crate::model::partition::{IpFamily, Standing};
use crate::names::{Kinds, Traffic};
use crate::observation::{CellsSeen, RulesSeen};
use crate::plan::{Aim, Cells, Check, Plan};

/// An aim with everything that is sent at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sending {
    /// Whom it is aimed at, and by whom.
    pub aim: Aim,
    /// The kinds of its list, then the packets of cells, and odd ones, if there are any; the ledger knows each by its place.
    pub kinds: Vec<Kinds>,
    /// What of it is for cells; none if only the list is sent.
    pub cells: Option<CellsSeen>,
}

impl Sending {
    /// The list alone.
    pub fn listed(aim: Aim) -> Self {
        let kinds = aim.ports.iter().copied().map(Kinds::from).collect();
        Sending { aim, kinds, cells: None }
    }

    /// All that a check sends, by aim, with the rules as they were listed for it. `key` marks the run's packets in the site,
    /// `first` is the number of the first aim: others by chance for each of them.
    pub fn all_of(plan: &Plan, check: &Check, rules: &[RulesSeen], (key, first): (u32, usize)) -> Vec<Self> {
        let aims = check.word.aims();
        if !aims.iter().any(|aim| aim.cells.is_some()) {
            return aims.iter().cloned().map(|aim| Sending::listed(aim).with_other_limits()).collect();
        }
        let model = Model::listed(plan, &check.name, rules);
        let with_cells = |(number, aim): (usize, &Aim)| {
            let seed = u64::from(key) << 32 ^ number as u64;
            let listed = Sending::listed(aim.clone());
            listed.with_cells(model.as_ref().map_err(String::as_str), seed).with_other_limits()
        };
        (first..).zip(aims).map(with_cells).collect()
    }

    fn with_cells(mut self, model: Result<&Model<'_>, &str>, seed: u64) -> Self {
        let Some(Cells { allowed, switched, odd: sends_odd, strict, waypoint, one_each, .. }) =
            &self.aim.cells
        else {
            return self;
        };
        let family = if self.aim.address.is_ipv4() { IpFamily::V4 } else { IpFamily::V6 };
        let standing =
            model.map_err(str::to_owned).and_then(|model| match (self.aim.is_frames(), switched) {
                (true, _) => model.frames(seed),
                (false, true) => model.standing_at_switches(family, allowed, seed),
                (false, false) => Ok(model.standing(family, allowed, seed)),
            });
        let mut of_cells = Vec::new();
        let cells = match standing {
            Ok(Standing { cells, packets, ones, too_many }) => {
                // Frames without IP have none of their own, and are few.
                let packets = if *one_each && !ones.is_empty() { ones.clone() } else { packets };
                let count = packets.len() as u64;
                of_cells = ones;
                self.kinds.extend(Some(Kinds::Cells(packets)).filter(|_| count > 0));
                CellsSeen::Sent { cells, packets: count, too_many }
            }
            Err(why) => CellsSeen::Unknown(why),
        };
        let way = Way { ipv4: self.aim.address.is_ipv4(), strict: *strict, waypoint: waypoint.is_some() };
        let odd = if *sends_odd { odd(way, allowed, &of_cells, seed) } else { Vec::new() };
        self.cells = Some(cells);
        self.kinds.extend(Some(Kinds::Cells(odd)).filter(|odd| odd.width() > 0));
        self
    }

    fn with_other_limits(mut self) -> Self {
        let others = if self.aim.is_carried() { other_limits(&self.aim.ports) } else { Vec::new() };
        self.kinds.extend(Some(Kinds::Cells(others)).filter(|others| others.width() > 0));
        self
    }

    /// Each single kind, with its place among the kinds.
    pub(super) fn singles(&self) -> impl Iterator<Item = (usize, Traffic)> {
        self.kinds.iter().enumerate().flat_map(|(kind, kinds)| kinds.each().map(move |single| (kind, single)))
    }

    /// What is wrong with what the ledger says was sent of one of the kinds, if that is for cells: it must be what the rules
    /// come to, or, if `partly`, the beginning of it.
    pub(super) fn differs(&self, kind: usize, sent: &[(u32, Traffic)], partly: bool) -> Option<String> {
        let Some(Kinds::Cells(packets)) = self.kinds.get(kind) else { return None };
        let same = (sent.len() == packets.len() || partly && sent.len() < packets.len())
            && sent.iter().zip(packets).all(|((_, one), other)| one == other);
        (!same).then(|| {
            "what was sent of cells, or of odd packets, is not what the rules as listed come to".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::example;

    fn sending(listing: &str, key: u32) -> Sending {
        sending_of(listing, key, false)
    }

    /// An aim of the example that asks for cells, with a router whose listing is this.
    fn sending_of(listing: &str, key: u32, one_each: bool) -> Sending {
        let mut plan = example::plan();
        let check = plan.checks.iter_mut().find(|check| check.name.as_str() == "vms-shut").unwrap();
        let crate::plan::Word::NoReach { aims, .. } = &mut check.word else { panic!("a no_reach") };
        aims[0].cells = Some(Cells {
            allowed: vec![Traffic::Udp(9, 9)],
            all: true,
            switched: false,
            odd: false,
            waypoint: None,
            strict: false,
            one_each,
        });
        let check = check.clone();
        let rules = RulesSeen {
            check: check.name.clone(),
            node: "rtr".parse().unwrap(),
            of_switches: false,
            listing: listing.into(),
        };
        Sending::all_of(&plan, &check, &[rules], (key, 3)).remove(0)
    }

    #[test]
    fn the_same_rules_and_key_come_to_the_same_packets() {
        let empty = r#"{"nftables": []}"#;
        let one = sending(empty, 7);
        assert_eq!((one.kinds.len(), one.aim.ports.len()), (3, 2));
        assert_eq!(one, sending(empty, 7));
        assert_ne!(one.kinds, sending(empty, 8).kinds, "chance is the run's");
        let Some(CellsSeen::Sent { cells, packets, .. }) = one.cells else { panic!("{:?}", one.cells) };
        assert_eq!((packets, cells > 20), (one.kinds[2].width(), true));
        let fewer = sending_of(empty, 7, true);
        let Some(CellsSeen::Sent { packets: few, .. }) = fewer.cells else { panic!("{:?}", fewer.cells) };
        assert_eq!((few, fewer.kinds[2].width()), (cells, cells));
        let unknown = sending("no JSON", 7);
        assert_eq!(unknown.kinds.len(), 2);
        assert!(matches!(unknown.cells, Some(CellsSeen::Unknown(why)) if why.contains("rules of `rtr`")));
    }

    #[test]
    fn what_the_ledger_says_was_sent_of_cells_is_compared() {
        let one = sending(r#"{"nftables": []}"#, 7);
        let mut sent: Vec<(u32, Traffic)> = (0..).zip(one.kinds[2].each()).collect();
        assert_eq!(one.differs(2, &sent, false), None);
        assert_eq!(one.differs(0, &[], false), None, "of a list, each packet is counted by itself");
        sent.swap(0, 1);
        assert!(one.differs(2, &sent, false).is_some());
        sent.swap(0, 1);
        sent.pop();
        assert!(one.differs(2, &sent, false).is_some());
        assert_eq!(one.differs(2, &sent, true), None, "how many there were is counted elsewhere");
    }
}
