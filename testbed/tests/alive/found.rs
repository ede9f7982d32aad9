//! How labs are found: names, entries, and folders that are not to be believed.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::lab::{BOTH, Labs};
use crate::support::{ONE_RUN, User, say};

#[test]
fn two_labs_of_one_scenario_stand_side_by_side() {
    for user in BOTH {
        let labs = Labs::of(user);
        assert_eq!((labs.up_detached(), labs.up_detached()), ("small".into(), "small-2".into()));
        let taken = say(labs.up(&["--detach", "--name", "small"]), ONE_RUN).expect_code(2);
        assert!(taken.stderr.contains("a lab called `small` is up already"), "{taken}");
        let said = labs.say(&["ps"]).expect_code(0);
        let rows: Vec<Vec<&str>> =
            said.stdout.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows.len(), 2, "{said}");
        for (row, name) in rows.iter().zip(["small", "small-2"]) {
            assert_eq!((row[0], row[1], row[4]), (name, "small", "up"), "{said}");
        }
        // The same addresses, and yet two networks.
        labs.say(&["shell", "small", "guest", "--", "ip", "link", "set", "eth0", "down"]).expect_code(0);
        let state =
            |lab: &str| labs.say(&["shell", lab, "guest", "--", "ip", "-o", "link", "show", "eth0"]).stdout;
        assert!(!state("small").contains("LOWER_UP") && state("small-2").contains("LOWER_UP"));
        labs.say(&["judge", "small-2"]).expect_code(0);
        labs.say(&["down", "small"]).expect_code(0);
        assert_eq!(labs.up_detached(), "small");
        labs.say(&["down", "--all"]).expect_code(0);
        labs.assert_nothing_left();
    }
}

#[test]
fn entries_without_an_owner_go_when_somebody_looks() {
    let labs = Labs::of(User::Same);
    labs.up_detached();
    let folder = folder(&labs);
    let entry = fs::read_to_string(folder.join("small.json")).unwrap();
    let started = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        value["owner"]["started"].as_u64().unwrap()
    };
    // A process id that is used again: the process is another.
    let other = entry.replace(&started(&entry).to_string(), "1").replace("\"small\"", "\"other\"");
    fs::write(folder.join("other.json"), other).unwrap();
    fs::write(folder.join("other.sock"), "").unwrap();
    let said = labs.say(&["shell", "other", "door", "--", "true"]).expect_code(2);
    assert!(said.stderr.contains("lab `other` is gone: its process"), "{said}");
    assert_eq!(labs.ps().len(), 1);
    assert!(!folder.join("other.json").exists() && !folder.join("other.sock").exists());
    labs.say(&["down", "small"]).expect_code(0);
    labs.assert_nothing_left();
}

#[test]
fn a_folder_that_others_can_write_to_is_refused_with_what_to_do() {
    let labs = Labs::of(User::Ordinary);
    let _ = labs.ps();
    let folder = folder(&labs);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    for arguments in [&["ps"][..], &["down", "small"], &["shell", "small", "door"]] {
        let said = labs.say(arguments).expect_code(3);
        assert!(
            said.stderr.contains("is open to others") && said.stderr.contains("XDG_RUNTIME_DIR"),
            "{said}"
        );
    }
    let said = say(labs.up(&["--detach"]), ONE_RUN).expect_code(3);
    assert!(said.stderr.contains("is open to others"), "{said}");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn labs_are_found_in_the_runtime_folder_where_there_is_one() {
    let labs = Labs::of(User::Same);
    let runtime = labs.place.path().join("runtime");
    fs::create_dir(&runtime).unwrap();
    let with = |mut command: std::process::Command| {
        command.env("XDG_RUNTIME_DIR", &runtime);
        say(command, ONE_RUN)
    };
    with(labs.up(&["--detach"])).expect_code(0);
    assert!(runtime.join("testbed/small.sock").exists());
    assert!(labs.ps().is_empty(), "elsewhere it is unknown");
    assert!(with(labs.testbed(&["ps"])).expect_code(0).stdout.contains("small"));
    with(labs.testbed(&["down", "small"])).expect_code(0);
    labs.counted.assert_nothing_left();
}

/// The folder of labs of a place.
fn folder(labs: &Labs) -> PathBuf {
    let mut entries = fs::read_dir(labs.place.tmp()).expect("our own folder");
    entries.next().expect("the folder of labs").expect("our own folder").path()
}

/// What a lab answers to bytes on its socket.
fn answer(labs: &Labs, bytes: &[u8]) -> String {
    let mut socket = UnixStream::connect(folder(labs).join("small.sock")).expect("it listens");
    socket.set_read_timeout(Some(ONE_RUN)).expect("our own socket");
    // It may hang up before all is written.
    let _ = socket.write_all(bytes);
    let _ = socket.shutdown(std::net::Shutdown::Write);
    let mut said = String::new();
    let _ = socket.read_to_string(&mut said);
    said
}

#[test]
fn what_is_no_request_is_refused_and_the_lab_goes_on() {
    let labs = Labs::of(User::Same);
    labs.up_detached();
    let long = [vec![b' '; 1024 * 1024], b"{\"request\":\"down\"}\n".to_vec()].concat();
    for bytes in [&b"{\"request\":\"dance\"}\n"[..], b"\xff\xfe\n", b"", b"{\"request\"", &long] {
        let said = answer(&labs, bytes);
        assert!(said.is_empty() || said.contains("the request is not understood"), "{said}");
    }
    assert!(answer(&labs, b"{\"request\":\"dance\"}\n").contains("unknown variant `dance`"));
    assert!(answer(&labs, b"{\"request\":\"status\"}\n").contains("\"state\":\"up\""));
    assert_eq!(labs.ps()[0]["state"], "up");
}

#[test]
fn a_fault_that_no_command_line_could_say_is_refused_and_the_lab_goes_on() {
    let labs = Labs::of(User::Same);
    labs.up_detached();
    let ask = |fault: &str| {
        let request = format!("{{\"request\":\"fault\",\"fault\":{fault}}}\n");
        answer(&labs, request.as_bytes())
    };
    let flap =
        r#"{"fault":"flap","link":{"node":"guest","link":null},"times":3,"every":{"secs":0,"nanos":0}}"#;
    assert!(ask(flap).contains("every 20ms to 1min"), "{}", ask(flap));
    for path in ["../small.nft", "/etc/hostname", r#"small.nft\"\nflush ruleset\n#"#] {
        let said = ask(&format!(r#"{{"fault":"load","node":"rtr","ruleset":{{"path":"{path}"}}}}"#));
        assert!(said.contains("`ruleset`: "), "{path}: {said}");
    }
    assert_eq!(labs.ps()[0]["state"], "up");
}

/// The folder keeps others out; root, whom no folder keeps out, is none of the lab's user either.
#[test]
fn another_user_is_not_answered() {
    let labs = Labs::of(User::Ordinary);
    labs.up_detached();
    let said = answer(&labs, b"{\"request\":\"status\"}\n");
    if nix::unistd::geteuid().is_root() {
        assert_eq!(said, "");
    } else {
        assert!(said.contains("\"state\":\"up\""), "whoever runs the tests is the lab's own user: {said}");
    }
}
