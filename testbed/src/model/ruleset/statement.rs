//! The parts of a rule: matches, verdicts, and what changes the packet.

use serde_json::Value;

use super::expression::{expression, kinds};
use super::nat::nat;
use super::sets::lookup;
use super::value::{pattern, text};
use super::{Expression, Field, Op, Right, Statement, Verdict};

/// One part of a rule; `Unknown` with its text where it is not known.
pub(super) fn statement(value: &Value) -> Statement {
    known(value).unwrap_or_else(|| Statement::Unknown(text(value)))
}

fn known(value: &Value) -> Option<Statement> {
    if let Some(verdict) = verdict(value) {
        return Some(Statement::Verdict(verdict));
    }
    let (key, inside) = value.as_object()?.iter().next()?;
    match key.as_str() {
        "match" => matching(inside),
        "vmap" => {
            let key = expression(inside.get("key")?);
            let map = lookup(&kinds(&key), inside.get("data")?, &[])?;
            Some(Statement::VerdictMap { key, map })
        }
        // The packet goes on as it was. A copy for somebody else (`dup`) is not among these: it goes where the packet may
        // not.
        "counter" | "log" | "last" | "reset" | "secmark" => Some(Statement::Nothing),
        "flow" | "ct helper" | "ct timeout" | "ct expectation" => Some(Statement::Note),
        "limit" | "quota" | "ct count" | "connlimit" | "meter" => Some(Statement::Perhaps(text(value))),
        "set" => filling(inside),
        "mangle" => mangle(inside),
        "notrack" => Some(Statement::Untrack),
        _ => nat(key, inside).map(Statement::Nat),
    }
}

/// A verdict; none if it is something else.
pub(super) fn verdict(value: &Value) -> Option<Verdict> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (key, inside) = object.iter().next()?;
    let target = || inside.get("target").and_then(Value::as_str).map(str::to_owned);
    match key.as_str() {
        "accept" => Some(Verdict::Accept),
        "drop" => Some(Verdict::Drop),
        "reject" => Some(Verdict::Reject),
        "return" => Some(Verdict::Return),
        "continue" => Some(Verdict::Continue),
        "jump" => target().map(Verdict::Jump),
        "goto" => target().map(Verdict::Goto),
        _ => None,
    }
}

fn matching(inside: &Value) -> Option<Statement> {
    let left = expression(inside.get("left")?);
    let right = inside.get("right")?;
    let op = match inside.get("op")?.as_str()? {
        "==" => Op::Is,
        "!=" => Op::IsNot,
        "<" => Op::Less,
        "<=" => Op::AtMost,
        ">" => Op::More,
        ">=" => Op::AtLeast,
        "in" => Op::HasBit,
        "!" => Op::HasNoBit,
        _ => return None,
    };
    let kinds = kinds(&left);
    if let Some(among) = lookup(&kinds, right, &[]) {
        // Where a set is meant, `in` is a question for membership.
        let op = if op == Op::HasBit { Op::Is } else { op };
        return Some(Statement::Match { left, op, right: Right::Among(among) });
    }
    let right = match (exists(&left, right), right.get("concat")) {
        (Some(yes), _) => Right::Exists(yes),
        (None, Some(_)) => Right::Among(super::Lookup::Here(vec![super::sets::element(&kinds, right, &[])])),
        (None, None) => Right::One(pattern(kinds.first().copied().flatten(), right)),
    };
    Some(Statement::Match { left, op, right })
}

/// True and false ask whether a thing is there; of a route, nft prints "0" as well.
fn exists(left: &Expression, right: &Value) -> Option<bool> {
    let Expression::Field(field) = left else { return None };
    match (field, right) {
        (Field::Fib(_) | Field::Option4(_) | Field::Extension6(_), Value::Bool(yes)) => Some(*yes),
        (Field::Fib(_), Value::String(zero)) if zero == "0" => Some(false),
        (Field::Fib(_), Value::Number(zero)) if zero.as_u64() == Some(0) => Some(false),
        _ => None,
    }
}

/// `add @set { … }`; with a statement of its own it may refuse to go on.
fn filling(inside: &Value) -> Option<Statement> {
    let name = inside.get("set")?.as_str()?.trim_start_matches('@').to_owned();
    let element = inside.get("elem")?;
    let key = expression(element.get("elem").and_then(|elem| elem.get("val")).unwrap_or(element));
    let plain = inside.get("stmt").and_then(Value::as_array).is_none_or(|inner| inner.iter().all(counts));
    Some(if plain { Statement::Fill { set: name, key } } else { Statement::Perhaps(text(inside)) })
}

fn counts(statement: &Value) -> bool {
    statement.get("counter").is_some()
}

fn mangle(inside: &Value) -> Option<Statement> {
    let key = inside.get("key")?;
    if let Some("priority" | "nftrace") = key.get("meta").and_then(|meta| meta.get("key")?.as_str()) {
        return Some(Statement::Nothing);
    }
    let Expression::Field(field) = expression(key) else { return None };
    let value = match expression(inside.get("value")?) {
        Expression::Unknown(_) => None,
        known => Some(known),
    };
    match field {
        Field::Mark => Some(Statement::Mark { connection: false, value }),
        Field::CtMark => Some(Statement::Mark { connection: true, value }),
        // An option of TCP that no rule's outcome depends on, unless the rule looks at it.
        field @ (Field::Other(..) | Field::Ttl | Field::HopLimit | Field::Dscp4 | Field::Dscp6) => {
            let number = value.and_then(|value| match value {
                Expression::Number(number) => u8::try_from(number).ok(),
                _ => None,
            });
            Some(Statement::Rewrite(field, number))
        }
        _ => None,
    }
}
