"""Sends one request of each protocol with each kind of bad signature, and shows how each was refused.

Requests are signed by botocore's own signers, then spoiled: what its clients would never send.
"""

import datetime
import http.client
import io
import json
import ssl
import time
from xml.etree import ElementTree

import botocore.auth
import botocore.parsers
import cloud
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

CLIENT = cloud.CLIENT
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CBOR_PATH = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
CBOR = {"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}

# Name: signing name, host, method, path, headers, body.
PROTOCOLS = {
    "json10": (
        "monitoring",
        CLIENT["endpoints"]["monitoring"],
        "POST",
        "/",
        {"X-Amz-Target": "GraniteServiceVersion20100801.ListMetrics", "Content-Type": "application/x-amz-json-1.0"},
        b"{}",
    ),
    "json11": (
        "logs",
        CLIENT["endpoints"]["logs"],
        "POST",
        "/",
        {"X-Amz-Target": "Logs_20140328.DescribeLogGroups", "Content-Type": "application/x-amz-json-1.1"},
        b"{}",
    ),
    "cbor": ("monitoring", CLIENT["endpoints"]["monitoring"], "POST", CBOR_PATH, CBOR, b"\xbf\xff"),
    "query": ("sts", CLIENT["endpoints"]["sts"], "POST", "/", FORM, b"Action=GetCallerIdentity&Version=2011-06-15"),
    "rest-json": ("iotdata", CLIENT["endpoints"]["iot"], "POST", "/topics/a", {}, b"1"),
    "s3": ("s3", CLIENT["endpoints"]["s3"], "PUT", "/key", {}, b"body"),
}


def sign(name, credentials, region=CLIENT["region"], at=0):
    """The headers of a good request that was signed so many seconds ago."""
    service, host, method, path, headers, body = PROTOCOLS[name]
    request = AWSRequest(method, f"https://{host}{path}", data=body, headers=dict(headers))
    signer = botocore.auth.S3SigV4Auth if name == "s3" else botocore.auth.SigV4Auth
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=at)
    botocore.auth.get_current_datetime = lambda *_, **__: now
    signer(credentials, service, region).add_auth(request)
    return {key: value for key, value in request.headers.items()}


def link(credentials, at, expires):
    """The path of a link to an object that was signed so many seconds ago."""
    _, host, _, path, _, _ = PROTOCOLS["s3"]
    request = AWSRequest("GET", f"https://{host}{path}")
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=at)
    botocore.auth.get_current_datetime = lambda *_, **__: now
    botocore.auth.S3SigV4QueryAuth(credentials, "s3", CLIENT["region"], expires).add_auth(request)
    return request.url.removeprefix(f"https://{host}")


def send(name, headers, body=None, method=None, path=None):
    _, host, usual_method, usual_path, _, usual_body = PROTOCOLS[name]
    context = ssl.create_default_context(cafile=CLIENT["ca"])
    connection = http.client.HTTPSConnection(host, context=context, timeout=20)
    connection.request(method or usual_method, path or usual_path, body if body is not None else usual_body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    code = "none" if answer.status < 300 else code_of(name, answer, content)
    request_id = answer.headers.get("x-amz-request-id" if name == "s3" else "x-amzn-requestid")
    assert request_id and answer.headers["date"], dict(answer.headers)
    return [answer.status, code]


def code_of(name, answer, content):
    if name == "rest-json":
        assert json.loads(content)["message"]
        return answer.headers["x-amzn-errortype"]
    if name in ("json10", "json11"):
        return json.loads(content)["__type"]
    if name == "cbor":
        assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
        stream = io.BufferedReader(io.BytesIO(content))
        return botocore.parsers.BaseCBORParser(None).parse_data_item(stream)["__type"]
    found = [element.text for element in ElementTree.fromstring(content).iter() if element.tag.endswith("Code")]
    return found[0]


def ended_session():
    """Credentials of a session that has ended, and what was said to them before."""
    deadline = time.monotonic() + 30
    # On a busy machine the first may end before they are used.
    while True:
        session = session_of_thing()
        first = send("query", sign("query", session))
        if first[0] == 200 or time.monotonic() > deadline:
            break
    while send("query", sign("query", session))[1] != "ExpiredToken":
        assert time.monotonic() < deadline, "the session does not end"
    return first, session


def session_of_thing():
    host = CLIENT["endpoints"]["credentials"]
    thing = CLIENT["things"]["app"]
    context = ssl.create_default_context(cafile=CLIENT["ca"])
    context.load_cert_chain(thing["certificate"], thing["key"])
    connection = http.client.HTTPSConnection(host, context=context, timeout=20)
    connection.request("GET", f"/role-aliases/{CLIENT['role_alias']}/credentials")
    given = json.loads(connection.getresponse().read())["credentials"]
    return Credentials(given["accessKeyId"], given["secretAccessKey"], given["sessionToken"])


def all_kinds():
    good = Credentials(CLIENT["access_key_id"], CLIENT["secret_access_key"])
    foreign = Credentials(CLIENT["access_key_id"], CLIENT["secret_access_key"], "AAAA")
    unknown = Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40)
    wrong = Credentials(CLIENT["access_key_id"], "x" * 40)
    first, ended = ended_session()
    result = {"ended-session-before": first}
    for name in PROTOCOLS:
        headers = sign(name, good)
        authorization = headers["Authorization"]
        plain = {key: value for key, value in headers.items() if key != "Authorization"}
        half = authorization.split(", Signature=")[0]
        result[name] = {
            "none": send(name, headers),
            "missing": send(name, plain),
            "version-two": send(name, plain | {"Authorization": "AWS AKIAIOSFODNN7EXAMPLE:c2lnbmF0dXJl"}),
            "incomplete": send(name, plain | {"Authorization": half}),
            "scope": send(name, sign(name, good, region="us-west-2")),
            "unsigned": send(name, headers | {"x-amz-acl": "private"}),
            "unknown-key": send(name, sign(name, unknown)),
            "token": send(name, sign(name, foreign)),
            "expired": send(name, sign(name, ended)),
            "skew": send(name, sign(name, good, at=1000)),
            "secret": send(name, sign(name, wrong)),
            "body": send(name, headers, body=PROTOCOLS[name][5] + b" "),
        }
    result["s3"]["link"] = send("s3", {}, b"", "GET", link(good, 0, 60))
    result["s3"]["old-link"] = send("s3", {}, b"", "GET", link(good, 100, 60))
    result["s3"]["link-of-ended-session"] = send("s3", {}, b"", "GET", link(ended, 0, 60))
    return result


if __name__ == "__main__":
    cloud.show(all_kinds())
