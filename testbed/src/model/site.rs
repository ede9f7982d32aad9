//! The model of a site: its plan, and the rules of its nodes as they are loaded.

use std::collections::BTreeMap;

use super::evaluate::Rules;
use super::partition::{Known, Mentions};
use super::ruleset::{self, Ruleset};
use crate::names::{CheckName, NodeName};
use crate::observation::RulesSeen;
use crate::plan::{Node, Plan};

/// A site as it would treat packets.
#[derive(Clone, Debug)]
pub struct Model<'a> {
    plan: &'a Plan,
    rules: BTreeMap<NodeName, Rules>,
    /// Of whoever has none.
    none: Rules,
    known: Known,
    /// The same with what rules of switches tell apart, where these were listed.
    known_at_switches: Option<Known>,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A node's listing cannot be read.
    #[error("rules of `{node}`: {cause}")]
    Ruleset {
        /// The node.
        node: NodeName,
        /// What is wrong.
        cause: ruleset::Error,
    },
    /// The plan has no such node.
    #[error("rules are given for `{0}`, which the plan has not")]
    Stranger(NodeName),
    /// A node has a rule file, and its listing is not given.
    #[error("the rules of `{0}` are not given")]
    Missing(NodeName),
}

impl<'a> Model<'a> {
    /// The model of the site. `rulesets` has, by node, what `nft -j list ruleset` printed there; nodes without a rule file
    /// may be left out.
    ///
    /// Errors: `Ruleset`, `Stranger`, `Missing`.
    pub fn of(plan: &'a Plan, rulesets: &BTreeMap<NodeName, &str>) -> Result<Model<'a>, Error> {
        let mut rules = BTreeMap::new();
        for (name, listing) in rulesets {
            let node = plan.node(name).ok_or_else(|| Error::Stranger(name.clone()))?;
            let read = Ruleset::read(listing);
            let ruleset = read.map_err(|cause| Error::Ruleset { node: name.clone(), cause })?;
            rules.insert(name.clone(), Rules::of(plan, node, ruleset));
        }
        let lacks = |node: &&Node| node.ruleset.is_some() && !rules.contains_key(&node.name);
        match plan.nodes.iter().find(lacks) {
            Some(node) => Err(Error::Missing(node.name.clone())),
            None => {
                let mut mentions = Mentions::default();
                rules.values().for_each(|rules: &Rules| mentions.add(&rules.ruleset));
                let known = Known::of(plan, mentions);
                Ok(Model { plan, rules, none: Rules::default(), known, known_at_switches: None })
            }
        }
    }

    /// The model of the site with the rules as they were listed for this check.
    ///
    /// Errors: in words, why there is none.
    pub fn listed(plan: &'a Plan, check: &CheckName, rules: &[RulesSeen]) -> Result<Model<'a>, String> {
        let rules = || rules.iter().filter(|rules| rules.check == *check);
        let of_nodes = rules().filter(|rules| !rules.of_switches);
        let listings: BTreeMap<_, &str> =
            of_nodes.map(|one| (one.node.clone(), one.listing.as_str())).collect();
        if listings.is_empty() && plan.nodes.iter().any(|node| node.ruleset.is_some()) {
            return Err("no node's rules were listed".to_owned());
        }
        let mut model = Model::of(plan, &listings).map_err(|error| error.to_string())?;
        for listed in rules().filter(|rules| rules.of_switches) {
            let read = Ruleset::read(&listed.listing);
            model.add_switches(&read.map_err(|error| format!("rules of switches: {error}"))?);
        }
        Ok(model)
    }

    /// Adds what rules of switches tell apart; what they do with a packet is left to probes.
    pub fn add_switches(&mut self, ruleset: &Ruleset) {
        let mut mentions = self.known.mentions().clone();
        mentions.add(ruleset);
        self.known_at_switches = Some(Known::of(self.plan, mentions));
    }

    /// What is told apart where packets cross a switch that has rules; none where those were not listed.
    pub(super) fn known_at_switches(&self) -> Option<&Known> {
        self.known_at_switches.as_ref()
    }

    /// What the rules of the site tell apart.
    pub fn mentions(&self) -> &Mentions {
        self.known.mentions()
    }

    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// The plan that it was made of.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// The rules of a node, as they were read.
    pub fn ruleset(&self, node: &NodeName) -> &Ruleset {
        &self.rules(node).ruleset
    }

    pub(super) fn node(&self, name: &NodeName) -> Option<&'a Node> {
        self.plan.node(name)
    }

    pub(super) fn rules(&self, node: &NodeName) -> &Rules {
        self.rules.get(node).unwrap_or(&self.none)
    }
}
