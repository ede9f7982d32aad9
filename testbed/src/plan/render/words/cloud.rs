//! Words about an appliance and its cloud.

use std::time::Duration;

use super::super::tables::list;
use crate::names::NodeName;
use crate::plan::Word;

pub(super) fn clock(
    of: &[NodeName],
    from: &NodeName,
    upstream: Option<&NodeName>,
    offset: Duration,
) -> (String, String) {
    let by = upstream.map(|node| format!(", which has it from {node}")).unwrap_or_default();
    ("clock".to_owned(), format!("    {} told by {from}{by}: at most {offset:?} off\n", list(of)))
}

/// Of a `periodic`.
pub(super) fn periodic(word: &Word) -> (String, String) {
    let Word::Periodic { event, of, every, tolerance, gaps, missing } = word else {
        unreachable!("asked for `periodic` only")
    };
    let bounds =
        format!("every {every:?}, give or take {tolerance:?}; {gaps} gaps, at most {missing} missing");
    ("periodic".to_owned(), format!("    {event} of {of} {bounds}\n"))
}

/// Of a `job`.
pub(super) fn job(word: &Word) -> (String, String) {
    let Word::Job { of, cloud, does, spoiled, within, .. } = word else {
        unreachable!("asked for `job` only")
    };
    let what = if *spoiled { "refuses, spoiled as they are," } else { "does" };
    let text = format!("    {of} {what} {} of {cloud}, each within {within:?}\n", list(does));
    ("job".to_owned(), text)
}

/// Of a `calls`.
pub(super) fn calls(word: &Word) -> (String, String) {
    let Word::Calls { by, of, cloud, does, refuses, at, within, .. } = word else {
        unreachable!("asked for `calls` only")
    };
    let has = (!does.is_empty()).then(|| format!("has {of} do {} within {within:?}", list(does)));
    let no = (!refuses.is_empty()).then(|| {
        let at = list(at.iter().map(|service| service.word()));
        format!("is refused at {at} when {}", list(refuses))
    });
    let text = has.into_iter().chain(no).collect::<Vec<_>>().join("; ");
    ("calls".to_owned(), format!("    {by} calls {cloud}: {text}\n"))
}

/// Of an `endures`.
pub(super) fn endures(word: &Word) -> (String, String) {
    let Word::Endures { of, cloud, throttled, meets, waits, within } = word else {
        unreachable!("asked for `endures` only")
    };
    let throttled = throttled.iter().map(|(service, many)| format!("{} {many} times", service.word()));
    let meets = meets.iter().map(|one| one.words().0.to_owned());
    let what = list(throttled.chain(meets));
    let text = format!("    {of} at {cloud}: {what}; waits {waits:?} at least, back within {within:?}\n");
    ("endures".to_owned(), text)
}
