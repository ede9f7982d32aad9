//! Records of any kind, as lines and back.

use fake_facts::{Fact, Line as Said};
use proptest::prelude::*;

use super::*;
use crate::probe::FilterLog;
use crate::verdict::example::good;

fn traffic(text: &str) -> Traffic {
    text.to_owned().try_into().unwrap()
}

fn entry(aim: usize, kind: usize, role: Role, text: &str) -> Entry {
    Entry { aim, kind, traffic: traffic(text), role }
}

/// A record that has something of everything.
fn record() -> Record {
    let seen = good();
    let aim = AimSent {
        check: "vms-shut".parse().unwrap(),
        aim: 1,
        number: 7,
        again: true,
        started_at: 3,
        ended_at: 4,
        slices: vec![(3, 4)],
        errors: vec!["no buffer space".into()],
        trace: vec![],
    };
    let crossing = CrossingSent {
        check: "no-bridge".parse().unwrap(),
        crossing: 0,
        numbers: vec![[Some(1), None, Some(2)]],
        started_at: 5,
        ended_at: 6,
        errors: vec![],
    };
    let hop = HopSent {
        check: "no-hop".parse().unwrap(),
        hop: 2,
        numbers: vec![vec![Some(1), None, Some(3)]],
        started_at: 5,
        ended_at: 6,
        errors: vec![],
    };
    let join = JoinSent {
        check: "no-stream".parse().unwrap(),
        join: 1,
        numbers: [Some(6), None],
        started_at: 5,
        ended_at: 9,
        heard: 2,
        heard_at: Some((6, 8)),
        errors: vec![],
    };
    let asked = AskedSent {
        check: "own-leg".parse().unwrap(),
        questions: 1,
        numbers: vec![Some(1), None],
        started_at: 5,
        ended_at: 6,
        errors: vec![],
    };
    let mut log = FilterLog::default();
    log.add(Logged { at: 1_700_000_000_123_456_789, probe: Some(3) });
    log.add(Logged { at: 9, probe: None });
    (log.lost, log.broken) = (2, true);
    let site = Instruments {
        sent: vec![
            (3, entry(7, 0, Role::Attack, "tcp/22")),
            (4, entry(7, 0, Role::Attack, "tcp/23")),
            (5, entry(7, 1, Role::Attack, "tcp/24")),
            (9, entry(7, 1, Role::Instrument, "icmp/8")),
        ],
        logs: [("rtr".parse().unwrap(), log), ("app".parse().unwrap(), FilterLog::default())].into(),
        passed: vec![Passed { before: 9, run: 4, first: 70, count: 30, until: 1_700_000_000_123_456_789 }],
        taps: TapHealth { frames: 100, dropped: 1, unstored: 2 },
    };
    let said = Said { at: 1, fact: Fact::Bye { reason: "told to".into() } };
    Record {
        facts: vec![NodeFact { node: "app".parse().unwrap(), line: said }],
        aims: vec![aim],
        crossings: vec![crossing],
        hops: vec![hop],
        joins: vec![join],
        asked: vec![asked],
        opens: seen.opens,
        in_force: vec!["cut app.eth0".into()],
        tracked: vec![TrackedSeen {
            node: "rtr".parse().unwrap(),
            kind: "tcp".into(),
            original: ["10.20.0.5:40000", "10.20.0.11:554"].map(|end| end.parse().unwrap()),
            reply: ["10.20.0.11:554", "10.20.0.5:40000"].map(|end| end.parse().unwrap()),
        }],
        commands: vec![CommandEnd { node: "vms".parse().unwrap(), status: Some(3), last_lines: vec![] }],
        missing: seen.missing,
        until: 11,
        patience: 2,
        site,
        open_copy: Instruments { sent: vec![(0, entry(7, 0, Role::Attack, "udp/53"))], ..Default::default() },
        ..Record::default()
    }
}

/// A line as it is written and read again.
fn again<T: Serialize + serde::de::DeserializeOwned>(line: &T) -> T {
    serde_json::from_str(&serde_json::to_string(line).unwrap()).unwrap()
}

fn back(record: &Record) -> Option<Record> {
    let mut collected = Collected::default();
    record.facts.iter().for_each(|fact| collected.fact(again(fact)));
    record_lines(record).for_each(|line| collected.line(again(&line)));
    sent_lines(record).iter().for_each(|line| collected.sent(&again(line)).unwrap());
    filter_lines(record).for_each(|line| collected.logged(again(&line)));
    passed_lines(record).for_each(|line| collected.passed(&again(&line)).unwrap());
    collected.whole()
}

#[test]
fn a_record_comes_back_as_it_was() {
    assert_eq!(back(&record()), Some(record()));
    assert_eq!(back(&Record::default()), Some(Record::default()));
}

#[test]
fn without_its_last_line_it_is_none() {
    let mut collected = Collected::default();
    let lines: Vec<_> = record_lines(&record()).collect();
    lines[..lines.len() - 1].iter().for_each(|line| collected.line(line.clone()));
    assert_eq!(collected.whole(), None);
}

#[test]
fn numbers_and_ports_in_a_row_are_one_line() {
    let lines = sent_lines(&record());
    let texts: Vec<_> = lines.iter().map(|line| format!("{} {}", line.first, line.traffic)).collect();
    assert_eq!(texts, ["3 tcp/22-23", "5 tcp/24", "9 icmp/8", "0 udp/53"]);
}

#[test]
fn more_frames_than_ever_passed_are_refused() {
    let passed = Passed { before: 9, run: 4, first: 0, count: u32::MAX, until: 0 };
    let refused = Collected::default().passed(&PassedLine { of: Which::Site, passed });
    assert_eq!(refused, Err("more than 67108864 frames".to_owned()));
}

#[test]
fn lines_that_stand_for_too_much_are_refused() {
    let line = |first, text| SentLine {
        of: Which::Site,
        first,
        role: Role::Attack,
        aim: 0,
        kind: 0,
        traffic: traffic(text),
        more: Vec::new(),
    };
    let mut collected = Collected::of_at_most(70_000);
    collected.sent(&line(5, "tcp/1-3")).unwrap();
    assert!(collected.sent(&line(7, "tcp/9")).unwrap_err().contains("stands behind a higher one"));
    assert!(collected.sent(&line(u32::MAX - 1, "tcp/1-9")).unwrap_err().contains("without end"));
    collected.sent(&line(8, "udp/*")).unwrap();
    assert!(collected.sent(&line(100_000, "udp/*")).unwrap_err().contains("more than 70000 packets"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was sent in whatever order, each number stands for what it stood for.
    #[test]
    fn any_ledger_comes_back(
        steps in proptest::collection::vec((1..3_u32, 0..2_usize, 0..2_usize, 0..4_u16, 0..3_u8), 0..60),
    ) {
        let mut n = 0;
        let sent = steps.iter().map(|(step, aim, kind, port, how)| {
            n += step;
            let port = 65_532 + port;
            let traffic = match how {
                0 => Traffic::Udp(port, port),
                1 => Traffic::Tcp(port, port),
                _ => traffic(&format!("tcp/{port} from 53 flags ack")),
            };
            (n, Entry { aim: *aim, kind: *kind, traffic, role: Role::Attack })
        });
        let site = Instruments { sent: sent.collect(), ..Instruments::default() };
        let record = Record { site, ..Record::default() };
        prop_assert_eq!(back(&record), Some(record));
    }
}
