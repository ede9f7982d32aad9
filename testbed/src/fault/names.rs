//! Faults of what is given for a time: leases of addresses, and answers to names.

use std::net::IpAddr;
use std::time::Duration;

use fake_facts::Fact;
use serde_json::json;

use super::force::Force;
use super::{Error, Ground};
use crate::kernel::addresses::addresses;
use crate::names::{HostName, NodeName, SpelledName};
use crate::plan::ServiceKind;
use crate::plan::fault::{Asker, Lease};
use crate::probe::lookup;
use crate::services::End as Way;

/// How long a cloud may take to say that it answers otherwise.
const MOVED_WITHIN: Duration = Duration::from_secs(5);

/// The server forgets the lease while it does not run; the client begins anew, as one does whose lease ran out.
pub(super) async fn expire(lease: &Lease, ground: Ground<'_>) -> Result<String, Error> {
    let (site, services) = (ground.site, ground.services);
    for place in [lease.server, lease.client] {
        if !services.runs(place) {
            let service = &site.plan.services[place];
            let role = site.plan.node(&service.node).map(|node| node.role);
            let word = role.map_or_else(String::new, |role| service.word(role).to_string());
            return Err(Error::NotNow(format!(
                "`{}` has no lease now: service `{word}` of `{}` does not run",
                lease.end, service.node
            )));
        }
    }
    services.end(&[lease.client], Way::InOrder).await;
    services.end(&[lease.server], Way::InOrder).await;
    let forgotten = services.forget_lease(&site.plan, lease.server, lease.mac)?;
    services.start_these(&site.lab, &site.plan, &[lease.server, lease.client]).await?;
    let link = std::slice::from_ref(&lease.end.link);
    let has = addresses(site.lab.node(&lease.end.node), link).await?;
    let has: Vec<_> = has.iter().filter(|(_, net)| net.addr().is_ipv4()).map(|(_, net)| net.addr()).collect();
    let server = &site.plan.services[lease.server].node;
    let before = match forgotten {
        Some(address) => format!("{server} forgot that {} has {address}", lease.end),
        None => format!("{server} had given {} no address", lease.end),
    };
    Ok(match has.as_slice() {
        [] => format!("{before}; it was given none since"),
        [one, ..] => format!("{before}; it was given {one} since"),
    })
}

/// Has the clouds answer a name otherwise; one that nobody has must be said to be new.
pub(super) async fn move_name(
    (name, is_new): (&HostName, bool),
    to: Option<IpAddr>,
    ttl: Duration,
    clouds: &[NodeName],
    force: &mut Force,
    ground: Ground<'_>,
) -> Result<String, Error> {
    for cloud in clouds {
        tell(cloud, (name, is_new), to, ttl, ground).await?;
        // Already now: where the next one refuses, what this one says is mended all the same.
        if let Some(to) = to {
            force.moved.insert(name.clone(), (to, clouds.to_vec()));
        }
    }
    match to {
        Some(to) => Ok(format!("{name} is at {to}, for {} s each time it is asked for", ttl.as_secs())),
        None => {
            force.moved.remove(name);
            Ok(format!("{name} is where it was at first"))
        }
    }
}

pub(super) async fn move_all_back(force: &mut Force, ground: Ground<'_>) -> Result<(), Error> {
    for (name, (_, clouds)) in force.moved.clone() {
        // Whether it was new or not: what it was at first comes back.
        move_name((&name, true), None, Duration::ZERO, &clouds, force, ground).await?;
    }
    Ok(())
}

/// Has a node look a name up, and waits until its name server has answered.
pub(super) async fn have_it_asked(
    asker: &Asker,
    name: &HostName,
    to: Option<IpAddr>,
    ground: Ground<'_>,
) -> Result<(), Error> {
    let Asker { node, server, spelled } = asker;
    let text = spelled.as_ref().map_or(name.as_str(), SpelledName::as_str);
    let v6 = to.is_some_and(|to| to.is_ipv6());
    let asked = lookup::ask(ground.site.lab.node(node), *server, text, v6);
    match tokio::time::timeout(MOVED_WITHIN * ground.patience, asked).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Error::NotNow(format!("`{node}` cannot ask {server} for `{name}`: {error}"))),
        Err(_) => Err(Error::NotNow(format!("{server} does not answer `{node}`, which asks for `{name}`"))),
    }
}

/// Tells a cloud where a name is, and waits until it has taken note.
async fn tell(
    cloud: &NodeName,
    (name, is_new): (&HostName, bool),
    to: Option<IpAddr>,
    ttl: Duration,
    ground: Ground<'_>,
) -> Result<(), Error> {
    let plan = &ground.site.plan;
    let place = plan
        .services
        .iter()
        .position(|service| service.node == *cloud && matches!(service.kind, ServiceKind::Cloud { .. }));
    let place = place.filter(|place| ground.services.runs(*place));
    let place = place.ok_or_else(|| Error::NotNow(format!("`{cloud}` does not run")))?;
    let since = fake_facts::now();
    let order = match to {
        Some(to) => json!({ "move": name, "to": to, "ttl": ttl.as_secs(), "new": is_new }),
        None => json!({ "move": name, "new": is_new }),
    };
    let said = ground.services.say(place, &order.to_string()).await;
    said.map_err(|error| Error::NotNow(format!("`{cloud}` does not listen: {error}")))?;
    let answer = ground.services.board.wait_for(MOVED_WITHIN * ground.patience, |facts| {
        // Facts of several nodes come in any order of their times.
        facts.iter().rev().filter(|fact| fact.line.at >= since).find_map(|fact| match &fact.line.fact {
            _ if fact.node != *cloud => None,
            Fact::NameMoved { name: moved, .. } if moved == name.as_str() => Some(Ok(())),
            Fact::Failed { what, about: Some(about), error } if what == "move" && about == name.as_str() => {
                Some(Err(error.clone()))
            }
            _ => None,
        })
    });
    match answer.await {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(Error::NotNow(format!("`{cloud}` does not move `{name}`: {error}"))),
        None => Err(Error::NotNow(format!("`{cloud}` does not answer"))),
    }
}
