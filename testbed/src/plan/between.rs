//! On which segments the packets between two nodes are.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Plan;
use super::ways::{Ways, addresses};
use crate::names::{NodeName, SegmentName};

/// A plan's routes, to be asked often.
pub struct Between<'a> {
    ways: Ways<'a>,
    /// Where a packet goes hangs on its destination alone.
    plain: bool,
}

impl Plan {
    /// The routes of all nodes.
    pub fn between(&self) -> Between<'_> {
        let plain = self.nodes.iter().all(|node| node.policy.is_empty());
        Between { ways: Ways::new(&self.nodes), plain }
    }
}

impl<'a> Between<'a> {
    /// The segments that packets of `from` for an address of `to` pass, and those that go back.
    ///
    /// None where that hangs on more than the destination (policy routes), or where no route leads there.
    pub fn segments(
        &self,
        from: &NodeName,
        to: &NodeName,
        address: IpAddr,
    ) -> Option<BTreeSet<&'a SegmentName>> {
        let (from, to) = (self.ways.node(from)?, self.ways.node(to)?);
        let mut legs = self.ways.legs(from, address).filter(|_| self.plain)?;
        for back in addresses(from).filter(|own| own.is_ipv4() == address.is_ipv4()) {
            legs.extend(self.ways.legs(to, back)?);
        }
        Some(legs.into_iter().map(|(_, segment)| segment).collect())
    }
}
