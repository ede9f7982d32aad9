//! What a packet must be like for one rule to match, or nearly so.

use std::collections::BTreeMap;

use super::packets::Chance;
use crate::model::ruleset::{Element, Expression, Field, Lookup, Pattern, Right, Rule, Statement, Table};

/// A value for each field that the rule asks for.
pub(super) type Wanted = BTreeMap<Field, Value>;

/// A value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u128),
    Name(String),
}

/// Values that match, or are just beside what matches.
pub(super) fn aim(table: &Table, rule: &Rule, chance: &mut Chance) -> Wanted {
    let mut wanted = Wanted::new();
    for statement in &rule.statements {
        match statement {
            Statement::Match { left, right: Right::One(pattern), .. } => {
                want(&mut wanted, left, std::slice::from_ref(pattern), chance);
            }
            Statement::Match { left, right: Right::Among(among), .. } => {
                one_of(&mut wanted, table, left, among, chance);
            }
            Statement::VerdictMap { key, map } => one_of(&mut wanted, table, key, map, chance),
            _ => (),
        }
    }
    wanted
}

fn one_of(wanted: &mut Wanted, table: &Table, left: &Expression, among: &Lookup, chance: &mut Chance) {
    let elements: &[Element] = match among {
        Lookup::Here(elements) => elements,
        Lookup::Named(name) => &table.sets[name].elements,
    };
    let keys: Vec<&[Pattern]> = elements.iter().filter_map(|element| element.key.as_deref()).collect();
    if !keys.is_empty() {
        want(wanted, left, chance.one(&keys), chance);
    }
}

fn want(wanted: &mut Wanted, left: &Expression, patterns: &[Pattern], chance: &mut Chance) {
    let parts: Vec<&Expression> = match left {
        Expression::Concat(parts) => parts.iter().collect(),
        one => vec![one],
    };
    for (part, pattern) in parts.into_iter().zip(patterns) {
        let Expression::Field(field) = part else { continue };
        wanted.extend(value(pattern, chance).map(|value| (field.clone(), value)));
    }
}

/// Mostly one that matches.
fn value(pattern: &Pattern, chance: &mut Chance) -> Option<Value> {
    match pattern {
        Pattern::Number(first, last) => {
            let inside = first + u128::from(chance.number()) % (last - first).saturating_add(1).max(1);
            let beside = [first.saturating_sub(1), last.saturating_add(1)];
            let all = [*first, *last, inside, *first, *last, inside, *first, *last, beside[0], beside[1]];
            Some(Value::Number(chance.one(&all)))
        }
        Pattern::Name(name) => Some(Value::Name(name.clone())),
        Pattern::NameStart(_) | Pattern::Unknown(_) => None,
    }
}
