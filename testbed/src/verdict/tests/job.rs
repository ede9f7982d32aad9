//! `job`: done as it should be, never told of, not ended, failed, done in words only, too late, and refused or not when spoiled.

use std::time::Duration;

use fake_facts::{Fact, Line};

use super::super::example::{START, of};
use super::*;
use crate::observation::{ChangeSeen, NodeFact};
use crate::scenario::model::JobKind;

const CHECK: &str = "dock-alone";
const MS: u64 = 1_000_000;

fn job(kind: JobKind) -> String {
    format!("{CHECK}-{kind}-1")
}

fn said(node: &str, at: u64, fact: Fact) -> NodeFact {
    NodeFact { node: of(node), line: Line { at: START + at * MS, fact } }
}

fn connected(service: &str, camera: Option<&str>) -> Fact {
    let camera = camera.map(str::to_owned);
    Fact::Connected { service: service.into(), peer: of("203.0.113.10:443"), camera }
}

fn accepted(service: &str, identity: &str) -> Fact {
    Fact::Accepted {
        service: service.into(),
        peer: of("10.20.0.5:40000"),
        identity: identity.into(),
        sni: None,
        alpn: None,
        tls: None,
    }
}

/// A job that goes as it should, up to a second after it was given.
fn good_job(kind: JobKind) -> Vec<NodeFact> {
    let (name, thing) = (job(kind), "app".to_owned());
    let (expects, details) = match kind {
        JobKind::Update => ("7.1.0", vec![]),
        JobKind::Configuration => ("1000", vec![("monitorEveryMs".to_owned(), "1000".to_owned())]),
        JobKind::Credentials => ("abc", vec![]),
        _ => ("", vec![]),
    };
    let status = "SUCCEEDED".to_owned();
    let ordered = Fact::Ordered {
        thing: thing.clone(),
        job: name.clone(),
        kind: kind.word().into(),
        expects: expects.into(),
    };
    let mut all = vec![
        said("aws", 0, ordered),
        said("app", 10, Fact::Tasked { job: name.clone(), operation: "x".into() }),
        said("app", 20, Fact::Delivered { service: "s3".into(), name: format!("{name}/a.bin") }),
        said(
            "aws",
            500,
            Fact::Ended { thing: thing.clone(), job: name, status, details: details.into_iter().collect() },
        ),
        said(
            "aws",
            900,
            Fact::Monitored {
                device: thing,
                online: true,
                software: Some("7.1.0".into()),
                ports: Vec::new(),
            },
        ),
    ];
    all.extend(["iot", "credentials"].map(|service| said("aws", 100, accepted(service, "abc"))));
    all.extend(["iot", "monitoring", "logs"].map(|service| said("app", 120, connected(service, None))));
    all.extend(["dock-1", "dock-2"].map(|camera| said("app", 130, connected("rtsp", Some(camera)))));
    all
}

fn judged(does: &[JobKind], spoiled: bool, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let with_job = |plan: &mut Plan| {
        check_of(plan, CHECK).word = Word::Job {
            of: of("app"),
            cloud: of("aws"),
            does: does.to_vec(),
            spoiled,
            within: Duration::from_secs(1),
            every: Duration::from_secs(1),
        };
    };
    after_both(CHECK, with_job, |seen| {
        seen.facts.extend(does.iter().flat_map(|kind| good_job(*kind)));
        change(seen);
    })
}

fn without(seen: &mut Observations, is_it: impl Fn(&Fact) -> bool) {
    seen.facts.retain(|fact| !is_it(&fact.line.fact));
}

#[test]
fn a_job_of_each_kind_that_is_done_passes() {
    let verdict = judged(&JobKind::ALL, false, |_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(
        verdict.summary.starts_with("app, by jobs of aws: deployment 500.0 ms, update 500.0 ms, "),
        "{}",
        verdict.summary
    );
}

#[test]
fn what_is_not_told_not_ended_or_failed_is_found() {
    let one = |change: fn(&mut Observations)| judged(&[JobKind::Restart], false, change);
    let untold = one(|seen| without(seen, |fact| matches!(fact, Fact::Tasked { .. })));
    assert_fails(&untold, &["restart: app was never told of it"]);
    let open = one(|seen| without(seen, |fact| matches!(fact, Fact::Ended { .. })));
    assert_fails(&open, &["restart: app did not say how it ended"]);
    let failed = one(|seen| {
        for fact in &mut seen.facts {
            if let Fact::Ended { status, details, .. } = &mut fact.line.fact {
                *status = "FAILED".into();
                details.insert("reason".into(), "no power".into());
            }
        }
    });
    assert_fails(&failed, &["restart: it ended FAILED: no power"]);
    let late = one(|seen| {
        let ended = seen.facts.iter_mut().find(|fact| matches!(fact.line.fact, Fact::Ended { .. }));
        ended.unwrap().line.at += 2000 * MS;
    });
    assert_fails(&late, &["restart: it took 2.5 s, and not at most 1.0 s"]);
}

#[test]
fn what_must_come_of_a_job_is_asked_for() {
    let says = |kind: JobKind, is_it: fn(&Fact) -> bool, text: &str| {
        let verdict = judged(&[kind], false, |seen| without(seen, is_it));
        assert_fails(&verdict, &[&format!("{kind}: app says that it is done; {text}")]);
    };
    says(
        JobKind::Deployment,
        |fact| matches!(fact, Fact::Delivered { .. }),
        "nothing of it was fetched from S3",
    );
    let monitored = |fact: &Fact| matches!(fact, Fact::Monitored { .. });
    says(JobKind::Update, monitored, "its monitoring never heard of software 7.1.0");
    let credentials =
        |fact: &Fact| matches!(fact, Fact::Accepted { service, .. } if service == "credentials");
    says(JobKind::Credentials, credentials, "the credentials provider was never shown the new certificate");
    let logs = |fact: &Fact| matches!(fact, Fact::Connected { service, .. } if service == "logs");
    says(JobKind::Restart, logs, "logs did not begin anew");
    let video =
        |fact: &Fact| matches!(fact, Fact::Connected { camera: Some(camera), .. } if camera == "dock-2");
    says(JobKind::Restart, video, "video of dock-2 did not begin anew");
    let unset = judged(&[JobKind::Configuration], false, |seen| {
        for fact in &mut seen.facts {
            if let Fact::Ended { details, .. } = &mut fact.line.fact {
                details.clear();
            }
        }
    });
    assert_fails(&unset, &["configuration: app says that it is done; it did not say that 1000 ms are set"]);
}

#[test]
fn what_came_before_a_job_is_not_what_comes_of_it() {
    let early = judged(&[JobKind::Restart], false, |seen| {
        for fact in &mut seen.facts {
            if matches!(&fact.line.fact, Fact::Connected { service, .. } if service == "monitoring") {
                fact.line.at = START - 1;
            }
        }
    });
    assert_fails(&early, &["restart: app says that it is done; monitoring did not begin anew"]);
}

#[test]
fn what_is_spoiled_must_be_refused() {
    let taken = judged(&[JobKind::Deployment], true, |_| {});
    let text = "deployment: what it fetched was not what the job says, and it ended SUCCEEDED";
    assert_fails(&taken, &[text]);
    let failed = |details: &[(&str, &str)]| {
        let said: Vec<_> =
            details.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        judged(&[JobKind::Deployment], true, |seen| {
            for fact in &mut seen.facts {
                if let Fact::Ended { status, details, .. } = &mut fact.line.fact {
                    *status = "FAILED".into();
                    details.extend(said);
                    return;
                }
            }
        })
    };
    let artefact = format!("{}/application.bin", job(JobKind::Deployment));
    let refused = failed(&[("reason", "another hash"), ("spoiled", &artefact)]);
    assert_eq!(refused.verdict, Verdict::Pass, "{refused:#?}");
    // Whoever fetches nothing has refused nothing.
    let unreached = failed(&[("reason", "no answer within 60 s")]);
    let text = "deployment: it ended FAILED, and not for what it fetched: no answer within 60 s";
    assert_fails(&unreached, &[text]);
    let anothers = failed(&[("spoiled", "dock-alone-deployment-12/application.bin")]);
    assert_fails(&anothers, &["deployment: it ended FAILED, and not for what it fetched"]);
}

#[test]
fn what_comes_of_a_job_comes_in_its_time() {
    let late = judged(&[JobKind::Restart], false, |seen| {
        for fact in &mut seen.facts {
            if matches!(&fact.line.fact, Fact::Connected { service, .. } if service == "logs") {
                fact.line.at = START + 1001 * MS;
            }
        }
    });
    let text = "restart: app says that it is done; logs did not begin anew, within 1.0 s";
    assert_fails(&late, &[text]);
}

#[test]
fn each_of_two_jobs_of_a_kind_counts() {
    let twice = |first: &'static str| {
        judged(&[JobKind::Deployment, JobKind::Deployment], false, |seen| {
            let mut of_one = 0;
            for fact in &mut seen.facts {
                let (job, status) = match &mut fact.line.fact {
                    Fact::Ordered { job, .. } | Fact::Tasked { job, .. } => (job, None),
                    Fact::Ended { job, status, .. } => (job, Some(status)),
                    Fact::Delivered { name, .. } if name.starts_with(CHECK) => (name, None),
                    _ => continue,
                };
                of_one += 1;
                if of_one > 4 {
                    *job = job.replace("-1", "-2");
                } else if let Some(status) = status {
                    *status = first.into();
                }
            }
        })
    };
    assert_eq!(twice("SUCCEEDED").verdict, Verdict::Pass, "{:#?}", twice("SUCCEEDED"));
    assert_fails(&twice("FAILED"), &["deployment: it ended FAILED"]);
}

#[test]
fn no_job_at_all_says_nothing() {
    assert_inconclusive(&judged(&[], false, |_| {}), &["vacuous", "no job is named"]);
}

#[test]
fn what_was_never_given_says_nothing() {
    let nothing = judged(&[JobKind::Update], false, |seen| {
        without(seen, |fact| matches!(fact, Fact::Ordered { .. }));
        seen.changes.push(ChangeSeen {
            check: of(CHECK),
            at: 1,
            then_at: 2,
            end_at: 2,
            error: Some("the cloud gave nothing".into()),
            done: Default::default(),
        });
    });
    assert_inconclusive(&nothing, &["given", "no update was given to app: the cloud gave nothing"]);
    // Those of another check are not its own.
    let others = judged(&[JobKind::Update], false, |seen| {
        for fact in &mut seen.facts {
            if let Fact::Ordered { job, .. } = &mut fact.line.fact {
                *job = "dock-alone-update-again-1".into();
            }
        }
    });
    assert_inconclusive(&others, &["what came before was not done"]);
}
