//! Words with rules: names that can only be built valid; the kinds of traffic that flows and checks speak of are in `traffic`.
//!
//! Pure, and uses nothing of ours: every other room may use it. A name that got in here is safe in a path, in a
//! rule file and in a file name of the run folder.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod ether;
mod kinds;
mod shape;
mod traffic;
mod tunnel;

pub use ether::{ETHER_TYPES, is_bare};
pub use kinds::Kinds;
pub use shape::{Form, Header, Plain, SECOND_PIECE, Shape, TINY_PIECE, USUAL_TTL};
pub use traffic::{FAR_PORTS, Ntp, Traffic};
pub use tunnel::{OPENS, TUNNELS, Tunnel, VXLAN};

/// What is wrong with a word; reads well after "`x` ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadName(pub(crate) String);

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $rule:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $type {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                $rule(text)?;
                Ok(Self(text.to_owned()))
            }
        }
        impl TryFrom<String> for $type {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// A scenario: lower-case letters, digits and inner hyphens, 1 to 40 characters, a letter first.
    ScenarioName, plain
}
name! {
    /// A lab that stays: same rule as [`ScenarioName`].
    LabName, plain
}
name! {
    /// A node, or a group of nodes made by `count`: same rule as [`ScenarioName`].
    NodeName, plain
}
name! {
    /// A segment, that is one layer-2 broadcast domain: same rule as [`ScenarioName`].
    SegmentName, plain
}
name! {
    /// A switch: same rule as [`ScenarioName`].
    SwitchName, plain
}
name! {
    /// A check: same rule as [`ScenarioName`].
    CheckName, plain
}
name! {
    /// A network interface: 1 to 15 bytes (`IFNAMSIZ` less the final zero, linux/if.h), lower-case letters, digits,
    /// `.`, `-`, `_`, a letter first; not `lo`, `all`, `default`, which the kernel keeps for itself.
    LinkName, interface
}
name! {
    /// A flow: `F` (documented) or `S` (the site's own) and two or three digits.
    FlowId, flow
}
name! {
    /// A documented control, for example `PAN-NET-04`.
    ControlId, control
}

name! {
    /// A host name in the DNS (RFC 1123, section 2.1): lower-case labels, at least two; at most 253 bytes.
    HostName, host
}

name! {
    /// A [`HostName`] as somebody may ask for it: its letters in any case. No dot behind it: what is asked is the same without one.
    SpelledName, spelled
}

impl SpelledName {
    /// Whether it is this name: names are compared without regard to case (RFC 4343).
    pub fn is(&self, name: &HostName) -> bool {
        self.0.eq_ignore_ascii_case(name.as_str())
    }
}

fn spelled(text: &str) -> Result<(), BadName> {
    // Every name ends at the root, and its dot is never sent (RFC 1035, section 3.1): it would show nothing.
    if text.ends_with('.') {
        return Err(BadName("without the dot behind, which is not sent: the question is the same".into()));
    }
    let wrong =
        || BadName("labels of letters, digits and inner hyphens, at least two, with dots between".into());
    host(&text.to_ascii_lowercase()).map_err(|_| wrong())
}

fn host(text: &str) -> Result<(), BadName> {
    // names are compared without regard to case, and written here in one way only
    let good = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() > 253 || !text.contains('.') || !text.split('.').all(good) {
        return Err(BadName(
            "labels of lower-case letters, digits and inner hyphens, at least two, with dots between".into(),
        ));
    }
    Ok(())
}

fn plain(text: &str) -> Result<(), BadName> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || text.len() > 40 {
        return Err(BadName("must have 1 to 40 characters".into()));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) || text.ends_with('-') || !text.chars().all(inner)
    {
        return Err(BadName(
            "must be lower-case letters, digits and inner hyphens, with a letter first".into(),
        ));
    }
    Ok(())
}

fn interface(text: &str) -> Result<(), BadName> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    if text.is_empty() || text.len() > 15 {
        return Err(BadName("must have 1 to 15 bytes, as the kernel allows for an interface".into()));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(inner) {
        return Err(BadName(
            "must be lower-case letters, digits, `.`, `-` or `_`, with a letter first".into(),
        ));
    }
    if matches!(text, "lo" | "all" | "default") {
        return Err(BadName("is a name that the kernel keeps for itself".into()));
    }
    Ok(())
}

fn flow(text: &str) -> Result<(), BadName> {
    let digits = text.strip_prefix(['F', 'S']).unwrap_or("");
    if matches!(digits.len(), 2 | 3) && digits.chars().all(|c| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(BadName("must be `F` or `S` and two or three digits, for example `F01`".into()))
}

fn control(text: &str) -> Result<(), BadName> {
    let mut parts = text.split('-');
    let shape = (parts.next(), parts.next(), parts.next(), parts.next());
    if let (Some("PAN"), Some(area), Some(number), None) = shape
        && area.len() == 3
        && area.chars().all(|c| c.is_ascii_uppercase())
        && number.len() == 2
        && number.chars().all(|c| c.is_ascii_digit())
    {
        return Ok(());
    }
    Err(BadName("must look like `PAN-NET-04`".into()))
}

/// A link by its node: `app`, `dock`, `app.eth0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRef {
    /// The node, or a group of them.
    pub node: NodeName,
    /// Its link; none: the only one that it has.
    pub link: Option<LinkName>,
}

impl FromStr for PortRef {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let (node, link) = text.split_once('.').map_or((text, None), |(node, link)| (node, Some(link)));
        let bad = |what: &str, wrong: BadName| BadName(format!("{what} {wrong}"));
        Ok(PortRef {
            node: node.parse().map_err(|wrong| bad("a node's name", wrong))?,
            link: link.map(str::parse).transpose().map_err(|wrong| bad("an interface name", wrong))?,
        })
    }
}

impl fmt::Display for PortRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.link {
            Some(link) => write!(f, "{}.{link}", self.node),
            None => self.node.fmt(f),
        }
    }
}

/// An IEEE 802.1Q VLAN number, 1 to 4094 (0 and 4095 are reserved).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct VlanId(u16);

impl TryFrom<u16> for VlanId {
    type Error = BadName;
    fn try_from(number: u16) -> Result<Self, BadName> {
        if (1..=4094).contains(&number) {
            return Ok(Self(number));
        }
        Err(BadName("must be 1 to 4094, as IEEE 802.1Q allows for a VLAN".into()))
    }
}

impl From<VlanId> for u16 {
    fn from(id: VlanId) -> u16 {
        id.0
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Everybody (IEEE 802, clause 8.4).
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// The address that a link with IPv6 makes of it for itself (RFC 4291, section 2.5.6 and appendix A).
    pub fn link_local(self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.0.map(u16::from);
        Ipv6Addr::new(0xfe80, 0, 0, 0, (a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f)
    }
}

impl FromStr for Mac {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2);
            *byte = part.and_then(|part| u8::from_str_radix(part, 16).ok()).ok_or_else(not_a_mac)?;
        }
        if parts.next().is_some() { Err(not_a_mac()) } else { Ok(Self(bytes)) }
    }
}

fn not_a_mac() -> BadName {
    BadName("must be six pairs of hexadecimal digits, for example `02:00:00:00:00:01`".into())
}

impl TryFrom<String> for Mac {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> String {
        mac.to_string()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_makes_its_ipv6_address_of_its_ethernet_address() {
        // The example of RFC 4291, appendix A, with numbers for its letters.
        let mac: Mac = "34:56:78:9a:bc:de".parse().unwrap();
        assert_eq!(mac.link_local().to_string(), "fe80::3656:78ff:fe9a:bcde");
    }

    #[test]
    fn names_keep_their_rules() {
        assert!("dock-1".parse::<NodeName>().is_ok());
        for bad in ["", "Dock", "1dock", "dock-", "a b", "../x", "a;b", "ä", &"a".repeat(41)] {
            assert!(bad.parse::<NodeName>().is_err(), "{bad:?} is no node name");
        }
        assert!("lan.20".parse::<LinkName>().is_ok());
        for bad in ["", "lo", "all", "averyverylonglink", "eth 0", "0eth"] {
            assert!(bad.parse::<LinkName>().is_err(), "{bad:?} is no interface name");
        }
        assert!("F01".parse::<FlowId>().is_ok() && "F1".parse::<FlowId>().is_err());
        assert!("PAN-NET-04".parse::<ControlId>().is_ok() && "PAN-net-4".parse::<ControlId>().is_err());
    }

    #[test]
    fn a_name_is_the_same_however_it_is_spelled() {
        let name: HostName = "logs.eu-west-1.amazonaws.com".parse().unwrap();
        for same in ["logs.eu-west-1.amazonaws.com", "LoGS.EU-west-1.AMAZONAWS.com"] {
            assert!(same.parse::<SpelledName>().unwrap().is(&name), "{same}");
        }
        for other in [
            "Logs.eu-west-2.amazonaws.com",
            "x.logs.eu-west-1.amazonaws.com",
            "logs.eu-west-1.amazonaws.com.EU",
        ] {
            assert!(!other.parse::<SpelledName>().unwrap().is(&name), "{other}");
        }
        for bad in [
            "",
            ".",
            "com",
            "com.",
            "a..b",
            "a.b.",
            "a.b..",
            ".a.b",
            "-a.b",
            "a_b.c",
            "a b.c",
            "ä.com",
            &"a.".repeat(128),
        ] {
            assert!(bad.parse::<SpelledName>().is_err(), "{bad:?} is no name");
        }
    }

    #[test]
    fn an_ethernet_address_reads_back() {
        assert_eq!("02:00:0a:14:00:05".parse::<Mac>().unwrap().to_string(), "02:00:0a:14:00:05");
        assert!("02:00:0a:14:00".parse::<Mac>().is_err() && "02:00:0a:14:00:05:06".parse::<Mac>().is_err());
    }
}
