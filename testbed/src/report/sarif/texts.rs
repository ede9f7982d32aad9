//! What each kind of result says, whatever the scenario.

use super::format::{Message, Rule};

const HELP: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/scenarios/README.md");

/// The kinds, and what holds where there is no result.
pub(super) const KINDS: [(&str, &str); 35] = [
    ("address", "A node got the address that it should, from nobody else, and kept it."),
    ("after", "What goes on goes on after a fault, and what is shut stays shut."),
    ("attacks", "Hostile cameras have done what they are there for."),
    ("carries", "Flows run over this link of a node, and its routes lead there."),
    ("clock", "A node has the right time, from the server that it should ask."),
    ("direction", "Only the named node opens these flows."),
    ("matrix", "What flows say can be opened can be, nothing else can, and the loaded rules say the same."),
    ("explained", "Every frame belongs to an allowed flow, to upkeep of a link, or to a probe."),
    ("lint", "The drawing of the site keeps the rules of the documents."),
    ("members", "Only the named nodes are in a segment."),
    ("name", "The names that are let out are those that are asked for."),
    ("listens", "A node listens at no other port than those that are declared."),
    ("no_bridge", "A node passes no frame from one of its networks into another."),
    ("no_hop", "No frame gets from one segment into another, whatever tags it has."),
    ("own_leg", "A node does not answer on one leg for an address of another."),
    ("no_reach", "No packet gets from one node to another."),
    ("inventory", "The cloud knows the addresses that a device's ports have."),
    ("no_stream", "Cameras give their streams to nobody who may not watch."),
    ("no_video", "Cameras are asked for video, and nothing of it comes."),
    ("peers_of", "A node talks with the named nodes only."),
    ("periodic", "Reports come at regular times."),
    ("plays", "Video arrives, and no frame is lost."),
    ("reach", "A node is reached, and answers."),
    ("run", "A run comes to its end, with every part of the testbed at work."),
    ("job", "An appliance does what its cloud gives it to do, and what must come of it comes."),
    ("calls", "Operators call the cloud from outside, and nobody else is believed."),
    (
        "talks",
        "An appliance, or an operator, talks with these services of its cloud, and with nothing else there.",
    ),
    (
        "endures",
        "What goes wrong at the cloud is outlasted: the appliance waits longer each time, and gets through.",
    ),
    (
        "names_agree",
        "Each server name said in TLS is known for its address, and what is asked for there is its own.",
    ),
    (
        "rtsp",
        "What is said in RTSP is what playing takes, about the camera itself, and is said nowhere else.",
    ),
    ("scan", "Cameras are looked for when they should be, and exactly the right ones are found."),
    ("spare", "A spare link is silent until it is needed."),
    ("taint", "Video of a camera is seen on its way to whoever may have it, and nowhere else."),
    (
        "tls",
        "What is said on flows is said in TLS that is new enough and has forward secrecy, and to the right peer.",
    ),
    ("twin", "A broken twin is reported exactly as it expects."),
];

/// The description of a kind.
pub(super) fn rule(id: &str) -> Rule {
    let text =
        KINDS.iter().find(|(known, _)| *known == id).map_or("A check of a scenario.", |(_, text)| text);
    Rule { id: id.to_owned(), short_description: Message::plain(text), help_uri: HELP }
}
