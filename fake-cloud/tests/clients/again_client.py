"""Asks for credentials (ask), or uses some that it was given earlier (use JSON [SECONDS]), by a clock so far ahead."""

import datetime
import http.client
import json
import ssl
import sys

import botocore.auth
import boto3
import cloud
from botocore.exceptions import ClientError

CLIENT = cloud.CLIENT


def ask():
    context = ssl.create_default_context(cafile=CLIENT["ca"])
    thing = CLIENT["things"]["app"]
    context.load_cert_chain(thing["certificate"], thing["key"])
    connection = http.client.HTTPSConnection(CLIENT["endpoints"]["credentials"], context=context, timeout=20)
    connection.request("GET", f"/role-aliases/{CLIENT['role_alias']}/credentials")
    return json.loads(connection.getresponse().read())["credentials"]


def use(given, ahead=0):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ahead)
    botocore.auth.get_current_datetime = lambda *_, **__: now
    sts = boto3.client(
        "sts",
        region_name=CLIENT["region"],
        aws_access_key_id=given["accessKeyId"],
        aws_secret_access_key=given["secretAccessKey"],
        aws_session_token=given["sessionToken"],
        verify=CLIENT["ca"],
    )
    try:
        return [sts.get_caller_identity()["ResponseMetadata"]["HTTPStatusCode"], "none"]
    except ClientError as error:
        return [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]]


if sys.argv[1] == "ask":
    cloud.show(ask())
else:
    cloud.show(use(json.loads(sys.argv[2]), *map(int, sys.argv[3:])))
