//! Probes that are sent in bulk: which of them are stored, and that what is left out is not missed.

use super::super::super::expected::{Announced, Spot};
use super::super::super::runs::Passed;
use super::super::super::{ReadBack, Unreadable};
use super::*;

/// More than are stored of each kind, and some more.
const SENT: u32 = 1000;
const FIRST_NUMBER: u32 = 50;

fn kind() -> Traffic {
    Traffic::Tcp(1, SENT as u16)
}

/// Probe `n` of what was announced.
fn one(n: u32) -> Probe {
    probe(kind().nth((n - FIRST_NUMBER).into()).unwrap(), n)
}

fn announced() -> Announced {
    let ports = fixture::ports();
    let spot = |place: usize, direction| Spot { port: ports[place].name.clone(), direction, addressed: true };
    Announced {
        first: FIRST_NUMBER,
        kinds: kind().into(),
        probe: one(FIRST_NUMBER),
        places: vec![spot(CAM, Direction::FromNode), spot(RTR_A, Direction::ToNode)],
    }
}

fn numbers() -> std::ops::Range<u32> {
    FIRST_NUMBER..FIRST_NUMBER + SENT
}

/// Up to the router, which lets nothing through.
fn stopped(n: u32) -> Vec<Hop> {
    let mut hops = across(CAM, &bare(&one(n)));
    hops.truncate(2);
    hops
}

struct Bulk {
    /// Where the capture lies.
    _folder: tempfile::TempDir,
    path: PathBuf,
    desk: Desk,
}

impl Bulk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capture.pcapng");
        let desk = Desk::new(&path, MAX_BYTES);
        desk.watch.announce(announced());
        Self { _folder: folder, path, desk }
    }

    fn read(&self, passed: &[Passed]) -> Result<ReadBack, Unreadable> {
        read(&std::fs::read(&self.path).unwrap(), passed)
    }
}

fn read(bytes: &[u8], passed: &[Passed]) -> Result<ReadBack, Unreadable> {
    let mut expected = Expected::at_ports(names(&fixture::ports()));
    expected.add(announced());
    let counted = Counted { expected, passed: passed.to_vec() };
    read_back(bytes, fixture::ports(), fixture::inventory(), KEY, counted)
}

/// What is wrong with what was counted, and with which line.
fn refused(read: Result<ReadBack, Unreadable>) -> (usize, String) {
    match read {
        Err(Unreadable::Counted(line, text)) => (line, text),
        other => panic!("it was not refused: {other:?}"),
    }
}

fn stored_of(captured: &Captured, place: usize, direction: Direction) -> Vec<u32> {
    let port = &fixture::ports()[place].name;
    let stored = |n: &u32| captured.sightings.first(*n, port, direction).is_some_and(|seen| seen.packet > 0);
    numbers().filter(stored).collect()
}

/// The first 64, 256, 512 and 768 behind the first, and where the second half begins.
fn sample() -> Vec<u32> {
    (0..64).chain([256, SENT / 2, 512, 768]).map(|place| FIRST_NUMBER + place).collect()
}

/// All numbers, from both halves in turns.
fn in_turns() -> impl Iterator<Item = u32> {
    let half = SENT / 2;
    (FIRST_NUMBER..FIRST_NUMBER + half).flat_map(move |n| [n, n + half])
}

#[test]
fn two_halves_that_are_sent_at_once_are_counted_as_one_behind_the_other() {
    let mut bulk = Bulk::new();
    in_turns().for_each(|n| bulk.desk.pass(&stopped(n)));
    let path = bulk.path.clone();
    let captured = bulk.desk.finish();
    assert_eq!(stored_of(&captured, CAM, Direction::FromNode), sample());
    assert_eq!(stored_of(&captured, RTR_A, Direction::ToNode), sample());
    let notes = captured.passed.len();
    assert!(notes <= 2 * sample().len(), "at most one before each packet that is stored: {notes}");
    let back = read(&std::fs::read(path).unwrap(), &captured.passed).unwrap();
    let (told, again) = (captured.sightings.numbers(), back.captured.sightings.numbers());
    assert_eq!((told, back.captured.health.frames), (again, captured.health.frames));
    assert_eq!(back.captured.passed, captured.passed);
}

#[test]
fn a_sample_of_what_was_as_expected_is_stored_and_all_of_it_is_known() {
    let mut bulk = Bulk::new();
    for n in numbers() {
        bulk.desk.pass(&stopped(n));
    }
    let watch = bulk.desk.watch.clone();
    let all: Vec<u32> = numbers().collect();
    let ports = fixture::ports();
    assert_eq!(watch.missing(&all, &ports[CAM].name, Direction::FromNode), [0; 0]);
    let captured = bulk.desk.finish();
    assert_eq!((captured.health.frames, captured.health.unstored), (2 * u64::from(SENT), 0));
    let sample = sample();
    assert_eq!(stored_of(&captured, CAM, Direction::FromNode), sample);
    assert_eq!(stored_of(&captured, RTR_A, Direction::ToNode), sample);
    let counted: u32 = captured.passed.iter().map(|one| one.count).sum();
    assert_eq!(counted as usize, 2 * (SENT as usize - sample.len()));
    let frames: Vec<u64> = captured.stations.iter().map(|station| station.frames).collect();
    assert_eq!(frames, [u64::from(SENT)], "the camera, each time");
}

#[test]
fn what_was_not_expected_is_stored_wherever_it_is_seen() {
    let mut bulk = Bulk::new();
    let through = FIRST_NUMBER + 300;
    let altered = FIRST_NUMBER + 400;
    for n in numbers() {
        match n {
            _ if n == through => bulk.desk.pass(&across(CAM, &bare(&one(n)))),
            _ if n == altered => {
                let mut hops = stopped(n);
                // Another time to live: the sender did not send this.
                hops[1].bytes[14 + 8] -= 1;
                bulk.desk.pass(&hops);
            }
            _ => bulk.desk.pass(&stopped(n)),
        }
    }
    // The appliance's own refusal of what reached it, and a reset that the router sends in its name.
    bulk.desk.pass(&across(APP, &tcp((APP_AT, 301), (CAM_AT, 40_000), 0, "R", b"")));
    bulk.desk.pass(&link(RTR_A, CAM, 0x0800, &tcp((APP_AT, 900), (CAM_AT, 40_000), 0, "R", b"")));
    let captured = bulk.desk.finish();
    assert_eq!(stored_of(&captured, APP, Direction::ToNode), [through]);
    assert!(stored_of(&captured, RTR_A, Direction::ToNode).contains(&altered));
    assert_eq!((captured.probe_answers, captured.conversations.len()), (6, 0));
}

#[test]
fn a_gap_ends_a_run_and_what_comes_again_is_stored() {
    let mut bulk = Bulk::new();
    let gap = FIRST_NUMBER + 100;
    for n in numbers().filter(|n| *n != gap) {
        bulk.desk.pass(&stopped(n));
    }
    bulk.desk.pass(&stopped(gap));
    bulk.desk.pass(&stopped(gap + 1));
    let captured = bulk.desk.finish();
    let stored = stored_of(&captured, CAM, Direction::FromNode);
    assert!([gap, gap + 1].iter().all(|n| stored.contains(n)) && !stored.contains(&(gap + 2)), "{stored:?}");
    let again = captured.sightings.of(gap + 1).filter(|seen| seen.packet > 0).count();
    assert_eq!(again, 4, "both times, at both ports");
}

#[test]
fn what_was_counted_must_fit_what_is_stored() {
    let mut bulk = Bulk::new();
    numbers().for_each(|n| bulk.desk.pass(&stopped(n)));
    let path = bulk.path.clone();
    let desk = std::mem::replace(&mut bulk.desk, Desk::new(&path.with_extension("other"), MAX_BYTES));
    let passed = desk.finish().passed;
    let changed = |change: &dyn Fn(&mut Vec<Passed>)| {
        let mut passed = passed.clone();
        change(&mut passed);
        bulk.read(&passed)
    };
    assert!(changed(&|_| {}).is_ok());
    // More than were sent before the next sample, fewer than that, others, and the same ones twice.
    for change in [
        (|all| all[0].count += 1) as fn(&mut Vec<Passed>),
        |all| all[0].first += 1,
        |all| all[0].run += 1,
        |all| all[0].run = 0,
        |all| all[0].until = 0,
        |all| all[0].count = u32::MAX,
        |all| all[0].before += 1,
        |all| all.swap(0, 2),
        |all| all.insert(1, all[0]),
        |all| all.last_mut().unwrap().before += 1,
    ] {
        refused(changed(&change));
    }
    // What is left out makes the file shorter than the run says that it was.
    let whole = changed(&|_| {}).unwrap().captured.health.frames;
    for change in [(|all| all.truncate(all.len() - 1)) as fn(&mut Vec<Passed>), |all| all.clear()] {
        assert!(changed(&change).unwrap().captured.health.frames < whole);
    }
}

#[test]
fn no_run_claims_that_a_probe_arrived() {
    let mut bulk = Bulk::new();
    numbers().for_each(|n| bulk.desk.pass(&across(CAM, &bare(&one(n)))));
    let path = bulk.path.clone();
    let desk = std::mem::replace(&mut bulk.desk, Desk::new(&path.with_extension("other"), MAX_BYTES));
    let captured = desk.finish();
    let arrived = stored_of(&captured, APP, Direction::ToNode);
    assert_eq!(arrived.len(), SENT as usize, "all are in the capture");
    let last = captured.sightings.first(FIRST_NUMBER + 99, &fixture::ports()[APP].name, Direction::ToNode);
    let run = last.unwrap().packet;
    let claim = Passed { before: run + 1, run, first: FIRST_NUMBER + 100, count: 1, until: u64::MAX };
    let mut passed = captured.passed;
    let place = passed.iter().position(|one| one.before > claim.before).unwrap();
    passed.insert(place, claim);
    let (line, text) = refused(bulk.read(&passed));
    assert_eq!((line, text), (place, format!("packet {run} of the capture begins no run that goes on here")));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 50, ..Default::default() })]

    /// Any notes beside a capture: they are taken, or refused.
    #[test]
    fn no_notes_make_it_panic(
        notes in proptest::collection::vec(proptest::prelude::any::<[u32; 4]>(), 0..6),
        small in proptest::prelude::any::<bool>(),
    ) {
        let mut bulk = Bulk::new();
        numbers().take(150).for_each(|n| bulk.desk.pass(&stopped(n)));
        bulk.desk.recorder.finish().unwrap();
        let most = if small { 300 } else { u32::MAX };
        let passed: Vec<Passed> = notes
            .iter()
            .map(|[before, run, first, count]| Passed {
                before: (before % most).into(),
                run: (run % most).into(),
                first: first % most,
                count: count % most,
                until: u64::MAX,
            })
            .collect();
        let _ = read(&std::fs::read(&bulk.path).unwrap(), &passed);
    }
}
