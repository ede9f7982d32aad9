//! A run that sent everything: it is kept small, and judged again as it was, also by those who look for what it hides.

use std::borrow::Cow;

use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use testbed::verdict::Verdict;

use super::tampered::{first, packets, with};
use super::*;

/// Bytes that the evidence of one pair may take; one frame of each packet alone would be twenty million. Half of it is what everybody gets,
/// which is kept whole.
const MOST: u64 = 3_000_000;

/// What the guest must not do in the example's scenario.
const SHUT: &str = "no_reach: { from: guest, to: [door, fw] }";

/// A run of the example's scenario with something else that the guest must not do.
fn kept(shut: &str, how: &[&str]) -> Kept {
    let place = Place::new();
    let scenario = site(&place).join("door.yaml");
    let text = fs::read_to_string(&scenario).expect("our own copy");
    assert!(text.contains(SHUT), "{text}");
    fs::write(&scenario, text.replace(SHUT, shut)).expect("our own copy");
    let mut run = place.run(&scenario);
    run.args(how);
    let said = say(run, ONE_RUN).expect_code(0);
    assert!(said.all().contains("3 passed, 0 failed, 0 inconclusive"), "{said}");
    let folder = place.run_folders().remove(0);
    Kept { place, folder }
}

/// The hundredth packet behind the first that the guest sent to the door, as it would have come out of the wall:
/// none of a sample, so that its number stands in `sightings.jsonl` alone.
fn leaked(bytes: &[u8]) -> EnhancedPacketBlock<'static> {
    let sent = first(bytes, "guest.eth0", &[10, 1, 0, 2]);
    let door = packets(bytes).into_iter().find(|(at, _)| at == "door.eth0").expect("the door was pinged").1;
    let mut data = sent.data.into_owned();
    assert_eq!(data[23], 6, "the first kind is TCP");
    // Destination port and sequence number (RFC 9293, section 3.1), and the time to live that a router lessens.
    let port = u16::from_be_bytes([data[36], data[37]]) + 100;
    let number = u32::from_be_bytes([data[38], data[39], data[40], data[41]]) + 100;
    data[36..38].copy_from_slice(&port.to_be_bytes());
    data[38..42].copy_from_slice(&number.to_be_bytes());
    data[8 + 14] -= 1;
    EnhancedPacketBlock {
        interface_id: door.interface_id,
        options: vec![EnhancedPacketOption::Flags(2)],
        data: Cow::Owned(data),
        ..sent
    }
}

/// Changes the lines of `sightings.jsonl`.
fn change_lines(kept: &Kept, change: impl FnOnce(&mut Vec<String>)) {
    kept.change(&RunFile::Sightings, |bytes| {
        let text = std::str::from_utf8(bytes).expect("lines of JSON");
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        change(&mut lines);
        *bytes = lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes();
    });
    kept.seal_again();
}

#[test]
fn everything_sent_is_kept_small_and_judged_as_it_was() {
    let kept = kept("no_reach: { from: guest, to: door }", &["--exhaustive"]);
    let run = verdicts_in(&kept.folder);
    assert!(run.capture.site.frames > 2 * 199_168, "{:?}", run.capture);
    let bytes: u64 = Manifest::of(&kept.folder).unwrap().files.iter().map(|file| file.bytes).sum();
    assert!(bytes < MOST, "{bytes}");
    let stored = fs::read_to_string(kept.file(&RunFile::Verdicts)).unwrap();
    let mut report = kept.place.testbed();
    report.arg("report").arg(&kept.folder).args(["--verdicts", "-"]);
    let said = say(report, ONE_RUN).expect_code(0);
    assert_eq!(said.stdout, stored, "{said}");
    assert!(!said.stderr.contains("note:"), "{said}");
}

#[test]
fn what_is_counted_only_is_held_against_the_capture() {
    let kept = kept("no_reach: { from: guest, to: door, ports: [tcp/1-2000] }", &[]);
    let whole = fs::read(kept.file(&RunFile::Sightings)).unwrap();
    // What is left out was not seen.
    change_lines(&kept, |lines| drop(lines.pop()));
    let (run, said) = kept.judged(3);
    assert_eq!(run.counts.pass, 0, "{said}");
    assert!(run.checks[0].reasons[0].contains("frames of the"), "{said}");
    // What stands for another packet than the capture has is damage.
    fs::write(kept.file(&RunFile::Sightings), &whole).unwrap();
    change_lines(&kept, |lines| lines.swap(0, 4));
    let said = kept.report(&[]).expect_code(2);
    assert!(said.stderr.contains("sightings.jsonl, line "), "{said}");
    fs::write(kept.file(&RunFile::Sightings), &whole).unwrap();

    kept.change(&RunFile::Capture, |bytes| *bytes = with(bytes, leaked(bytes)));
    kept.seal_again();
    let (run, said) = kept.judged(1);
    let check = run.checks.iter().find(|check| check.name.as_str() == "guest-does-not").unwrap();
    assert_eq!(check.verdict, Verdict::Fail, "{said}");
    let reached = "guest reached door 10.1.0.2 on tcp/101 (1 of 2000 kinds)";
    assert!(check.findings[0].text.starts_with(reached), "{said}");
}
