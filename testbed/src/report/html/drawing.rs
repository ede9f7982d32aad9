//! The site as a drawing: segments as bars, nodes as boxes, flows green, failing pairs red. Shapes only; the
//! template writes them as SVG.
//!
//! Nodes of several segments stand in columns of their own on the left, with a line down to each of their bars;
//! nodes of one segment hang below its bar, in rows.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::Report;
use crate::names::{NodeName, SegmentName};
use crate::plan::{Node, Plan, Role, Segment};

const MARGIN: i32 = 16;
const BOX: (i32, i32) = (116, 40);
const COLUMN: i32 = BOX.0 + 48;
const ROW: i32 = BOX.1 + 20;
const BAR: i32 = 24;
const PER_ROW: usize = 6;
/// From a box to the line on its left that ties it to its bar.
const TIE: i32 = 12;
/// More allowed pairs than this are not drawn: they would hide the site.
const MOST_FLOWS: usize = 40;

/// The shapes, in user units of the SVG.
#[derive(Debug, Default, Serialize)]
pub(super) struct Drawing {
    width: i32,
    height: i32,
    bars: Vec<Shape>,
    boxes: Vec<Shape>,
    lines: Vec<String>,
    arrows: Vec<Arrow>,
}

/// A bar or a box with two lines of text.
#[derive(Debug, Serialize)]
struct Shape {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
    title: String,
    text: String,
    class: String,
}

/// An arrow from box to box.
#[derive(Debug, Serialize)]
struct Arrow {
    path: String,
    title: String,
    class: &'static str,
}

/// Draws the site of a report.
pub(super) fn drawing(report: &Report) -> Drawing {
    let plan = &report.plan;
    let failing = failing_pairs(report);
    let bad: BTreeSet<&NodeName> = failing.keys().flat_map(|(from, to)| [*from, *to]).collect();
    let (joints, singles) = by_segments(plan);
    let columns = singles.values().map(Vec::len).max().unwrap_or(0).clamp(1, PER_ROW);
    let left = MARGIN + width(joints.len()) * COLUMN;
    let mut drawing = Drawing { width: left + TIE + width(columns) * COLUMN + MARGIN, ..Drawing::default() };
    let mut places = BTreeMap::new();
    let mut bars = BTreeMap::new();
    let mut y = MARGIN;
    for segment in &plan.segments {
        bars.insert(&segment.name, y);
        drawing.bars.push(bar(segment, y, drawing.width - 2 * MARGIN));
        let nodes = singles.get(&segment.name).map_or(&[][..], Vec::as_slice);
        for (index, node) in nodes.iter().enumerate() {
            let (row, column) = (index / PER_ROW, index % PER_ROW);
            let at = (left + TIE + width(column) * COLUMN, y + BAR + 14 + width(row) * ROW);
            places.insert(&node.name, at);
            drawing.lines.push(tie(at, y));
        }
        y += BAR + 14 + width(nodes.len().div_ceil(PER_ROW).max(1)) * ROW + 6;
    }
    drawing.height = y;
    for (column, (node, segments)) in joints.iter().enumerate() {
        let mut ys: Vec<i32> = segments.iter().filter_map(|name| bars.get(*name)).copied().collect();
        ys.sort_unstable();
        let at = (MARGIN + width(column) * COLUMN, ys.first().unwrap_or(&MARGIN) + BAR + 14);
        places.insert(&node.name, at);
        drawing.lines.extend(ys.iter().map(|bar| rod(at, *bar)));
    }
    let nodes = plan.nodes.iter().filter_map(|node| places.get(&node.name).map(|at| (node, *at)));
    drawing.boxes = nodes.map(|(node, at)| node_box(node, at, bad.contains(&node.name))).collect();
    drawing.arrows = arrows(plan, &failing, &places);
    drawing
}

/// Numbers of nodes are small; a drawing of more than two thousand million would not be looked at.
fn width(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX / 2 / COLUMN)
}

type Joints<'a> = Vec<(&'a Node, BTreeSet<&'a SegmentName>)>;
type Singles<'a> = BTreeMap<&'a SegmentName, Vec<&'a Node>>;

/// Nodes of several segments, and the others by their only one.
fn by_segments(plan: &Plan) -> (Joints<'_>, Singles<'_>) {
    let (mut joints, mut singles) = (Joints::new(), Singles::new());
    for node in &plan.nodes {
        let segments: BTreeSet<&SegmentName> = node.links.iter().map(|link| &link.segment).collect();
        match segments.first() {
            Some(only) if segments.len() == 1 => singles.entry(only).or_default().push(node),
            Some(_) => joints.push((node, segments)),
            None => {}
        }
    }
    (joints, singles)
}

/// Pairs that a finding names, with the checks that found them.
fn failing_pairs(report: &Report) -> BTreeMap<(&NodeName, &NodeName), BTreeSet<String>> {
    let mut pairs: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for check in &report.judgement.checks {
        for (from, to) in check.findings.iter().filter_map(|finding| finding.pair.as_ref()) {
            pairs.entry((from, to)).or_default().insert(check.check.to_string());
        }
    }
    pairs
}

fn bar(segment: &Segment, y: i32, width: i32) -> Shape {
    let vlan = segment.vlan.map(|vlan| format!(" (VLAN {vlan})")).unwrap_or_default();
    let hub = if segment.hub { " (hub)" } else { "" };
    let subnets: Vec<_> = segment.subnets.iter().map(ToString::to_string).collect();
    Shape {
        x: MARGIN,
        y,
        width,
        height: BAR,
        title: format!("{}{vlan}{hub}", segment.name),
        text: subnets.join("  "),
        class: "bar".into(),
    }
}

fn node_box(node: &Node, (x, y): (i32, i32), bad: bool) -> Shape {
    let role = match node.role {
        Role::Camera => "camera",
        Role::Appliance => "appliance",
        Role::Router => "router",
        Role::Cloud => "cloud",
        Role::Host => "host",
    };
    let class = if bad { format!("{role} bad") } else { role.to_owned() };
    let title = shortened(node.name.as_str());
    Shape { x, y, width: BOX.0, height: BOX.1, title, text: role.into(), class }
}

/// A name that fits a box.
fn shortened(name: &str) -> String {
    if name.len() <= 15 { name.to_owned() } else { format!("{}…{}", &name[..8], &name[name.len() - 6..]) }
}

/// From a bar down beside the box, and to its left side.
fn tie((x, y): (i32, i32), bar: i32) -> String {
    format!("M{} {} V{} H{x}", x - TIE, bar + BAR, y + BOX.1 / 2)
}

/// From the box straight up or down to a bar.
fn rod((x, y): (i32, i32), bar: i32) -> String {
    let middle = x + BOX.0 / 2;
    if bar < y {
        format!("M{middle} {} V{}", bar + BAR, y)
    } else {
        format!("M{middle} {} V{bar}", y + BOX.1)
    }
}

fn arrows(
    plan: &Plan,
    failing: &BTreeMap<(&NodeName, &NodeName), BTreeSet<String>>,
    places: &BTreeMap<&NodeName, (i32, i32)>,
) -> Vec<Arrow> {
    let mut allowed: BTreeMap<(&NodeName, &NodeName), Vec<String>> = BTreeMap::new();
    for flow in plan.flows.iter().filter(|flow| !flow.upkeep) {
        for pair in &flow.pairs {
            allowed.entry((&pair.from, &pair.to)).or_default().push(flow.id.to_string());
        }
    }
    if allowed.len() > MOST_FLOWS {
        allowed.clear();
    }
    let arrow = |(from, to): (&NodeName, &NodeName), class, what: String| {
        let path = curve(*places.get(from)?, *places.get(to)?)?;
        Some(Arrow { path, title: format!("{from} -> {to}: {what}"), class })
    };
    let allowed = allowed.into_iter().filter_map(|(pair, ids)| arrow(pair, "allowed", ids.join(", ")));
    let failing = failing.iter().filter_map(|(pair, checks)| {
        let checks: Vec<_> = checks.iter().map(String::as_str).collect();
        arrow(*pair, "failing", format!("found by {}", checks.join(", ")))
    });
    allowed.chain(failing).collect()
}

/// A bent line from the rim of one box to the rim of the other; the way back is bent to the other side.
fn curve(from: (i32, i32), to: (i32, i32)) -> Option<String> {
    let centre = |(x, y): (i32, i32)| (f64::from(x + BOX.0 / 2), f64::from(y + BOX.1 / 2));
    let (start, end) = (centre(from), centre(to));
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    let length = dx.hypot(dy);
    if length < 1.0 {
        return None;
    }
    let bend = (length / 6.0).min(60.0);
    let knee = ((start.0 + end.0) / 2.0 - dy / length * bend, (start.1 + end.1) / 2.0 + dx / length * bend);
    let (a, b) = (rim(start, knee), rim(end, knee));
    Some(format!("M{:.0} {:.0} Q{:.0} {:.0} {:.0} {:.0}", a.0, a.1, knee.0, knee.1, b.0, b.1))
}

/// Where the straight line from a box's centre towards a point leaves the box.
fn rim(centre: (f64, f64), towards: (f64, f64)) -> (f64, f64) {
    let (dx, dy) = (towards.0 - centre.0, towards.1 - centre.1);
    let (half_width, half_height) = (f64::from(BOX.0) / 2.0 + 3.0, f64::from(BOX.1) / 2.0 + 3.0);
    let share = (half_width / dx.abs()).min(half_height / dy.abs()).min(1.0);
    (centre.0 + dx * share, centre.1 + dy * share)
}

#[cfg(test)]
mod tests {
    use super::super::super::example::{bad_report, good_report};
    use super::*;

    fn overlap(a: &Shape, b: &Shape) -> bool {
        a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
    }

    /// The example with so many cameras.
    fn with_cameras(number: usize) -> Report {
        let mut report = good_report();
        let camera = report.plan.nodes[0].clone();
        for index in 3..=number {
            let name = format!("dock-{index}").parse().unwrap();
            report.plan.nodes.push(Node { name, ..camera.clone() });
        }
        report
    }

    #[test]
    fn every_node_and_segment_is_drawn_and_nothing_covers_anything() {
        for cameras in [2, 6, 7, 64] {
            let report = with_cameras(cameras);
            let drawing = drawing(&report);
            assert_eq!(drawing.boxes.len(), report.plan.nodes.len());
            assert_eq!(drawing.bars.len(), 3);
            let shapes: Vec<_> = drawing.bars.iter().chain(&drawing.boxes).collect();
            for (index, one) in shapes.iter().enumerate() {
                assert!(one.x >= 0 && one.x + one.width <= drawing.width, "{one:?}");
                assert!(one.y >= 0 && one.y + one.height <= drawing.height, "{one:?}");
                for other in &shapes[index + 1..] {
                    assert!(!overlap(one, other), "{one:?} covers {other:?}");
                }
            }
        }
    }

    #[test]
    fn failing_pairs_are_red_and_name_their_check() {
        let good = drawing(&good_report());
        assert!(good.arrows.iter().all(|arrow| arrow.class == "allowed"));
        assert!(good.boxes.iter().all(|one| !one.class.contains("bad")));
        let bad = drawing(&bad_report());
        let red: Vec<_> = bad.arrows.iter().filter(|arrow| arrow.class == "failing").collect();
        let titles: Vec<_> = red.iter().map(|arrow| arrow.title.as_str()).collect();
        assert_eq!(titles, ["app -> rtr: found by vms-shut", "dock-1 -> vms: found by vms-shut"]);
        let names: Vec<_> =
            bad.boxes.iter().filter(|one| one.class.contains("bad")).map(|one| one.title.as_str()).collect();
        assert_eq!(names, ["dock-1", "app", "rtr", "vms"]);
    }

    #[test]
    fn long_names_fit_their_box() {
        assert_eq!(shortened("dock-1"), "dock-1");
        assert_eq!(shortened("a-rather-long-name-of-a-camera-17"), "a-rather…era-17");
    }
}
