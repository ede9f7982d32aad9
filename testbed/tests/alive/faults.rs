//! `fault`: what is broken and mended by hand, what a node and a judgement see of it, and what is refused with why.

use testbed::verdict::Verdict;

use crate::lab::{BOTH, Labs, ctrl_c};
use crate::support::{ONE_RUN, Said, User, runs_of, start, until};
use crate::terminal::Terminal;

impl Labs {
    /// `testbed fault small` with these words.
    #[track_caller]
    fn fault(&self, words: &str, code: i32) -> Said {
        let words: Vec<&str> = ["fault", "small"].into_iter().chain(words.split(' ')).collect();
        self.say(&words).expect_code(code)
    }

    /// What a command in a node prints.
    #[track_caller]
    fn inside(&self, node: &str, script: &str) -> String {
        self.say(&["shell", "small", node, "--", "sh", "-c", script]).expect_code(0).stdout
    }

    /// What is in force, as `ps` says it.
    fn in_force(&self) -> Vec<String> {
        let faults = self.ps()[0]["faults"].clone();
        serde_json::from_value(faults).expect("a list of texts")
    }
}

#[test]
fn a_person_pulls_a_cable_looks_and_puts_it_back() {
    for user in BOTH {
        let labs = Labs::of(user);
        let mut up = labs.up_at_terminal();
        let mut command = labs.testbed(&["shell", "small", "guest"]);
        command.env("SHELL", "/bin/bash");
        let mut shell = Terminal::start(command);
        shell.expect("small guest ");
        let fault = |words: &str, wanted: &str| {
            let words: Vec<&str> = ["fault", "small"].into_iter().chain(words.split(' ')).collect();
            let mut fault = labs.at_terminal(&words);
            fault.expect(wanted);
            assert_eq!(fault.ends(), 0, "{user:?}: {}", fault.all());
        };
        fault("cut guest", "in force: cut guest.eth0");
        shell.line("ip -o link show eth0");
        // The cable is out at the far end: the node's own link is up all the same.
        let flags = shell.expect("qdisc");
        assert!(flags.contains("NO-CARRIER,") && flags.contains(",UP>"), "{user:?}: {flags}");
        shell.expect("small guest ");
        fault("list", "cut guest.eth0");
        fault("heal guest", "guest.eth0 has its carrier back");
        shell.line("ip -o link show eth0");
        let flags = shell.expect("qdisc");
        assert!(flags.contains("LOWER_UP") && !flags.contains("NO-CARRIER"), "{user:?}: {flags}");
        shell.expect("small guest ");
        shell.line("exit");
        assert_eq!(shell.ends(), 0);
        let mut down = labs.at_terminal(&["down", "small"]);
        assert_eq!(down.ends(), 0, "{}", down.all());
        assert_eq!(up.ends(), 0, "{}", up.all());
        labs.assert_nothing_left();
    }
}

#[test]
fn a_judgement_sees_what_is_broken_and_says_who_broke_it() {
    let labs = Labs::of(User::Same);
    labs.up_detached();
    labs.fault("cut door", 0);
    let files =
        ["testbed.sarif", "summary.md"].map(|name| labs.place.path().join(name).display().to_string());
    let [sarif, summary] = &files;
    let judge = ["judge", "small", "--json", "-", "--sarif", sarif, "--summary", summary];
    let said = labs.say(&judge).expect_code(1);
    let [sarif, summary] = files.map(|path| std::fs::read_to_string(path).expect("it was asked for"));
    for text in ["door-plays: ", "broken by hand: cut door.eth0", "\"ruleId\": \"plays\""] {
        assert!(sarif.contains(text), "{text}: {sarif}");
    }
    assert!(summary.contains("- <code>small</code>\n  - cut door"), "{summary}");
    let run = runs_of(&said).runs.remove(0);
    let plays = run.checks.iter().find(|check| check.name.as_str() == "door-plays").expect("it is judged");
    assert_eq!(plays.verdict, Verdict::Fail, "{said}");
    let shut = run.checks.iter().find(|check| check.name.as_str() == "guest-shut").expect("it is judged");
    assert_eq!(shut.verdict, Verdict::Inconclusive, "a cable that is out is no policy: {said}");
    assert_eq!(run.in_force, ["cut door.eth0"]);
    assert!(said.all().contains("by hand     cut door.eth0, in force from the beginning"), "{said}");
    labs.fault("heal --all", 0);
    let said = labs.say(&["judge", "small", "--json", "-"]).expect_code(0);
    assert!(!said.all().contains("by hand"), "{said}");
}

#[test]
fn what_is_broken_while_a_judgement_goes_on_is_in_its_evidence() {
    let labs = Labs::of(User::Same);
    labs.up_detached();
    let judge = start(labs.testbed(&["judge", "small", "--json", "-"]));
    until(ONE_RUN, || (labs.ps()[0]["state"] == "judging").then_some(())).expect("it begins");
    labs.fault("clear-state rtr", 0);
    let said = judge.finish(ONE_RUN).expect_code(0);
    let run = runs_of(&said).runs.remove(0);
    assert_eq!(run.faults.len(), 1, "{said}");
    let fault = &run.faults[0];
    assert!(fault.by_hand && fault.fault == "clear-state rtr" && fault.done_at >= fault.at, "{said}");
    assert!(fault.done.starts_with("rtr forgot "), "{said}");
}

/// Whose rules a judgement has seen mended is no stranger to it; who was changed by somebody else meanwhile is.
#[test]
fn what_is_mended_while_a_judgement_goes_on_excuses_those_alone_whose_it_was() {
    let labs = Labs::of(User::Same);
    let folder = labs.site.parent().expect("it lies in a folder").to_owned();
    let own = std::fs::read_to_string(folder.join("small.nft")).expect("our own file");
    std::fs::write(folder.join("open.nft"), own.replace("policy drop", "policy accept"))
        .expect("our own file");
    // Long enough for all that is done meanwhile.
    let site =
        std::fs::read_to_string(&labs.site).expect("our own file").replace("frames: 30", "frames: 120");
    let more = "  nothing-else:\n    explained: all\n    proves: PAN-NET-11 (part)\n";
    std::fs::write(&labs.site, site + more).expect("our own file");
    labs.up_detached();
    labs.fault("reload rtr open.nft", 0);
    let sent = || labs.inside("guest", "awk '/eth0/ { print $11 }' /proc/net/dev");
    let before = sent();
    let judge = start(labs.testbed(&["judge", "small", "--json", "-"]));
    until(ONE_RUN, || (sent() != before).then_some(())).expect("the guest sends once all has been looked at");
    labs.fault("heal --all", 0);
    labs.inside("guest", "ip route add 10.9.0.0/24 via 10.2.0.1");
    let run = runs_of(&judge.finish(ONE_RUN).expect_code(1)).runs.remove(0);
    assert_eq!(run.faults[0].done, "mended: reload rtr open.nft");
    let check = run.checks.iter().find(|check| check.name.as_str() == "nothing-else").expect("it is asked");
    let text = |text: &String| text.contains("was changed while");
    let changed: Vec<&String> =
        check.findings.iter().map(|found| &found.text).filter(|one| text(one)).collect();
    let [guest] = changed.as_slice() else { panic!("the guest alone: {changed:?}") };
    // As the kernel lists it: 10.9.0.0 by way of 10.2.0.1.
    assert!(guest.starts_with("guest was changed"), "{guest}");
    assert!(guest.ends_with(": new is `route eth0 0000090A 0100020A 0003 0 00FFFFFF`"), "{guest}");
}

#[test]
fn services_and_nodes_that_end_on_purpose_are_no_damage_and_come_back() {
    let labs = Labs::of(User::Ordinary);
    labs.up_detached();
    labs.fault("kill door --service camera", 0);
    assert_eq!(labs.in_force(), ["kill door --service camera"]);
    assert_eq!(labs.inside("door", "pidof fake-camera || echo none"), "none\n");
    let said = labs.fault("restart door --service all", 0);
    assert_eq!(said.stdout, "door is up again, and ready: fake-camera\n");
    labs.fault("stop app", 0);
    assert!(labs.inside("app", "ip -o link show eth0").contains("NO-CARRIER"));
    let said = labs.fault("heal app", 0);
    assert!(said.stdout.contains("once its node is started again"), "{said}");
    labs.fault("restart app", 0);
    // A router without power forgets what it was told by hand, and comes back with its own rules and routes.
    labs.inside("rtr", "nft insert rule inet site through accept; ip addr add 10.1.0.77/24 dev cam0");
    labs.fault("kill rtr", 0);
    assert!(labs.inside("rtr", "ip -o link show cam0").contains("NO-CARRIER"));
    let said = labs.fault("restart rtr", 0);
    assert_eq!(said.stdout, "rtr is up again\n");
    let rules = labs.inside("rtr", "nft list ruleset");
    assert!(!rules.contains("\t\taccept") && rules.contains("echo-request accept"), "{rules}");
    assert!(labs.inside("rtr", "ip -o -4 addr show cam0").contains("10.1.0.1/24"));
    assert_eq!(labs.ps()[0]["state"], "up");
    assert!(labs.in_force().is_empty(), "{:?}", labs.in_force());
    labs.say(&["judge", "small"]).expect_code(0);
}

#[test]
fn rules_are_replaced_in_one_go_or_not_at_all() {
    let labs = Labs::of(User::Same);
    let folder = labs.site.parent().expect("it lies in a folder").to_owned();
    let own = std::fs::read_to_string(folder.join("small.nft")).expect("our own file");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("our own file");
    write("open.nft", &own.replace("policy drop", "policy accept"));
    write("wrong.nft", &own.replace("policy drop", "policy perhaps"));
    write("blind.nft", &format!("{own}\ntable inet testbed_instrument {{\n chain x {{\n drop\n }}\n}}\n"));
    labs.up_detached();
    labs.fault("reload rtr open.nft", 0);
    let said = labs.say(&["judge", "small"]).expect_code(1);
    assert!(said.stdout.contains("rule      inet site through policy"), "the rule is named: {said}");
    for (file, why) in [
        ("wrong.nft", "wrong.nft:4:52"),
        ("blind.nft", "are the testbed's own"),
        ("none.nft", "the scenario's folder has no file `none.nft`"),
    ] {
        let said = labs.fault(&format!("reload rtr {file}"), 2);
        assert!(said.stderr.contains(why), "{said}");
        assert!(labs.inside("rtr", "nft list chain inet site through").contains("policy accept"), "{file}");
    }
    let said = labs.fault("reload rtr", 0);
    assert_eq!(said.stdout, "rtr has loaded small.nft in the place of open.nft\n");
    labs.say(&["judge", "small"]).expect_code(0);
}

#[test]
fn cables_change_places_and_links_get_slow() {
    let labs = Labs::of(User::Ordinary);
    labs.up_detached();
    let who_has =
        "ip addr add 10.1.0.9/24 dev eth0 2>/dev/null; busybox arping -c 1 -w 3 -I eth0 -s 10.1.0.9 10.1.0.5";
    let guest = |code| {
        let said = labs.say(&["shell", "small", "guest", "--", "sh", "-c", who_has]);
        assert_eq!(said.status.code(), Some(code), "{said}");
    };
    guest(1);
    labs.fault("swap guest door", 0);
    // The guest's plug is where the camera's was: it hears the appliance, which is on no other segment.
    guest(0);
    labs.fault("heal guest", 0);
    guest(1);
    labs.fault("heal --all", 0);
    labs.inside("guest", "ip addr del 10.1.0.9/24 dev eth0");
    labs.fault("rate guest 2mbit", 0);
    assert!(labs.inside("guest", "tc qdisc show dev eth0").contains("tbf"));
    labs.fault("heal guest", 0);
    assert!(!labs.inside("guest", "tc qdisc show dev eth0").contains("tbf"));
    let said = labs.fault("flap guest --times 2 --every 40ms", 0);
    assert_eq!(said.stdout, "guest.eth0 lost its carrier 2× and got it back each time\n");
    assert!(labs.in_force().is_empty());
    labs.say(&["judge", "small"]).expect_code(0);
}

#[test]
fn what_cannot_be_done_is_said_with_what_can() {
    let labs = Labs::of(User::Same);
    let said = labs.fault("cut door", 2);
    assert!(said.stderr.contains("no lab is called `small`; no lab is up"), "{said}");
    labs.up_detached();
    for (words, why) in [
        ("cut dor", "no node is called `dor`; did you mean `door`?"),
        ("cut basement", "no node is called `basement`; there are `app`, `door`, `guest`, `rtr`"),
        ("cut rtr", "say which link: `rtr.cam0`, `rtr.office0`"),
        ("cut rtr.cam1", "`rtr` has no link `cam1`; did you mean `rtr.cam0`?"),
        ("cut door.wlan7", "`door` has no link `wlan7`; it has `door.eth0`"),
        ("swap door door", "`door.eth0` cannot change places with itself"),
        ("kill door --service dns", "`door` has no service `dns`; it has `camera`"),
        ("kill rtr --service all", "`rtr` has no services"),
        ("reload door", "`door` has no rule file"),
        ("reload rtr ../x.nft", "`..` is never accepted"),
        ("expire-lease door", "`door.eth0` has its address for good"),
        ("move-name a.example 192.0.2.1", "the site has no cloud that answers names"),
        ("rate door 2", "must be a whole number and `kbit`, `mbit` or `gbit`"),
        ("impair door", "impair needs one of delay, loss, duplicate that is not zero"),
        ("explode door", "unrecognized subcommand 'explode'"),
    ] {
        let said = labs.fault(words, 2);
        assert!(said.stderr.contains(why), "{words}: {said}");
        assert!(said.stdout.is_empty(), "{said}");
    }
    assert!(labs.in_force().is_empty());
    // Where the kernel has no netem, that is said, and is nobody's mistake.
    let has_netem = labs.say(&["doctor"]).stdout.contains("yes  kernel: netem (");
    let said = labs.fault("impair door --delay 20ms", if has_netem { 0 } else { 3 });
    assert_eq!(said.stderr.contains("needs netem, which this kernel does not have"), !has_netem, "{said}");
}

#[test]
fn a_lab_that_goes_down_answers_who_breaks_it() {
    let labs = Labs::of(User::Same);
    let mut up = labs.up_at_terminal();
    let words = ["fault", "small", "flap", "door", "--times", "100", "--every", "1min"];
    let flap = start(labs.testbed(&words));
    until(ONE_RUN, || labs.inside("door", "ip -o link show eth0").contains("NO-CARRIER").then_some(()))
        .expect("it begins");
    // One after the other: this one waits for the first, and neither holds up the end.
    let cut = start(labs.testbed(&["fault", "small", "cut", "guest"]));
    assert_eq!(ctrl_c(&mut up), 130, "{}", up.all());
    for one in [flap, cut] {
        let said = one.finish(ONE_RUN).expect_code(2);
        let gone = ["the lab was taken down", "no lab is called `small`", "is being taken down"];
        assert!(gone.iter().any(|why| said.stderr.contains(why)), "{said}");
    }
    labs.assert_nothing_left();
}
