"""Uses the cloud as a developer's shell would, by environment variables alone: NAME=VALUE …"""

import json
import os
import sys
import time

for variable in sys.argv[1:]:
    name, value = variable.split("=", 1)
    os.environ[name] = value

import boto3  # noqa: E402  reads the environment

cloudwatch, logs, s3 = boto3.client("cloudwatch"), boto3.client("logs"), boto3.client("s3")
cloudwatch.put_metric_data(Namespace="Shell", MetricData=[{"MetricName": "FromShell", "Value": 1}])
place = {"logGroupName": "shell", "logStreamName": "stream"}
logs.create_log_group(logGroupName="shell")
logs.create_log_stream(**place)
logs.put_log_events(**place, logEvents=[{"timestamp": int(time.time() * 1000), "message": "from a shell"}])
s3.create_bucket(Bucket="shell", CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]})
s3.put_object(Bucket="shell", Key="key", Body=b"from a shell")
posted = boto3.client("iot-data").publish(topic="shell", qos=1, payload=b"from a shell")
print(
    json.dumps(
        {
            "metric": cloudwatch.list_metrics(Namespace="Shell")["Metrics"][0]["MetricName"],
            "log": logs.get_log_events(**place)["events"][0]["message"],
            "account": boto3.client("sts").get_caller_identity()["Account"],
            "posted": posted["ResponseMetadata"]["HTTPStatusCode"],
            "things": [thing["thingName"] for thing in boto3.client("iot").list_things()["things"]],
            "devices": boto3.client("panorama").list_devices()["Devices"],
            "object": s3.get_object(Bucket="shell", Key="key")["Body"].read().decode(),
        }
    )
)
