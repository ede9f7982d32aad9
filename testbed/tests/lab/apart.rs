//! The lab cannot reach the host's network, and the host cannot reach the lab.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Command;
use std::time::Duration;

use crate::sites;
use crate::support::{ONE_RUN, Place, say, start, until};

/// What the host's network has to show for itself: interfaces, routes, addresses.
#[derive(Debug, PartialEq)]
struct Host {
    interfaces: BTreeSet<String>,
    routes: Vec<String>,
    addresses: BTreeSet<String>,
}

impl Host {
    fn now() -> Self {
        let lines = |path: &str| -> Vec<String> {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.lines().map(str::to_owned).collect()
        };
        let name = |line: &String| line.split_once(':').map(|(name, _)| name.trim().to_owned());
        // Routes with their use counters and metrics left out; the trie has every address of the host's own.
        let route = |line: String| line.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
        Self {
            interfaces: lines("/proc/net/dev").iter().filter_map(name).collect(),
            routes: lines("/proc/net/route").into_iter().map(route).collect(),
            addresses: lines("/proc/net/fib_trie").into_iter().filter(|line| line.contains("|--")).collect(),
        }
    }
}

#[test]
fn neither_side_can_reach_the_other() {
    let place = Place::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let secret = format!("testbed-test-{}", std::process::id());
    let abstract_name = SocketAddr::from_abstract_name(&secret).unwrap();
    let _abstract = UnixListener::bind_addr(&abstract_name).unwrap();
    let look = format!(
        "exec 2>&1
         (exec 3<>/dev/tcp/127.0.0.1/{port}) && echo REACHED tcp
         grep -q {secret} /proc/net/unix && echo REACHED unix
         ls /sys/class/net >/dev/null 2>&1 && echo REACHED sys
         echo looked"
    );

    // The same look finds all this from outside, or it would show nothing.
    let outside = say_bash(&look);
    assert!(outside.contains("REACHED tcp") && outside.contains("REACHED unix"), "{outside}");
    tcp.set_nonblocking(true).unwrap();
    tcp.accept().expect("that was the look from outside");

    let before = Host::now();
    let wait = "until [ -e go ]; do sleep 0.05; done";
    let site = sites::command(&place, &format!("cd {}; {look}; {wait}", place.path().join("site").display()));
    let running = start(sites::run_allowed(&place, &site));
    let looked = until(Duration::from_secs(20), || {
        let folder = place.run_folders().pop()?;
        let log = fs::read_to_string(folder.join("logs/desk.log")).ok()?;
        log.contains("looked").then_some(log)
    });
    let during = Host::now();
    place.write("site/go", "");
    let said = running.finish(ONE_RUN).expect_code(0);
    let looked = looked.unwrap_or_else(|| panic!("the command never looked: {said}"));
    assert!(!looked.contains("REACHED"), "{looked}");
    assert_eq!(tcp.accept().expect_err("nobody connected").kind(), ErrorKind::WouldBlock);
    // No interface, no route, no address: packets of the host have no way in.
    assert_eq!(during, before, "while the lab stood");
    assert_eq!(Host::now(), before, "after it was gone");
}

fn say_bash(script: &str) -> String {
    let mut bash = Command::new("bash");
    bash.args(["-c", script]);
    say(bash, Duration::from_secs(10)).all()
}
