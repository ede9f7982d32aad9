//! A body on its way into the store: counted, and held against the hash that was signed.
//!
//! Whoever reads it sees an error in place of its end, so that nothing is stored; what was wrong is told to us, since
//! the store would call it an error of its own.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::http::request::Parts;
use sha2::{Digest, Sha256};

use super::framing::Framing;
use crate::answer::Failure;
use crate::sigv4;

/// The code for a body that is not the one that was signed.
pub(crate) const OTHER_BODY: &str = "XAmzContentSHA256Mismatch";

/// What was wrong with a body, once that is known.
pub(super) type Fault = Arc<OnceLock<Failure>>;

/// A body that is looked at while it is read.
pub(super) struct Upload<B = Incoming> {
    body: B,
    left: u64,
    hash: Option<(Sha256, String)>,
    framing: Option<Framing>,
    fault: Fault,
}

impl<B> Upload<B> {
    /// `body` belongs to the request with this head and has at most `limit` bytes.
    pub(super) fn new(parts: &Parts, body: B, limit: u64) -> (Self, Fault) {
        let fault = Fault::default();
        let hash = sigv4::signed_hash(parts).map(|hash| (Sha256::new(), hash.to_owned()));
        let framing = sigv4::is_stream(parts).then(Framing::new);
        (Self { body, left: limit, hash, framing, fault: fault.clone() }, fault)
    }

    fn take(&mut self, data: &[u8]) -> Result<(), Failure> {
        let size = data.len() as u64;
        self.left = self.left.checked_sub(size).ok_or_else(too_large)?;
        if let Some((hash, _)) = &mut self.hash {
            hash.update(data);
        }
        match &mut self.framing {
            Some(framing) => framing.take(data).map_err(|_| incomplete("a chunk has no size")),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), Failure> {
        if self.framing.take().is_some_and(|framing| !framing.is_over()) {
            return Err(incomplete("the last chunk has not come"));
        }
        let Some((hash, signed)) = self.hash.take() else { return Ok(()) };
        if hex::encode(hash.finalize()) == signed {
            return Ok(());
        }
        Err(Failure::new(400, OTHER_BODY, "the body's hash is not the one that was signed"))
    }

    fn fail<T>(&mut self, failure: Failure) -> Poll<Option<Result<T, BoxError>>> {
        let message = failure.code;
        // The first thing wrong is told.
        let _ = self.fault.set(failure);
        Poll::Ready(Some(Err(message.into())))
    }
}

/// An object is larger than this cloud takes.
fn too_large() -> Failure {
    Failure::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
}

fn incomplete(why: impl Into<String>) -> Failure {
    Failure::new(400, "IncompleteBody", why)
}

/// Refuses a body that announces more than `limit` bytes: it is not waited for.
pub(super) fn check_announced(body: &Incoming, limit: u64) -> Result<(), Failure> {
    if body.size_hint().lower() > limit { Err(too_large()) } else { Ok(()) }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<B> Body for Upload<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(context)) else {
            return match this.end() {
                Ok(()) => Poll::Ready(None),
                Err(failure) => this.fail(failure),
            };
        };
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                let told = error.into().to_string();
                return this.fail(incomplete(told));
            }
        };
        if let Some(data) = frame.data_ref()
            && let Err(failure) = this.take(data)
        {
            return this.fail(failure);
        }
        // A reader that knows the length may stop here.
        if this.body.is_end_stream()
            && let Err(failure) = this.end()
        {
            return this.fail(failure);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.hash.is_none() && self.framing.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};
    use hyper::Request;

    use super::*;

    async fn read(hash: &str, limit: u64) -> Result<Bytes, &'static str> {
        let (parts, ()) =
            Request::put("/k").header("x-amz-content-sha256", hash).body(()).unwrap().into_parts();
        let (upload, fault) = Upload::new(&parts, Full::new(Bytes::from_static(b"abc")), limit);
        let read = upload.collect().await;
        let fault = fault.get().map(|failure| failure.code);
        assert_eq!(read.is_err(), fault.is_some());
        read.map(|body| body.to_bytes()).map_err(|_| fault.unwrap())
    }

    #[tokio::test]
    async fn only_the_body_that_was_signed_is_read_to_its_end() {
        // SHA-256 of "abc" (FIPS 180-4, example B.1).
        let right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(read(right, 3).await.unwrap(), "abc");
        assert_eq!(read(&right.replace('b', "c"), 3).await, Err("XAmzContentSHA256Mismatch"));
        assert_eq!(read(right, 2).await, Err("EntityTooLarge"));
        assert_eq!(read("UNSIGNED-PAYLOAD", 3).await.unwrap(), "abc");
        assert_eq!(read("STREAMING-UNSIGNED-PAYLOAD-TRAILER", 3).await, Err("IncompleteBody"));
    }
}
