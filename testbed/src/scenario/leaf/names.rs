//! The names of `names.rs`, as leaves.

use serde_json::{Value as Json, json};

use super::super::shape::{Leaf, Wrong};
use super::super::tree::Scalar;
use super::guard;
use crate::names::{
    BadName, CheckName, FlowId, HostName, LinkName, Mac, NodeName, ScenarioName, SegmentName, SpelledName,
    SwitchName, Traffic,
};

macro_rules! name_leaf {
    ($($type:ty, $what:literal, $pattern:literal;)+) => { $(
        impl Leaf for $type {
            const WHAT: &'static str = $what;
            fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
                guard(scalar)?.parse().map_err(|wrong: BadName| Wrong::because(wrong.to_string()))
            }
            fn describe() -> Json {
                json!({ "type": "string", "pattern": $pattern })
            }
        }
    )+ };
}

name_leaf! {
    ScenarioName, "a scenario's name", "^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$";
    NodeName, "a node's name", "^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$";
    SegmentName, "a segment's name", "^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$";
    SwitchName, "a switch's name", "^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$";
    CheckName, "a check's name", "^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$";
    LinkName, "an interface name", "^[a-z][a-z0-9._-]{0,14}$";
    HostName, "a host name", "^[a-z0-9-]+(?:\\.[a-z0-9-]+)+$";
    SpelledName, "a host name", "^[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)+$";
    FlowId, "a flow's id", "^[FS][0-9]{2,3}$";
    Traffic, "a kind of traffic", "^(?:(?:tcp|udp|proto|tcp-from|udp-from|tcp-flags)/(?:\\*|[0-9]+(?:-[0-9]+)?)|icmp6?/(?:\\*|[0-9]+/\\*|[0-9]+(?:/[0-9]+)?(?:-[0-9]+(?:/[0-9]+)?)?)|ntp/(?:question|control|private|large|answer))$";
    Mac, "an Ethernet address", "^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$";
}
