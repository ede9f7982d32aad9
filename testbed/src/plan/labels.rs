//! Names and Ethernet addresses that the plan gives: the same ones every time, and none of them twice.

use std::collections::BTreeSet;

use crate::names::{LinkName, Mac, NodeName};

/// Longest interface name, bytes (`IFNAMSIZ` less the final zero, linux/if.h).
const LONGEST: usize = 15;
/// What is kept of a name that is too long; `-` and a four-digit tag follow.
const STEM: usize = LONGEST - 5;

/// Names of the interfaces in the fabric; bridges and ports share one namespace, hence one set of names.
#[derive(Debug, Default)]
pub(super) struct Labels {
    taken: BTreeSet<String>,
}

impl Labels {
    /// Keeps a name that is given already.
    pub(super) fn keep(&mut self, name: &LinkName) {
        self.taken.insert(name.as_str().to_owned());
    }

    /// The wanted name if it is short enough and free, else its beginning with a tag made from all of it.
    pub(super) fn give(&mut self, wanted: &str) -> LinkName {
        let tagged = (0..).map(|salt| {
            let stem = wanted.get(..STEM).unwrap_or(wanted).trim_end_matches(['-', '.']);
            format!("{stem}-{}", tag(hash(&[wanted, &format!("{salt}")])))
        });
        let plain = (wanted.len() <= LONGEST).then(|| wanted.to_owned());
        let name = plain.into_iter().chain(tagged).find(|name| !self.taken.contains(name));
        let name = name.expect("there are more tags than interfaces");
        self.taken.insert(name.clone());
        name.parse().expect("a beginning of valid names, `-` and a tag are a valid interface name")
    }
}

/// Four letters or digits.
fn tag(number: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let digit =
        |place: u32| char::from(DIGITS[usize::try_from(number / 36_u64.pow(place) % 36).unwrap_or(0)]);
    (0..4).map(digit).collect()
}

/// Ethernet addresses: locally administered (IEEE 802, second bit of the first byte), made from node and link, so
/// that a node keeps its own when another one is added to the site.
#[derive(Default)]
pub(super) struct Macs {
    taken: BTreeSet<Mac>,
}

impl Macs {
    /// Keeps a written one; false if it is taken already.
    pub(super) fn keep(&mut self, mac: Mac) -> bool {
        self.taken.insert(mac)
    }

    /// The link's own; all written ones must have been kept before.
    pub(super) fn give(&mut self, node: &NodeName, link: &LinkName) -> Mac {
        let salted = (0..).map(|salt: u64| {
            let [_, _, _, a, b, c, d, e] =
                hash(&[node.as_str(), link.as_str(), &salt.to_string()]).to_be_bytes();
            Mac([0x02, a, b, c, d, e])
        });
        let mut free = salted.filter(|mac| !self.taken.contains(mac));
        let mac = free.next().expect("there are more Ethernet addresses than links");
        self.taken.insert(mac);
        mac
    }
}

/// FNV-1a, 64 bits, then mixed so that every bit depends on every byte: no version of a library changes it.
fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let raw = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (raw ^ (raw >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_kept_and_a_long_one_ends_in_a_tag() {
        let mut labels = Labels::default();
        assert_eq!(labels.give("dock-1-eth0").as_str(), "dock-1-eth0");
        let long = labels.give("warehouse-camera-17-eth0");
        assert!(long.as_str().starts_with("warehouse-") && long.as_str().len() <= LONGEST, "{long}");
    }

    #[test]
    fn the_same_wish_twice_gives_two_names() {
        let mut labels = Labels::default();
        // Node `a-b` with link `c`, and node `a` with link `b-c`.
        let (one, two) = (labels.give("a-b-c"), labels.give("a-b-c"));
        assert_ne!(one, two);
        assert!(two.as_str().starts_with("a-b-c-"), "{two}");
    }

    #[test]
    fn ethernet_addresses_are_local_and_follow_node_and_link() {
        let (node, link) = ("app".parse().unwrap(), "eth0".parse().unwrap());
        let mut macs = Macs::default();
        let first = macs.give(&node, &link);
        assert_eq!(first.0[0], 0x02);
        assert_eq!(Macs::default().give(&node, &link), first);
        assert_ne!(macs.give(&node, &link), first, "a taken one is not given again");
        assert!(!macs.keep(first));
    }
}
