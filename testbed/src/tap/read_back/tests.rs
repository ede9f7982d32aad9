//! Capture files of any origin: whole, commented, cut, damaged, hostile.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;

use super::super::annotate;
use super::super::file::{CaptureFile, Stored};
use super::super::fixture::{self, ADDRESSES, CAM, across, tcp, udp};
use super::super::packets::HELD;
use super::*;

const KEY: u32 = 0xfeed_c0de;

/// A capture of a datagram and the start of a connection, eight packets in all, one of which is commented.
fn capture() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.pcapng");
    let mut file = CaptureFile::create(&path, &fixture::ports()).unwrap();
    let datagram = across(CAM, &udp((ADDRESSES[0], 4000), (ADDRESSES[3], 53), b"hello"));
    let opened = across(CAM, &tcp((ADDRESSES[0], 4001), (ADDRESSES[3], 443), 7, "S", b""));
    for (at, hop) in (1_700_000_000_000_000_001..).zip(datagram.iter().chain(&opened)) {
        let (port, direction, bytes) = (hop.port, hop.direction, hop.bytes.as_slice());
        file.store(&Stored { port, direction, at, original_len: bytes.len() as u32, bytes }, u64::MAX);
    }
    file.close().unwrap();
    annotate(&path, &BTreeMap::from([(5, "the first of a connection".to_owned())])).unwrap();
    fs::read(path).unwrap()
}

fn read(bytes: &[u8]) -> Result<ReadBack, String> {
    let read = read_back(bytes, fixture::ports(), fixture::inventory(), KEY, Counted::default());
    read.map_err(|error| match error {
        Unreadable::File(text) => text,
        Unreadable::Counted(..) => panic!("nothing was counted"),
    })
}

/// What is wrong with a file.
fn wrong(bytes: &[u8]) -> String {
    read(bytes).map(|read| panic!("it was read: {read:?}")).unwrap_or_else(|text| text)
}

/// Lengths of the file's beginning that end with a block.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let length = |at: usize| u32::from_ne_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
    std::iter::successors(Some(0), |at| (*at < bytes.len()).then(|| at + length(*at))).collect()
}

/// A block of any kind, whatever is in it.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = [body, &[0; 3][..(4 - body.len() % 4) % 4]].concat();
    let length = (padded.len() as u32 + 12).to_ne_bytes();
    [&kind.to_ne_bytes()[..], &length, &padded, &length].concat()
}

#[test]
fn a_commented_capture_tells_what_passed_and_when() {
    let ReadBack { captured, cut } = read(&capture()).unwrap();
    assert_eq!((cut, captured.health.frames), (false, 8));
    let [datagram, opened] = captured.conversations.as_slice() else { panic!("two conversations") };
    assert_eq!((datagram.first_packet, datagram.reached_packet), (1, Some(4)));
    assert_eq!((opened.first_packet, opened.first_at), (5, 1_700_000_000_000_000_005));
    assert_eq!(opened.opener.node.as_ref().unwrap().as_str(), "cam");
}

#[test]
fn what_ends_too_early_is_read_as_far_as_it_goes_and_said_to_be_cut() {
    let whole = capture();
    let ends = ends(&whole);
    // A section, four interfaces, eight packets.
    assert_eq!(ends.len(), 14);
    for length in 0..whole.len() {
        let read = read(&whole[..length]);
        let packets = ends.iter().filter(|end| **end <= length).count().saturating_sub(6) as u64;
        match read {
            Ok(read) => {
                assert!(length >= ends[5], "{length}: without its interfaces it is none");
                assert_eq!(
                    (read.cut, read.captured.health.frames),
                    (!ends.contains(&length), packets),
                    "{length}"
                );
            }
            Err(error) => assert!(length < ends[5], "{length}: {error}"),
        }
    }
}

#[test]
fn what_is_no_capture_of_this_site_says_why() {
    let whole = capture();
    let ends = ends(&whole);
    assert!(wrong(b"").contains("does not begin as pcapng does"));
    assert!(wrong(b"\xd4\xc3\xb2\xa1 a file of the older kind").contains("does not begin as pcapng does"));
    let section = &whole[..ends[1]];
    assert!(wrong(&[&whole, section].concat()).contains("after packet 8: a second section"));
    // Interfaces: one too few, two that have changed places, one too many.
    assert!(wrong(&[&whole[..ends[4]], &whole[ends[5]..]].concat()).contains("app.eth0"));
    let swapped = [section, &whole[ends[2]..ends[3]], &whole[ends[1]..ends[2]], &whole[ends[3]..]].concat();
    assert!(wrong(&swapped).contains("interface 0 is `rtr.lan0` instead of `cam.eth0`"));
    let twice = [&whole[..ends[5]], &whole[ends[4]..]].concat();
    assert!(wrong(&twice).contains("an interface more than the 4 of the plan"));
    // Packets: before the interfaces, without direction, of another kind.
    let early = [section, &whole[ends[1]..ends[2]], &whole[ends[5]..]].concat();
    assert!(wrong(&early).contains("it lacks interface `rtr.lan0`"));
    let mut plain = whole[ends[5]..ends[6]].to_vec();
    let at = plain.len() - 4 - 4 - 4;
    plain[at..at + 4].fill(0);
    assert!(
        wrong(&[&whole[..ends[5]], &plain].concat()).contains("after packet 0: a packet without direction")
    );
    assert!(
        wrong(&[&whole[..], &block(3, &[4, 0, 0, 0, 1, 2, 3, 4])].concat())
            .contains("without direction or time")
    );
}

#[test]
fn a_block_that_claims_gigabytes_is_not_waited_for() {
    let mut bytes = capture();
    bytes.extend([6_u32, 0xffff_fff0].iter().flat_map(|word| word.to_ne_bytes()));
    bytes.extend(vec![0; 2 * HELD]);
    let read = read(&bytes).unwrap();
    assert_eq!((read.cut, read.captured.health.frames), (true, 8));
}

#[test]
fn what_other_programs_add_is_passed_over() {
    let whole = capture();
    let at = ends(&whole)[7];
    for kind in [4, 5, 0xbad, 0x8000_0001] {
        let bytes = [&whole[..at], &block(kind, &[0; 16]), &whole[at..]].concat();
        assert_eq!(read(&bytes).unwrap().captured, read(&whole).unwrap().captured, "block type {kind:#x}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done to the bytes of a capture, reading ends, with what is there or with what is wrong.
    #[test]
    fn no_damage_makes_it_panic(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 0..6),
        inserted in proptest::collection::vec(
            (any::<prop::sample::Index>(), 0..12_u32, proptest::collection::vec(any::<u8>(), 0..64)), 0..3),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = capture();
        for (place, kind, body) in &inserted {
            let ends = ends(&bytes);
            let at = ends[place.index(ends.len())];
            bytes.splice(at..at, block(*kind, body));
        }
        for (place, bit) in &flips {
            let at = place.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(read) = read(&bytes) {
            prop_assert!(read.captured.health.frames <= 16);
        }
    }

    #[test]
    fn no_bytes_at_all_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = read(&bytes);
        // And behind the beginning of a section, which is what most of them lack.
        let whole = capture();
        let _ = read(&[&whole[..ends(&whole)[1]], &bytes].concat());
    }
}
