//! Addresses from router advertisements: known beforehand, taken from the planned router, and from nobody else.

use testbed::report::CheckJson;
use testbed::verdict::Verdict;

use crate::sites::changed;
use crate::support::{ONE_RUN, Place, runs_of, say};

const SITE: &str = include_str!("advised.yaml");
const RULES: &str = include_str!("advised.nft");

/// The checks of the site, after changes to it and to its rules; whatever the exit code.
fn checks(site: &str, rules: &str) -> Vec<CheckJson> {
    let place = Place::new();
    place.write("site/advised.nft", rules);
    let mut run = place.run(&place.write("site/advised.yaml", site));
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN);
    let run = runs_of(&said).runs.remove(0);
    assert!(run.failure.is_none(), "{said}");
    run.checks
}

fn of<'a>(checks: &'a [CheckJson], name: &str) -> &'a CheckJson {
    checks.iter().find(|check| check.name.as_str() == name).expect("it was judged")
}

#[test]
fn links_that_are_advised_have_what_the_plan_says_and_the_default_route_works() {
    let checks = checks(SITE, RULES);
    assert!(checks.iter().all(|check| check.verdict == Verdict::Pass), "{checks:#?}");
    assert_eq!(of(&checks, "as-advised").summary, "2 nodes: door heard rtr, app heard rtr");
}

#[test]
fn nobody_who_advises_is_a_finding() {
    // Nothing that the router's own service sends leaves it.
    let silent = changed(
        RULES,
        "\tchain through {",
        "\tchain out {\n\t\ttype filter hook output priority filter; policy accept;\n\t\ticmpv6 type nd-router-advert drop\n\t}\n\tchain through {",
    );
    let checks = checks(SITE, &silent);
    let check = of(&checks, "as-advised");
    assert_eq!(check.verdict, Verdict::Fail, "{checks:#?}");
    let found = "door.eth0 has no IPv6 address after the start, and not 2001:db8:20::ff:fe00:2010";
    assert!(check.findings.iter().any(|finding| finding.text == found), "{checks:#?}");
}
