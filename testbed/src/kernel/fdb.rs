//! What the bridges of a namespace have learned, or were told: which Ethernet address is behind which port.

use futures_util::TryStreamExt;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};

use super::links::Netlink;
use super::messages::Numbers;
use super::{KernelError, Namespace};

/// One line for each entry, as bridge(8) writes it (`02:… dev PORT vlan N master BRIDGE permanent`), in order of the text.
///
/// Errors: netlink's, with the namespace.
pub async fn list(namespace: &Namespace) -> Result<Vec<String>, KernelError> {
    let netlink = Netlink::open(namespace)?;
    let numbers = netlink.numbers().await?;
    let asked = netlink.handle().neighbours().get().set_address_family(AddressFamily::Bridge);
    let entries: Vec<NeighbourMessage> =
        asked.execute().try_collect().await.map_err(netlink.failed("list what bridges have learned"))?;
    let mut lines: Vec<String> = entries.iter().filter_map(|entry| line(entry, &numbers)).collect();
    lines.sort();
    Ok(lines)
}

/// None for what is no bridge's entry, but a device's own.
fn line(entry: &NeighbourMessage, numbers: &Numbers) -> Option<String> {
    let named = |number: u32| {
        let name = numbers.iter().find(|(_, own)| **own == number).map(|(name, _)| name.clone());
        name.unwrap_or_else(|| format!("if{number}"))
    };
    let (mut mac, mut vlan, mut bridge) = (None, None, None);
    for attribute in &entry.attributes {
        match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => {
                mac = Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"));
            }
            NeighbourAttribute::Vlan(number) => vlan = Some(*number),
            NeighbourAttribute::Controller(number) => bridge = Some(*number),
            _ => {}
        }
    }
    let mut line = format!("{} dev {}", mac?, named(entry.header.ifindex));
    if let Some(vlan) = vlan {
        line.push_str(&format!(" vlan {vlan}"));
    }
    line.push_str(&format!(" master {}", named(bridge?)));
    match entry.header.state {
        NeighbourState::Permanent => line.push_str(" permanent"),
        NeighbourState::Noarp => line.push_str(" static"),
        _ => {}
    }
    Some(line)
}
