//! Evidence that somebody has changed and sealed again: it is judged as what it is now.

use std::borrow::Cow;

use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::{Block, PcapNgReader, PcapNgWriter};
use testbed::verdict::Verdict;

use super::*;

/// A capture's packets, with the names of their interfaces.
pub(super) fn packets(bytes: &[u8]) -> Vec<(String, EnhancedPacketBlock<'static>)> {
    let mut reader = PcapNgReader::new(bytes).expect("a capture of ours");
    let mut packets = Vec::new();
    while let Some(next) = reader.next_block() {
        let (block, state) = next.expect("a capture of ours");
        if let Block::EnhancedPacket(packet) = block.into_owned() {
            packets.push((state.interfaces()[packet.interface_id as usize].clone(), packet));
        }
    }
    packets.into_iter().map(|(interface, packet)| (name(&interface.options), packet)).collect()
}

fn name(options: &[InterfaceDescriptionOption<'_>]) -> String {
    let named = options.iter().find_map(|option| match option {
        InterfaceDescriptionOption::IfName(name) => Some(name.to_string()),
        _ => None,
    });
    named.expect("every interface has a name")
}

/// The capture with one packet more at its end.
pub(super) fn with(bytes: &[u8], packet: EnhancedPacketBlock<'_>) -> Vec<u8> {
    let mut reader = PcapNgReader::new(bytes).expect("a capture of ours");
    let mut writer =
        PcapNgWriter::with_section_header(Vec::new(), reader.section().clone()).expect("a capture of ours");
    while let Some(next) = reader.next_raw_block() {
        writer.write_raw_block(&next.expect("a capture of ours").0).expect("a capture of ours");
    }
    writer.write_pcapng_block(packet).expect("a capture of ours");
    writer.into_inner()
}

/// The first packet at an interface that has these bytes somewhere.
pub(super) fn first(bytes: &[u8], interface: &str, has: &[u8]) -> EnhancedPacketBlock<'static> {
    let mut there = packets(bytes).into_iter();
    let found =
        there.find(|(at, packet)| at == interface && packet.data.windows(has.len()).any(|one| one == has));
    found.unwrap_or_else(|| panic!("nothing at {interface} has {has:02x?}")).1
}

/// What the guest's first packet would have looked like, had it come to the door: in at the guest's link, out at the
/// door's.
fn leaked(bytes: &[u8]) -> EnhancedPacketBlock<'static> {
    // To 10.1.0.2, from whatever port to tcp/22.
    let sent = first(bytes, "guest.eth0", &[10, 1, 0, 2]);
    let door = packets(bytes).into_iter().find(|(at, _)| at == "door.eth0").expect("the door was pinged").1;
    let mut data = sent.data.into_owned();
    let number = u16::from_be_bytes([data[36], data[37]]);
    assert_eq!((data[23], number), (6, 22), "the first probe is for tcp/22");
    data[8 + 14] -= 1;
    EnhancedPacketBlock {
        interface_id: door.interface_id,
        options: vec![EnhancedPacketOption::Flags(2)],
        data: Cow::Owned(data),
        ..sent
    }
}

#[test]
fn a_packet_that_leaked_fails_the_run_with_that_finding() {
    let kept = Kept::new();
    kept.change(&RunFile::Capture, |bytes| *bytes = with(bytes, leaked(bytes)));
    let said = kept.report(&[]).expect_code(2);
    assert!(said.stderr.contains("capture.pcapng has ") && said.stderr.contains("it was added to"), "{said}");

    kept.seal_again();
    let frames = verdicts_in(&kept.folder).capture.site.frames;
    let (run, said) = kept.judged(1);
    let failed: Vec<_> = run.checks.iter().filter(|check| check.verdict != Verdict::Pass).collect();
    let [check] = failed.as_slice() else { panic!("one check: {said}") };
    let [finding] = check.findings.as_slice() else { panic!("one finding: {said}") };
    assert_eq!((check.name.as_str(), check.verdict), ("guest-does-not", Verdict::Fail));
    // The run had nothing to trace.
    let text =
        "guest reached door 10.1.0.2 on tcp/22 (1 of 17 kinds); no trace says which rule of fw accepted it";
    assert_eq!(finding.text, text);
    assert_eq!(finding.packets.last().unwrap().number, frames + 1, "the packet that was added: {said}");
    for note in [
        format!("note: capture.pcapng has {} frames, though the run stored {frames}", frames + 1),
        "note: verdicts.json has other verdicts than the evidence comes to: guest-does-not was pass and is fail".into(),
    ] {
        assert!(said.stderr.contains(&note), "{note}: {said}");
    }
}

#[test]
fn frames_that_were_taken_out_leave_no_pass() {
    let kept = Kept::new();
    kept.change(&RunFile::Capture, |bytes| {
        let last = bytes.len() - 4;
        let length = u32::from_ne_bytes(bytes[last..].try_into().unwrap()) as usize;
        bytes.truncate(bytes.len() - length);
    });
    kept.seal_again();
    let (run, said) = kept.judged(3);
    assert_eq!((run.counts.pass, run.counts.inconclusive), (0, 3), "{said}");
    let reason = &run.checks[0].reasons[0];
    assert!(
        reason.starts_with("folder: capture.pcapng has ") && reason.contains("that the run stored"),
        "{reason}"
    );
}

#[test]
fn a_capture_that_ends_in_the_midst_of_a_packet_is_damaged_though_it_was_sealed() {
    for file in [RunFile::Capture, RunFile::OpenCopy] {
        let kept = Kept::new();
        kept.change(&file, |bytes| bytes.truncate(bytes.len() - 5));
        kept.seal_again();
        let said = kept.report(&[]).expect_code(2);
        assert!(
            said.stderr.contains(&format!("{}: it ends in the midst of a packet", file.path())),
            "{said}"
        );
    }
}

#[test]
fn frames_that_never_came_into_the_file_are_told_and_leave_no_pass() {
    let kept = Kept::new();
    kept.change(&RunFile::Record, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replacen("\"unstored\":0", "\"unstored\":7", 1).into_bytes();
    });
    kept.seal_again();
    let (run, said) = kept.judged(3);
    assert_eq!((run.counts.pass, run.capture.site.unstored), (0, 7), "{said}");
    assert!(
        run.checks[0].reasons[0].contains("7 frames were counted and not stored: capture.pcapng was full"),
        "{said}"
    );
}

#[test]
fn what_was_not_sent_or_not_seen_by_an_instrument_leaves_no_pass() {
    for (file, words) in
        [(RunFile::Sent, ["sent:", "instrument:"]), (RunFile::Filters, ["instrument:", "path:"])]
    {
        let kept = Kept::new();
        fs::write(kept.file(&file), "").unwrap();
        kept.seal_again();
        let (run, said) = kept.judged(3);
        let check = run.checks.iter().find(|check| check.name.as_str() == "guest-does-not").unwrap();
        let missed = |word: &&str| check.reasons.iter().any(|reason| reason.starts_with(word));
        assert!(words.iter().all(missed), "{}: {said}", file.path());
        assert_eq!(run.counts.pass, 2, "the others need none of it: {said}");
    }
}
