//! The packets of a capture file, one by one.
//!
//! The file may come from anywhere, so nothing in it is believed: a block must fit a buffer of fixed size, interfaces
//! must be the plan's ports in their order, and a packet must say at which of them it was seen, which way, and when.

use std::io::Read;

use pcap_file::DataLink;
use pcap_file::pcapng::blocks::block_common::{
    ENHANCED_PACKET_BLOCK, INTERFACE_DESCRIPTION_BLOCK, PACKET_BLOCK, RawBlock, SECTION_HEADER_BLOCK,
    SIMPLE_PACKET_BLOCK,
};
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::{Block, PcapNgReadError, PcapNgReader, PcapNgState};

use super::capture::Port;
use super::file;
use super::sightings::{Direction, Seen};

/// Bytes of the file that are held at a time; a block must fit. The largest frame of the kernel's takes a quarter of it.
pub(super) const HELD: usize = 256 * 1024;

/// A packet of a capture file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// Where, when and which.
    pub(super) seen: Seen,
    /// True if the file has less of it than the wire had.
    pub(super) cut: bool,
    pub(super) bytes: &'a [u8],
}

/// Hands over every packet of a capture file of a site with these ports, in this order; whether the file ends in the
/// middle of a block.
///
/// Errors: what is wrong, and behind which packet, in words; those of `take`.
pub(super) fn each_packet<E: From<String>>(
    from: impl Read,
    ports: &[Port],
    mut take: impl FnMut(Packet<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    let mut walk = Walk { ports, interfaces: 0, packets: 0 };
    let mut reader = match PcapNgReader::with_capacity(from, HELD) {
        Ok(reader) => reader,
        Err(error) => return Err(format!("it does not begin as pcapng does: {error}").into()),
    };
    while let Some(next) = reader.next_raw_block() {
        let (block, state) = match next {
            Ok(next) => next,
            Err(error) if is_end(&error) => return Ok(walk.all_interfaces().map(|()| true)?),
            Err(error) => return Err(walk.after(&error.to_string()).into()),
        };
        if let Some(packet) = walk.block(block, state).map_err(|text| walk.after(&text))? {
            let seen = walk.packet(&packet).map_err(|text| walk.after(&text))?;
            let cut = packet.original_len as usize > packet.data.len();
            take(Packet { seen, cut, bytes: &packet.data })?;
        }
    }
    Ok(walk.all_interfaces().map(|()| false)?)
}

/// The end of the file, or of the room for a block.
fn is_end(error: &PcapNgReadError) -> bool {
    matches!(error, PcapNgReadError::Io(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof)
}

/// How far a file was read.
struct Walk<'p> {
    ports: &'p [Port],
    interfaces: usize,
    packets: u64,
}

impl Walk<'_> {
    fn after(&self, text: &str) -> String {
        format!("after packet {}: {text}", self.packets)
    }

    /// The packet in a block, if there is one.
    fn block<'b>(
        &mut self,
        block: RawBlock<'b>,
        state: &PcapNgState,
    ) -> Result<Option<EnhancedPacketBlock<'b>>, String> {
        match block.type_ {
            ENHANCED_PACKET_BLOCK => match block.try_into_block(state).map_err(|error| error.to_string())? {
                Block::EnhancedPacket(packet) => Ok(Some(packet)),
                _ => Err("a packet that reads as something else".into()),
            },
            INTERFACE_DESCRIPTION_BLOCK => {
                match block.try_into_block(state).map_err(|error| error.to_string())? {
                    Block::InterfaceDescription(interface) => self.interface(&interface).map(|()| None),
                    _ => Err("an interface that reads as something else".into()),
                }
            }
            SECTION_HEADER_BLOCK => Err("a second section begins".into()),
            PACKET_BLOCK | SIMPLE_PACKET_BLOCK => Err("a packet without direction or time".into()),
            // Names, statistics, and what other programs add.
            _ => Ok(None),
        }
    }

    fn interface(&mut self, interface: &InterfaceDescriptionBlock<'_>) -> Result<(), String> {
        let Some(port) = self.ports.get(self.interfaces) else {
            return Err(format!("an interface more than the {} of the plan", self.interfaces));
        };
        let name = interface.options.iter().find_map(|option| match option {
            InterfaceDescriptionOption::IfName(name) => Some(name.as_ref()),
            _ => None,
        });
        let wanted = file::interface_name(port);
        if name != Some(wanted.as_str()) {
            let name = name.unwrap_or_default();
            return Err(format!("interface {} is `{name}` instead of `{wanted}`", self.interfaces));
        }
        if interface.linktype != DataLink::ETHERNET
            || interface.ts_resolution() != InterfaceTsResolution::NANO
            || interface.ts_offset() != 0
        {
            return Err(format!("interface `{wanted}` is not of Ethernet frames with times in nanoseconds"));
        }
        self.interfaces += 1;
        Ok(())
    }

    fn all_interfaces(&self) -> Result<(), String> {
        match self.ports.get(self.interfaces) {
            Some(missing) => Err(format!("it lacks interface `{}`", file::interface_name(missing))),
            None => Ok(()),
        }
    }

    /// Where, when and which the next packet is.
    fn packet(&mut self, packet: &EnhancedPacketBlock<'_>) -> Result<Seen, String> {
        self.all_interfaces()?;
        let flags = packet.options.iter().find_map(|option| match option {
            EnhancedPacketOption::Flags(flags) => Some(flags & 0b11),
            _ => None,
        });
        let direction = match flags {
            Some(file::INBOUND) => Direction::FromNode,
            Some(file::OUTBOUND) => Direction::ToNode,
            _ => return Err("a packet without direction".into()),
        };
        let at = u64::try_from(packet.timestamp.as_nanos()).map_err(|_| "a packet out of time".to_owned())?;
        // There are as many interfaces as ports, and no packet names another one.
        let port = u16::try_from(packet.interface_id).map_err(|_| "a packet of no port".to_owned())?;
        self.packets += 1;
        Ok(Seen { packet: self.packets, at, port, direction })
    }
}
