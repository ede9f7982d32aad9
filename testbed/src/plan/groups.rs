//! Groups to which cameras send their frames, and which flows are about them.
//!
//! Whoever pulls such a camera opens RTSP to it, and then only listens. A flow lets one node open something at another, so
//! that the group's ports at the camera stand for what comes by the group: as the port of a search stands for its group.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::model::{Group, Node};
use crate::names::{SegmentName, Traffic};
use crate::scenario::model::{Camera, Kind, Site, Transport};

/// Port of RTP of a camera's main stream in its group; RTCP has the next one, and each further stream the two after it
/// (RFC 3550, section 11).
pub const GROUP_PORT: u16 = 5004;

/// The group of the camera with this number (RFC 2365, section 6.1).
pub fn group_of(camera: u32) -> Ipv4Addr {
    let [.., high, low] = camera.to_be_bytes();
    Ipv4Addr::new(239, 255, high, low)
}

/// The group that a flow with these ports is about; none unless the answerer is a camera of ours that sends to one, the flow
/// has some of its ports, and the two are neighbours by IPv4.
pub(super) fn of_flow(site: &Site, ports: &[Traffic], opener: &Node, answerer: &Node) -> Option<Group> {
    let written = site.nodes.get(&answerer.name).filter(|node| node.run.is_none())?;
    let Kind::Camera(Camera { id, rtsp, .. }) = &written.kind else { return None };
    if !rtsp.transport.contains(&Transport::Multicast) {
        return None;
    }
    let last = GROUP_PORT + 1 + 2 * u16::try_from(rtsp.streams.len()).ok()?;
    let has = |ports: &Traffic| matches!(ports, Traffic::Udp(from, to) if *from <= last && *to >= GROUP_PORT);
    let segments = shared(opener, answerer);
    (ports.iter().any(has) && !segments.is_empty()).then(|| Group {
        address: group_of(*id),
        ports: (GROUP_PORT, last),
        segments,
    })
}

/// The segments in which both have an IPv4 address.
pub(super) fn shared(one: &Node, other: &Node) -> Vec<SegmentName> {
    let four = |node: &Node| -> BTreeSet<SegmentName> {
        let links = node.links.iter().filter(|link| link.addresses.iter().any(|net| net.addr().is_ipv4()));
        links.map(|link| link.segment.clone()).collect()
    };
    four(one).intersection(&four(other)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::plan::testsite::t3;
    use crate::scenario::model::{Scenario, Stream};

    /// The cameras of T3, the first of which sends to a group.
    fn casting() -> Scenario {
        t3().with("dock-1", |node| {
            let Kind::Camera(camera) = &mut node.kind else { panic!() };
            camera.rtsp.transport = vec![Transport::Multicast];
            camera.rtsp.streams = vec![stream()];
        })
    }

    fn stream() -> Stream {
        let (codec, recording, encode) = (crate::scenario::model::Codec::H264, None, Default::default());
        Stream { path: "/sub".into(), codec, recording, encode, width: 320, height: 176, fps: 5 }
    }

    fn groups(plan: &Plan, flow: &str) -> Vec<Option<Group>> {
        let flow = plan.flows.iter().find(|one| one.id.as_str() == flow).unwrap();
        flow.pairs.iter().map(|pair| pair.group.clone()).collect()
    }

    #[test]
    fn a_flow_of_a_groups_ports_is_about_it_for_neighbours_of_its_camera() {
        let mut site = casting();
        // Some say that these may not talk.
        site.checks.clear();
        let plan = site
            .flow("S04", "app", "dock", "udp/5004-5005")
            .flow("S05", "vms", "dock-1", "udp/5004-5005")
            .flow("S06", "app", "dock-1", "udp/4000 udp/5007")
            .flow("S07", "app", "dock-1", "udp/5008 tcp/5004")
            .planned();
        let group =
            Group { address: group_of(1), ports: (5004, 5007), segments: vec!["cam".parse().unwrap()] };
        assert_eq!(groups(&plan, "S04"), [Some(group.clone()), None], "the other has none");
        assert_eq!(groups(&plan, "S05"), [None], "it is in another segment");
        assert_eq!(groups(&plan, "S06"), [Some(group)]);
        assert_eq!(groups(&plan, "S07"), [None]);
        assert_eq!(groups(&plan, "F01"), [None, None]);
    }

    #[test]
    fn the_appliance_is_told_to_join_where_nothing_else_is_offered() {
        let plan = casting().planned();
        let ways = plan.services.iter().find_map(|service| match &service.kind {
            crate::plan::ServiceKind::Appliance { cameras, .. } => {
                Some(cameras.iter().map(|source| (source.udp, source.group)).collect::<Vec<_>>())
            }
            _ => None,
        });
        assert_eq!(ways, Some(vec![(false, true), (false, false)]));
    }

    #[test]
    fn whoever_is_elsewhere_is_refused_with_the_reason() {
        let far = casting().with("vms", |vms| {
            let Kind::Host(host) = &mut vms.kind else { panic!() };
            host.plays = vec!["dock-1".parse().unwrap()];
        });
        let text = far.refused();
        assert!(text.contains("sends its frames to a group, which is heard in its own segment"), "{text}");
    }

    #[test]
    fn each_camera_has_a_group_of_its_own() {
        assert_eq!(group_of(0x0102), Ipv4Addr::new(239, 255, 1, 2));
        assert_ne!(group_of(1), group_of(2));
    }
}
