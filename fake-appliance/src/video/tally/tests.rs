//! What is counted of frames that say which they are, and of those whose times and pictures do.

use super::*;

const MS: u64 = 1_000_000;

fn frame(number: u64) -> FrameIdentity {
    FrameIdentity { camera: 1, run: 7, number, sent: 1000 * MS, ..Default::default() }
}

fn said(frame: FrameIdentity) -> Known {
    Known::Said(Some(frame))
}

fn by_time(number: u64) -> Known {
    Known::ByTime(Timed { number, sent: 0, arrived: number * 10 * MS })
}

/// Frames without identities, by the numbers of their times and the codes of their pictures.
fn timed(expected: Option<u32>, frames: &[(u64, Option<(u32, u16)>)]) -> Video {
    let mut tally = Tally::new("dock-1", expected);
    for &(number, code) in frames {
        tally.decoded(&by_time(number), code.map(|(camera, index)| PictureCode { camera, index }));
    }
    tally.video()
}

fn tally(numbers: &[u64]) -> Video {
    let mut tally = Tally::new("dock-1", Some(1));
    for &number in numbers {
        tally.arrived(Found::Identity(frame(number)), true, 1001 * MS);
    }
    tally.video()
}

fn named_in(video: &Video) -> Vec<(Oddity, u64)> {
    video.odd.iter().map(|odd| (odd.what, odd.number)).collect()
}

#[test]
fn an_unbroken_stream_has_nothing_lost_or_doubled() {
    let video = tally(&[0, 1, 2, 3, 4]);
    assert_eq!((video.received, video.first, video.last), (5, 0, 4));
    assert_eq!((video.lost, video.duplicated, video.foreign, video.unidentified), (0, 0, 0, 0));
    assert_eq!((video.id, video.run), (1, 7));
    assert!((1000..1032).contains(&video.latency_p50_us), "{}", video.latency_p50_us);
}

#[test]
fn gaps_are_lost_and_repeats_are_duplicates() {
    let video = tally(&[5, 6, 9, 9, 6, 10]);
    assert_eq!((video.received, video.lost, video.duplicated), (6, 2, 2));
    assert_eq!((video.first, video.last), (5, 10));
    let named = [(Oddity::Lost, 7), (Oddity::Lost, 8), (Oddity::Duplicated, 6), (Oddity::Duplicated, 9)];
    assert_eq!(named_in(&video), named);
}

#[test]
fn late_frames_are_not_lost() {
    let video = tally(&[3, 6, 4, 5, 1, 2, 7]);
    assert_eq!((video.lost, video.duplicated, video.first, video.last), (0, 0, 1, 7));
    assert_eq!(video.swapped, 4);
    assert_eq!(named_in(&video), [1, 2, 4, 5].map(|number| (Oddity::Swapped, number)));
}

#[test]
fn of_each_kind_so_many_are_named() {
    let video = tally(&[0, 100, 101, 100, 99]);
    assert_eq!((video.lost, video.duplicated, video.swapped), (98, 1, 1));
    let lost = (1..=NAMED as u64).map(|number| (Oddity::Lost, number));
    let others = [(Oddity::Duplicated, 100), (Oddity::Swapped, 99)];
    assert_eq!(named_in(&video), lost.chain(others).collect::<Vec<_>>());
}

#[test]
fn a_picture_is_that_of_its_frame_or_told_with_what_it_shows() {
    let mut tally = Tally::new("dock-1", Some(1));
    let shown = |camera, index| Some(PictureCode { camera, index });
    for number in 30..36 {
        tally.arrived(Found::Identity(frame(number)), true, 0);
    }
    tally.decoded(&said(frame(30)), shown(1, 0));
    tally.decoded(&said(frame(31)), shown(1, 2));
    tally.decoded(&said(frame(32)), shown(2, 2));
    tally.decoded(&said(frame(33)), None);
    // Whoever numbers a picture of before anew and says truly which one it is shows the wrong one all the same.
    tally.decoded(&said(FrameIdentity { index: 0, ..frame(34) }), shown(1, 0));
    tally.undecoded(&said(frame(35)));
    tally.decoded(&Known::Said(None), shown(1, 5));
    let video = tally.video();
    assert_eq!((video.decoded, video.matched, video.mismatched, video.undecoded), (6, 1, 5, 1));
    let shows = |camera, index| Oddity::Shows { camera, index };
    let named = [
        (shows(1, 0), 34),
        (shows(1, 2), 31),
        (shows(2, 2), 32),
        (Oddity::ShowsNone, 33),
        (Oddity::Undecoded, 35),
    ];
    assert_eq!(named_in(&video), named);
}

#[test]
fn a_picture_without_a_code_is_neither_its_frames_nor_anothers() {
    let mut tally = Tally::new("dock-1", Some(1));
    let recorded = FrameIdentity { index: UNCODED, ..frame(3) };
    tally.arrived(Found::Identity(recorded), true, 0);
    tally.decoded(&said(recorded), None);
    tally.decoded(&said(recorded), Some(PictureCode { camera: 1, index: 3 }));
    let video = tally.video();
    assert_eq!((video.decoded, video.matched, video.mismatched), (2, 0, 0));
    assert!(video.odd.is_empty(), "{video:?}");
}

#[test]
fn a_gap_beyond_all_measure_is_counted_and_costs_no_memory() {
    let video = tally(&[0, u64::MAX - 1, u64::MAX]);
    assert_eq!((video.received, video.lost), (3, u64::MAX - 2));
}

#[test]
fn frames_of_another_camera_or_run_are_foreign_and_nothing_else() {
    let mut tally = Tally::new("dock-1", Some(1));
    tally.arrived(Found::Identity(FrameIdentity { camera: 2, run: 9, ..frame(0) }), true, 0);
    tally.arrived(Found::Identity(frame(1)), true, 0);
    tally.arrived(Found::Identity(FrameIdentity { run: 8, ..frame(2) }), true, 0);
    let video = tally.video();
    assert_eq!((video.received, video.foreign, video.lost), (1, 2, 0));
    assert_eq!(video.id, 2, "the report shows who sends instead");
}

#[test]
fn a_new_session_starts_the_numbers_again() {
    let mut tally = Tally::new("dock-1", Some(1));
    for number in 0..10 {
        tally.arrived(Found::Identity(frame(number)), true, 0);
    }
    tally.begin_session();
    for number in 0..3 {
        tally.arrived(Found::Identity(FrameIdentity { run: 8, ..frame(number) }), true, 0);
    }
    let video = tally.video();
    assert_eq!((video.received, video.duplicated, video.foreign), (13, 0, 0));
    assert_eq!((video.first, video.last, video.run), (0, 2, 8));
    tally.arrived(Found::Identity(FrameIdentity { run: 8, ..frame(5) }), true, 0);
    let lost = [3, 4].map(|number| Odd { what: Oddity::Lost, session: 2, number });
    assert_eq!(tally.video().odd, lost);
}

#[test]
fn what_a_group_had_before_it_was_joined_is_missed_by_nobody() {
    let unreferenced = |joins: bool, frames: &[(u64, bool)]| {
        let mut tally = Tally::new("dock-1", Some(1));
        tally.begin_session();
        if joins {
            tally.joins();
        }
        for (number, start) in frames {
            tally.arrived(Found::Identity(frame(*number)), *start, 0);
        }
        tally.video().unreferenced
    };
    let midway = [(8, false), (9, false), (10, true), (11, false)];
    assert_eq!((unreferenced(true, &midway), unreferenced(false, &midway)), (0, 2));
    let gap = [(10, true), (11, false), (13, false), (14, false), (20, true)];
    assert_eq!((unreferenced(true, &gap), unreferenced(false, &gap)), (2, 2));
}

#[test]
fn unreadable_identities_and_gaps_in_time_are_counted() {
    let mut tally = Tally::new("dock-1", None);
    tally.arrived(Found::Nothing, true, 10 * MS);
    tally.arrived(Found::Damaged, true, 30 * MS);
    tally.arrived(Found::Nothing, true, 35 * MS);
    assert_eq!((tally.video().unidentified, tally.video().longest_gap_us), (3, 20_000));
    assert_eq!(tally.received(), 0);
}

#[test]
fn arrivals_are_told_once_and_of_many_the_latest() {
    let mut tally = Tally::new("dock-1", Some(1));
    tally.arrived(Found::Identity(frame(0)), true, 1000 * MS);
    tally.arrived(Found::Nothing, true, 1066 * MS);
    let told = tally.tell();
    assert_eq!((told.arrived, told.took_us), (vec![1000 * MS, 1066 * MS], vec![Some(0), None]));
    assert!(tally.tell().arrived.is_empty());
    for second in 0..300 {
        tally.arrived(Found::Nothing, true, second * 1000 * MS);
    }
    let Video { arrived, took_us, untold, .. } = tally.tell();
    assert_eq!((arrived.len(), arrived[ARRIVALS - 1]), (ARRIVALS, 299_000 * MS));
    assert_eq!((took_us.len(), untold), (ARRIVALS, 60));
}

#[test]
fn frames_without_a_send_time_say_nothing_about_latency() {
    let mut tally = Tally::new("dock-1", None);
    tally.arrived(Found::Identity(FrameIdentity { sent: 0, ..frame(0) }), true, 5_000 * MS);
    assert_eq!((tally.video().latency_p99_us, tally.tell().took_us), (0, vec![None]));
}

#[test]
fn a_frame_that_arrives_before_it_was_sent_shows_clocks_that_disagree() {
    let mut tally = Tally::new("dock-1", None);
    tally.arrived(Found::Identity(FrameIdentity { sent: 8 * MS, ..frame(0) }), true, 5 * MS);
    assert_eq!(tally.tell().took_us, [Some(-3000)]);
}
#[test]
fn frames_without_identities_are_received_by_their_pictures_and_numbered_by_their_times() {
    let video =
        timed(Some(1), &[(0, Some((1, 0))), (1, Some((1, 1))), (30, Some((1, 0))), (31, Some((1, 1)))]);
    assert_eq!((video.id, video.received, video.matched, video.mismatched), (1, 4, 4, 0));
    assert_eq!((video.first, video.last, video.lost, video.unidentified), (0, 31, 28, 0));
    let video = timed(Some(1), &[(0, Some((1, 0))), (2, Some((1, 2))), (1, Some((1, 1))), (1, Some((1, 1)))]);
    assert_eq!((video.received, video.matched, video.lost), (4, 4, 0));
    assert_eq!(named_in(&video), [(Oddity::Duplicated, 1), (Oddity::Swapped, 1)]);
}

#[test]
fn a_frame_without_identity_whose_picture_is_a_wrong_one_is_told_with_what_it_shows() {
    let video = timed(
        Some(1),
        &[(0, Some((1, 0))), (1, Some((1, 2))), (2, Some((2, 2))), (3, None), (4, Some((1, 4)))],
    );
    assert_eq!((video.id, video.received, video.matched, video.mismatched), (1, 3, 2, 3));
    assert_eq!((video.lost, video.duplicated, video.foreign, video.unidentified), (0, 0, 0, 0));
    let shows = |camera, index| Oddity::Shows { camera, index };
    assert_eq!(named_in(&video), [(shows(1, 2), 1), (shows(2, 2), 2), (Oddity::ShowsNone, 3)]);
}

#[test]
fn pictures_of_another_camera_are_nothing_that_was_received() {
    let video = timed(Some(1), &[(0, Some((2, 0))), (1, Some((2, 1)))]);
    assert_eq!((video.id, video.received, video.matched, video.mismatched), (2, 0, 0, 2));
    // Where no camera is expected, the first picture says whose the session is.
    let video = timed(None, &[(0, None), (1, Some((2, 1))), (2, Some((2, 2))), (3, Some((1, 3)))]);
    assert_eq!((video.id, video.received, video.unidentified, video.mismatched), (2, 2, 1, 2));
}

#[test]
fn a_frame_without_identity_of_which_no_picture_is_made_is_not_received_and_not_lost() {
    let mut tally = Tally::new("dock-1", Some(1));
    let code = |index| Some(PictureCode { camera: 1, index });
    tally.decoded(&by_time(0), code(0));
    tally.undecoded(&by_time(1));
    tally.decoded(&by_time(2), code(2));
    let video = tally.video();
    assert_eq!((video.received, video.decoded, video.undecoded, video.lost), (2, 2, 1, 0));
    assert_eq!(named_in(&video), [(Oddity::Undecoded, 1)]);
    assert_eq!(video.arrived.len(), 0);
    assert_eq!(tally.tell().arrived, [0, 10 * MS, 20 * MS]);
}
