//! `address`: which address nodes ask for by DHCP, and which they get.

use std::net::{IpAddr, Ipv4Addr};

use super::super::mistakes::Mistake;
use super::super::model::{Leased, Word};
use super::super::raw;
use super::super::shape::{At, Slot};
use super::checks::Reader;
use super::or;
use crate::names::NodeName;

impl Reader<'_> {
    pub(super) fn address(&mut self, word: &raw::Address) -> Option<Word> {
        let names = word.of_node.good()?;
        let of = self.directory.nodes(names, self.whose, self.out);
        let spot = names.0.first()?.spot;
        for name in &of {
            if let Some(label) = self.does_not_ask(name) {
                let title = format!("{} looks at an address that nobody asks for", self.whose);
                self.out.push(Mistake::error(title, spot, label));
            }
        }
        let asked = self.ip4(&word.asked);
        let bound = self.ip4(&word.bound);
        if let (2.., Some(one)) = (of.len(), asked.as_ref().or(bound.as_ref())) {
            let title = format!("{} needs a single node here", self.whose);
            let label = format!("{} nodes cannot have one address; leave it out", of.len());
            self.out.push(Mistake::error(title, one.spot, label));
        }
        if let (Some(asked), Some(leased)) = (&asked, of.first().and_then(|name| self.leased(name)))
            && leased.asks != Some(asked.value)
        {
            let label = match leased.asks {
                Some(other) => format!("`{}` asks for `{other}`", of[0]),
                None => format!("`{}` asks for `any`", of[0]),
            };
            let title = format!("{} contradicts the site", self.whose);
            self.out.push(Mistake::error(title, asked.spot, label));
        }
        if let (true, Some(one)) =
            (of.iter().all(|name| self.leased(name).is_none()), asked.as_ref().or(bound.as_ref()))
            && !self.out.has_errors()
        {
            let title = format!("{} names an address that nobody asks for", self.whose);
            let label = "what a router advises follows from its prefix; leave it out";
            self.out.push(Mistake::error(title, one.spot, label));
        }
        let kept = or(&word.kept, true);
        let value = |at: Option<At<Ipv4Addr>>| at.map(|at| at.value);
        (!of.is_empty()).then_some(Word::Address { of, asked: value(asked), bound: value(bound), kept })
    }

    fn leased(&self, name: &NodeName) -> Option<&Leased> {
        self.nodes.get(name)?.links.iter().find_map(|link| link.dhcp.as_ref())
    }

    /// Why a node is none whose address could be looked at, if so.
    fn does_not_ask(&self, name: &NodeName) -> Option<String> {
        let node = self.nodes.get(name)?;
        let advised = node.links.iter().any(|link| link.advised_by.is_some());
        match node.links.iter().filter(|link| link.dhcp.is_some()).count() {
            1 => None,
            0 if advised => None,
            // links that could not be read are told of at their own place
            0 if self.out.has_errors() => None,
            0 => Some(format!("no link of `{name}` has `dhcp` or `autoconf`")),
            _ => Some(format!("several links of `{name}` have `dhcp`")),
        }
    }

    fn ip4(&mut self, slot: &Slot<At<IpAddr>>) -> Option<At<Ipv4Addr>> {
        let at = slot.good()?;
        match at.value {
            IpAddr::V4(value) => Some(At { value, spot: at.spot }),
            IpAddr::V6(_) => {
                let title = format!("{} asks for an IPv6 address", self.whose);
                self.out.push(Mistake::error(title, at.spot, "DHCP hands out IPv4 addresses here"));
                None
            }
        }
    }
}
