//! `nft -j list ruleset` → [`Ruleset`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::sets::{element, kinds_of};
use super::statement::statement;
use super::value::text;
use super::{
    Base, Chain, ChainKind, Data, Family, Hook, Lookup, NamedSet, Rule, Ruleset, Statement, Table, Verdict,
};

/// Why a listing cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no JSON, or nested more than 128 deep.
    #[error("read nft's listing as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another form.
    #[error("read nft's listing: {0}")]
    Shape(String),
}

#[derive(Deserialize)]
struct Listing {
    nftables: Vec<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct RawTable {
    family: String,
    name: String,
    flags: Option<Value>,
}

#[derive(Deserialize)]
struct RawChain {
    family: String,
    table: String,
    name: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    hook: Option<String>,
    prio: Option<i32>,
    policy: Option<String>,
    dev: Option<Value>,
}

#[derive(Deserialize)]
struct RawRule {
    family: String,
    table: String,
    chain: String,
    handle: u64,
    comment: Option<String>,
    expr: Vec<Value>,
}

#[derive(Deserialize)]
struct RawSet {
    family: String,
    table: String,
    name: String,
    #[serde(rename = "type")]
    kind: Option<Value>,
    map: Option<Value>,
    #[serde(default)]
    elem: Vec<Value>,
}

impl Ruleset {
    /// Reads what `nft -j list ruleset` printed (schema 1 of libnftables-json(5)); an empty text is no rule set.
    ///
    /// The listing does not say everything: nft 1.0 leaves out on which device an `ingress` chain hangs, prints a table's
    /// flags wrong, and names neither the order of two base chains of one priority nor who else fills a set.
    /// Errors: `Json`; `Shape` where a table, chain or target is named that is not there, a hook is not known, or the
    /// schema is another one.
    pub fn read(listing: &str) -> Result<Ruleset, Error> {
        let listing: Listing = serde_json::from_str(listing)?;
        let mut ruleset = Ruleset::default();
        // Chains and sets before rules, tables before either, whatever their order.
        for pass in [&["metainfo", "table"][..], &["chain", "set", "map"], &["rule"]] {
            for (kind, value) in listing.nftables.iter().flatten() {
                if pass.contains(&kind.as_str()) {
                    ruleset.take(kind, value)?;
                }
            }
        }
        ruleset.refuse_dangling()?;
        Ok(ruleset)
    }

    fn take(&mut self, kind: &str, value: &Value) -> Result<(), Error> {
        match kind {
            "metainfo" => match value.get("json_schema_version").and_then(Value::as_u64) {
                Some(1) => (),
                other => return Err(Error::Shape(format!("its schema is {other:?}, not 1"))),
            },
            "table" => self.take_table(Deserialize::deserialize(value)?)?,
            "chain" => self.take_chain(Deserialize::deserialize(value)?)?,
            "set" | "map" => self.take_set(Deserialize::deserialize(value)?)?,
            _ => self.take_rule(Deserialize::deserialize(value)?)?,
        }
        Ok(())
    }

    fn take_table(&mut self, raw: RawTable) -> Result<(), Error> {
        let family = family(&raw.family)?;
        let flagged = raw.flags.is_some_and(|flags| !matches!(&flags, Value::Array(none) if none.is_empty()));
        let (chains, sets) = (BTreeMap::new(), BTreeMap::new());
        self.tables.push(Table { family, name: raw.name, flagged, chains, sets });
        Ok(())
    }

    fn take_chain(&mut self, raw: RawChain) -> Result<(), Error> {
        let base = raw.hook.as_deref().map(|hook| base(&raw, hook)).transpose()?;
        let chain = Chain { name: raw.name.clone(), base, rules: Vec::new() };
        self.table_of(&raw.family, &raw.table)?.chains.insert(raw.name, chain);
        Ok(())
    }

    fn take_set(&mut self, raw: RawSet) -> Result<(), Error> {
        let kinds = raw.kind.as_ref().map_or(vec![None], kinds_of);
        let data = raw.map.as_ref().map_or(Vec::new(), kinds_of);
        let elements = raw.elem.iter().map(|one| element(&kinds, one, &data)).collect();
        let set = NamedSet { name: raw.name.clone(), elements };
        self.table_of(&raw.family, &raw.table)?.sets.insert(raw.name, set);
        Ok(())
    }

    fn take_rule(&mut self, raw: RawRule) -> Result<(), Error> {
        let statements = raw.expr.iter().map(statement).collect();
        let rule = Rule { handle: raw.handle, comment: raw.comment, statements };
        let chain = self.table_of(&raw.family, &raw.table)?.chains.get_mut(&raw.chain);
        chain.ok_or_else(|| missing("chain", &raw.chain))?.rules.push(rule);
        Ok(())
    }

    fn table_of(&mut self, word: &str, name: &str) -> Result<&mut Table, Error> {
        let family = family(word)?;
        let table = self.tables.iter_mut().find(|table| table.family == family && table.name == name);
        table.ok_or_else(|| missing("table", name))
    }

    /// Every chain and set that a rule or map leads to must be there.
    fn refuse_dangling(&self) -> Result<(), Error> {
        for table in &self.tables {
            let elements =
                table.sets.values().flat_map(|set| &set.elements).filter_map(|one| one.data.as_ref());
            let mapped = elements.filter_map(|data| match data {
                Data::Verdict(verdict) => Some(verdict),
                Data::Value(_) => None,
            });
            let rules = table.chains.values().flat_map(|chain| &chain.rules);
            let statements = rules.flat_map(|rule| &rule.statements);
            for verdict in statements.clone().flat_map(verdicts).chain(mapped) {
                match verdict {
                    Verdict::Jump(to) | Verdict::Goto(to) if !table.chains.contains_key(to) => {
                        return Err(missing("chain", to));
                    }
                    _ => (),
                }
            }
            let unknown = statements.filter_map(named).find(|name| !table.sets.contains_key(*name));
            if let Some(name) = unknown {
                return Err(missing("set", name));
            }
        }
        Ok(())
    }
}

fn verdicts(statement: &Statement) -> Vec<&Verdict> {
    match statement {
        Statement::Verdict(verdict) => vec![verdict],
        Statement::VerdictMap { map: Lookup::Here(elements), .. } => elements
            .iter()
            .filter_map(|one| match &one.data {
                Some(Data::Verdict(verdict)) => Some(verdict),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The named set that a match or verdict map asks.
fn named(statement: &Statement) -> Option<&str> {
    match statement {
        Statement::Match { right: super::Right::Among(Lookup::Named(name)), .. }
        | Statement::VerdictMap { map: Lookup::Named(name), .. } => Some(name),
        _ => None,
    }
}

fn missing(what: &str, name: &str) -> Error {
    Error::Shape(format!("it speaks of {what} `{name}` and has none"))
}

fn family(word: &str) -> Result<Family, Error> {
    let all = [Family::Ip, Family::Ip6, Family::Inet, Family::Bridge, Family::Netdev, Family::Arp];
    all.into_iter()
        .find(|family| family.as_str() == word)
        .ok_or_else(|| Error::Shape(format!("`{word}` is no family")))
}

fn base(raw: &RawChain, hook: &str) -> Result<Base, Error> {
    let kind = match raw.kind.as_deref() {
        Some("filter") => ChainKind::Filter,
        Some("nat") => ChainKind::Nat,
        Some("route") => ChainKind::Route,
        other => return Err(Error::Shape(format!("{other:?} is no type of chain"))),
    };
    let hook = match hook {
        "ingress" => Hook::Ingress,
        "prerouting" => Hook::Prerouting,
        "input" => Hook::Input,
        "forward" => Hook::Forward,
        "output" => Hook::Output,
        "postrouting" => Hook::Postrouting,
        "egress" => Hook::Egress,
        other => return Err(Error::Shape(format!("`{other}` is no hook"))),
    };
    let priority = raw.prio.ok_or_else(|| Error::Shape(format!("chain `{}` has no priority", raw.name)))?;
    let drops = match raw.policy.as_deref() {
        Some("drop") => true,
        Some("accept") | None => false,
        Some(other) => return Err(Error::Shape(format!("`{other}` is no policy"))),
    };
    let devices = match &raw.dev {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => {
            all.iter().map(|one| one.as_str().map_or(text(one), str::to_owned)).collect()
        }
        Some(other) => vec![text(other)],
    };
    Ok(Base { kind, hook, priority, drops, devices })
}
