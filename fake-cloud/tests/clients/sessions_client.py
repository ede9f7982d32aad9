"""Plays one scene with STS and the credentials provider: SCENE."""

import http.client
import json
import ssl
import sys

import boto3
import cloud
from botocore.config import Config
from botocore.exceptions import ClientError

CLIENT = cloud.CLIENT
# Mistakes are the cloud's to find.
ONCE = Config(retries={"total_max_attempts": 1}, parameter_validation=False)


def client(service, key=None, **more):
    key = key or {"AccessKeyId": CLIENT["access_key_id"], "SecretAccessKey": CLIENT["secret_access_key"]}
    return boto3.client(
        service,
        region_name=CLIENT["region"],
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
        verify=CLIENT["ca"],
        **{"config": ONCE, **more},
    )


def code_of(call):
    try:
        call()
    except ClientError as error:
        return [error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]]
    return [200, "none"]


def who(key=None, **more):
    answer = client("sts", key, **more).get_caller_identity()
    return [answer["Account"], answer["Arn"], answer["UserId"]]


def provider(alias=CLIENT["role_alias"], thing=None, certificate="app", method="GET"):
    """What the credentials provider says to the holder of a certificate."""
    context = ssl.create_default_context(cafile=CLIENT["ca"])
    if certificate:
        files = CLIENT["things"][certificate]
        context.load_cert_chain(files["certificate"], files["key"])
    connection = http.client.HTTPSConnection(CLIENT["endpoints"]["credentials"], context=context, timeout=20)
    headers = {"x-amzn-iot-thingname": thing} if thing else {}
    try:
        connection.request(method, f"/role-aliases/{alias}/credentials", headers=headers)
        answer = connection.getresponse()
        return [answer.status, json.loads(answer.read())]
    except (ssl.SSLError, ConnectionError) as error:
        return ["TLS", str(error)]


def key_of(given):
    return {
        "AccessKeyId": given["accessKeyId"],
        "SecretAccessKey": given["secretAccessKey"],
        "SessionToken": given["sessionToken"],
    }


def use_all(key):
    """One call of each service that a thing uses, with these credentials."""
    cloudwatch, logs, s3 = (client(name, key) for name in ("cloudwatch", "logs", "s3"))
    cloudwatch.put_metric_data(Namespace="Session", MetricData=[{"MetricName": "M", "Value": 1}])
    logs.create_log_group(logGroupName=f"session-{key['AccessKeyId']}")
    body = b"s" * 300_000
    s3.put_object(Bucket=CLIENT["access_point_arn"], Key="by-session", Body=body)
    same = s3.get_object(Bucket=CLIENT["access_point_arn"], Key="by-session")["Body"].read() == body
    v4 = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    link = client("s3", key, config=v4).generate_presigned_url(
        "get_object", {"Bucket": CLIENT["bucket"], "Key": "by-session"}
    )
    host, path = link.removeprefix("https://").split("/", 1)
    context = ssl.create_default_context(cafile=CLIENT["ca"])
    connection = http.client.HTTPSConnection(host, context=context, timeout=20)
    connection.request("GET", "/" + path)
    return same and connection.getresponse().read() == body


def thing():
    status, answer = provider(thing="app")
    given = answer["credentials"]
    return {
        "status": status,
        "keys": sorted(given),
        "expiration": given["expiration"],
        "who": who(key_of(given)),
        "used": use_all(key_of(given)),
        "unnamed": provider()[0],
    }


def strangers():
    return {
        "alias": [*provider(alias="other")],
        "thing": [*provider(thing="other")],
        "another's": [*provider(thing="app", certificate="other")],
        "method": provider(method="POST")[0],
        "certificate": provider(certificate=None)[0],
    }


def role():
    arn = CLIENT["role_arn"]
    sts = client("sts")

    def assume(by=sts, role=arn, name="session", **more):
        return by.assume_role(RoleArn=role, RoleSessionName=name, **more)

    answer = assume(name="operator@site", DurationSeconds=900)
    key = answer["Credentials"]
    chained = client("sts", key)
    life = key["Expiration"] - assume(chained, DurationSeconds=3600)["Credentials"]["Expiration"]
    return {
        "who": who(),
        "assumed": answer["AssumedRoleUser"]["Arn"],
        "who_then": who(key),
        "used": use_all(key),
        "life_apart": round(-life.total_seconds() / 900),
        "other_role": code_of(lambda: assume(role=arn + "x")),
        "short": code_of(lambda: assume(DurationSeconds=900 - 1)),
        "chained_long": code_of(lambda: assume(chained, DurationSeconds=3601)),
        "name": code_of(lambda: assume(name="not allowed")),
        "unknown": code_of(lambda: sts.get_session_token()),
    }


def older_clients():
    """Those of 2023 ask the global name, and sign for us-east-1."""

    def asked(host):
        sts = boto3.client(
            "sts",
            region_name="us-east-1",
            aws_access_key_id=CLIENT["access_key_id"],
            aws_secret_access_key=CLIENT["secret_access_key"],
            endpoint_url=f"https://{host}",
            verify=CLIENT["ca"],
            config=ONCE,
        )
        return code_of(sts.get_caller_identity)

    return {"global": asked("sts.amazonaws.com"), "regional": asked(CLIENT["endpoints"]["sts"])}


SCENES = {"thing": thing, "strangers": strangers, "role": role, "older-clients": older_clients}

cloud.show(SCENES[sys.argv[1]]())
