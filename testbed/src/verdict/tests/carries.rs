//! `carries`: what belongs elsewhere, what is missing, routes that lead another way.

use super::super::example::{conversation, of};
use super::*;
use crate::observation::{Conversation, RouteSeen};
use crate::plan::RouteAsked;

const CHECK: &str = "dock-alone";

fn word() -> Word {
    Word::Carries {
        node: of("app"),
        link: of("eth0"),
        port: of("p-app-0"),
        only: vec![of("F07"), of("F17")],
        routes: vec![RouteAsked { to: of("203.0.113.10"), flows: vec![of("F07")] }],
    }
}

fn route(link: Option<&str>) -> RouteSeen {
    RouteSeen { node: of("app"), to: of("203.0.113.10"), link: link.map(of), via: None, redirected: false }
}

fn over_app(mut one: Conversation) -> Conversation {
    one.ports = vec![of("p-app-0")];
    one
}

fn judged(conversations: Vec<Conversation>, routes: Vec<RouteSeen>) -> CheckVerdict {
    after_both(
        CHECK,
        |plan| check_of(plan, CHECK).word = word(),
        |seen| {
            // Elsewhere anything may run.
            let elsewhere = conversation("tcp", ("vms", "10.30.0.10", 5000), ("rtr", "10.30.0.1", 80), 1);
            seen.conversations = conversations;
            seen.conversations.push(elsewhere);
            seen.routes = routes;
        },
    )
}

fn mqtt() -> Conversation {
    over_app(conversation("tcp", ("app", "10.20.0.5", 40_000), ("aws", "203.0.113.10", 443), 2))
}

#[test]
fn a_link_that_carries_what_it_should_and_nothing_else_passes() {
    let upkeep = over_app(conversation("arp", ("rtr", "10.20.0.1", 0), ("app", "10.20.0.5", 0), 3));
    let verdict = judged(vec![mqtt(), upkeep], vec![route(Some("eth0"))]);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(verdict.summary.starts_with("2 conversations ("), "{}", verdict.summary);
}

#[test]
fn what_belongs_elsewhere_is_a_finding_once_for_its_ends() {
    let video =
        |port| over_app(conversation("tcp", ("app", "10.20.0.5", port), ("dock-1", "10.20.0.11", 554), 4));
    let verdict = judged(vec![mqtt(), video(1), video(2)], vec![route(Some("eth0"))]);
    assert_fails(&verdict, &["app's eth0 carried tcp/554 of app -> dock-1, which belongs elsewhere"]);
}

#[test]
fn what_ran_in_an_earlier_judgement_is_no_finding_and_counts_as_seen() {
    let earlier = |one| Conversation { earlier: true, ..one };
    let video = over_app(conversation("tcp", ("app", "10.20.0.5", 1), ("dock-1", "10.20.0.11", 554), 4));
    let verdict = judged(vec![earlier(mqtt()), earlier(video)], vec![route(Some("eth0"))]);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
}

#[test]
fn a_flow_that_was_not_seen_there_makes_it_inconclusive() {
    assert_inconclusive(&judged(vec![], vec![route(Some("eth0"))]), &["unseen", "F07", "app's eth0"]);
}

#[test]
fn a_route_by_another_link_is_a_finding_and_one_that_nobody_looked_up_is_a_gap() {
    let verdict = judged(vec![mqtt()], vec![route(Some("eth1"))]);
    assert_fails(&verdict, &["the route to 203.0.113.10 (F07) leads by eth1, and not by app's eth0"]);
    let verdict = judged(vec![mqtt()], vec![route(None)]);
    assert_fails(&verdict, &["the route to 203.0.113.10 (F07) leads nowhere, and not by app's eth0"]);
    assert_inconclusive(&judged(vec![mqtt()], vec![]), &["route", "203.0.113.10"]);
}

#[test]
fn a_search_on_a_link_is_of_the_flow_that_lets_its_opener_ask_somebody_there() {
    let judged = |to: &str| {
        let search =
            over_app(conversation("udp", ("app", "10.20.0.5", 40_000), ("app", "239.255.255.250", 3702), 4));
        let search = Conversation {
            answerer: crate::observation::End { node: None, ..search.answerer.clone() },
            ..search
        };
        after_both(
            CHECK,
            |plan| {
                let mut flow = matching_flow(plan);
                (flow.id, flow.ports) = (of("S09"), vec![of("udp/3702")]);
                flow.pairs.truncate(1);
                (flow.pairs[0].from, flow.pairs[0].to) = (of("app"), of(to));
                plan.flows.push(flow);
                let mut asked = word();
                if let Word::Carries { only, .. } = &mut asked {
                    only.push(of("S09"));
                }
                check_of(plan, CHECK).word = asked;
            },
            |seen| {
                seen.conversations = vec![mqtt(), search];
                seen.routes = vec![route(Some("eth0"))];
            },
        )
    };
    let beside = judged("dock-1");
    assert_eq!(beside.verdict, Verdict::Pass, "{beside:#?}");
    let text = "app's eth0 carried udp/3702 of app -> 239.255.255.250, which belongs elsewhere";
    assert_fails(&judged("aws"), &[text]);
}

#[test]
fn what_a_camera_sends_to_its_group_is_of_the_flow_that_is_about_it() {
    let judged = |listed: &str| {
        let mut cast =
            over_app(conversation("udp", ("dock-1", "10.20.0.11", 50_000), ("", "239.255.0.1", 5004), 4));
        cast.answerer.node = None;
        after_both(
            CHECK,
            |plan| {
                plan.flows.push(group::declared());
                let mut asked = word();
                if let Word::Carries { only, .. } = &mut asked {
                    only.push(of(listed));
                }
                check_of(plan, CHECK).word = asked;
            },
            |seen| {
                seen.conversations = vec![mqtt(), cast];
                seen.routes = vec![route(Some("eth0"))];
            },
        )
    };
    assert_eq!(judged("S08").verdict, Verdict::Pass, "{:#?}", judged("S08"));
    let text = "app's eth0 carried udp/5004 of dock-1 -> 239.255.0.1, which belongs elsewhere";
    assert_fails(&judged("F17"), &[text]);
}

fn matching_flow(plan: &Plan) -> crate::plan::Flow {
    plan.flows.iter().find(|flow| flow.id == of("F07")).unwrap().clone()
}
