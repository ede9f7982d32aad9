//! What the rules of a site tell apart: for each field, the values that some rule, set or map names.

use std::collections::{BTreeMap, BTreeSet};

use super::Interval;
use crate::model::ruleset::{
    Bits, Element, Expression, Field, Lookup, Op, Pattern, Right, Ruleset, Statement, Table, Target,
};

/// For each field, the values that are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Numbers, each interval as some rule names it.
    pub numbers: BTreeMap<Field, BTreeSet<Interval>>,
    /// Bits that are looked at by themselves.
    pub bits: BTreeMap<Field, u128>,
    /// Names of links, with `*` behind what is only the beginning of one.
    pub names: BTreeMap<Field, BTreeSet<String>>,
}

impl Mentions {
    /// Adds what the rules of one node tell apart.
    pub fn add(&mut self, ruleset: &Ruleset) {
        for (table, _, rule) in ruleset.rules() {
            for statement in &rule.statements {
                self.statement(table, statement);
            }
        }
    }

    fn statement(&mut self, table: &Table, statement: &Statement) {
        match statement {
            Statement::Match { left, op, right: Right::One(pattern) } => match op {
                Op::HasBit | Op::HasNoBit => self.some_bits(left, pattern),
                _ => self.pattern(left, pattern),
            },
            Statement::Match { left, right: Right::Among(among), .. } => self.lookup(table, left, among),
            Statement::VerdictMap { key, map } => self.lookup(table, key, map),
            Statement::Nat(nat) => {
                for target in [&nat.address, &nat.port].into_iter().flatten() {
                    if let Target::Mapped(key, map) = target {
                        self.lookup(table, key, map);
                    }
                }
            }
            _ => (),
        }
    }

    fn lookup(&mut self, table: &Table, key: &Expression, lookup: &Lookup) {
        let elements: &[Element] = match lookup {
            Lookup::Here(elements) => elements,
            Lookup::Named(name) => table.sets.get(name).map_or(&[], |set| &set.elements),
        };
        let parts: Vec<&Expression> = match key {
            Expression::Concat(parts) => parts.iter().collect(),
            one => vec![one],
        };
        for patterns in elements.iter().filter_map(|element| element.key.as_ref()) {
            for (part, pattern) in parts.iter().zip(patterns) {
                self.pattern(part, pattern);
            }
        }
    }

    fn pattern(&mut self, left: &Expression, pattern: &Pattern) {
        match (left, pattern) {
            (Expression::Field(field), Pattern::Number(first, last)) => {
                let interval = Interval { first: *first, last: *last };
                self.numbers.entry(field.clone()).or_default().insert(interval);
            }
            (Expression::Field(field), Pattern::Name(name)) => {
                self.names.entry(field.clone()).or_default().insert(name.clone());
            }
            (Expression::Field(field), Pattern::NameStart(start)) => {
                self.names.entry(field.clone()).or_default().insert(format!("{start}*"));
            }
            (Expression::Bits { of, op: Bits::And, with }, _) => {
                for field in of.fields() {
                    *self.bits.entry(field.clone()).or_default() |= with;
                }
            }
            // Shifted, or with bits added: any of them may matter.
            (Expression::Bits { of, .. }, _) => {
                for field in of.fields() {
                    self.bits.insert(field.clone(), u128::MAX);
                }
            }
            _ => (),
        }
    }

    fn some_bits(&mut self, left: &Expression, pattern: &Pattern) {
        if let (Expression::Field(field), Pattern::Number(bits, _)) = (left, pattern) {
            *self.bits.entry(field.clone()).or_default() |= bits;
        }
    }

    /// The values of several fields that mean the same, such as ports of TCP and of whatever has ports.
    pub fn of<'a>(&'a self, fields: &'a [Field]) -> impl Iterator<Item = Interval> + 'a {
        fields.iter().filter_map(|field| self.numbers.get(field)).flatten().copied()
    }

    /// The bits of several fields that are looked at by themselves.
    pub fn bits_of(&self, field: &Field) -> u128 {
        self.bits.get(field).copied().unwrap_or(0)
    }
}
