//! `rtsp`: by which ports of the fabric RTSP goes.

use std::collections::BTreeSet;

use super::checks::Known;
use super::model::{RtspWay, Word};
use super::taint::{stream, way};
use crate::names::{FlowId, LinkName};
use crate::scenario::model::RtspMethod;

/// The word, with the ways of each pair of its flows that has one.
pub(super) fn rtsp(
    known: &Known<'_>,
    flows: Vec<FlowId>,
    methods: Vec<RtspMethod>,
    nowhere_else: bool,
) -> Word {
    let mut ways: Vec<RtspWay> = Vec::new();
    for pair in known.flows.iter().filter(|flow| flows.contains(&flow.id)).flat_map(|flow| &flow.pairs) {
        let (camera, opener) = (&pair.to, &pair.from);
        if ways.iter().any(|one| one.camera == *camera && one.opener == *opener) {
            continue;
        }
        let Some(links) = way(known, camera, opener, &pair.addresses) else { continue };
        let answers = stream(known, camera, opener, false, &links);
        // What is asked may go another way than the answers.
        let asked = pair.addresses.iter().find_map(|to| known.ways.hops(known.ways.node(opener)?, *to));
        let asked = asked.map(|links| stream(known, camera, opener, false, &links));
        let mut besides: BTreeSet<LinkName> = answers.hear.iter().cloned().collect();
        besides.extend(asked.into_iter().flat_map(|one| one.ports.into_iter().flatten().chain(one.hear)));
        let along: BTreeSet<&LinkName> = answers.ports.iter().flatten().collect();
        besides.retain(|port| !along.contains(port));
        ways.push(RtspWay {
            camera: camera.clone(),
            opener: opener.clone(),
            ports: answers.ports.clone(),
            besides: besides.into_iter().collect(),
        });
    }
    Word::Rtsp { flows, methods, ways, nowhere_else }
}
