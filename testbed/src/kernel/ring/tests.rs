//! The ring against a real kernel, in a namespace of its own.

use std::time::Instant;

use super::sender::Sender;
use super::*;
use crate::tap::inside::{bridge_with_two_ports, index, inside};

/// What a frame looked like: device, direction, bytes.
type Seen = (u32, bool, Vec<u8>);

/// Frames until so many have come, at most five seconds.
fn take(ring: &mut Ring, wanted: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(5);
    while seen.len() < wanted && Instant::now() < deadline {
        if let Woken::Block(block) = ring.next_block(Duration::from_millis(100)).unwrap() {
            seen.extend(block.frames().map(|frame| {
                assert_eq!(frame.original_len as usize, frame.bytes.len());
                assert!(frame.at > 1_600_000_000 * 1_000_000_000, "the time is of our days");
                (frame.ifindex, frame.outgoing, frame.bytes.into_owned())
            }));
        }
    }
    seen
}

/// From `a` to `b`, of an EtherType for experiments (IEEE 802), so that no stack answers.
fn frame(tag: &[u8], payload: usize) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa][..], tag, &[0x88, 0xb5], &vec![7; payload]].concat()
}

#[test]
fn a_frame_shows_at_every_port_with_its_direction_and_its_tag() {
    inside(concat!(module_path!(), "::a_frame_shows_at_every_port_with_its_direction_and_its_tag"), || {
        bridge_with_two_ports();
        let sender = Sender::at(index("a"));
        let mut ring = Ring::open(BLOCK_SIZE, 8).unwrap();
        let tag = [0x81, 0x00, 0x00, 0x14];
        let service = [0x88, 0xa8, 0x00, 0x1e, 0x81, 0x00, 0x00, 0x14];
        for sent in [frame(&[], 46), frame(&[], 9000), frame(&tag, 46), frame(&service, 46)] {
            sender.send(&sent);
            // `a` itself, the port, the bridge (the address is not known yet), the other port, `b`.
            let mut seen = take(&mut ring, 4);
            let (from, to) = ((index("pa"), false), (index("pb"), true));
            seen.retain(|(device, ..)| [from.0, to.0].contains(device));
            assert_eq!(seen, [(from.0, from.1, sent.clone()), (to.0, to.1, sent)]);
        }
        assert_eq!(ring.statistics().unwrap().dropped, 0);
    });
}

#[test]
fn frames_without_room_are_counted_over_all_readings() {
    inside(concat!(module_path!(), "::frames_without_room_are_counted_over_all_readings"), || {
        bridge_with_two_ports();
        let sender = Sender::at(index("a"));
        let mut ring = Ring::open(16 * 1024, 2).unwrap();
        let mut known = 0;
        for _ in 0..2 {
            for _ in 0..200 {
                sender.send(&frame(&[], 1000));
            }
            let now = ring.statistics().unwrap().dropped;
            assert!(now > known, "{now} after {known}");
            known = now;
        }
        assert!(ring.statistics().unwrap().frames >= 2 * 200 * 4);
    });
}

#[test]
fn a_reader_is_told_to_stop() {
    inside(concat!(module_path!(), "::a_reader_is_told_to_stop"), || {
        let mut ring = Ring::open(BLOCK_SIZE, 2).unwrap();
        assert!(matches!(ring.next_block(Duration::from_millis(1)).unwrap(), Woken::Idle));
        let stopper = ring.stopper();
        let reader = std::thread::spawn(move || {
            matches!(ring.next_block(Duration::from_secs(60)).unwrap(), Woken::Stopped)
        });
        stopper.stop();
        assert!(reader.join().unwrap());
    });
}

#[test]
fn sizes_that_the_kernel_refuses_are_refused_with_words() {
    for (block_size, blocks) in [(0, 1), (1000, 1), (BLOCK_SIZE, 257), (4096, 0), (usize::MAX, 2)] {
        assert!(matches!(Ring::open(block_size, blocks), Err(Error::Size { .. })));
    }
}
