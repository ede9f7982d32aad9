//! What a camera does wrong, as written → as it is told.

use super::super::leaf::Whole;
use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::Misbehaves;
use super::super::raw;
use super::super::shape::{At, OneOrMany, Slot};
use super::or;

/// Nothing, unless it is written. A camera with a command of its own is not told anything.
pub(super) fn misbehaves(
    raw: &raw::Camera,
    at: &At<crate::names::NodeName>,
    out: &mut Mistakes,
) -> Misbehaves {
    let Some(written) = raw.misbehaves.good() else { return Misbehaves::default() };
    if !raw.run.is_absent() {
        let title = "a camera with a command of its own cannot be told to misbehave";
        out.push(Mistake::error(title, at.spot, "it has `run` and `misbehaves`"));
    }
    let late = written.late.good();
    Misbehaves {
        leaves_out: frames(&written.leaves_out),
        repeats: frames(&written.repeats),
        swaps: frames(&written.swaps),
        shows_next: frames(&written.shows_next),
        shows_stranger: frames(&written.shows_stranger),
        late: late.and_then(|late| Some((or(&late.from_frame, Whole(1)).0, late.by.good()?.value.0))),
    }
}

fn frames(written: &Slot<OneOrMany<At<raw::FrameNumber>>>) -> Vec<u64> {
    written.good().map(|frames| frames.0.iter().map(|frame| frame.value.0).collect()).unwrap_or_default()
}
