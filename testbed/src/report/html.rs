//! `report.html`: one file that asks for no other, drawn from templates that escape everything.

mod between;
mod drawing;
mod grid;
mod pictures;
mod time;
mod trust;

use std::collections::BTreeMap;

use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use self::drawing::{Drawing, drawing};
use self::grid::{Grid, grid};
use self::pictures::{Pictures, pictures};
use self::time::{TimeLine, time_line};
use super::Report;
use super::rule_place::rule_place;
use super::words::{broken_part, by_hand, fault, place, proof, seconds, stage, verdict};
use crate::record::rule_use::RuleUse;
use crate::utc::Utc;
use crate::verdict::{CheckVerdict, ControlSeen, Finding, Verdict};

/// Each by the name that the others include it by. Where that ends in `.html`, values are escaped as HTML.
const TEMPLATES: [(&str, &str); 6] = [
    ("page.html", include_str!("html/page.html.jinja")),
    ("style.css", include_str!("html/style.css")),
    ("site.html", include_str!("html/site.html.jinja")),
    ("time.html", include_str!("html/time.html.jinja")),
    ("pictures.html", include_str!("html/pictures.html.jinja")),
    ("grid.html", include_str!("html/grid.html.jinja")),
];

/// What the template reads.
#[derive(Serialize)]
struct Page {
    scenario: String,
    started: String,
    took: String,
    documents: Vec<String>,
    worst: &'static str,
    counts: [usize; 3],
    broken_part: Option<String>,
    failure: Option<FailureView>,
    twin: Option<TwinView>,
    drawing: Drawing,
    time: Option<TimeLine>,
    pictures: Option<Pictures>,
    controls: Vec<ControlView>,
    checks: Vec<CheckView>,
    flows: Vec<FlowView>,
    rule_use: Vec<RuleUse>,
    remarks: Vec<String>,
    /// What was broken by hand, a line each.
    by_hand: Vec<String>,
    stages: Vec<(&'static str, String)>,
    frames: (u64, u64),
    dropped: (u64, u64),
    unstored: (u64, u64),
    folder: Option<String>,
}

#[derive(Serialize)]
struct FailureView {
    fault: &'static str,
    node: Option<String>,
    text: String,
    last_lines: Vec<String>,
}

#[derive(Serialize)]
struct TwinView {
    name: String,
    says: String,
    agrees: bool,
    differences: Vec<String>,
    undecided: Vec<String>,
}

/// A documented control with the checks that prove it, each with its verdict.
#[derive(Serialize)]
struct ControlView {
    control: String,
    worst: &'static str,
    checks: Vec<(String, &'static str, bool)>,
}

#[derive(Serialize)]
struct CheckView {
    name: String,
    word: String,
    verdict: &'static str,
    summary: String,
    proves: Vec<String>,
    place: String,
    findings: Vec<FindingView>,
    reasons: Vec<String>,
    controls: Vec<ControlSeen>,
    /// For `matrix`.
    grid: Option<Grid>,
}

#[derive(Serialize)]
struct FindingView {
    text: String,
    pair: Option<(String, String)>,
    stops_at: Option<String>,
    by: Option<String>,
    /// File and line of the rule.
    rule: Option<String>,
    packets: Vec<PacketView>,
}

#[derive(Serialize)]
struct PacketView {
    number: u64,
    shows: String,
    /// What it is, from its outermost header to its innermost.
    words: Option<String>,
}

#[derive(Serialize)]
struct FlowView {
    id: String,
    pairs: Vec<(String, String)>,
    ports: String,
    why: String,
}

/// The report on one run as one HTML document in UTF-8.
pub fn html(report: &Report) -> String {
    let mut templates = Environment::new();
    for (name, text) in TEMPLATES {
        templates.add_template(name, text).expect("the templates are part of the program and tested");
    }
    let template = templates.get_template("page.html").expect("it was added just now");
    template.render(Serde(page(report))).expect("every key that the template reads is in the page")
}

fn page(report: &Report) -> Page {
    let plan = &report.plan;
    Page {
        scenario: plan.scenario.to_string(),
        started: Utc::from(report.started).rfc3339(),
        took: seconds(report.took()),
        documents: plan.documents.clone(),
        worst: match report {
            Report { failure: Some(_), .. } => "ENDED EARLY",
            Report { broken_part: Some(_), .. } => "BROKEN PART",
            _ => worst(report.judgement.checks.iter()),
        },
        counts: [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive].map(|one| report.count(one)),
        broken_part: broken_part(report),
        failure: report.failure.as_ref().map(|failure| FailureView {
            fault: fault(failure.fault),
            node: failure.node.as_ref().map(ToString::to_string),
            text: failure.text.clone(),
            last_lines: failure.last_lines.clone(),
        }),
        twin: report.twin.as_ref().map(|twin| TwinView {
            name: twin.twin.to_string(),
            says: twin.says.clone(),
            agrees: twin.agrees,
            differences: twin.differences.clone(),
            undecided: twin.undecided.iter().map(ToString::to_string).collect(),
        }),
        drawing: drawing(report),
        time: time_line(report),
        pictures: pictures(&report.course),
        controls: controls(&report.judgement.checks),
        checks: report.judgement.checks.iter().map(|one| check(report, one)).collect(),
        flows: plan.flows.iter().map(flow).collect(),
        rule_use: report.rule_use.clone(),
        remarks: plan.remarks.clone(),
        by_hand: by_hand(report),
        stages: report.stages.iter().map(|one| (stage(one.stage), seconds(one.took))).collect(),
        frames: (report.taps.frames, report.open_taps.frames),
        dropped: (report.taps.dropped, report.open_taps.dropped),
        unstored: (report.taps.unstored, report.open_taps.unstored),
        folder: report.folder.as_ref().map(|folder| folder.display().to_string()),
    }
}

/// The word for several checks: a fail before an inconclusive before a pass; nothing judged is inconclusive.
fn worst<'a>(checks: impl Iterator<Item = &'a CheckVerdict>) -> &'static str {
    let seen: Vec<Verdict> = checks.map(|check| check.verdict).collect();
    let worst =
        [Verdict::Fail, Verdict::Inconclusive, Verdict::Pass].into_iter().find(|one| seen.contains(one));
    verdict(worst.unwrap_or(Verdict::Inconclusive))
}

fn controls(checks: &[CheckVerdict]) -> Vec<ControlView> {
    let mut by_control: BTreeMap<String, Vec<(&CheckVerdict, bool)>> = BTreeMap::new();
    for check in checks {
        for proof in &check.proves {
            by_control.entry(proof.control.to_string()).or_default().push((check, proof.part));
        }
    }
    by_control
        .into_iter()
        .map(|(control, checks)| ControlView {
            control,
            worst: worst(checks.iter().map(|(check, _)| *check)),
            checks: checks
                .into_iter()
                .map(|(check, part)| (check.check.to_string(), verdict(check.verdict), part))
                .collect(),
        })
        .collect()
}

fn check(report: &Report, check: &CheckVerdict) -> CheckView {
    CheckView {
        name: check.check.to_string(),
        word: check.word.clone(),
        verdict: verdict(check.verdict),
        summary: check.summary.clone(),
        proves: check.proves.iter().map(proof).collect(),
        place: place(&check.place),
        findings: check.findings.iter().map(|one| finding(report, check, one)).collect(),
        reasons: check.reasons.clone(),
        controls: check.controls.clone(),
        grid: grid(report, check),
    }
}

fn finding(report: &Report, check: &CheckVerdict, finding: &Finding) -> FindingView {
    let packet = |(shows, number): &(String, u64)| PacketView {
        number: *number,
        shows: shows.clone(),
        words: report.packets.get(number).cloned(),
    };
    let rule = rule_place(report, check, finding).map(|place| match place.line {
        Some((line, _)) => format!("{}:{line}", place.file.display()),
        None => place.file.display().to_string(),
    });
    FindingView {
        text: finding.text.clone(),
        pair: finding.pair.as_ref().map(|(from, to)| (from.to_string(), to.to_string())),
        stops_at: finding.stops_at.as_ref().map(ToString::to_string),
        by: finding.by.clone(),
        rule,
        packets: finding.packets.iter().map(packet).collect(),
    }
}

fn flow(flow: &crate::plan::Flow) -> FlowView {
    let ports: Vec<_> = flow.ports.iter().map(ToString::to_string).collect();
    FlowView {
        id: flow.id.to_string(),
        pairs: flow.pairs.iter().map(|pair| (pair.from.to_string(), pair.to.to_string())).collect(),
        ports: if flow.upkeep { "link upkeep".into() } else { ports.join(", ") },
        why: flow.why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{
        bad_report, blinded_report, counted_report, failed_report, full_report, good_report, hostile_report,
        matrix_report, twin_report,
    };
    use super::*;

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for report in [good_report(), bad_report(), failed_report(), twin_report(false), matrix_report()] {
            let page = html(&report).replace("url(#", "to its own parts: ");
            for loads in
                ["http:", "https:", " src=", "url(", "@import", "<link", "<script", "<iframe", "<img"]
            {
                assert!(!page.contains(loads), "{loads:?}");
            }
            assert!(page.contains("default-src 'none'"), "and a browser is told so");
        }
    }

    #[test]
    fn everything_from_outside_is_escaped() {
        let report = hostile_report();
        assert!(report.course.streams.len() == 2 && report.twin.is_some() && report.failure.is_some());
        let page = html(&report);
        assert!(!page.contains("<script") && !page.contains("<b onload"));
        assert_eq!(page.matches("</title>").count(), page.matches("<title").count());
        assert!(page.matches("&lt;script&gt;").count() > 50, "all of it is there, as text");
        assert_balanced(&page);
    }

    /// `tests/page` opens this very file in a browser.
    #[test]
    fn the_page_of_a_run_that_failed() {
        insta::assert_binary_snapshot!(".html", html(&full_report()).into_bytes());
    }

    #[test]
    fn a_failure_is_told_with_packets_rule_and_line() {
        let page = html(&bad_report());
        for part in [
            "dock-1 reached vms 10.30.0.10 on tcp&#x2f;22, udp&#x2f;2 (2 of 4 kinds)",
            "#114",
            "inet site through policy",
            "<code>scenarios&#x2f;small.nft:3</code>",
            "TCP 20000 &gt; 22 SYN",
            "scenarios&#x2f;small.yaml:42",
            "PAN-SGL-02 (part)",
            "class=\"line found bad\" data-from=\"dock-1\" data-to=\"vms\"",
        ] {
            assert!(page.contains(part), "{part:?} is not on the page");
        }
        assert!(html(&good_report()).contains("class=\"verdict PASS\""));
    }

    #[test]
    fn a_matrix_is_drawn_and_its_findings_can_be_followed() {
        let page = html(&matrix_report());
        for part in [
            "<th scope=\"row\">dock-1</th>",
            "class=\"leak\" title=\"dock-1 → vms: leak; IPv4: 99 as meant, 3 leaked",
            "<a href=\"#finding-1-as-drawn\">",
            "id=\"finding-1-as-drawn\"",
        ] {
            assert!(page.contains(part), "{part:?} is not on the page");
        }
        let mut nothing = matrix_report();
        nothing.judgement.checks.last_mut().unwrap().matrix = None;
        assert!(html(&nothing).contains("There is no table of who may open to whom"));
    }

    #[test]
    fn every_tag_that_is_opened_is_closed() {
        let twins = [twin_report(true), twin_report(false)];
        for report in [good_report(), bad_report(), failed_report(), matrix_report()].iter().chain(&twins) {
            assert_balanced(&html(report));
        }
    }

    #[test]
    fn rules_that_nothing_used_are_listed() {
        let page = html(&counted_report());
        for part in [
            "<h2>Rules</h2>",
            "<td>rtr, in a copy that counts</td><td>5</td><td>0</td>",
            "ct state invalid drop",
        ] {
            assert!(page.contains(part), "{part:?} is not on the page");
        }
        assert_balanced(&page);
        assert!(!html(&good_report()).contains("<h2>Rules</h2>"));
    }

    #[test]
    fn a_broken_part_is_said_at_the_top() {
        let page = html(&blinded_report());
        let says = page.find("a tap that is blind to what arrives (blind-tap)").expect("it is said");
        assert!(says < page.find("<h2>Site").unwrap());
        assert!(
            page.contains("<span class=\"verdict BROKEN\">BROKEN PART</span>"),
            "and in place of its verdict"
        );
        assert_balanced(&page);
    }

    /// Walks the tags; the page closes even those elements that HTML would close itself.
    fn assert_balanced(page: &str) {
        let mut open: Vec<&str> = Vec::new();
        for part in page.split('<').skip(1) {
            let (tag, _) = part.split_once('>').expect("a tag ends");
            let name = tag.split([' ', '\n', '/']).find(|word| !word.is_empty()).unwrap();
            if tag.starts_with('!') || tag.ends_with('/') || name == "meta" {
                continue;
            }
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "after …{:?}", &part[..part.len().min(60)]);
            } else {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?} stay open");
    }
}
