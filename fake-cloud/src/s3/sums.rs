//! Checksums of an upload, held against those that came with it before the upload is kept.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::Stream;
use hyper::HeaderMap;
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::dto::{Checksum, PutObjectInput, StreamingBlob, UploadPartInput};
use s3s::{S3Error, S3ErrorCode, S3Request, TrailingHeaders};

/// Headers and trailers with a checksum.
const NAMES: [&str; 5] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];

/// What an upload must come to.
#[derive(Default)]
pub(super) struct Sums {
    /// In the order of [`NAMES`].
    wanted: [Option<String>; 5],
    /// Names that are announced to follow the body.
    announced: String,
    trailers: Option<TrailingHeaders>,
    md5: Option<String>,
}

impl Sums {
    pub(super) fn wanted_of_object(request: &S3Request<PutObjectInput>) -> Self {
        Self::wanted(&request.headers, request.input.content_md5.clone(), request.trailing_headers.clone())
    }

    pub(super) fn wanted_of_part(request: &S3Request<UploadPartInput>) -> Self {
        Self::wanted(&request.headers, request.input.content_md5.clone(), request.trailing_headers.clone())
    }

    fn wanted(headers: &HeaderMap, md5: Option<String>, trailers: Option<TrailingHeaders>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let announced = text("x-amz-trailer").unwrap_or_default().to_ascii_lowercase();
        Self { wanted: NAMES.map(text), announced, trailers, md5 }
    }

    /// What is to be computed.
    fn hasher(&self) -> ChecksumHasher {
        let asked = |at: usize| {
            let announced = self.announced.split(',').any(|name| name.trim() == NAMES[at]);
            self.wanted[at].is_some() || announced
        };
        ChecksumHasher {
            crc32: asked(0).then(Default::default),
            crc32c: asked(1).then(Default::default),
            crc64nvme: asked(2).then(Default::default),
            sha1: asked(3).then(Default::default),
            sha256: asked(4).then(Default::default),
        }
    }

    /// Whether it came to that.
    fn agree(&self, found: Checksum, md5: Option<Md5>) -> bool {
        let found = [
            found.checksum_crc32,
            found.checksum_crc32c,
            found.checksum_crc64nvme,
            found.checksum_sha1,
            found.checksum_sha256,
        ];
        let right = |(at, found): (usize, &Option<String>)| {
            let trailer =
                self.trailers.as_ref().and_then(|trailers| trailers.read(|all| text(all, NAMES[at]))?);
            let wanted = [self.wanted[at].clone(), trailer];
            wanted.into_iter().flatten().all(|wanted| found.as_ref() == Some(&wanted))
        };
        let md5 = md5.map(|md5| BASE64.encode(md5.finalize()));
        found.iter().enumerate().all(right) && md5.is_none_or(|md5| self.md5.as_ref() == Some(&md5))
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Why a body was not read to its end.
#[derive(Clone, Default)]
pub(super) struct Fault(Arc<OnceLock<S3ErrorCode>>);

impl Fault {
    /// What the store calls an error of its own is told by what was wrong.
    pub(super) fn name(&self, error: S3Error) -> S3Error {
        match self.0.get() {
            Some(code) => S3Error::with_message(code.clone(), "what was sent is not what it was said to be"),
            None => error,
        }
    }
}

/// A body that ends with an error unless it comes to what is wanted.
pub(super) fn check(body: Option<StreamingBlob>, sums: Sums) -> (Option<StreamingBlob>, Fault) {
    let fault = Fault::default();
    let checked = body.map(|body| {
        let hasher = Some((sums.hasher(), sums.md5.is_some().then(Md5::new)));
        StreamingBlob::wrap(Checked { body, hasher, sums, fault: fault.clone() })
    });
    (checked, fault)
}

struct Checked {
    body: StreamingBlob,
    /// None once the end was reached.
    hasher: Option<(ChecksumHasher, Option<Md5>)>,
    sums: Sums,
    fault: Fault,
}

/// The end of a body that is not to be kept.
#[derive(Debug, thiserror::Error)]
#[error("the upload is not to be kept: {0}")]
struct Broken(String);

impl Checked {
    fn fail(&self, code: S3ErrorCode, why: impl ToString) -> Poll<Option<Result<Bytes, Broken>>> {
        // The first thing wrong is told.
        let _ = self.fault.0.set(code);
        Poll::Ready(Some(Err(Broken(why.to_string()))))
    }
}

impl Stream for Checked {
    type Item = Result<Bytes, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match ready!(Pin::new(&mut self.body).poll_next(context)) {
            Some(Ok(bytes)) => {
                if let Some((hasher, md5)) = &mut self.hasher {
                    hasher.update(&bytes);
                    md5.iter_mut().for_each(|md5| md5.update(&bytes));
                }
                Poll::Ready(Some(Ok(bytes)))
            }
            // The library's word for a chunk that was not signed as it says.
            Some(Err(error)) if error.to_string().contains("SignatureMismatch") => {
                self.fail(S3ErrorCode::SignatureDoesNotMatch, error)
            }
            Some(Err(error)) => self.fail(S3ErrorCode::IncompleteBody, error),
            None => {
                let agreed =
                    self.hasher.take().is_none_or(|(hasher, md5)| self.sums.agree(hasher.finalize(), md5));
                if agreed { Poll::Ready(None) } else { self.fail(S3ErrorCode::BadDigest, "checksum") }
            }
        }
    }
}
