//! Programs that are not ours use the fakes, inside a lab: each scenario of this folder is a test of its own name.
//!
//! The client judges what it sees and ends badly if that is not what the scenario expects; here the same is read from
//! what the fakes said, and no frame may come from or go to anybody else.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod capture;
mod lab;

use std::net::{IpAddr, SocketAddr};

use fake_facts::Fact;
use lab::Run;
use libtest_mimic::{Arguments, Trial};
use testbed::observation::NodeFact;

/// Addresses of the scenarios' hosts.
const CLIENT: &str = "203.0.113.31";
const STRANGER: &str = "203.0.113.32";

/// What must be true of a run whose client was content.
type Judge = fn(&Run);

fn main() {
    let scenarios: [(&str, Judge); 5] = [
        ("ffprobe_plays_the_camera::video", video),
        ("openssl_agrees_on_tls_1_2_and_1_3_only::tls", tls),
        ("dig_resolves_both_spellings::names", names),
        ("paho_keeps_a_session_by_alpn_on_443::mqtt", mqtt),
        ("boto3_is_kept_with_a_good_key_and_refused_with_a_bad_one::aws", aws),
    ];
    let trials = scenarios.map(|(name, judge)| {
        let (_, scenario) = name.split_once("::").expect("scenario behind the claim");
        let trial = move || {
            let run = Run::good(scenario);
            judge(&run);
            let strangers = capture::strangers(&run.capture(), &run.plan());
            assert!(strangers.is_empty(), "frames of nobody in the lab: {strangers:?}");
            Ok(())
        };
        Trial::test(name, trial)
    });
    let twins: [(&str, fn()); 3] = [
        ("a_client_that_expects_what_is_not_so_fails_the_run", wrong_expectation),
        ("a_client_that_ends_badly_after_all_probes_fails_the_run", ends_badly),
        ("a_client_that_never_ends_fails_the_run", never_ends),
    ];
    let twins = twins.map(|(name, judge)| {
        Trial::test(name, move || {
            judge();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().chain(twins).collect()).exit();
}

fn video(run: &Run) {
    let facts = facts_of(run, "door");
    let plays = |fact: &&Fact| matches!(fact, Fact::Playing { peer, .. } if is_from(peer, CLIENT));
    assert_eq!(facts.iter().filter(plays).count(), 1, "{facts:#?}");
    let refused = |fact: &&Fact| matches!(fact, Fact::Refused { peer, .. } if is_from(peer, CLIENT));
    assert!(facts.iter().any(|fact| refused(&fact)), "{facts:#?}");
}

fn tls(run: &Run) {
    let facts = facts_of(run, "aws");
    // Nothing is asked for inside the sessions, so only what was turned away is told: TLS 1.1 once for each name. At the address
    // of IoT there is the provider of credentials as well.
    for (wanted, names) in [("iot", 2), ("monitoring", 1), ("logs", 1), ("s3", 1)] {
        let refused = refusals(&facts, wanted, CLIENT);
        let all = refused.iter().all(|why| why.starts_with("TLS handshake"));
        assert!(refused.len() == names && all, "{wanted}: {facts:#?}");
    }
    let log = run.log("client").unwrap();
    assert_eq!(log.matches("ok: TLSv1.").count(), 15, "{log}");
}

fn names(run: &Run) {
    let facts = facts_of(run, "aws");
    let services = ["203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.13"];
    let asked = |wanted: &[IpAddr]| {
        let is_it = |fact: &&Fact| matches!(fact, Fact::Asked { peer, kind, answers, .. } if is_from(peer, CLIENT) && kind == "A" && answers == wanted);
        facts.iter().filter(is_it).count()
    };
    for service in services {
        // Two spellings, two transports.
        assert_eq!(asked(&[service.parse().unwrap()]), 4, "{service}: {facts:#?}");
    }
    assert_eq!(asked(&[]), 2, "the name of nobody: {facts:#?}");
}

fn mqtt(run: &Run) {
    let facts = facts_of(run, "aws");
    let sessions = |fact: &&Fact| {
        matches!(fact, Fact::Accepted { service, peer, alpn: Some(alpn), .. }
            if service == "iot" && is_from(peer, CLIENT) && alpn == "x-amzn-mqtt-ca")
    };
    assert_eq!(facts.iter().filter(sessions).count(), 2, "{facts:#?}");
    assert!(is_stored(&facts, "iot", "panorama/app/paho"), "{facts:#?}");
    let refused = refusals(&facts, "iot", CLIENT);
    assert!(refused.len() == 1 && refused[0].contains("certificate"), "{refused:?}");
}

fn aws(run: &Run) {
    let facts = facts_of(run, "aws");
    let kept = [("monitoring", "FromClient"), ("logs", "stream"), ("s3", "from-client")];
    for (service, name) in kept {
        let stored: Vec<&Fact> = facts.iter().filter(|fact| stored_at(fact, service)).collect();
        assert!(
            matches!(stored.as_slice(), [Fact::Stored { name: seen, .. }] if seen.contains(name)),
            "{stored:?}"
        );
        assert_eq!(refusals(&facts, service, STRANGER).len(), 2, "{service}: {facts:#?}");
        assert!(refusals(&facts, service, CLIENT).is_empty(), "{service}: {facts:#?}");
    }
    let let_in = |fact: &Fact| matches!(fact, Fact::Accepted { peer, .. } if is_from(peer, STRANGER));
    assert!(!facts.iter().any(let_in), "{facts:#?}");
}

fn wrong_expectation() {
    let told = failed("wrong-expectation");
    assert!(told.contains("wrong: TLSv1.1 at iot: refused, expected accepted"), "{told}");
}

fn ends_badly() {
    let told = failed("ends-badly");
    assert!(told.contains("ended by itself (exit status: 3)") && told.contains("| last words"), "{told}");
}

fn never_ends() {
    let told = failed("never-ends");
    assert!(told.contains("the command `sleep 600` of `client` did not end within 1 s"), "{told}");
}

/// What is said of a scenario whose command fails.
fn failed(scenario: &str) -> String {
    let run = Run::of(scenario);
    assert_eq!(run.output.status.code(), Some(1), "{}", run.told());
    run.told()
}

fn facts_of(run: &Run, node: &str) -> Vec<Fact> {
    let of_node = |fact: NodeFact| (fact.node.as_str() == node).then_some(fact.line.fact);
    run.facts().into_iter().filter_map(of_node).collect()
}

fn is_from(peer: &SocketAddr, address: &str) -> bool {
    peer.ip().to_string() == address
}

/// What is said of a client that connects and goes, as our own `reach` does.
const WENT: &str = "TLS handshake: unexpected end of file";

/// Why `wanted` turned away the host with this address, each time.
fn refusals(facts: &[Fact], wanted: &str, address: &str) -> Vec<String> {
    let refused = |fact: &Fact| match fact {
        Fact::Refused { service, peer, reason }
            if service == wanted && is_from(peer, address) && reason != WENT =>
        {
            Some(reason.clone())
        }
        _ => None,
    };
    facts.iter().filter_map(refused).collect()
}

fn stored_at(fact: &Fact, wanted: &str) -> bool {
    matches!(fact, Fact::Stored { service, .. } if service == wanted)
}

fn is_stored(facts: &[Fact], of: &str, wanted: &str) -> bool {
    facts
        .iter()
        .any(|fact| matches!(fact, Fact::Stored { service, name, .. } if service == of && name == wanted))
}
