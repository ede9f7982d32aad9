//! Writes comments into a finished capture, so that Wireshark shows at a packet why it is cited.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use pcap_file::pcapng::blocks::block_common::{
    ENHANCED_PACKET_BLOCK, PACKET_BLOCK, RawBlock, SECTION_HEADER_BLOCK, SIMPLE_PACKET_BLOCK,
};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::{Block, PcapNgReader, PcapNgState, PcapNgWriter};

use super::file::{Error, io_error};

/// Bytes of the file that are held at a time; a block must fit.
pub(super) const HELD: usize = 1024 * 1024;

/// Adds comments to packets of the capture at `path`, by packet number from 1, and replaces the file at once when all
/// is written. A packet that has comments already keeps them. Nothing is touched if something goes wrong.
///
/// Errors: `Read`, `Write`, and `NoSuchPacket` for a number that the file does not have.
pub fn annotate(path: &Path, comments: &BTreeMap<u64, String>) -> Result<(), Error> {
    replace(path, |part| {
        let packets = rewrite(path, part, comments)?;
        match comments.keys().find(|packet| !(1..=packets).contains(*packet)) {
            Some(packet) => Err(Error::NoSuchPacket { path: path.to_owned(), packet: *packet, packets }),
            None => Ok(()),
        }
    })
}

/// Has a new file written beside one, which it then replaces; if something goes wrong, nothing is touched.
pub(super) fn replace(path: &Path, write: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    let done = write(part).and_then(|()| {
        fs::rename(part, path).map_err(|source| Error::Write { path: path.to_owned(), source })
    });
    if done.is_err() {
        // It may not have been made at all; the first error is the one to tell.
        let _ = fs::remove_file(part);
    }
    done
}

/// Copies block by block, and returns the number of packets.
fn rewrite(from: &Path, to: &Path, comments: &BTreeMap<u64, String>) -> Result<u64, Error> {
    let unreadable = |text: String| Error::Read { path: from.to_owned(), text };
    let unwritable = |source| Error::Write { path: to.to_owned(), source };
    let file = File::open(from).map_err(|e| unreadable(e.to_string()))?;
    let mut reader = PcapNgReader::with_capacity(file, HELD).map_err(|e| unreadable(e.to_string()))?;
    let out = BufWriter::new(File::create(to).map_err(unwritable)?);
    let mut writer = PcapNgWriter::with_section_header(out, reader.section().clone())
        .map_err(|e| unwritable(io_error(e)))?;
    let mut packets = 0;
    while let Some(next) = reader.next_raw_block() {
        let (block, state) = next.map_err(|e| unreadable(e.to_string()))?;
        packets += u64::from(is_packet(&block));
        let comment = if is_packet(&block) { comments.get(&packets) } else { None };
        let written = match comment {
            None => writer.write_raw_block(&block),
            Some(comment) => writer.write_block(&commented(block, state, comment).map_err(&unreadable)?),
        };
        written.map_err(|e| unwritable(io_error(e)))?;
    }
    writer.into_inner().flush().map_err(unwritable)?;
    Ok(packets)
}

pub(super) fn is_packet(block: &RawBlock<'_>) -> bool {
    debug_assert_ne!(block.type_, SECTION_HEADER_BLOCK, "the reader hands out the section header itself");
    matches!(block.type_, ENHANCED_PACKET_BLOCK | SIMPLE_PACKET_BLOCK | PACKET_BLOCK)
}

fn commented<'a>(raw: RawBlock<'a>, state: &PcapNgState, comment: &'a str) -> Result<Block<'a>, String> {
    match raw.try_into_block(state).map_err(|e| e.to_string())? {
        Block::EnhancedPacket(mut packet) => {
            let comment = CommonOption::Comment(comment.into());
            packet.options.push(EnhancedPacketOption::Common(comment));
            Ok(Block::EnhancedPacket(packet))
        }
        _ => Err("a packet block of a kind that takes no comment".into()),
    }
}
