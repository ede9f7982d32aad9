//! The frames inside a block, as the kernel laid them out.

use std::borrow::Cow;

use nix::libc;

use super::read;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Index of the device at which it was seen.
    pub ifindex: u32,
    /// True: handed to the device; false: came in by it.
    pub outgoing: bool,
    /// When, nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// Its length on the wire.
    pub original_len: u32,
    /// The frame from the Ethernet header on; a VLAN tag that the kernel had moved aside is back in its place.
    pub bytes: Cow<'a, [u8]>,
}

/// Iterator over the frames of a block.
pub struct Frames<'a> {
    pub(super) block: &'a [u8],
    pub(super) left: u32,
    pub(super) offset: usize,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        self.left = self.left.checked_sub(1)?;
        let header: libc::tpacket3_hdr = read(self.block, self.offset)?;
        let link_at = self.offset + size_of::<libc::tpacket3_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);
        let link: libc::sockaddr_ll = read(self.block, link_at)?;
        let start = self.offset + usize::from(header.tp_mac);
        let bytes = self.block.get(start..start + header.tp_snaplen as usize)?;
        self.offset += header.tp_next_offset as usize;
        let (bytes, added) = with_tag(bytes, &header);
        Some(Frame {
            ifindex: link.sll_ifindex as u32,
            outgoing: link.sll_pkttype == libc::PACKET_OUTGOING,
            at: u64::from(header.tp_sec) * 1_000_000_000 + u64::from(header.tp_nsec),
            original_len: header.tp_len + added,
            bytes,
        })
    }
}

/// The frame with its VLAN tag after the two addresses again, and by how much it grew.
fn with_tag<'a>(bytes: &'a [u8], header: &libc::tpacket3_hdr) -> (Cow<'a, [u8]>, u32) {
    if header.tp_status & libc::TP_STATUS_VLAN_VALID == 0 || bytes.len() < 12 {
        return (Cow::Borrowed(bytes), 0);
    }
    let kind = match header.tp_status & libc::TP_STATUS_VLAN_TPID_VALID {
        0 => 0x8100, // kernels before 3.14 do not say; then it is 802.1Q
        _ => header.hv1.tp_vlan_tpid,
    };
    let mut tagged = Vec::with_capacity(bytes.len() + 4);
    tagged.extend_from_slice(&bytes[..12]);
    tagged.extend_from_slice(&kind.to_be_bytes());
    tagged.extend_from_slice(&(header.hv1.tp_vlan_tci as u16).to_be_bytes());
    tagged.extend_from_slice(&bytes[12..]);
    (Cow::Owned(tagged), 4)
}
