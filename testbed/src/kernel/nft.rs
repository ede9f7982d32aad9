//! Rule sets: the site's own file loaded as it is, and what of ours must stand beside it.
//!
//! A node's file loads before the node has a link. One that names a link's number (`iif`) cannot: then a base that drops
//! everything stands until the links are there, and goes in the same transaction in which the file comes, so there is
//! no moment without rules, also where the file begins with `flush ruleset`. What of ours stands beside it (instrument,
//! trace) is added after that and never changes a verdict of the file.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::nflog::COPIED;
use super::{KernelError, Namespace};
use crate::names::{LinkName, NodeName, TUNNELS};

/// The late chain's log group; nothing else in the node's namespace uses it.
pub const LOG_GROUP: u16 = 23;

/// Prefix of logged probes.
pub const LOG_PROBE: &str = "probe";

/// Prefix of other packets that are logged now and then, as the instrument's sign of life.
pub const LOG_LIFE: &str = "life";

/// How long nft may take over one script: a thousand times what a site's file takes.
const LOADED_WITHIN: Duration = Duration::from_secs(10);

const BASE: &str = "table inet testbed_base {
  chain early { type filter hook prerouting priority -450; policy drop; }
  chain output { type filter hook output priority -450; policy drop; }
}
";

/// Where nft is, by the distribution.
const PLACES: [&str; 4] = ["/usr/sbin/nft", "/usr/bin/nft", "/sbin/nft", "/bin/nft"];

/// A `nft` command.
fn nft() -> Command {
    // The whole path, and nothing to be done between fork and exec: so the standard library need not fork, which costs
    // a process of our size more than all else about starting one.
    let place = PLACES.iter().find(|place| Path::new(place).exists());
    let mut command = Command::new(place.unwrap_or(&PLACES[0]));
    command.env_clear().env("LC_ALL", "C");
    command
}

/// Puts up the base that drops everything until the node's own rules stand.
pub async fn close(namespace: &Namespace) -> Result<(), KernelError> {
    run(namespace, "put up the base that drops everything", BASE).await.map(drop)
}

/// Takes a node's rules away and puts up the base instead; for one without rules of its own, only the former.
pub async fn close_again(namespace: &Namespace, base: bool) -> Result<(), KernelError> {
    let script = format!("flush ruleset\n{}", if base { BASE } else { "" });
    run(namespace, "close the node again", &script).await.map(drop)
}

/// Takes a node's rules away, but for our instrument if its key is given: what comes in meanwhile is seen.
pub async fn strip(namespace: &Namespace, instrument: Option<u32>) -> Result<(), KernelError> {
    let ours = instrument.map(instrument_of).unwrap_or_default();
    run(namespace, "take the node's rules away", &format!("flush ruleset\n{ours}")).await.map(drop)
}

/// Loads a rule file in the place of all that stands, and our instrument with it if its key is given: one transaction,
/// so that there is no moment with other rules than the old or the new ones.
///
/// Errors: `Rules` with nft's own words; the old rules then stay. A file that would blind the instrument is refused when
/// it has been loaded: whoever calls loads the old one again.
pub async fn replace(
    namespace: &Namespace,
    node: &NodeName,
    folder: &Path,
    file: &str,
    instrument: Option<u32>,
) -> Result<(), KernelError> {
    let ours = instrument.map(instrument_of).unwrap_or_default();
    include(namespace, node.as_str(), folder, file, ("flush ruleset\n", &ours)).await?;
    let rules = without_ours(&list(namespace).await?, instrument.is_some());
    refuse_meddling(&rules, node, file)
}

/// What nft lists, less the tables that we have put there ourselves; with one, if somebody else has added to it. A check that goes on
/// may have begun to trace what gets through.
fn without_ours(rules: &str, instrumented: bool) -> String {
    let lines: Vec<&str> = rules.lines().collect();
    let tables = lines.chunk_by(|_, next| !next.starts_with("table "));
    let others = tables.filter(|table| !(instrumented && is_instrument(table) || is_trace(table)));
    others.flatten().copied().collect::<Vec<_>>().join("\n")
}

/// Whether a table that nft lists is the instrument, and no more than that.
fn is_instrument(table: &[&str]) -> bool {
    // nft lists it line by line as we wrote it.
    table.first().is_some_and(|line| line.starts_with("table inet testbed_instrument "))
        && table.len() <= instrument_of(0).lines().count()
}

/// Whether it is that by which packets are traced, and does nothing else.
fn is_trace(table: &[&str]) -> bool {
    let is_of_it = |line: &&str| {
        let line = line.trim();
        ["chain early ", "type filter hook prerouting priority ", "}"]
            .iter()
            .any(|head| line.starts_with(head))
            || line.is_empty()
            || line.contains(" meta nftrace set 1")
    };
    let Some((head, rest)) = table.split_first() else { return false };
    head.starts_with("table inet testbed_trace ") && rest.iter().all(is_of_it)
}

/// Begins to load the node's rule file as it is, into a node that has no links yet and that the calling thread is in. It
/// prints what the kernel took, for [`refuse_meddling`]: a second nft that lists it would take as long again.
pub fn load_early_here(namespace: &Namespace, folder: &Path, file: &str) -> Result<Running, KernelError> {
    let script = format!("include \"{SITE}/{file}\"\n");
    Running::start_here(of_file(folder, &["--echo", "--handle"])?, namespace, LOAD, &script)
}

/// Loads the node's rule file as it is, in the transaction that takes the base away.
///
/// Errors: `Rules` with nft's own words, which name file and line; the base then stays.
pub async fn load(
    namespace: &Namespace,
    node: &NodeName,
    folder: &Path,
    file: &str,
) -> Result<(), KernelError> {
    let before = "table inet testbed_base\ndelete table inet testbed_base\n";
    include(namespace, node.as_str(), folder, file, (before, "")).await?;
    refuse_meddling(&list(namespace).await?, node, file)
}

/// Refuses a rule file that would blind the instrument behind the filter, which stands beside it; `rules` is what nft
/// lists or, while it loads, echoes.
///
/// Errors: `Rules` with what is wrong.
pub fn refuse_meddling(rules: &str, node: &NodeName, file: &str) -> Result<(), KernelError> {
    meddling(rules)
        .map_or(Ok(()), |words| Err(KernelError::Rules { file: file.into(), node: node.to_string(), words }))
}

/// Loads a rule file of the site as it is, in one transaction with what stands before and behind it.
///
/// Errors: `Rules` with nft's own words, which name file and line.
pub(super) async fn include(
    namespace: &Namespace,
    whose: &str,
    folder: &Path,
    file: &str,
    (before, behind): (&str, &str),
) -> Result<(), KernelError> {
    let script = format!("{before}include \"{SITE}/{file}\"\n{behind}");
    match Running::start(of_file(folder, &[])?, namespace, LOAD, &script)?.end().await {
        Err(KernelError::Nft { words, .. }) => Err(KernelError::Rules {
            file: file.into(),
            node: whose.to_owned(),
            words: only_about(&words, folder),
        }),
        other => other.map(drop),
    }
}

/// What nft does with a rule file of the site's.
const LOAD: &str = "load rules";

/// An nft for a script that includes a file of the site's.
fn of_file(folder: &Path, options: &[&str]) -> Result<Command, KernelError> {
    let site = site_folder(folder)?;
    let mut command = nft();
    command.args(options);
    // Its `include` counts from the scenario's folder, too.
    command.arg("--includepath").arg(site).args(["-f", "-"]);
    Ok(command)
}

/// What a loaded rule set has that would blind the instrument behind the filter, which stands beside it.
fn meddling(rules: &str) -> Option<String> {
    let group = format!("group {LOG_GROUP}");
    let line = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let words = words.strip_prefix(&["add"]).unwrap_or(&words);
        (words.first() == Some(&"table") && words.iter().any(|word| word.starts_with("testbed_")))
            || line.contains(&format!("{group} "))
            || line.ends_with(&group)
    };
    let found = rules.lines().find(line)?.trim();
    Some(format!("tables named testbed_… and log {group} are the testbed's own, and the file has:\n{found}"))
}

/// Where nft finds the scenario's folder: it reads a path as a pattern, and text in quotes has no way to hold a quote,
/// so the folder's own name, which is the user's, must not come before it.
const SITE: &str = "/run/testbed/site";

fn site_folder(folder: &Path) -> Result<&'static str, KernelError> {
    match std::os::unix::fs::symlink(folder, SITE) {
        Err(cause) if cause.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(KernelError::Root { operation: "link", path: SITE.into(), cause })
        }
        _ => Ok(SITE),
    }
}

/// nft's words about the site's own file, with paths as the scenario has them: lines that speak of our wrapper around
/// it are left out.
fn only_about(words: &str, folder: &Path) -> String {
    let ours = |line: &&str| !line.starts_with("In file included from /dev/stdin");
    let own: Vec<&str> =
        words.lines().filter(ours).take_while(|line| !line.starts_with("/dev/stdin")).collect();
    // Where nothing else was said, what was said of the wrapper is better than silence.
    let text = if own.is_empty() { words.to_owned() } else { own.join("\n") };
    text.replace(&format!("{SITE}/"), "").replace(&format!("{}/", folder.display()), "")
}

/// Begins to add the instrument behind the input filter: a last chain that logs probes, and a few other packets as sign of life.
///
/// `key` marks our probes, 8 bytes after the start of the transport header, or 40 where they pretend to be time; in an
/// extension header of IPv6 it stands 8 bytes behind the first header, and what follows is no transport. In a tunnel it is behind the
/// headers of the packet inside.
pub fn start_instrument(namespace: &Namespace, key: u32) -> Result<Running, KernelError> {
    start(namespace, "add the instrument behind the input filter", &instrument_of(key))
}

fn instrument_of(key: u32) -> String {
    let log = format!("log prefix \"{LOG_PROBE}\" group {LOG_GROUP} snaplen {COPIED}");
    let protocols = words(TUNNELS.iter().filter_map(|one| one.protocol()));
    let ports = words(TUNNELS.iter().filter_map(|one| one.port()));
    // Bits: the key is 8 bytes behind the start of the transport header of the packet inside, which has no options.
    let places: BTreeSet<u16> =
        TUNNELS.iter().flat_map(|one| [20, 40].map(|header| (one.before() + header + 8) * 8)).collect();
    let inside: String =
        places.iter().map(|at| format!("    @th,{at},32 {key:#010x} {log} accept\n")).collect();
    format!(
        "table inet testbed_instrument {{
  chain inside {{
{inside}  }}

  chain arrived {{
    type filter hook input priority 2147483646; policy accept;
    @th,64,32 {key:#010x} {log} return
    meta l4proto udp @th,320,32 {key:#010x} {log} return
    meta nfproto ipv6 @nh,384,32 {key:#010x} {log} return
    meta l4proto {{ {protocols} }} jump inside
    udp dport {{ {ports} }} jump inside
    iifname \"lo\" return
    limit rate 100/second burst 20 packets log prefix \"{LOG_LIFE}\" group {LOG_GROUP} snaplen 64
  }}
}}
"
    )
}

/// Numbers as elements of a set, each once.
fn words<T: Ord + ToString>(numbers: impl Iterator<Item = T>) -> String {
    let numbers: BTreeSet<T> = numbers.collect();
    numbers.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// Tries a script, to find out what this kernel can do.
pub async fn try_script(namespace: &Namespace, script: &str) -> Result<(), KernelError> {
    run(namespace, "load a trial rule set", script).await.map(drop)
}

/// Whose rules a packet is traced through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    /// A node's.
    Node,
    /// Those of switches, in the fabric.
    Switches,
}

impl Traced {
    fn family(self) -> &'static str {
        match self {
            Traced::Node => "inet",
            Traced::Switches => "bridge",
        }
    }
}

/// Lets nft trace our probes through the rules that are there.
pub async fn add_trace(namespace: &Namespace, whose: Traced, key: u32) -> Result<(), KernelError> {
    let packets = match whose {
        Traced::Node => String::new(),
        // A frame without IP has the key where nothing else has it.
        Traced::Switches => format!("ether type != {{ ip, ip6 }} @nh,64,32 {key:#010x} meta nftrace set 1"),
    };
    let script = format!(
        "table {family} testbed_trace {{
  chain early {{
    type filter hook prerouting priority -440; policy accept;
    @th,64,32 {key:#010x} meta nftrace set 1
    meta l4proto udp @th,320,32 {key:#010x} meta nftrace set 1
    {six} @nh,384,32 {key:#010x} meta nftrace set 1
    {packets}
  }}
}}
",
        family = whose.family(),
        six = if whose == Traced::Node { "meta nfproto ipv6" } else { "ether type ip6" },
    );
    run(namespace, "trace packets", &script).await.map(drop)
}

/// Takes the trace away again.
pub async fn remove_trace(namespace: &Namespace, whose: Traced) -> Result<(), KernelError> {
    let family = whose.family();
    // Rules that were loaded meanwhile have taken it away.
    let script = format!("table {family} testbed_trace\ndelete table {family} testbed_trace\n");
    run(namespace, "stop tracing", &script).await.map(drop)
}

/// Joins two links below IP: whatever comes in by one goes out by the other as well, as a bridge would have it.
pub async fn join_links(namespace: &Namespace, one: &LinkName, other: &LinkName) -> Result<(), KernelError> {
    let script = format!(
        "table netdev testbed_joined {{
  chain one {{ type filter hook ingress device \"{one}\" priority 0; policy accept; dup to \"{other}\"; }}
  chain other {{ type filter hook ingress device \"{other}\" priority 0; policy accept; dup to \"{one}\"; }}
}}
"
    );
    run(namespace, "join two links", &script).await.map(drop)
}

/// Takes that apart again.
pub async fn part_links(namespace: &Namespace) -> Result<(), KernelError> {
    run(namespace, "part two links", "delete table netdev testbed_joined\n").await.map(drop)
}

/// Starts `nft monitor trace`; its lines are read from the child's standard output.
pub fn monitor_trace(namespace: &Namespace) -> Result<Child, KernelError> {
    let mut command = nft();
    command.args(["monitor", "trace"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.kill_on_drop(true);
    namespace.inside(|| command.spawn())?.map_err(|cause| missing_or("watch the trace", namespace, cause))
}

/// The rule set as it stands, with handles and counters, in nft's own text.
pub async fn list(namespace: &Namespace) -> Result<String, KernelError> {
    let mut command = nft();
    command.args(["-a", "list", "ruleset"]);
    Running::start(command, namespace, "list rules", "")?.end().await
}

/// The rule set as JSON, handles included, without what packets and time change in it by themselves: elements of sets and maps, counters and
/// quotas.
///
/// Errors: `Nft`.
pub async fn list_without_state(namespace: &Namespace) -> Result<serde_json::Value, KernelError> {
    let mut command = nft();
    command.args(["-j", "-s", "list", "ruleset"]);
    let text = Running::start(command, namespace, "list rules", "")?.end().await?;
    let unread = |cause: serde_json::Error| KernelError::Nft {
        operation: "list rules",
        node: namespace.name().to_owned(),
        words: cause.to_string(),
    };
    let mut rules = serde_json::from_str(&text).map_err(unread)?;
    forget_state(&mut rules);
    Ok(rules)
}

fn forget_state(rules: &mut serde_json::Value) {
    use serde_json::Value;
    match rules {
        Value::Array(all) => all.iter_mut().for_each(forget_state),
        Value::Object(one) => {
            for (kind, fields) in [
                ("set", &["elem"][..]),
                ("map", &["elem"]),
                ("counter", &["packets", "bytes"]),
                ("quota", &["used", "used_unit"]),
                ("last", &["used"]),
            ] {
                if let Some(Value::Object(of)) = one.get_mut(kind) {
                    fields.iter().for_each(|field| drop(of.remove(*field)));
                }
            }
            one.values_mut().for_each(forget_state);
        }
        _ => {}
    }
}

/// What nft says where it, or its kernel, could not be asked: for want of means, of rights, of a file that another includes, of a name server.
const NO_REFUSAL: [&str; 9] = [
    "Message too long",
    "No buffer space",
    "Cannot allocate memory",
    "Operation not permitted",
    "Permission denied",
    "Device or resource busy",
    "File not found",
    "Could not open file",
    "Could not resolve hostname",
];

/// Whether it was nft that refused a rule file: it has read it and says what is wrong with it, by itself or in the kernel's words. That it
/// did not get so far, or that the kernel takes no message as long as that, is none.
pub fn is_refusal(error: &KernelError) -> bool {
    let KernelError::Rules { words, .. } = error else { return false };
    words.contains("Error: ") && !NO_REFUSAL.iter().any(|one| words.contains(one))
}

/// The same as JSON (libnftables-json(5)).
pub async fn list_json(namespace: &Namespace) -> Result<String, KernelError> {
    let mut command = nft();
    command.args(["-j", "list", "ruleset"]);
    Running::start(command, namespace, "list rules", "")?.end().await
}

/// Carries out commands in JSON, in one transaction.
///
/// Errors: `Root` where they cannot be written down for nft, `Nft`.
pub async fn carry_out(namespace: &Namespace, commands: &str) -> Result<(), KernelError> {
    // They may be longer than a pipe holds.
    let failed = |cause| KernelError::Root { operation: "write", path: "commands for nft".into(), cause };
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    file.write_all(commands.as_bytes()).map_err(failed)?;
    let mut command = nft();
    command.args(["-j", "-f"]).arg(file.path());
    Running::start(command, namespace, "let rules count", "")?.end().await.map(drop)
}

async fn run(namespace: &Namespace, operation: &'static str, script: &str) -> Result<String, KernelError> {
    start(namespace, operation, script)?.end().await
}

fn start(namespace: &Namespace, operation: &'static str, script: &str) -> Result<Running, KernelError> {
    let mut command = nft();
    command.args(["-f", "-"]);
    Running::start(command, namespace, operation, script)
}

/// An nft that is at work while others are; it is killed when this value is dropped before its end.
#[must_use = "what it says is heard by `end`"]
#[derive(Debug)]
pub struct Running {
    child: Child,
    node: String,
    operation: &'static str,
}

impl Running {
    /// Starts it in a namespace; it is told all that it needs before this returns.
    fn start(
        command: Command,
        namespace: &Namespace,
        operation: &'static str,
        script: &str,
    ) -> Result<Self, KernelError> {
        namespace.inside(|| Self::start_here(command, namespace, operation, script))?
    }

    /// Starts it in the namespace that the calling thread is in. As [`Self::start`].
    fn start_here(
        mut command: Command,
        namespace: &Namespace,
        operation: &'static str,
        script: &str,
    ) -> Result<Self, KernelError> {
        let failed = |cause| missing_or(operation, namespace, cause);
        let (from, mut to) = std::io::pipe().map_err(failed)?;
        // A pipe holds 64 KiB (pipe(7)), and our scripts, which include files of the site's, are a few hundred bytes.
        to.write_all(script.as_bytes()).map_err(failed)?;
        command.stdin(from).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let child = command.spawn().map_err(failed)?;
        Ok(Self { child, node: namespace.name().to_owned(), operation })
    }

    /// Waits for its end: what it printed.
    ///
    /// Errors: `Nft` with its words where it refused.
    pub async fn end(self) -> Result<String, KernelError> {
        let Self { child, node, operation } = self;
        let nft = |words| KernelError::Nft { operation, node: node.clone(), words };
        let Ok(output) = timeout(LOADED_WITHIN, child.wait_with_output()).await else {
            return Err(nft(format!(
                "nft did not end within {} s; does an `include` read something endless?",
                LOADED_WITHIN.as_secs()
            )));
        };
        let output = output.map_err(|cause| nft(cause.to_string()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(nft(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

fn missing_or(operation: &'static str, namespace: &Namespace, cause: std::io::Error) -> KernelError {
    if cause.kind() == std::io::ErrorKind::NotFound {
        return KernelError::Missing { program: "nft".into(), package: "nftables".into() };
    }
    KernelError::Nft { operation, node: namespace.name().to_owned(), words: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_packets_and_time_change_is_no_other_rule_set() {
        let listed = |elem: &str, packets: u64, handle: u64| {
            let mut rules = serde_json::json!({ "nftables": [
                { "set": { "name": "known", "handle": 3, "elem": [elem] } },
                { "rule": { "handle": handle, "expr": [
                    { "counter": { "packets": packets, "bytes": 1 } },
                    { "match": { "op": "==", "left": { "payload": { "protocol": "tcp", "field": "dport" } }, "right": 22 } },
                    { "accept": null },
                ] } },
            ] });
            forget_state(&mut rules);
            rules
        };
        assert_eq!(listed("10.0.0.1", 1, 7), listed("10.0.0.2", 9, 7));
        assert_ne!(listed("10.0.0.1", 1, 7), listed("10.0.0.1", 1, 8), "loaded anew");
    }

    #[test]
    fn only_what_nft_says_of_a_file_is_a_refusal() {
        let rules = |words: &str| KernelError::Rules {
            file: "x.nft".into(),
            node: "rtr".into(),
            words: words.into(),
        };
        for words in [
            "x.nft:3:5-9: Error: syntax error",
            "x.nft:3:5-9: Error: Could not process rule: No such file or directory",
        ] {
            assert!(is_refusal(&rules(words)), "{words}");
        }
        for words in
            ["nft did not end within 10 s", "", "netlink: Error: Could not process rule: Message too long"]
        {
            assert!(!is_refusal(&rules(words)), "{words}");
        }
        let nft = KernelError::Nft { operation: "load rules", node: "rtr".into(), words: "Error: x".into() };
        assert!(!is_refusal(&nft));
    }

    #[test]
    fn a_file_that_would_blind_the_instrument_is_refused() {
        assert_eq!(
            meddling("table inet site { # handle 1\n\t\tlog prefix \"x\" group 2 accept # handle 4\n}"),
            None
        );
        assert!(meddling("table inet testbed_instrument { # handle 1\n}").is_some());
        assert!(meddling("table ip a { # handle 1\n\t\tlog group 23 snaplen 64 # handle 4\n}").is_some());
        // As nft echoes it while it loads.
        assert_eq!(meddling("add table inet site # handle 1\nadd rule inet site c accept # handle 4"), None);
        assert!(meddling("add table inet testbed_instrument # handle 1").is_some());
        assert!(meddling("add rule ip a c log group 23 snaplen 64 # handle 4").is_some());
    }

    #[test]
    fn packets_that_are_traced_meanwhile_are_no_meddling_unless_something_was_added() {
        let trace = "table inet testbed_trace { # handle 4\n\tchain early { # handle 1\n\t\ttype filter hook prerouting priority -440; \
            policy accept;\n\t\t@th,64,32 0x1 meta nftrace set 1 # handle 2\n\t}\n}";
        let site = "table inet site { # handle 1\n}";
        for (first, second) in [(site, trace), (trace, site)] {
            assert_eq!(without_ours(&format!("{first}\n{second}"), false), site);
        }
        let more = trace.replace("\n\t}", "\n\t\t@th,64,32 0x1 drop # handle 3\n\t}");
        assert!(meddling(&without_ours(&format!("{site}\n{more}"), false)).is_some());
    }

    #[test]
    fn our_own_instrument_is_no_meddling_unless_something_was_added_to_it() {
        let ours = instrument_of(1);
        let site = "table inet site { # handle 1\n}";
        assert_eq!(without_ours(&format!("{site}\n{ours}"), true), site);
        assert!(
            meddling(&without_ours(&format!("{site}\n{ours}"), false)).is_some(),
            "nobody has put it there"
        );
        let more = ours.replace("  }\n}", "    drop # handle 5\n  }\n}");
        assert!(meddling(&without_ours(&format!("{site}\n{more}"), true)).is_some());
    }

    #[test]
    fn the_instrument_looks_for_the_key_inside_of_tunnels() {
        let ours = instrument_of(0xfeed_c0de);
        // Behind nothing and IPv4; behind UDP, VXLAN, Ethernet and IPv6.
        for bits in [(20 + 8) * 8, (8 + 8 + 14 + 40 + 8) * 8] {
            assert_eq!(ours.matches(&format!("@th,{bits},32 0xfeedc0de log ")).count(), 1, "{ours}");
        }
        assert!(ours.contains("meta l4proto { 4, 41, 47, 50, 51, 97, 115 } jump inside"), "{ours}");
        assert!(ours.contains("udp dport { 3544, 4789, 51820 } jump inside"), "{ours}");
    }

    #[test]
    fn words_of_nft_name_the_file_as_the_scenario_does() {
        let words = "In file included from /dev/stdin:3:1-27:\n/site/b.nft:2:8-9: Error: syntax error\ntable x\n       ^\n/dev/stdin:4:1-1: Error: noise";
        assert_eq!(
            only_about(words, Path::new("/site")),
            "b.nft:2:8-9: Error: syntax error\ntable x\n       ^"
        );
        assert_eq!(only_about("/dev/stdin:1:1: Error: x", Path::new("/site")), "/dev/stdin:1:1: Error: x");
    }
}
