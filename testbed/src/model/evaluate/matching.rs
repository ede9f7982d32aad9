//! Whether a packet matches: yes, no, or not known.

use super::super::ruleset::{Bits, Data, Element, Expression, Field, Lookup, Op, Pattern, Right};
use super::Surroundings;
use super::look::{Look, look, look_at_bits};
use super::traveller::Traveller;

/// Whether a packet matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    /// Not known, and why.
    Maybe(String),
}

impl Truth {
    fn of(yes: bool) -> Truth {
        if yes { Truth::Yes } else { Truth::No }
    }

    fn not(self) -> Truth {
        match self {
            Truth::Yes => Truth::No,
            Truth::No => Truth::Yes,
            maybe => maybe,
        }
    }
}

/// Whether the packet matches.
pub(super) fn matches(
    left: &Expression,
    op: Op,
    right: &Right,
    on: &Traveller,
    around: &Surroundings<'_>,
) -> Truth {
    let looks = looks(left, on, around);
    // The rule ends where a field is not there, also where it asks for something else.
    if looks.contains(&Look::Absent) {
        return Truth::No;
    }
    match right {
        Right::Exists(yes) => match &looks[..] {
            [Look::Number(number)] => Truth::of((*number != 0) == *yes),
            [Look::Name(name)] => Truth::of(name.is_empty() != *yes),
            [Look::Unsure(text)] => Truth::Maybe(text.clone()),
            _ => Truth::Maybe("whether several are there".into()),
        },
        Right::Among(among) => {
            let found = find(among, &looks, around);
            match op {
                Op::Is => found.membership(),
                Op::IsNot => found.membership().not(),
                _ => Truth::Maybe("a set that is compared by size".into()),
            }
        }
        Right::One(pattern) => {
            let exact = op == Op::Is || op == Op::IsNot;
            if exact && left.fields() == [&Field::CtStatus] {
                return Truth::Maybe("all bits of the connection's status".into());
            }
            one(&looks[0], op, pattern)
        }
    }
}

/// What the parts of an expression find.
pub(super) fn looks(expression: &Expression, on: &Traveller, around: &Surroundings<'_>) -> Vec<Look> {
    match expression {
        Expression::Concat(parts) => parts.iter().flat_map(|part| looks(part, on, around)).collect(),
        Expression::Field(field) => vec![look(field, on, around)],
        Expression::Number(number) => vec![Look::Number(*number)],
        Expression::Unknown(text) => vec![Look::Unsure(text.clone())],
        Expression::Mapped { key, map } => vec![mapped(key, map, on, around)],
        Expression::Bits { of, op: Bits::And, with } if matches!(**of, Expression::Field(_)) => {
            of.fields().into_iter().map(|field| look_at_bits(field, *with, on, around)).collect()
        }
        Expression::Bits { of, op, with } => {
            let change = |found| match (found, op) {
                (Look::Number(number), Bits::And) => Look::Number(number & with),
                (Look::Number(number), Bits::Or) => Look::Number(number | with),
                (Look::Number(number), Bits::Xor) => Look::Number(number ^ with),
                (Look::Name(name), _) => Look::Unsure(format!("bits of the name {name}")),
                (other, _) => other,
            };
            looks(of, on, around).into_iter().map(change).collect()
        }
    }
}

/// What a map says; it says nothing of what is not in it.
fn mapped(key: &Expression, map: &Lookup, on: &Traveller, around: &Surroundings<'_>) -> Look {
    let looks = looks(key, on, around);
    if looks.contains(&Look::Absent) {
        return Look::Absent;
    }
    let found = find(map, &looks, around);
    match (found.sure.map(|element| &element.data), found.why) {
        (Some(Some(Data::Value(parts))), _) => match parts[..] {
            [Pattern::Number(one, last)] if one == last => Look::Number(one),
            _ => Look::Unsure("what a map leads to".into()),
        },
        (None, None) => Look::Absent,
        (_, why) => Look::Unsure(why.unwrap_or_else(|| "what a map leads to".into())),
    }
}

fn one(found: &Look, op: Op, pattern: &Pattern) -> Truth {
    match (op, found, pattern) {
        (Op::Is, ..) => within(found, pattern),
        (Op::IsNot, ..) => within(found, pattern).not(),
        (_, Look::Number(number), Pattern::Number(with, last)) if with == last => Truth::of(match op {
            Op::Less => number < with,
            Op::AtMost => number <= with,
            Op::More => number > with,
            Op::AtLeast => number >= with,
            Op::HasBit => number & with != 0,
            Op::HasNoBit => number & with == 0,
            Op::Is | Op::IsNot => unreachable!("asked above"),
        }),
        (_, Look::Unsure(text), _) | (_, _, Pattern::Unknown(text)) => Truth::Maybe(text.clone()),
        _ => Truth::Maybe("a comparison that has no meaning".into()),
    }
}

fn within(found: &Look, pattern: &Pattern) -> Truth {
    match (found, pattern) {
        (Look::Number(number), Pattern::Number(first, last)) => Truth::of(first <= number && number <= last),
        (Look::Name(name), Pattern::Name(wanted)) => Truth::of(name == wanted),
        (Look::Name(name), Pattern::NameStart(start)) => Truth::of(name.starts_with(start)),
        (Look::Unsure(text), _) | (_, Pattern::Unknown(text)) => Truth::Maybe(text.clone()),
        (Look::Absent, _) => Truth::No,
        _ => Truth::Maybe("a value of another kind".into()),
    }
}

/// What is found in a set or map.
pub(super) struct Found<'a> {
    /// The element that it is; none if it is not known which, or none.
    pub(super) sure: Option<&'a Element>,
    /// The elements that it may be.
    pub(super) perhaps: Vec<&'a Element>,
    /// Why it is not known.
    pub(super) why: Option<String>,
}

impl Found<'_> {
    fn membership(&self) -> Truth {
        match (&self.sure, &self.why) {
            (Some(_), _) => Truth::Yes,
            (None, Some(why)) => Truth::Maybe(why.clone()),
            (None, None) => Truth::No,
        }
    }
}

/// Looks something up. `looks` has no field that is not there.
pub(super) fn find<'a>(lookup: &'a Lookup, looks: &[Look], around: &Surroundings<'a>) -> Found<'a> {
    let (elements, filled) = around.elements(lookup);
    let mut found = Found { sure: None, perhaps: Vec::new(), why: None };
    let name = || match lookup {
        Lookup::Named(name) => format!("set `{name}`"),
        Lookup::Here(_) => "a set".to_owned(),
    };
    for element in elements {
        let Some(key) = &element.key else { continue };
        match all(looks, key) {
            Truth::No => (),
            // Others may take it away.
            Truth::Yes if !element.expires && !filled => {
                found.sure = Some(element);
                return found;
            }
            Truth::Yes => {
                found.perhaps.push(element);
                found.why = Some(format!("{}: its element may have expired", name()));
            }
            Truth::Maybe(why) => {
                found.perhaps.push(element);
                found.why = Some(why);
            }
        }
    }
    let any = elements.iter().find(|element| element.key.is_none());
    match (filled, &found.why, any) {
        (true, ..) => {
            found.perhaps.extend(any);
            found.why.get_or_insert_with(|| format!("{} is filled while the site runs", name()));
        }
        (false, None, any) => found.sure = any,
        (false, Some(_), any) => found.perhaps.extend(any),
    }
    found
}

fn all(looks: &[Look], key: &[Pattern]) -> Truth {
    if looks.len() != key.len() {
        return Truth::Maybe("an element with other parts".into());
    }
    let mut all = Truth::Yes;
    for (found, pattern) in looks.iter().zip(key) {
        match within(found, pattern) {
            Truth::No => return Truth::No,
            Truth::Yes => (),
            maybe => all = maybe,
        }
    }
    all
}
