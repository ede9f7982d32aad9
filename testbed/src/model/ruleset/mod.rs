//! A loaded rule set as plain types: what `nft -j list ruleset` says, read without guessing.
//!
//! Whatever is not known stays in the types as `Unknown` with its own text; whoever evaluates it has to say that the
//! outcome is not predicted. What the listing itself leaves out is listed in [`Ruleset::read`].

mod expression;
mod fields;
mod moment;
mod nat;
mod read;
mod sets;
mod statement;
mod value;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use fields::{Fib, FibAsks, Field, Kind};
pub use moment::holds_for_a_moment;
pub use nat::{Nat, NatKind, Target};
pub use read::Error;
pub(crate) use value::bits_of_mac;

/// All tables of a network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// In the order of the listing.
    pub tables: Vec<Table>,
}

/// The family of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "nft's own words")]
pub enum Family {
    Ip,
    Ip6,
    Inet,
    Bridge,
    Netdev,
    Arp,
}

impl Family {
    /// nft's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Ip => "ip",
            Family::Ip6 => "ip6",
            Family::Inet => "inet",
            Family::Bridge => "bridge",
            Family::Netdev => "netdev",
            Family::Arp => "arp",
        }
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Which packets come to it.
    pub family: Family,
    /// Its name, unique in the family.
    pub name: String,
    /// It has flags, and may be dormant: nft 1.0 prints something else than the flag's name.
    pub flagged: bool,
    /// Its chains by name.
    pub chains: BTreeMap<String, Chain>,
    /// Its named sets and maps.
    pub sets: BTreeMap<String, NamedSet>,
}

/// A chain; a base chain if packets come to it by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name, unique in the table.
    pub name: String,
    /// Where packets come to it.
    pub base: Option<Base>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

/// Where packets come to a base chain, and what becomes of those that no rule decides on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// What it is for.
    pub kind: ChainKind,
    /// Where.
    pub hook: Hook,
    /// Lower ones come first.
    pub priority: i32,
    /// True: drop; false: accept.
    pub drops: bool,
    /// The devices that it hangs on, where the listing names them (hooks `ingress` and `egress` only).
    pub devices: Vec<String>,
}

/// What a base chain is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "nft's own words")]
pub enum ChainKind {
    Filter,
    Nat,
    Route,
}

/// Where packets come to a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "nft's own words")]
pub enum Hook {
    Ingress,
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
    Egress,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its handle, unique in the table.
    pub handle: u64,
    /// What its author wrote about it.
    pub comment: Option<String>,
    /// What it asks and does, in order.
    pub statements: Vec<Statement>,
}

/// One part of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Goes on if the packet is so.
    Match {
        /// What is looked at.
        left: Expression,
        /// How it is compared.
        op: Op,
        /// With what.
        right: Right,
    },
    /// A verdict that depends on the packet.
    VerdictMap {
        /// What is looked at.
        key: Expression,
        /// What it means.
        map: Lookup,
    },
    /// A verdict.
    Verdict(Verdict),
    /// Changes addresses or ports, and ends the chain.
    Nat(Nat),
    /// Goes on or not by something that no packet shows, such as a rate; the text is nft's.
    Perhaps(String),
    /// Writes the packet's mark, or the connection's.
    Mark {
        /// Whose.
        connection: bool,
        /// With what; none: what is not known beforehand.
        value: Option<Expression>,
    },
    /// From here on the packet belongs to no connection.
    Untrack,
    /// Adds to a named set, or takes from it.
    Fill {
        /// The set.
        set: String,
        /// What is added; the rule ends where that is not there.
        key: Expression,
    },
    /// Changes a field of the packet: a time to live or a hop limit to a number, if that is one; anything else is not followed.
    Rewrite(Field, Option<u8>),
    /// Changes nothing that a rule can see: counters, logs and the like.
    Nothing,
    /// Changes only how connection tracking treats later packets of the connection, or of one that it announces.
    Note,
    /// Not known: whatever follows may or may not happen.
    Unknown(String),
}

/// How a match compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Is the same, or in the set.
    Is,
    /// Is another, or not in the set.
    IsNot,
    /// Less.
    Less,
    /// Less, or the same.
    AtMost,
    /// More.
    More,
    /// More, or the same.
    AtLeast,
    /// Has one of the bits.
    HasBit,
    /// Has none of the bits.
    HasNoBit,
}

/// What a match looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A field of the packet, or what is known of it.
    Field(Field),
    /// A number.
    Number(u128),
    /// A value with bits changed.
    Bits {
        /// The value.
        of: Box<Expression>,
        /// What is done to it.
        op: Bits,
        /// With these bits.
        with: u128,
    },
    /// Several, side by side.
    Concat(Vec<Expression>),
    /// What a map says of a value.
    Mapped {
        /// The value.
        key: Box<Expression>,
        /// The map.
        map: Lookup,
    },
    /// Not known.
    Unknown(String),
}

/// What is done to bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the three operations on bits")]
pub enum Bits {
    And,
    Or,
    Xor,
}

/// What a match compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Right {
    /// One value, or the values between two.
    One(Pattern),
    /// Any of a set.
    Among(Lookup),
    /// Whether the thing is there at all.
    Exists(bool),
}

/// A set or map, by name or as it stands in the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// One of the table's named sets.
    Named(String),
    /// Its elements.
    Here(Vec<Element>),
}

/// A named set or map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSet {
    /// Its name.
    pub name: String,
    /// Its elements, as they were when it was listed.
    pub elements: Vec<Element>,
}

/// An element of a set or map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// What it stands for, one pattern for each part of a concatenation; none: whatever is in no other element.
    pub key: Option<Vec<Pattern>>,
    /// What it leads to, in a map.
    pub data: Option<Data>,
    /// True: it goes by itself after a while.
    pub expires: bool,
}

/// What an element of a map leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A verdict.
    Verdict(Verdict),
    /// A value, one part for each part of a concatenation.
    Value(Vec<Pattern>),
}

/// Values of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Numbers from the first to the last; addresses are numbers, too.
    Number(u128, u128),
    /// An interface of this name.
    Name(String),
    /// Interfaces whose names begin so.
    NameStart(String),
    /// Not known.
    Unknown(String),
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes this base chain.
    Accept,
    /// It is gone.
    Drop,
    /// It is gone, and its sender is told.
    Reject,
    /// Back to the rule behind the jump; in a base chain, the policy.
    Return,
    /// The next rule.
    Continue,
    /// To this chain, and back at its end.
    Jump(String),
    /// To this chain, without coming back.
    Goto(String),
}

impl Ruleset {
    /// The table, if there is such a one.
    pub fn table(&self, family: Family, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.family == family && table.name == name)
    }

    /// Every rule with its table and chain.
    pub fn rules(&self) -> impl Iterator<Item = (&Table, &Chain, &Rule)> {
        let chains =
            self.tables.iter().flat_map(|table| table.chains.values().map(move |chain| (table, chain)));
        chains.flat_map(|(table, chain)| chain.rules.iter().map(move |rule| (table, chain, rule)))
    }
}

impl Expression {
    /// The fields that it looks at.
    pub fn fields(&self) -> Vec<&Field> {
        match self {
            Expression::Field(field) => vec![field],
            Expression::Bits { of, .. } => of.fields(),
            Expression::Concat(parts) => parts.iter().flat_map(Expression::fields).collect(),
            Expression::Mapped { key, .. } => key.fields(),
            Expression::Number(_) | Expression::Unknown(_) => Vec::new(),
        }
    }
}
