//! By the types of units, and with what x265 makes of open groups.

use fake_camera::annexb::push_unit;

use super::*;
use crate::video::session::tests::{Encoded, decode, encode};

/// A picture that refers to others, two that lead, the second of which is left out, and pictures that stand alone.
const TRAIL: u8 = 1;
const RADL: u8 = 7;
const RASL: u8 = 9;
const BLA: u8 = 16;
const IDR: u8 = 19;
/// The end of a sequence.
const END: u8 = 36;

fn unit(kinds: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    // A message comes before each picture.
    push_unit(&mut stream, &[39 << 1, 1, 5]);
    kinds.iter().for_each(|kind| push_unit(&mut stream, &[kind << 1, 1]));
    stream
}

/// Which of these pictures, one of a kind each, are decoded by whom nothing has broken off but before these places.
fn taken(kinds: &[u8], begins: &[usize]) -> Vec<usize> {
    let mut leading = Leading::new(Codec::H265);
    let takes = |(at, kind): (usize, &u8)| leading.takes(&unit(&[*kind]), begins.contains(&at)).then_some(at);
    kinds.iter().enumerate().filter_map(takes).collect()
}

#[test]
fn what_leads_to_where_decoding_began_is_left_out() {
    assert_eq!(taken(&[CLEAN, RASL, RASL, RADL, TRAIL, TRAIL], &[]), [0, 3, 4, 5]);
    assert_eq!(taken(&[IDR, TRAIL, CLEAN, RASL, TRAIL], &[]), [0, 1, 2, 3, 4], "all is there");
    assert_eq!(taken(&[IDR, TRAIL, CLEAN, RASL, TRAIL, CLEAN, RASL], &[2]), [0, 1, 2, 4, 5, 6], "a gap");
    assert_eq!(taken(&[IDR, TRAIL, BLA, RASL, TRAIL, IDR, TRAIL], &[]), [0, 1, 2, 4, 5, 6], "a broken link");
}

#[test]
fn behind_the_end_of_a_sequence_all_begins_anew() {
    let mut leading = Leading::new(Codec::H265);
    let units = [unit(&[IDR]), unit(&[TRAIL, END]), unit(&[CLEAN]), unit(&[RASL]), unit(&[TRAIL])];
    let takes: Vec<_> = units.iter().map(|unit| leading.takes(unit, false)).collect();
    assert_eq!(takes, [true, true, true, false, true]);
}

#[test]
fn other_codecs_and_units_without_a_picture_are_taken() {
    assert!(Leading::new(Codec::H264).takes(&unit(&[RASL]), true));
    let mut leading = Leading::new(Codec::H265);
    assert!(leading.takes(&unit(&[]), false) && leading.takes(b"", true));
    assert!(leading.takes(&unit(&[CLEAN]), false) && !leading.takes(&unit(&[RASL]), false));
}

/// Groups of eight pictures with three B-frames, all open but the first, as x265 makes them unasked.
fn open_groups() -> Vec<Encoded> {
    encode(
        "x265enc option-string=repeat-headers=1:open-gop=1:keyint=8:min-keyint=8:scenecut=0:bframes=3:b-adapt=0:log-level=none",
        28,
    )
}

fn is_of(kinds: std::ops::RangeInclusive<u8>) -> impl Fn(&Encoded) -> bool {
    move |one| annexb::units(&one.data).any(|unit| kinds.contains(&(unit[0] >> 1 & 0x3f)))
}

#[tokio::test]
async fn nobody_misses_what_leads_to_the_open_group_at_which_they_began() {
    let all = open_groups();
    let group = all.iter().position(is_of(CLEAN..=CLEAN)).expect("the second group is an open one");
    let left_out =
        all[group..].iter().take_while(|one| !is_of(TRAIL..=TRAIL)(one)).filter(|one| is_of(SKIPPED)(one));
    let left_out = left_out.count();
    assert!(left_out > 0, "pictures lead to it that refer to what was before");
    let (decoded, undecoded) = decode(Codec::H265, &all[group..]).await;
    assert_eq!((decoded, undecoded), ((all.len() - group - left_out) as u64, 0));
    // Whoever has all before it decodes these as well.
    assert_eq!(decode(Codec::H265, &all).await, (all.len() as u64, 0));
}
