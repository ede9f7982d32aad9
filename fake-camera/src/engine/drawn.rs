//! What a camera draws, wrong pictures among them.

use super::caption::{self, Counted};
use super::pattern::Pattern;
use super::{Camera, Misbehaviour, Origin, Size, Stream};
use crate::clip::PICTURES;

/// Pictures of one stream, by the frames that show them.
pub(super) struct Drawn {
    own: Shots,
    /// The camera with the next number, of which some frames show pictures.
    stranger: Option<Shots>,
    wrong: Misbehaviour,
    counted: Counted,
    size: Size,
}

/// Pictures of one camera, with its name on them.
struct Shots {
    pattern: Pattern,
    name: String,
}

impl Drawn {
    pub(super) fn new(camera: &Camera, stream: &Stream) -> Self {
        let wrong = camera.misbehaviour.clone();
        let of = |id: u32, name: String| Shots {
            pattern: Pattern::new(id, camera.noise, stream.size, PICTURES),
            name,
        };
        let stranger = (!wrong.shows_stranger.is_empty()).then(|| {
            let id = camera.id.wrapping_add(1);
            of(id, Camera::name_of(id))
        });
        let counted = match &stream.origin {
            Origin::Live => Counted::Live { clock_offset: camera.hostility.clock_offset },
            Origin::Drawn | Origin::Recorded(_) => Counted::Repeated { fps: stream.fps },
        };
        Self { own: of(camera.id, camera.name.clone()), stranger, wrong, counted, size: stream.size }
    }

    /// What frame `number` should show: I420 with rows as long as the picture is wide.
    pub(super) fn right(&self, number: u64) -> Vec<u8> {
        self.shot(&self.own, number)
    }

    /// What frame `number` shows.
    pub(super) fn picture(&self, number: u64) -> Vec<u8> {
        let shown = if self.wrong.shows_next.contains(&number) { number + 1 } else { number };
        let stranger = self.stranger.as_ref().filter(|_| self.wrong.shows_stranger.contains(&number));
        self.shot(stranger.unwrap_or(&self.own), shown)
    }

    /// The same for all frames that should show the same.
    pub(super) fn alike(&self, number: u64) -> u64 {
        match self.counted {
            Counted::Repeated { .. } => index(number).into(),
            Counted::Live { .. } => number,
        }
    }

    fn shot(&self, Shots { pattern, name }: &Shots, number: u64) -> Vec<u8> {
        let mut i420 = pattern.picture(index(number));
        caption::draw(&mut i420, self.size, [name, &self.counted.line(number)]);
        i420
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::identity::PictureCode;

    fn drawn(name: &str, origin: Origin, misbehaviour: Misbehaviour) -> Drawn {
        let (path, codec, size) = ("/s".into(), Codec::H264, "640x360".parse().unwrap());
        let stream = Stream { path, origin, codec, size, fps: 15, keep: None };
        let camera = Camera::new(7, 1, vec![stream.clone()]);
        Drawn::new(&Camera { name: name.into(), misbehaviour, ..camera }, &stream)
    }

    fn clip(name: &str) -> Drawn {
        drawn(name, Origin::Drawn, Misbehaviour::default())
    }

    /// Rows in which two pictures differ, the chroma's after the luma's.
    fn differing(one: &[u8], other: &[u8]) -> Vec<usize> {
        let rows = one.chunks_exact(640).zip(other.chunks_exact(640)).enumerate();
        rows.filter(|(_, (one, other))| one != other).map(|(row, _)| row).collect()
    }

    #[test]
    fn another_name_changes_nothing_but_the_box() {
        let (gate, hall) = (clip("gate").right(3), clip("hall, second floor").right(3));
        let rows = differing(&gate, &hall);
        // The box of 48 rows; its first line has the name.
        assert!(!rows.is_empty() && rows.iter().all(|row| (312..360).contains(row)), "{rows:?}");
        // Beside the box, both are the pattern's.
        let beside =
            |picture: &[u8]| picture.chunks_exact(640).map(|row| row[400..].to_vec()).collect::<Vec<_>>();
        assert_eq!(beside(&gate), beside(&hall));
        let bare = Pattern::new(7, 0, "640x360".parse().unwrap(), PICTURES).picture(3);
        assert_eq!(differing(&gate, &bare), (312..360).collect::<Vec<_>>());
    }

    #[test]
    fn pictures_of_a_clip_come_again_and_live_ones_do_not() {
        let gate = clip("gate");
        assert_eq!(gate.right(3), gate.right(33));
        assert_eq!(gate.alike(3), gate.alike(33));
        let live = drawn("gate", Origin::Live, Misbehaviour::default());
        assert_eq!(live.alike(33), 33);
        let rows = differing(&live.right(3), &live.right(33));
        assert!(!rows.is_empty() && rows.iter().all(|row| (312..360).contains(row)), "{rows:?}");
    }

    #[test]
    fn a_wrong_picture_has_the_words_of_what_it_shows() {
        let wrong =
            Misbehaviour { shows_next: [4].into(), shows_stranger: [6].into(), ..Misbehaviour::default() };
        let drawn = drawn("gate", Origin::Drawn, wrong);
        assert_eq!(drawn.picture(4), drawn.right(5));
        let stranger = drawn.picture(6);
        let code = PictureCode::read(&stranger, 640, 640);
        assert_eq!(code, Some(PictureCode { camera: 8, index: 6 }));
        let mut named = Pattern::new(8, 0, "640x360".parse().unwrap(), PICTURES).picture(6);
        caption::draw(&mut named, drawn.size, ["camera 8", "picture 06 of 30, 0.400 s"]);
        assert_eq!(stranger, named);
    }
}
