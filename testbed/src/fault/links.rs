//! Faults of links: cut and healed, swapped, flapping, slow, lossy.

use std::time::Duration;

use super::force::Force;
use super::{Error, Ground};
use crate::kernel::shaping::Shaping;
use crate::plan::fault::Plug;
use crate::plan::{Cable, Wiring};
use crate::scenario::fault::{BitRate, End, Impairment};

/// The cables of a link or trunk: several for a trunk where VLANs are bridges of their own.
fn cables<'w, 'p>(end: &'w End, wiring: &'w Wiring<'p>) -> Vec<&'w Cable<'p>> {
    let is_it = |cable: &&Cable<'_>| {
        let carries = |link: &crate::plan::Link| {
            link.name == end.link && link.trunk.is_none() || link.trunk.as_ref() == Some(&end.link)
        };
        cable.carries.iter().any(|(link, _)| carries(link))
    };
    wiring.of(&end.node).filter(is_it).collect()
}

/// Gives a link the carrier that it has by all that is in force.
pub(super) async fn set_carrier(
    end: &End,
    force: &Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<(), Error> {
    for cable in cables(end, wiring) {
        ground.site.lab.set_carrier(cable, force.has_carrier(end)).await?;
    }
    Ok(())
}

/// One after the other, in the order in which they are named.
pub(super) async fn cut_all(
    plugs: &[Plug],
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<String, Error> {
    let mut said = Vec::new();
    for plug in plugs {
        said.push(cut(plug, force, wiring, ground).await?);
    }
    Ok(said.join(", "))
}

async fn cut(
    plug: &Plug,
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<String, Error> {
    let end = &plug.end;
    if !force.cut.insert(end.clone()) {
        return Ok(format!("{end} was cut already"));
    }
    set_carrier(end, force, wiring, ground).await?;
    Ok(format!("{end} has no carrier"))
}

/// One after the other, in the order in which they are named.
pub(super) async fn heal_all(
    plugs: &[Plug],
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<String, Error> {
    let mut said = Vec::new();
    for plug in plugs {
        said.push(heal(&plug.end, force, wiring, ground).await?);
    }
    Ok(said.join(", "))
}

pub(super) async fn heal(
    end: &End,
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<String, Error> {
    let mut mended = Vec::new();
    if force.shaped.remove(end).is_some() {
        shape(end, None, wiring, ground).await?;
        mended.push("lets everything through");
    }
    let was_cut = force.cut.remove(end);
    if force.sockets.remove(end).is_some() {
        plug_in(end, force, wiring, ground).await?;
        mended.push("is in its own place");
    }
    if was_cut {
        set_carrier(end, force, wiring, ground).await?;
        mended.push("has its carrier back");
    }
    if !force.has_carrier(end) {
        mended.push("has a carrier once its node is started again");
    }
    Ok(match mended.as_slice() {
        [] => format!("{end} was whole already"),
        mended => format!("{end} {}", mended.join(", ")),
    })
}

/// Puts a cable into the socket that is noted for it.
async fn plug_in(end: &End, force: &Force, wiring: &Wiring<'_>, ground: Ground<'_>) -> Result<(), Error> {
    let sockets = cables(force.socket(end), wiring);
    for (cable, socket) in cables(end, wiring).into_iter().zip(sockets) {
        ground.site.lab.plug_in(cable, socket, force.has_carrier(end)).await?;
    }
    Ok(())
}

pub(super) async fn swap(
    one: &Plug,
    other: &Plug,
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<String, Error> {
    let (one, other) = (&one.end, &other.end);
    let (first, second) = (force.socket(one).clone(), force.socket(other).clone());
    force.plug(one, second);
    force.plug(other, first);
    plug_in(one, force, wiring, ground).await?;
    plug_in(other, force, wiring, ground).await?;
    Ok(format!("{one} is where {other} was, and {other} where {one} was"))
}

pub(super) async fn flap(
    plug: &Plug,
    times: u32,
    every: Duration,
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<String, Error> {
    let end = &plug.end;
    if !force.has_carrier(end) {
        return Err(Error::NotNow(format!("`{end}` has no carrier that it could lose: heal it first")));
    }
    let mut half = tokio::time::interval(every / 2);
    for _ in 0..times {
        half.tick().await;
        force.cut.insert(end.clone());
        set_carrier(end, force, wiring, ground).await?;
        half.tick().await;
        force.cut.remove(end);
        set_carrier(end, force, wiring, ground).await?;
    }
    let what = if times == 1 { "once" } else { "each time" };
    Ok(format!("{end} lost its carrier {times}× and got it back {what}"))
}

pub(super) async fn rate(
    plug: &Plug,
    at: BitRate,
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<String, Error> {
    bend(&plug.end, Shaping::Rate(at), force, wiring, ground).await?;
    Ok(format!("{} lets {at} a second through, each way", plug.end))
}

pub(super) async fn impair(
    plug: &Plug,
    how: &Impairment,
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<String, Error> {
    bend(&plug.end, Shaping::Impair(*how), force, wiring, ground).await?;
    Ok(format!("{} impairs frames, each way:{how}", plug.end))
}

/// Shapes a link in the place of what shaped it before.
async fn bend(
    end: &End,
    shaping: Shaping,
    force: &mut Force,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<(), Error> {
    force.shaped.insert(end.clone(), shaping);
    shape(end, Some(&shaping), wiring, ground).await
}

async fn shape(
    end: &End,
    shaping: Option<&Shaping>,
    wiring: &Wiring<'_>,
    ground: Ground<'_>,
) -> Result<(), Error> {
    for cable in cables(end, wiring) {
        ground.site.lab.shape(cable, shaping).await?;
    }
    Ok(())
}
