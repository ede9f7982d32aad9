"""Plays one scene at a hard place: SCENE [ARGUMENT]; others use the cloud at the same time and must not notice."""

import resource
import socket
import sys

import boto3
import cloud
from botocore.config import Config
from botocore.exceptions import ClientError

BUCKET = cloud.CLIENT["bucket"]
# The head of a TLS record and of a ClientHello: whoever reads it waits for the rest.
HALF_A_HELLO = bytes.fromhex("1603010200010001fc0303")


def client(service):
    return boto3.client(
        service,
        region_name=cloud.CLIENT["region"],
        aws_access_key_id=cloud.CLIENT["access_key_id"],
        aws_secret_access_key=cloud.CLIENT["secret_access_key"],
        verify=cloud.CLIENT["ca"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def answer(call, **arguments):
    """Status and code, \"none\" where it went well."""
    try:
        return [call(**arguments)["ResponseMetadata"]["HTTPStatusCode"], "none"]
    except ClientError as error:
        return [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]]


def put(key, body):
    return answer(client("s3").put_object, Bucket=BUCKET, Key=key, Body=body)


def get(key):
    return client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()


def half_open():
    """Opens COUNT connections that never say the whole hello, and uses the cloud while all of them are open."""
    count = int(sys.argv[2])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if most < 0 else min(wanted, most), most))
    opened = []
    for _ in range(count):
        one = socket.create_connection((cloud.ADDRESS, cloud.CLIENT["https_port"]), timeout=20)
        one.sendall(HALF_A_HELLO)
        opened.append(one)
    served = [put("k", b"while they are open"), answer(client("logs").describe_log_groups)]
    return {"served": served, "body": get("k").decode(), "opened": len(opened)}


def full_disk():
    """Fills the disk with objects, asks what then still is served, makes room again."""
    large, small = b"l" * 1_000_000, b"s" * 1000
    first, stored = put("before", small), []
    while True:
        full = put(f"large-{len(stored)}", large)
        if full[0] != 200 or len(stored) > 100:
            break
        stored.append(f"large-{len(stored)}")
    # What is left of it now takes no more than a few of these.
    for number in range(10_000):
        last = put(f"small-{number}", small)
        if last[0] != 200:
            break
    client("logs").create_log_group(logGroupName="/full")
    # So many that the journal's last page does not take them.
    metric = [{"MetricName": f"Full{number}", "Value": number} for number in range(1000)]
    others = {
        "metrics": answer(client("cloudwatch").put_metric_data, Namespace="N", MetricData=metric),
        "identity": answer(client("sts").get_caller_identity),
        "logs": len(client("logs").describe_log_groups(logGroupNamePrefix="/full")["logGroups"]),
        "object": get("before") == small,
    }
    for key in stored:
        client("s3").delete_object(Bucket=BUCKET, Key=key)
    after = put("after", small)
    return {
        "before": first,
        "stored": len(stored) > 0,
        "full": [full, last],
        "others": others,
        "after": after,
        "read": get("after") == small,
    }


cloud.show(globals()[sys.argv[1]]())
