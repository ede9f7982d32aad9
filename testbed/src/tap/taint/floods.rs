//! Copies that a switch floods: whom it has forgotten with a lost carrier it looks for at all of its ports.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::capture::Port;
use super::super::sightings::{Direction, Seen};
use crate::names::{Mac, NodeName};

/// A time in which switches may have forgotten where a node is: a fault took a carrier from it, or gave it one.
///
/// It goes on after `until`, for each Ethernet address of the node, to the first frame that comes from there (IEEE 802.1Q
/// section 8.7: a switch learns from what it receives).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The node.
    pub node: NodeName,
    /// Right before the fault, nanoseconds as in the capture.
    pub from: u64,
    /// When the node had had its time to take note of it.
    pub until: u64,
}

/// What the switches of a site know, followed along a capture.
pub(super) struct Floods<'a> {
    ports: &'a [Port],
    unsettled: &'a [Unsettled],
    /// Whose an address is by the plan, whoever sends from it first.
    owners: BTreeMap<Mac, BTreeSet<&'a NodeName>>,
    /// Where this address was heard from its owner, and when a frame last came from there. Nobody's is of the first that sent from it;
    /// whoever forges it later is not it.
    heard: HashMap<Mac, (u16, u64)>,
}

impl<'a> Floods<'a> {
    pub(super) fn new(ports: &'a [Port], unsettled: &'a [Unsettled]) -> Self {
        let mut owners: BTreeMap<Mac, BTreeSet<&NodeName>> = BTreeMap::new();
        for (mac, port) in ports.iter().filter_map(|port| Some((port.mac?, port))) {
            owners.entry(mac).or_default().insert(&port.node);
        }
        Floods { ports, unsettled, owners, heard: HashMap::new() }
    }

    /// Takes note of a frame; whether it is a copy for another node, which its switch may have forgotten.
    pub(super) fn take(&mut self, seen: &Seen, bytes: &[u8]) -> bool {
        // Nothing is ever forgotten on a site without faults.
        if self.unsettled.is_empty() {
            return false;
        }
        let Some((dest, source)) = bytes.first_chunk::<12>().map(|both| both.split_at(6)) else {
            return false;
        };
        let mac = |bytes: &[u8]| Mac(bytes.try_into().expect("half of twelve bytes"));
        match seen.direction {
            Direction::FromNode => {
                self.hear(mac(source), seen);
                false
            }
            Direction::ToNode => self.may_be_forgotten(mac(dest), seen),
        }
    }

    fn hear(&mut self, source: Mac, seen: &Seen) {
        let node = |port: u16| &self.ports[usize::from(port)].node;
        let here = node(seen.port);
        if self.owners.get(&source).is_some_and(|owners| !owners.contains(here)) {
            return;
        }
        let known = self.heard.entry(source).or_insert((seen.port, seen.at));
        if node(known.0) == here {
            *known = (seen.port, seen.at);
        }
    }

    fn may_be_forgotten(&self, dest: Mac, seen: &Seen) -> bool {
        let Some((port, heard_at)) = self.heard.get(&dest) else { return false };
        let [owner, here] = [*port, seen.port].map(|port| &self.ports[usize::from(port)]);
        let is_open =
            |one: &Unsettled| one.node == owner.node && one.from <= seen.at && *heard_at <= one.until;
        owner.node != here.node && owner.segment == here.segment && self.unsettled.iter().any(is_open)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{APP, CAM, RTR_B, link, mac, ports};
    use super::*;

    /// One frame after the other: who is told to send (or to be handed a copy of what is for the appliance), and when.
    fn flooded(frames: &[(usize, Direction, u64)]) -> Vec<bool> {
        let ports = ports();
        let unsettled = [Unsettled { node: ports[APP].node.clone(), from: 100, until: 200 }];
        let mut floods = Floods::new(&ports, &unsettled);
        let take = |(packet, (port, direction, at)): (usize, &(usize, Direction, u64))| {
            let bytes = match direction {
                Direction::FromNode => [&mac(CAM).0[..], &mac(*port).0, &[8, 0]].concat(),
                Direction::ToNode => link(RTR_B, APP, 0x0800, &[]).remove(0).bytes,
            };
            let seen = Seen { packet: packet as u64, at: *at, port: *port as u16, direction: *direction };
            floods.take(&seen, &bytes)
        };
        frames.iter().enumerate().map(take).collect()
    }

    #[test]
    fn copies_for_whom_a_switch_may_have_forgotten_are_told_from_all_others() {
        use Direction::{FromNode, ToNode};
        let spoke = (APP, FromNode, 50);
        let copy = |at| (RTR_B, ToNode, at);
        let last = |frames: &[_]| flooded(frames).last().copied();
        assert_eq!(last(&[spoke, copy(150)]), Some(true));
        assert_eq!(last(&[spoke, copy(999)]), Some(true), "it was not heard again");
        assert_eq!(last(&[spoke, (APP, FromNode, 150), copy(999)]), Some(true), "nor after the fault");
        assert_eq!(last(&[spoke, (APP, FromNode, 201), copy(999)]), Some(false), "here it was");
        assert_eq!(last(&[spoke, copy(99)]), Some(false), "before the fault");
        assert_eq!(last(&[copy(150)]), Some(false), "nobody has this address");
        assert_eq!(last(&[spoke, (APP, ToNode, 150)]), Some(false), "its own");
        assert_eq!(last(&[spoke, (CAM, ToNode, 150)]), Some(false), "no switch is between these");
        assert_eq!(last(&[spoke, (RTR_B, FromNode, 150)]), Some(false), "sent on, not flooded");
    }

    #[test]
    fn who_forges_an_address_is_not_taken_for_who_has_it() {
        let ports = ports();
        let unsettled = [Unsettled { node: ports[APP].node.clone(), from: 100, until: 200 }];
        let mut floods = Floods::new(&ports, &unsettled);
        let mut take = |port: usize, direction, at| {
            let bytes = match direction {
                Direction::FromNode => [&mac(CAM).0[..], &mac(APP).0, &[8, 0]].concat(),
                Direction::ToNode => link(RTR_B, APP, 0x0800, &[]).remove(0).bytes,
            };
            floods.take(&Seen { packet: 1, at, port: port as u16, direction }, &bytes)
        };
        take(RTR_B, Direction::FromNode, 40);
        take(APP, Direction::FromNode, 50);
        take(RTR_B, Direction::FromNode, 150);
        assert!(take(RTR_B, Direction::ToNode, 160), "a copy for who has it");
        take(RTR_B, Direction::FromNode, 250);
        assert!(take(RTR_B, Direction::ToNode, 260), "who has it has not come back yet");
        take(APP, Direction::FromNode, 300);
        assert!(!take(RTR_B, Direction::ToNode, 310), "now it has");
    }
}
