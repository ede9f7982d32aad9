//! A run beside the record of an earlier one: verdicts and flow tables. Pure.
//!
//! Two runs of the same site are never the same packets. What must not differ is what each check came to, for whom and by
//! which rule, and who opened what towards whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::names::{NodeName, Traffic};
use crate::observation::{Conversation, End};
use crate::plan::{FlowPair, Plan};
use crate::verdict::{CheckVerdict, Finding, Judgement, Verdict};

/// From here on the kernel takes ports for whoever opens something (`net.ipv4.ip_local_port_range`); they differ.
const FIRST_TAKEN: u16 = 32_768;

/// One row of a flow table: all conversations of a kind that one node opened towards one port of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// `tcp`, `udp`, `icmp`, …
    kind: String,
    /// The opener: its node, or its address if it is nobody's.
    from: String,
    /// The answerer.
    to: String,
    /// Its port; none where there is none, or where it is one that the kernel takes.
    port: Option<u16>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { kind, from, to, port } = self;
        match port {
            Some(port) => write!(f, "{kind}/{port} {from} -> {to}"),
            None => write!(f, "{kind} {from} -> {to}"),
        }
    }
}

/// Who opened what towards whom, and whether any of it was answered.
///
/// What depends on the moment is left out: what neighbours say to find one another, and ICMP that no flow of the plan
/// names, which is errors, and what a DHCP server asks before it gives an address away.
pub fn flow_table(plan: &Plan, conversations: &[Conversation]) -> BTreeMap<Row, bool> {
    let mut table = BTreeMap::new();
    let lasts = |one: &&Conversation| match one.kind.as_str() {
        "arp" | "nd" | "igmp" | "mld" => false,
        "icmp" | "icmp6" => names_icmp(plan, one),
        _ => true,
    };
    for one in conversations.iter().filter(|one| !one.earlier).filter(lasts) {
        let port = Some(one.answerer.port).filter(|port| (1..FIRST_TAKEN).contains(port));
        let flow = Row { kind: one.kind.clone(), from: name(&one.opener), to: name(&one.answerer), port };
        *table.entry(flow).or_default() |= one.packets_back > 0;
    }
    table
}

/// Whether a flow of the plan lets these two exchange ICMP.
fn names_icmp(plan: &Plan, one: &Conversation) -> bool {
    let is_icmp = |traffic: &Traffic| matches!(traffic, Traffic::Icmp(..) | Traffic::Icmp6(..));
    let ends = |pair: &FlowPair| {
        (Some(&pair.from), Some(&pair.to)) == (one.opener.node.as_ref(), one.answerer.node.as_ref())
    };
    plan.flows.iter().any(|flow| flow.ports.iter().any(is_icmp) && flow.pairs.iter().any(ends))
}

fn name(end: &End) -> String {
    end.node.as_ref().map_or_else(|| end.address.to_string(), NodeName::to_string)
}

/// Everything in which a run of a plan differs from the record, one sentence each: first verdicts, then flows.
pub fn differences(
    plan: &Plan,
    (was, then): (&Judgement, &[Conversation]),
    (is, now): (&Judgement, &[Conversation]),
) -> Vec<String> {
    let mut differences = Vec::new();
    for check in &was.checks {
        match is.checks.iter().find(|one| one.check == check.check) {
            Some(now) => compare(check, now, &mut differences),
            None => {
                differences.push(format!("{} was {} and is not judged", check.check, word(check.verdict)))
            }
        }
    }
    let known = |check: &&CheckVerdict| was.checks.iter().any(|one| one.check == check.check);
    let more = is.checks.iter().filter(|check| !known(check));
    differences
        .extend(more.map(|check| format!("{} was not judged and is {}", check.check, word(check.verdict))));
    let (then, now) = (flow_table(plan, then), flow_table(plan, now));
    let gone = then.keys().filter(|flow| !now.contains_key(flow));
    differences.extend(gone.map(|flow| format!("flow {flow} was there and is not")));
    let come = now.keys().filter(|flow| !then.contains_key(flow));
    differences.extend(come.map(|flow| format!("flow {flow} was not there and is")));
    for (flow, answered) in &now {
        match then.get(flow) {
            Some(true) if !answered => differences.push(format!("flow {flow} was answered and is not")),
            Some(false) if *answered => differences.push(format!("flow {flow} was not answered and is")),
            _ => {}
        }
    }
    differences
}

/// What a check came to: its verdict, and of a fail for whom and by which rule.
fn compare(was: &CheckVerdict, is: &CheckVerdict, differences: &mut Vec<String>) {
    if was.verdict != is.verdict {
        let first = is.findings.first().map(|one| &one.text).or(is.reasons.first());
        let because = first.map(|text| format!(": {text}")).unwrap_or_default();
        let (before, after) = (word(was.verdict), word(is.verdict));
        differences.push(format!("{} was {before} and is {after}{because}", was.check));
    }
    let (then, now) = (found(was), found(is));
    let name = &was.check;
    differences
        .extend(then.difference(&now).map(|finding| format!("{name} reported {finding} and does not")));
    differences.extend(now.difference(&then).map(|finding| format!("{name} reports {finding} and did not")));
}

fn found(check: &CheckVerdict) -> BTreeSet<String> {
    let told = |finding: &Finding| {
        let (from, to) = finding.pair.as_ref()?;
        let by = finding.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        Some(format!("{from} -> {to}{by}"))
    };
    check.findings.iter().filter_map(told).collect()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Observations;
    use crate::plan::Flow;
    use crate::verdict::example::{accepts, conversation, good, leak, of, plan};
    use crate::verdict::judge;

    /// In what a run differs from the example's good one, after a change to what is seen.
    fn after(change: impl FnOnce(&mut Observations)) -> Vec<String> {
        let (was, mut is) = (good(), good());
        change(&mut is);
        let judged = |seen: &Observations| judge(&plan(), seen);
        differences(&plan(), (&judged(&was), &was.conversations), (&judged(&is), &is.conversations))
    }

    #[test]
    fn two_runs_that_differ_in_packets_and_ports_only_are_alike() {
        assert_eq!(after(|_| {}), [""; 0]);
        let busier = |seen: &mut Observations| {
            seen.conversations.iter_mut().for_each(|one| {
                (one.opener.port, one.first_packet, one.payload_out) = (40_123, 9, 1);
            });
            let again = seen.conversations[0].clone();
            seen.conversations.push(again);
            let mut neighbours = seen.conversations[0].clone();
            neighbours.kind = "arp".into();
            seen.conversations.push(neighbours);
        };
        assert_eq!(after(busier), [""; 0]);
    }

    #[test]
    fn a_verdict_that_differs_is_told_with_what_is_seen_now() {
        let leaks = |seen: &mut Observations| {
            leak(&mut seen.aims[0], "tcp/22", Some(112));
            seen.aims[0].trace = vec![accepts("rtr", "inet site through", "policy")];
        };
        let told = after(leaks);
        assert_eq!(told.len(), 2, "{told:#?}");
        assert!(told[0].starts_with("vms-shut was pass and is fail: dock-1 reached vms"), "{told:#?}");
        assert_eq!(told[1], "vms-shut reports dock-1 -> vms by inet site through policy and did not");
    }

    #[test]
    fn a_flow_that_is_gone_new_or_without_answer_is_told() {
        // The last is the appliance's to the cloud.
        let told = after(|seen| {
            let mut other = seen.conversations.pop().unwrap();
            other.answerer.port = 8080;
            seen.conversations.push(other);
        });
        let flows: Vec<_> = told.iter().filter(|text| text.starts_with("flow ")).collect();
        let wanted = ["tcp/443 app -> aws was there and is not", "tcp/8080 app -> aws was not there and is"];
        assert_eq!(flows, wanted.map(|text| format!("flow {text}")).iter().collect::<Vec<_>>());
        let silent = after(|seen| seen.conversations.last_mut().unwrap().packets_back = 0);
        assert!(
            silent.contains(&"flow tcp/443 app -> aws was answered and is not".to_owned()),
            "{silent:#?}"
        );
    }

    #[test]
    fn icmp_counts_where_a_flow_names_it() {
        let ping = conversation("icmp", ("app", "10.20.0.5", 0), ("rtr", "10.20.0.1", 0), 50);
        let mut plan = plan();
        assert!(flow_table(&plan, std::slice::from_ref(&ping)).is_empty(), "an error, for all that is known");
        let pair = FlowPair { from: of("app"), to: of("rtr"), addresses: vec![], group: None };
        let (id, ports) = (of("S09"), vec![Traffic::icmp(8)]);
        plan.flows.push(Flow { id, pairs: vec![pair], ports, upkeep: false, why: "asks".into() });
        let table = flow_table(&plan, &[ping]);
        assert_eq!(table.keys().map(ToString::to_string).collect::<Vec<_>>(), ["icmp app -> rtr"]);
    }
}
