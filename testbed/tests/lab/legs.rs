//! Legs that are asked for addresses of others, in both families.

use testbed::report::CheckJson;
use testbed::verdict::Verdict;

use crate::sites::changed;
use crate::support::{ONE_RUN, Place, runs_of, say};

const SITE: &str = include_str!("legs.yaml");

/// The only check of the site; whatever the exit code.
fn check(site: &str) -> CheckJson {
    let place = Place::new();
    let mut run = place.run(&place.write("site/legs.yaml", site));
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN);
    let mut run = runs_of(&said).runs.remove(0);
    assert!(run.failure.is_none(), "{said}");
    run.checks.remove(0)
}

#[test]
fn a_leg_answers_for_its_own_addresses_in_both_families() {
    let check = check(SITE);
    assert_eq!(check.verdict, Verdict::Pass, "{check:#?}");
    assert_eq!(
        check.summary,
        "4 legs asked 8 times for addresses of others, 0 answered; instrument 16/16, path 8/8, alive 16/16"
    );
}

#[test]
fn one_that_answers_for_all_is_found() {
    let check = check(&changed(SITE, "cameras: [door]", "cameras: [door]\n      weak_host: true"));
    assert_eq!(check.verdict, Verdict::Fail, "{check:#?}");
    let found: Vec<_> = check.findings.iter().map(|one| one.text.split(',').next().unwrap()).collect();
    // Linux answers for its other addresses by ARP, never by neighbour discovery.
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|text| text.contains(" for 10.")), "{found:?}");
}

#[test]
fn where_nobody_answers_nothing_is_shown() {
    // What a leg does not get it does not answer, whatever it would say.
    let deaf = changed(SITE, "cameras: [door]", "cameras: [door]\n      ruleset: deaf.nft");
    let place = Place::new();
    place.write(
        "site/deaf.nft",
        "table netdev deaf {\n\tchain in {\n\t\ttype filter hook ingress device \"eth0\" priority 0;\n\t\tether type arp drop\n\t}\n}\n",
    );
    let mut run = place.run(&place.write("site/legs.yaml", &deaf));
    run.args(["--json", "-"]);
    let check = runs_of(&say(run, ONE_RUN)).runs.remove(0).checks.remove(0);
    assert_eq!(check.verdict, Verdict::Inconclusive, "{check:#?}");
    assert!(check.reasons.iter().any(|reason| reason.starts_with("alive: ")), "{check:#?}");
}
