//! Names that a firewall lets through, and the sets that keep their addresses.

use serde_json::{Value as Json, json};

use super::super::model::{NftSet, SetFamily};
use super::super::shape::{Leaf, Wrong};
use super::super::tree::Scalar;
use crate::names::HostName;

/// A host name and everything below it, without the `*.` that may stand before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamePattern(pub(crate) String);

impl Leaf for NamePattern {
    const WHAT: &'static str = "a host name";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.as_str();
        let name = text.strip_prefix("*.").unwrap_or(text);
        if name.contains('*') {
            return Err(Wrong::because(
                "`*` stands for whole labels at the front: `*.iot.eu-west-1.amazonaws.com`",
            ));
        }
        name.parse::<HostName>().map_err(|wrong| Wrong::because(wrong.to_string()))?;
        Ok(NamePattern(name.to_owned()))
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^(?:\\*\\.)?[a-z0-9-]+(?:\\.[a-z0-9-]+)+$", "maxLength": 255 })
    }
}

/// Longest name of a table or set that nft takes, less a byte (include/uapi/linux/netfilter/nf_tables.h,
/// `NFT_NAME_MAXLEN`); sites need far less.
const LONGEST: usize = 64;

/// `inet site aws4`: what is written here becomes part of a command, so it is nothing but three words.
impl Leaf for NftSet {
    const WHAT: &'static str = "a set of nft's";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let words: Vec<&str> = scalar.text.split(' ').collect();
        let [family, table, set] = words.as_slice() else {
            return Err(Wrong::because("write family, table and set: `inet site aws4`"));
        };
        let family = match *family {
            "inet" => SetFamily::Inet,
            "ip" => SetFamily::Ip,
            "ip6" => SetFamily::Ip6,
            _ => return Err(Wrong::because("the family is `inet`, `ip` or `ip6`")),
        };
        if let Some(name) = [table, set].into_iter().find(|name| !is_name(name)) {
            let label = format!("`{name}`: letters, digits and `_`, a letter first, at most {LONGEST}");
            return Err(Wrong::because(label));
        }
        if table.starts_with("testbed") {
            return Err(Wrong::because("tables whose names begin with `testbed` are the testbed's own"));
        }
        Ok(NftSet { family, table: (*table).to_owned(), set: (*set).to_owned() })
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^(?:inet|ip|ip6) [A-Za-z][A-Za-z0-9_]* [A-Za-z][A-Za-z0-9_]*$" })
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= LONGEST
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
