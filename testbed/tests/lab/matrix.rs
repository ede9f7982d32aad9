//! A `matrix` whose packets do otherwise than the rules say: somebody carries them past the router.

use testbed::report::CheckJson;
use testbed::verdict::Verdict;

use crate::sites::{self, SWEEP_RULES};
use crate::support::{ONE_RUN, Place, assert_judged_alike, runs_of, say};

const SITE: &str = include_str!("matrix.yaml");

/// Nobody is carried.
const LETS_BE: &str = "import signal; print('listens'); signal.pause()";

/// What the guest sends to the door by SNMP comes out on the other side, for everybody.
const CARRIES: &str = "\
import socket
def at(link):
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    one.bind((link, 0))
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
    let place = Place::new();
    place.write("site/sweep.nft", SWEEP_RULES);
    let program = serde_json::to_string(program).expect("texts are JSON");
    let scenario = place.write("site/matrix.yaml", SITE.replace("CARRIES", &program));
    let mut run = sites::run_allowed(&place, &scenario);
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN);
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
    assert!(texts[0].starts_with("guest reached door 192.0.2.10 on udp/161 (1 of "), "{texts:#?}");
    let differs = "the model differs: from guest to door, by the rules as listed udp/161 to 192.0.2.10 stopped at rtr by \
                   inet site through policy, and it got through";
    assert_eq!(texts[1], differs);
    assert!(check.findings[1].packets.len() == 2, "it entered and arrived: {:#?}", check.findings[1]);
    let table = check.matrix.expect("a matrix has a table");
    let of = |pair: &&testbed::verdict::PairSeen| (pair.from.as_str(), pair.to.as_str()) == ("guest", "door");
    let pair = table.pairs.iter().find(of).expect("it was tried");
    assert_eq!((pair.leak, pair.model_differs), (1, 1), "{pair:#?}");
}
