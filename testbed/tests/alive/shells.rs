//! `shell`: what a command in a node has and has not, how it ends, and that it ends with its lab.

use nix::sys::signal::{Signal, kill};

use crate::lab::{BOTH, Labs};
use crate::support::{ONE_RUN, Place, User, say, start, until};

#[test]
fn a_command_has_the_nodes_network_and_names_and_nothing_of_the_host() {
    for user in BOTH {
        let labs = Labs::of(user);
        labs.up_detached();
        let inside = |script: &str| labs.say(&["shell", "small", "guest", "--", "sh", "-c", script]);
        let said = inside("ip -o link | cut -d: -f2").expect_code(0);
        let links: Vec<_> =
            said.stdout.split_whitespace().map(|link| link.split('@').next().unwrap()).collect();
        assert_eq!(links, ["lo", "eth0"], "{user:?}: {said}");
        let said = inside("ip -o -4 addr show eth0; ip route").expect_code(0);
        assert!(
            said.stdout.contains("10.2.0.2/24") && said.stdout.contains("default via 10.2.0.1"),
            "{said}"
        );
        let said = inside("cat /etc/hosts /etc/resolv.conf; hostname").expect_code(0);
        assert!(said.stdout.contains("10.2.0.2 guest") && said.stdout.ends_with("guest\n"), "{said}");
        assert!(said.stdout.contains("options timeout:1"), "{said}");
        // Only the lab's own processes, and it is one of them.
        let said = inside("tr '\\0' ' ' < /proc/1/cmdline").expect_code(0);
        assert!(said.stdout.contains("__lab"), "{said}");
        // Programs that want rights of their own in the network, unchanged. The router is asked for its address first;
        // its answer may be the first frame that is seen, and does not count.
        let said = inside(
            "tcpdump -n $(test $(id -u) = 0 && echo -Z root) -i eth0 -c 1 'arp[6:2] = 1 and src host 10.2.0.2' & while kill -0 $! 2>/dev/null; do ip neigh flush all; \
                           bash -c 'echo > /dev/udp/10.2.0.1/9'; done; wait $!",
        )
        .expect_code(0);
        assert!(
            said.all().contains("who-has 10.2.0.1") && said.all().contains("1 packet captured"),
            "{said}"
        );
        labs.say(&["down", "small"]).expect_code(0);
        labs.assert_nothing_left();
    }
}

#[test]
fn the_hosts_files_cannot_be_changed_nor_others_seen() {
    for user in BOTH {
        let labs = Labs::of(user);
        let secret = labs.place.write("secret", "not for the lab");
        labs.up_detached();
        let inside = |script: &str| labs.say(&["shell", "small", "rtr", "--", "sh", "-c", script]);
        for script in [
            "touch /usr/here",
            "mount -o remount,rw /usr && touch /usr/here",
            "mount -o remount,bind,rw /usr && touch /usr/here",
            "umount -l /usr/bin",
            "echo 1 > /proc/sys/kernel/printk",
        ] {
            let said = inside(script);
            assert_ne!(said.status.code(), Some(0), "{user:?}: {script}: {said}");
        }
        assert!(!std::path::Path::new("/usr/here").exists());
        inside(&format!("cat {}", secret.display())).expect_code(1);
        let site = labs.site.display();
        inside(&format!("cat {site}")).expect_code(0);
        assert_ne!(inside(&format!("echo >> {site}")).status.code(), Some(0));
    }
}

#[test]
fn it_ends_as_its_command_does() {
    let labs = Labs::of(User::Ordinary);
    labs.up_detached();
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)] {
        labs.say(&["shell", "small", "door", "--", "sh", "-c", script]).expect_code(code);
    }
    for program in ["no-such-program", "/etc/passwd", "/usr"] {
        let said = labs.say(&["shell", "small", "door", "--", program]).expect_code(125);
        assert!(said.stderr.contains(&format!("`{program}` could not be started")), "{said}");
    }
    // What it reads and says is the caller's own.
    let said = labs.script("echo from outside | testbed shell small door -- cat | tr a-z A-Z");
    assert_eq!(said.expect_code(0).stdout, "FROM OUTSIDE\n");
    // Its environment is not the caller's.
    let mut command = labs.testbed(&["shell", "small", "door", "--", "env"]);
    command.env("SECRET", "shh").env("LANG", "C.UTF-8");
    let said = say(command, ONE_RUN).expect_code(0);
    assert!(!said.stdout.contains("SECRET") && said.stdout.contains("LANG=C.UTF-8"), "{said}");
    assert!(
        said.stdout.contains("TESTBED_LAB=small\n") && said.stdout.contains("TESTBED_NODE=door\n"),
        "{said}"
    );
}

#[test]
fn an_unknown_lab_or_node_is_code_two_with_what_was_meant() {
    let labs = Labs::of(User::Same);
    let said = labs.say(&["shell", "small", "door"]).expect_code(2);
    assert!(said.stderr.contains("no lab is called `small`; no lab is up"), "{said}");
    labs.up_detached();
    for (arguments, answer) in [
        (["smal", "door"], "no lab is called `smal`; did you mean `small`?"),
        (["nothing", "door"], "no lab is called `nothing`; `testbed ps` lists them"),
        (["small", "dor"], "lab `small` has no node `dor`; did you mean `door`?"),
        (["small", "basement"], "lab `small` has no node `basement`; it has app, door, guest, rtr"),
        (["small", "../../fabric"], "lab `small` has no node `../../fabric`"),
    ] {
        let said = labs.say(&["shell", arguments[0], arguments[1]]).expect_code(2);
        assert!(said.stderr.contains(answer) && said.stdout.is_empty(), "{said}");
    }
}

#[test]
fn a_person_at_a_terminal_has_a_shell_with_jobs() {
    for user in BOTH {
        let labs = Labs::of(user);
        labs.up_detached();
        let mut command = labs.testbed(&["shell", "small", "guest"]);
        command.env("SHELL", "/bin/bash");
        let mut shell = crate::terminal::Terminal::start(command);
        shell.expect("small guest ");
        shell.line("echo $((6 * 7)) in $TESTBED_NODE");
        shell.expect("42 in guest");
        shell.expect("small guest ");
        // Ctrl-C is for the command, not for the shell.
        shell.line("sleep 1000");
        labs.runs("sleep 1000");
        shell.keys("\u{3}");
        shell.expect("small guest ");
        // Jobs: stopped, listed, brought back.
        shell.line("sleep 2000");
        labs.runs("sleep 2000");
        shell.keys("\u{1a}");
        shell.expect("Stopped");
        shell.expect("small guest ");
        shell.line("jobs");
        shell.expect("Stopped");
        shell.expect("small guest ");
        shell.line("kill -9 %1; while kill -0 %1 2>/dev/null; do :; done");
        shell.expect("Killed");
        shell.expect("small guest ");
        shell.line("exit 3");
        assert_eq!(shell.ends(), 3, "{user:?}: {}", shell.all());
        assert!(shell.is_as_it_was());
        assert!(!shell.all().contains("job control"), "{}", shell.all());
        labs.say(&["down", "small"]).expect_code(0);
        labs.assert_nothing_left();
    }
}

#[test]
fn an_open_shell_goes_with_its_lab_and_leaves_the_terminal_as_it_was() {
    for user in BOTH {
        let labs = Labs::of(user);
        labs.up_detached();
        let mut shell = labs.at_terminal(&["shell", "small", "guest"]);
        shell.expect("small guest ");
        shell.line("trap '' HUP TERM INT; (trap '' HUP TERM INT; sleep 1000) & stty raw -echo; echo rea''dy");
        shell.expect("ready");
        assert!(!shell.is_as_it_was());
        labs.say(&["down", "small"]).expect_code(0);
        assert_eq!(shell.ends(), 137, "{}", shell.all());
        assert!(shell.all().contains("lab `small` has ended"), "{}", shell.all());
        assert!(shell.is_as_it_was(), "nobody could type here any more");
        labs.assert_nothing_left();
    }
}

#[test]
fn a_shell_that_is_killed_takes_its_command_along() {
    let labs = Labs::of(User::Ordinary);
    labs.up_detached();
    let shell = start(labs.testbed(&["shell", "small", "guest", "--", "sh", "-c", "exec sleep 4242"]));
    labs.runs("sleep 4242");
    kill(shell.pid(), Signal::SIGKILL).expect("it is ours");
    let _ = shell.finish(ONE_RUN);
    until(ONE_RUN, || (!labs.has("sleep 4242")).then_some(())).expect("its command ends, too");
    labs.say(&["down", "small"]).expect_code(0);
    labs.assert_nothing_left();
}

/// Root of a user namespace that gets no further one: its labs have none of their own.
#[test]
fn a_lab_without_user_namespaces_is_entered_too() {
    let place = Place::new();
    let site = place.bring(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nothing_left"));
    let script = "trap '\"$0\" down --all --quiet' EXIT; echo 0 > /proc/sys/user/max_user_namespaces; \
                  \"$0\" up \"$1\" --out \"$2\" --detach --quiet && \
                  \"$0\" shell small guest -- tail -1 /etc/hosts && \
                  \"$0\" capture small cam | tshark -n -c 3 -r - -T fields -e frame.number | tail -1 && \
                  \"$0\" judge small && \"$0\" down small && \"$0\" ps --json";
    let mut unshare = place.command("unshare");
    unshare.args(["--user", "--map-root-user", "bash", "-c", script]);
    unshare.arg(place.testbed().get_program()).arg(site.join("small.yaml")).arg(place.out());
    let said = say(unshare, ONE_RUN).expect_code(0);
    assert!(said.stdout.starts_with("small\n10.2.0.2 guest\n3\n"), "{said}");
    assert!(said.stdout.contains("2 passed") && said.stdout.ends_with("[]\n"), "{said}");
}
