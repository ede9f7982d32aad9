//! Answers about names, at the link of whoever asked.

use std::collections::HashMap;

use hickory_proto::op::{Message, MessageType};

use super::capture::Port;
use super::frame::{Content, Frame, Transport};
use super::inventory::Inventory;
use super::sightings::{Direction, Seen};
use crate::names::NodeName;
use crate::observation::{LookupSeen, MOST_LOOKUPS};

/// UDP port of name servers (RFC 1035, section 4.2.1).
const NAMES: u16 = 53;

/// Questions that may wait for an answer; more are none that anybody waits for.
const MOST_QUESTIONS: usize = 1_000;

/// Spellings in which the same answer is kept: resolvers may choose letters by chance.
const MOST_SPELLINGS: usize = 8;

/// What has been answered so far.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    told: Vec<LookupSeen>,
    /// Names in the letters in which they are asked for, by who asks, from which port, and the question's number.
    asked: HashMap<(NodeName, u16, u16), String>,
}

impl Lookups {
    /// All but so many of the first ones.
    pub(super) fn since(&self, known: usize) -> &[LookupSeen] {
        self.told.get(known..).unwrap_or_default()
    }

    /// Takes a frame at a port: remembers a question; keeps an answer if it is the first to tell this node these addresses of a
    /// name that it asked for in these letters.
    pub(super) fn take(&mut self, frame: &Frame<'_>, seen: Seen, port: &Port, inventory: &Inventory) {
        let Content::Ip(packet) = &frame.content else { return };
        let Transport::Udp(udp) = packet.transport else { return };
        let is_question = seen.direction == Direction::FromNode && udp.dest_port == NAMES;
        let is_answer = seen.direction == Direction::ToNode && udp.source_port == NAMES;
        if !(is_question || is_answer) || self.told.len() >= MOST_LOOKUPS {
            return;
        }
        let Ok(message) = Message::from_vec(udp.payload) else { return };
        let Some(asked) = message.queries.first() else { return };
        let name = asked.name().to_ascii().trim_end_matches('.').to_owned();
        match (message.metadata.message_type, is_question) {
            (MessageType::Query, true) => {
                self.note((port.node.clone(), udp.source_port, message.metadata.id), name);
            }
            (MessageType::Response, false) => {
                let question = self.asked.remove(&(port.node.clone(), udp.dest_port, message.metadata.id));
                self.keep(LookupSeen {
                    node: port.node.clone(),
                    packet: seen.packet,
                    at: seen.at,
                    asked_as: question.filter(|question| question.eq_ignore_ascii_case(&name)),
                    name: name.to_ascii_lowercase(),
                    addresses: message.answers.iter().filter_map(|record| record.data.ip_addr()).collect(),
                    from: inventory.node(packet.source).cloned(),
                    earlier: false,
                });
            }
            _ => {}
        }
    }

    /// Remembers in which letters a name is asked for.
    fn note(&mut self, question: (NodeName, u16, u16), name: String) {
        if self.asked.len() >= MOST_QUESTIONS {
            self.asked.clear();
        }
        self.asked.insert(question, name);
    }

    fn keep(&mut self, one: LookupSeen) {
        let says_the_same = |known: &&LookupSeen| {
            !known.earlier
                && (&known.node, &known.name, &known.addresses, &known.from)
                    == (&one.node, &one.name, &one.addresses, &one.from)
        };
        let same: Vec<_> = self.told.iter().filter(says_the_same).collect();
        if same.len() < MOST_SPELLINGS && same.iter().all(|known| known.asked_as != one.asked_as) {
            self.told.push(one);
        }
    }

    /// The end of a stretch: all so far. In the next one these are *earlier* ones.
    pub(super) fn turn(&mut self) -> Vec<LookupSeen> {
        let told = self.told.clone();
        let mut kept: Vec<LookupSeen> = Vec::new();
        for one in self.told.drain(..) {
            let same = |known: &LookupSeen| {
                (&known.node, &known.name, &known.addresses) == (&one.node, &one.name, &one.addresses)
            };
            if !kept.iter().any(same) {
                kept.push(LookupSeen { packet: 0, earlier: true, ..one });
            }
        }
        self.told = kept;
        told
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use etherparse::PacketBuilder;
    use hickory_proto::op::{OpCode, Query};
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{Name, RData, Record, RecordType};

    use super::*;
    use crate::tap::answers::Part;
    use crate::tap::fixture::{APP, RTR_B, inventory, mac, ports};
    use crate::tap::reading::Reading;

    fn message(kind: MessageType, name: &str, addresses: &[[u8; 4]]) -> Vec<u8> {
        let name = Name::from_ascii(name).unwrap();
        let mut message = Message::new(7, kind, OpCode::Query);
        message.add_query(Query::query(name.clone(), RecordType::A));
        let record = |one: &[u8; 4]| Record::from_rdata(name.clone(), 60, RData::A(A(Ipv4Addr::from(*one))));
        message.answers = addresses.iter().map(record).collect();
        message.to_vec().unwrap()
    }

    fn frame(payload: &[u8], port: u16) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2(mac(RTR_B).0, mac(APP).0);
        let builder = builder.ipv4([10, 30, 0, 1], [10, 30, 0, 5], 64).udp(port, 40_000);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        bytes
    }

    /// A question about a name in these letters, as the node sends it.
    fn question(name: &str) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2(mac(APP).0, mac(RTR_B).0);
        let builder = builder.ipv4([10, 30, 0, 5], [10, 30, 0, 1], 64).udp(40_000, 53);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &message(MessageType::Query, name, &[])).unwrap();
        bytes
    }

    fn taken(frames: &[(Vec<u8>, Direction)]) -> Lookups {
        let mut lookups = Lookups::default();
        for (packet, (bytes, direction)) in (1..).zip(frames) {
            let seen = Seen { packet, at: packet, port: 3, direction: *direction };
            lookups.take(&Frame::of(bytes).unwrap(), seen, &ports()[APP], &inventory());
        }
        lookups
    }

    #[test]
    fn an_answer_is_kept_once_with_its_addresses_and_who_gave_it() {
        let answer = frame(&message(MessageType::Response, "One.Example.ORG.", &[[192, 0, 2, 1]]), 53);
        let other = frame(&message(MessageType::Response, "one.example.org", &[[192, 0, 2, 2]]), 53);
        let to = Direction::ToNode;
        let told = taken(&[(answer.clone(), to), (answer, to), (other, to)]).turn();
        let texts: Vec<_> =
            told.iter().map(|one| (one.name.as_str(), one.addresses[0].to_string())).collect();
        assert_eq!(texts, [("one.example.org", "192.0.2.1".into()), ("one.example.org", "192.0.2.2".into())]);
        assert_eq!((told[0].node.as_str(), told[0].packet), ("app", 1));
        assert_eq!(told[0].from.as_ref().map(|node| node.as_str()), Some("rtr"));
    }

    #[test]
    fn an_answer_has_the_letters_of_its_question_whatever_letters_it_has_itself() {
        let answer = frame(&message(MessageType::Response, "one.example.org", &[[192, 0, 2, 1]]), 53);
        let other = frame(&message(MessageType::Response, "two.example.org", &[[192, 0, 2, 2]]), 53);
        let (from, to) = (Direction::FromNode, Direction::ToNode);
        let ask = |name| (question(name), from);
        let letters = |frames: &[(Vec<u8>, Direction)]| {
            taken(frames).turn().into_iter().map(|one| one.asked_as).collect::<Vec<_>>()
        };
        let told = letters(&[
            ask("one.example.org"),
            (answer.clone(), to),
            ask("One.EXAMPLE.org"),
            (answer.clone(), to),
            ask("One.EXAMPLE.org"),
            (answer.clone(), to),
        ]);
        assert_eq!(told, [Some("one.example.org".into()), Some("One.EXAMPLE.org".into())]);
        assert_eq!(letters(&[ask("One.EXAMPLE.org"), (other, to)]), [None], "it is about another name");
        assert_eq!(letters(&[(question("one.example.org"), to), (answer.clone(), to)]), [None]);
        let large = |at: usize| {
            let letter = |(place, letter): (usize, char)| {
                if place == at { letter.to_ascii_uppercase() } else { letter }
            };
            "one.example.org".chars().enumerate().map(letter).collect::<String>()
        };
        let many: Vec<_> =
            (0..12).flat_map(|at| [(question(&large(at)), from), (answer.clone(), to)]).collect();
        assert_eq!(letters(&many).len(), MOST_SPELLINGS, "letters by chance do not fill it");
    }

    /// A question is addressed to the next device and not to who sends it, and is read all the same.
    #[test]
    fn a_question_is_read_as_it_leaves_its_node() {
        let answer = frame(&message(MessageType::Response, "one.example.org", &[[192, 0, 2, 1]]), 53);
        let mut reading = Reading::new(ports(), inventory(), 1);
        let frames = [(question("One.EXAMPLE.org"), Direction::FromNode), (answer, Direction::ToNode)];
        for (packet, (bytes, direction)) in (1..).zip(frames) {
            let seen = Seen { packet, at: packet, port: APP as u16, direction };
            reading.take(&Frame::of(&bytes).unwrap(), Part::None, seen);
        }
        assert_eq!(reading.lookups.turn()[0].asked_as.as_deref(), Some("One.EXAMPLE.org"));
    }

    #[test]
    fn questions_and_what_only_looks_like_an_answer_are_none() {
        let answer = message(MessageType::Response, "one.example.org", &[]);
        let frames = [
            (frame(&message(MessageType::Query, "one.example.org", &[]), 53), Direction::ToNode),
            (frame(&answer, 5353), Direction::ToNode),
            (frame(&answer, 53), Direction::FromNode),
            (frame(&answer[..11], 53), Direction::ToNode),
            (frame(b"", 53), Direction::ToNode),
        ];
        assert!(taken(&frames).turn().is_empty());
    }

    #[test]
    fn the_next_stretch_knows_it_as_earlier_and_hears_it_anew() {
        let answer = frame(&message(MessageType::Response, "one.example.org", &[[192, 0, 2, 1]]), 53);
        let mut lookups = taken(&[(answer.clone(), Direction::ToNode)]);
        lookups.turn();
        let seen = Seen { packet: 9, at: 9, port: 3, direction: Direction::ToNode };
        lookups.take(&Frame::of(&answer).unwrap(), seen, &ports()[APP], &inventory());
        let told = lookups.turn();
        let told: Vec<_> = told.iter().map(|one| (one.packet, one.earlier)).collect();
        assert_eq!(told, [(0, true), (9, false)]);
        assert_eq!(lookups.turn().len(), 1, "however often it is told, it is one");
    }
}
