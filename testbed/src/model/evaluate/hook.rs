//! The base chains of one hook, in the order in which packets come to them.
//!
//! Sources: nft(8), tables of hooks and priorities; the kernel's `nf_hook_entries_grow` (of two chains with one priority
//! the younger comes first, and the listing does not tell which that is) and `nf_nat_inet_fn` (chains of type `nat` are
//! asked at a place of their own, about the first packet of a connection only, and the first that changes it is the
//! last).

use super::super::ruleset::{Chain, ChainKind, Expression, Family, Field, Hook, Ruleset, Statement, Table};

/// Where connection tracking is asked, in `prerouting` and `output`.
pub(super) const TRACK: i32 = -200;
/// Where fragments are put together, in `prerouting` and `output`.
pub(super) const DEFRAGMENT: i32 = -400;
/// Where destinations are changed, and sources.
const DESTINATION_NAT: i32 = -100;
const SOURCE_NAT: i32 = 100;

/// A base chain.
#[derive(Clone, Copy)]
pub(super) struct Base<'a> {
    pub(super) table: &'a Table,
    pub(super) chain: &'a Chain,
}

/// What packets come to, one after the other.
pub(super) enum Station<'a> {
    /// Fragments are put together.
    Defragment,
    /// Connection tracking.
    Track,
    /// A base chain, at its priority.
    Chain(Base<'a>, i32),
    /// The base chains of type `nat`, in their order.
    Nat(Vec<Base<'a>>),
}

/// Why the order is not known.
pub(super) struct NoOrder(pub(super) String);

/// Whether some rule or chain makes the kernel track connections of this family, and put fragments together; none where
/// that depends on what is not known.
pub(super) fn tracks(ruleset: &Ruleset, is_6: bool) -> Option<bool> {
    let concerned = |table: &Table| sees(table.family, is_6);
    let nat = |chain: &Chain| chain.base.as_ref().is_some_and(|base| base.kind == ChainKind::Nat);
    let tables = ruleset.tables.iter().filter(|table| concerned(table));
    if tables.flat_map(|table| table.chains.values()).any(nat) {
        return Some(true);
    }
    let rules = ruleset.rules().filter(|(table, ..)| concerned(table));
    let statements = rules.flat_map(|(_, _, rule)| &rule.statements);
    statements.map(asks_for_connections).try_fold(false, |asked, asks| match (asked, asks) {
        (true, _) | (_, Some(true)) => Some(true),
        (false, asks) => asks,
    })
}

fn asks_for_connections(statement: &Statement) -> Option<bool> {
    let expressions = match statement {
        Statement::Match { left, .. } => vec![left],
        Statement::VerdictMap { key, .. } | Statement::Fill { key, .. } => vec![key],
        Statement::Mark { connection: true, .. } | Statement::Nat(_) | Statement::Note => return Some(true),
        Statement::Mark { value, .. } => value.iter().collect(),
        Statement::Perhaps(text) => return Some(text.contains("ct count")),
        Statement::Unknown(_) => return None,
        _ => Vec::new(),
    };
    let ours = |field: &&Field| {
        matches!(field, Field::CtState | Field::CtStatus | Field::CtMark | Field::CtDirection)
    };
    let mut known = Some(false);
    for expression in expressions {
        match expression {
            _ if expression.fields().iter().any(ours) => return Some(true),
            // Another property of a connection; of other things nft's word is another.
            Expression::Unknown(text) if text.contains("\"ct\"") => return Some(true),
            Expression::Unknown(_) => known = None,
            _ => (),
        }
    }
    known
}

/// Whether packets come to tables of this family.
fn sees(family: Family, is_6: bool) -> bool {
    match family {
        Family::Inet => true,
        Family::Ip => !is_6,
        Family::Ip6 => is_6,
        Family::Bridge | Family::Netdev | Family::Arp => false,
    }
}

/// The stations of one hook.
///
/// Errors: the order of two is not known, and it matters; a table may be dormant.
pub(super) fn stations<'a>(
    ruleset: &'a Ruleset,
    hook: Hook,
    is_6: bool,
) -> Result<Vec<Station<'a>>, NoOrder> {
    let mut plain = Vec::new();
    let mut nat = Vec::new();
    for base in bases(ruleset, hook, is_6) {
        let about = base.chain.base.as_ref().expect("only base chains were asked for");
        if base.table.flagged {
            let (family, name) = (base.table.family.as_str(), &base.table.name);
            return Err(NoOrder(format!("table {family} {name} has flags, and may be dormant")));
        }
        match about.kind {
            ChainKind::Nat => nat.push((about.priority, base)),
            ChainKind::Filter | ChainKind::Route => plain.push((about.priority, base)),
        }
    }
    plain.sort_by_key(|(priority, _)| *priority);
    nat.sort_by_key(|(priority, _)| *priority);
    let early = matches!(hook, Hook::Prerouting | Hook::Output);
    let nat_at = if early { DESTINATION_NAT } else { SOURCE_NAT };
    refuse_ties(&plain, (!nat.is_empty()).then_some(nat_at))?;
    if nat.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(NoOrder("two chains of type nat have one priority".into()));
    }
    let mut stations: Vec<(i32, Station<'_>)> =
        plain.into_iter().map(|(priority, base)| (priority, Station::Chain(base, priority))).collect();
    if early {
        stations.extend([(DEFRAGMENT, Station::Defragment), (TRACK, Station::Track)]);
    }
    if !nat.is_empty() {
        stations.push((nat_at, Station::Nat(nat.into_iter().map(|(_, base)| base).collect())));
    }
    stations.sort_by_key(|(priority, _)| *priority);
    Ok(stations.into_iter().map(|(_, station)| station).collect())
}

/// Base chains of the hook that packets of this family come to, in the order of the listing.
fn bases<'a>(ruleset: &'a Ruleset, hook: Hook, is_6: bool) -> impl Iterator<Item = Base<'a>> {
    let wanted = match hook {
        // These hang on devices.
        Hook::Ingress | Hook::Egress => |family, _| matches!(family, Family::Netdev | Family::Inet),
        _ => sees as fn(Family, bool) -> bool,
    };
    let tables = ruleset.tables.iter().filter(move |table| wanted(table.family, is_6));
    let chains = tables.flat_map(|table| table.chains.values().map(move |chain| Base { table, chain }));
    chains.filter(move |base| base.chain.base.as_ref().is_some_and(|about| about.hook == hook))
}

/// Of two chains with one priority it is not known which comes first. That matters only if one of them changes something.
fn refuse_ties(plain: &[(i32, Base<'_>)], nat_at: Option<i32>) -> Result<(), NoOrder> {
    let tied = |at: &(i32, Base<'_>)| {
        let others = plain.iter().filter(|other| other.0 == at.0).count();
        (others > 1 && changes(at.1.table)) || nat_at == Some(at.0)
    };
    match plain.iter().find(|at| tied(at)) {
        None => Ok(()),
        Some((priority, base)) => Err(NoOrder(format!(
            "which chain of priority {priority} comes first, `{}` or another",
            base.chain.name
        ))),
    }
}

/// Whether some rule of the table changes what others see.
fn changes(table: &Table) -> bool {
    let rules = table.chains.values().flat_map(|chain| &chain.rules);
    rules.flat_map(|rule| &rule.statements).any(|statement| {
        matches!(
            statement,
            Statement::Mark { .. } | Statement::Untrack | Statement::Rewrite(..) | Statement::Nat(_)
        )
    })
}
