//! Ten thousand requests that are not as they were signed, or whose body is not as it was meant.

use serde_json::{Value, json};

use crate::support::Fake;

fn sent(http: u32, cbor: u32, seed: u32) -> Value {
    let cloud = Fake::start();
    let [http, cbor, seed] = [http, cbor, seed].map(|number| number.to_string());
    let seen = cloud.python("mutated_client.py", &[&http, &cbor, &seed]);
    // It is still there, and ends as it should.
    let (_, status) = cloud.stop();
    assert!(status.success(), "{status}");
    seen
}

#[test]
fn a_request_that_was_changed_after_it_was_signed_is_refused() {
    let seen = sent(3000, 0, 1);
    assert_eq!(
        (&seen["http"]["answers"], &seen["http"]["not_refused"]),
        (&json!(3000), &json!([])),
        "{seen}"
    );
}

#[test]
fn so_is_any_other() {
    let seen = sent(3000, 0, 2);
    assert_eq!(
        (&seen["http"]["answers"], &seen["http"]["not_refused"]),
        (&json!(3000), &json!([])),
        "{seen}"
    );
}

#[test]
fn a_body_of_cbor_is_understood_or_refused_and_never_half_read() {
    let seen = sent(0, 4000, 3);
    assert_eq!((&seen["cbor"]["answers"], &seen["cbor"]["wrong"]), (&json!(4001), &json!([])), "{seen}");
    let known = [
        "200 none",
        "400 InvalidParameterCombinationException",
        "400 InvalidParameterValueException",
        "400 MissingRequiredParameterException",
        "400 SerializationException",
    ];
    let kinds = seen["cbor"]["kinds"].as_array().unwrap();
    assert!(kinds.iter().all(|kind| known.contains(&kind.as_str().unwrap())), "{kinds:?}");
    assert!(kinds.len() >= 3, "{kinds:?}");
}
