//! Probes with somebody else's address, and what that one says itself.

use super::*;

/// The appliance renews its lease; a packet with its address and ports was sent by the camera before.
#[test]
fn what_a_node_says_itself_is_no_probe_that_was_forged_of_it() {
    let rtr_at = fixture::ADDRESSES[RTR_B];
    let forged = |n| Probe {
        source: address(APP),
        dest: address(RTR_B),
        source_port: 68,
        ..probe(Traffic::Udp(67, 67), n)
    };
    let ask = link(APP, RTR_B, 0x0800, &udp((APP_AT, 68), (rtr_at, 67), b"again?"));
    let answer = link(RTR_B, APP, 0x0800, &udp((rtr_at, 67), (APP_AT, 68), b"again."));
    let answered = [(StrayKind::Answered, RTR_B, Direction::FromNode, false)];
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    let send = |desk: &mut Desk, n| desk.pass(&across(CAM, &bare(&forged(n)))[..2]);
    send(&mut desk, 1);
    desk.pass(&ask);
    desk.pass(&answer);
    assert_eq!(strays_of(&desk, 1), []);
    // The next one has the way again: the same answer is one to it, if the node has not asked.
    send(&mut desk, 2);
    desk.pass(&answer);
    assert_eq!(strays_of(&desk, 2), answered);
    // A copy that comes from another link is altered, whoever it says it is from.
    send(&mut desk, 3);
    desk.pass(&link(RTR_A, CAM, 0x0800, &udp((APP_AT, 68), (rtr_at, 67), b"again?")));
    let altered = [(RTR_A, Direction::FromNode, false), (CAM, Direction::ToNode, true)];
    assert_eq!(strays_of(&desk, 3), altered.map(|(port, way, meant)| (StrayKind::Altered, port, way, meant)));
    let told = desk.finish().conversations;
    let told: Vec<_> = told.iter().map(|one| (one.opener.port, one.answerer.port)).collect();
    assert_eq!(told, [(68, 67)], "the node's own conversation");
}

/// With its own address, altered on its own link: no word of the sender's, though it comes from there.
#[test]
fn a_probe_of_ones_own_is_altered_on_ones_own_link() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    // Seen behind the router as well, where it has the router's Ethernet address.
    desk.pass(&across(CAM, &bare(&probe(Traffic::Udp(53, 53), 1))));
    desk.pass(&across(CAM, &udp((CAM_AT, 40_000), (APP_AT, 53), b"altered"))[1..2]);
    assert_eq!(strays_of(&desk, 1), [(StrayKind::Altered, RTR_A, Direction::ToNode, true)]);
}

/// Who is answered in a forged one's place resets it: that is a refusal, and no conversation of its own.
#[test]
fn a_reset_by_the_node_that_was_forged_is_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&folder.path().join("capture.pcapng"), MAX_BYTES);
    let rtr_at = fixture::ADDRESSES[RTR_B];
    let forged = Probe { source: address(APP), dest: address(RTR_B), ..probe(Traffic::Tcp(80, 80), 1) };
    desk.pass(&across(CAM, &bare(&forged))[..2]);
    desk.pass(&link(RTR_B, APP, 0x0800, &tcp((rtr_at, 80), (APP_AT, 40_000), 9, "SA", b"")));
    desk.pass(&link(APP, RTR_B, 0x0800, &tcp((APP_AT, 40_000), (rtr_at, 80), 2, "R", b"")));
    assert_eq!(strays_of(&desk, 1), [(StrayKind::Answered, RTR_B, Direction::FromNode, false)]);
    assert_eq!(desk.finish().conversations, []);
}
