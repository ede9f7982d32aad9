//! Topics and filters: which are allowed, and which filter matches which topic. Pure.
//!
//! Limits: IoT Core endpoints and quotas, "AWS IoT Core message broker and protocol limits". One rule differs from
//! the OASIS text: `a/#` does not match `a` (IoT Core developer guide, "Topic filters").

/// Longest topic or filter, in bytes.
const LONGEST: usize = 256;
/// Most slashes in a topic or filter.
const SLASHES: usize = 7;
/// What clients may publish to below `$`, level by level, `+` for a name (IoT Core developer guide, "Reserved topics").
/// Anything else there ends the connection.
const REQUESTS: [&str; 13] = [
    "$aws/things/+/jobs/get",
    "$aws/things/+/jobs/start-next",
    "$aws/things/+/jobs/+/get",
    "$aws/things/+/jobs/+/update",
    "$aws/things/+/shadow/get",
    "$aws/things/+/shadow/update",
    "$aws/things/+/shadow/delete",
    "$aws/things/+/shadow/name/+/get",
    "$aws/things/+/shadow/name/+/update",
    "$aws/things/+/shadow/name/+/delete",
    "$aws/certificates/create/json",
    "$aws/certificates/create-from-csr/json",
    "$aws/provisioning-templates/+/provision/json",
];
/// What clients may subscribe to below `$`: these and what is below them.
const OFFERED: [&str; 6] = [
    "$aws/things/+/jobs/#",
    "$aws/things/+/shadow/#",
    "$aws/events/presence/#",
    "$aws/events/subscriptions/#",
    "$aws/certificates/#",
    "$aws/provisioning-templates/+/provision/#",
];

/// Why a topic or filter is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Bad {
    #[error("the topic is empty or longer than 256 bytes")]
    Length,
    #[error("the topic has more than 7 slashes")]
    Depth,
    #[error("a topic to publish to has no wildcards")]
    Wildcard,
    #[error("a wildcard must fill its level, and # must be the last")]
    Filter,
    #[error("the topic is reserved")]
    Reserved,
    #[error("shared subscriptions are not offered")]
    Shared,
}

/// Checks a topic that is published to.
pub(crate) fn check_name(topic: &str) -> Result<(), Bad> {
    if topic.contains(['+', '#']) {
        return Err(Bad::Wildcard);
    }
    check_size(topic)?;
    match topic.starts_with('$') && !REQUESTS.iter().any(|request| matches(request, topic)) {
        true => Err(Bad::Reserved),
        false => Ok(()),
    }
}

/// Checks a filter that is subscribed to.
pub(crate) fn check_filter(filter: &str) -> Result<(), Bad> {
    check_size(filter)?;
    if filter.starts_with("$share/") {
        return Err(Bad::Shared);
    }
    let last = filter.split('/').count() - 1;
    for (index, level) in filter.split('/').enumerate() {
        let alone = level.len() == 1;
        if level.contains('+') && !alone || level.contains('#') && !(alone && index == last) {
            return Err(Bad::Filter);
        }
    }
    match filter.starts_with('$') && !OFFERED.iter().any(|offered| meet(offered, filter)) {
        true => Err(Bad::Reserved),
        false => Ok(()),
    }
}

/// Whether a topic can exist that both filters match.
fn meet(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (Some("#"), Some(_)) | (Some(_), Some("#")) | (None, None) => return true,
            (Some("+"), Some(_)) | (Some(_), Some("+")) => {}
            (Some(level), Some(same)) if level == same => {}
            _ => return false,
        }
    }
}

fn check_size(topic: &str) -> Result<(), Bad> {
    if topic.is_empty() || topic.len() > LONGEST {
        return Err(Bad::Length);
    }
    if topic.matches('/').count() > SLASHES { Err(Bad::Depth) } else { Ok(()) }
}

/// Whether the filter is a plain topic: only those are sent retained messages.
pub(crate) fn is_exact(filter: &str) -> bool {
    !filter.contains(['+', '#'])
}

/// Whether a topic on which a message may be retained.
pub(crate) fn may_retain(topic: &str) -> bool {
    !topic.starts_with('$')
}

/// Whether `filter` matches `topic`; both are valid.
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            // At least one level must be left: `a/#` does not match `a`.
            ("#", found) => return found.is_some(),
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_levels() {
        assert!(matches("a/+/c", "a/b/c"));
        assert!(matches("a/+/c", "a//c"));
        assert!(!matches("a/+", "a/b/c"));
        assert!(matches("#", "a/b/c"));
        assert!(matches("a/#", "a/b/c"));
        assert!(matches("a/#", "a/"));
        assert!(matches("+", "a"));
        assert!(!matches("a", "A"));
        assert!(!matches("a/b", "a"));
        assert!(!matches("a", "a/b"));
    }

    #[test]
    fn a_hash_does_not_match_its_parent() {
        assert!(!matches("a/#", "a"));
    }

    #[test]
    fn leading_wildcards_do_not_match_reserved_topics() {
        assert!(!matches("#", "$aws/things/x/jobs/notify"));
        assert!(!matches("+/things/x/jobs/notify", "$aws/things/x/jobs/notify"));
        assert!(matches("$aws/things/+/jobs/#", "$aws/things/x/jobs/notify"));
    }

    #[test]
    fn names_and_filters_have_the_documented_limits() {
        assert_eq!(check_name(""), Err(Bad::Length));
        assert_eq!(check_name(&"a".repeat(257)), Err(Bad::Length));
        assert_eq!(check_name(&"a".repeat(256)), Ok(()));
        assert_eq!(check_name("1/2/3/4/5/6/7/8"), Ok(()));
        assert_eq!(check_name("1/2/3/4/5/6/7/8/9"), Err(Bad::Depth));
        assert_eq!(check_name("a/+"), Err(Bad::Wildcard));
        assert_eq!(check_name("$SYS/uptime"), Err(Bad::Reserved));
        assert_eq!(check_name("$aws/things/x/shadow/update"), Ok(()));
        for answer in [
            "$aws/things/x/shadow/update/accepted",
            "$aws/things/x/jobs/notify",
            "$aws/events/presence/connected/x",
        ] {
            assert_eq!(check_name(answer), Err(Bad::Reserved), "{answer}");
            assert_eq!(check_filter(answer), Ok(()), "{answer}");
        }
        for wide in ["$aws/things/#", "$aws/#", "$aws/things/+/+/get/accepted", "$aws/events/presence/+/x"] {
            assert_eq!(check_filter(wide), Ok(()), "{wide}");
        }
        for nobody in ["$SYS/#", "$aws/rules/x", "$aws", "$aws/things/x", "$aws/things/x/tunnels/notify"] {
            assert_eq!(check_filter(nobody), Err(Bad::Reserved), "{nobody}");
        }
        assert_eq!(check_filter("a/#/b"), Err(Bad::Filter));
        assert_eq!(check_filter("a+"), Err(Bad::Filter));
        assert_eq!(check_filter("+/a/#"), Ok(()));
        assert_eq!(check_filter("$share/g/a"), Err(Bad::Shared));
    }
}
