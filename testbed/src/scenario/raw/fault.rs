//! What is done to a site that stands.

use std::borrow::Cow;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::super::fault::{BitRate, Share};
use super::super::leaf::{Below, Healed, Lasting, ServiceRef, Whole};
use super::super::mistakes::Mistakes;
use super::super::shape::{Shape, Slot};
use super::super::table::{KeyShape, Table, describe_table, prose, table};
use super::super::tree::{Node, Spot};
use super::{Many, One, Some1};
use crate::names::{HostName, NodeName, PortRef, SpelledName};

table! {
    /// A fault: exactly one of `cut`, `heal`, `swap`, `flap`, `kill`, `stop`, `restart`, `reload`, `load`, `clear_state`, `fill_state`, `expire_lease`, `move_name`, `rate`, `impair`, and what belongs to it.
    Fault = "a fault" {
        /// These links lose their carriers.
        cut: may Some1<PortRef>,
        /// These links are as the scenario has them again; or `all` that is broken.
        heal: may Some1<Healed>,
        /// The cables of these two links change places.
        swap: may Many<PortRef>,
        /// This link loses its carrier and gets it back, several times.
        flap: may One<PortRef>,
        /// This node, or services of it, end at once.
        kill: may One<NodeName>,
        /// This node, or services of it, end in good order.
        stop: may One<NodeName>,
        /// This node, or services of it, are started again.
        restart: may One<NodeName>,
        /// This node's rule file is loaded anew.
        reload: may One<NodeName>,
        /// Another rule file takes the place of this node's.
        load: may One<NodeName>,
        /// This node forgets the connections that it tracks.
        clear_state: may One<NodeName>,
        /// This node's table of connections is filled until its kernel takes no more, with connections that nobody has; `heal: all` takes these away.
        fill_state: may One<NodeName>,
        /// The server forgets this link's lease, and the link asks for one anew.
        expire_lease: may One<PortRef>,
        /// The clouds answer this name with another address.
        move_name: may One<HostName>,
        /// Not more than a rate passes over this link, either way.
        rate: may One<PortRef>,
        /// Frames of this link are delayed, lost, doubled or overtaken, either way.
        impair: may One<PortRef>,
        /// Of `flap`: how often, 1 to 100; default 3.
        times: may One<Whole<1, 100>>,
        /// Of `flap`: from one loss to the next, 20ms to 1min; default 1s.
        every: may One<Lasting<20, 60_000>>,
        /// Of `kill`, `stop`, `restart`: which services, or `all` of them; left out: the node with its links.
        service: may Some1<ServiceRef>,
        /// Of `reload`: its rules are taken away first, and for so long, 1ms to 10s, none stand in their place; left out: it is one transaction. Of `restart` of a node: for so long its links are up, and it forwards, before its rules are loaded; left out: they come first.
        gap: may One<Lasting<1, 10_000>>,
        /// Of `load`: the rule file, below the scenario's folder.
        ruleset: may One<Below>,
        /// Of `load`: the file is one that nft must refuse, and the rules must stay as they were; default false.
        refused: may One<bool>,
        /// Of `move_name`: the address; left out: the one that the name had at first.
        to: may One<IpAddr>,
        /// Of `move_name`: for how long the answer may be kept, whole seconds up to 168h; default 60s.
        ttl: may One<Lasting<0, 604_800_000>>,
        /// Of `move_name`: this node looks the name up then, which need not be one that the clouds answer: one that only looks like theirs.
        asked_by: may One<NodeName>,
        /// Of `asked_by`: the name as that node spells it, letters in any case; default: as `move_name` has it.
        asked_as: may One<SpelledName>,
        /// Of `rate`: how much, 8kbit to 10gbit per second.
        at_rate ("at"): may One<BitRate>,
        /// Of `impair`: frames come later by so much, up to 10s.
        delay: may One<Lasting<0, 10_000>>,
        /// Of `impair`: give or take so much, not more than `delay`.
        jitter: may One<Lasting<0, 10_000>>,
        /// Of `impair`: so many never come, such as `1%`.
        loss: may One<Share>,
        /// Of `impair`: so many come twice.
        duplicate: may One<Share>,
        /// Of `impair`: so many overtake those that are delayed.
        reorder: may One<Share>,
    }
}
