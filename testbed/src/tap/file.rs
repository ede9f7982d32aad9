//! The capture file: pcapng, one interface per port of the fabric, packets numbered from 1 as Wireshark does.
//!
//! An interface is named `node.link` and described by its segment and port. The direction in a packet's flags is the
//! fabric's: *inbound* came from the node, *outbound* was handed to it. Times are nanoseconds.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgWriteError, PcapNgWriter};
use pcap_file::{DataLink, Endianness};

use super::capture::Port;
use super::sightings::Direction;

/// Direction bits of a packet's flags (`epb_flags`).
pub(super) const INBOUND: u32 = 1;
pub(super) const OUTBOUND: u32 = 2;

/// What can go wrong with a capture file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be made or written to: no such folder, full disk.
    #[error("write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// It cannot be read as pcapng.
    #[error("read {path}: {text}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        text: String,
    },
    /// A comment is for a packet that the file does not have.
    #[error("comment packet {packet} of {path}, which has {packets}")]
    NoSuchPacket {
        /// The file.
        path: PathBuf,
        /// The packet asked for.
        packet: u64,
        /// How many there are.
        packets: u64,
    },
}

/// A frame, as it is to be stored.
pub(super) struct Stored<'a> {
    /// Index of its port.
    pub(super) port: usize,
    pub(super) direction: Direction,
    /// Nanoseconds since 1970-01-01 UTC.
    pub(super) at: u64,
    pub(super) original_len: u32,
    pub(super) bytes: &'a [u8],
}

type Out = BufWriter<Box<dyn Write + Send>>;

/// A capture file that grows.
pub(super) struct CaptureFile {
    path: PathBuf,
    writer: PcapNgWriter<Out>,
    packets: u64,
    bytes: u64,
    /// The first error; nothing is written after it.
    failed: Option<Error>,
}

impl CaptureFile {
    /// Makes the file, with its interfaces in the order of `ports`.
    pub(super) fn create(path: &Path, ports: &[Port]) -> Result<CaptureFile, Error> {
        let file = File::create(path).map_err(|source| Error::Write { path: path.to_owned(), source })?;
        Self::to(Box::new(file), path, ports)
    }

    /// The same into something that is open already; `path` is what it is called in errors.
    pub(super) fn to(out: Box<dyn Write + Send>, path: &Path, ports: &[Port]) -> Result<CaptureFile, Error> {
        let failed = |source| Error::Write { path: path.to_owned(), source };
        let file = BufWriter::with_capacity(256 * 1024, out);
        let program = SectionHeaderOption::UserApplication(Cow::Borrowed("testbed"));
        let endianness = Endianness::native();
        let section = SectionHeaderBlock { endianness, options: vec![program], ..Default::default() };
        let other = |error| failed(io_error(error));
        let mut writer = PcapNgWriter::with_section_header(file, section).map_err(other)?;
        for port in ports {
            writer.write_pcapng_block(interface(port)).map_err(other)?;
        }
        writer.get_mut().flush().map_err(failed)?;
        Ok(CaptureFile { path: path.to_owned(), writer, packets: 0, bytes: 0, failed: None })
    }

    /// Appends a frame unless the packets already take `most` bytes, and returns its number; 0 if it was not stored.
    pub(super) fn store(&mut self, frame: &Stored<'_>, most: u64) -> u64 {
        if self.failed.is_some() || self.bytes + frame.bytes.len() as u64 > most {
            return 0;
        }
        let flags = match frame.direction {
            Direction::FromNode => INBOUND,
            Direction::ToNode => OUTBOUND,
        };
        let block = EnhancedPacketBlock {
            interface_id: frame.port as u32,
            timestamp: Duration::from_nanos(frame.at),
            original_len: frame.original_len.max(frame.bytes.len() as u32),
            data: Cow::Borrowed(frame.bytes),
            options: vec![EnhancedPacketOption::Flags(flags)],
        };
        match self.writer.write_pcapng_block(block) {
            Ok(written) => {
                self.bytes += written as u64;
                self.packets += 1;
                self.packets
            }
            Err(error) => {
                self.failed = Some(Error::Write { path: self.path.clone(), source: io_error(error) });
                0
            }
        }
    }

    /// Number of the packet that is stored next.
    pub(super) fn next(&self) -> u64 {
        self.packets + 1
    }

    /// Writes out what is buffered.
    ///
    /// Errors: the first one that writing met, now or earlier.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        if self.failed.is_none() {
            let flushed = self.writer.get_mut().flush();
            self.failed = flushed.err().map(|source| Error::Write { path: self.path.clone(), source });
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Writes out what is buffered and closes the file.
    ///
    /// Errors: the first one that writing met, now or earlier.
    pub(super) fn close(self) -> Result<(), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let path = self.path;
        let mut file = self.writer.into_inner();
        file.flush().map_err(|source| Error::Write { path, source })
    }
}

/// What the interface of a port is called.
pub(super) fn interface_name(port: &Port) -> String {
    format!("{}.{}", port.node, port.link)
}

fn interface(port: &Port) -> InterfaceDescriptionBlock<'static> {
    let nanoseconds = InterfaceTsResolution::new(false, 9).expect("10^-9 is a resolution of pcapng");
    InterfaceDescriptionBlock {
        linktype: DataLink::ETHERNET,
        snaplen: 0,
        options: vec![
            InterfaceDescriptionOption::IfName(interface_name(port).into()),
            InterfaceDescriptionOption::IfDescription(
                format!("segment {}, port {}", port.segment, port.name).into(),
            ),
            InterfaceDescriptionOption::IfTsResol(nanoseconds),
        ],
    }
}

pub(super) fn io_error(error: PcapNgWriteError) -> io::Error {
    match error {
        PcapNgWriteError::Io(source) => source,
        other => io::Error::other(other),
    }
}
