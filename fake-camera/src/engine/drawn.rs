//! What a camera draws, wrong pictures among them.

use super::pattern::Pattern;
use super::{Camera, Misbehaviour, Stream};
use crate::clip::PICTURES;

/// Pictures of one stream, by the frames that show them.
pub(super) struct Drawn {
    own: Pattern,
    /// The camera with the next number, of which some frames show pictures.
    stranger: Option<Pattern>,
    wrong: Misbehaviour,
}

impl Drawn {
    pub(super) fn new(camera: &Camera, stream: &Stream) -> Self {
        let wrong = camera.misbehaviour.clone();
        let of = |id: u32| Pattern::new(id, camera.noise, stream.size, PICTURES);
        let stranger = (!wrong.shows_stranger.is_empty()).then(|| of(camera.id.wrapping_add(1)));
        Self { own: of(camera.id), stranger, wrong }
    }

    /// What frame `number` should show: I420 with rows as long as the picture is wide.
    pub(super) fn right(&self, number: u64) -> Vec<u8> {
        self.own.picture(index(number))
    }

    /// What frame `number` shows.
    pub(super) fn picture(&self, number: u64) -> Vec<u8> {
        let shown = if self.wrong.shows_next.contains(&number) { number + 1 } else { number };
        let stranger = self.stranger.as_ref().filter(|_| self.wrong.shows_stranger.contains(&number));
        stranger.unwrap_or(&self.own).picture(index(shown))
    }
}

fn index(number: u64) -> u16 {
    (number % u64::from(PICTURES)) as u16
}

impl std::fmt::Debug for Drawn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Drawn").field("wrong", &self.wrong).finish_non_exhaustive()
    }
}
