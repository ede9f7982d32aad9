//! The groups that a `no_stream` joined: nothing of them came to who may not watch, while who may heard its camera.

use std::time::Duration;

use crate::observation::{Control, JoinSeen, Observations};
use crate::plan::{Check, Join};

use super::Finding;
use super::judge::Draft;
use super::wording::{Reasons, counted};

/// So long at least somebody who may hears the camera, while others have joined.
const HEARD_FOR: Duration = Duration::from_secs(1);

/// What is found, what cannot be said, the summary; and the controls, each with what was seen of it.
pub(super) fn judge(
    check: &Check,
    (joins, hears): (&[Join], &[Join]),
    seen: &Observations,
    draft: &mut Draft,
) -> [(&'static str, String); 4] {
    let of = |join: &Join| seen.joins.iter().find(|one| one.check == check.name && one.join == *join);
    let tried: Vec<&JoinSeen> = joins.iter().filter_map(of).collect();
    let heard: Vec<&JoinSeen> = hears.iter().filter_map(of).collect();
    for join in joins.iter().filter(|join| of(join).is_none()) {
        draft.reasons.add("joined", format!("{} was never tried", name(join)));
    }
    let before = draft.findings.len();
    draft.findings.extend(tried.iter().filter_map(|one| finding(one)));
    let came = draft.findings.len() - before;
    let reasons = &mut draft.reasons;
    for one in &tried {
        ask_joined(one, reasons);
        ask_heard(one, &heard, reasons);
        ask_control("group", "no datagram of it was seen on its own cable", (one, one.instrument), reasons);
        ask_control("path", "none came there where both are joined", (one, one.path), reasons);
    }
    let count = |is_it: fn(&JoinSeen) -> bool| tried.iter().filter(|one| is_it(one)).count();
    let said = count(|one| one.report_packet.is_some());
    let shown = count(|one| has_arrived(one.instrument));
    let crossed = count(|one| has_arrived(one.path));
    let listened = heard.iter().filter(|one| one.heard > 0).count();
    draft.summary +=
        &format!("; {} joined, {came} came, {listened} heard by who may", counted(joins.len(), "group"));
    let all = joins.len();
    [
        ("joined", format!("{said} of {all} said so, as their own taps saw")),
        (
            "heard",
            format!(
                "{listened} of {} heard by who may, while they were joined",
                counted(hears.len(), "group")
            ),
        ),
        ("group", format!("{shown} of {all} datagrams seen on the cables where they were joined")),
        ("path", format!("{crossed} of {all} came there where the camera's port is joined to theirs")),
    ]
}

/// `cam's group at vms.eth0`.
fn name(join: &Join) -> String {
    format!("{}'s group at {}.{}", join.camera, join.from, join.link)
}

fn has_arrived(control: Control) -> bool {
    control.sent > 0 && control.seen == control.sent
}

/// Whatever of the group was seen at the link, or came to the node.
fn finding(one: &JoinSeen) -> Option<Finding> {
    if one.heard == 0 && one.cast_packet.is_none() {
        return None;
    }
    let Join { camera, group, from, link, .. } = &one.join;
    let reported = one.report_packet.map(|at| (format!("{from} joins, at its own tap"), at));
    let sent = one.cast_packet.map(|at| (format!("the first to {group}, where it was sent"), at));
    let heard = match one.heard {
        0 => "its tap saw it".to_owned(),
        heard => format!("{} heard", counted(usize::try_from(heard).unwrap_or(usize::MAX), "datagram")),
    };
    Some(Finding {
        text: format!("{camera}'s group {group} comes to {from}'s {link}, where it was joined: {heard}"),
        pair: Some((from.clone(), camera.clone())),
        stops_at: None,
        packets: reported.into_iter().chain(sent).collect(),
        by: None,
    })
}

/// Its kernel told all on the link: whoever would pass the group on knows.
fn ask_joined(one: &JoinSeen, reasons: &mut Reasons) {
    let name = name(&one.join);
    for error in &one.errors {
        reasons.add("joined", format!("{name}: {error}"));
    }
    if one.report_packet.is_none() {
        reasons.add("joined", format!("{name}: nothing was said of it on the link"));
    }
}

/// Somebody who may hear the camera did, for a while, all of it between joining and leaving.
fn ask_heard(one: &JoinSeen, heard: &[&JoinSeen], reasons: &mut Reasons) {
    let within = |(first, last): (u64, u64)| {
        first >= one.started_at
            && last <= one.ended_at
            && Duration::from_nanos(last.saturating_sub(first)) >= HEARD_FOR
    };
    let of_it = || heard.iter().filter(|other| other.join.camera == one.join.camera);
    if of_it().any(|other| other.heard_at.is_some_and(within)) {
        return;
    }
    let told: Vec<String> = of_it().flat_map(|other| other.errors.iter().cloned()).collect();
    let why = if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) };
    let text = format!(
        "{}: nobody who may heard {} for {HEARD_FOR:?} meanwhile{why}",
        name(&one.join),
        one.join.camera
    );
    reasons.add("heard", text);
}

fn ask_control(control: &str, missed: &str, (one, seen): (&JoinSeen, Control), reasons: &mut Reasons) {
    if !has_arrived(seen) {
        reasons.add(control, format!("{}: {missed}", name(&one.join)));
    }
}
