//! Whether the pictures of a session are decoded: all of them, none, or those of its turns.

use std::sync::Arc;
use std::time::Duration;

use fake_camera::clip::PICTURES;
use fake_camera::codec::Codec;

use super::Shared;
use super::decode::{Decoder, Error};
use super::turns::{Seat, Turn};

/// Frames that a turn lasts at least: with short groups, decoders would be started all the time.
const LEAST: u32 = PICTURES as u32;
/// Frames after which it ends although no picture stands alone: of a group without end, others would never have one. For as many
/// a turn is kept for whoever cannot take it.
const MOST: u32 = 10 * LEAST;

/// What decodes a session, and when.
pub(super) struct Decoding {
    codec: Codec,
    /// The decoder, and the turn that it has where there are turns.
    decoder: Option<(Decoder, Option<Turn>)>,
    /// Where there are turns.
    seat: Option<Seat>,
    /// Frames since the turn began, or since one was last asked for.
    frames: u32,
    /// What a decoder still has when its turn is over may take so long.
    farewell: Duration,
}

impl Decoding {
    /// Of a session that begins. What is not to be decoded has no decoder, and what is decoded in turns has none yet; but JPEG always
    /// has: of whose picture alone follows whose it is.
    ///
    /// Errors: a decoder does not start.
    pub(super) async fn begin(shared: &Arc<Shared>, codec: Codec, farewell: Duration) -> Result<Self, Error> {
        let decodes = shared.manners.decode || !codec.has_units();
        let seat = if codec.has_units() { shared.manners.turns.seat(shared.place) } else { None };
        let seat = seat.filter(|_| decodes);
        let decoder =
            if decodes && seat.is_none() { Some((start(shared, codec).await?, None)) } else { None };
        Ok(Self { codec, decoder, seat, frames: 0, farewell })
    }

    /// The next frame has come, `start` if it stands alone: a turn may be over, and one may begin.
    ///
    /// Errors: a decoder does not start.
    pub(super) async fn comes(&mut self, shared: &Arc<Shared>, start: bool) -> Result<(), Error> {
        let Some(seat) = &self.seat else { return Ok(()) };
        let (enough, too_much) = (self.frames >= LEAST, self.frames >= MOST);
        self.frames = self.frames.saturating_add(1);
        match &self.decoder {
            Some(_) if (start && enough || too_much) && seat.is_wanted() => self.end(),
            Some(_) => return Ok(()),
            None if too_much && !start => seat.waits_no_more(),
            None => {}
        }
        if start { self.ask(shared).await } else { Ok(()) }
    }

    async fn ask(&mut self, shared: &Arc<Shared>) -> Result<(), Error> {
        self.frames = 1;
        if let Some(turn) = self.seat.as_ref().and_then(Seat::turn) {
            // Whatever becomes of it, the turn is passed on.
            self.decoder = Some((start(shared, self.codec).await?, Some(turn)));
        }
        Ok(())
    }

    /// A turn is over; it is the next one's once the decoder has finished, beside the session.
    fn end(&mut self) {
        if let Some((decoder, turn)) = self.decoder.take() {
            let farewell = self.farewell;
            tokio::spawn(async move {
                decoder.finish(farewell).await;
                drop(turn);
            });
        }
    }

    /// The decoder, if the session is decoded now.
    pub(super) fn decoder(&mut self) -> Option<&mut Decoder> {
        self.decoder.as_mut().map(|(decoder, _)| decoder)
    }

    /// The session is over: lets the decoder finish what it has.
    pub(super) async fn finish(self) {
        if let Some((decoder, _turn)) = self.decoder {
            decoder.finish(self.farewell).await;
        }
    }
}

async fn start(shared: &Arc<Shared>, codec: Codec) -> Result<Decoder, Error> {
    let shared = Arc::clone(shared);
    let started = tokio::task::spawn_blocking(move || Decoder::start(&shared, codec)).await;
    started.expect("starting a decoder neither panics nor is cancelled")
}

#[cfg(test)]
mod tests;
