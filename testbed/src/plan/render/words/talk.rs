//! Words about what is said on flows.

use std::collections::BTreeSet;

use super::super::tables::{list, table};
use crate::names::FlowId;
use crate::plan::{RtspWay, Word};
use crate::scenario::model::{Amount, CloudService, RtspMethod, StandIn, TlsVersion};

/// Of a `direction`.
pub(super) fn direction(word: &Word) -> (String, String) {
    let Word::Direction { flows, initiator, media_to, media_ends, hops, tracked_by, asks, answers } = word
    else {
        unreachable!("asked for `direction` only")
    };
    let ends = media_ends.map(|ends| format!(", until {ends:?} after the next session"));
    let ends = ends.unwrap_or_default();
    let media = media_to.as_ref().map(|to| format!("; media only to {to}{ends}")).unwrap_or_default();
    let hops = hops.map(|hops| format!("; packets lose {hops} hops")).unwrap_or_default();
    let tracked = match tracked_by.is_empty() {
        true => String::new(),
        false => format!("; tracked so by {}", list(tracked_by)),
    };
    let most = format!("{}{}", most("asks", asks), most("answers", answers));
    let text = format!("    {} opened by {initiator} only{media}{hops}{tracked}{most}\n", list(flows));
    ("direction".to_owned(), text)
}

pub(super) fn tls(
    flows: &[FlowId],
    min: TlsVersion,
    refuses: &[StandIn],
    instead_of: &[CloudService],
) -> (String, String) {
    let words = list(refuses.iter().map(|one| one.words().0));
    let places = list(instead_of.iter().map(|one| one.word()));
    let refuses = match refuses.is_empty() {
        true => String::new(),
        false => format!("; refuses {words} instead of {places}"),
    };
    let version = min.good_peers()[0];
    let text = format!("    {}: from {version} on, with forward secrecy{refuses}\n", list(flows));
    ("tls".to_owned(), text)
}

pub(super) fn rtsp(
    flows: &[FlowId],
    methods: &[RtspMethod],
    ways: &[RtspWay],
    nowhere_else: bool,
) -> (String, String) {
    let says = format!("    {}: {}\n", list(flows), list(methods));
    if !nowhere_else {
        return ("rtsp".to_owned(), says);
    }
    let row = |one: &RtspWay| {
        let ways = one.ports.iter().map(|ports| list(ports).replace(", ", " or "));
        [format!("{} -> {}", one.camera, one.opener), list(ways)]
    };
    let rows = table(2, &ways.iter().map(row).collect::<Vec<_>>());
    let besides: BTreeSet<_> = ways.iter().flat_map(|one| &one.besides).collect();
    let besides = if besides.is_empty() { String::new() } else { format!("; besides, at {}", list(besides)) };
    (format!("rtsp, nowhere else{besides}"), format!("{says}{rows}"))
}

/// The bounds of what one side may say.
fn most(side: &str, amount: &Amount) -> String {
    let each = |what: &str, most: Option<u64>| most.map(|most| format!(" {most} bytes {what}"));
    let share = amount.share.map(|share| format!(" {share} of what comes back"));
    let bounds = [each("a second", amount.each_second), each("a datagram", amount.each_datagram), share];
    let bounds: Vec<_> = bounds.into_iter().flatten().collect();
    if bounds.is_empty() { String::new() } else { format!("; {side} at most{}", bounds.join(",")) }
}
