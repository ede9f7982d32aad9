//! `no_stream`: who asks which camera for its stream, and who shows that it would give one.

use std::net::IpAddr;

use super::alive;
use super::checks::Known;
use super::mistake::Mistakes;
use super::model::{Node, Open};
use super::ports::fits;
use super::taint::first_port;
use super::ways::speaks;
use crate::names::{NodeName, Traffic};
use crate::scenario::model::Check;

/// Each of `from` with each address of each camera that it can speak to, but for a camera with itself; and for each camera the first
/// pair of a flow that may watch it.
pub(super) fn tried(
    check: &Check,
    known: &Known<'_>,
    (cameras, from): (&[NodeName], &[NodeName]),
    mistakes: &mut Mistakes,
) -> (Vec<Open>, Vec<Open>) {
    let (mut tries, mut may) = (Vec::new(), Vec::new());
    for camera in cameras {
        let Some((port, node)) = first_port(known, camera).zip(known.ways.node(camera)) else {
            mistakes.check(check, format!("asks `{camera}`, which does not serve RTSP by itself"));
            continue;
        };
        let port = Traffic::Tcp(port, port);
        match watches(known, camera, port) {
            Some(open) => may.push(open),
            None => mistakes.check(
                check,
                format!(
                    "no flow lets anybody watch `{camera}`, and nothing would show that it gives its stream"
                ),
            ),
        }
        let askers = from.iter().filter(|name| *name != camera).filter_map(|name| known.ways.node(name));
        for asker in askers {
            let asked = asked(asker, node, port);
            if asked.is_empty() {
                let text = format!("`{}` has no address of a family that `{camera}` has", asker.name);
                mistakes.check(check, text);
            }
            tries.extend(asked);
        }
    }
    if tries.is_empty() {
        mistakes.check(check, "has nobody who could ask a camera".to_owned());
    }
    (tries, may)
}

fn asked(asker: &Node, camera: &Node, port: Traffic) -> Vec<Open> {
    let addresses = camera.links.iter().flat_map(|link| &link.addresses).map(|net| net.addr());
    let fitting = addresses.filter(|address: &IpAddr| speaks(asker, *address) && fits(&port, *address));
    let open =
        |address| Open { flow: None, from: asker.name.clone(), to: camera.name.clone(), address, port };
    fitting.map(open).collect()
}

/// Somebody whom a flow lets watch the camera.
fn watches(known: &Known<'_>, camera: &NodeName, port: Traffic) -> Option<Open> {
    let lets = |ports: &Traffic| matches!((ports, port), (Traffic::Tcp(first, last), Traffic::Tcp(port, _)) if (*first..=*last).contains(&port));
    let flows = known.flows.iter().filter(|flow| flow.ports.iter().any(lets));
    let mut pairs = flows.flat_map(|flow| flow.pairs.iter().map(move |pair| (flow, pair)));
    pairs
        .find_map(|(flow, pair)| if pair.to == *camera { alive::open(known, flow, pair, port) } else { None })
}
