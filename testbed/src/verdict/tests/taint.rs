//! `taint`: video elsewhere, video that is missing, and searchers that show nothing.

use super::super::example::of;
use super::*;
use crate::observation::{
    Encoding, Layer, PasswordFound, TaintFound, TaintPlace, TaintSeen, TapHealth, TapSearched, Way,
};
use crate::plan::{Service, ServiceKind, VideoWay};
use crate::scenario::model::CloudNames;

const CHECK: &str = "dock-alone";
const STREAM: Way = Way { layer: Layer::Stream, encoding: Encoding::Raw };

fn word() -> Word {
    let stream = |camera: &str, port: &str| VideoWay {
        camera: of(camera),
        to: of("app"),
        plays: true,
        ports: vec![vec![of(port)], vec![of("p-app-0"), of("p-app-9")]],
        hear: vec![],
    };
    Word::Taint {
        cameras: vec![of("dock-1"), of("dock-2")],
        streams: vec![stream("dock-1", "p-dock-1-0"), stream("dock-2", "p-dock-2-0")],
        besides: vec![of("p-rtr-2")],
    }
}

fn found(camera: &str, port: &str, way: Way, packet: u64, bytes: u64) -> TaintFound {
    let first = TaintPlace { packet, offset: 66, picture: 7, at: 1, length: 1386 };
    TaintFound {
        port: of(port),
        from_node: false,
        flooded: false,
        camera: of(camera),
        way,
        places: 9,
        bytes,
        first,
    }
}

/// Of the 300,000 bytes that each camera sent, the clip's.
fn searched(plan: &Plan) -> TaintSeen {
    let ways =
        [("dock-1", "p-dock-1-0"), ("dock-1", "p-app-0"), ("dock-2", "p-dock-2-0"), ("dock-2", "p-app-0")];
    let tap = |port: &crate::names::LinkName| TapSearched {
        port: port.clone(),
        frames: 10,
        cut: 0,
        missed: vec![],
        missed_words: vec![],
    };
    TaintSeen {
        cameras: vec![of("dock-1"), of("dock-2")],
        unknown: vec![],
        taps: plan.nodes.iter().flat_map(|node| &node.links).map(|link| tap(&link.port)).collect(),
        found: ways.map(|(camera, port)| found(camera, port, STREAM, 20, 280_000)).to_vec(),
        passwords: vec![],
        rtsp: vec![],
        let_go: 0,
        closed: Default::default(),
    }
}

fn judged(change: impl FnOnce(&mut TaintSeen)) -> CheckVerdict {
    let mut seen = searched(&plan());
    change(&mut seen);
    after_both(CHECK, |plan| check_of(plan, CHECK).word = word(), |all| all.taint = Some(seen))
}

#[test]
fn video_on_its_ways_and_nowhere_else_passes() {
    let verdict = judged(|_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(verdict.summary.contains("at least 93 bytes in 100"), "{}", verdict.summary);
    assert!(verdict.controls.iter().all(|control| control.held));
    // Where it may be seen, and what the spare of a link has of it.
    let verdict = judged(|seen| {
        seen.found.push(found("dock-1", "p-rtr-2", STREAM, 30, 5));
        seen.found[1].bytes = 100_000;
        seen.found.push(found("dock-1", "p-app-9", STREAM, 30, 180_000));
    });
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
}

#[test]
fn video_elsewhere_names_tap_packet_form_and_place() {
    let base64 = Way { layer: Layer::Pieces, encoding: Encoding::Base64 };
    let verdict = judged(|seen| {
        seen.found.push(found("dock-1", "p-vms-0", STREAM, 99, 4000));
        seen.found.push(found("dock-1", "p-vms-0", base64, 88, 3000));
        // The other camera's way is not its own.
        seen.found.push(found("dock-2", "p-dock-1-0", STREAM, 77, 64));
    });
    assert_fails(
        &verdict,
        &[
            "video of dock-1 at vms.eth0: as Base64 in an IP packet that came in pieces and raw in a TCP stream, 4000 bytes; \
             first in packet 88, as Base64 in an IP packet that came in pieces from byte 66: 1386 bytes of picture 7 of its \
             clip, from byte 1",
            "video of dock-2 at dock-1.eth0: raw in a TCP stream, 64 bytes; first in packet 77, raw in a TCP stream from byte \
             66: 1386 bytes of picture 7 of its clip, from byte 1",
        ],
    );
    let packets: Vec<u64> = verdict.findings[0].packets.iter().map(|(_, number)| *number).collect();
    assert_eq!(packets, [88, 99]);
    assert_eq!(verdict.findings[0].pair, Some((of("dock-1"), of("vms"))));
}

#[test]
fn a_searcher_that_misses_its_canary_shows_nothing() {
    let hex = Way { layer: Layer::Frame, encoding: Encoding::Hex };
    let verdict = judged(|seen| seen.taps[0].missed.push(hex));
    assert_inconclusive(&verdict, &["canary", "as hexadecimal digits in a frame"]);
    assert_inconclusive(&judged(|seen| drop(seen.taps.remove(0))), &["canary", "was not searched"]);
    // What it found all the same it has found.
    let verdict = judged(|seen| {
        seen.taps[0].missed.push(hex);
        seen.found.push(found("dock-1", "p-vms-0", STREAM, 99, 4000));
    });
    assert_eq!((verdict.verdict, verdict.reasons.len()), (Verdict::Fail, 1));
}

#[test]
fn too_little_video_on_its_ways_shows_nothing() {
    let verdict = judged(|seen| seen.found[1].bytes = 100_000);
    assert_inconclusive(&verdict, &["density", "100000 bytes of dock-1's clip", "app.eth0"]);
    assert_inconclusive(&judged(|seen| drop(seen.found.remove(0))), &["density", "dock-1.eth0"]);
    let nothing_ran = after_both(
        CHECK,
        |plan| check_of(plan, CHECK).word = word(),
        |all| {
            all.taint = Some(searched(&plan()));
            all.conversations.clear();
        },
    );
    assert_inconclusive(&nothing_ran, &["vacuous", "no video ran from dock-1 to app"]);
}

/// The fake cloud at `aws`.
fn cloud() -> Service {
    let kind = ServiceKind::Cloud {
        region: "eu-west-1".into(),
        names: CloudNames::Both,
        binds: vec![],
        spares: vec![],
        things: vec![],
        scanners: vec![],
        clock_offset: 0,
        monitors: None,
        credentials_last: None,
        signatures_last: None,
        throttles: Default::default(),
        believes: vec![],
    };
    Service { node: of("aws"), kind }
}

#[test]
fn what_was_not_searched_whole_shows_nothing() {
    let verdict = judged(|seen| seen.unknown.push((of("dock-1"), "clips/dock-1.h264 is missing".into())));
    assert_inconclusive(&verdict, &["clip", "dock-1", "is missing"]);
    assert_inconclusive(&judged(|seen| seen.let_go = 2), &["search", "2 times"]);
    let closed = |address: &str| {
        let mut seen = searched(&plan());
        seen.closed.insert(of(address), 3);
        let with_cloud = |plan: &mut Plan| {
            check_of(plan, CHECK).word = word();
            plan.services.push(cloud());
        };
        after_both(CHECK, with_cloud, |all| all.taint = Some(seen))
    };
    assert_inconclusive(&closed("203.0.113.10"), &["search", "3 TLS sessions with aws stayed closed"]);
    assert_eq!(closed("10.30.0.10").verdict, Verdict::Pass, "what is somebody else's is not read anyway");
    assert_inconclusive(&judged(|seen| seen.taps[1].cut = 3), &["search", "3 frames at", "cut short"]);
    let full = after_both(
        CHECK,
        |plan| check_of(plan, CHECK).word = word(),
        |all| {
            all.taint = Some(searched(&plan()));
            all.taps = TapHealth { unstored: 7, ..all.taps };
        },
    );
    assert_inconclusive(&full, &["search", "7 frames"]);
    let unsearched = after_both(CHECK, |plan| check_of(plan, CHECK).word = word(), |_| {});
    assert_inconclusive(&unsearched, &["search", "not searched"]);
}

#[test]
fn a_password_anywhere_is_a_finding_also_on_the_videos_way() {
    let way = Way { layer: Layer::Frame, encoding: Encoding::Base64 };
    let verdict = judged(|seen| {
        for (camera, packet) in [("dock-2", 12), ("vms-cam", 9), ("dock-2", 30)] {
            let (port, camera, offset) = (of("p-app-0"), of(camera), 90);
            seen.passwords.push(PasswordFound {
                port,
                camera,
                from_node: true,
                way,
                places: 3,
                packet,
                offset,
            });
        }
    });
    assert_fails(
        &verdict,
        &[
            "password of dock-2 at app.eth0, as Base64 in a frame; first in packet 12, from byte 90",
            "password of vms-cam at app.eth0, as Base64 in a frame; first in packet 9, from byte 90",
        ],
    );
    let verdict = judged(|seen| seen.taps[0].missed_words.push(way));
    assert_inconclusive(&verdict, &["canary", "of a password", "as Base64 in a frame"]);
}

#[test]
fn what_a_switch_flooded_for_want_of_a_carrier_is_told_and_is_no_finding() {
    let flooded = |camera: &str| TaintFound { flooded: true, ..found(camera, "p-vms-0", STREAM, 99, 4000) };
    let verdict = judged(|seen| seen.found.push(flooded("dock-1")));
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(
        verdict
            .summary
            .ends_with("; besides, flooded by a switch that had lost a carrier, to vms.eth0 (4000 bytes)"),
        "{}",
        verdict.summary
    );
    let verdict =
        judged(|seen| seen.found.extend([flooded("dock-1"), found("dock-1", "p-vms-0", STREAM, 120, 9)]));
    assert_eq!(verdict.verdict, Verdict::Fail, "{verdict:#?}");
    assert!(verdict.findings[0].text.contains(", 9 bytes;"), "{}", verdict.findings[0].text);
}
