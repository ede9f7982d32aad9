//! The time line: stages, video, faults and probes of a run below one another. Shapes, and the same in words.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use serde::Serialize;

use super::super::Report;
use super::super::course::Span;
use super::super::words::stage;
use super::between::{Kind, Line, Standing, lines};

/// User units of the SVG.
const WIDTH: i32 = 960;
const LABELS: i32 = 250;
const LANE: i32 = 22;
const TOP: i32 = 24;
/// The least that is seen of something short.
const LEAST: f64 = 2.0;
/// More streams, faults or probing checks than this are told in words alone.
const MOST_LANES: usize = 30;
/// More rows of words than this are not told.
const MOST_TOLD: usize = 200;
/// So many marks on the axis at most.
const MARKS: f64 = 10.0;
const SECOND: f64 = 1e9;

/// The shapes, and what they say.
#[derive(Debug, Default, Serialize)]
pub(super) struct TimeLine {
    width: i32,
    height: i32,
    labels: i32,
    says: String,
    lanes: Vec<Lane>,
    /// Where each fault stood, across all lanes.
    shades: Vec<Bar>,
    /// Place and text of each mark on the axis.
    marks: Vec<(f64, String)>,
    /// How many lanes are told in words alone.
    undrawn: usize,
    told: Vec<Told>,
    untold: usize,
}

/// One row of the drawing.
#[derive(Debug, Serialize)]
struct Lane {
    y: i32,
    label: String,
    kind: &'static str,
    standing: Option<Standing>,
    bars: Vec<Bar>,
}

#[derive(Debug, Serialize)]
struct Bar {
    x: f64,
    width: f64,
    title: String,
}

/// A row of words.
#[derive(Debug, Serialize)]
struct Told {
    what: String,
    /// In seconds from the start.
    when: Vec<String>,
    besides: String,
}

/// One thing that went on, before it has a place.
struct Thing {
    kind: &'static str,
    label: String,
    standing: Option<Standing>,
    spans: Vec<(Span, String)>,
    besides: String,
}

/// Draws the course of a run; none if nothing of it is known.
pub(super) fn time_line(report: &Report) -> Option<TimeLine> {
    let started = report.started.duration_since(UNIX_EPOCH).ok()?;
    let started = u64::try_from(started.as_nanos()).ok()?;
    let things = things(report, started);
    let ends = things.iter().flat_map(|thing| &thing.spans).map(|((_, until), _)| *until);
    let end = ends.max().filter(|end| *end > started)?;
    let scale = Scale { started, per_ns: f64::from(WIDTH - LABELS) / (end - started) as f64 };
    let mut line =
        TimeLine { width: WIDTH + 10, labels: LABELS, marks: scale.marks(end), ..TimeLine::default() };
    let mut per_kind: BTreeMap<&str, usize> = BTreeMap::new();
    for thing in &things {
        let drawn = per_kind.entry(thing.kind).or_default();
        *drawn += 1;
        if *drawn > MOST_LANES {
            line.undrawn += 1;
            continue;
        }
        let bars: Vec<Bar> = thing.spans.iter().map(|(span, title)| scale.bar(*span, title)).collect();
        if thing.kind == "fault" {
            line.shades.extend(thing.spans.iter().map(|(span, title)| scale.bar(*span, title)));
        }
        let y = TOP + LANE * i32::try_from(line.lanes.len()).unwrap_or(i32::MAX / LANE / 2);
        line.lanes.push(Lane {
            y,
            label: shortened(&thing.label),
            kind: thing.kind,
            standing: thing.standing,
            bars,
        });
    }
    line.height = TOP + LANE * i32::try_from(line.lanes.len()).unwrap_or(i32::MAX / LANE / 2) + 6;
    line.says = says(&things, scale.seconds(end));
    line.untold = things.len().saturating_sub(MOST_TOLD);
    line.told = things.iter().take(MOST_TOLD).map(|thing| scale.told(thing)).collect();
    Some(line)
}

fn things(report: &Report, started: u64) -> Vec<Thing> {
    let drawn = lines(report);
    let mut things = vec![stages(report, started)];
    things.extend(report.course.streams.iter().map(|stream| {
        Thing {
            kind: "stream",
            label: format!("video of {} at {}", stream.camera, stream.at),
            standing: stream_standing(&drawn, &stream.camera, stream.at.as_str()),
            spans: stream
                .spans
                .iter()
                .map(|span| (*span, format!("video of {} at {}", stream.camera, stream.at)))
                .collect(),
            besides: format!("{} frames, {} lost", stream.frames, stream.lost),
        }
    }));
    things.extend(faults(report));
    things.extend(report.course.probes.iter().map(|(check, spans)| Thing {
        kind: "probe",
        label: format!("{check} sends"),
        standing: None,
        spans: spans.iter().map(|span| (*span, format!("{check} sends"))).collect(),
        besides: String::new(),
    }));
    things
}

/// All stages are one row, as one follows the other.
fn stages(report: &Report, started: u64) -> Thing {
    let mut at = started;
    let spans = report.stages.iter().map(|one| {
        let from = at;
        at = at.saturating_add(u64::try_from(one.took.as_nanos()).unwrap_or(u64::MAX));
        ((from, at), stage(one.stage).to_owned())
    });
    let spans = spans.collect();
    Thing { kind: "stage", label: "stages".into(), standing: None, spans, besides: String::new() }
}

/// As the line of the drawing between the two stands.
fn stream_standing(drawn: &[Line], camera: &str, at: &str) -> Option<Standing> {
    let is_it =
        |line: &&Line| line.kind == Kind::Allowed && line.from.as_str() == at && line.to.as_str() == camera;
    drawn.iter().find(is_it).map(|line| line.standing)
}

/// Each fault with what mended it; faults by hand, and any other, when they were carried out.
fn faults(report: &Report) -> Vec<Thing> {
    let thing = |label: String, span, besides: String| Thing {
        kind: "fault",
        spans: vec![(span, label.clone())],
        label,
        standing: None,
        besides,
    };
    let changes = report.course.changes.iter().map(|(check, span)| {
        // What was done right as the change began is what the check did.
        let fault = report.faults.iter().find(|one| !one.by_hand && one.at >= span.0 && one.at < span.1);
        let label = fault.map_or_else(|| format!("a fault of {check}"), |one| one.fault.to_string());
        thing(label, *span, format!("for {check}, until it was mended"))
    });
    let by_hand = report
        .faults
        .iter()
        .filter(|one| one.by_hand)
        .map(|one| thing(one.fault.to_string(), (one.at, one.done_at), format!("by hand: {}", one.done)));
    changes.chain(by_hand).collect()
}

fn says(things: &[Thing], seconds: String) -> String {
    let count = |kind| things.iter().filter(|thing| thing.kind == kind).count();
    format!(
        "{seconds} from beginning to end: {} streams of video, {} faults, {} checks that sent something. The table below \
         says the same in words.",
        count("stream"),
        count("fault"),
        count("probe"),
    )
}

/// A name that fits beside its lane.
fn shortened(label: &str) -> String {
    const FITS: usize = 38;
    if label.chars().count() <= FITS {
        return label.to_owned();
    }
    label.chars().take(FITS - 1).chain(['…']).collect()
}

/// From moments to places.
struct Scale {
    started: u64,
    per_ns: f64,
}

impl Scale {
    fn place(&self, at: u64) -> f64 {
        f64::from(LABELS) + at.saturating_sub(self.started) as f64 * self.per_ns
    }

    fn bar(&self, (from, until): Span, title: &str) -> Bar {
        let (x, end) = (self.place(from), self.place(until));
        let title = format!("{title}: {}", self.when((from, until)));
        Bar { x: rounded(x), width: rounded((end - x).max(LEAST)), title }
    }

    fn seconds(&self, at: u64) -> String {
        format!("{:.2} s", at.saturating_sub(self.started) as f64 / SECOND)
    }

    fn when(&self, (from, until): Span) -> String {
        format!("{} to {}", self.seconds(from), self.seconds(until))
    }

    fn told(&self, thing: &Thing) -> Told {
        let stage =
            |title: &String, when| if thing.kind == "stage" { format!("{title} {when}") } else { when };
        Told {
            what: thing.label.clone(),
            when: thing.spans.iter().map(|(span, title)| stage(title, self.when(*span))).collect(),
            besides: thing.besides.clone(),
        }
    }

    /// Round seconds, not too many.
    fn marks(&self, end: u64) -> Vec<(f64, String)> {
        let seconds = (end - self.started) as f64 / SECOND;
        let tens = 10f64.powf((seconds / MARKS).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * tens);
        let step = steps.into_iter().find(|step| seconds / step <= MARKS).unwrap_or(tens * 10.0);
        let mark = |number: u32| {
            let at = f64::from(number) * step;
            (rounded(f64::from(LABELS) + at * SECOND * self.per_ns), format!("{} s", rounded(at)))
        };
        (0..).take_while(|number| f64::from(*number) * step <= seconds).map(mark).collect()
    }
}

/// To two digits after the point.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::super::super::StageTime;
    use super::super::super::course::Stream;
    use super::super::super::example::{broken_report, failed_report, good_report};
    use super::*;
    use crate::event::Stage;
    use crate::observation::FaultSeen;
    use crate::plan::fault::Fault;
    use crate::verdict::Verdict;

    const MS: u64 = 1_000_000;

    /// Ten seconds with video that pauses while a fault stands.
    fn faulty() -> (Report, u64) {
        let mut report = broken_report();
        let started = u64::try_from(report.started.duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap();
        let at = |ms: u64| started + ms * MS;
        let took = std::time::Duration::from_secs(10);
        report.stages = vec![StageTime { stage: Stage::Probe, took }];
        report.course.streams = vec![Stream {
            camera: "dock-1".into(),
            at: "app".parse().unwrap(),
            frames: 50,
            lost: 0,
            spans: vec![(at(1000), at(4000)), (at(5000), at(9000))],
        }];
        let check = report.plan.checks[0].name.clone();
        report.course.changes = vec![(check.clone(), (at(4000), at(6000)))];
        report.course.probes = vec![(check, vec![(at(2000), at(2000))])];
        let (fault, done) = (Fault::HealAll, "done".into());
        report.faults.insert(
            0,
            FaultSeen { fault, at: at(4000), done_at: at(4100), done, by_hand: false, mended: Vec::new() },
        );
        (report, started)
    }

    #[test]
    fn everything_lies_where_it_was_and_within_the_drawing() {
        let line = time_line(&faulty().0).unwrap();
        let kinds: Vec<_> = line.lanes.iter().map(|lane| lane.kind).collect();
        assert_eq!(kinds, ["stage", "stream", "fault", "fault", "probe"]);
        let stream = &line.lanes[1];
        assert_eq!(stream.bars.len(), 2, "one for each time it ran");
        let share = f64::from(WIDTH - LABELS) / 10.0;
        assert_eq!(stream.bars[0].x, f64::from(LABELS) + share);
        assert_eq!(stream.bars[0].width, share * 3.0);
        assert_eq!(line.shades[0].x, f64::from(LABELS) + share * 4.0);
        assert_eq!(line.lanes[4].bars[0].width, LEAST, "the shortest is seen");
        for lane in &line.lanes {
            assert!(lane.y + LANE <= line.height);
            assert!(
                lane.bars
                    .iter()
                    .all(|bar| bar.x >= f64::from(LABELS) && bar.x + bar.width <= f64::from(line.width)),
                "{lane:?}"
            );
        }
        assert_eq!(line.marks.len(), 11);
        assert_eq!(line.marks[10].1, "10 s");
    }

    #[test]
    fn it_is_told_in_words_too() {
        let line = time_line(&faulty().0).unwrap();
        let rows: Vec<_> = line
            .told
            .iter()
            .map(|one| format!("{}: {} ({})", one.what, one.when.join(", "), one.besides))
            .collect();
        assert_eq!(
            rows[..3],
            [
                "stages: probe 0.00 s to 10.00 s ()",
                "video of dock-1 at app: 1.00 s to 4.00 s, 5.00 s to 9.00 s (50 frames, 0 lost)",
                "heal --all: 4.00 s to 6.00 s (for dock-plays, until it was mended)",
            ]
        );
        assert!(rows[3].ends_with("(by hand: mended: cut desk.eth0)"), "{rows:?}");
    }

    #[test]
    fn video_has_the_colour_of_its_line() {
        let (mut report, _) = faulty();
        let standing = |report: &Report| time_line(report).unwrap().lanes[1].standing;
        assert_eq!(standing(&report), Some(Standing::Good));
        report.judgement.checks[0].verdict = Verdict::Inconclusive;
        assert_eq!(standing(&report), Some(Standing::Unsure));
        report.course.streams[0].camera = "nobody".into();
        assert_eq!(standing(&report), None);
    }

    #[test]
    fn of_too_many_the_rest_is_told() {
        let (mut report, _) = faulty();
        let stream = report.course.streams[0].clone();
        report.course.streams = vec![stream; MOST_LANES + 5];
        let line = time_line(&report).unwrap();
        assert_eq!(line.undrawn, 5);
        assert_eq!(line.told.len(), MOST_LANES + 5 + 4);
        report.course.streams = vec![report.course.streams[0].clone(); MOST_TOLD + 5];
        assert_eq!(time_line(&report).unwrap().untold, 9);
    }

    #[test]
    fn a_run_of_which_nothing_is_known_has_no_time_line() {
        let mut report = failed_report();
        assert!(time_line(&report).is_some(), "its stages are known");
        report.stages.clear();
        report.course = Default::default();
        assert!(time_line(&report).is_none());
        assert!(time_line(&good_report()).is_some());
    }

    #[test]
    fn marks_are_round_and_few() {
        for (ms, last, count) in [(450, "0.45 s", 10), (24_700, "20 s", 5), (3_600_000, "3500 s", 8)] {
            let scale = Scale { started: 0, per_ns: 1.0 };
            let marks = scale.marks(ms * MS);
            assert_eq!((marks.last().unwrap().1.as_str(), marks.len()), (last, count), "{ms}");
        }
    }
}
