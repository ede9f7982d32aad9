//! Rule files: loaded as they are, with includes of their own folder, refused in nft's words.

use std::time::Duration;

use crate::sites;
use crate::support::{Counted, ONE_RUN, Place, assert_judged_alike, runs_of, say, scenarios};

/// A run and another one in a copy.
const TWO_RUNS: Duration = ONE_RUN.saturating_mul(2);

#[test]
fn what_nft_refuses_is_said_in_its_words_with_file_and_line_and_nothing_is_left() {
    let place = Place::new();
    let counted = Counted::at(&place);
    let rules = sites::changed(sites::SMALL_RULES, "hook forward", "hook froward");
    let said = say(counted.wrap(place.run(&sites::small(&place, &rules))), ONE_RUN).expect_code(2);
    let line = rules.lines().position(|line| line.contains("froward")).expect("it was put there") + 1;
    for wanted in [format!("small.nft:{line}:"), "hook froward".into(), "of `rtr`".into(), "^^^".into()] {
        assert!(said.stdout.contains(&wanted), "`{wanted}` is not said: {said}");
    }
    counted.assert_nothing_left();
}

#[test]
fn rule_files_that_flush_and_include_from_their_folder_work() {
    let place = Place::new();
    place.write("site/parts/door.nft", "define door = 192.0.2.10\n");
    let include = "flush ruleset\ninclude \"parts/door.nft\"\n";
    let rules = sites::changed(sites::SMALL_RULES, "flush ruleset\n", include);
    let rules = sites::changed(
        &rules,
        "policy drop;\n\t\tct state",
        "policy drop;\n\t\tip daddr $door drop\n\t\tct state",
    );
    say(place.run(&sites::small(&place, &rules)), ONE_RUN).expect_code(0);
    let state = std::fs::read_to_string(place.run_folders()[0].join("before/rtr.json")).unwrap();
    assert!(state.contains("192.0.2.10"), "what was included is loaded: {state}");
    assert!(!state.contains("testbed_base"), "the base that drops everything is gone: {state}");
}

#[test]
fn shipped_rule_files_begin_as_real_ones_do() {
    let mut seen = 0;
    for folder in [scenarios(), scenarios().join("broken")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "nft") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
            assert_eq!(first, Some("flush ruleset"), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen}");
}

#[test]
fn a_rule_file_cannot_take_in_what_lies_outside_its_folder() {
    let place = Place::new();
    let secret = place.write("secret.nft", "SECRET LINE\n");
    let folder = place.path().join("site");
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(&secret, folder.join("link.nft")).unwrap();
    std::os::unix::fs::symlink("..", folder.join("up")).unwrap();
    let shadow = std::fs::read_to_string("/etc/shadow").unwrap_or_default();
    let includes = [
        "/etc/shadow".to_owned(),
        "../secret.nft".into(),
        "link.nft".into(),
        "up/secret.nft".into(),
        secret.display().to_string(),
        format!("{}/link.nft", folder.display()),
        format!("{}/../secret.nft", folder.display()),
        "/proc/1/root/etc/shadow".into(),
    ];
    let counted = Counted::at(&place);
    for include in includes {
        let rules = format!("flush ruleset\ninclude \"{include}\"\n");
        let said = say(counted.wrap(place.run(&sites::small(&place, &rules))), ONE_RUN).expect_code(2);
        let all = said.all();
        assert!(all.contains("small.nft:2:"), "{include}: {said}");
        assert!(!all.contains("SECRET"), "{include}: {said}");
        assert!(
            !shadow.lines().any(|line| !line.is_empty() && all.contains(line)),
            "{include} shows /etc/shadow"
        );
        assert!(said.took < Duration::from_secs(10), "{said}");
    }
    counted.assert_nothing_left();
}

#[test]
fn a_rule_file_that_never_ends_is_given_up() {
    let place = Place::new();
    let counted = Counted::at(&place);
    let rules = "flush ruleset\ninclude \"/dev/zero\"\n";
    let said = say(counted.wrap(place.run(&sites::small(&place, rules))), ONE_RUN).expect_code(2);
    assert!(said.stdout.contains("nft did not end within 10 s"), "{said}");
    counted.assert_nothing_left();
}

#[test]
fn a_rule_file_that_would_blind_our_instrument_is_refused() {
    for own in
        ["table inet testbed_instrument {\n}\n", "table inet x {\n\tchain y {\n\t\tlog group 23\n\t}\n}\n"]
    {
        let place = Place::new();
        let rules = format!("{}\n{own}", sites::SMALL_RULES);
        let said = say(place.run(&sites::small(&place, &rules)), ONE_RUN).expect_code(2);
        assert!(said.stdout.contains("are the testbed's own"), "{own}: {said}");
    }
}

#[test]
fn a_folder_whose_name_is_a_pattern_keeps_its_rules() {
    let place = Place::new();
    let folder = place.path().join("si[t]e\"");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("small.yaml"), sites::SMALL).unwrap();
    std::fs::write(folder.join("small.nft"), sites::SMALL_RULES).unwrap();
    say(place.run(&folder.join("small.yaml")), ONE_RUN).expect_code(0);
    let state = std::fs::read_to_string(place.run_folders()[0].join("before/rtr.json")).unwrap();
    assert!(state.contains("hook forward"), "the rules are loaded: {state}");
}

#[test]
fn rules_that_nothing_uses_are_found_in_a_copy_whose_rules_count() {
    let place = Place::new();
    let rules = sites::changed(
        sites::SMALL_RULES,
        "\t\tiifname \"office0\" icmp",
        "\t\tiifname \"nowhere0\" tcp dport 9 accept\n\t\tiifname \"office0\" icmp",
    );
    sites::small(&place, &rules);
    let pings =
        "  - { id: S02, from: desk, to: rtr, ports: icmp/8, why: the desk asks who is there }\nchecks:
  desk-asks: { reach: { from: desk, to: rtr, ports: icmp/8 }, proves: PAN-NET-11 (part) }\n";
    let scenario = place.write("site/small.yaml", sites::changed(sites::SMALL, "checks:\n", pings));
    let mut run = place.run(&scenario);
    run.args(["--json", "-", "--count-rules"]);
    let said = say(run, TWO_RUNS).expect_code(0);
    let rule_use = runs_of(&said).runs.remove(0).rule_use;
    let [rtr] = &rule_use[..] else { panic!("one node has rules: {said}") };
    let never: Vec<_> = rtr.never_used.iter().map(|one| (&*one.chain, &*one.rule)).collect();
    assert!(never.contains(&("inet site own", "iifname \"nowhere0\" tcp dport 9 accept")), "{never:?}");
    assert!(never.iter().all(|(_, rule)| !rule.contains("echo-request")), "that one was used: {never:?}");
    assert_eq!((rtr.in_copy, rtr.uncounted, rtr.used + never.len()), (true, 0, 4), "{rtr:?}");
    assert!(said.all().contains("rules that count were never used"), "{said}");

    let [folder] = &place.run_folders()[..] else { panic!("one run: {said}") };
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    assert!(read("counted/rtr.nft").contains("counter packets"));
    assert!(!read("after/rtr.json").contains("counter packets"), "the site's own rules are as they were");
    let is_folder = |entry: &std::fs::DirEntry| entry.path().is_dir();
    let inside = std::fs::read_dir(folder).unwrap().map(Result::unwrap).filter(is_folder);
    let mut inside: Vec<_> = inside.map(|entry| entry.file_name().into_string().unwrap()).collect();
    inside.sort();
    assert_eq!(
        inside,
        ["after", "before", "clips", "counted", "files", "logs"],
        "nothing else is left of it"
    );
    assert_judged_alike(&place, folder);
}
