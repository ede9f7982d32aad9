//! What some words of a plan ask for, spelled out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::names::{CheckName, FlowId, LinkName, NodeName, SegmentName};
use crate::scenario::lint::Zone;
use crate::scenario::model::{CloudService, Event};

/// The way of a camera's video to somebody whom a flow lets have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoWay {
    /// The camera.
    pub camera: NodeName,
    /// Who asks it.
    pub to: NodeName,
    /// Whether it does: then the video must be seen.
    pub plays: bool,
    /// Ports of the fabric, from the camera's on: each with that of the link's spare, if it has one.
    pub ports: Vec<Vec<LinkName>>,
    /// Ports that hear it as well: of the hubs on the way.
    pub hear: Vec<LinkName>,
}

/// The way of what is said in RTSP between a camera and somebody whom a flow lets open it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtspWay {
    /// The camera.
    pub camera: NodeName,
    /// Who opens the connection.
    pub opener: NodeName,
    /// Ports of the fabric that answers pass, from the camera's on: each with that of the link's spare, if it has one.
    pub ports: Vec<Vec<LinkName>>,
    /// Ports where it may be seen as well: those that only questions pass, and those of hubs on the way.
    pub besides: Vec<LinkName>,
}

/// An address that a name has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// The check that moves the name there and back.
    pub since: CheckName,
    /// The address.
    pub address: IpAddr,
    /// How long after that the address may be open still.
    pub within: Duration,
}

/// A route that a node must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteAsked {
    /// Where to.
    pub to: IpAddr,
    /// For which flows.
    pub flows: Vec<FlowId>,
}

/// A developer kit, and what the drawing joins it to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kit {
    /// The appliance.
    pub node: NodeName,
    /// Where it is plugged in.
    pub joins: Vec<Joined>,
    /// Where its flows lead, and whom they let in.
    pub flows: Vec<KitFlow>,
}

/// A link of a kit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The link.
    pub link: LinkName,
    /// The segment.
    pub segment: SegmentName,
    /// What kind of network that is.
    pub zones: Vec<Zone>,
}

/// A flow of a kit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitFlow {
    /// Its id.
    pub flow: FlowId,
    /// The other end.
    pub peer: NodeName,
    /// True: the kit opens it. False: it is let in.
    pub outwards: bool,
    /// A segment of the other end.
    pub segment: SegmentName,
    /// What kind of network that is.
    pub zones: Vec<Zone>,
}

/// A service of a cloud that an appliance may talk with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoken {
    /// Which.
    pub service: CloudService,
    /// Where it answers, those included to which its names may be moved.
    pub addresses: Vec<IpAddr>,
    /// What it may be asked for by: names in lower case; with `*.` before them whatever is below, however deep.
    pub names: Vec<String>,
}

/// Something that goes on as long as a site lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoingOn {
    /// Frames of a camera arrive at a node.
    Video {
        /// Whose.
        camera: NodeName,
        /// Where.
        at: NodeName,
    },
    /// The cloud confirms something.
    Reports {
        /// What.
        event: Event,
        /// From whom.
        of: NodeName,
    },
}

/// A link that asks for its address, and what is to come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// The node.
    pub node: NodeName,
    /// Its link.
    pub link: LinkName,
    /// What it must ask for; none: anything will do.
    pub asked: Option<Ipv4Addr>,
    /// What it must get.
    pub bound: Ipv4Addr,
    /// Who must give it.
    pub server: NodeName,
    /// What that one tells besides; nobody may tell anything else.
    #[serde(default)]
    pub told: Told,
}

/// What a DHCP server tells whoever asks it, beside the address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The routers.
    pub routers: Vec<Ipv4Addr>,
    /// Who knows names.
    pub names: Vec<Ipv4Addr>,
    /// Who knows the time.
    pub times: Vec<Ipv4Addr>,
    /// For how long the address is given, seconds; none: it is not known.
    pub lease: Option<u32>,
}

/// A link that takes its IPv6 addresses from router advertisements, and what is to come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advised {
    /// The node.
    pub node: NodeName,
    /// Its link.
    pub link: LinkName,
    /// What it must have.
    pub bound: Vec<Ipv6Addr>,
    /// Who must advertise itself, and nobody else.
    pub router: NodeName,
}
