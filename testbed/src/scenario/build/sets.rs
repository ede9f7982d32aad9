//! Sets of a router's rule file that its forwarder fills with the addresses of names.

use std::collections::BTreeMap;

use super::super::files::Files;
use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::{NameSet, NftSet};
use super::super::raw;
use super::super::shape::{At, Slot};
use super::super::tree::Spot;
use super::flows::values;
use crate::names::SegmentName;

/// What a router writes about sets, with what it takes to judge that.
pub(crate) struct Sets<'a> {
    pub(crate) raw: &'a raw::Router,
    /// The segments in which it answers names.
    pub(crate) dns: &'a [SegmentName],
    pub(crate) files: &'a Files,
}

impl Sets<'_> {
    /// Per segment what is filled with what.
    pub(crate) fn read(&self, out: &mut Mistakes) -> BTreeMap<SegmentName, Vec<NameSet>> {
        let mut read = BTreeMap::new();
        let Some(serves) = self.raw.serves.good() else { return read };
        let entries = serves.sets.good().map_or(&[][..], |named| &named.entries);
        if let (Some((first, _)), true) = (entries.first(), self.raw.ruleset.is_absent()) {
            let label = "a set is one of the rule file: give the router a `ruleset`";
            out.push(Mistake::error("a set of no rule file", first.spot, label));
        }
        for (segment, list) in entries {
            if !self.dns.contains(&segment.value) && !serves.dns.is_bad() {
                let label = format!("it answers no names in `{}`: add it to `dns`", segment.value);
                out.push(Mistake::error("a set that no answer fills", segment.spot, label));
            }
            let items = list.as_ref().map_or(&[][..], |list| &list.items);
            let sets = items.iter().filter_map(|item| self.one(item, segment.spot, out)).collect();
            read.insert(segment.value.clone(), sets);
        }
        read
    }

    fn one(&self, item: &raw::NameSet, at: Spot, out: &mut Mistakes) -> Option<NameSet> {
        let names = item.names.good()?;
        if item.ip4.is_absent() && item.ip6.is_absent() {
            let spot = names.0.first().map_or(at, |name| name.spot);
            let label = "write `ip4`, `ip6` or both: the set that their addresses are put in";
            out.push(Mistake::error("names without a set", spot, label));
        }
        [&item.ip4, &item.ip6].into_iter().for_each(|slot| self.look_for(slot, out));
        let names = values(&item.names).into_iter().map(|name| name.0).collect();
        let set = |slot: &Slot<At<NftSet>>| slot.good().map(|at| at.value.clone());
        Some(NameSet { names, ip4: set(&item.ip4), ip6: set(&item.ip6) })
    }

    /// A set that the rule file does not have stays empty, and nobody says so while the site runs.
    fn look_for(&self, slot: &Slot<At<NftSet>>, out: &mut Mistakes) {
        let (Some(set), Some(path)) = (slot.good(), self.raw.ruleset.good()) else { return };
        let Ok(text) = self.files.text(&path.value.0) else { return };
        let words: Vec<&str> =
            text.split(|c: char| c.is_whitespace() || c == '{').filter(|word| !word.is_empty()).collect();
        let declared = words.windows(2).any(|pair| pair[0] == "set" && pair[1] == set.value.set);
        // what is included is not read here
        if !declared && !words.contains(&"include") {
            let label = format!("`{}` declares no `set {}`", path.value.0, set.value.set);
            out.push(Mistake::warning("the rule file has no such set", set.spot, label));
        }
    }
}
