//! `address` of links that a router advises: another router, another address, none.

use super::*;
use crate::names::LinkName;
use crate::observation::{AddressesSeen, Advertised, Moment};
use crate::plan::Advised;

const CHECK: &str = "dock-alone";

fn eth0() -> LinkName {
    "eth0".parse().unwrap()
}

fn heard(from: Option<&str>, last: u8) -> Advertised {
    let from = from.map(|name| name.parse().unwrap());
    let mac = crate::names::Mac([2, 0, 0, 0, 0, last]);
    Advertised { node: "app".parse().unwrap(), link: eth0(), from, mac, packet: 9 }
}

fn has(moment: Moment, addresses: &[&str]) -> AddressesSeen {
    let addresses = addresses.iter().map(|address| (eth0(), address.parse().unwrap())).collect();
    AddressesSeen { node: "app".parse().unwrap(), moment, addresses }
}

/// The verdict on the appliance's link, after a change to what was seen.
fn judged(change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let ask = |plan: &mut Plan| {
        let bound = vec!["2001:db8::5".parse().unwrap()];
        let (node, router) = ("app".parse().unwrap(), "rtr".parse().unwrap());
        let advised = vec![Advised { node, link: eth0(), bound, router }];
        check_of(plan, CHECK).word = Word::Address { of: Vec::new(), advised, kept: true };
    };
    after_both(CHECK, ask, |seen| {
        seen.advertisements = vec![heard(Some("rtr"), 1)];
        seen.addresses = [Moment::Begun, Moment::End]
            .map(|moment| has(moment, &["fe80::5/64", "2001:db8::5/64", "10.20.0.5/24"]))
            .to_vec();
        change(seen);
    })
}

#[test]
fn the_planned_router_and_the_planned_address_pass() {
    let verdict = judged(|_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(verdict.summary, "1 node: app heard rtr");
}

#[test]
fn whoever_else_advertises_itself_is_a_finding() {
    let verdict = judged(|seen| seen.advertisements.push(heard(Some("dock-1"), 7)));
    assert_fails(&verdict, &["dock-1 (02:00:00:00:00:07) advertises itself to app as a router"]);
    assert_eq!(verdict.findings[0].packets, [("its advertisement, at app's tap".to_owned(), 9)]);
    let stranger = judged(|seen| seen.advertisements.push(heard(None, 8)));
    assert_fails(&stranger, &["a stranger (02:00:00:00:00:08) advertises itself to app as a router"]);
}

#[test]
fn another_address_or_none_is_a_finding_and_not_knowing_is_none() {
    let more = judged(|seen| seen.addresses[1] = has(Moment::End, &["2001:db8::5/64", "2001:db8:66::5/64"]));
    let found = "app.eth0 has 2001:db8::5, 2001:db8:66::5 at the end, and not 2001:db8::5";
    assert_fails(&more, &[found]);
    let none = judged(|seen| seen.addresses[0] = has(Moment::Begun, &["fe80::5/64"]));
    assert_fails(&none, &["app.eth0 has no IPv6 address after the start, and not 2001:db8::5"]);
    assert_inconclusive(&judged(|seen| drop(seen.addresses.pop())), &["addresses", "at the end"]);
}
