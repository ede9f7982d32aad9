//! Which tests of scenarios and twins run in the kernel lane.

use crate::support::{Place, test_name};

#[test]
fn what_requires_something_runs_in_the_kernel_lane_and_its_twins_too() {
    let place = Place::new();
    for (text, before) in [("    requires: netem\n", "kernel_lane::"), ("    # requires: netem\n", "")] {
        let site = place.write("site.yaml", format!("version: 1\nchecks:\n  slow:\n{text}"));
        // The name of a shipped scenario, as a rule; a whole path names any other.
        let twin = place.write("twin.yaml", format!("twin_of: {}\nsays: nothing\n", site.display()));
        assert_eq!(test_name(&site), format!("{before}site"));
        assert_eq!(test_name(&twin), format!("{before}twin"));
    }
}
