//! `commissions_by`: whether what an appliance is told of its cameras is enough to know their streams.

use std::collections::BTreeMap;

use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::{Commissioned, Kind, Node};
use super::super::raw;
use super::directory::Directory;
use super::or;
use crate::names::NodeName;

pub(super) fn check(
    raw: &raw::Appliance,
    directory: &Directory,
    nodes: &BTreeMap<NodeName, Node>,
    out: &mut Mistakes,
) {
    let Some(by) = raw.commissions_by.good().filter(|by| by.value != Commissioned::Stream) else { return };
    let mut wrong = |label: &str| {
        out.push(Mistake::error("an appliance cannot know its cameras like this", by.spot, label));
    };
    if by.value == Commissioned::Search && raw.scan.is_absent() {
        wrong("it looks for nobody: give it `scan: by-job`");
    }
    if or(&raw.sub_streams, false) {
        wrong("ONVIF is asked for the main stream only, and this one has `sub_streams: true`");
    }
    for name in raw.cameras.good().map_or(&[][..], |names| &names.0) {
        let entry = directory.find(name, "an appliance", &mut Mistakes::default());
        // The members of a group are alike.
        let first = entry.and_then(|entry| nodes.get(entry.members.first()?));
        let silent = first.is_some_and(|node| {
            node.run.is_none() && matches!(&node.kind, Kind::Camera(camera) if camera.onvif.is_none())
        });
        if silent {
            let label = "its ONVIF is to be asked for its stream: give it `onvif: answers`";
            out.push(Mistake::error("a camera that does not speak ONVIF", name.spot, label));
        }
    }
}
