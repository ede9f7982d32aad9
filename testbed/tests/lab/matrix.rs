//! A `matrix` whose packets do otherwise than the rules say: somebody carries them past the router.

use testbed::report::CheckJson;
use testbed::verdict::Verdict;

use crate::sites::{self, SWEEP_RULES, changed};
use crate::support::{ONE_RUN, Place, assert_judged_alike, runs_of, say};

const SITE: &str = include_str!("matrix.yaml");

/// Nobody is carried.
const LETS_BE: &str = "import signal; print('listens'); signal.pause()";

/// What the guest sends to the door by SNMP comes out on the other side, for everybody.
const CARRIES: &str = "\
import ctypes, socket, struct
def at(link):
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    # UDP to 161 alone, so that there is room for all of that: bpf(4), SO_ATTACH_FILTER
    steps = [(0x28, 0, 0, 12), (0x15, 0, 5, 0x800), (0x30, 0, 0, 23), (0x15, 0, 3, 17), (0x28, 0, 0, 36), (0x15, 0, 1, 161),
             (6, 0, 0, 65535), (6, 0, 0, 0)]
    code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *step) for step in steps))
    one.setsockopt(socket.SOL_SOCKET, 26, struct.pack('HP', len(steps), ctypes.addressof(code)))
    one.bind((link, 3))
    return one
office, cam = at('office0'), at('cam0')
print('listens')
ends = bytes([198, 51, 100, 5, 192, 0, 2, 10])
while True:
    frame = office.recv(2048)
    if frame[23:24] == b'\\x11' and frame[26:34] == ends and frame[36:38] == (161).to_bytes(2, 'big'):
        cam.send(b'\\xff' * 6 + frame[6:])
";

/// The check of a run in which the host between the networks runs this.
#[track_caller]
fn judged(program: &str) -> CheckJson {
    judged_with(program, "between: [door, guest]", SWEEP_RULES)
}

/// The same, with what the matrix asks for and the router's rules as given.
#[track_caller]
fn judged_with(program: &str, asks: &str, rules: &str) -> CheckJson {
    let place = Place::new();
    place.write("site/sweep.nft", rules);
    let program = serde_json::to_string(program).expect("texts are JSON");
    let scenario = changed(&SITE.replace("CARRIES", &program), "between: [door, guest]", asks);
    let scenario = place.write("site/matrix.yaml", scenario);
    let mut run = sites::run_allowed(&place, &scenario);
    run.args(["--json", "-"]);
    let said = say(run, 2 * ONE_RUN);
    let [folder] = &place.run_folders()[..] else { panic!("one run: {said}") };
    assert_judged_alike(&place, folder);
    runs_of(&said).runs.remove(0).checks.remove(0)
}

#[test]
fn packets_that_do_as_the_rules_say_pass() {
    let check = judged(LETS_BE);
    assert_eq!(check.verdict, Verdict::Pass, "{check:#?}");
}

#[test]
fn a_packet_that_gets_past_the_rules_is_a_leak_and_the_model_differs() {
    let check = judged(CARRIES);
    let texts: Vec<_> = check.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!((check.verdict, texts.len()), (Verdict::Fail, 2), "{texts:#?} {:#?}", check.reasons);
    // As it is, from well-known ports, and in pieces of three sorts.
    let reached =
        "guest reached door 192.0.2.10 on udp/161, and udp/161 from 67 and 6 more that are odd (8 of ";
    assert!(texts[0].starts_with(reached), "{texts:#?}");
    let differs = "the model differs: from guest to door, by the rules as listed udp/161, udp/161 from 67, ";
    let stopped = " to 192.0.2.10 stopped at rtr by inet site through policy, and it got through";
    assert!(texts[1].starts_with(differs) && texts[1].ends_with(stopped), "{texts:#?}");
    assert!(check.findings[1].packets.len() >= 2, "it entered and arrived: {:#?}", check.findings[1]);
    let table = check.matrix.expect("a matrix has a table");
    let of = |pair: &&testbed::verdict::PairSeen| (pair.from.as_str(), pair.to.as_str()) == ("guest", "door");
    let pair = table.pairs.iter().find(of).expect("it was tried");
    assert_eq!((pair.leak, pair.model_differs), (8, 8), "{pair:#?}");
}

/// A hole in what the router lets in: no interval of ports tells it, so that no cell stands for it.
const BY_BITS: &str = "udp dport & 0x7fff == 15445 accept";

#[test]
fn a_hole_that_no_cell_stands_for_is_found_by_a_matrix_that_covers_everything() {
    let rules = changed(
        SWEEP_RULES,
        "icmp type echo-request accept",
        &format!("icmp type echo-request accept\n\t\t{BY_BITS}"),
    );
    let usual = judged_with(LETS_BE, "between: [guest, rtr]", &rules);
    assert_eq!((usual.verdict, usual.covered.len()), (Verdict::Pass, 0), "{usual:#?}");
    let check = judged_with(LETS_BE, "between: [guest, rtr], cover: all", &rules);
    let [finding] = &check.findings[..] else { panic!("one finding: {check:#?}") };
    assert_eq!(check.verdict, Verdict::Fail, "{check:#?}");
    assert!(
        finding.text.starts_with("guest reached rtr 192.0.2.1 on udp/15445, udp/48213 (2 of "),
        "{finding:#?}"
    );
    // As nft prints it.
    assert_eq!(finding.by.as_deref(), Some("inet site own udp dport & 32767 == 15445 accept"));
    // The model knows the rule, whichever of so many packets it is asked about.
    let pairs = check.matrix.expect("a matrix has a table").pairs;
    let [pair] = &pairs[..] else { panic!("one pair: {pairs:#?}") };
    assert_eq!((pair.leak, pair.model_differs), (2, 0), "{pair:#?}");
    let whole: Vec<_> = check.covered.iter().filter(|one| one.everything).collect();
    assert!(whole.len() == 1 && whole[0].packets > 198_000, "{:#?}", check.covered);
    assert!(check.covered.iter().any(|one| one.everybody_in.is_some()), "{:#?}", check.covered);
    assert!(check.summary.contains("everything at 1 address, "), "{}", check.summary);
}

#[test]
fn a_matrix_that_names_nobody_is_between_all() {
    let check = judged_with(LETS_BE, "broadcast: false", SWEEP_RULES);
    assert_eq!(check.verdict, Verdict::Pass, "{check:#?}");
    let pairs = check.matrix.expect("a matrix has a table").pairs;
    let pairs: Vec<_> = pairs.iter().map(|pair| (pair.from.to_string(), pair.to.to_string())).collect();
    let expected = [("door", "guest"), ("door", "rtr"), ("guest", "door"), ("guest", "rtr")];
    assert_eq!(pairs, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
}

#[test]
fn what_is_open_to_a_forged_source_alone_is_found_with_the_node_whose_it_is() {
    // Two nodes may ask the router whether it lives; who passes for the door from the office is let in by its address.
    let asks = "between: [guest, rtr], cover: all";
    let rules = |rule: &str| {
        changed(
            SWEEP_RULES,
            "icmp type echo-request accept",
            &format!("icmp type echo-request accept\n\t\t{rule}"),
        )
    };
    let meant = rules("iifname \"cam0\" ip saddr 192.0.2.10 tcp dport 22 accept");
    let check = judged_with(LETS_BE, asks, &meant);
    assert_eq!(check.verdict, Verdict::Pass, "{check:#?}");
    let passing = check.covered.iter().filter(|one| one.passing_for.is_some()).collect::<Vec<_>>();
    let of = |one: &testbed::verdict::CoveredSeen| {
        (one.from.to_string(), one.passing_for.as_ref().unwrap().to_string())
    };
    assert!(passing.iter().any(|one| of(one) == ("guest".into(), "door".into())), "{:#?}", check.covered);
    assert!(passing.iter().all(|one| !one.everything), "{:#?}", check.covered);
    assert!(check.summary.contains("from 1 forged source"), "{}", check.summary);
    let check = judged_with(LETS_BE, asks, &rules("ip saddr 192.0.2.10 tcp dport 22 accept"));
    let texts: Vec<_> = check.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!((check.verdict, texts.len()), (Verdict::Fail, 1), "{texts:#?} {:#?}", check.reasons);
    assert!(
        texts[0].starts_with("guest, with an address of door, reached rtr 192.0.2.1 on tcp/22"),
        "{texts:#?}"
    );
}
