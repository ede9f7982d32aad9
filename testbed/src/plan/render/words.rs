//! What a check asserts, as tables of text: one word each.

use std::collections::BTreeSet;
use std::time::Duration;

use super::tables::{head, list, table};
use crate::names::{FlowId, LinkName, NodeName};
use crate::plan::{
    Advised, Aim, Asking, Crossing, Forgotten, GoingOn, Hop, Join, Judge, LeftOut, Open, Questions,
    RouteAsked, RtspWay, Unopened, VideoWay, Word,
};
use crate::scenario::model::{Amount, Bounds, RtspMethod};

/// The word with its counts, and the lines below it.
pub(super) fn word(word: &Word) -> (String, String) {
    match word {
        Word::Reach { opens } => (format!("reach, {} to open", opens.len()), opens_table(opens)),
        Word::NoReach { aims, alive, forgotten } => no_reach(aims, alive, forgotten.as_ref()),
        Word::Plays { cameras, at, sub_streams, bounds } => {
            let all = if *sub_streams { ", all streams" } else { "" };
            ("plays".to_owned(), format!("    {}{all} at {at}: {}\n", list(cameras), asked(bounds)))
        }
        Word::Tls { flows, min, refuses, instead_of, .. } => {
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
        Word::Direction { flows, initiator, media_to, media_ends, hops, tracked_by, asks, answers } => {
            let ends = media_ends.map(|ends| format!(", until {ends:?} after the next session"));
            let ends = ends.unwrap_or_default();
            let media = media_to.as_ref().map(|to| format!("; media only to {to}{ends}")).unwrap_or_default();
            let hops = hops.map(|hops| format!("; packets lose {hops} hops")).unwrap_or_default();
            let tracked = match tracked_by.is_empty() {
                true => String::new(),
                false => format!("; tracked so by {}", list(tracked_by)),
            };
            let most = format!("{}{}", most("asks", asks), most("answers", answers));
            let text =
                format!("    {} opened by {initiator} only{media}{hops}{tracked}{most}\n", list(flows));
            ("direction".to_owned(), text)
        }
        Word::PeersOf { nodes, exactly, besides } => {
            let text = format!("    {}: exactly {}; besides {}\n", list(nodes), list(exactly), list(besides));
            ("peers_of".to_owned(), text)
        }
        Word::Members { segment, exactly, tagged } => {
            let tagged = tagged.as_ref().map(|tagged| format!("; with its tag at {} only", list(tagged)));
            let tagged = tagged.unwrap_or_default();
            ("members".to_owned(), format!("    of {segment}: exactly {}{tagged}\n", list(exactly)))
        }
        Word::Clock { of, from, upstream, offset } => {
            let by = upstream.as_ref().map(|node| format!(", which has it from {node}")).unwrap_or_default();
            ("clock".to_owned(), format!("    {} told by {from}{by}: at most {offset:?} off\n", list(of)))
        }
        Word::Periodic { event, of, every, tolerance, gaps, missing } => {
            let bounds = format!(
                "every {every:?}, give or take {tolerance:?}; {gaps} gaps, at most {missing} missing"
            );
            ("periodic".to_owned(), format!("    {event} of {of} {bounds}\n"))
        }
        Word::After { says, resume, stops, within, lasts, aims, .. } => {
            after(says, (resume, stops), (*within, *lasts), aims)
        }
        Word::NoVideo { cameras, at } => {
            ("no_video".to_owned(), format!("    {} at {at}: asked for, and none comes\n", list(cameras)))
        }
        Word::NoStream { tries, knows_password, may, joins, hears } => {
            let shown = if *knows_password { "the right" } else { "a wrong" };
            let asked = format!(
                "    with {shown} password\n{}    given to who may watch\n{}",
                opens_table(tries),
                opens_table(may)
            );
            ("no_stream".to_owned(), asked + &joined(joins, hears))
        }
        Word::Inventory { of } => ("inventory".to_owned(), format!("    of {}\n", list(of))),
        Word::Attacks { of } => ("attacks".to_owned(), format!("    of {}\n", list(of))),
        Word::Scan { at, finds, beyond, by_job } => {
            let when = match by_job {
                Some(within) => format!("within {within:?} of a job that says so"),
                None => "unasked".to_owned(),
            };
            let finds =
                if finds.is_empty() { "nobody".to_owned() } else { format!("exactly {}", list(finds)) };
            let beyond =
                if beyond.is_empty() { String::new() } else { format!(", and nothing of {}", list(beyond)) };
            ("scan".to_owned(), format!("    {at} finds {finds}{beyond}, {when}\n"))
        }
        Word::Job { of, cloud, does, spoiled, within, .. } => {
            let what = if *spoiled { "refuses, spoiled as they are," } else { "does" };
            let text = format!("    {of} {what} {} of {cloud}, each within {within:?}\n", list(does));
            ("job".to_owned(), text)
        }
        Word::Calls { by, of, cloud, does, refuses, at, within, .. } => {
            let has = (!does.is_empty()).then(|| format!("has {of} do {} within {within:?}", list(does)));
            let no = (!refuses.is_empty()).then(|| {
                let at = list(at.iter().map(|service| service.word()));
                format!("is refused at {at} when {}", list(refuses))
            });
            let text = has.into_iter().chain(no).collect::<Vec<_>>().join("; ");
            ("calls".to_owned(), format!("    {by} calls {cloud}: {text}\n"))
        }
        Word::Talks { of, cloud, services } => {
            let words = list(services.iter().map(|one| one.service.word()));
            ("talks".to_owned(), format!("    {of} with {cloud}: {words} and nothing else\n"))
        }
        Word::Endures { of, cloud, throttled, meets, waits, within } => {
            let throttled =
                throttled.iter().map(|(service, many)| format!("{} {many} times", service.word()));
            let meets = meets.iter().map(|one| one.words().0.to_owned());
            let what = list(throttled.chain(meets));
            let text =
                format!("    {of} at {cloud}: {what}; waits {waits:?} at least, back within {within:?}\n");
            ("endures".to_owned(), text)
        }
        Word::NamesAgree { flows } => {
            let text = format!("    {}: each server name is known for its address\n", list(flows));
            ("names_agree".to_owned(), text)
        }
        Word::Rtsp { flows, methods, ways, nowhere_else } => rtsp(flows, methods, ways, *nowhere_else),
        Word::Spare { of } => ("spare".to_owned(), format!("    of {}\n", list(of))),
        Word::Address { of, advised, kept } => address(of, advised, *kept),
        Word::Carries { node, link, only, routes, .. } => {
            let row = |asked: &RouteAsked| [format!("route to {}", asked.to), list(&asked.flows)];
            let rows = table(2, &routes.iter().map(row).collect::<Vec<_>>());
            ("carries".to_owned(), format!("    {node}.{link}: only {}\n{rows}", list(only)))
        }
        Word::NoBridge { crossings, alive } => no_bridge(crossings, alive),
        Word::NoHop { hops, alive } => no_hop(hops, alive),
        Word::OwnLeg { questions } => own_leg(questions),
        Word::Listens { of, at } => {
            let at = if at.is_empty() { "nowhere".to_owned() } else { format!("at {}", list(at)) };
            ("listens".to_owned(), format!("    {}: {at}\n", list(of)))
        }
        Word::Explained { segments, upkeep, .. } => {
            let upkeep = if upkeep.is_empty() { "no upkeep".to_owned() } else { list(upkeep) };
            ("explained".to_owned(), format!("    in {}: by flows, {upkeep}, probes\n", list(segments)))
        }
        Word::Matrix { between, aims, opens, unopened, left_out } => {
            let opens: Vec<Open> = opens.iter().map(|(open, _)| open.clone()).collect();
            matrix(between, no_reach(aims, &opens, None), unopened, left_out)
        }
        Word::Name { at, segment, by, patterns } => {
            let text = format!("    {} ask {at} in {segment}, which lets out {}\n", list(by), list(patterns));
            ("name".to_owned(), text)
        }
        Word::Taint { cameras, streams, besides } => taint(cameras, streams, besides),
        Word::Lint { rules, waive, .. } => {
            let waived = waive.iter().map(|one| {
                format!("    {} is waived: {} (shown by {})\n", one.rule, one.because, list(&one.shown_by))
            });
            (format!("lint: {}", list(rules)), waived.collect())
        }
    }
}

/// What is asked of a camera's video.
fn asked(bounds: &Bounds) -> String {
    let Bounds { frames, lost, duplicated, swapped, .. } = bounds;
    let times = [
        ("half under way for", bounds.latency_p50),
        ("99 of 100 under way for", bounds.latency_p99),
        ("all under way for", bounds.latency_max),
        ("no gap beyond", bounds.longest_gap),
    ];
    let times = times.into_iter().filter_map(|(what, time)| Some(format!("; {what} {:?}", time?)));
    let counts =
        format!("at least {frames} frames, at most {lost} lost, {duplicated} twice, {swapped} swapped");
    counts + &times.collect::<String>()
}

/// `sent` is what is sent and opened, as a `no_reach` tells it.
fn matrix(
    between: &[NodeName],
    sent: (String, String),
    unopened: &[Unopened],
    left_out: &[LeftOut],
) -> (String, String) {
    let (word, sent) = sent;
    let row = |one: &Unopened| {
        let ends = format!("{} -> {}", one.from, one.to);
        [one.flow.to_string(), ends, one.traffic.to_string(), one.why.clone()]
    };
    let allowed = table(2, &unopened.iter().map(row).collect::<Vec<_>>());
    let row = |one: &LeftOut| {
        let at = one.address.map(|at| at.to_string()).unwrap_or_default();
        [format!("{} -> {}", one.from, one.to), at, one.why.clone()]
    };
    let left = table(2, &left_out.iter().map(row).collect::<Vec<_>>());
    let between = list(between);
    let text = format!("    between {between}\n{sent}    allowed, not opened\n{allowed}    left out\n{left}");
    (word.replacen("no_reach", "matrix", 1), text)
}

fn taint(cameras: &[NodeName], streams: &[VideoWay], besides: &[LinkName]) -> (String, String) {
    let row = |one: &VideoWay| {
        let ways = one.ports.iter().map(|ports| list(ports).replace(", ", " or "));
        let plays = if one.plays { "must be" } else { "may be" };
        [format!("{} -> {}", one.camera, one.to), plays.to_owned(), list(ways)]
    };
    let rows = table(2, &streams.iter().map(row).collect::<Vec<_>>());
    let hear: BTreeSet<_> = streams.iter().flat_map(|one| &one.hear).chain(besides).collect();
    let besides = if hear.is_empty() { String::new() } else { format!(" besides, at {}", list(hear)) };
    (format!("taint of {}{besides}", list(cameras)), rows)
}

fn rtsp(flows: &[FlowId], methods: &[RtspMethod], ways: &[RtspWay], nowhere_else: bool) -> (String, String) {
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

fn no_reach(aims: &[Aim], alive: &[Open], forgotten: Option<&Forgotten>) -> (String, String) {
    let probes: u64 = aims.iter().flat_map(|aim| &aim.ports).map(crate::names::Traffic::width).sum();
    let alive_rows = if alive.is_empty() {
        String::new()
    } else {
        format!("    alive before and after\n{}", opens_table(alive))
    };
    let later = forgotten.map_or_else(String::new, |one| {
        format!("; {} alone, {:?} after check {}", one.address, one.within, one.since)
    });
    let cells = if aims.iter().any(|aim| aim.cells.is_some()) { ", and cells of the rules" } else { "" };
    (format!("no_reach, {probes} probes{cells}{later}"), aims_table(aims) + &alive_rows)
}

fn after(
    says: &str,
    (resume, stops): (&[GoingOn], &[GoingOn]),
    (within, lasts): (Duration, Duration),
    aims: &[Aim],
) -> (String, String) {
    let named = |one: &GoingOn| match one {
        GoingOn::Video { camera, at } => format!("video of {camera} at {at}"),
        GoingOn::Reports { event, of } => format!("{event} of {of}"),
    };
    let goes_on = list(resume.iter().map(named));
    let stops = match stops.is_empty() {
        true => String::new(),
        false => format!("; stops meanwhile: {}", list(stops.iter().map(named))),
    };
    let text = format!("    {says}, for {lasts:?} at least; goes on within {within:?}: {goes_on}{stops}\n");
    let probes: u64 = aims.iter().flat_map(|aim| &aim.ports).map(crate::names::Traffic::width).sum();
    (format!("after, {probes} probes again and again"), text + &aims_table(aims))
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

fn no_bridge(crossings: &[Crossing], alive: &[Open]) -> (String, String) {
    let row = |one: &Crossing| {
        let whats = one.frames.iter().map(|frame| &frame.what);
        [
            format!("{}.{}", one.from, one.link),
            format!("into {}.{}", one.node, one.enters.0),
            format!("not out of {}", one.leaves.0),
            list(whats),
        ]
    };
    let rows = table(2, &crossings.iter().map(row).collect::<Vec<_>>());
    let alive = format!("    alive before and after\n{}", opens_table(alive));
    ("no_bridge".to_owned(), rows + &alive)
}

fn no_hop(hops: &[Hop], alive: &[Open]) -> (String, String) {
    let row = |one: &Hop| {
        [
            format!("{}.{}", one.from, one.link),
            if one.trunk.is_empty() { format!("in {}", one.segment) } else { "by other tags".to_owned() },
            format!("not out in {}", one.to),
            list(one.frames.iter().map(|frame| &frame.what)),
        ]
    };
    let rows = table(2, &hops.iter().map(row).collect::<Vec<_>>());
    let alive = format!("    alive before and after\n{}", opens_table(alive));
    ("no_hop".to_owned(), rows + &alive)
}

fn own_leg(questions: &[Questions]) -> (String, String) {
    let row = |one: &Questions| {
        let others = one.others.iter().map(|(link, address)| format!("{address} of {link}"));
        [
            format!("{}.{}", one.from, one.link),
            format!("asks {}.{}", one.node, one.leg.0),
            format!("for {}", list(others)),
            format!("before and after for its own {}", one.own),
        ]
    };
    ("own_leg".to_owned(), table(2, &questions.iter().map(row).collect::<Vec<_>>()))
}

/// Nothing where no camera sends to a group.
fn joined(joins: &[Join], hears: &[Join]) -> String {
    let row = |one: &Join| {
        let (first, last) = one.ports;
        [
            format!("{}.{}", one.from, one.link),
            format!("{} udp/{first}-{last}", one.group),
            format!("of {}", one.camera),
        ]
    };
    let rows = |all: &[Join]| table(2, &all.iter().map(row).collect::<Vec<_>>());
    match joins {
        [] => String::new(),
        joins => {
            format!("    groups joined, and not heard\n{}    heard by who may\n{}", rows(joins), rows(hears))
        }
    }
}

fn opens_table(opens: &[Open]) -> String {
    let row = |open: &Open| {
        [
            list(&open.flow),
            format!("{} -> {}", open.from, open.to),
            open.address.to_string(),
            open.port.to_string(),
        ]
    };
    table(2, &opens.iter().map(row).collect::<Vec<_>>())
}

fn aims_table(aims: &[Aim]) -> String {
    let row = |aim: &Aim| {
        let judge = match &aim.judge {
            Judge::Tap { .. } if aim.everybody.is_some() => format!("every tap of {}", aim.target_segment),
            Judge::Tap { port } => format!("tap {port}"),
            Judge::BehindFilter { node } => format!("behind the filter of {node}"),
        };
        [
            format!("{} -> {}", aim.from, aim.to),
            match &aim.forged {
                None => format!("{} {}", aim.link, aim.source),
                Some(forged) => format!("{} {} of {}, {}", aim.link, aim.source, forged.node, forged.mac),
            },
            aim.address.to_string(),
            format!("to {}", aim.next_node),
            judge,
            list(&aim.ports) + if aim.cells.is_some() { ", and cells of the rules" } else { "" },
        ]
    };
    let titles = ["pair", "sent from", "at", "frames", "judged", "what"];
    table(2, &head(titles, aims.iter().map(row)))
}

/// The bounds of what one side may say.
fn most(side: &str, amount: &Amount) -> String {
    let each = |what: &str, most: Option<u64>| most.map(|most| format!(" {most} bytes {what}"));
    let share = amount.share.map(|share| format!(" {share} of what comes back"));
    let bounds = [each("a second", amount.each_second), each("a datagram", amount.each_datagram), share];
    let bounds: Vec<_> = bounds.into_iter().flatten().collect();
    if bounds.is_empty() { String::new() } else { format!("; {side} at most{}", bounds.join(",")) }
}
