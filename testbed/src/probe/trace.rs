//! Which rule let it through: the packet is sent again and nft's own trace of it is read, not guessed.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::time::{Instant, timeout_at};

use super::ports::source_mac;
use super::sweep::send;
use super::{Entry, Role, Site, Swept};
use crate::kernel::nft::{self, Traced};
use crate::kernel::packet::PacketSocket;
use crate::kernel::{KernelError, Namespace};
use crate::names::NodeName;
use crate::observation::TraceStep;
use crate::plan::{Aim, Switch};

/// How long a packet's trace may take to be told.
const TOLD_WITHIN: Duration = Duration::from_secs(3);

/// How often nothing may be told of what one device lets through, of packets to be routed or to be carried, before it is asked no more.
const UNTOLD: usize = 2;

/// How long to wait for the first line before the packet is sent once more: the monitor may not listen yet.
const AGAIN_AFTER: Duration = Duration::from_millis(150);

/// Follows what let each aim's packets through, of those that have not been followed yet.
///
/// A device may let through what its trace does not tell, pieces of packets or what never comes to its rules; that is waited for a few
/// times, not for each of many aims.
pub(super) async fn trace_all(site: &Site, swept: &mut [Swept], patience: u32) {
    let mut untold: BTreeMap<(NodeName, bool), usize> = BTreeMap::new();
    for one in swept.iter_mut().filter(|one| one.trace.is_empty()) {
        let aim = &one.sending.aim;
        let kind = (aim.stops_at.clone(), aim.is_carried());
        if untold.get(&kind).is_some_and(|times| *times == UNTOLD) {
            continue;
        }
        let Some(steps) = trace(site, one, patience).await else { continue };
        if steps.is_empty() {
            *untold.entry(kind).or_default() += 1;
        }
        one.trace = steps;
    }
}

/// Sends the first packet of the aim that arrived once more and follows it through the rules of the device that
/// should have stopped it, or, where that has none, of the switch before it; none if none arrived, or if neither has any.
pub(super) async fn trace(site: &Site, swept: &Swept, patience: u32) -> Option<Vec<TraceStep>> {
    let entry = first_arrived(site, swept)?;
    let place = place(site, &swept.sending.aim)?;
    let followed = follow(site, swept, entry, &place, patience).await;
    Some(followed.unwrap_or_else(|error| {
        tracing::warn!(%error, "the packet could not be traced");
        Vec::new()
    }))
}

fn first_arrived(site: &Site, swept: &Swept) -> Option<Entry> {
    let astray = site.watch.strayed();
    swept
        .arrived(site)
        .into_iter()
        .chain(astray.into_iter().filter_map(|n| swept.attack(site, n)))
        .min_by_key(|(n, _)| *n)
        .map(|(_, entry)| entry)
}

/// Rules in which a packet is followed.
struct Ruled<'a> {
    namespace: &'a Namespace,
    /// Who has them, for a reader.
    name: NodeName,
    whose: Traced,
    /// Hooks whose chains decide whether a packet gets through: what comes before and after does not stop it.
    deciding: &'static [&'static str],
}

/// Whose rules should have stopped an aim's packets, if there are any. All switches' are in the fabric, and the chains of each
/// let alone what is not of its ports.
fn place<'a>(site: &'a Site, aim: &Aim) -> Option<Ruled<'a>> {
    let node = site.plan.node(&aim.stops_at)?;
    if node.ruleset.is_some() {
        let (namespace, name) = (site.lab.node(&node.name), node.name.clone());
        return Some(Ruled { namespace, name, whose: Traced::Node, deciding: &["input", "forward"] });
    }
    let crosses = aim.cells.as_ref().is_some_and(|cells| cells.switched);
    let ends = [&aim.from, &aim.stops_at];
    let on_the_way = |switch: &&Switch| switch.plugged.iter().any(|(node, _)| ends.contains(&node));
    let switch = site.plan.switches.iter().find(on_the_way).filter(|_| crosses)?;
    let name = switch.name.as_str().parse().ok()?;
    let (namespace, deciding): (_, &[&str]) = (&site.lab.fabric, &["prerouting", "forward"]);
    Some(Ruled { namespace, name, whose: Traced::Switches, deciding })
}

async fn follow(
    site: &Site,
    swept: &Swept,
    entry: Entry,
    place: &Ruled<'_>,
    patience: u32,
) -> Result<Vec<TraceStep>, KernelError> {
    let Ruled { namespace, name: node, whose, deciding: hooks } = place;
    nft::add_trace(namespace, *whose, site.key).await?;
    let mut monitor = nft::monitor_trace(namespace)?;
    let aim = &swept.sending.aim;
    let link = site.way_out(&aim.from, &aim.link).map_or(&aim.link, |(link, _)| link);
    let attacker = PacketSocket::open(site.lab.node(&aim.from), site.lab.number(&aim.from, link))?;
    let source = source_mac(site, aim);
    let mut steps = Vec::new();
    if let Some(stdout) = monitor.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        let deadline = Instant::now() + TOLD_WITHIN * patience;
        while steps.is_empty() && Instant::now() < deadline {
            let again = Entry { role: Role::Trace, ..entry };
            if let Err(error) = send(site, &attacker, aim, source, aim.next_hop, again) {
                tracing::warn!(error, "the packet to be traced could not be sent");
            }
            steps = read_steps(&mut lines, node).await;
        }
    }
    let _ = monitor.kill().await;
    nft::remove_trace(namespace, *whose).await?;
    Ok(deciding(steps, &base_hooks(&nft::list(namespace).await?), hooks))
}

/// Base chains (`family table chain`) with the hook of each, from a rule set as nft lists it.
fn base_hooks(rules: &str) -> BTreeMap<String, String> {
    let (mut table, mut chain) = (String::new(), String::new());
    let mut hooks = BTreeMap::new();
    for line in rules.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["table", family, name, ..] => table = format!("{family} {name}"),
            ["chain", name, ..] => chain = format!("{table} {name}"),
            ["type", _, "hook", hook, ..] => drop(hooks.insert(chain.clone(), (*hook).to_owned())),
            _ => {}
        }
    }
    hooks
}

/// The steps in chains of the deciding hooks and in those that they jump to.
fn deciding(steps: Vec<TraceStep>, hooks: &BTreeMap<String, String>, which: &[&str]) -> Vec<TraceStep> {
    let mut decides = false;
    let kept = steps.into_iter().filter(|step| {
        if let Some(hook) = hooks.get(&step.chain) {
            decides = which.contains(&hook.as_str());
        }
        decides
    });
    kept.collect()
}

/// Reads the steps of the first packet that is told of, until no more line comes for a while.
async fn read_steps(lines: &mut Lines<BufReader<ChildStdout>>, node: &NodeName) -> Vec<TraceStep> {
    let mut first = None;
    let mut steps = Vec::new();
    while let Ok(Ok(Some(line))) = timeout_at(Instant::now() + AGAIN_AFTER, lines.next_line()).await {
        let Some((id, step)) = read_step(&line, node) else { continue };
        if *first.get_or_insert_with(|| id.clone()) == id {
            steps.extend(step);
        }
    }
    steps
}

/// One line of `nft monitor trace`: the packet's id, and the step if the line tells one.
///
/// Lines look like `trace id 7f11 inet site through rule tcp dport 443 accept (verdict accept)` and
/// `trace id 7f11 inet site through policy accept`; others show the packet itself.
fn read_step(line: &str, node: &NodeName) -> Option<(String, Option<TraceStep>)> {
    let mut words = line.strip_prefix("trace id ")?.splitn(6, ' ');
    let id = words.next()?.to_owned();
    let chain = format!("{} {} {}", words.next()?, words.next()?, words.next()?);
    if chain.contains(" testbed_") {
        return Some((id, None));
    }
    let (what, rest) = (words.next()?, words.next().unwrap_or(""));
    let step = |rule: &str, verdict: &str| TraceStep {
        node: node.clone(),
        chain: chain.clone(),
        rule: rule.to_owned(),
        verdict: verdict.to_owned(),
    };
    let step = match what {
        "policy" => Some(step("policy", rest.trim())),
        "rule" => {
            rest.rsplit_once(" (verdict ").map(|(rule, verdict)| step(rule, verdict.trim_end_matches(')')))
        }
        _ => None,
    };
    Some((id, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_policies_are_read_and_packets_are_not() {
        let node: NodeName = "rtr".parse().unwrap();
        let read = |line| read_step(line, &node).unwrap().1.map(|step| (step.chain, step.rule, step.verdict));
        assert_eq!(
            read(
                "trace id 7f110a2b inet site through rule tcp dport 443 ct state new accept (verdict accept)"
            ),
            Some(("inet site through".into(), "tcp dport 443 ct state new accept".into(), "accept".into()))
        );
        assert_eq!(
            read("trace id 7f110a2b inet site through policy accept "),
            Some(("inet site through".into(), "policy".into(), "accept".into()))
        );
        assert_eq!(read("trace id 7f110a2b inet site through verdict continue "), None);
        assert_eq!(
            read("trace id 7f110a2b inet testbed_trace early rule meta nftrace set 1 (verdict continue)"),
            None
        );
        assert!(read_step("inet site through", &node).is_none());
    }

    #[test]
    fn an_accept_after_the_decision_is_not_blamed() {
        let rules = "table inet site { # handle 1\n\tchain through { # handle 2\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n\tchain out { # handle 3\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n\t}\n\tchain jumped { # handle 4\n\t}\n}\n";
        let step = |chain: &str| TraceStep {
            node: "rtr".parse().unwrap(),
            chain: format!("inet site {chain}"),
            rule: "policy".into(),
            verdict: "accept".into(),
        };
        let kept = deciding(
            vec![step("through"), step("jumped"), step("out")],
            &base_hooks(rules),
            &["input", "forward"],
        );
        assert_eq!(kept, [step("through"), step("jumped")]);
    }
}
