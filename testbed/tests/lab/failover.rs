//! A spare takes over, again and again: nothing is lost, nothing opens, both families move.

use std::fmt::Write;

use testbed::verdict::Verdict;

use crate::sites::changed;
use crate::support::{Counted, ONE_RUN, Place, say, verdicts_in};

const SITE: &str = include_str!("failover.yaml");
const RULES: &str = include_str!("failover.nft");

/// How often a negative that hangs on timing is repeated.
const REPEATS: usize = 20;

#[test]
fn a_spare_takes_over_twenty_times_and_no_packet_gets_through() {
    let place = Place::new();
    let counted = Counted::at(&place);
    let mut scenario = SITE.to_owned();
    for number in 1..=REPEATS {
        let fault =
            "fault: { cut: app.eth0 }, lasts: 300ms, resume: dock-plays, within: 5s, hold: office-apart";
        let _ = writeln!(scenario, "  cut-{number}: {{ after: {{ {fault} }}, proves: PAN-RED-01 (part) }}");
    }
    place.write("site/failover.nft", RULES);
    let site = place.write("site/failover.yaml", &scenario);
    let said = say(counted.wrap(place.run(&site)), ONE_RUN * 3).expect_code(0);
    let run = verdicts_in(&place.run_folders()[0]);
    assert_eq!(run.counts.pass, REPEATS + 4, "{said}");
    let cuts: Vec<_> = run.checks.iter().filter(|check| check.word == "after").collect();
    assert_eq!(cuts.len(), REPEATS);
    for check in cuts {
        let [video] = check.pauses.as_slice() else { panic!("one thing goes on: {check:?}") };
        assert_eq!(video.what, "video of dock at app");
        assert!(video.at_fault_us > 0, "from one frame to the next it takes time: {video:?}");
    }
    let spare = run.checks.iter().find(|check| check.word == "spare").expect("it is asked for");
    assert!(spare.summary.contains("eth1 stood in "), "{}", spare.summary);
    counted.assert_nothing_left();
}

#[test]
fn a_fault_that_cannot_be_carried_out_leaves_nothing_said() {
    let place = Place::new();
    let slow = "  slow:\n    after: { fault: { impair: app.eth0, loss: 1% }, hold: office-apart }\n    proves: PAN-RED-02 (part)\n";
    place.write("site/failover.nft", RULES);
    let site = place.write("site/failover.yaml", format!("{SITE}{slow}"));
    let said = say(place.run(&site), ONE_RUN);
    let run = verdicts_in(&place.run_folders()[0]);
    let check = run.checks.iter().find(|check| check.name.as_str() == "slow").expect("it is asked for");
    let lacks = check.reasons.iter().any(|reason| reason.contains("netem"));
    // A kernel that has it carries it out.
    assert!(check.verdict == Verdict::Pass || (check.verdict == Verdict::Inconclusive && lacks), "{said}");
}

#[test]
fn a_port_that_opens_for_a_moment_is_found_by_the_packets_that_pass() {
    // The office is kept apart by the appliance's own port: what comes from anywhere else is let through.
    let place = Place::new();
    let open = changed(
        RULES,
        "policy drop;\n\t}\n}",
        "policy drop;\n\t\tudp dport 53 numgen inc mod 400 399 accept\n\t}\n}",
    );
    place.write("site/failover.nft", open);
    let scenario = changed(SITE, "    during: { cut: app.eth0 }\n", "")
        + "  cut: { after: { fault: { cut: app.eth0 }, lasts: 2s, hold: office-apart }, proves: PAN-RED-02 (part) }\n";
    let site = place.write("site/failover.yaml", &scenario);
    let said = say(place.run(&site), ONE_RUN).expect_code(1);
    let run = verdicts_in(&place.run_folders()[0]);
    let check = run.checks.iter().find(|check| check.name.as_str() == "cut").expect("it is asked for");
    assert_eq!(check.verdict, Verdict::Fail, "{said}");
    assert!(check.findings.iter().all(|finding| finding.text.contains("udp/53")), "{said}");
}

#[test]
fn who_cannot_attack_while_a_fault_stands_says_nothing_and_who_flaps_goes_on() {
    let place = Place::new();
    let more = "  desk-shut:
    no_reach: { from: desk, to: app, ports: [tcp/554, udp/53] }
    alive: [F01, S01]
    proves: PAN-RED-02 (part)
  silent: { after: { fault: { cut: desk.eth0 }, hold: desk-shut }, proves: PAN-RED-02 (part) }
  flapping: { after: { fault: { flap: desk.eth0, times: 2, every: 400ms }, hold: desk-shut }, proves: PAN-RED-02 (part) }
";
    place.write("site/failover.nft", RULES);
    let site = place.write("site/failover.yaml", format!("{SITE}{more}"));
    let said = say(place.run(&site), ONE_RUN).expect_code(3);
    let run = verdicts_in(&place.run_folders()[0]);
    let check =
        |name: &str| run.checks.iter().find(|check| check.name.as_str() == name).expect("it is asked for");
    let silent = check("silent");
    assert_eq!(silent.verdict, Verdict::Inconclusive, "{said}");
    assert!(silent.reasons.iter().any(|reason| reason.contains("no attacker could send")), "{said}");
    assert_eq!(check("flapping").verdict, Verdict::Pass, "{said}");
}
