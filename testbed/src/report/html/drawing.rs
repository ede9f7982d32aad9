//! The site as a drawing: segments as bars, nodes as boxes, and the lines of `between` from box to box. Shapes only;
//! the template writes them as SVG, and the same in words below it.
//!
//! Nodes of several segments stand in columns of their own on the left, with a line down to each of their bars;
//! nodes of one segment hang below its bar, in rows.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::Report;
use super::super::words::verdict;
use super::between::{Kind, Line, Standing, lines};
use crate::names::{NodeName, SegmentName};
use crate::plan::{Node, Plan, Role, Segment};
use crate::verdict::wording::{counted, listed};
use crate::verdict::{CheckVerdict, Verdict};

const MARGIN: i32 = 16;
const BOX: (i32, i32) = (116, 40);
const COLUMN: i32 = BOX.0 + 48;
const ROW: i32 = BOX.1 + 20;
const BAR: i32 = 24;
const PER_ROW: usize = 6;
/// From a box to the line on its left that ties it to its bar.
const TIE: i32 = 12;
/// More lines of a kind than this are not drawn, unless they are bad or uncertain: they would hide the site.
const MOST_LINES: usize = 40;
/// Addresses spelled out per link.
const ADDRESSES: usize = 4;
/// More nodes or lines than this are not told in words.
const MOST_TOLD: usize = 200;

/// The shapes, in user units of the SVG, and what they say.
#[derive(Debug, Default, Serialize)]
pub(super) struct Drawing {
    width: i32,
    height: i32,
    /// All in one sentence.
    says: String,
    bars: Vec<Shape>,
    boxes: Vec<Shape>,
    ties: Vec<String>,
    arrows: Vec<Arrow>,
    /// How many lines are not drawn.
    undrawn: usize,
    nodes: Vec<NodeTold>,
    lines: Vec<LineTold>,
    /// How many nodes and lines are not told.
    untold: (usize, usize),
    /// Checks that did not pass for what is between no two nodes: their names, with their verdicts.
    elsewhere: Vec<(String, &'static str)>,
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

/// A line from box to box.
#[derive(Debug, Serialize)]
struct Arrow {
    path: String,
    from: String,
    to: String,
    title: String,
    kind: Kind,
    standing: Standing,
}

/// A node in words.
#[derive(Debug, Serialize)]
struct NodeTold {
    name: String,
    role: &'static str,
    links: Vec<String>,
    rules: Option<String>,
}

/// A line in words.
#[derive(Debug, Serialize)]
struct LineTold {
    from: String,
    to: String,
    kind: &'static str,
    what: String,
    standing: Standing,
    words: &'static str,
    checks: Vec<String>,
}

/// Draws the site of a report.
pub(super) fn drawing(report: &Report) -> Drawing {
    let plan = &report.plan;
    let lines = lines(report);
    let (mut drawing, places) = ground(plan);
    let found = lines.iter().filter(|line| line.kind == Kind::Found);
    let bad: BTreeSet<&NodeName> = found.flat_map(|line| [&line.from, &line.to]).collect();
    let nodes = plan.nodes.iter().filter_map(|node| places.get(&node.name).map(|at| (node, *at)));
    drawing.boxes = nodes.map(|(node, at)| node_box(node, at, bad.contains(&node.name))).collect();
    drawing.arrows = arrows(&lines, &places);
    drawing.undrawn = lines.len() - drawing.arrows.len();
    drawing.says = says(plan, &lines);
    drawing.nodes = plan.nodes.iter().take(MOST_TOLD).map(node_told).collect();
    drawing.lines = lines.iter().take(MOST_TOLD).map(line_told).collect();
    drawing.untold = (plan.nodes.len() - drawing.nodes.len(), lines.len() - drawing.lines.len());
    drawing.elsewhere = elsewhere(report);
    drawing
}

/// Bars and ties, and where the boxes are.
fn ground(plan: &Plan) -> (Drawing, BTreeMap<&NodeName, (i32, i32)>) {
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
            drawing.ties.push(tie(at, y));
        }
        y += BAR + 14 + width(nodes.len().div_ceil(PER_ROW).max(1)) * ROW + 6;
    }
    drawing.height = y;
    for (column, (node, segments)) in joints.iter().enumerate() {
        let mut ys: Vec<i32> = segments.iter().filter_map(|name| bars.get(*name)).copied().collect();
        ys.sort_unstable();
        let at = (MARGIN + width(column) * COLUMN, ys.first().unwrap_or(&MARGIN) + BAR + 14);
        places.insert(&node.name, at);
        drawing.ties.extend(ys.iter().map(|bar| rod(at, *bar)));
    }
    (drawing, places)
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

fn role(node: &Node) -> &'static str {
    match node.role {
        Role::Camera => "camera",
        Role::Appliance => "appliance",
        Role::Router => "router",
        Role::Cloud => "cloud",
        Role::Host => "host",
    }
}

fn node_box(node: &Node, (x, y): (i32, i32), bad: bool) -> Shape {
    let role = role(node);
    let class = if bad { format!("{role} bad") } else { role.to_owned() };
    let title = shortened(node.name.as_str());
    Shape { x, y, width: BOX.0, height: BOX.1, title, text: role.into(), class }
}

fn node_told(node: &Node) -> NodeTold {
    let link = |link: &crate::plan::Link| {
        let addresses: Vec<_> = link.addresses.iter().map(ToString::to_string).collect();
        format!("{} in {}: {}", link.name, link.segment, listed(addresses, ADDRESSES))
    };
    NodeTold {
        name: node.name.to_string(),
        role: role(node),
        links: node.links.iter().map(link).collect(),
        rules: node.ruleset.clone(),
    }
}

fn line_told(line: &Line) -> LineTold {
    LineTold {
        from: line.from.to_string(),
        to: line.to.to_string(),
        kind: line.kind.words(),
        what: line.what.clone(),
        standing: line.standing,
        words: line.standing_words(),
        checks: line.checks.clone(),
    }
}

/// What a drawing says that is not seen.
fn says(plan: &Plan, lines: &[Line]) -> String {
    let count = |standing| lines.iter().filter(|line| line.standing == standing).count();
    let (bad, unsure) = (count(Standing::Bad), count(Standing::Unsure));
    let (good, plain) = (count(Standing::Good), count(Standing::Plain));
    format!(
        "{} with {}. Between them {bad} not as meant, {unsure} of which nothing can be said, {good} as meant, {plain} \
         that no check looks at. The tables below say the same in words.",
        counted(plan.segments.len(), "segment"),
        counted(plan.nodes.len(), "node"),
    )
}

/// Checks that did not pass, and not for anything between two nodes.
fn elsewhere(report: &Report) -> Vec<(String, &'static str)> {
    let failing = report.judgement.checks.iter().filter(|check| check.verdict != Verdict::Pass);
    let drawn = |check: &&CheckVerdict| {
        !check.findings.is_empty() && check.findings.iter().all(|one| one.pair.is_some())
    };
    let elsewhere = failing.filter(|check| !drawn(check));
    elsewhere.map(|check| (check.check.to_string(), verdict(check.verdict))).collect()
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

/// The lines between boxes; of a kind that has too many, those only that are bad or uncertain.
fn arrows(lines: &[Line], places: &BTreeMap<&NodeName, (i32, i32)>) -> Vec<Arrow> {
    let drawn = |line: &&Line| {
        let calm = |line: &Line| line.standing >= Standing::Good;
        let alike = lines.iter().filter(|one| one.kind == line.kind && calm(one)).count();
        !calm(line) || alike <= MOST_LINES
    };
    let arrow = |line: &Line| {
        let path = curve(*places.get(&line.from)?, *places.get(&line.to)?, line.kind)?;
        let checks =
            if line.checks.is_empty() { String::new() } else { format!(" ({})", line.checks.join(", ")) };
        let words = format!("{}, {}{checks}", line.what, line.standing_words());
        let (kind, standing) = (line.kind, line.standing);
        let (from, to) = (line.from.to_string(), line.to.to_string());
        Some(Arrow {
            path,
            title: format!("{from} {} {to}: {words}", kind.words()),
            from,
            to,
            kind,
            standing,
        })
    };
    // The worst are drawn last, over all others.
    lines.iter().rev().filter(drawn).filter_map(arrow).collect()
}

/// A bent line from the rim of one box to the rim of the other; the way back is bent to the other side, and each kind by
/// as much that those between the same two boxes lie beside each other.
fn curve(from: (i32, i32), to: (i32, i32), kind: Kind) -> Option<String> {
    let centre = |(x, y): (i32, i32)| (f64::from(x + BOX.0 / 2), f64::from(y + BOX.1 / 2));
    let (start, end) = (centre(from), centre(to));
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    let length = dx.hypot(dy);
    if length < 1.0 {
        return None;
    }
    let share = match kind {
        Kind::Allowed => 1.0,
        Kind::Stopped => 1.8,
        Kind::Found => 2.6,
    };
    let bend = (length / 6.0).min(60.0) * share;
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
    use crate::plan::FlowPair;

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
    fn what_was_found_lies_over_all_else_and_marks_its_nodes() {
        let good = drawing(&good_report());
        assert!(good.arrows.iter().all(|arrow| arrow.standing == Standing::Good));
        assert!(good.boxes.iter().all(|one| !one.class.contains("bad")) && good.elsewhere.is_empty());
        let bad = drawing(&bad_report());
        let found: Vec<_> = bad.arrows.iter().rev().take(2).map(|arrow| arrow.title.as_str()).collect();
        assert_eq!(
            found,
            [
                "app found rtr: should not be, not as meant (vms-shut)",
                "dock-1 found vms: should not be, not as meant (vms-shut)"
            ]
        );
        let names: Vec<_> =
            bad.boxes.iter().filter(|one| one.class.contains("bad")).map(|one| one.title.as_str()).collect();
        assert_eq!(names, ["dock-1", "app", "rtr", "vms"]);
    }

    #[test]
    fn all_that_is_drawn_is_told_in_words() {
        let bad = drawing(&bad_report());
        assert_eq!((bad.lines.len(), bad.undrawn, bad.untold), (bad.arrows.len(), 0, (0, 0)));
        assert_eq!(
            bad.says,
            "3 segments with 6 nodes. Between them 4 not as meant, 2 of which nothing can be said, 2 as meant, 0 that no \
             check looks at. The tables below say the same in words."
        );
        assert_eq!(bad.nodes[3].links[1], "eth1 in prod: 10.30.0.1/24");
        assert_eq!(bad.nodes[3].rules.as_deref(), Some("small.nft"));
        let elsewhere: Vec<_> = bad.elsewhere.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(elsewhere, ["app-opens", "dock-alone"], "they failed for nothing between two nodes");
    }

    #[test]
    fn of_too_many_lines_those_are_drawn_that_are_not_as_meant() {
        let mut report = bad_report();
        let camera = report.plan.nodes[0].clone();
        let flow = report.plan.flows[0].clone();
        for index in 3..=50 {
            let name: NodeName = format!("dock-{index}").parse().unwrap();
            report.plan.nodes.push(Node { name: name.clone(), ..camera.clone() });
            report.plan.flows[0].pairs.push(FlowPair { to: name, ..flow.pairs[0].clone() });
        }
        let drawing = drawing(&report);
        assert!(drawing.arrows.iter().all(|arrow| arrow.standing < Standing::Good), "{:?}", drawing.arrows);
        assert_eq!((drawing.arrows.len(), drawing.undrawn), (6, 50));
        assert_eq!(drawing.lines.len(), 56, "words are for all of them");
    }

    #[test]
    fn long_names_fit_their_box() {
        assert_eq!(shortened("dock-1"), "dock-1");
        assert_eq!(shortened("a-rather-long-name-of-a-camera-17"), "a-rather…era-17");
    }
}
