//! Which of two ports that change places is used: what comes out of each but link upkeep.

use super::capture::Port;
use super::inventory::Inventory;
use super::sightings::{Direction, Seen};
use super::tell::Kind;
use crate::observation::PortUse;

/// More changes from one port to the other are not kept: two ports that are used at once are found by the first.
const MOST: usize = 1_000;

/// Times of use, as frames pass.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Of each port, the other one of its pair.
    partners: Vec<Option<u16>>,
    list: Vec<Use>,
}

#[derive(Clone, Debug)]
struct Use {
    port: u16,
    first_at: u64,
    last_at: u64,
    first_packet: u64,
    frames: u64,
}

impl Uses {
    pub(super) fn new(ports: &[Port], inventory: &Inventory) -> Self {
        let macs: Vec<_> = ports.iter().map(|port| inventory.macs(&port.name)).collect();
        let partner = |[_, swapped]: &[Option<_>; 2]| {
            let other = swapped.and_then(|mac| macs.iter().position(|[own, _]| *own == Some(mac)))?;
            u16::try_from(other).ok()
        };
        Self { partners: macs.iter().map(partner).collect(), list: Vec::new() }
    }

    /// Notes a frame of this kind, if it comes out of such a port and is more than upkeep.
    pub(super) fn take(&mut self, kind: Kind, seen: Seen) {
        let Some(partner) = self.partners.get(usize::from(seen.port)).copied().flatten() else { return };
        if seen.direction != Direction::FromNode || kind.is_upkeep() {
            return;
        }
        let full = self.list.len() >= MOST;
        let last = self.list.iter_mut().rev().find(|one| one.port == seen.port || one.port == partner);
        match last {
            Some(last) if last.port == seen.port => {
                last.last_at = seen.at;
                last.frames += 1;
            }
            _ if !full => self.list.push(Use {
                port: seen.port,
                first_at: seen.at,
                last_at: seen.at,
                first_packet: seen.packet,
                frames: 1,
            }),
            _ => {}
        }
    }

    /// The end of a stretch: all of it, in order of time.
    pub(super) fn turn(&mut self, ports: &[Port]) -> Vec<PortUse> {
        let told = |one: Use| PortUse {
            port: ports[usize::from(one.port)].name.clone(),
            first_at: one.first_at,
            last_at: one.last_at,
            first_packet: one.first_packet,
            frames: one.frames,
        };
        self.list.drain(..).map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::fixture::{APP, ports};

    /// The first two ports of the fixture as a pair.
    fn pair() -> Uses {
        Uses { partners: vec![Some(1), Some(0), None], list: Vec::new() }
    }

    fn seen(port: u16, at: u64) -> Seen {
        Seen { packet: at, at, port, direction: Direction::FromNode }
    }

    #[test]
    fn a_change_from_one_port_to_the_other_is_seen_once() {
        let mut uses = pair();
        for (port, at) in [(0, 1), (0, 2), (1, 3), (1, 4), (0, 5)] {
            uses.take(Kind::Tcp, seen(port, at));
        }
        let told: Vec<_> =
            uses.turn(&ports()).into_iter().map(|one| (one.first_at, one.last_at, one.frames)).collect();
        assert_eq!(told, [(1, 2, 2), (3, 4, 2), (5, 5, 1)]);
        assert!(uses.turn(&ports()).is_empty(), "the next stretch begins from nothing");
    }

    #[test]
    fn upkeep_and_what_arrives_are_no_use_and_other_ports_are_not_looked_at() {
        let mut uses = pair();
        for kind in [Kind::Arp, Kind::Nd, Kind::Igmp, Kind::Mld] {
            uses.take(kind, seen(1, 1));
        }
        uses.take(Kind::Tcp, Seen { direction: Direction::ToNode, ..seen(1, 2) });
        uses.take(Kind::Tcp, seen(2, 3));
        assert!(uses.turn(&ports()).is_empty());
    }

    #[test]
    fn ports_are_paired_by_the_addresses_that_they_exchange() {
        let uses = Uses::new(&ports(), &crate::tap::fixture::inventory());
        assert_eq!(uses.partners.get(APP), Some(&None), "no node of the fixture has a spare");
    }
}
