//! A packet on its way through the rules of one chain, and of those that it leads to.
//!
//! Where a match is not known, both ways are followed; packets that come out alike are put together again, so that
//! there are never more than [`MOST_ALIKE`] of them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::super::outcome::{Blame, RuleRef, Why};
use super::super::ruleset::{Chain, Rule, Verdict};
use super::Surroundings;
use super::rule::{Next, apply};
use super::traveller::Traveller;

/// As many chains may be on the way as the kernel allows (`NFT_JUMP_STACK_SIZE`).
const DEEPEST: usize = 16;

/// So many different packets one may have become where it is not known what the rules did to it.
const MOST_ALIKE: usize = 16;

/// So many rules are asked about one packet at one hook; the kernel refuses rule sets that ask far more.
const MOST_RULES: usize = 200_000;

/// Why a packet came here, where it is not certain that it does.
pub(super) type Reasons = BTreeSet<Why>;

/// How a packet came out of a chain.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) how: How,
    pub(super) traveller: Traveller,
    /// What decided; none: no rule did.
    pub(super) by: Option<Blame>,
    pub(super) reasons: Reasons,
}

/// How a packet comes out of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It passes the base chain.
    Accepted,
    /// It is gone.
    Dropped,
    /// No rule decided, or one said to go back.
    Through,
    /// Not known.
    Unknown,
}

/// The walk of one packet through one hook.
pub(super) struct Walk<'a> {
    pub(super) around: Surroundings<'a>,
    /// Rules that may still be asked.
    left: usize,
}

/// Packets that are still in the chain.
type Live = BTreeMap<Traveller, Reasons>;

impl<'a> Walk<'a> {
    pub(super) fn new(around: Surroundings<'a>) -> Self {
        Walk { around, left: MOST_RULES }
    }

    /// Everything that may come out of the chain.
    pub(super) fn through(&mut self, chain: &'a Chain, traveller: Traveller, reasons: Reasons) -> Vec<Ended> {
        self.at_depth(chain, traveller, reasons, 0)
    }

    fn at_depth(
        &mut self,
        chain: &'a Chain,
        traveller: Traveller,
        reasons: Reasons,
        depth: usize,
    ) -> Vec<Ended> {
        let mut live = Live::from([(traveller, reasons)]);
        let mut ended = Vec::new();
        for rule in &chain.rules {
            if live.len() > MOST_ALIKE || self.left == 0 || depth > DEEPEST {
                let text = "more rules or ways through them than are followed";
                ended.extend(live.into_iter().map(|(traveller, reasons)| gave_up(traveller, reasons, text)));
                return ended;
            }
            self.left -= 1;
            live = self.one_rule(chain, rule, live, &mut ended, depth);
            if live.is_empty() {
                return ended;
            }
        }
        let through = |(traveller, reasons)| Ended { how: How::Through, traveller, by: None, reasons };
        ended.extend(live.into_iter().map(through));
        ended
    }

    /// Asks one rule about each packet that is still there; those that go on to the next.
    fn one_rule(
        &mut self,
        chain: &'a Chain,
        rule: &'a Rule,
        live: Live,
        ended: &mut Vec<Ended>,
        depth: usize,
    ) -> Live {
        let table = self.around.table;
        let reference = || RuleRef::new(table.family, &table.name, &chain.name, rule.handle);
        let mut go_on = Live::new();
        for (traveller, reasons) in live {
            for step in apply(rule, &traveller, &self.around) {
                let mut reasons = reasons.clone();
                reasons.extend(step.why.into_iter().map(|on| Why { rule: Some(reference()), on }));
                let by = || Some(Blame::Rule(reference()));
                let end = |how, traveller, by, reasons| Ended { how, traveller, by, reasons };
                match step.next {
                    Next::Rule => keep(&mut go_on, step.traveller, reasons),
                    Next::Unknown => ended.push(end(How::Unknown, step.traveller, by(), reasons)),
                    Next::Verdict(Verdict::Accept) => {
                        ended.push(end(How::Accepted, step.traveller, by(), reasons));
                    }
                    Next::Verdict(Verdict::Drop | Verdict::Reject) => {
                        ended.push(end(How::Dropped, step.traveller, by(), reasons));
                    }
                    Next::Verdict(Verdict::Return) => {
                        ended.push(end(How::Through, step.traveller, None, reasons));
                    }
                    Next::Verdict(Verdict::Continue) => keep(&mut go_on, step.traveller, reasons),
                    Next::Verdict(Verdict::Jump(to)) => {
                        for one in self.enter(&to, step.traveller, reasons, depth) {
                            match one.how {
                                How::Through => keep(&mut go_on, one.traveller, one.reasons),
                                _ => ended.push(one),
                            }
                        }
                    }
                    Next::Verdict(Verdict::Goto(to)) => {
                        ended.extend(self.enter(&to, step.traveller, reasons, depth));
                    }
                }
            }
        }
        go_on
    }

    fn enter(&mut self, name: &str, traveller: Traveller, reasons: Reasons, depth: usize) -> Vec<Ended> {
        match self.around.table.chains.get(name) {
            Some(chain) if depth < DEEPEST => self.at_depth(chain, traveller, reasons, depth + 1),
            _ => vec![gave_up(traveller, reasons, "chains that lead too deep")],
        }
    }
}

fn gave_up(traveller: Traveller, mut reasons: Reasons, text: &str) -> Ended {
    reasons.insert(Why::of(text));
    Ended { how: How::Unknown, traveller, by: None, reasons }
}

/// Of packets that are alike, the one that needs no reasons is enough.
pub(super) fn keep(live: &mut Live, traveller: Traveller, reasons: Reasons) {
    match live.entry(traveller) {
        std::collections::btree_map::Entry::Vacant(vacant) => {
            vacant.insert(reasons);
        }
        std::collections::btree_map::Entry::Occupied(mut there) if !there.get().is_empty() => {
            if reasons.is_empty() {
                there.get_mut().clear();
            } else {
                there.get_mut().extend(reasons);
            }
        }
        std::collections::btree_map::Entry::Occupied(_) => (),
    }
}
