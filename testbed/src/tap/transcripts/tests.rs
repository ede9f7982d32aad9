//! Sessions as they pass all taps, whole and torn.

use super::super::fixture::{ADDRESSES, APP, CAM, Hop, across, inventory, ports, tcp};
use super::*;

struct Wire {
    transcripts: Transcripts,
    packet: u64,
}

impl Wire {
    fn new() -> Self {
        Self { transcripts: Transcripts::default(), packet: 0 }
    }

    fn pass(&mut self, hops: &[Hop]) {
        for hop in hops {
            self.packet += 1;
            let direction = hop.direction;
            let seen = Seen { packet: self.packet, at: self.packet, port: hop.port as u16, direction };
            self.transcripts.take(&hop.frame(), seen, &ports()[hop.port], &inventory());
        }
    }

    fn open(&mut self, port: u16) {
        let (app, cam) = ((ADDRESSES[APP], port), (ADDRESSES[CAM], 554));
        self.pass(&across(APP, &tcp(app, cam, 10, "S", b"")));
        self.pass(&across(CAM, &tcp(cam, app, 80, "SA", b"")));
    }

    /// So many bytes behind the first, the appliance asks, or is answered.
    fn ask(&mut self, port: u16, behind: usize, said: &[u8]) {
        let (app, cam) = ((ADDRESSES[APP], port), (ADDRESSES[CAM], 554));
        self.pass(&across(APP, &tcp(app, cam, (11 + behind) as u32, "A", said)));
    }

    fn answer(&mut self, port: u16, behind: usize, said: &[u8]) {
        let (app, cam) = ((ADDRESSES[APP], port), (ADDRESSES[CAM], 554));
        self.pass(&across(CAM, &tcp(cam, app, (81 + behind) as u32, "A", said)));
    }

    fn end(&mut self, port: u16, behind: usize) {
        let (app, cam) = ((ADDRESSES[APP], port), (ADDRESSES[CAM], 554));
        self.pass(&across(APP, &tcp(app, cam, (11 + behind) as u32, "FA", b"")));
    }

    fn turn(&mut self) -> Vec<RtspSeen> {
        self.transcripts.turn(&inventory())
    }
}

const OPTIONS: &[u8] = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
const OK: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: ab\r\n\r\n";
const FRAME: &[u8] = b"$\x00\x00\x0c\x80\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x09";

fn lines(one: &RtspSeen) -> Vec<(bool, &RtspLine, bool)> {
    one.messages.iter().map(|message| (message.by_opener, &message.line, message.earlier)).collect()
}

fn options() -> RtspLine {
    RtspLine::Asks { method: "OPTIONS".into(), url: "*".into() }
}

#[test]
fn what_two_ends_say_is_told_once_though_it_passes_many_taps() {
    let mut wire = Wire::new();
    wire.open(40_000);
    wire.ask(40_000, 0, &OPTIONS[..9]);
    wire.ask(40_000, 9, &OPTIONS[9..]);
    let asked_at = wire.packet - 3;
    wire.answer(40_000, 0, &[OK, FRAME, FRAME].concat());
    let [told] = wire.turn().try_into().unwrap();
    assert_eq!(
        (told.opener.node.unwrap().as_str(), told.answerer.node.as_ref().unwrap().as_str()),
        ("app", "cam")
    );
    assert_eq!((told.packet, told.earlier, told.left_out, &told.lost), (1, false, 0, &None));
    let told = RtspSeen { opener: told.answerer.clone(), ..told };
    assert_eq!(lines(&told), [(true, &options(), false), (false, &RtspLine::Answers(200), false)]);
    assert_eq!(told.messages[0].packet, asked_at, "at the opener's own tap");
    assert_eq!(told.messages[1].headers["session"], "ab");
}

#[test]
fn what_goes_on_is_told_again_and_marked_as_said_earlier() {
    let mut wire = Wire::new();
    wire.open(40_000);
    wire.ask(40_000, 0, OPTIONS);
    assert_eq!(wire.turn().len(), 1);
    wire.answer(40_000, 0, OK);
    let [told] = wire.turn().try_into().unwrap();
    assert!(told.earlier && told.packet == 0);
    assert_eq!(lines(&told), [(true, &options(), true), (false, &RtspLine::Answers(200), false)]);
    for turn in 0..2 * MOST_EARLIER {
        wire.ask(40_000, (turn + 1) * OPTIONS.len(), OPTIONS);
    }
    wire.turn();
    let [told] = wire.turn().try_into().unwrap();
    assert_eq!(told.messages.len(), MOST_EARLIER + 1, "the last ones");
    assert_eq!(told.messages[0].headers["session"], "ab", "and what names a session");
}

#[test]
fn a_port_that_is_used_again_is_another_connection() {
    let mut wire = Wire::new();
    for _ in 0..2 {
        wire.open(40_000);
        wire.ask(40_000, 0, OPTIONS);
        wire.end(40_000, OPTIONS.len());
    }
    let told = wire.turn();
    assert_eq!(told.iter().map(|one| one.messages.len()).collect::<Vec<_>>(), [1, 1]);
    assert!(told.iter().all(|one| !one.over), "they were closed in this stretch");
    let [told] = wire.turn().try_into().unwrap();
    assert!(told.over, "the last packets of the second may be under way");
    assert_eq!(wire.turn(), []);
}

#[test]
fn what_is_torn_or_no_message_ends_the_transcript() {
    let lost = |said: &dyn Fn(&mut Wire)| {
        let mut wire = Wire::new();
        wire.open(40_000);
        wire.ask(40_000, 0, OPTIONS);
        said(&mut wire);
        let [told] = wire.turn().try_into().unwrap();
        (told.messages.len(), told.lost.map(|(_, why)| why))
    };
    let missing = Some("bytes are missing, or are no message".to_owned());
    // What is behind a hole waits, until there is too much of it.
    let hole = |wire: &mut Wire| (0..300).for_each(|nth| wire.answer(40_000, 10 + nth, b"x"));
    assert_eq!(lost(&hole), (1, missing.clone()));
    assert_eq!(lost(&|wire| wire.answer(40_000, 0, b"HTTP/1.1 200 OK\r\n\r\n")), (1, missing.clone()));
    let nonsense = |wire: &mut Wire| wire.ask(40_000, OPTIONS.len(), b"\x00\x01\x02\n");
    assert_eq!(lost(&nonsense), (1, missing));
    let unread = |wire: &mut Wire| wire.answer(40_000, 0, b"RTSP/1.0 two OK\r\n\r\n");
    assert_eq!(lost(&unread), (1, Some("a message is not as RFC 2326 has it".to_owned())));
}

#[test]
fn what_is_no_rtsp_or_was_there_before_is_not_told_of() {
    let mut wire = Wire::new();
    wire.open(40_000);
    wire.ask(40_000, 0, b"GET / HTTP/1.1\r\n\r\n");
    wire.ask(40_001, 0, OPTIONS);
    wire.end(40_000, 18);
    assert_eq!(wire.turn(), []);
    assert!(wire.transcripts.open.is_empty(), "nothing of it is kept");
}

#[test]
fn of_more_messages_than_are_kept_it_is_known_how_many_there_were() {
    let mut wire = Wire::new();
    wire.open(40_000);
    let many = OPTIONS.repeat(40);
    for nth in 0..=MOST_RTSP_MESSAGES / 40 {
        wire.ask(40_000, nth * many.len(), &many);
    }
    let [told] = wire.turn().try_into().unwrap();
    let all = (MOST_RTSP_MESSAGES / 40 + 1) * 40;
    assert_eq!((told.messages.len(), told.left_out), (MOST_RTSP_MESSAGES, (all - MOST_RTSP_MESSAGES) as u64));
}

#[test]
fn what_may_hide_behind_a_message_that_does_not_end_or_behind_a_hole_is_said_not_to_be_known() {
    let lost = |said: &[(usize, &[u8])]| {
        let mut wire = Wire::new();
        wire.open(40_000);
        wire.ask(40_000, 0, OPTIONS);
        said.iter().for_each(|(behind, said)| wire.answer(40_000, *behind, said));
        let [told] = wire.turn().try_into().unwrap();
        assert_eq!(told.messages[0].line, options());
        told.lost.map(|(_, why)| why)
    };
    assert_eq!(lost(&[(0, OK)]), None);
    assert_eq!(lost(&[(0, OK), (OK.len(), &FRAME[..9])]), None, "media under way");
    let endless =
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\nANNOUNCE * RTSP/1.0\r\n\r\n";
    assert_eq!(lost(&[(0, endless)]).unwrap(), "a message has not ended");
    assert_eq!(lost(&[(0, OK), (OK.len(), b"ANNOUNCE * RTSP/1.0\r\n")]).unwrap(), "a message has not ended");
    assert_eq!(lost(&[(0, OK), (OK.len() + 1, OK)]).unwrap(), "bytes are missing in between");
}
