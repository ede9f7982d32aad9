//! Faults of nodes: services and whole nodes that end and are started again, rules, tracked connections.

use std::time::Duration;

use super::force::Force;
use super::{Error, Ground, links};
use crate::kernel::{Rules, conntrack, nft};
use crate::names::NodeName;
use crate::plan::Wiring;
use crate::plan::fault::{Plug, Running};
use crate::scenario::fault::End;
use crate::services::End as Way;

/// Power fails: nothing of the node gets out any more, not even a farewell.
pub(super) async fn kill(
    of: &Running,
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<String, Error> {
    if let Some(plugs) = &of.whole {
        power_off(&of.node, plugs, force, wiring, ground).await?;
    }
    end(of, Way::AtOnce, force, ground).await
}

/// It ends in good order: first what runs, then the links.
pub(super) async fn stop(
    of: &Running,
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<String, Error> {
    let said = end(of, Way::InOrder, force, ground).await?;
    if let Some(plugs) = &of.whole {
        power_off(&of.node, plugs, force, wiring, ground).await?;
    }
    Ok(said)
}

async fn end(of: &Running, how: Way, force: &mut Force, ground: Ground<'_>) -> Result<String, Error> {
    let ran = ground.services.end(&of.services, how).await;
    force.ended.extend(&of.services);
    let names: Vec<String> = ran.iter().map(|place| ground.services.name(*place)).collect();
    let what = if of.whole.is_some() { "is off" } else { "goes on" };
    Ok(match names.as_slice() {
        [] if of.whole.is_some() => format!("{} {what}; nothing ran in it", of.node),
        [] => format!("nothing of that ran in {}", of.node),
        names => format!("{} {what}; ended: {}", of.node, names.join(", ")),
    })
}

async fn power_off(
    node: &NodeName,
    plugs: &[Plug],
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<(), Error> {
    force.off.insert(node.clone());
    for plug in plugs {
        links::set_carrier(&plug.end, force, wiring, ground).await?;
    }
    Ok(())
}

pub(super) async fn restart(
    of: &Running,
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<String, Error> {
    ground.site.rises(false);
    ground.services.end(&of.services, Way::InOrder).await;
    if let Some(plugs) = &of.whole {
        power_off(&of.node, plugs, force, wiring, ground).await?;
        let ends: Vec<End> = plugs.iter().map(|plug| plug.end.clone()).collect();
        power_on((&of.node, of.gap), &ends, force, wiring, ground).await?;
    }
    let started = start(&of.services, force, ground).await;
    ground.site.rises(false);
    started?;
    let names: Vec<String> = of.services.iter().map(|place| ground.services.name(*place)).collect();
    Ok(match names.as_slice() {
        [] => format!("{} is up again", of.node),
        names => format!("{} is up again, and ready: {}", of.node, names.join(", ")),
    })
}

/// Starts services; from here on they are missed again if they end.
async fn start(places: &[usize], force: &mut Force, ground: Ground<'_>) -> Result<(), Error> {
    let site = ground.site;
    ground.services.start_these(&site.lab, &site.plan, places).await?;
    for place in places {
        force.ended.remove(place);
        let service = &site.plan.services[*place];
        // What a cloud was told while it ran is gone.
        force.moved.retain(|_, (_, clouds)| !clouds.contains(&service.node));
    }
    Ok(())
}

/// The node's kernel begins anew, then its links have a carrier again. With a gap they have it before its rules are loaded.
async fn power_on(
    (node, gap): (&NodeName, Option<Duration>),
    ends: &[End],
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<(), Error> {
    let site = ground.site;
    let Some(planned) = site.plan.node(node) else { return Ok(()) };
    force.rules.remove(node);
    let key = instrument(node, ground);
    let rules = gap.map_or(Rules::First(ground.folder, key), |_| Rules::Later(key));
    site.lab.restart(planned, wiring, rules).await?;
    force.off.remove(node);
    let rise = async {
        for end in ends {
            links::set_carrier(end, force, wiring, ground).await?;
        }
        site.rises(true);
        if let (Some(gap), Some(own)) = (gap, &planned.ruleset) {
            tokio::time::sleep(gap).await;
            nft::replace(site.lab.node(node), node, ground.folder, own, key).await?;
        }
        Ok(())
    };
    let risen = rise.await;
    if risen.is_err() {
        // So that mending starts it anew, with its rules.
        site.rises(false);
        force.off.insert(node.clone());
    }
    risen
}

/// Everything that is off or has ended is started again.
pub(super) async fn restart_all(
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<(), Error> {
    for node in force.off.clone() {
        let ends: Vec<End> = wiring
            .of(&node)
            .flat_map(|cable| &cable.carries)
            .map(|(link, _)| End {
                node: node.clone(),
                link: link.trunk.clone().unwrap_or_else(|| link.name.clone()),
            })
            .collect();
        let on = power_on((&node, None), &ends, force, wiring, ground).await;
        ground.site.rises(false);
        on?;
    }
    let ended: Vec<usize> = force.ended.iter().copied().collect();
    start(&ended, force, ground).await
}

/// The key that marks our probes, for a node that is judged behind its own filter.
fn instrument(node: &NodeName, ground: Ground<'_>) -> Option<u32> {
    ground.site.plan.judges_behind(node).then_some(ground.site.key)
}

pub(super) async fn reload(
    node: &NodeName,
    file: &str,
    gap: Option<Duration>,
    force: &mut Force,
    ground: Ground<'_>,
) -> Result<String, Error> {
    let site = ground.site;
    let own = site.plan.node(node).and_then(|node| node.ruleset.as_deref()).unwrap_or(file);
    if !ground.folder.join(file).is_file() {
        return Err(Error::NotNow(format!("the scenario's folder has no file `{file}`")));
    }
    let (namespace, key) = (site.lab.node(node), instrument(node, ground));
    let before = force.rules.get(node).cloned().unwrap_or_else(|| own.to_owned());
    if let Some(gap) = gap {
        nft::strip(namespace, key).await?;
        tokio::time::sleep(gap).await;
    }
    if let Err(error) = nft::replace(namespace, node, ground.folder, file, key).await {
        // One that is refused for what it would do to us has been loaded.
        nft::replace(namespace, node, ground.folder, &before, key).await?;
        return Err(error.into());
    }
    if file == own {
        force.rules.remove(node);
    } else {
        force.rules.insert(node.clone(), file.to_owned());
    }
    Ok(match file == before {
        true if gap.is_some() => format!("{node} was without rules, then has loaded {file} anew"),
        true => format!("{node} has loaded {file} anew"),
        false => format!("{node} has loaded {file} in the place of {before}"),
    })
}

/// A rule file that nft must refuse is loaded: the rules stay as they were.
///
/// Errors: `Taken` where they do not; they are in force until they are mended.
pub(super) async fn refuse(
    node: &NodeName,
    file: &str,
    force: &mut Force,
    ground: Ground<'_>,
) -> Result<String, Error> {
    if !ground.folder.join(file).is_file() {
        return Err(Error::NotNow(format!("the scenario's folder has no file `{file}`")));
    }
    let (namespace, key) = (ground.site.lab.node(node), instrument(node, ground));
    let before = nft::list_without_state(namespace).await?;
    let loaded = nft::replace(namespace, node, ground.folder, file, key).await;
    let is_same = nft::list_without_state(namespace).await? == before;
    match &loaded {
        Err(error) if is_same && nft::is_refusal(error) => {
            return Ok(format!("{node} has refused {file}, and has the rules that it had"));
        }
        Err(error) if is_same => {
            return Err(Error::NotNow(format!("{node} was not asked whether it takes {file}: {error}")));
        }
        _ => {}
    }
    force.rules.insert(node.clone(), file.to_owned());
    Err(Error::Taken(match loaded {
        Ok(()) => format!("{node} has loaded {file}, which was to be refused"),
        Err(error) => format!("{node} has refused {file}, and has other rules than before: {error}"),
    }))
}

/// The table of connections is filled, and kept full until it is mended.
///
/// Errors: `NotNow` where it takes more than is tried.
pub(super) async fn fill_state(
    node: &NodeName,
    force: &mut Force,
    ground: Ground<'_>,
) -> Result<String, Error> {
    if force.filled.contains_key(node) {
        return Err(Error::NotNow(format!("the table of {node} is full already")));
    }
    let (filled, full) = conntrack::Filled::fill(ground.site.lab.node(node)).await?;
    if !full.is_so() {
        filled.empty().await?;
        return Err(Error::NotNow(not_full(node, full)));
    }
    force.filled.insert(node.clone(), filled);
    Ok(format!("{node} tracks {} connections of {} that it may", full.tracked, full.most))
}

/// What tables were filled with is taken away; what they had no room for meanwhile. Whoever relied on their being full until now is told
/// if they were not.
pub(super) async fn empty_state(force: &mut Force) -> Result<Vec<String>, Error> {
    let (mut said, mut not_all_along) = (Vec::new(), None);
    for (node, filled) in std::mem::take(&mut force.filled) {
        let conntrack::Emptied { full, no_room } = filled.empty().await?;
        not_all_along = not_all_along.or_else(|| (!full.is_so()).then(|| not_full(&node, full)));
        force.no_room = no_room.map(|packets| packets + force.no_room.unwrap_or(0));
        said.extend(no_room.map(|packets| format!("{node} had no room for {packets} packets")));
    }
    not_all_along.map_or(Ok(said), |words| Err(Error::NotNow(words)))
}

fn not_full(node: &NodeName, full: conntrack::Full) -> String {
    format!(
        "{node} tracked {} connections of {} that it may: its table was not full",
        full.tracked, full.most
    )
}

pub(super) fn clear_state(node: &NodeName, ground: Ground<'_>) -> Result<String, Error> {
    match conntrack::forget(ground.site.lab.node(node))? {
        1 => Ok(format!("{node} forgot 1 connection")),
        many => Ok(format!("{node} forgot {many} connections")),
    }
}
