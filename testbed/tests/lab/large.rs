//! What large sites need: neighbours that are known from the start, and more namespaces than one view of settings takes.

use crate::sites;
use crate::support::{Counted, ONE_RUN, Place, say};

/// The neighbours that a node had when the site stood and nothing ran yet, as the kernel's table has them.
fn neighbours(place: &Place, node: &str) -> String {
    let path = place.run_folders()[0].join(format!("before/{node}.json"));
    let text = std::fs::read_to_string(path).expect("a run has the state of each node");
    let state: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    state["tables"]["arp"].as_str().expect("a table").to_owned()
}

#[test]
fn static_neighbours_are_known_before_anybody_speaks() {
    // Permanent and complete (linux/if_arp.h: ATF_PERM, ATF_COM).
    let known = |table: &str, address: &str| {
        table.lines().any(|line| line.starts_with(&format!("{address} ")) && line.contains(" 0x6 "))
    };
    for (kind, expected) in [("static", true), ("learned", false)] {
        let place = Place::new();
        let path = sites::small(&place, sites::SMALL_RULES);
        let text = std::fs::read_to_string(&path).expect("the small site");
        let (from, to) = ("[192.0.2.0/24] }", format!("[192.0.2.0/24], neighbours: {kind} }}"));
        std::fs::write(&path, sites::changed(&text, from, &to)).expect("our own file");
        say(place.run(&path), ONE_RUN).expect_code(0);
        let (app, door) = (neighbours(&place, "app"), neighbours(&place, "door"));
        assert_eq!(known(&app, "192.0.2.10"), expected, "{kind}: {app}");
        assert_eq!(known(&door, "192.0.2.5"), expected, "{kind}: {door}");
    }
}

#[test]
fn a_star_of_two_hundred_stands_connects_and_is_gone() {
    let place = Place::new();
    let counted = Counted::at(&place);
    let mut star = place.testbed();
    star.args(["bench-star", "--hosts", "200"]);
    let said = say(counted.wrap(star), ONE_RUN).expect_code(0);
    assert!(said.all().contains("\"n\":200"), "{said}");
    counted.assert_nothing_left();
}
