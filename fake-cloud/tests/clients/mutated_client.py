"""Sends requests that were changed after they were signed, and CBOR that was changed before: HTTP-COUNT CBOR-COUNT SEED.

None of the first may be done, and none of the second may be more than refused. Shows how each was answered.
"""

import collections
import io
import random
import socket
import ssl
import struct
import sys
import time

import botocore.parsers
import cloud
import refusals_client as signed
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

CLIENT = cloud.CLIENT
GOOD = Credentials(CLIENT["access_key_id"], CLIENT["secret_access_key"])
# Neither capitals nor blanks: where a name is told without case, or a value without its edges, those change nothing.
LETTERS = b"0123456789abcdefghijklmnopqrstuvwxyz"
PUT_PATH = "/service/GraniteServiceVersion20100801/operation/PutMetricData"


class Line:
    """A connection that is made anew when the cloud has closed it."""

    def __init__(self, host):
        self.host, self.stream = host, None
        self.context = ssl.create_default_context(cafile=CLIENT["ca"])

    def exchange(self, request):
        """The status, the headers and the body of the answer; a status of 0 if there is none."""
        if self.stream is None:
            plain = socket.create_connection((self.host, 443), timeout=20)
            self.stream = self.context.wrap_socket(plain, server_hostname=self.host)
            self.reader = self.stream.makefile("rb")
        try:
            self.stream.sendall(request)
            answer = self.read()
        except (ConnectionError, ssl.SSLError):
            answer = (0, {}, b"")
        if answer[0] == 0 or answer[1].get("connection") == "close":
            self.stream.close()
            self.stream = None
        return answer

    def read(self):
        first = self.reader.readline()
        if not first:
            return 0, {}, b""
        headers = {}
        while (line := self.reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(first.split()[1]), headers, self.reader.read(int(headers.get("content-length", 0)))


def changed(rng, text):
    """The bytes with one of them changed, taken out, doubled or added."""
    at = rng.randrange(len(text))
    letter = bytes([rng.choice([one for one in LETTERS if one != text[at]])])
    kinds = [text[:at] + letter + text[at + 1 :], text[:at] + letter + text[at:]]
    # A blank or a letter's like beside it would be the same text again.
    if text[at : at + 1].isalnum():
        kinds += [text[:at] + text[at + 1 :], text[:at] + text[at : at + 1] + text[at:]]
    return rng.choice(kinds)


def request(method, path, headers, body):
    lines = [f"{method} ".encode() + path + b" HTTP/1.1"]
    lines += [name.encode() + b": " + value for name, value in headers.items()]
    lines += [b"content-length: " + str(len(body)).encode(), b"", body]
    return b"\r\n".join(lines)


def spoil(rng, name):
    """A good request of this protocol with one change to what was signed."""
    _, host, method, path, _, body = signed.PROTOCOLS[name]
    headers = {key.lower(): value.encode() for key, value in signed.sign(name, GOOD).items()}
    headers |= {"host": host.encode()}
    path = path.encode()
    covered = headers["authorization"].partition(b"SignedHeaders=")[2].partition(b",")[0].decode().split(";")
    place = rng.choice(["path", "body", "authorization", *covered])
    if place == "path":
        # A letter more is another path; one less might be a slash, which is as good as two.
        at = rng.randint(1, len(path))
        path = path[:at] + bytes([rng.choice(LETTERS)]) + path[at:]
    elif place == "body":
        body = changed(rng, body)
    else:
        headers[place] = changed(rng, headers[place])
    return place, request(method, path, headers, body)


def http(rng, count):
    lines = {name: Line(protocol[1]) for name, protocol in signed.PROTOCOLS.items()}
    seen, done = collections.Counter(), []
    for _ in range(count):
        name = rng.choice(list(lines))
        place, text = spoil(rng, name)
        status, headers, body = lines[name].exchange(text)
        refused = 400 <= status < 500
        said = b"Exception" in body or b"<Code>" in body or "x-amzn-errortype" in headers
        # A host that is not the one that TLS has named is elsewhere (RFC 9110, section 15.5.20).
        elsewhere = place == "host" and status == 421 and b"MisdirectedRequest" in body
        # Whoever reads no head of a request at all says so without a body.
        if not (refused and (said or elsewhere or (status == 400 and not body))):
            done.append([name, place, status, text.decode("latin-1"), body.decode("latin-1")])
        seen[status] += 1
    return {"answers": sum(seen.values()), "not_refused": done[:3], "kinds": sorted(seen)}


def metric():
    def text(word):
        return bytes([0x60 + len(word)]) + word.encode()

    def number(value):
        return b"\xfb" + struct.pack(">d", value)

    datum = text("MetricName") + text("M") + text("Value") + number(1)
    datum = b"\xbf" + datum + text("Timestamp") + b"\xc1" + number(time.time()) + text("Unit") + text("Count") + b"\xff"
    dimension = b"\xa2" + text("Name") + text("n") + text("Value") + text("v")
    datum = datum[:-1] + text("Dimensions") + b"\x9f" + dimension + b"\xff" + b"\xff"
    return b"\xbf" + text("Namespace") + text("N") + text("MetricData") + b"\x81" + datum + b"\xff"


def cbor(rng, count):
    """Bodies cut short, and bodies with some bytes that are anything; all signed as they are."""
    host = CLIENT["endpoints"]["monitoring"]
    line, whole = Line(host), metric()
    seen, wrong = collections.Counter(), []
    for at in range(count + 1):
        cut = 0 < at < len(whole)
        body = bytearray(whole[:at] if cut else whole)
        for _ in range(0 if cut or at == 0 else rng.randint(1, 4)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        body = bytes(body)
        good = AWSRequest("POST", f"https://{host}{PUT_PATH}", data=body, headers=dict(signed.CBOR))
        signed.botocore.auth.SigV4Auth(GOOD, "monitoring", CLIENT["region"]).add_auth(good)
        headers = {key.lower(): value.encode() for key, value in good.headers.items()} | {"host": host.encode()}
        status, answered, text = line.exchange(request("POST", PUT_PATH.encode(), headers, body))
        shown = {}
        if answered.get("smithy-protocol") == "rpc-v2-cbor":
            stream = io.BufferedReader(io.BytesIO(text))
            shown = botocore.parsers.BaseCBORParser(None).parse_data_item(stream)
        code = shown.get("__type", "none") if shown or status == 200 else "?"
        seen[f"{status} {code}"] += 1
        # The whole one is taken, those that are cut short are not read.
        right = {0: ["200 none"]}.get(at, ["400 SerializationException"] if cut else None)
        if right and f"{status} {code}" not in right:
            wrong.append([at, status, code])
    return {"answers": sum(seen.values()), "wrong": wrong[:3], "kinds": sorted(seen)}


signed.botocore.auth.get_current_datetime = signed.botocore.compat.get_current_datetime
HTTP, CBOR, SEED = map(int, sys.argv[1:])
rng = random.Random(SEED)
cloud.show({"http": http(rng, HTTP), "cbor": cbor(rng, CBOR)})
