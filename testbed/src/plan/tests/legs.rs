//! Questions for the addresses of a node's other legs.

use std::net::IpAddr;

use crate::plan::testsite::{name, node, t1, t5, words};
use crate::plan::{Asked, Plan, Questions, Word};
use crate::scenario::model::{Careless, Kind, Scenario, Word as Asserted};

fn asked(scenario: Scenario, of: &str) -> Vec<Questions> {
    let plan = scenario.check("own", "", Asserted::OwnLeg { of: words(of) }).planned();
    let check = plan.checks.iter().find(|one| one.name.as_str() == "own").unwrap();
    let Word::OwnLeg { questions } = &check.word else { panic!("an own_leg") };
    questions.clone()
}

#[test]
fn a_neighbour_at_each_leg_asks_for_the_addresses_of_the_others() {
    let plan: Plan = t1().planned();
    let app = node(&plan, "app");
    let questions = asked(t1(), "app");
    let ends: Vec<_> =
        questions.iter().map(|one| format!("{} asks {} for {:?}", one.from, one.leg.0, one.others)).collect();
    let at = |place: usize| app.links[place].addresses[0].addr();
    assert_eq!(
        ends,
        [
            format!("dock asks eth0 for {:?}", [(name::<crate::names::LinkName>("eth1"), at(1))]),
            format!("rtr asks eth1 for {:?}", [(name::<crate::names::LinkName>("eth0"), at(0))]),
        ]
    );
    assert_eq!(questions[0].own, at(0));
    assert!(app.links[0].addresses[0].contains(&questions[0].source));
}

#[test]
fn a_family_is_asked_for_where_both_legs_speak_it() {
    // The appliance of T5 has IPv6 on one leg only.
    let families = |of: &str| -> Vec<bool> { asked(t5(), of).iter().map(|one| one.own.is_ipv4()).collect() };
    assert_eq!(families("app"), [true, true]);
    let six: Vec<_> = asked(t5(), "rtr").into_iter().filter(|one| one.own.is_ipv6()).collect();
    assert_eq!(six.iter().map(|one| one.from.as_str()).collect::<Vec<_>>(), ["app", "aws"]);
    assert!(six.iter().flat_map(|one| &one.others).all(|(_, address)| address.is_ipv6()));
}

#[test]
fn the_own_address_is_asked_for_before_and_after_and_the_others_also_in_the_copy() {
    let one = asked(t1(), "app").remove(0);
    let own = |what_for| [(what_for, one.own, false), (what_for, one.own, true)];
    let other: IpAddr = one.others[0].1;
    let others = |what_for| [(what_for, other, false), (what_for, other, true)];
    let all: Vec<_> =
        one.all().into_iter().map(|asked| (asked.what_for, asked.address, asked.directly)).collect();
    let wanted = [own(Asked::Before), others(Asked::Attack), own(Asked::After), others(Asked::Path)].concat();
    assert_eq!(all, wanted);
}

#[test]
fn a_weak_host_answers_everywhere() {
    let weak = |node: &mut crate::scenario::model::Node| {
        let Kind::Appliance(appliance) = &mut node.kind else { panic!("an appliance") };
        appliance.weak_host = true;
    };
    let plan = t5().with("app", weak).planned();
    let arp = node(&plan, "app").sysctls.iter().filter(|(key, _)| key.contains("/arp_")).collect::<Vec<_>>();
    assert!(arp.len() >= 8);
    assert!(arp.iter().filter(|(key, _)| !key.ends_with("arp_notify")).all(|(_, value)| *value == "0"));
}

#[test]
fn an_appliance_takes_redirects_only_if_it_is_that_careless() {
    let heeded = |careless: &[Careless]| {
        let change = |node: &mut crate::scenario::model::Node| {
            let Kind::Appliance(appliance) = &mut node.kind else { panic!("an appliance") };
            appliance.careless = careless.to_vec();
        };
        let plan = t5().with("app", change).planned();
        let app = node(&plan, "app");
        let all = app.sysctls.iter().filter(|(key, _)| key.ends_with("/accept_redirects"));
        all.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    assert!(heeded(&[Careless::Waits]).iter().all(|value| value == "0"));
    let heeds = heeded(&[Careless::TakesRedirects]);
    assert!(heeds.len() >= 4 && heeds.iter().all(|value| value == "1"));
}
