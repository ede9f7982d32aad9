//! Which tests of scenarios and twins run in the kernel lane.

use crate::support::{Place, test_names};

#[test]
fn every_scenario_runs_in_the_kernel_lane_as_well_and_twins_that_show_what_requires_something() {
    let place = Place::new();
    let of = |more: &str| {
        let site =
            place.write("site.yaml", format!("version: 1\nchecks:\n  slow:\n{more}  quick:\n    x: y\n"));
        // The name of a shipped scenario, as a rule; a whole path names any other.
        let twin = |check: &str| {
            let text = format!("twin_of: {}\nexpect:\n  fail: {{ {check}: x }}\n", site.display());
            test_names(&place.write("twin.yaml", text))
        };
        (test_names(&site), twin("slow"), twin("quick"), twin("slow-too"))
    };
    for needs in ["    requires: netem\n", "    after: { fault: { impair: app, delay: 9ms } }\n"] {
        let (site, slow, quick, other) = of(needs);
        assert_eq!(site, ["site", "kernel_lane::site"]);
        assert_eq!(slow, ["twin", "kernel_lane::twin"]);
        assert_eq!((quick, other), (vec!["twin".to_owned()], vec!["twin".to_owned()]));
    }
    let (site, slow, ..) = of("    # requires: netem, for an impair: of its own\n");
    assert_eq!(
        (site, slow),
        (vec!["site".to_owned(), "kernel_lane::site".to_owned()], vec!["twin".to_owned()])
    );
}
