//! What a check asserts, as tables of text: one word each.

mod cloud;
mod negatives;
mod talk;
mod video;

use super::tables::{list, table};
use crate::names::{FlowId, LinkName, NodeName, SegmentName};
use crate::plan::{Advised, Asking, RouteAsked, Word};
use crate::scenario::lint::{LintRule, Waiver};

/// The word with its counts, and the lines below it.
pub(super) fn word(word: &Word) -> (String, String) {
    match word {
        Word::Reach { opens } => (format!("reach, {} to open", opens.len()), negatives::opens_table(opens)),
        Word::NoReach { aims, alive, forgotten } => negatives::no_reach(aims, alive, forgotten.as_ref()),
        Word::Plays { cameras, at, sub_streams, bounds } => video::plays(cameras, at, *sub_streams, bounds),
        Word::Tls { flows, min, refuses, instead_of, .. } => talk::tls(flows, *min, refuses, instead_of),
        Word::Direction { .. } => talk::direction(word),
        Word::PeersOf { nodes, exactly, besides } => {
            let text = format!("    {}: exactly {}; besides {}\n", list(nodes), list(exactly), list(besides));
            ("peers_of".to_owned(), text)
        }
        Word::Members { segment, exactly, tagged } => members(segment, exactly, tagged.as_deref()),
        Word::Clock { of, from, upstream, offset } => cloud::clock(of, from, upstream.as_ref(), *offset),
        Word::Periodic { .. } => cloud::periodic(word),
        Word::After { says, resume, stops, within, lasts, aims, .. } => {
            negatives::after(says, (resume, stops), (*within, *lasts), aims)
        }
        Word::NoVideo { cameras, at } => {
            ("no_video".to_owned(), format!("    {} at {at}: asked for, and none comes\n", list(cameras)))
        }
        Word::NoStream { .. } => negatives::no_stream(word),
        Word::Inventory { of } => ("inventory".to_owned(), format!("    of {}\n", list(of))),
        Word::Attacks { of } => ("attacks".to_owned(), format!("    of {}\n", list(of))),
        Word::Scan { at, finds, beyond, by_job } => video::scan(at, finds, beyond, *by_job),
        Word::Job { .. } => cloud::job(word),
        Word::Calls { .. } => cloud::calls(word),
        Word::Talks { of, cloud, services } => {
            let words = list(services.iter().map(|one| one.service.word()));
            ("talks".to_owned(), format!("    {of} with {cloud}: {words} and nothing else\n"))
        }
        Word::Endures { .. } => cloud::endures(word),
        Word::NamesAgree { flows } => {
            let text = format!("    {}: each server name is known for its address\n", list(flows));
            ("names_agree".to_owned(), text)
        }
        Word::Rtsp { flows, methods, ways, nowhere_else } => talk::rtsp(flows, methods, ways, *nowhere_else),
        Word::Spare { of } => ("spare".to_owned(), format!("    of {}\n", list(of))),
        Word::Address { of, advised, kept } => address(of, advised, *kept),
        Word::Carries { node, link, only, routes, .. } => carries((node, link), only, routes),
        Word::NoBridge { crossings, alive } => negatives::no_bridge(crossings, alive),
        Word::NoHop { hops, alive } => negatives::no_hop(hops, alive),
        Word::OwnLeg { questions } => negatives::own_leg(questions),
        Word::Listens { of, at } => {
            let at = if at.is_empty() { "nowhere".to_owned() } else { format!("at {}", list(at)) };
            ("listens".to_owned(), format!("    {}: {at}\n", list(of)))
        }
        Word::Explained { segments, upkeep, .. } => {
            let upkeep = if upkeep.is_empty() { "no upkeep".to_owned() } else { list(upkeep) };
            ("explained".to_owned(), format!("    in {}: by flows, {upkeep}, probes\n", list(segments)))
        }
        Word::Matrix { between, aims, opens, unopened, left_out } => {
            negatives::matrix(between, (aims, opens), unopened, left_out)
        }
        Word::Name { at, segment, by, patterns } => {
            let text = format!("    {} ask {at} in {segment}, which lets out {}\n", list(by), list(patterns));
            ("name".to_owned(), text)
        }
        Word::Taint { cameras, streams, besides } => video::taint(cameras, streams, besides),
        Word::Lint { rules, waive, .. } => lint(rules, waive),
    }
}

fn address(of: &[Asking], advised: &[Advised], kept: bool) -> (String, String) {
    let row = |one: &Asking| {
        let asked = one.asked.map_or_else(|| "any".to_owned(), |address| address.to_string());
        [
            format!("{}.{}", one.node, one.link),
            format!("asks for {asked}"),
            format!("gets {}", one.bound),
            format!("from {}", one.server),
        ]
    };
    let advice = |one: &Advised| {
        [
            format!("{}.{}", one.node, one.link),
            "is advised".to_owned(),
            format!("has {}", list(&one.bound)),
            format!("from {}", one.router),
        ]
    };
    let rows: Vec<_> = of.iter().map(row).chain(advised.iter().map(advice)).collect();
    let rows = table(2, &rows);
    (if kept { "address, and keeps it" } else { "address" }.to_owned(), rows)
}

fn members(segment: &SegmentName, exactly: &[NodeName], tagged: Option<&[NodeName]>) -> (String, String) {
    let tagged = tagged.map(|tagged| format!("; with its tag at {} only", list(tagged))).unwrap_or_default();
    ("members".to_owned(), format!("    of {segment}: exactly {}{tagged}\n", list(exactly)))
}

fn carries((node, link): (&NodeName, &LinkName), only: &[FlowId], routes: &[RouteAsked]) -> (String, String) {
    let row = |asked: &RouteAsked| [format!("route to {}", asked.to), list(&asked.flows)];
    let rows = table(2, &routes.iter().map(row).collect::<Vec<_>>());
    ("carries".to_owned(), format!("    {node}.{link}: only {}\n{rows}", list(only)))
}

fn lint(rules: &[LintRule], waive: &[Waiver]) -> (String, String) {
    let waived = waive.iter().map(|one| {
        format!("    {} is waived: {} (shown by {})\n", one.rule, one.because, list(&one.shown_by))
    });
    (format!("lint: {}", list(rules)), waived.collect())
}
