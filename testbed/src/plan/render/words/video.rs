//! Words about cameras and their video.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::tables::{list, table};
use crate::names::{LinkName, NodeName};
use crate::plan::VideoWay;
use crate::scenario::model::Bounds;

pub(super) fn plays(
    cameras: &[NodeName],
    at: &NodeName,
    sub_streams: bool,
    bounds: &Bounds,
) -> (String, String) {
    let all = if sub_streams { ", all streams" } else { "" };
    ("plays".to_owned(), format!("    {}{all} at {at}: {}\n", list(cameras), asked(bounds)))
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

pub(super) fn scan(
    at: &NodeName,
    finds: &[NodeName],
    beyond: &[NodeName],
    by_job: Option<Duration>,
) -> (String, String) {
    let when = match by_job {
        Some(within) => format!("within {within:?} of a job that says so"),
        None => "unasked".to_owned(),
    };
    let finds = if finds.is_empty() { "nobody".to_owned() } else { format!("exactly {}", list(finds)) };
    let beyond = if beyond.is_empty() { String::new() } else { format!(", and nothing of {}", list(beyond)) };
    ("scan".to_owned(), format!("    {at} finds {finds}{beyond}, {when}\n"))
}

pub(super) fn taint(cameras: &[NodeName], streams: &[VideoWay], besides: &[LinkName]) -> (String, String) {
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
