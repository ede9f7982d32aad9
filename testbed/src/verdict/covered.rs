//! Of a negative that covers everything: where all of it went, and where cells alone.

use crate::observation::AimSeen;

use super::CoveredSeen;
use super::wording::counted;

/// Each aim, in the order in which they were sent; nothing where everything went nowhere and nothing to everybody.
pub(super) fn covered(tried: &[&AimSeen]) -> Vec<CoveredSeen> {
    if !tried.iter().any(|seen| seen.aim.is_whole() || seen.aim.everybody.is_some()) {
        return Vec::new();
    }
    let of = |seen: &&AimSeen| CoveredSeen {
        from: seen.aim.from.clone(),
        to: seen.aim.to.clone(),
        address: seen.aim.address,
        passing_for: seen.aim.forged.as_ref().map(|forged| forged.node.clone()),
        everybody_in: seen
            .aim
            .everybody
            .as_ref()
            .filter(|one| !one.alone)
            .map(|_| seen.aim.target_segment.clone()),
        frames: seen.aim.is_frames(),
        everything: seen.aim.is_whole(),
        packets: seen.kinds.iter().map(|kind| kind.planned).sum(),
    };
    tried.iter().map(of).collect()
}

/// `everything at 3 addresses, the list and cells at 2 addresses more, at 4 addresses of everybody and from 1 forged source,
/// frames without IP to 1 neighbour`; empty where nothing is told apart.
pub(super) fn summary(covered: &[CoveredSeen]) -> String {
    let count = |of: fn(&CoveredSeen) -> bool| covered.iter().filter(|one| of(one)).count();
    let everything = count(|one| one.everything);
    let is_further = |one: &CoveredSeen| {
        !one.everything && !one.frames && one.passing_for.is_none() && one.everybody_in.is_none()
    };
    let further = count(is_further);
    let everybody = count(|one| one.everybody_in.is_some() && one.passing_for.is_none());
    let forged = count(|one| one.passing_for.is_some());
    let less = [
        (further > 0).then(|| format!("at {} more", counted(further, "address"))),
        (everybody > 0).then(|| format!("at {} of everybody", counted(everybody, "address"))),
        (forged > 0).then(|| format!("from {}", counted(forged, "forged source"))),
    ];
    let less: Vec<String> = less.into_iter().flatten().collect();
    let everything = (everything > 0).then(|| format!("everything at {}", counted(everything, "address")));
    let less = (!less.is_empty()).then(|| format!("the list and cells {}", less.join(" and ")));
    let frames = count(|one| one.frames);
    let frames = (frames > 0).then(|| format!("frames without IP to {}", counted(frames, "neighbour")));
    everything.into_iter().chain(less).chain(frames).collect::<Vec<_>>().join(", ")
}
