//! EtherTypes that frames without IP are sent with, to see whether a switch keeps two neighbours apart.

/// Frames of these carry what is sent as packets (IPv4, IPv6), what a link needs to work (ARP), or another header that has to
/// be there for it to be such a frame (VLAN tags, MACsec): they are not sent with a payload of our own.
const NOT_BARE: [u16; 8] = [0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x9100, 0x9200, 0x88e5];

/// Lengths and EtherTypes that are in use somewhere, or that nobody uses (IEEE 802 numbers at IANA; 802.3 clause 3.2.6): what
/// filters that think of IP alone let through.
pub const ETHER_TYPES: [u16; 28] = [
    // IEEE 802.2 with a length; the greatest length; the least EtherType.
    0x002e, 0x05dc, 0x0600, // Wake-on-LAN, reverse ARP, AppleTalk, IPX, what says pause.
    0x0842, 0x8035, 0x809b, 0x8137, 0x8808,
    // MPLS for one and for many, PPPoE's discovery and session, jumbo frames.
    0x8847, 0x8848, 0x8863, 0x8864, 0x8870, // HomePlug, EAPOL, PROFINET, EtherCAT, Powerlink.
    0x887b, 0x888e, 0x8892, 0x88a4, 0x88ab,
    // Local experiments, GOOSE, GSE and sampled values, LLDP.
    0x88b5, 0x88b6, 0x88b8, 0x88b9, 0x88ba, 0x88cc,
    // Precision time, Fibre Channel, the loopback of configuration testing, nobody's.
    0x88f7, 0x8906, 0x9000, 0xffff,
];

/// Whether a frame of this EtherType, or length, can be sent with a payload of our own and nothing else.
pub fn is_bare(ether_type: u16) -> bool {
    !NOT_BARE.contains(&ether_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_list_is_there_once_and_can_be_sent() {
        assert!(ETHER_TYPES.is_sorted_by(|one, next| one < next));
        assert!(ETHER_TYPES.iter().all(|one| is_bare(*one)));
    }
}
