//! `capture`: what passes the taps, into a pipe, until somebody has had enough.

use std::collections::BTreeSet;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lab::{BOTH, Labs};
use crate::support::{ONE_RUN, User, say, start};

#[test]
fn tshark_reads_the_taps_of_a_segment_and_of_the_site_as_they_pass() {
    for user in BOTH {
        let labs = Labs::of(user);
        labs.up_detached();
        for segment in ["cam", ""] {
            let said = labs.script(&format!(
                "testbed capture small {segment} | tshark -n -l -r - -c 100 -T fields -e frame.interface_name \\
                 -e frame.interface_description; echo ended ${{PIPESTATUS[@]}}"
            ));
            let seen: BTreeSet<_> = said.stdout.lines().filter_map(|line| line.split_once('\t')).collect();
            let names: BTreeSet<_> = seen.iter().map(|(name, _)| *name).collect();
            assert!(names.contains("app.eth0") && names.contains("door.eth0"), "{user:?} {segment}: {said}");
            let of_cam = |about: &str| about.starts_with("segment cam, port ");
            assert!(segment.is_empty() || seen.iter().all(|(_, about)| of_cam(about)), "{said}");
            // The reader left, which is no failure of either.
            assert!(said.stdout.ends_with("ended 0 0\n"), "{said}");
        }
        labs.say(&["down", "small"]).expect_code(0);
        labs.assert_nothing_left();
    }
}

#[test]
fn a_segment_where_nothing_passes_has_no_frames_and_its_capture_ends_with_its_reader() {
    let labs = Labs::of(User::Ordinary);
    labs.up_detached();
    let said =
        labs.script("testbed capture small office | head -c 16 | od -A n -t x1; echo ended ${PIPESTATUS[0]}");
    // A section header block (draft-ietf-opsawg-pcapng, section 4.1).
    assert!(said.stdout.trim_start().starts_with("0a 0d 0d 0a"), "{said}");
    assert!(said.stdout.ends_with("ended 0\n"), "{said}");
    assert!(said.stderr.contains("0 dropped"), "{said}");
}

#[test]
fn a_packet_with_a_wrong_ip_header_passes_a_switch_as_it_would_pass_one_of_iron() {
    let labs = Labs::of(User::Ordinary);
    labs.up_detached();
    // No sum of its header, which the hooks of IP would drop it for: a bridge has no business with it.
    let frame = r#"b"\xff" * 6 + bytes.fromhex("020000000099" "0800" "4500002e") + bytes(46)"#;
    let send = format!(
        "import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind((\"eth0\", 0)); s.send({frame})"
    );
    let said = labs.script(&format!(
        "(while testbed shell small app -- python3 -c '{send}'; do :; done) & sender=$!
         testbed capture small cam | tshark -n -l -r - -Y 'eth.src == 02:00:00:00:00:99' -T fields \
             -e frame.interface_name | grep -m 1 '^door'
         kill $sender; wait $sender; true"
    ));
    assert_eq!(said.stdout, "door.eth0\n", "{said}");
    labs.say(&["down", "small"]).expect_code(0);
    labs.assert_nothing_left();
}

#[test]
fn ctrl_c_and_the_end_of_the_lab_leave_a_file_that_can_be_read() {
    for user in BOTH {
        let labs = Labs::of(user);
        labs.up_detached();
        for end in ["ctrl-c", "down"] {
            let path = labs.place.write(&format!("{end}.pcapng"), "");
            let file = std::fs::File::create(&path).expect("our own file");
            let mut capture = labs.testbed(&["capture", "small"]);
            capture.stdin(Stdio::null()).stdout(file).stderr(Stdio::null());
            let mut capture = capture.spawn().expect("it was built");
            crate::support::until(ONE_RUN, || {
                (std::fs::metadata(&path).expect("it is there").len() > 20_000).then_some(())
            })
            .expect("frames come");
            let code = if end == "ctrl-c" {
                // A terminal tells both of its processes; one will do here, since it has a child in the lab.
                interrupt_child(&labs, i32::try_from(capture.id()).expect("small"));
                130
            } else {
                labs.say(&["down", "small"]).expect_code(0);
                0
            };
            assert_eq!(capture.wait().expect("it is ours").code(), Some(code), "{user:?} {end}");
            let mut tshark = labs.place.command("tshark");
            tshark.args(["-n", "-r"]).arg(&path).args(["-T", "fields", "-e", "frame.number"]);
            let said = say(tshark, ONE_RUN).expect_code(0);
            assert!(said.stdout.lines().count() > 10, "{said}");
            if end == "ctrl-c" {
                assert!(!said.stderr.contains("cut short"), "{said}");
            }
        }
        labs.assert_nothing_left();
    }
}

/// The process in the lab is a child of the one that was started.
fn interrupt_child(labs: &Labs, parent: i32) {
    let line = |process: &String| process.split(' ').next().and_then(|pid| pid.parse::<i32>().ok());
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.split_whitespace().nth(1) == Some(&parent.to_string()))
    };
    let child =
        labs.counted.processes().iter().filter_map(line).find(is_child).expect("it records in the lab");
    kill(Pid::from_raw(child), Signal::SIGINT).expect("it is ours");
}

#[test]
fn a_terminal_is_no_place_for_a_capture_and_an_unknown_segment_none_for_taps() {
    let labs = Labs::of(User::Same);
    labs.up_detached();
    let mut terminal = labs.at_terminal(&["capture", "small"]);
    terminal.expect("a capture is nothing for a terminal");
    assert_eq!(terminal.ends(), 2);
    let said = start(labs.testbed(&["capture", "small", "came"])).finish(ONE_RUN).expect_code(2);
    assert!(said.stderr.contains("lab `small` has no segment `came`; did you mean `cam`?"), "{said}");
    let said = start(labs.testbed(&["capture", "smal"])).finish(ONE_RUN).expect_code(2);
    assert!(said.stderr.contains("did you mean `small`?"), "{said}");
}
