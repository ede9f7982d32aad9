//! Scenarios that no plan can be made of: every mistake, in words.

use crate::plan::testsite::{
    appliance, camera, cloud, empty, host, name, no_reach, no_reach_with, reach, route, router, t3, t5, words,
};
use crate::scenario::fault::Fault;
use crate::scenario::model::{
    Appliance, CloudService, Codec, Commissioned, Encode, HandsOut, Kind, Misroute, Scenario, Stream,
    Transport,
};

/// One segment with a router.
fn small() -> Scenario {
    empty("small").segment("lan", None, "10.1.0.0/29").node("rtr", router("", "", None), "lan0:lan")
}

fn assert_refused(site: &Scenario, wanted: &str) {
    let text = site.refused();
    assert!(text.lines().any(|line| line.contains(wanted)), "wanted: {wanted}\nfound: {text}");
}

#[test]
fn addresses_that_no_link_can_have() {
    assert_refused(
        &small().node("a", host(""), "eth0:lan:10.2.0.1"),
        "`a.eth0`: 10.2.0.1 is in no subnet of segment `lan`",
    );
    assert_refused(&small().node("a", host(""), "eth0:lan:10.1.0.7"), "is no host's address in its subnet");
    let twice = small().node("a", host(""), "eth0:lan:10.1.0.3").node("b", host(""), "eth0:lan:10.1.0.3");
    assert_refused(&twice, "`b.eth0`: another link has 10.1.0.3, too");
    assert_refused(
        &small().node("aws", cloud(), "eth0:lan"),
        "10.1.0.0/29 of segment `lan` has too few addresses",
    );
    assert_refused(&small().node("aws", cloud(), "eth0:lan:10.1.0.3"), "10.1.0.7 is no host's address");
    assert_refused(&small().node("a", host(""), "eth0:moon"), "`a.eth0`: there is no segment `moon`");
}

#[test]
fn ethernet_addresses_that_no_link_can_have() {
    let with = |node: &str, mac: &str| {
        let mac = name(mac);
        let site = small().node("a", host(""), "eth0:lan").with("rtr", |rtr| rtr.links[0].mac = Some(mac));
        site.with(node, |node| node.links[0].mac = Some(mac))
    };
    assert_refused(&with("a", "02:00:00:00:00:01"), "`rtr.lan0`: another link has 02:00:00:00:00:01, too");
    assert_refused(&with("rtr", "03:00:00:00:00:01"), "03:00:00:00:00:01 is a group address");
}

#[test]
fn routes_that_lead_nowhere() {
    let with = |to: &str, via: &str| {
        let route = route(to, via);
        small().node("a", host(""), "eth0:lan").with("a", |a| a.routes = vec![route])
    };
    assert_refused(
        &with("10.9.0.0/24", "2001:db8::1"),
        "the route to 10.9.0.0/24: 2001:db8::1 is of the other family",
    );
    assert_refused(&with("10.9.0.0/24", "10.1.0.2"), "10.1.0.2 is its own address");
    assert_refused(&with("10.9.0.0/24", "10.8.0.1"), "10.8.0.1 is in no subnet of its links");
    assert_refused(&with("10.9.0.0/24", "10.1.0.5"), "no node has 10.1.0.5");
}

#[test]
fn gateways_that_are_none_or_several() {
    let without = empty("x").segment("lan", None, "10.1.0.0/24").node("a", host(""), "eth0:lan");
    assert_refused(
        &without,
        "`a`: its gateway link `eth0` is in segment `lan`, which has no router; write its routes",
    );
    let two = small().node("other", router("", "", None), "lan0:lan").node("a", host(""), "eth0:lan");
    assert_refused(
        &two,
        "`a`: its default gateway in segment `lan` may be `other` or `rtr`; write its routes",
    );
    let unknown = small().node("a", host(""), "eth0:lan").with("a", |a| a.gateway = Some(name("eth7")));
    assert_refused(&unknown, "`a`: its gateway link `eth7` is none of its links");
}

#[test]
fn services_that_lack_what_they_need() {
    let serving = |router: Kind| {
        let site = empty("x").segment("lan", None, "10.1.0.0/24").segment("six", None, "2001:db8::/64");
        let site = site.node("rtr", router, "lan0:lan").node("aws", cloud(), "eth0:six");
        site.with("aws", |aws| aws.gateway = None)
    };
    assert_refused(&serving(router("lan", "", None)), "`rtr` serves dns: it needs an `upstream` to ask");
    assert_refused(&serving(router("lan", "", Some("rtr"))), "its upstream `rtr` is no cloud");
    assert_refused(&serving(router("lan", "", Some("aws"))), "no address family in common with `aws`");
    assert_refused(&serving(router("", "six", None)), "`rtr` serves segment `six`, where it has no link");
}

#[test]
fn an_application_calls_what_its_cloud_serves() {
    let calls = |serves: Vec<CloudService>| {
        let site = small().node("a", appliance("", Some("aws")), "eth0:lan").with("a", |a| {
            let Kind::Appliance(appliance) = &mut a.kind else { panic!("an appliance") };
            appliance.application = Some(CloudService::Sts);
        });
        let site = site.segment("wan", None, "10.2.0.0/24").node("aws", cloud(), "eth0:wan");
        site.with("aws", |aws| {
            aws.gateway = None;
            let Kind::Cloud(cloud) = &mut aws.kind else { panic!("a cloud") };
            cloud.serves = serves;
        })
    };
    let text = "`a`: its application calls `sts`, and its cloud `aws` needs `serves: [sts]`";
    assert_refused(&calls(Vec::new()), text);
    assert!(!calls(vec![CloudService::Sts]).planned().services.is_empty());
}

#[test]
fn nodes_that_do_not_speak_the_same_family() {
    let with = |kind: Kind| {
        let site = small().segment("six", None, "2001:db8::/64").node("a", kind, "eth0:lan");
        let site = site.node("dock", camera(1), "eth0:six").node("aws", cloud(), "eth0:six");
        site.with("dock", |dock| dock.gateway = None).with("aws", |aws| aws.gateway = None)
    };
    assert_refused(&with(host("dock")), "`a` plays `dock`, which has no address family in common with it");
    let asks = with(appliance("", Some("aws"))).with("a", |a| a.clock = Some(name("aws")));
    assert_refused(&asks, "`a`: its clock `aws` has no address family in common with it");
    let asks = with(host("")).with("a", |a| a.resolver = Some(name("aws")));
    assert_refused(&asks, "`a`: its resolver `aws` answers at no address it could ask");
    assert_refused(&with(host("")).check("r", "", reach("a", "dock", "tcp/80")), "nothing would be opened");
}

#[test]
fn a_segment_without_a_subnet_serves_no_camera() {
    let site = empty("bare").segment("lan", None, "").node("dock", camera(1), "eth0:lan");
    assert_refused(&site.with("dock", |dock| dock.gateway = None), "`dock` has no address to serve on");
}

#[test]
fn a_mistake_of_the_site_is_not_echoed_by_its_checks() {
    let two = t3().node("other", router("", "", None), "eth0:cam");
    let text = two.refused();
    assert!(text.contains("`app`: its default gateway in segment `cam` may be `other` or `rtr`"), "{text}");
    assert!(!text.contains("check `"), "{text}");
}

#[test]
fn nodes_that_name_the_wrong_ones() {
    let with = |kind: Kind| small().node("a", kind, "eth0:lan").node("dock", camera(1), "eth0:lan");
    assert_refused(&with(appliance("dock", Some("dock"))), "`a`: its cloud `dock` is no cloud");
    assert_refused(&with(appliance("rtr", None)), "`a` plays `rtr`, which is no camera");
    let asks = |what: &str| {
        let who = Some(name(what));
        with(appliance("", None)).with("a", |a| (a.resolver, a.clock) = (who.clone(), who))
    };
    assert_refused(&asks("rtr"), "`a`: its clock `rtr` tells nobody the time");
    assert_refused(&asks("rtr"), "`a`: its resolver `rtr` answers at no address it could ask");
    assert_refused(&asks("moon"), "`a`: its resolver `moon` is no node");
}

#[test]
fn a_search_that_cannot_find_whom_it_is_to_find() {
    let searching = |cameras: &str| {
        let Kind::Appliance(app) = appliance(cameras, None) else { unreachable!("it makes one") };
        let app = Appliance { commissions_by: Commissioned::Search, ..app };
        let two = small().segment("yard", None, "10.2.0.0/29").node("gate", camera(2), "eth0:yard");
        two.node("dock", camera(1), "eth0:lan").node("a", Kind::Appliance(app), "eth0:lan")
    };
    let text = searching("dock gate").refused();
    assert!(text.contains("`a` is to find `gate`: it is on none of its own subnets"), "{text}");
    assert!(!text.contains("to find `dock`"), "{text}");
    // A camera of IPv6 is found on a link that has nothing else, and only there.
    let six = |at: &str| {
        let Kind::Appliance(app) = appliance("eye", None) else { unreachable!("it makes one") };
        let app = Appliance { commissions_by: Commissioned::Search, ..app };
        let site = small().segment("pole", None, "2001:db8:2::/64").node("eye", camera(3), "eth0:pole");
        site.node("a", Kind::Appliance(app), at)
    };
    assert!(six("eth0:lan").refused().contains("`a` is to find `eye`"));
    assert!(!six("eth0:lan eth1:pole").refused().contains("to find"), "its link has no router, which is all");
}

#[test]
fn flows_between_nobody() {
    let joins = |from: &str, to: &str| small().flow("S01", from, to, "tcp/80");
    assert_refused(&joins("rtr", "rtr"), "flow S01 joins no two nodes");
    assert_refused(&joins("rtr", "moon"), "flow S01: there is no node `moon`");
    assert_refused(&joins("moon", "rtr"), "flow S01: there is no node `moon`");
}

#[test]
fn reaches_that_cannot_be_answered() {
    let with = |ports: &str| t3().check("r", "", reach("app", "dock", ports));
    assert_refused(&with("udp/500"), "check `r`: `udp/500` gets no answer that could be waited for");
    assert_refused(&with("proto/47"), "`proto/47` gets no answer");
    assert_refused(&with("tcp/*"), "`tcp/*` is more than the 1024 ports that reach opens");
    assert_refused(&t3().check("r", "", reach("app", "app", "tcp/80")), "nothing would be opened");
    assert!(with("udp/500").refused().starts_with("site.yaml:47:3: "), "at the check's place");
}

#[test]
fn what_a_flow_allows_must_be_excepted() {
    let sent = t3().check("all", "F15 F01", no_reach("app", "rtr", "udp/*"));
    let text = sent.refused();
    assert!(
        text.contains("`udp/*` from `app` to `rtr` (10.20.0.1) is what flow F13 allows; add F13 to `except`"),
        "{text}"
    );
    assert!(text.contains("add F15 to `except`"), "every flow is named: {text}");
    assert!(!text.contains("F17"), "upkeep allows nothing to be opened: {text}");
    // Round by a neighbour the flow is no permission.
    let round = no_reach_with(no_reach("bench", "rtr", "tcp/53"), false, Some("app"), "");
    assert!(t5().check("round", "F01 F07 F15", round).planned().checks.len() > 1);
    let unknown = no_reach_with(no_reach("app", "rtr", "tcp/80"), false, None, "F99");
    assert_refused(
        &t3().check("x", "F15", unknown),
        "`except` names flow F99, which the scenario does not have",
    );
}

#[test]
fn ways_round_that_are_none() {
    let round = |from: &str, to: &str, via: &str| {
        t5().check("round", "F01 F07 F15", no_reach_with(no_reach(from, to, "tcp/80"), false, Some(via), ""))
    };
    assert_refused(&round("bench", "aws", "aws"), "`via` names `aws`, which is an end of the pair itself");
    assert_refused(
        &round("bench", "aws", "dock"),
        "`via` names `dock`, which shares no segment with `bench`",
    );
    assert_refused(&round("bench", "aws", "moon"), "there is no node `moon`");
}

#[test]
fn negatives_about_nobody() {
    assert_refused(&t3().check("x", "F01", no_reach("vms", "vms", "tcp/80")), "nothing would be sent");
    assert_refused(
        &t3().check("x", "F01", no_reach("vms", "moon", "tcp/80")),
        "check `x`: there is no node `moon`",
    );
}

/// Drawn pictures of JPEG show whose they are, those of a recording show nothing.
#[test]
fn sub_streams_of_which_nothing_says_whose_they_are() {
    let by = |way: Transport, recording: Option<&str>| {
        let path = "/sub".to_owned();
        let (codec, recording) = (Codec::Mjpeg, recording.map(str::to_owned));
        let stream = Stream { path, codec, recording, encode: Encode::Once, width: 320, height: 176, fps: 5 };
        let site = small().node("a", camera(1), "eth0:lan").with("a", |a| {
            let Kind::Camera(camera) = &mut a.kind else { panic!("it is a camera") };
            camera.rtsp.transport = vec![way];
            camera.rtsp.streams.push(stream);
        });
        site.node("app", appliance("a", None), "eth0:lan").with("app", |app| {
            let Kind::Appliance(appliance) = &mut app.kind else { panic!("it is an appliance") };
            appliance.sub_streams = true;
        })
    };
    let with = |recording| by(Transport::Tcp, recording);
    assert_refused(
        &by(Transport::Multicast, None),
        "`app` plays all streams of `a`, whose `/sub` is JPEG in a group",
    );
    assert_refused(
        &with(Some("sub.mkv")),
        "`app` plays all streams of `a`, whose `/sub` is a recording of JPEG",
    );
    assert!(with(None).planned().services.len() > 1);
}

/// What a look-alike opens shows only where it leads, to who has asked for it.
#[test]
fn a_look_alike_is_tried_where_it_leads() {
    let asked = |to: &str, by: &str| {
        let mut site = t3();
        let shut = site.checks.iter_mut().find(|check| check.name.as_str() == "router-shut").unwrap();
        shut.during = Some(Fault::MoveName {
            name: name("aws-iot.eu-west-1.amazonaws.com"),
            to: Some(name(to)),
            ttl: std::time::Duration::from_secs(1),
            asked_by: Some(name(by)),
            asked_as: None,
        });
        site
    };
    let text = |to: &str, by: &str| {
        format!(
            "`{by}` asks for `aws-iot.eu-west-1.amazonaws.com`, and nothing is sent from `{by}` to {to} meanwhile"
        )
    };
    assert!(asked("10.20.0.1", "app").planned().checks.len() > 1);
    assert_refused(&asked("203.0.113.99", "app"), &text("203.0.113.99", "app"));
    assert_refused(&asked("10.20.0.1", "vms"), &text("10.20.0.1", "vms"));
    assert_refused(&asked("10.20.0.1", "dock-1"), "`dock-1` asks no name server");
}

#[test]
fn all_mistakes_of_a_stage_are_told_at_once() {
    let site = small()
        .node("a", host(""), "eth0:lan:10.2.0.1")
        .node("b", host(""), "eth0:lan:10.1.0.0")
        .with("rtr", |rtr| rtr.links[0].addresses = words("10.1.0.7"));
    assert_eq!(site.refused().lines().count(), 3);
}

#[test]
fn addresses_that_no_camera_can_take() {
    let taking = |to: &str| {
        let after = std::time::Duration::from_secs(1);
        let change = Some((after, to.parse().expect("an address")));
        let site = small().node("b", host(""), "eth0:lan:10.1.0.5");
        site.node("a", camera(1), "eth0:lan:10.1.0.3").with("a", move |a| {
            let Kind::Camera(camera) = &mut a.kind else { panic!("it is a camera") };
            camera.hostile.changes_address = change;
        })
    };
    assert_refused(&taking("10.2.0.1"), "`a` takes the address 10.2.0.1, which is none of its own subnet");
    assert_refused(&taking("10.1.0.7"), "10.1.0.7, which is none of its own subnet");
    assert_refused(&taking("10.1.0.5"), "`a` takes the address 10.1.0.5, which is that of `b`");
    assert_refused(&taking("10.1.0.3"), "10.1.0.3, which is that of `a`");
}

#[test]
fn addresses_that_no_camera_can_hand_out() {
    let handing = |first: Option<&str>, own: &str| {
        let lease = std::time::Duration::from_secs(30);
        let first = first.map(|first| first.parse().expect("an address"));
        let site = small().node("b", host(""), "eth0:lan:10.1.0.5");
        site.node("a", camera(1), own).with("a", move |a| {
            let Kind::Camera(camera) = &mut a.kind else { panic!("it is a camera") };
            camera.hostile.hands_out = Some(HandsOut { first, lease });
        })
    };
    let own = "eth0:lan:10.1.0.3";
    assert_refused(
        &handing(Some("10.2.0.1"), own),
        "`a` hands out the address 10.2.0.1, which is none of its own subnet",
    );
    assert_refused(&handing(Some("10.1.0.5"), own), "10.1.0.5, which is that of `b`");
    handing(None, own).planned();
}

#[test]
fn ways_that_no_camera_can_tell_of() {
    let telling = |node: &str, about: &str| {
        let one = Misroute { node: name(node), about: name(about), over: None };
        let site = small().node("b", host(""), "eth0:lan:10.1.0.5").node("c", host(""), "eth0:lan:10.1.0.6");
        site.node("a", camera(1), "eth0:lan:10.1.0.3").with("a", move |a| {
            let Kind::Camera(camera) = &mut a.kind else { panic!("it is a camera") };
            camera.hostile.misroutes = vec![one];
        })
    };
    let plan = telling("b", "c").planned();
    let told: Vec<_> =
        plan.misled().map(|one| (one.by.to_string(), one.own, one.node.to_string(), one.over)).collect();
    assert_eq!(told, [("a".into(), name("10.1.0.3"), "b".into(), name("10.1.0.6"))], "straight there");
    let far = telling("d", "b").segment("far", None, "10.9.0.0/24").node("d", host(""), "eth0:far:10.9.0.3");
    assert_refused(&far, "`a` cannot tell `d` of another way to 10.1.0.5: it is in none of its networks");
}
