//! One rule and one packet: everything that may come of it.

use super::super::ruleset::{Data, Expression, Field, Rule, Statement, Verdict};
use super::Surroundings;
use super::look::Look;
use super::matching::{Found, Truth, find, looks, matches};
use super::nat;
use super::traveller::{Connection, Traveller};

/// One thing that may come of it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) next: Next,
    pub(super) traveller: Traveller,
    /// What it depends on; empty: nothing else comes of it.
    pub(super) why: Vec<String>,
}

/// How it goes on.
#[derive(Debug)]
pub(super) enum Next {
    Rule,
    Verdict(Verdict),
    Unknown,
}

/// Where a packet is within the rule.
struct Inside {
    traveller: Traveller,
    /// Why it is not certain that it got so far.
    why: Vec<String>,
    steps: Vec<Step>,
}

impl Inside {
    fn end(mut self, next: Next) -> Vec<Step> {
        self.steps.push(Step { next, traveller: self.traveller, why: self.why });
        self.steps
    }

    /// It may end here, and go on with the next rule.
    fn perhaps(&mut self, why: String) {
        self.why.push(why);
        let (traveller, why) = (self.traveller.clone(), self.why.clone());
        self.steps.push(Step { next: Next::Rule, traveller, why });
    }
}

/// Everything that may come of the rule.
pub(super) fn apply(rule: &Rule, traveller: &Traveller, around: &Surroundings<'_>) -> Vec<Step> {
    let mut inside = Inside { traveller: traveller.clone(), why: Vec::new(), steps: Vec::new() };
    for statement in &rule.statements {
        match statement {
            Statement::Nothing | Statement::Note => (),
            Statement::Fill { key, .. } => {
                if looks(key, &inside.traveller, around).contains(&Look::Absent) {
                    return inside.end(Next::Rule);
                }
            }
            Statement::Match { left, op, right } => {
                match matches(left, *op, right, &inside.traveller, around) {
                    Truth::Yes => (),
                    Truth::No => return inside.end(Next::Rule),
                    Truth::Maybe(why) => inside.perhaps(why),
                }
            }
            Statement::Perhaps(text) => inside.perhaps(text.clone()),
            Statement::Verdict(verdict) => return inside.end(Next::Verdict(verdict.clone())),
            Statement::VerdictMap { key, map } => {
                let looks = looks(key, &inside.traveller, around);
                if looks.contains(&Look::Absent) {
                    return inside.end(Next::Rule);
                }
                match verdicts(&mut inside, find(map, &looks, around)) {
                    Some(next) => return inside.end(next),
                    // The packet is in no element, and the rule ends.
                    None => return inside.end(Next::Rule),
                }
            }
            Statement::Nat(nat) => {
                return nat::apply(nat, inside.traveller, around, inside.why, inside.steps);
            }
            Statement::Mark { connection, value } => {
                if !mark(&mut inside.traveller, *connection, value, around) {
                    return inside.end(Next::Rule);
                }
            }
            Statement::Untrack => untrack(&mut inside.traveller),
            Statement::Rewrite(field, value) => {
                if !rewrite(&mut inside.traveller, field, *value) {
                    return inside.end(Next::Rule);
                }
            }
            Statement::Unknown(text) => {
                inside.why.push(text.clone());
                return inside.end(Next::Unknown);
            }
        }
    }
    inside.end(Next::Rule)
}

/// The verdict of a map if it is known; else one step for each that it may be, and none.
fn verdicts(inside: &mut Inside, found: Found<'_>) -> Option<Next> {
    let of = |data: &Option<Data>| match data {
        Some(Data::Verdict(verdict)) => Next::Verdict(verdict.clone()),
        _ => Next::Unknown,
    };
    if let Some(element) = found.sure {
        return Some(of(&element.data));
    }
    inside.why.push(found.why?);
    for element in found.perhaps {
        let (traveller, why) = (inside.traveller.clone(), inside.why.clone());
        inside.steps.push(Step { next: of(&element.data), traveller, why });
    }
    None
}

/// False: there is no such value, and the rule ends.
fn mark(
    traveller: &mut Traveller,
    connection: bool,
    value: &Option<Expression>,
    around: &Surroundings<'_>,
) -> bool {
    let value = match value.as_ref().map(|value| looks(value, traveller, around)).as_deref() {
        Some([Look::Number(number)]) => Some(*number),
        Some([Look::Absent]) => return false,
        _ => None,
    };
    match (&mut traveller.connection, connection) {
        (_, false) => traveller.mark = value,
        (Connection::Of { mark, .. }, true) => *mark = value,
        (_, true) => (),
    }
    true
}

/// Writes into a field; false if the packet is of the family that does not have it: nft asks for the family in front of the statement,
/// and the rule ends. Of a time to live it is known afterwards what it is.
fn rewrite(traveller: &mut Traveller, field: &Field, value: Option<u8>) -> bool {
    let is_6 = match field {
        Field::Ttl | Field::Dscp4 => Some(false),
        Field::HopLimit | Field::Dscp6 => Some(true),
        _ => None,
    };
    if is_6.is_some_and(|is_6| is_6 != traveller.packet.is_6()) {
        return false;
    }
    match (field, value) {
        (Field::Ttl | Field::HopLimit, Some(ttl)) => {
            traveller.packet.ttl = ttl;
            traveller.rewritten.remove(field);
        }
        _ => drop(traveller.rewritten.insert(field.clone())),
    }
    true
}

/// What is already known to belong to a connection stays there.
fn untrack(traveller: &mut Traveller) {
    match traveller.connection {
        Connection::NotYet | Connection::Invalid => traveller.connection = Connection::Untracked,
        Connection::Of { .. } | Connection::Untracked => (),
    }
}
