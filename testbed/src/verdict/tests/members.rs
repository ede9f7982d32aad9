//! `members`: somebody too many, somebody missing, a foreign Ethernet address, silence.

use super::*;
use crate::names::Mac;
use crate::observation::{Station, TagSeen};

const CHECK: &str = "dock-alone";
const MEMBERS: [&str; 4] = ["dock-1", "dock-2", "app", "rtr"];

fn mac(number: usize) -> Mac {
    Mac([2, 0, 0, 0, 1, u8::try_from(number).unwrap()])
}

fn station(node: &str, mac: Mac) -> Station {
    let port = format!("p-{node}-0").parse().unwrap();
    Station { port, mac, first_packet: 70, frames: 5 }
}

/// The verdict where these are expected, after a change to the plan and to what was heard of the four members.
fn judged(
    exactly: &[&str],
    change: impl FnOnce(&mut Plan),
    heard: impl FnOnce(&mut Vec<Station>),
) -> CheckVerdict {
    let numbered = |plan: &mut Plan| {
        for (number, link) in plan.nodes.iter_mut().flat_map(|node| &mut node.links).enumerate() {
            link.mac = mac(number);
        }
        check_of(plan, CHECK).word = Word::Members {
            segment: "cam".parse().unwrap(),
            exactly: exactly.iter().map(|name| name.parse().unwrap()).collect(),
            tagged: None,
        };
        change(plan);
    };
    after_both(CHECK, numbered, |seen| {
        seen.stations = (0..).zip(MEMBERS).map(|(number, node)| station(node, mac(number))).collect();
        // Another segment's, of which nothing is asked.
        seen.stations.push(station("vms", mac(99)));
        heard(&mut seen.stations);
    })
}

#[test]
fn the_inventory_as_it_should_be_passes_with_counts() {
    let verdict = judged(&MEMBERS, |_| {}, |_| {});
    assert_eq!((verdict.verdict, verdict.word.as_str()), (Verdict::Pass, "members"), "{verdict:#?}");
    assert_eq!(
        verdict.summary,
        "4 Ethernet addresses in cam (20 frames); plugged in: app, dock-1, dock-2, rtr"
    );
}

#[test]
fn who_is_plugged_in_besides_is_a_finding_heard_or_not() {
    let verdict = judged(&MEMBERS[..3], |_| {}, |_| {});
    assert_fails(&verdict, &["rtr is plugged into cam (by eth0)"]);
    assert_eq!(verdict.findings[0].packets, [("first frame".to_owned(), 70)]);
    let silent = judged(&MEMBERS[..3], |_| {}, |heard| drop(heard.remove(3)));
    assert_fails(&silent, &["rtr is plugged into cam (by eth0)"]);
    assert_eq!(silent.findings[0].packets, []);
}

#[test]
fn who_is_missing_is_a_finding_and_who_is_silent_a_doubt() {
    let elsewhere = |plan: &mut Plan| {
        let app = plan.nodes.iter_mut().find(|node| node.name.as_str() == "app").unwrap();
        app.links[0].segment = "prod".parse().unwrap();
    };
    assert_fails(&judged(&MEMBERS, elsewhere, |_| {}), &["app is not plugged into cam"]);
    let silent = judged(&MEMBERS, |_| {}, |heard| drop(heard.remove(1)));
    assert_inconclusive(&silent, &["dock-2 was not heard in cam"]);
}

#[test]
fn a_foreign_address_is_a_finding_that_says_whose_it_is() {
    let strange = judged(&MEMBERS, |_| {}, |heard| heard.push(station("dock-1", mac(77))));
    let text = "frames come out of dock-1's eth0 from 02:00:00:00:01:4d, which is nobody's";
    assert_fails(&strange, &[text]);
    let stolen = judged(&MEMBERS, |_| {}, |heard| heard.push(station("dock-1", mac(2))));
    let text = "frames come out of dock-1's eth0 from 02:00:00:00:01:02, which is an address of app";
    assert_fails(&stolen, &[text]);
}

#[test]
fn who_was_heard_earlier_is_there_and_what_was_wrong_earlier_is_no_finding() {
    let earlier = |station: &mut Station| (station.first_packet, station.frames) = (0, 0);
    let verdict = judged(
        &MEMBERS,
        |_| {},
        |heard| {
            heard.push(station("dock-1", mac(77)));
            heard.iter_mut().for_each(earlier);
        },
    );
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
}

/// As [`judged`], of members of which the router is on a trunk, after a change to the tags that were seen.
fn tagged(change: impl FnOnce(&mut Vec<TagSeen>)) -> CheckVerdict {
    let ask = |plan: &mut Plan| {
        plan.segments.iter_mut().for_each(|segment| segment.vlan = Some(20.try_into().unwrap()));
        let Word::Members { tagged, .. } = &mut check_of(plan, CHECK).word else { panic!("members") };
        *tagged = Some(vec!["rtr".parse().unwrap()]);
    };
    let tag = |node: &str, tag| TagSeen {
        port: format!("p-{node}-0").parse().unwrap(),
        tag,
        first_packet: 71,
        frames: 3,
    };
    let numbered = |plan: &mut Plan| {
        for (number, link) in plan.nodes.iter_mut().flat_map(|node| &mut node.links).enumerate() {
            link.mac = mac(number);
        }
        let exactly = MEMBERS.iter().map(|name| name.parse().unwrap()).collect();
        check_of(plan, CHECK).word = Word::Members { segment: "cam".parse().unwrap(), exactly, tagged: None };
        check_of(plan, CHECK).requires.clear();
        ask(plan);
    };
    after_both(CHECK, numbered, |seen| {
        seen.stations = (0..).zip(MEMBERS).map(|(number, node)| station(node, mac(number))).collect();
        seen.tags = MEMBERS.map(|node| tag(node, (node == "rtr").then_some(20))).to_vec();
        // Another segment's, of which nothing is asked.
        seen.tags.push(tag("vms", Some(7)));
        change(&mut seen.tags);
    })
}

#[test]
fn tags_are_on_the_trunk_and_at_no_other_port() {
    let good = tagged(|_| {});
    assert_eq!(good.verdict, Verdict::Pass);
    assert!(good.summary.ends_with("; 3 of 12 frames carry its tag, on trunks"), "{}", good.summary);
    let at_a_camera = tagged(|tags| {
        let leaked = TagSeen { tag: Some(20), ..tags[0].clone() };
        tags.push(leaked);
    });
    assert_fails(&at_a_camera, &["frames at dock-1's eth0 carry tag 20, not none"]);
    assert_eq!(at_a_camera.findings[0].packets, [("first frame".to_owned(), 71)]);
    let other = tagged(|tags| tags[3].tag = Some(30));
    assert_fails(&other, &["frames at rtr's eth0 carry tag 30, not tag 20"]);
    let bare = tagged(|tags| tags[3].tag = None);
    assert_fails(&bare, &["frames at rtr's eth0 carry no tag, not tag 20"]);
    assert_inconclusive(&tagged(|tags| drop(tags.remove(3))), &["silent", "no frame with a tag"]);
}
