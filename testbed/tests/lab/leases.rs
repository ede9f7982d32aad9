//! Addresses by DHCP: for an ordinary user too, from a host, and what becomes of a node that is given none.

use testbed::verdict::Verdict;

use crate::sites;
use crate::support::{Counted, ONE_RUN, Place, User, runs_of, say, verdicts_in};

#[test]
fn a_host_hands_out_addresses() {
    let place = Place::new();
    let counted = Counted::at(&place);
    let site = sites::leases(&place, sites::LEASES, sites::LEASES_RULES);
    let mut run = place.run(&site);
    run.args(["--json", "-"]);
    let said = say(counted.wrap(run), ONE_RUN).expect_code(0);
    let summary = &runs_of(&said).runs[0].checks[0].summary;
    // twice, or once more where the client was not quick enough to hear the second answer
    assert!(summary.starts_with("1 node: desk asked for any and was given 198.51.100.5, "), "{said}");
    counted.assert_nothing_left();
}

#[test]
fn addresses_are_handed_out_without_root() {
    let place = Place::of(User::Ordinary);
    let site = sites::leases(&place, sites::LEASES, sites::LEASES_RULES);
    let said = say(place.run(&site), ONE_RUN);
    // A system whose AppArmor wants a profile for this says so; the test of the separate VLAN looks at the words.
    let refused = said.status.code() == Some(3) && said.all().contains("scripts/setup userns");
    assert!(refused || said.status.code() == Some(0), "{said}");
}

#[test]
fn a_node_that_is_given_no_address_fails_its_check_and_ends_no_run() {
    let place = Place::new();
    let rules = sites::changed(sites::LEASES_RULES, "\t\tudp sport 68 udp dport 67 accept\n", "");
    let said = say(place.run(&sites::leases(&place, sites::LEASES, &rules)), ONE_RUN).expect_code(1);
    let run = verdicts_in(&place.run_folders()[0]);
    let check = &run.checks[0];
    assert_eq!(check.verdict, Verdict::Fail, "{said}");
    let [finding] = check.findings.as_slice() else { panic!("one finding: {said}") };
    assert!(finding.text.starts_with("desk was given no address: nobody answered its"), "{}", finding.text);
    let packet = finding.packets.first().expect("the question").number;
    assert!(packet > 0, "it is cited: {said}");
}

#[test]
fn nobody_asking_is_no_verdict() {
    // its own rules keep whatever it sends from leaving
    let place = Place::new();
    let scenario = sites::changed(
        sites::LEASES,
        "desk: { segment: office, dhcp: any }",
        "desk: { segment: office, dhcp: any, ruleset: mute.nft }",
    );
    let mute = "flush ruleset\ntable netdev mute {\n\tchain out {\n\t\ttype filter hook egress device \"eth0\" priority 0; policy drop;\n\t}\n}\n";
    place.write("site/mute.nft", mute);
    let said = say(place.run(&sites::leases(&place, &scenario, sites::LEASES_RULES)), ONE_RUN).expect_code(3);
    assert!(said.stdout.contains("no DHCP message of desk was seen"), "{said}");
}

#[test]
fn an_offer_of_something_else_is_told_while_the_run_goes_on() {
    let place = Place::new();
    let scenario = sites::changed(
        sites::LEASES,
        "desk: { segment: office, dhcp: any }",
        "desk: { segment: office, dhcp: 198.51.100.7 }",
    );
    let said = say(place.run(&sites::leases(&place, &scenario, sites::LEASES_RULES)), ONE_RUN).expect_code(1);
    let warning = "desk.eth0 was offered 198.51.100.5 by server, and not 198.51.100.7";
    assert!(said.stderr.contains(&format!("warning: leases: {warning}")), "{said}");
    let run = verdicts_in(&place.run_folders()[0]);
    let found = &run.checks[0].findings[0].text;
    assert!(found.starts_with("desk was given 198.51.100.5 by server, and not 198.51.100.7"), "{said}");
}
