//! The single values of the language: what a text must look like, and what is said if it does not.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::controls;
use super::mistakes::nearest;
use super::model::{CloudNames, CloudService, Proof};
use super::shape::{Leaf, Wrong};
use super::tree::Scalar;
use crate::names::{
    CheckName, ControlId, FlowId, LinkName, Mac, NodeName, ScenarioName, SegmentName, SwitchName, Traffic,
};

/// AWS regions of the commercial partition that answer without being asked for first, and those that do not.
const REGIONS: [&str; 33] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Kernel features that a check may `require`.
pub const FEATURES: [&str; 3] = ["vlan-tags", "netem", "bonding"];

/// Words that YAML guesses a meaning for are no names: say so before the name's own rule does.
fn guard(scalar: &Scalar) -> Result<&str, Wrong> {
    let text = scalar.text.as_str();
    if scalar.is_old_boolean() {
        return Err(Wrong::because(format!("many YAML readers take a bare `{text}` for a boolean"))
            .help(format!("choose another word, or put it in quotes: \"{text}\"")));
    }
    Ok(text)
}

macro_rules! name_leaf {
    ($($type:ty, $what:literal, $pattern:literal;)+) => { $(
        impl Leaf for $type {
            const WHAT: &'static str = $what;
            fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
                guard(scalar)?.parse().map_err(|wrong: crate::names::BadName| Wrong::because(wrong.to_string()))
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
    FlowId, "a flow's id", "^[FS][0-9]{2,3}$";
    Traffic, "a kind of traffic", "^(?:(?:tcp|udp)/(?:\\*|[0-9]+(?:-[0-9]+)?)|(?:icmp|icmp6|proto)/[0-9]+)$";
    Mac, "an Ethernet address", "^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$";
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole<const MIN: u64, const MAX: u64>(pub(crate) u64);

impl<const MIN: u64, const MAX: u64> Leaf for Whole<MIN, MAX> {
    const WHAT: &'static str = "a whole number in range";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.as_str();
        if !scalar.plain {
            return Err(Wrong::because("write the number without quotes"));
        }
        if text.len() > 1 && text.starts_with('0') {
            return Err(Wrong::because("no leading zero: some YAML readers would take it for octal"));
        }
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        match number {
            Some(number) if (MIN..=MAX).contains(&number) => Ok(Whole(number)),
            _ if MIN == MAX => Err(Wrong::because(format!("must be {MIN}"))),
            _ => Err(Wrong::because(format!("must be a whole number from {MIN} to {MAX}"))),
        }
    }
    fn describe() -> Json {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

impl Leaf for bool {
    const WHAT: &'static str = "true or false";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        match scalar.text.as_str() {
            "true" if scalar.plain => Ok(true),
            "false" if scalar.plain => Ok(false),
            "yes" | "on" | "Yes" | "On" | "YES" | "ON" => Err(Wrong::because("write `true`")),
            "no" | "off" | "No" | "Off" | "NO" | "OFF" => Err(Wrong::because("write `false`")),
            _ => Err(Wrong::because("write `true` or `false`, without quotes")),
        }
    }
    fn describe() -> Json {
        json!({ "type": "boolean" })
    }
}

/// A duration with its unit, from `MIN` to `MAX` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lasting<const MIN: u64, const MAX: u64>(pub(crate) Duration);

impl<const MIN: u64, const MAX: u64> Leaf for Lasting<MIN, MAX> {
    const WHAT: &'static str = "a duration";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = guard(scalar)?;
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor = match unit {
            "ms" => 1,
            "s" => 1000,
            "min" => 60_000,
            "h" => 3_600_000,
            _ => return Err(Wrong::because("must be a whole number and `ms`, `s`, `min` or `h`: `30s`")),
        };
        let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        match millis {
            Some(millis) if (MIN..=MAX).contains(&millis) => Ok(Lasting(Duration::from_millis(millis))),
            _ => Err(Wrong::because(format!("must be {} to {}", short(MIN), short(MAX)))),
        }
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+(?:ms|s|min|h)$" })
    }
}

fn short(millis: u64) -> String {
    match millis {
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{}min", millis / 60_000),
        _ if millis.is_multiple_of(1000) => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}

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

/// Anything people read: one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line(pub(crate) String);

impl Leaf for Line {
    const WHAT: &'static str = "a line of text";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.trim();
        if text.is_empty() || text.chars().count() > 300 || text.chars().any(char::is_control) {
            return Err(Wrong::because("must be one line of 1 to 300 characters"));
        }
        Ok(Line(text.to_owned()))
    }
    fn describe() -> Json {
        json!({ "type": "string", "minLength": 1, "maxLength": 300 })
    }
}

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argument(pub(crate) String);

impl Leaf for Argument {
    const WHAT: &'static str = "an argument";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        if scalar.text.contains('\0') || scalar.text.len() > 4096 {
            return Err(Wrong::because("must have at most 4096 bytes, none of them zero"));
        }
        Ok(Argument(scalar.text.clone()))
    }
    fn describe() -> Json {
        json!({ "type": ["string", "number", "boolean"] })
    }
}

/// A place in a document: `file.txt#anchor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchor(pub(crate) String);

impl Leaf for Anchor {
    const WHAT: &'static str = "a place in a document";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let word = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        match scalar.text.split_once('#') {
            Some((file, anchor)) if word(file) && word(anchor) => Ok(Anchor(scalar.text.clone())),
            _ => Err(Wrong::because("must look like `file.txt#anchor`")),
        }
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]+#[A-Za-z0-9._-]+$" })
    }
}

/// A path below the scenario's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Below(pub(crate) String);

impl Leaf for Below {
    const WHAT: &'static str = "a path below the scenario's folder";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        below(&scalar.text).map(|()| Below(scalar.text.clone())).map_err(Wrong::because)
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*$" })
    }
}

/// What is wrong with a path as a scenario may write it, if anything.
pub(crate) fn below(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("the path is empty");
    }
    if path.len() > 200 {
        return Err("longer than 200 bytes");
    }
    if path.starts_with('/') {
        return Err("must not begin with `/`: paths count from the scenario's folder");
    }
    if path.split('/').any(|part| part == "..") {
        return Err("`..` is never accepted: nothing outside the scenario's folder can be named");
    }
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    if path.split('/').all(part) {
        return Ok(());
    }
    Err("parts between `/` are letters, digits, `.`, `_` and `-`, and do not begin with `.` or `-`")
}

/// Which shared policy: a built-in one, or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PolicyName {
    /// The documented flows.
    Panorama,
    /// A file below the scenario's folder.
    File(String),
}

impl Leaf for PolicyName {
    const WHAT: &'static str = "a policy";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = guard(scalar)?;
        if text == "panorama" {
            return Ok(PolicyName::Panorama);
        }
        if text.contains(['/', '.']) || text.is_empty() {
            return below(text).map(|()| PolicyName::File(text.to_owned())).map_err(Wrong::because);
        }
        Err(Wrong::because(match nearest(text, ["panorama"]) {
            Some(near) => format!("no policy of this name is built in; did you mean `{near}`?"),
            None => {
                "no policy of this name is built in (there is `panorama`), and a file has a suffix".into()
            }
        }))
    }
    fn describe() -> Json {
        json!({ "type": "string", "anyOf": [{ "const": "panorama" }, { "pattern": "[./]" }] })
    }
}

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

/// `640x360`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Leaf for Size {
    const WHAT: &'static str = "a picture size";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let number = |text: &str| text.parse::<u32>().ok();
        let sides = scalar.text.split_once('x').and_then(|(w, h)| Some((number(w)?, number(h)?)));
        let Some((width, height)) = sides else {
            return Err(Wrong::because("must look like `640x360`"));
        };
        if !(320..=1920).contains(&width) || !(176..=1088).contains(&height) {
            return Err(Wrong::because("must be 320 to 1920 wide and 176 to 1088 high"));
        }
        if width % 16 != 0 || height % 8 != 0 {
            let (near_width, near_height) = (width.next_multiple_of(16), height.next_multiple_of(8));
            let label = format!(
                "width must be a multiple of 16, height of 8; did you mean `{near_width}x{near_height}`?"
            );
            return Err(Wrong::because(label));
        }
        Ok(Size { width, height })
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]{3,4}x[0-9]{3,4}$" })
    }
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

/// A link by its node: `app`, `dock`, `app.eth0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortRef {
    pub(crate) node: NodeName,
    pub(crate) link: Option<LinkName>,
}

impl Leaf for PortRef {
    const WHAT: &'static str = "a node, or a node and its link";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = guard(scalar)?;
        let (node, link) = match text.split_once('.') {
            Some((node, link)) => (node, Some(link)),
            None => (text, None),
        };
        let bad = |what: &str, wrong: crate::names::BadName| Wrong::because(format!("{what} {wrong}"));
        Ok(PortRef {
            node: node.parse().map_err(|wrong| bad("a node's name", wrong))?,
            link: link.map(str::parse).transpose().map_err(|wrong| bad("an interface name", wrong))?,
        })
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

/// One of a few words; the others get a suggestion.
fn one_of<T: Copy>(scalar: &Scalar, words: &[(&str, T)]) -> Result<T, Wrong> {
    let text = guard(scalar)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let known = || words.iter().map(|(word, _)| *word);
    Err(match nearest(text, known()) {
        Some(near) => Wrong::because(format!("did you mean `{near}`?")),
        None => {
            let all = known().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            Wrong::because("not one of the words that stand here").help(format!("there are {all}"))
        }
    })
}

macro_rules! word_leaf {
    ($($type:ty, $what:literal, $words:expr;)+) => { $(
        impl Leaf for $type {
            const WHAT: &'static str = $what;
            fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
                one_of(scalar, &$words)
            }
            fn describe() -> Json {
                json!({ "enum": $words.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
            }
        }
    )+ };
}

/// An AWS region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region(pub(crate) &'static str);

/// A kernel feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Feature(pub(crate) &'static str);

/// A video codec: there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Codec;

word_leaf! {
    Region, "an AWS region", REGIONS.map(|name| (name, Region(name)));
    Feature, "a kernel feature", FEATURES.map(|name| (name, Feature(name)));
    Codec, "a codec", [("h264", Codec)];
    CloudNames, "a spelling of the cloud's names", [
        ("corrected", CloudNames::Corrected), ("as-printed", CloudNames::AsPrinted), ("both", CloudNames::Both),
    ];
    CloudService, "a service of the cloud", [
        ("iot", CloudService::Iot), ("monitoring", CloudService::Monitoring), ("logs", CloudService::Logs),
        ("s3", CloudService::S3), ("dns", CloudService::Dns), ("ntp", CloudService::Ntp),
    ];
}
