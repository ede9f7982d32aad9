//! The object store: files of the library's, and what it does otherwise than S3.
//!
//! It keeps an upload before it has looked at its checksum, and looks at none of a part; it keeps `aws-chunked` as if that
//! were the object's encoding; it binds an upload in parts to an access key, which a session changes; it lists parts in
//! any order, and says that it denies what does not exist.

use std::path::PathBuf;

use s3s::dto::*;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use s3s_fs::FileSystem;

use super::sums::{Sums, check};

type Answer<T> = S3Result<S3Response<T>>;

/// What is kept below a folder.
pub(super) struct Store {
    files: FileSystem,
    root: PathBuf,
}

impl Store {
    /// The store below `root`, a folder that exists.
    pub(super) fn open(root: PathBuf) -> Result<Self, s3s_fs::Error> {
        Ok(Self { files: FileSystem::new(&root)?, root })
    }

    /// Whether an upload in parts has begun and not ended.
    fn check_upload(&self, id: &str) -> S3Result<()> {
        // Ids have the alphabet of UUIDs: nothing else gets into a path.
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if is_id && self.root.join(format!(".upload-{id}.json")).is_file() {
            return Ok(());
        }
        Err(s3s::s3_error!(NoSuchUpload, "The specified upload does not exist."))
    }
}

/// A request whose key is not remembered: uploads in parts belong to the account.
fn anybodys<T>(mut request: S3Request<T>) -> S3Request<T> {
    request.credentials = None;
    request
}

/// The encoding without that of the way here.
fn encoding_to_keep(encoding: Option<String>) -> Option<String> {
    let encoding = encoding?;
    let kept: Vec<&str> =
        encoding.split(',').map(str::trim).filter(|one| !one.eq_ignore_ascii_case("aws-chunked")).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

#[async_trait::async_trait]
impl S3 for Store {
    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        let ours = |error: S3Error| match error.code() {
            S3ErrorCode::BucketAlreadyExists => S3Error::new(S3ErrorCode::BucketAlreadyOwnedByYou),
            _ => error,
        };
        self.files.create_bucket(request).await.map_err(ours)
    }

    async fn put_object(&self, mut request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let wanted = Sums::wanted_of_object(&request);
        let input = &mut request.input;
        input.content_encoding = encoding_to_keep(input.content_encoding.take());
        let (body, fault) = check(input.body.take(), wanted);
        input.body = body;
        self.files.put_object(request).await.map_err(|error| fault.name(error))
    }

    async fn create_multipart_upload(
        &self,
        mut request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let input = &mut request.input;
        input.content_encoding = encoding_to_keep(input.content_encoding.take());
        self.files.create_multipart_upload(anybodys(request)).await
    }

    async fn upload_part(&self, mut request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        self.check_upload(&request.input.upload_id)?;
        let (body, fault) = check(request.input.body.take(), Sums::wanted_of_part(&request));
        request.input.body = body;
        self.files.upload_part(anybodys(request)).await.map_err(|error| fault.name(error))
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> Answer<UploadPartCopyOutput> {
        self.check_upload(&request.input.upload_id)?;
        self.files.upload_part_copy(anybodys(request)).await
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        self.check_upload(&request.input.upload_id)?;
        let mut answer = self.files.list_parts(anybodys(request)).await?;
        answer.output.parts.iter_mut().for_each(|parts| parts.sort_by_key(|part| part.part_number));
        Ok(answer)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        self.check_upload(&request.input.upload_id)?;
        self.files.complete_multipart_upload(anybodys(request)).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        self.check_upload(&request.input.upload_id)?;
        self.files.abort_multipart_upload(anybodys(request)).await
    }

    // These are right as they are.

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        self.files.copy_object(request).await
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        self.files.delete_bucket(request).await
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        self.files.delete_object(request).await
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        self.files.delete_objects(request).await
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        self.files.get_bucket_location(request).await
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        self.files.get_object(request).await
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.files.head_bucket(request).await
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        self.files.head_object(request).await
    }

    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        self.files.list_buckets(request).await
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        self.files.list_objects(request).await
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        self.files.list_objects_v2(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_of_the_way_is_not_kept() {
        let kept = |text: &str| encoding_to_keep(Some(text.into()));
        assert_eq!(kept("aws-chunked"), None);
        assert_eq!(kept("gzip, AWS-chunked").as_deref(), Some("gzip"));
        assert_eq!(kept("gzip").as_deref(), Some("gzip"));
        assert_eq!(encoding_to_keep(None), None);
    }
}
