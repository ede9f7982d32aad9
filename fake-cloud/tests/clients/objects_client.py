"""Plays one scene with S3: SCENE."""

import base64
import binascii
import datetime
import hashlib
import http.client
import io
import ssl
import sys

import boto3
import botocore.auth
import cloud
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

CLIENT = cloud.CLIENT
PLACE = CLIENT["access_point_arn"]
HOST = CLIENT["endpoints"]["s3"]
REGION = CLIENT["region"]
KEYS = Credentials(CLIENT["access_key_id"], CLIENT["secret_access_key"])


def client(**config):
    return boto3.client(
        "s3",
        region_name=REGION,
        aws_access_key_id=KEYS.access_key,
        aws_secret_access_key=KEYS.secret_key,
        verify=CLIENT["ca"],
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def code_of(call):
    try:
        call()
    except ClientError as error:
        return [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]]
    return [200, "none"]


def send(method, path, body, headers, host=HOST):
    """Sends a request as it is."""
    context = ssl.create_default_context(cafile=CLIENT["ca"])
    connection = http.client.HTTPSConnection(host, context=context, timeout=20)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode("latin-1")
    code = text.partition("<Code>")[2].partition("</Code>")[0] if answer.status >= 300 else "none"
    return [answer.status, code]


def lists():
    s3 = client()
    keys = [f"lists/{folder}/{index} +&é" for folder in "ab" for index in range(5)]
    for key in keys:
        s3.put_object(Bucket=PLACE, Key=key, Body=b"x")
    pages = list(
        s3.get_paginator("list_objects_v2").paginate(
            Bucket=PLACE, Prefix="lists/", PaginationConfig={"PageSize": 3}
        )
    )
    folders = s3.list_objects_v2(Bucket=PLACE, Prefix="lists/", Delimiter="/")
    after = s3.list_objects_v2(Bucket=PLACE, Prefix="lists/", StartAfter=keys[7])
    deleted = s3.delete_objects(Bucket=PLACE, Delete={"Objects": [{"Key": key} for key in keys]})
    return {
        "all": [one["Key"] for page in pages for one in page["Contents"]] == keys,
        "pages": len(pages),
        "folders": [one["Prefix"] for one in folders.get("CommonPrefixes", [])],
        "after": [one["Key"] for one in after["Contents"]] == keys[8:],
        "deleted": sorted(one["Key"] for one in deleted["Deleted"]) == keys,
        "left": s3.list_objects_v2(Bucket=PLACE, Prefix="lists/")["KeyCount"],
    }


def ranges():
    s3 = client()
    body = bytes(range(256))
    s3.put_object(Bucket=PLACE, Key="ranges", Body=body)

    def part(text):
        answer = s3.get_object(Bucket=PLACE, Key="ranges", Range=text)
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        return [status, answer["Body"].read().hex()[:4], answer["ContentRange"]]

    return {
        "middle": part("bytes=16-31"),
        "end": part("bytes=250-"),
        "last": part("bytes=-4"),
        "beyond": code_of(lambda: part("bytes=256-")),
    }


def parts():
    s3 = client()
    big, small = b"b" * (5 * 1024 * 1024), b"end"
    upload = s3.create_multipart_upload(Bucket=PLACE, Key="parts")["UploadId"]
    place = {"Bucket": PLACE, "Key": "parts", "UploadId": upload}
    tags = [
        s3.upload_part(**place, PartNumber=number, Body=body)["ETag"] for number, body in enumerate((big, small), 1)
    ]
    wrong = base64.b64encode(b"\0\0\0\0").decode()
    wrong = code_of(lambda: s3.upload_part(**place, PartNumber=3, Body=b"x", ChecksumCRC32=wrong))
    listed = [one["Size"] for one in s3.list_parts(**place)["Parts"]]
    chosen = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    before = code_of(lambda: s3.head_object(Bucket=PLACE, Key="parts"))
    s3.complete_multipart_upload(**place, MultipartUpload={"Parts": chosen})
    whole = s3.get_object(Bucket=PLACE, Key="parts")["Body"].read() == big + small
    again = code_of(lambda: s3.complete_multipart_upload(**place, MultipartUpload={"Parts": chosen}))
    other = s3.create_multipart_upload(Bucket=PLACE, Key="given-up")["UploadId"]
    place = {"Bucket": PLACE, "Key": "given-up", "UploadId": other}
    s3.abort_multipart_upload(**place)
    return {
        "wrong_part": wrong,
        "listed": listed,
        "before": before,
        "whole": whole,
        "again": again,
        "aborted": code_of(lambda: s3.upload_part(**place, PartNumber=1, Body=b"x")),
    }


def checksums():
    s3 = client()
    body = b"123456789"
    crc = base64.b64encode(binascii.crc32(body).to_bytes(4, "big")).decode()
    sha = base64.b64encode(hashlib.sha256(body).digest()).decode()
    s3.put_object(Bucket=PLACE, Key="sum", Body=body)
    head = s3.head_object(Bucket=PLACE, Key="sum", ChecksumMode="ENABLED")
    s3.put_object(Bucket=PLACE, Key="sha", Body=body, ChecksumAlgorithm="SHA256")
    got = s3.get_object(Bucket=PLACE, Key="sha", ChecksumMode="ENABLED")
    got["Body"].read()
    md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    wrong = base64.b64encode(b"\0\0\0\0").decode()
    s3.put_object(Bucket=PLACE, Key="w", Body=b"as it was")
    return {
        "crc32": head.get("ChecksumCRC32") == crc,
        "sha256": got.get("ChecksumSHA256") == sha,
        "wrong_crc32": code_of(lambda: s3.put_object(Bucket=PLACE, Key="w", Body=body, ChecksumCRC32=wrong)),
        "wrong_md5": code_of(lambda: s3.put_object(Bucket=PLACE, Key="w", Body=body, ContentMD5=md5)),
        "kept": s3.get_object(Bucket=PLACE, Key="w")["Body"].read().decode(),
    }


def copies():
    s3 = client()
    s3.put_object(
        Bucket=PLACE, Key="from", Body=b"copied", ContentType="text/plain", Metadata={"made-by": "a test"}
    )
    s3.copy_object(Bucket=PLACE, Key="to", CopySource={"Bucket": CLIENT["bucket"], "Key": "from"})
    got = s3.get_object(Bucket=PLACE, Key="to")
    head = s3.head_object(Bucket=PLACE, Key="from")
    return {
        "body": got["Body"].read().decode(),
        "type": head["ContentType"],
        "metadata": head["Metadata"],
        "encoding": head.get("ContentEncoding", "none"),
    }


def errors():
    s3 = client()
    unsigned = boto3.client("s3", region_name=REGION, verify=CLIENT["ca"], config=Config(signature_version=botocore.UNSIGNED))
    return {
        "get": code_of(lambda: s3.get_object(Bucket=PLACE, Key="absent")),
        "head": code_of(lambda: s3.head_object(Bucket=PLACE, Key="absent")),
        "delete": code_of(lambda: s3.delete_object(Bucket=PLACE, Key="absent")),
        "bucket": code_of(lambda: s3.list_objects_v2(Bucket="no-such-bucket")),
        "again": code_of(
            lambda: s3.create_bucket(
                Bucket=CLIENT["bucket"], CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        ),
        "upload": code_of(lambda: s3.list_parts(Bucket=PLACE, Key="k", UploadId="x")),
        "unknown": code_of(lambda: s3.get_bucket_website(Bucket=CLIENT["bucket"])),
        "unsigned": code_of(lambda: unsigned.get_object(Bucket=PLACE, Key="absent")),
        "range": code_of(lambda: s3.get_object(Bucket=PLACE, Key="absent", Range="bytes=0-")),
    }


def links():
    body = b"by a link"
    v4 = client(signature_version="s3v4")
    put = v4.generate_presigned_url("put_object", {"Bucket": PLACE, "Key": "linked"}, ExpiresIn=60)
    get = v4.generate_presigned_url("get_object", {"Bucket": PLACE, "Key": "linked"}, ExpiresIn=60)
    # What boto3 still makes without being asked for version 4.
    old = client(s3={"addressing_style": "virtual"}, signature_version="s3")
    old = old.generate_presigned_url("get_object", {"Bucket": CLIENT["bucket"], "Key": "linked"})

    def by(link, method="GET", body=None):
        host, path = link.removeprefix("https://").split("/", 1)
        host = host if ".s3." in host or "s3-accesspoint" in host else host.replace(".s3.", f".s3.{REGION}.")
        return send(method, "/" + path, body, {}, host.replace(".s3.amazonaws", f".s3.{REGION}.amazonaws"))

    return {
        "put": by(put, "PUT", body),
        "get": by(get),
        "same": client().get_object(Bucket=PLACE, Key="linked")["Body"].read() == body,
        "put_by_get": by(get, "PUT", body),
        "version-two": by(old),
    }


def chunk(signing_key, scope, timestamp, before, data):
    """One chunk of a signed stream (S3 API reference, "Signature calculations ... multiple chunks")."""
    import hmac

    empty = hashlib.sha256(b"").hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", timestamp, scope, before, empty, hashlib.sha256(data).hexdigest()])
    signature = hmac.new(signing_key, text.encode(), hashlib.sha256).hexdigest()
    return signature, f"{len(data):x};chunk-signature={signature}\r\n".encode() + data + b"\r\n"


def signing_key(day):
    import hmac

    key = b"AWS4" + KEYS.secret_key.encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def chunks():
    """Uploads in signed chunks, which no client here makes by itself any more."""
    body = bytes(range(256)) * 512
    result = {}
    for kind in ("good", "changed", "cut", "cut-unannounced"):
        now = datetime.datetime.now(datetime.timezone.utc)
        botocore.auth.get_current_datetime = lambda *_, now=now, **__: now
        request = AWSRequest("PUT", f"https://{HOST}/chunks-{kind}", data=b"")
        marker = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        headers = {"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": str(len(body))}
        for name, value in headers.items():
            request.headers[name] = value
        signer = botocore.auth.S3SigV4Auth(KEYS, "s3", REGION)
        signer.payload = lambda _, marker=marker: marker
        signer.add_auth(request)
        request.headers.replace_header("X-Amz-Content-SHA256", marker)
        timestamp = request.context["timestamp"]
        signature = request.headers["Authorization"].rpartition("=")[2]
        scope, key = signer.credential_scope(request), signing_key(timestamp[:8])
        stream = b""
        for start in (0, 65536, None):
            data = b"" if start is None else body[start : start + 65536]
            signature, piece = chunk(key, scope, timestamp, signature, data)
            stream += piece
        if kind == "changed":
            stream = stream.replace(b"\x10\x11\x12", b"\x10\x11\x13", 1)
        if kind.startswith("cut"):
            stream = stream[: stream.rindex(b"0;chunk")]
        # Without a length, HTTP's own chunks carry those of S3.
        sent = iter([stream]) if kind == "cut-unannounced" else stream
        result[kind] = send("PUT", f"/chunks-{kind}", sent, dict(request.headers.items()))
    s3 = client()
    result["same"] = s3.get_object(Bucket=PLACE, Key="chunks-good")["Body"].read() == body
    for kind in ("changed", "cut", "cut-unannounced"):
        result[f"{kind}-kept"] = code_of(lambda kind=kind: s3.head_object(Bucket=PLACE, Key=f"chunks-{kind}"))
    return result


def stream():
    """A file of unknown checksum: sent in chunks with a trailer, after the server has said that it goes on."""
    s3, sent = client(), {}
    s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.update(request.headers))
    body = b"s" * 3_000_000
    s3.put_object(Bucket=PLACE, Key="stream", Body=io.BytesIO(body))
    text = {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in sent.items()}
    head = s3.head_object(Bucket=PLACE, Key="stream")
    return {
        "expect": text.get("expect"),
        "encoding": text.get("content-encoding"),
        "marker": text.get("x-amz-content-sha256"),
        "same": s3.get_object(Bucket=PLACE, Key="stream")["Body"].read() == body,
        "kept_encoding": head.get("ContentEncoding", "none"),
    }


SCENES = {
    scene.__name__: scene
    for scene in (lists, ranges, parts, checksums, copies, errors, links, chunks, stream)
}

cloud.show(SCENES[sys.argv[1]]())
