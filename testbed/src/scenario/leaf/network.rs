//! Addresses and subnets, and what a node asks a DHCP server for.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::super::shape::{Leaf, Wrong};
use super::super::tree::Scalar;

impl Leaf for IpAddr {
    const WHAT: &'static str = "an IP address";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.as_str();
        if text.contains('/') {
            return Err(Wrong::because(
                "an address alone, without prefix length: the segment's subnet has it",
            ));
        }
        text.parse().map_err(|_| Wrong::because("must look like `10.20.0.5` or `2001:db8::5`"))
    }
    fn describe() -> Json {
        json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
    }
}

impl Leaf for IpNet {
    const WHAT: &'static str = "a subnet";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let bad = || Wrong::because("must look like `10.20.0.0/24` or `2001:db8::/64`");
        let net: IpNet = scalar.text.parse().map_err(|_| bad())?;
        if net.trunc() != net {
            let label = format!("bits are set behind the prefix; did you mean `{}`?", net.trunc());
            return Err(Wrong::because(label));
        }
        Ok(net)
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$" })
    }
}

/// What a link asks a DHCP server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Whatever it is given.
    Any,
    /// This address.
    For(Ipv4Addr),
}

impl Leaf for Asks {
    const WHAT: &'static str = "an address to ask for";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        match scalar.text.as_str() {
            "any" => Ok(Asks::Any),
            text => text.parse().map(Asks::For).map_err(|_| {
                Wrong::because(
                    "must be an IPv4 address such as `10.20.0.5`, or `any` for the one that is reserved",
                )
            }),
        }
    }
    fn describe() -> Json {
        json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "const": "any" }] })
    }
}
