"""Plays one scene with CloudWatch, Logs and S3: SCENE [ARGUMENT]."""

import http.client
import io
import ssl
import struct
import sys
import time

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.model
import cloud
import urllib3
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ONCE = Config(retries={"total_max_attempts": 1})
BUCKET = cloud.CLIENT["bucket"]
REGION = cloud.CLIENT["region"]


def client(service, key=None, secret=None, config=ONCE):
    endpoint = "https://" + cloud.CLIENT["endpoints"]["iot"] if service == "iot-data" else None
    return boto3.client(
        service,
        region_name=REGION,
        aws_access_key_id=key or cloud.CLIENT["access_key_id"],
        aws_secret_access_key=secret or cloud.CLIENT["secret_access_key"],
        endpoint_url=endpoint,
        verify=cloud.CLIENT["ca"],
        config=config,
    )


def code_of(call):
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def signed(method, url, body, headers, service, secret=None):
    """Sends a request that boto3 no longer makes, signed by its own signer."""
    request = botocore.awsrequest.AWSRequest(method, url, data=body, headers=headers)
    keys = Credentials(cloud.CLIENT["access_key_id"], secret or cloud.CLIENT["secret_access_key"])
    botocore.auth.SigV4Auth(keys, service, REGION).add_auth(request)
    pool = urllib3.PoolManager(ca_certs=cloud.CLIENT["ca"], retries=False)
    return pool.request(method, url, body=body, headers=dict(request.headers))


def cloudwatch(protocol=None):
    """A client that speaks this protocol; without one, its own choice."""
    if protocol:
        botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS = (protocol,)
    monitoring = client("cloudwatch")
    assert protocol in (None, monitoring.meta.service_model.resolved_protocol)
    return monitoring


def all_metrics(monitoring, **filters):
    pages = monitoring.get_paginator("list_metrics").paginate(**filters)
    return [metric for page in pages for metric in page["Metrics"]]


def metric():
    monitoring = cloudwatch(sys.argv[2])
    sent = {}
    monitoring.meta.events.register("before-send.cloudwatch", lambda request, **_: sent.update(request.headers))
    dimensions = [{"Name": "DeviceId", "Value": "device-1"}, {"Name": "A", "Value": "<b> & c"}]
    statistics = {"SampleCount": 2, "Sum": 3.5, "Minimum": 1, "Maximum": 2.5}
    data = [
        {"MetricName": "DeviceActive", "Value": 1, "Dimensions": dimensions, "Timestamp": time.time(), "Unit": "Count"},
        {"MetricName": "Many", "Values": [1, 2.5], "Counts": [3, 4], "StorageResolution": 1},
        {"MetricName": "Summed", "StatisticValues": statistics},
    ]
    monitoring.put_metric_data(Namespace="PanoramaDeviceMetrics", MetricData=data)
    errors = monitoring.exceptions
    bad = {
        "value": ({"Namespace": "AWS/Reserved"}, errors.InvalidParameterValueException),
        "time": ({"Timestamp": time.time() - 15 * 86_400}, errors.InvalidParameterValueException),
        "both": ({"Values": [1.0]}, errors.InvalidParameterCombinationException),
    }
    classes = {}
    for name, (change, expected) in bad.items():
        namespace = change.pop("Namespace", "N")
        datum = {"MetricName": "M", "Value": 1} | change
        try:
            monitoring.put_metric_data(Namespace=namespace, MetricData=[datum])
        except expected as error:
            classes[name] = error.response["Error"]["Code"]
    return {
        "content_type": str(sent["Content-Type"]).removeprefix("b'").removesuffix("'"),
        "listed": all_metrics(monitoring),
        "of_dimension": len(all_metrics(monitoring, Dimensions=[{"Name": "DeviceId"}])),
        "classes": classes,
    }


def many_metrics():
    monitoring = cloudwatch(sys.argv[2])
    seen = {}
    monitoring.meta.events.register(
        "before-send.cloudwatch.PutMetricData",
        lambda request, **_: seen.update(encoding=request.headers.get("Content-Encoding")),
    )
    data = [{"MetricName": f"Metric{index}", "Value": index} for index in range(1000)]
    monitoring.put_metric_data(Namespace="Many", MetricData=data)
    encoding = seen["encoding"]
    encoding = encoding.decode() if isinstance(encoding, bytes) else encoding
    return {"encoding": encoding, "listed": len(all_metrics(monitoring, Namespace="Many"))}


def rust_form():
    """A body as the Rust SDK writes it: maps without a length, an instant as tag 1 around a float."""
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    url = "https://" + cloud.CLIENT["endpoints"]["monitoring"] + path
    text = lambda word: bytes([0x60 + len(word)]) + word.encode()  # noqa: E731  of less than 24 bytes
    number = lambda value: b"\xfb" + struct.pack(">d", value)  # noqa: E731
    datum = text("MetricName") + text("FromRust") + text("Value") + number(1)
    datum = b"\xbf" + datum + text("Timestamp") + b"\xc1" + number(time.time()) + b"\xff"
    body = b"\xbf" + text("Namespace") + text("Rust") + text("MetricData") + b"\x81" + datum + b"\xff"
    headers = {"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor", "Accept": "application/cbor"}
    good = signed("POST", url, body, headers, "monitoring")
    plain = {name: value for name, value in headers.items() if name != "Smithy-Protocol"}
    bad = signed("POST", url, body, plain, "monitoring")
    return {
        "status": good.status,
        "protocol": good.headers.get("smithy-protocol"),
        "content_type": good.headers.get("content-type"),
        "body": good.data.hex(),
        "bad": bad.data.decode("latin-1"),
    }


def log():
    logs = client("logs")
    group, stream = "/aws/panorama/devices/device-1", "occ_log"
    place = {"logGroupName": group, "logStreamName": stream}
    absent = code_of(lambda: logs.create_log_stream(**place))
    logs.create_log_group(logGroupName=group)
    again = code_of(lambda: logs.create_log_group(logGroupName=group))
    logs.create_log_stream(**place)
    now = int(time.time() * 1000)
    events = [{"timestamp": now + index, "message": text} for index, text in enumerate(("first", "second"))]
    logs.put_log_events(**place, logEvents=events)
    kept = logs.get_log_events(**place)["events"]
    pages, token = [], {}
    while True:
        page = logs.get_log_events(**place, startFromHead=True, limit=1, **token)
        if token.get("nextToken") == page["nextForwardToken"]:
            break
        pages.append([event["message"] for event in page["events"]])
        token = {"nextToken": page["nextForwardToken"]}
    other = {"logGroupName": group, "logStreamName": "syslog"}
    logs.create_log_stream(**other)
    logs.put_log_events(**other, logEvents=[{"timestamp": now, "message": "ERROR third"}])
    filtered = [
        event["message"]
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, PaginationConfig={"PageSize": 1}
        )
        for event in page["events"]
    ]
    errors = logs.filter_log_events(logGroupName=group, filterPattern="ERROR -first")["events"]
    old = [{"timestamp": now - 15 * 86_400_000, "message": "old"}]
    rejected = logs.put_log_events(**other, logEvents=old)["rejectedLogEventsInfo"]
    arn = logs.describe_log_groups(logGroupNamePrefix="/aws/panorama")["logGroups"][0]["logGroupArn"]
    newest = logs.describe_log_streams(logGroupIdentifier=arn, orderBy="LastEventTime", descending=True, limit=1)
    return {
        "filtered": sorted(filtered),
        "errors": [[event["logStreamName"], event["message"]] for event in errors],
        "rejected": rejected,
        "newest": newest["logStreams"][0]["logStreamName"],
        "pattern": code_of(lambda: logs.filter_log_events(logGroupName=group, filterPattern="{ $.a = 1 }")),
        "messages": [event["message"] for event in kept],
        "pages": pages,
        "streams": [one["logStreamName"] for one in logs.describe_log_streams(logGroupName=group)["logStreams"]],
        "again": again,
        "absent": absent,
    }


def object_():
    s3, place, key = client("s3"), sys.argv[2], "packages/a b+c.bin"
    body = bytes(range(250)) * 1200
    s3.put_object(Bucket=place, Key=key, Body=body)
    equal = s3.get_object(Bucket=place, Key=key)["Body"].read() == body
    equal = equal and s3.head_object(Bucket=place, Key=key)["ContentLength"] == len(body)
    part = s3.get_object(Bucket=place, Key=key, Range="bytes=10-19")["Body"].read()
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=place)["Contents"]]
    s3.delete_object(Bucket=place, Key=key)
    return {
        "equal": equal and part == body[10:20],
        "keys": keys,
        "after_delete": code_of(lambda: s3.get_object(Bucket=place, Key=key)),
        "head_after_delete": code_of(lambda: s3.head_object(Bucket=place, Key=key)),
    }


def upload_forms():
    result, s3 = {}, client("s3")

    def comes_back(key, body, reader=s3):
        return reader.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body

    body = b"p" * 20_000_000
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "in-parts")
    result["in_parts"] = comes_back("in-parts", body)
    # CRC64NVME needs a native library on the client's side; here its value for this body is given.
    s3.put_object(Bucket=BUCKET, Key="CRC64NVME", Body=b"123456789", ChecksumCRC64NVME="rosUhgp5mIg=")
    result["CRC64NVME"] = comes_back("CRC64NVME", b"123456789")
    s3.put_object(Bucket=BUCKET, Key="SHA256", Body=b"body", ChecksumAlgorithm="SHA256")
    result["SHA256"] = comes_back("SHA256", b"body")
    plain = Config(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    old = client("s3", config=plain)
    old.put_object(Bucket=BUCKET, Key="when_required", Body=b"body")
    result["when_required"] = comes_back("when_required", b"body", old)
    return result


def missing():
    s3 = client("s3")
    other = f"arn:aws:s3:{REGION}:{cloud.CLIENT['account']}:accesspoint/other"
    return {
        "bucket": code_of(lambda: s3.get_object(Bucket="no-such-bucket", Key="k")),
        "access_point": code_of(lambda: s3.get_object(Bucket=other, Key="k")),
    }


def presigned():
    client("s3").put_object(Bucket=BUCKET, Key="linked", Body=b"linked")
    # Without an addressing style the link would lead to the global host name.
    config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    link = client("s3", config=config).generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "linked"})
    pool = urllib3.PoolManager(ca_certs=cloud.CLIENT["ca"], retries=False)
    good = pool.request("GET", link)
    changed = pool.request("GET", link.replace("X-Amz-Expires=3600", "X-Amz-Expires=3601"))
    return {"status": good.status, "equal": good.data == b"linked", "changed": changed.status}


def mistake():
    wrong = {
        "secret": {"secret": "x" * 40},
        "key": {"key": "AKIAIOSFODNN7EXAMPLE"},
        "none": {},
    }[sys.argv[2]]
    calls = {
        "monitoring": lambda: client("cloudwatch", **wrong).list_metrics(),
        "logs": lambda: client("logs", **wrong).describe_log_groups(),
        "s3": lambda: client("s3", **wrong).put_object(Bucket=BUCKET, Key="k", Body=b"b" * 1_000_000),
        "iot": lambda: client("iot-data", **wrong).publish(topic="a", payload=b"1"),
    }
    result = {}
    for name, call in calls.items():
        try:
            result[name] = [call()["ResponseMetadata"]["HTTPStatusCode"], "none"]
        except ClientError as error:
            response = error.response
            result[name] = [response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]]
    return result


def error_form():
    logs, monitoring, result = client("logs"), client("cloudwatch"), {}
    try:
        logs.describe_log_streams(logGroupName="absent")
    except logs.exceptions.ResourceNotFoundException as error:
        headers = error.response["ResponseMetadata"]["HTTPHeaders"]
        result = {"class": type(error).__name__, "request_id": headers["x-amzn-requestid"], "date": headers["date"]}
    try:
        monitoring.put_metric_data(Namespace="AWS/Reserved", MetricData=[{"MetricName": "M", "Value": 1}])
    except monitoring.exceptions.InvalidParameterValueException as error:
        result["metric_class"] = type(error).__name__
    return result


def unknown_operation():
    return {
        "monitoring": code_of(lambda: client("cloudwatch").describe_alarms()),
        "logs": code_of(lambda: client("logs").describe_queries()),
    }


def throttled():
    """Each service refuses the first requests; SDKs try again, in the standard mode three times in all."""
    config = Config(retries={"mode": "standard"})
    calls = {
        "monitoring": lambda: client("cloudwatch", config=config).list_metrics(),
        "logs": lambda: client("logs", config=config).describe_log_groups(),
        "s3": lambda: client("s3", config=config).list_objects_v2(Bucket=BUCKET),
        "iot": lambda: client("iot-data", config=config).publish(topic="a", payload=b"1"),
        "sts": lambda: client("sts", config=config).get_caller_identity(),
    }
    result = {}
    for name, call in calls.items():
        try:
            metadata = call()["ResponseMetadata"]
            result[name] = [metadata["HTTPStatusCode"], "none", metadata["RetryAttempts"]]
        except ClientError as error:
            metadata = error.response["ResponseMetadata"]
            code = error.response["Error"]["Code"]
            result[name] = [metadata["HTTPStatusCode"], code, metadata["RetryAttempts"]]
    return result


def announced():
    """A request that only announces its body: LENGTH bytes; the answer must not wait for them."""
    result = {}
    for name in ("monitoring", "logs", "s3", "iot"):
        context = ssl.create_default_context(cafile=cloud.CLIENT["ca"])
        connection = http.client.HTTPSConnection(cloud.CLIENT["endpoints"][name], context=context, timeout=20)
        connection.putrequest("PUT" if name == "s3" else "POST", "/key")
        connection.putheader("Content-Length", sys.argv[2])
        connection.endheaders()
        result[name] = connection.getresponse().status
    return result


SCENES = {
    "announced": announced,
    "metric": metric,
    "many-metrics": many_metrics,
    "rust-form": rust_form,
    "log": log,
    "object": object_,
    "upload-forms": upload_forms,
    "missing": missing,
    "presigned": presigned,
    "mistake": mistake,
    "error-form": error_form,
    "unknown-operation": unknown_operation,
    "throttled": throttled,
}

cloud.show(SCENES[sys.argv[1]]())
