//! Writes the secrets of TLS sessions into a finished capture, so that Wireshark shows what was said inside.
//!
//! They stand in blocks of their own in front of the packets (pcapng, section 4.7), in the form of a key log, which whoever
//! read the capture already passes over.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::block_common::RawBlock;
use pcap_file::pcapng::{PcapNgReader, PcapNgWriter};

use super::annotate::{HELD, is_packet, replace};
use super::file::{Error, io_error};

/// A block of secrets.
const SECRETS_BLOCK: u32 = 0x0a;
/// A key log of TLS: "TLSK".
const TLS_KEY_LOG: u32 = 0x544c_534b;
/// Bytes of a key log that one block takes at most, so that any reader of blocks has room for it.
const MOST: usize = 64 * 1024;
/// Bytes of key logs that are read from a capture: those of ten thousands of sessions.
const MOST_READ: usize = 16 * 1024 * 1024;

/// Puts a key log (of the form that `SSLKEYLOGFILE` has) before the first packet of the capture at `path`, and replaces
/// the file at once when all is written.
///
/// Errors: `Read`, `Write`; the file is then as it was.
pub fn add_secrets(path: &Path, key_log: &[u8]) -> Result<(), Error> {
    if key_log.is_empty() {
        return Ok(());
    }
    replace(path, |part| rewrite(path, part, key_log))
}

/// The key logs that stand before the first packet of a capture; none of one that cannot be read, which whoever reads its
/// packets says.
pub fn secrets(from: impl Read) -> Vec<u8> {
    let mut found = Vec::new();
    let Ok(mut reader) = PcapNgReader::with_capacity(from, HELD) else { return found };
    let endianness = reader.section().endianness;
    while let Some(Ok((block, _))) = reader.next_raw_block() {
        if is_packet(&block) || found.len() > MOST_READ {
            break;
        }
        if block.type_ == SECRETS_BLOCK {
            found.extend_from_slice(key_log(&block.body, endianness).unwrap_or_default());
        }
    }
    found
}

/// The key log in a block of secrets, if it is one.
fn key_log(body: &[u8], endianness: Endianness) -> Option<&[u8]> {
    let word = |at: usize| {
        let bytes: [u8; 4] = body.get(at..at + 4)?.try_into().ok()?;
        Some(match endianness {
            Endianness::Big => u32::from_be_bytes(bytes),
            Endianness::Little => u32::from_le_bytes(bytes),
        })
    };
    let length = word(4)? as usize;
    (word(0)? == TLS_KEY_LOG).then(|| body.get(8..8 + length)).flatten()
}

fn rewrite(from: &Path, to: &Path, key_log: &[u8]) -> Result<(), Error> {
    let unreadable = |text: String| Error::Read { path: from.to_owned(), text };
    let unwritable = |source| Error::Write { path: to.to_owned(), source };
    let file = File::open(from).map_err(|e| unreadable(e.to_string()))?;
    let mut reader = PcapNgReader::with_capacity(file, HELD).map_err(|e| unreadable(e.to_string()))?;
    let section = reader.section().clone();
    let endianness = section.endianness;
    let mut secrets = Some(parts(key_log).map(|part| block(part, endianness)));
    let out = BufWriter::new(File::create(to).map_err(unwritable)?);
    let mut writer = PcapNgWriter::with_section_header(out, section).map_err(|e| unwritable(io_error(e)))?;
    while let Some(next) = reader.next_raw_block() {
        let (block, _) = next.map_err(|e| unreadable(e.to_string()))?;
        let due = if is_packet(&block) { secrets.take() } else { None };
        for block in due.into_iter().flatten() {
            writer.write_raw_block(&block).map_err(|e| unwritable(io_error(e)))?;
        }
        writer.write_raw_block(&block).map_err(|e| unwritable(io_error(e)))?;
    }
    writer.into_inner().flush().map_err(unwritable)
}

/// Whole lines, as many as go into a block.
fn parts(key_log: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = key_log;
    std::iter::from_fn(move || {
        let most = &rest[..rest.len().min(MOST)];
        let end = if most.len() < rest.len() { most.iter().rposition(|byte| *byte == b'\n') } else { None };
        let (part, behind) = rest.split_at(end.map_or(most.len(), |end| end + 1));
        rest = behind;
        (!part.is_empty()).then_some(part)
    })
}

fn block(part: &[u8], endianness: Endianness) -> RawBlock<'static> {
    let word = |word: usize| match endianness {
        Endianness::Big => (word as u32).to_be_bytes(),
        Endianness::Little => (word as u32).to_le_bytes(),
    };
    let mut body = [word(TLS_KEY_LOG as usize), word(part.len())].concat();
    body.extend_from_slice(part);
    body.resize(body.len().next_multiple_of(4), 0);
    // Type, and the length at both ends.
    let length = body.len() as u32 + 12;
    RawBlock { type_: SECRETS_BLOCK, initial_len: length, body: Cow::Owned(body), trailer_len: length }
}

#[cfg(test)]
mod tests {
    use super::super::file::{CaptureFile, Stored};
    use super::super::fixture::{CAM, RTR_A, inventory, link, ports, tshark, udp};
    use super::super::sightings::Direction;
    use super::super::{Counted, read_back};
    use super::*;

    #[test]
    fn a_capture_with_secrets_tells_the_same_and_wireshark_finds_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capture.pcapng");
        let mut file = CaptureFile::create(&path, &ports()).unwrap();
        let frame = link(CAM, RTR_A, 0x0800, &udp(("10.20.0.7", 1), ("10.20.0.1", 9), b"x")).remove(0);
        for at in 1..4 {
            let (direction, original_len) = (Direction::FromNode, frame.bytes.len() as u32);
            file.store(&Stored { port: CAM, direction, at, original_len, bytes: &frame.bytes }, u64::MAX);
        }
        file.close().unwrap();
        let before = std::fs::read(&path).unwrap();
        let read =
            |bytes: &[u8]| read_back(bytes, ports(), inventory(), 7, Counted::default()).unwrap().captured;

        let line = |n: u32| format!("CLIENT_RANDOM {n:064x} {}\n", "ab".repeat(48));
        let key_log: String = (0..1000).map(line).collect();
        add_secrets(&path, key_log.as_bytes()).unwrap();
        let after = std::fs::read(&path).unwrap();
        assert_eq!(read(&after), read(&before));
        assert!(parts(key_log.as_bytes()).count() > 2);
        assert!(parts(key_log.as_bytes()).all(|part| part.len() <= MOST && part.ends_with(b"\n")));
        assert_eq!(parts(key_log.as_bytes()).collect::<Vec<_>>().concat(), key_log.as_bytes());
        assert_eq!(secrets(&*after), key_log.as_bytes());
        assert!(secrets(&*before).is_empty() && secrets(&b"no capture"[..]).is_empty());
        assert_eq!(tshark(&path, &["-T", "fields", "-e", "frame.number"]), "1\n2\n3\n");

        add_secrets(&path, b"").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), after);
        assert!(std::fs::read_dir(folder.path()).unwrap().count() == 1, "nothing is left beside it");
    }
}
