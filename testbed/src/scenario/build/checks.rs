//! What is asserted: each check with its word, names resolved, and sense in it.

use std::collections::BTreeMap;

use super::super::fault::Fault;
use super::super::files::Files;
use super::super::leaf::{FlowRange, Lasting, Whole};
use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::{Bounds, Check, Cover, Flow, Kind, Node, Proof, Word};
use super::super::raw;
use super::super::shape::{At, OneOrMany, Slot};
use super::super::tree::Spot;
use super::clash::{Negative, contradictions};
use super::directory::Directory;
use super::flows::{check_ends, values};
use super::required::required;
use super::segments::Segments;
use super::{Flows, check_title, or};
use crate::names::{CheckName, FlowId, NodeName, SegmentName, Traffic};

/// What a `no_reach` sends if it does not say: what cameras, appliances and routers listen on, and ping, GRE and
/// ESP for those that only think of TCP and UDP. Where a segment speaks IPv6, `icmp6/128` as well.
pub const DEFAULT_PORTS: [&str; 17] = [
    "tcp/22", "tcp/23", "tcp/80", "tcp/443", "tcp/554", "tcp/8080", "tcp/8443", "tcp/8554", "tcp/8883",
    "udp/53", "udp/123", "udp/161", "udp/3702", "udp/5353", "icmp/8", "proto/47", "proto/50",
];

/// Every check of the scenario, in the order written. Those that look at others are read when these are known.
pub(crate) fn build(
    raw: &raw::Scenario,
    files: &Files,
    directory: &Directory,
    nodes: &BTreeMap<NodeName, Node>,
    segments: &Segments,
    flows: &Flows,
    out: &mut Mistakes,
) -> Vec<Check> {
    let entries = raw.checks.good().map_or(&[][..], |named| &named.entries);
    let written: Vec<CheckName> = entries.iter().map(|(name, _)| name.value.clone()).collect();
    let mut checks: Vec<Check> = Vec::new();
    for looks_at_others in [false, true] {
        for (name, check) in entries {
            let Some(check) = check.as_ref().filter(|check| check.after.is_absent() != looks_at_others)
            else {
                continue;
            };
            let whose = check_title(&name.value);
            let known: Vec<Check> =
                checks.iter().filter(|check| !matches!(check.word, Word::After { .. })).cloned().collect();
            let requires = values(&check.requires).into_iter().map(|feature| feature.0.to_owned()).collect();
            let (whose, written) = (&*whose, &*written);
            let reader =
                Reader { whose, raw, written, files, directory, nodes, segments, flows, requires, out };
            checks.extend(reader.check(name, check, &known));
        }
    }
    checks.sort_by_key(|check| written.iter().position(|name| *name == check.name));
    checks
}

/// Reads one check; what a word of its own file needs is visible there.
pub(super) struct Reader<'a> {
    pub(super) whose: &'a str,
    pub(super) raw: &'a raw::Scenario,
    /// The names of all checks.
    pub(super) written: &'a [CheckName],
    pub(super) files: &'a Files,
    pub(super) directory: &'a Directory,
    pub(super) nodes: &'a BTreeMap<NodeName, Node>,
    pub(super) segments: &'a Segments,
    pub(super) flows: &'a Flows,
    /// Kernel features that it says it requires.
    requires: Vec<String>,
    pub(super) out: &'a mut Mistakes,
}

/// Cameras that a node is told to play, and whether it is told to play others as well.
struct Played {
    cameras: Vec<NodeName>,
    at: NodeName,
    others: bool,
}

impl Reader<'_> {
    fn check(mut self, name: &At<CheckName>, raw: &raw::Check, known: &[Check]) -> Option<Check> {
        let alive = self.alive(raw, name);
        let during = self.during(raw, name);
        let word = self.word(raw, name, known)?;
        let proves = self.proves(raw);
        let place = self.out.place(name.spot);
        let requires = required(self.requires, during.as_ref(), &word);
        Some(Check { name: name.value.clone(), place, proves, requires, alive, during, word })
    }

    /// The fault that stands meanwhile; only what is sent at a moment of its own can wait for it.
    fn during(&mut self, raw: &raw::Check, name: &At<CheckName>) -> Option<Fault> {
        let fault = raw.during.good()?;
        if raw.reach.is_absent() && raw.no_reach.is_absent() {
            let title = format!("{} has no moment of its own", self.whose);
            let label = "only `reach` and `no_reach` have `during`; for what goes on write `after`";
            self.out.push(Mistake::error(title, name.spot, label));
        }
        let fault = self.breaking(fault, name)?;
        if let Fault::Flap { .. } = fault {
            let title = format!("{} has a fault that does not stand", self.whose);
            let label = "a link has flapped before the check begins: write `after`, which goes on meanwhile";
            self.out.push(Mistake::error(title, name.spot, label));
        }
        Some(fault)
    }

    fn proves(&mut self, raw: &raw::Check) -> Vec<Proof> {
        let mut proves: Vec<Proof> = Vec::new();
        for proof in raw.proves.good().map_or(&[][..], |many| &many.0) {
            if proves.iter().any(|other| other.control == proof.value.control) {
                let title = format!("{} proves a control twice", self.whose);
                self.out.push(Mistake::error(title, proof.spot, "it is in the list already"));
            } else {
                proves.push(proof.value.clone());
            }
        }
        proves
    }

    /// The flows that show life; a negative needs them, nothing else has any use for them.
    fn alive(&mut self, raw: &raw::Check, name: &At<CheckName>) -> Vec<FlowId> {
        let words = [
            ("no_reach", raw.no_reach.is_absent()),
            ("no_bridge", raw.no_bridge.is_absent()),
            ("no_hop", raw.no_hop.is_absent()),
        ];
        let word = words.iter().find(|(_, absent)| !absent).map(|(word, _)| *word);
        let negative = word.is_some();
        let word = word.unwrap_or_default();
        match &raw.alive {
            Slot::Absent if negative => {
                let label = format!(
                    "`{word}` needs `alive`: flows that work across the same devices and at both ends"
                );
                let title = format!("{} could pass on a dead site", self.whose);
                self.out.push(Mistake::error(title, name.spot, label));
                Vec::new()
            }
            Slot::Good(ranges) => {
                let ids = self.opening(ranges, "`alive`: link upkeep opens nothing that could answer");
                if !negative && let Some(first) = ranges.0.first() {
                    let label = "only `no_reach`, `no_bridge` and `no_hop` have this control";
                    self.out.push(Mistake::error(
                        format!("{} needs no `alive`", self.whose),
                        first.spot,
                        label,
                    ));
                }
                ids
            }
            _ => Vec::new(),
        }
    }

    /// Flows of the scenario, none of them upkeep.
    pub(super) fn opening(&mut self, ranges: &OneOrMany<At<FlowRange>>, because: &str) -> Vec<FlowId> {
        let ids = self.flows.ids(ranges, self.whose, self.out);
        for (id, spot) in &ids {
            if self.flows.get(id).is_some_and(|flow| flow.upkeep) {
                let title = format!("{} looks at a flow that nobody opens", self.whose);
                self.out.push(Mistake::error(title, *spot, format!("{id} in {because}")));
            }
        }
        ids.into_iter().map(|(id, _)| id).collect()
    }

    /// Exactly one word must stand there.
    fn word(&mut self, raw: &raw::Check, name: &At<CheckName>, known: &[Check]) -> Option<Word> {
        let words = [
            ("reach", raw.reach.is_absent(), raw.reach.is_bad()),
            ("no_reach", raw.no_reach.is_absent(), raw.no_reach.is_bad()),
            ("plays", raw.plays.is_absent(), raw.plays.is_bad()),
            ("direction", raw.direction.is_absent(), raw.direction.is_bad()),
            ("peers_of", raw.peers_of.is_absent(), raw.peers_of.is_bad()),
            ("members", raw.members.is_absent(), raw.members.is_bad()),
            ("clock", raw.clock.is_absent(), raw.clock.is_bad()),
            ("address", raw.address.is_absent(), raw.address.is_bad()),
            ("spare", raw.spare.is_absent(), raw.spare.is_bad()),
            ("carries", raw.carries.is_absent(), raw.carries.is_bad()),
            ("no_bridge", raw.no_bridge.is_absent(), raw.no_bridge.is_bad()),
            ("no_hop", raw.no_hop.is_absent(), raw.no_hop.is_bad()),
            ("own_leg", raw.own_leg.is_absent(), raw.own_leg.is_bad()),
            ("listens", raw.listens.is_absent(), raw.listens.is_bad()),
            ("explained", raw.explained.is_absent(), raw.explained.is_bad()),
            ("matrix", raw.matrix.is_absent(), raw.matrix.is_bad()),
            ("name", raw.name.is_absent(), raw.name.is_bad()),
            ("taint", raw.taint.is_absent(), raw.taint.is_bad()),
            ("tls", raw.tls.is_absent(), raw.tls.is_bad()),
            ("lint", raw.lint.is_absent(), raw.lint.is_bad()),
            ("periodic", raw.periodic.is_absent(), raw.periodic.is_bad()),
            ("scan", raw.scan.is_absent(), raw.scan.is_bad()),
            ("attacks", raw.attacks.is_absent(), raw.attacks.is_bad()),
            ("no_video", raw.no_video.is_absent(), raw.no_video.is_bad()),
            ("inventory", raw.inventory.is_absent(), raw.inventory.is_bad()),
            ("no_stream", raw.no_stream.is_absent(), raw.no_stream.is_bad()),
            ("job", raw.job.is_absent(), raw.job.is_bad()),
            ("calls", raw.calls.is_absent(), raw.calls.is_bad()),
            ("talks", raw.talks.is_absent(), raw.talks.is_bad()),
            ("names_agree", raw.names_agree.is_absent(), raw.names_agree.is_bad()),
            ("rtsp", raw.rtsp.is_absent(), raw.rtsp.is_bad()),
            ("endures", raw.endures.is_absent(), raw.endures.is_bad()),
            ("after", raw.after.is_absent(), raw.after.is_bad()),
        ];
        let written: Vec<&str> =
            words.iter().filter(|(_, absent, bad)| !absent && !bad).map(|(word, ..)| *word).collect();
        if words.iter().all(|(_, absent, _)| *absent) {
            let label = "write one of `reach`, `no_reach`, `plays`, `direction`, `peers_of`, `members`, `clock`, `address`, `spare`, `carries`, `no_bridge`, `no_hop`, `own_leg`, `listens`, `explained`, `matrix`, `name`, `taint`, `tls`, `lint`, `periodic`, `scan`, `attacks`, `no_video`, `no_stream`, `inventory`, `job`, `calls`, `talks`, `names_agree`, `rtsp`, `endures`, `after`";
            self.out.push(Mistake::error(format!("{} asserts nothing", self.whose), name.spot, label));
        } else if written.len() > 1 {
            let label = format!("{} stand together: make a check of each", written.join(" and "));
            self.out.push(Mistake::error(format!("{} has several words", self.whose), name.spot, label));
        }
        // each is looked at, so that all mistakes show; one is left if there are none
        let words = [
            raw.reach.good().and_then(|word| self.reach(word)),
            raw.no_reach.good().and_then(|word| self.no_reach(name, word)),
            raw.plays.good().and_then(|word| self.plays(word)),
            raw.direction.good().and_then(|word| self.direction(word)),
            raw.peers_of.good().and_then(|word| self.peers_of(word)),
            raw.members.good().and_then(|word| self.members(word)),
            raw.clock.good().and_then(|word| self.clock(word)),
            raw.address.good().and_then(|word| self.address(word)),
            raw.spare.good().and_then(|word| self.spare(word)),
            raw.carries.good().and_then(|word| self.carries(word)),
            raw.no_bridge.good().and_then(|word| self.no_bridge(word)),
            raw.no_hop.good().and_then(|word| self.no_hop(word)),
            raw.own_leg.good().and_then(|word| self.own_leg(word)),
            raw.listens.good().and_then(|word| self.listens(word)),
            raw.explained.good().and_then(|word| self.explained(word)),
            raw.matrix.good().and_then(|word| self.matrix(word)),
            raw.name.good().and_then(|word| self.name(word)),
            raw.taint.good().and_then(|word| self.taint(word, name)),
            raw.tls.good().and_then(|word| self.tls(word)),
            raw.lint.good().and_then(|word| self.lint(word, name)),
            raw.periodic.good().and_then(|word| self.periodic(word)),
            raw.scan.good().and_then(|word| self.scan(word)),
            raw.attacks.good().and_then(|word| self.attacks(word)),
            raw.no_video.good().and_then(|word| self.no_video(word)),
            raw.inventory.good().and_then(|word| self.inventory(word)),
            raw.no_stream.good().and_then(|word| self.no_stream(word)),
            raw.job.good().and_then(|word| self.job(word)),
            raw.calls.good().and_then(|word| self.calls(word)),
            raw.talks.good().and_then(|word| self.talks(word)),
            raw.names_agree.good().and_then(|word| self.names_agree(word)),
            raw.rtsp.good().and_then(|word| self.rtsp(word)),
            raw.endures.good().and_then(|word| self.endures(word)),
            raw.after.good().and_then(|word| self.after(name, word, known)),
        ];
        words.into_iter().flatten().next()
    }

    pub(super) fn nodes(&mut self, slot: &Slot<OneOrMany<At<NodeName>>>) -> Option<Vec<NodeName>> {
        let nodes = self.directory.nodes(slot.good()?, self.whose, self.out);
        (!nodes.is_empty()).then_some(nodes)
    }

    pub(super) fn one(&mut self, slot: &Slot<At<NodeName>>) -> Option<NodeName> {
        self.directory.one_of(slot.good()?, &[], self.whose, self.out)
    }

    fn ends(&mut self, from: &Slot<OneOrMany<At<NodeName>>>, to: &Slot<OneOrMany<At<NodeName>>>) {
        if let (Some(from), Some(to)) = (from.good(), to.good()) {
            check_ends(from, to, self.directory, self.whose, self.out);
        }
    }

    fn reach(&mut self, word: &raw::Reach) -> Option<Word> {
        let (from, to) = (self.nodes(&word.from), self.nodes(&word.to));
        self.ends(&word.from, &word.to);
        for port in word.ports.good().map_or(&[][..], |many| &many.0) {
            if !can_be_opened(&port.value) {
                let label = "write `tcp/N`, `udp/53`, `udp/123` or `icmp/8`, each alone";
                let title = format!("{} asks for what no probe can open", self.whose);
                self.out.push(Mistake::error(title, port.spot, label));
            }
        }
        Some(Word::Reach { from: from?, to: to?, ports: values(&word.ports) })
    }

    fn no_reach(&mut self, name: &At<CheckName>, word: &raw::NoReach) -> Option<Word> {
        let (from, to) = (self.nodes(&word.from), self.nodes(&word.to));
        self.ends(&word.from, &word.to);
        let via = self.one(&word.via);
        let except =
            word.except.good().map(|ranges| self.opening(ranges, "`except`: link upkeep is never probed"));
        let (from, to, except) = (from?, to?, except.unwrap_or_default());
        let both_ways = or(&word.both_ways, false);
        if let (Some(via), Some(written)) = (&via, word.via.good()) {
            self.via(via, written.spot, if both_ways { vec![&from, &to] } else { vec![&from] });
        }
        let as_node = self.one(&word.as_node);
        if let (Some(name), Some(written)) = (&as_node, word.as_node.good()) {
            self.disguise(name, written.spot, word, [&from, &to]);
        }
        let (ports, cover) = self.sent(word);
        let broadcast = self.broadcast(word, cover);
        let at = word.from.good()?.0.first()?.spot;
        let negative = Negative { whose: self.whose, at, from: &from, to: &to, both_ways, ports: &ports };
        // by another way, from another or to where no name leads any more, the packets do not meet what the flow allows
        let own_way = word.via.is_absent() && word.as_node.is_absent() && word.forgotten.is_absent();
        if own_way && !word.except.is_bad() {
            let flows: Vec<&Flow> = self.flows.known.iter().map(|known| &known.flow).collect();
            contradictions(&negative, &flows, &except, self.out);
        }
        let forgotten = match word.forgotten.good() {
            Some(raw) => Some(self.forgotten(raw, name)?),
            None => None,
        };
        Some(Word::NoReach { from, to, both_ways, via, as_node, ports, cover, broadcast, except, forgotten })
    }

    /// What a negative sends.
    fn sent(&mut self, word: &raw::NoReach) -> (Vec<Traffic>, Cover) {
        let Some(cover) = word.cover.good() else {
            return match &word.ports {
                // At everybody goes IPv6 wherever it is.
                Slot::Absent => {
                    let broadcast = word.broadcast.good().is_some_and(|written| written.value);
                    (usual_ports(broadcast || self.segments.has_ip6()), Cover::Usual)
                }
                slot => (values(slot), Cover::Listed),
            };
        };
        let title = format!("{} covers everything", self.whose);
        if let Some(first) = word.ports.good().and_then(|ports| ports.0.first()) {
            let label = "`cover: all` sends everything: leave `ports` out";
            self.out.push(Mistake::error(title.clone(), first.spot, label));
        }
        if let Some(other) = word.as_node.good() {
            let label = "a forged source goes with a list of `ports`, or with the usual one";
            self.out.push(Mistake::error(title, other.spot, label));
        }
        (all_ports(), cover.value)
    }

    /// Whether everybody in the target's segment is sent something as well: the way round by a neighbour, a forged source and
    /// an address that a name has left are about one address.
    fn broadcast(&mut self, word: &raw::NoReach, cover: Cover) -> bool {
        let others = [
            ("via", word.via.is_absent()),
            ("as", word.as_node.is_absent()),
            ("forgotten", word.forgotten.is_absent()),
        ];
        let other = others.iter().find(|(_, absent)| !absent);
        if let (Some((key, _)), Some(written)) = (other, word.broadcast.good())
            && written.value
        {
            let title = format!("{} sends at everybody", self.whose);
            let label = format!("with `{key}` it is about single addresses: leave `broadcast` out");
            self.out.push(Mistake::error(title, written.spot, label));
        }
        or(&word.broadcast, cover.is_all() && other.is_none())
    }

    /// The node whose address is used is neither end, and nothing is allowed to whoever pretends to be it.
    fn disguise(&mut self, name: &NodeName, spot: Spot, word: &raw::NoReach, ends: [&Vec<NodeName>; 2]) {
        let title = format!("{} forges a source", self.whose);
        if ends.into_iter().flatten().any(|end| end == name) {
            self.out.push(Mistake::error(title.clone(), spot, format!("`{name}` is an end of it itself")));
        }
        if let Some(first) = word.except.good().and_then(|ranges| ranges.0.first()) {
            let label = "nothing is allowed to a forged source: leave `except` out";
            self.out.push(Mistake::error(title, first.spot, label));
        }
    }

    /// The node that is misused as a next hop must be a neighbour.
    fn via(&mut self, via: &NodeName, spot: Spot, sides: Vec<&Vec<NodeName>>) {
        let Some(middle) = self.nodes.get(via) else { return };
        for name in sides.into_iter().flatten() {
            if name == via {
                let title = format!("{} goes by way of one of its ends", self.whose);
                self.out.push(Mistake::error(title, spot, format!("`{name}` is an end")));
                return;
            }
            let Some(node) = self.nodes.get(name) else { continue };
            let near = |link: &super::super::model::Link| {
                middle.links.iter().any(|other| other.segment == link.segment)
            };
            if !node.links.is_empty() && !middle.links.is_empty() && !node.links.iter().any(near) {
                let title = format!("{} goes by way of a node that is no neighbour", self.whose);
                let label = format!("`{via}` has no link in a segment of `{name}`");
                self.out.push(Mistake::error(title, spot, label));
                return;
            }
        }
    }

    /// Cameras, and a node that is told to play each of them.
    fn plays_of(&mut self, names: &Slot<OneOrMany<At<NodeName>>>, at: &Slot<At<NodeName>>) -> Option<Played> {
        use super::directory::Section::{Appliance, Camera, Host};
        let cameras =
            names.good().map(|names| self.directory.nodes_of(names, &[Camera], self.whose, self.out));
        let at =
            at.good().and_then(|name| self.directory.one_of(name, &[Appliance, Host], self.whose, self.out));
        let (cameras, at) = (cameras?, at?);
        let pulls = match self.nodes.get(&at).map(|node| &node.kind) {
            Some(Kind::Appliance(appliance)) => &appliance.cameras,
            Some(Kind::Host(host)) => &host.plays,
            _ => return None,
        };
        let stranger = cameras.iter().find(|camera| !pulls.contains(camera));
        if let (Some(camera), Some(names)) = (stranger, names.good())
            // an empty list may be one that could not be read
            && (!pulls.is_empty() || !self.out.has_errors())
        {
            let label = format!("`{at}` does not pull `{camera}`");
            let title = format!("{} waits for video that nobody asks for", self.whose);
            self.out.push(Mistake::error(title, names.0.first()?.spot, label));
        }
        let others = pulls.iter().any(|camera| !cameras.contains(camera));
        Some(Played { cameras, at, others })
    }

    fn no_video(&mut self, word: &raw::NoVideo) -> Option<Word> {
        let Played { cameras, at, others } = self.plays_of(&word.cameras, &word.at_node)?;
        if let (false, false, Some(name)) = (others, self.out.has_errors(), word.at_node.good()) {
            let label = format!("`{at}` plays no other camera, and nothing would show that it can");
            let title = format!("{} asks somebody who may be unable to play", self.whose);
            self.out.push(Mistake::error(title, name.spot, label));
        }
        let own = self.nodes.get(&at).is_some_and(|node| node.run.is_some());
        if let (true, Some(name)) = (own, word.at_node.good()) {
            let label = format!("`{at}` runs a command of its own, which may play as well");
            let title = format!("{} asks somebody who does not say all that it plays", self.whose);
            self.out.push(Mistake::error(title, name.spot, label));
        }
        Some(Word::NoVideo { cameras, at })
    }

    fn inventory(&mut self, word: &raw::Inventory) -> Option<Word> {
        use super::directory::Section::Appliance;
        let names = word.of_node.good()?;
        let of = self.directory.nodes_of(names, &[Appliance], self.whose, self.out);
        let tells = |name: &NodeName| match self.nodes.get(name).map(|node| &node.kind) {
            Some(Kind::Appliance(appliance)) => appliance.cloud.is_some(),
            _ => true,
        };
        if let (Some(mute), Some(first)) = (of.iter().find(|name| !tells(name)), names.0.first()) {
            let title = format!("{} asks what a cloud is told", self.whose);
            self.out.push(Mistake::error(title, first.spot, format!("`{mute}` has no cloud")));
        }
        (!of.is_empty()).then_some(Word::Inventory { of })
    }

    fn no_stream(&mut self, word: &raw::NoStream) -> Option<Word> {
        use super::directory::Section::Camera;
        let cameras = self.directory.nodes_of(word.cameras.good()?, &[Camera], self.whose, self.out);
        let from = self.nodes(&word.from)?;
        if let ([asker], [camera]) = (from.as_slice(), cameras.as_slice())
            && let (true, Some(first)) = (asker == camera, word.from.good().and_then(|names| names.0.first()))
        {
            let title = format!("{} has nobody who asks", self.whose);
            self.out.push(Mistake::error(title, first.spot, "no camera is asked by itself"));
        }
        let knows_password = or(&word.knows_password, true);
        (!cameras.is_empty()).then_some(Word::NoStream { cameras, from, knows_password })
    }

    /// Whether all streams are asked for; they must be there, and pulled.
    fn sub_streams(&mut self, word: &raw::Plays, cameras: &[NodeName], at: &NodeName) -> bool {
        let Some(written) = word.sub_streams.good().filter(|written| written.value) else { return false };
        let pulls = matches!(self.nodes.get(at).map(|node| &node.kind), Some(Kind::Appliance(app)) if app.sub_streams);
        let has = |camera: &NodeName| matches!(self.nodes.get(camera).map(|node| &node.kind), Some(Kind::Camera(camera)) if !camera.rtsp.streams.is_empty());
        let label = match cameras.iter().find(|camera| !has(camera)) {
            _ if !pulls => format!("`{at}` pulls main streams only: give it `sub_streams: true`"),
            Some(camera) => format!("`{camera}` has one stream only"),
            None => return true,
        };
        let title = format!("{} waits for streams that nobody asks for", self.whose);
        self.out.push(Mistake::error(title, written.spot, label));
        true
    }

    fn plays(&mut self, word: &raw::Plays) -> Option<Word> {
        let Played { cameras, at, .. } = self.plays_of(&word.cameras, &word.at_node)?;
        let own = |node: &&NodeName| self.nodes.get(*node).is_some_and(|node| node.run.is_some());
        if let (Some(camera), Some(names)) = (cameras.iter().find(own), word.cameras.good()) {
            let label = format!("`{camera}` runs a command of its own: its frames carry no numbers");
            let title = format!("{} counts frames that nobody has numbered", self.whose);
            self.out.push(Mistake::error(title, names.0.first()?.spot, label));
        }
        let counts = matches!(self.nodes.get(&at).map(|node| &node.kind), Some(Kind::Host(_)));
        if let (true, Some(name)) = (own(&&at) && !counts, word.at_node.good()) {
            let label = format!("`{at}` runs a command of its own, which says nothing of frames");
            let title = format!("{} asks somebody who does not count frames", self.whose);
            self.out.push(Mistake::error(title, name.spot, label));
        }
        let lasting = |slot: &Slot<At<Lasting<1, 600_000>>>| slot.good().map(|lasting| lasting.value.0);
        let bounds = Bounds {
            frames: word.frames.good()?.value.0,
            lost: or(&word.lost, Whole(0)).0,
            duplicated: or(&word.duplicated, Whole(0)).0,
            swapped: or(&word.swapped, Whole(0)).0,
            latency_p50: lasting(&word.latency_p50),
            latency_p99: lasting(&word.latency_p99),
            latency_max: lasting(&word.latency_max),
            longest_gap: lasting(&word.longest_gap),
        };
        let sub_streams = self.sub_streams(word, &cameras, &at);
        Some(Word::Plays { cameras, at, sub_streams, bounds })
    }

    fn peers_of(&mut self, word: &raw::PeersOf) -> Option<Word> {
        let (nodes, exactly) = (self.nodes(&word.nodes), self.nodes(&word.exactly));
        self.ends(&word.nodes, &word.exactly);
        let besides = match &word.besides {
            Slot::Good(ranges) => self.upkeep(ranges, "name its peer in `exactly`"),
            _ => self
                .flows
                .known
                .iter()
                .filter(|known| known.flow.upkeep && known.flow.id.as_str() == "F17")
                .map(|known| known.flow.id.clone())
                .collect(),
        };
        Some(Word::PeersOf { nodes: nodes?, exactly: exactly?, besides })
    }

    fn members(&mut self, word: &raw::Members) -> Option<Word> {
        let exactly = self.nodes(&word.exactly);
        let segment = word.segment.good()?;
        self.segments.find(segment, self.whose, self.out)?;
        let exactly = exactly?;
        let tagged = match &word.tagged {
            Slot::Absent => None,
            tagged => Some(self.tagged(tagged, &exactly, segment)?),
        };
        Some(Word::Members { segment: segment.value.clone(), exactly, tagged })
    }

    /// Members on trunks, each by its own.
    fn tagged(
        &mut self,
        tagged: &Slot<OneOrMany<At<NodeName>>>,
        exactly: &[NodeName],
        segment: &At<SegmentName>,
    ) -> Option<Vec<NodeName>> {
        let nodes = self.nodes(tagged)?;
        let spot = tagged.good()?.0.first()?.spot;
        let title = format!("{} asks for tags", self.whose);
        if let Some(stranger) = nodes.iter().find(|name| !exactly.contains(name)) {
            let label = format!("`{stranger}` is not in `exactly`");
            self.out.push(Mistake::error(title.clone(), spot, label));
        }
        if !self.requires.iter().any(|feature| feature == "vlan-tags") {
            let label = "write `requires: vlan-tags`: not every kernel has tags";
            self.out.push(Mistake::error(title.clone(), spot, label));
        }
        if self.segments.known.get(&segment.value).is_some_and(|known| known.segment.vlan.is_none()) {
            let label = format!("`{}` has no `vlan`", segment.value);
            self.out.push(Mistake::error(title, segment.spot, label));
        }
        Some(nodes)
    }

    /// Flows of the scenario, all of them upkeep.
    pub(super) fn upkeep(&mut self, ranges: &OneOrMany<At<FlowRange>>, cure: &str) -> Vec<FlowId> {
        let ids = self.flows.ids(ranges, self.whose, self.out);
        for (id, spot) in &ids {
            if self.flows.get(id).is_some_and(|flow| !flow.upkeep) {
                let title = format!("{} leaves out a flow that counts", self.whose);
                self.out.push(Mistake::error(title, *spot, format!("{id} is no link upkeep: {cure}")));
            }
        }
        ids.into_iter().map(|(id, _)| id).collect()
    }
}

/// What a probe can open through the node's own kernel, and get an answer to.
fn can_be_opened(traffic: &Traffic) -> bool {
    match traffic {
        Traffic::Tcp(first, last) => first == last && *first > 0,
        Traffic::Udp(first, last) => first == last && matches!(first, 53 | 123),
        Traffic::Icmp(..) => *traffic == Traffic::icmp(8),
        _ => false,
    }
}

/// Everything: each TCP and UDP port, each type and code of ICMP, each protocol, each set of TCP flags, and what passes for
/// an answer from each of the ports of servers. What does not exist in a target's family is left out.
pub fn all_ports() -> Vec<Traffic> {
    const ALL: [&str; 8] = [
        "tcp/*",
        "udp/*",
        "icmp/*",
        "icmp6/*",
        "proto/*",
        "tcp-from/0-1023",
        "udp-from/0-1023",
        "tcp-flags/*",
    ];
    ALL.map(|all| all.parse().expect("it is well formed")).to_vec()
}

/// What a `no_reach` sends if it does not say; `ip6`: some segment speaks IPv6.
pub fn usual_ports(ip6: bool) -> Vec<Traffic> {
    let ports = DEFAULT_PORTS.into_iter().chain(ip6.then_some("icmp6/128"));
    ports.map(|port| port.parse().expect("the default ports are well formed")).collect()
}
