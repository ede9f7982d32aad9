//! Who is heard at which port: source addresses of the frames that come out of each link.

use std::collections::HashMap;

use super::capture::Port;
use super::sightings::{Direction, Seen};
use crate::names::Mac;
use crate::observation::Station;

/// More than these are not kept: who floods with invented addresses is found by the first of them.
const MOST: usize = 10_000;

/// Stations, counted as frames pass.
#[derive(Debug, Default)]
pub(super) struct Stations {
    /// Where in `list` each is.
    known: HashMap<(u16, Mac), usize>,
    /// Port, address, first packet, frames; in order of the first packet.
    list: Vec<(u16, Mac, u64, u64)>,
}

impl Stations {
    /// Counts a frame if it comes out of a link.
    pub(super) fn take(&mut self, source: Mac, seen: Seen) {
        if seen.direction != Direction::FromNode {
            return;
        }
        match self.known.get(&(seen.port, source)) {
            Some(&place) => {
                let (_, _, first_packet, frames) = &mut self.list[place];
                if *frames == 0 {
                    *first_packet = seen.packet;
                }
                *frames += 1;
            }
            None if self.list.len() < MOST => {
                self.known.insert((seen.port, source), self.list.len());
                self.list.push((seen.port, source, seen.packet, 1));
            }
            None => {}
        }
    }

    /// The end of a stretch: all so far. In the next one, those that were heard before it have no frames yet.
    pub(super) fn turn(&mut self, ports: &[Port]) -> Vec<Station> {
        let station = |(port, mac, first_packet, frames): &(u16, Mac, u64, u64)| Station {
            port: ports[usize::from(*port)].name.clone(),
            mac: *mac,
            first_packet: *first_packet,
            frames: *frames,
        };
        let told = self.list.iter().map(station).collect();
        self.list.iter_mut().for_each(|(_, _, first_packet, frames)| (*first_packet, *frames) = (0, 0));
        told
    }
}
