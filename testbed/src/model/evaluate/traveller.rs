//! A packet on its way through one node, with all that the kernel has noted about it so far.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::outcome::Kernel;
use super::super::packet::{Ethernet, Packet};
use super::super::ruleset::Field;
use crate::plan::Link;

/// A packet on its way through one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) struct Traveller {
    pub(in crate::model) packet: Packet,
    /// Its Ethernet header; none for what the node itself sends.
    pub(in crate::model) ethernet: Option<Ethernet>,
    /// Names of the links; empty while there is none.
    pub(in crate::model) in_link: String,
    pub(in crate::model) out_link: String,
    /// The neighbour that it goes to next.
    pub(in crate::model) next: Option<IpAddr>,
    /// None: not known.
    pub(in crate::model) mark: Option<u128>,
    pub(in crate::model) connection: Connection,
    /// Fields whose values are no longer known.
    pub(in crate::model) rewritten: BTreeSet<Field>,
    /// Whether destination, or source, was changed by a rule.
    pub(in crate::model) dnat: bool,
    pub(in crate::model) snat: bool,
    pub(in crate::model) others: Others,
}

/// The other pieces of a packet that is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) enum Others {
    /// It is whole, or they never come.
    Never,
    /// They come, too.
    Come,
    /// They have been waited for here, for this reason: it is the whole from there on, if they did come.
    Met(Kernel),
}

/// What the kernel has noted about a packet's conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) enum Connection {
    /// Nothing yet, which rules take for `invalid`.
    NotYet,
    /// It is none.
    Invalid,
    /// It shall not be looked at.
    Untracked,
    /// It is this one.
    Of {
        state: State,
        /// The mark of the conversation; none: not known.
        mark: Option<u128>,
    },
}

/// How far a conversation is; nft's bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::model) enum State {
    Established = 2,
    Related = 4,
    New = 8,
}

impl Traveller {
    /// What has just come in by a link, or is about to be sent by the node (an empty name).
    pub(in crate::model) fn new(packet: Packet, ethernet: Option<Ethernet>, in_link: &str) -> Self {
        Traveller {
            packet: packet.tidy(),
            ethernet,
            in_link: in_link.to_owned(),
            out_link: String::new(),
            next: None,
            mark: Some(0),
            connection: Connection::NotYet,
            rewritten: BTreeSet::new(),
            dnat: false,
            snat: false,
            others: Others::Never,
        }
    }

    /// The same packet on its way to another node: nothing of what this one noted goes with it.
    pub(in crate::model) fn onwards(self) -> Self {
        let (rewritten, others) = (self.rewritten, self.others);
        Traveller { rewritten, others, ..Traveller::new(self.packet, None, "") }
    }

    pub(super) fn go_by(&mut self, link: &Link, next: IpAddr) {
        self.out_link = link.name.to_string();
        self.next = Some(next);
    }

    /// Whether it is known how many more hops it may go.
    pub(super) fn knows_its_ttl(&self) -> bool {
        !self.rewritten.contains(&Field::Ttl) && !self.rewritten.contains(&Field::HopLimit)
    }

    /// Whether rules that change addresses are asked about it.
    pub(super) fn is_new(&self) -> bool {
        matches!(self.connection, Connection::Of { state: State::New, .. })
    }
}
