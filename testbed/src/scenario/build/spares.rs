//! Spare links: each stands in for one other link of its node. And `spare`, which asserts that it does no more.

use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::Word;
use super::super::raw;
use super::super::shape::At;
use super::checks::Reader;
use super::directory::Section;
use super::links::Wire;
use crate::names::LinkName;

/// What can be said about the spares of a node.
///
/// Where one is plugged in, and with which address, is the site's cabling: that it should be otherwise is warned of, and
/// for a check to find.
pub(super) fn check(wires: &[Wire<'_>], may_have: bool, out: &mut Mistakes) {
    let mut taken: Vec<&At<LinkName>> = Vec::new();
    for wire in wires {
        let Some(main) = wire.spare_of else { continue };
        if !may_have {
            let label = "nothing would move the address from one link to the other";
            out.push(Mistake::error("only an appliance has a spare link", main.spot, label));
            return;
        }
        let Some(stands_in_for) = wires.iter().find(|other| other.name.value == main.value) else {
            let label = format!("the node has no link `{}`", main.value);
            out.push(Mistake::error("a spare of an unknown link", main.spot, label));
            continue;
        };
        if stands_in_for.spare_of.is_some() {
            let label = "name a link that is no spare";
            out.push(Mistake::error("a spare of a spare", main.spot, label));
        }
        if let Some(first) = taken.iter().find(|other| other.value == main.value) {
            let mistake = Mistake::error("a link has two spares", main.spot, "this is the second");
            out.push(mistake.also(first.spot, "the first is here"));
        }
        taken.push(main);
        if let Some(asks) = wire.dhcp {
            let label = format!("it takes over what `{}` has: leave this out", main.value);
            out.push(Mistake::error("a spare that asks for an address", asks.spot, label));
        }
        warn(wire, stands_in_for, out);
    }
}

fn warn(spare: &Wire<'_>, main: &Wire<'_>, out: &mut Mistakes) {
    if spare.segment.value != main.segment.value {
        let label = format!("and not into `{}`, where `{}` is", main.segment.value, main.name.value);
        let title = "a spare is plugged into another segment";
        out.push(Mistake::warning(title, spare.segment.spot, label));
    }
    if let Some(address) = spare.addresses().first() {
        let label = format!("it has those of `{}` when it stands in", main.name.value);
        out.push(Mistake::warning("a spare with an address of its own", address.spot, label));
    }
}

impl Reader<'_> {
    pub(super) fn spare(&mut self, word: &raw::Spare) -> Option<Word> {
        let names = word.of_node.good()?;
        let of = self.directory.nodes_of(names, &[Section::Appliance], self.whose, self.out);
        for name in &of {
            let Some(node) = self.nodes.get(name) else { continue };
            if node.links.iter().all(|link| link.spare_of.is_none()) && !node.links.is_empty() {
                let spot = names.0.iter().find(|one| one.value == *name).or(names.0.first())?.spot;
                let label = format!("no link of `{name}` is a `spare_of` another one");
                self.out.push(Mistake::error(format!("{} has no spare to look at", self.whose), spot, label));
            }
        }
        (!of.is_empty()).then_some(Word::Spare { of })
    }
}
