//! S3 as boto3 uses it beyond putting and getting, and uploads that no client makes any more.

use serde_json::{Value, json};

use crate::support::Fake;

fn scene(name: &str) -> Value {
    Fake::start().python("objects_client.py", &[name])
}

#[test]
fn objects_are_listed_page_by_page_and_folder_by_folder_and_deleted_together() {
    let expected = json!({
        "all": true, "pages": 4, "folders": ["lists/a/", "lists/b/"], "after": true, "deleted": true, "left": 0,
    });
    assert_eq!(scene("lists"), expected);
}

#[test]
fn parts_of_an_object_are_read_by_range() {
    let expected = json!({
        "middle": [206, "1011", "bytes 16-31/256"],
        "end": [206, "fafb", "bytes 250-255/256"],
        "last": [206, "fcfd", "bytes 252-255/256"],
        "beyond": [416, "InvalidRange"],
    });
    assert_eq!(scene("ranges"), expected);
}

#[test]
fn an_upload_in_parts_is_there_when_it_is_complete_and_gone_when_it_is_given_up() {
    let expected = json!({
        "listed": [5_242_880, 3],
        "before": [404, "404"],
        "whole": true,
        "again": [404, "NoSuchUpload"],
        "aborted": [404, "NoSuchUpload"],
        "wrong_part": [400, "BadDigest"],
    });
    assert_eq!(scene("parts"), expected);
}

#[test]
fn an_upload_whose_checksum_is_wrong_leaves_what_was_there() {
    let expected = json!({
        "crc32": true,
        "sha256": true,
        "wrong_crc32": [400, "BadDigest"],
        "wrong_md5": [400, "BadDigest"],
        "kept": "as it was",
    });
    assert_eq!(scene("checksums"), expected);
}

#[test]
fn a_copy_has_the_body_and_the_original_its_type_and_its_words() {
    let expected = json!({
        "body": "copied", "type": "text/plain", "metadata": { "made-by": "a test" }, "encoding": "none",
    });
    assert_eq!(scene("copies"), expected);
}

#[test]
fn what_is_not_there_is_named_as_s3_names_it() {
    let expected = json!({
        "get": [404, "NoSuchKey"],
        "head": [404, "404"],
        "delete": [200, "none"],
        "bucket": [404, "NoSuchBucket"],
        "again": [409, "BucketAlreadyOwnedByYou"],
        "upload": [404, "NoSuchUpload"],
        "unknown": [501, "NotImplemented"],
        "unsigned": [403, "AccessDenied"],
        "range": [404, "NoSuchKey"],
    });
    assert_eq!(scene("errors"), expected);
}

#[test]
fn links_are_good_for_what_they_were_made_for() {
    let expected = json!({
        "put": [200, "none"],
        "get": [200, "none"],
        "same": true,
        "put_by_get": [403, "SignatureDoesNotMatch"],
        "version-two": [403, "AccessDenied"],
    });
    assert_eq!(scene("links"), expected);
}

#[test]
fn signed_chunks_are_kept_only_if_each_is_right_and_the_last_has_come() {
    let incomplete = json!([400, "IncompleteBody"]);
    let absent = json!([404, "404"]);
    let expected = json!({
        "good": [200, "none"],
        "changed": [403, "SignatureDoesNotMatch"],
        "cut": incomplete,
        "cut-unannounced": incomplete,
        "same": true,
        "changed-kept": absent,
        "cut-kept": absent,
        "cut-unannounced-kept": absent,
    });
    assert_eq!(scene("chunks"), expected);
}

#[test]
fn a_stream_with_a_trailer_is_asked_for_and_kept_without_its_frame() {
    let expected = json!({
        "expect": "100-continue",
        "encoding": "aws-chunked",
        "marker": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "same": true,
        "kept_encoding": "none",
    });
    assert_eq!(scene("stream"), expected);
}
