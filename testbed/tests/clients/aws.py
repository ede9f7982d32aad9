"""boto3 sends one metric, one log line and one object: with the `good` key all are kept, with a `bad` one none."""

import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from judge import PATIENCE, cloud, expect, finish

CLIENT = cloud()
GROUP, STREAM = "/clients/boto3", "stream"
LOG_PLACE = {"logGroupName": GROUP, "logStreamName": STREAM}
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=PATIENCE, read_timeout=PATIENCE)


def client(service, key, secret):
    return boto3.client(
        service,
        region_name=CLIENT["region"],
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        verify=CLIENT["ca"],
        config=ONCE,
    )


def send_all(key, secret):
    """Which error each service gives, or `kept`."""
    cloudwatch, logs, s3 = (client(service, key, secret) for service in ("cloudwatch", "logs", "s3"))
    metric = {"MetricName": "FromClient", "Value": 1}
    event = {"timestamp": int(time.time() * 1000), "message": "from a client"}

    def log():
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(**LOG_PLACE)
        logs.put_log_events(**LOG_PLACE, logEvents=[event])

    return {
        "monitoring": outcome(lambda: cloudwatch.put_metric_data(Namespace="Clients", MetricData=[metric])),
        "logs": outcome(log),
        "s3": outcome(lambda: s3.put_object(Bucket=CLIENT["bucket"], Key="from-client", Body=b"from a client")),
    }


def outcome(call):
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "kept"


def good():
    keys = CLIENT["access_key_id"], CLIENT["secret_access_key"]
    expect("good key", send_all(*keys), {"monitoring": "kept", "logs": "kept", "s3": "kept"})
    cloudwatch, logs, s3 = (client(service, *keys) for service in ("cloudwatch", "logs", "s3"))
    listed = cloudwatch.list_metrics(Namespace="Clients")["Metrics"]
    expect("metrics", [metric["MetricName"] for metric in listed], ["FromClient"])
    events = logs.get_log_events(**LOG_PLACE)["events"]
    expect("log", [event["message"] for event in events], ["from a client"])
    body = s3.get_object(Bucket=CLIENT["bucket"], Key="from-client")["Body"].read()
    expect("object", body, b"from a client")


def bad():
    wrong_secret = send_all(CLIENT["access_key_id"], "x" * 40)
    signature = {name: "InvalidSignatureException" for name in ("monitoring", "logs")}
    expect("wrong secret", wrong_secret, signature | {"s3": "SignatureDoesNotMatch"})
    unknown_key = send_all("AKIAIOSFODNN7EXAMPLE", CLIENT["secret_access_key"])
    unknown = {name: "UnrecognizedClientException" for name in ("monitoring", "logs")}
    expect("unknown key", unknown_key, unknown | {"s3": "InvalidAccessKeyId"})


{"good": good, "bad": bad}[sys.argv[1]]()
finish()
