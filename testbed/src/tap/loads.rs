//! How much was said at the worst of times: bytes within a second, and the largest datagram, for all conversations of two
//! nodes on one port together.
//!
//! A second is one of the clock, so that nothing has to be kept but the one that goes on and the worst one so far. What
//! is spread over two of them counts by halves.

use std::collections::HashMap;

use super::tell::{Kind, Place};
use crate::observation::Busiest;

/// Whose load it is: kind, the opener's node (by the table's number), and where it is opened.
pub(super) type Of = (Kind, u16, Place);

/// The loads of a stretch.
#[derive(Debug, Default)]
pub(super) struct Loads(HashMap<Of, [Running; 2]>);

/// One direction.
#[derive(Clone, Copy, Debug, Default)]
struct Running {
    second: u64,
    bytes: u64,
    /// First packet of the second.
    packet: u64,
    worst: Busiest,
}

impl Loads {
    /// Takes payload bytes of one end (0 the opener, 1 the answerer): of a packet, at a moment (nanoseconds since 1970).
    pub(super) fn take(&mut self, of: Of, side: usize, bytes: u64, datagram: bool, packet: u64, at: u64) {
        let running = &mut self.0.entry(of).or_default()[side];
        let second = at / 1_000_000_000;
        if running.second != second {
            (running.second, running.bytes, running.packet) = (second, 0, packet);
        }
        running.bytes += bytes;
        if running.bytes > running.worst.second_bytes {
            (running.worst.second_bytes, running.worst.second_packet) = (running.bytes, running.packet);
        }
        if datagram && bytes > running.worst.datagram_bytes {
            (running.worst.datagram_bytes, running.worst.datagram_packet) = (bytes, packet);
        }
    }

    /// The end of a stretch: what was said from opener to answerer, and back. In no order.
    pub(super) fn turn(&mut self) -> Vec<(Of, [Busiest; 2])> {
        self.0.drain().map(|(of, both)| (of, both.map(|one| one.worst))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn of(port: u16) -> Of {
        (Kind::Udp, 3, Place { address: [10, 0, 0, 1].into(), mac: None, port })
    }

    #[test]
    fn the_worst_second_is_kept_with_its_first_packet() {
        let mut loads = Loads::default();
        for (packet, (tenths, bytes)) in
            [(1, 10), (5, 20), (11, 40), (19, 41), (25, 80)].into_iter().enumerate()
        {
            loads.take(of(53), 0, bytes, true, packet as u64 + 1, tenths * SECOND / 10);
        }
        loads.take(of(53), 1, 7, true, 9, SECOND);
        loads.take(of(80), 0, 500, false, 10, SECOND);
        let mut all = loads.turn();
        all.sort_by_key(|(of, _)| of.2);
        let [asked, answered] = all[0].1;
        let worst = |second_bytes, second_packet, datagram_bytes, datagram_packet| Busiest {
            second_bytes,
            second_packet,
            datagram_bytes,
            datagram_packet,
        };
        assert_eq!((asked, answered), (worst(81, 3, 80, 5), worst(7, 9, 7, 9)));
        assert_eq!(all[1].1, [worst(500, 10, 0, 0), Busiest::default()]);
        assert!(loads.turn().is_empty(), "the next stretch begins from nothing");
    }
}
