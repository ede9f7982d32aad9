//! What points at something else: links, flows, pairs of nodes, documented controls.

use serde_json::{Value as Json, json};

use super::super::controls;
use super::super::model::Proof;
use super::super::shape::{Leaf, Wrong};
use super::super::tree::Scalar;
use super::guard;
use crate::names::{BadName, ControlId, FlowId, LinkName, NodeName, PortRef};

/// `eth0`, or `none` for no default route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gateway {
    /// No default route.
    None,
    /// By the router of this link's segment.
    Link(LinkName),
}

impl Leaf for Gateway {
    const WHAT: &'static str = "an interface name, or `none`";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        match scalar.text.as_str() {
            "none" => Ok(Gateway::None),
            _ => LinkName::parse(scalar).map(Gateway::Link),
        }
    }
    fn describe() -> Json {
        LinkName::describe()
    }
}

/// `F01`, or `F07-F11` for all from the one to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlowRange {
    pub(crate) first: FlowId,
    pub(crate) last: FlowId,
}

impl Leaf for FlowRange {
    const WHAT: &'static str = "a flow's id, or two with a hyphen";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.as_str();
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let id =
            |text: &str| text.parse::<FlowId>().map_err(|wrong| Wrong::because(format!("`{text}` {wrong}")));
        let range = FlowRange { first: id(first)?, last: id(last)? };
        if range.first.as_str().as_bytes().first() != range.last.as_str().as_bytes().first() {
            return Err(Wrong::because("a range stays among the `F` flows or among the `S` flows"));
        }
        if number(&range.first) > number(&range.last) {
            return Err(Wrong::because(format!("runs backwards; did you mean `{last}-{first}`?")));
        }
        Ok(range)
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^(?:F[0-9]{2,3}(?:-F[0-9]{2,3})?|S[0-9]{2,3}(?:-S[0-9]{2,3})?)$" })
    }
}

impl FlowRange {
    /// True for an id in the range.
    pub(crate) fn holds(&self, id: &FlowId) -> bool {
        id.as_str().as_bytes().first() == self.first.as_str().as_bytes().first()
            && (number(&self.first)..=number(&self.last)).contains(&number(id))
    }
}

fn number(id: &FlowId) -> u32 {
    id.as_str().get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// `PAN-NET-04`, or `PAN-SGL-02 (part)`.
impl Leaf for Proof {
    const WHAT: &'static str = "a documented control";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let (id, part) = match scalar.text.strip_suffix("(part)") {
            Some(id) => (id.trim_end(), true),
            None => (scalar.text.as_str(), false),
        };
        let control: ControlId =
            id.parse().map_err(|wrong| Wrong::because(format!("{wrong} or `PAN-NET-04 (part)`")))?;
        controls::known(&control).map_err(Wrong::because)?;
        Ok(Proof { control, part })
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^PAN-[A-Z]{3}-[0-9]{2}(?: ?\\(part\\))?$" })
    }
}

impl Leaf for PortRef {
    const WHAT: &'static str = "a node, or a node and its link";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        guard(scalar)?.parse().map_err(|wrong: BadName| Wrong::because(wrong.to_string()))
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[a-z][a-z0-9-]*(?:\\.[a-z][a-z0-9._-]{0,14})?$" })
    }
}

/// `dock -> vms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) from: NodeName,
    pub(crate) to: NodeName,
}

impl Leaf for Pair {
    const WHAT: &'static str = "a pair of nodes";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let bad = || Wrong::because("must look like `dock -> vms`");
        let (from, to) = scalar.text.split_once("->").ok_or_else(bad)?;
        let node = |text: &str| text.trim().parse().map_err(|_| bad());
        Ok(Pair { from: node(from)?, to: node(to)? })
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[a-z][a-z0-9-]* *-> *[a-z][a-z0-9-]*$" })
    }
}
