//! Rule files of switches: kept to their own ports, in tables of their own families, and gone in the open copy.

use crate::sites;
use crate::support::{Counted, ONE_RUN, Place, say};

/// The small site with a switch in it, whose file says this.
fn small(place: &Place, rules: &str) -> std::path::PathBuf {
    let path = sites::small(place, sites::SMALL_RULES);
    let text = std::fs::read_to_string(&path).expect("the small site");
    let switches = "site:\n  switches: { sw: { access: [desk, rtr.office0], ruleset: sw.nft } }\n";
    place.write("site/sw.nft", rules);
    std::fs::write(&path, sites::changed(&text, "site:\n", switches)).expect("our own file");
    path
}

#[test]
fn a_file_of_the_switchs_own_ports_is_loaded_as_it_is() {
    let place = Place::new();
    let rules = "flush ruleset\ntable bridge sw {\n\tchain in {\n\t\ttype filter hook prerouting priority filter; policy drop;\n\
        \t\tiifname != { \"desk-eth0\", \"rtr-office0\" } accept\n\t\tether type { arp, ip, ip6 } accept\n\t}\n}\n\
        table netdev sw {\n\tchain in {\n\t\ttype filter hook ingress device \"desk-eth0\" priority 0; policy accept;\n\t}\n}\n";
    say(place.run(&small(&place, rules)), ONE_RUN).expect_code(0);
}

#[test]
fn a_file_that_reaches_beyond_its_switch_is_refused_and_nothing_is_left() {
    let bridge = |rule: &str| {
        format!(
            "table bridge sw {{\n\tchain c {{\n\t\ttype filter hook prerouting priority 0; policy drop;\n\t\t{rule}\n\t}}\n}}\n"
        )
    };
    let netdev = |device: &str, rule: &str| {
        format!(
            "table netdev sw {{\n\tchain c {{\n\t\ttype filter hook ingress device \"{device}\" priority 0; policy drop;\n\t\t{rule}\n\t}}\n}}\n"
        )
    };
    let cases = [
        ("table inet site {\n}\n".to_owned(), "tables of `bridge` and `netdev` only"),
        (bridge("ip saddr 192.0.2.5 drop"), "begins with `iifname != {"),
        (bridge("iifname != \"door-eth0\" accept"), "begins with `iifname != {"),
        (netdev("door-eth0", "drop"), "hangs on ports of the switch: \"desk-eth0\", \"rtr-office0\""),
        (netdev("desk-eth0", "fwd to \"door-eth0\""), "handed on past the switch"),
        (netdev("desk-eth0", "include \"/etc/shadow\""), "sw.nft:4:"),
    ];
    for (rules, words) in cases {
        let place = Place::new();
        let counted = Counted::at(&place);
        let said = say(counted.wrap(place.run(&small(&place, &rules))), ONE_RUN).expect_code(2);
        assert!(said.all().contains(words) && said.all().contains("of `sw`"), "{words}: {said}");
        counted.assert_nothing_left();
    }
}
