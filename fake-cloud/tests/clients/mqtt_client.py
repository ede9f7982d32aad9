"""Plays one scene with the broker: SCENE VERSION [CERTIFICATE KEY]; version 4 is MQTT 3.1.1."""

import json
import queue
import ssl
import sys

import cloud
import paho.mqtt.client as mqtt

SCENE, VERSION = sys.argv[1], int(sys.argv[2])
PATIENCE = 20
THING = cloud.CLIENT["things"]["app"]
HOST = cloud.CLIENT["endpoints"]["iot"]


class Visitor:
    """One client; what happens to it lands in a queue as (kind, value), messages in one of their own."""

    def __init__(
        self, client_id, certificate=(THING["certificate"], THING["key"]), alpn="x-amzn-mqtt-ca", stays=False
    ):
        context = ssl.create_default_context(cafile=cloud.CLIENT["ca"])
        if alpn:
            context.set_alpn_protocols([alpn])
        if certificate:
            context.load_cert_chain(*certificate)
        self.events, self.inbox = queue.Queue(), queue.Queue()
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=VERSION, reconnect_on_failure=False,
            **({"clean_session": not stays} if VERSION == 4 else {}),
        )
        self.stays = stays
        self.client.tls_set_context(context)
        put = self.events.put
        self.client.on_connect = lambda c, u, f, reason, properties: put(
            ("connected", (str(reason), properties, f.session_present))
        )
        self.client.on_disconnect = lambda c, u, f, reason, properties: put(("cut", str(reason)))
        self.client.on_subscribe = lambda c, u, mid, reasons, properties: put(
            ("subscribed", (mid, [str(reason) for reason in reasons]))
        )
        self.client.on_publish = lambda c, u, mid, reason, properties: put(("published", str(reason)))
        self.client.on_message = lambda c, u, m: self.inbox.put([m.topic, m.payload.decode(), m.qos, m.retain])

    def wait(self, *kinds):
        """The value of the next event of one of these kinds; what comes before it is dropped."""
        while True:
            kind, value = self.events.get(timeout=PATIENCE)
            if kind in kinds:
                return kind, value

    def connect(self):
        """The reason and properties of CONNACK, or None where there was none."""
        options = {}
        if VERSION == 5:
            options["clean_start"] = not self.stays
            if self.stays:
                options["properties"] = mqtt.Properties(mqtt.PacketTypes.CONNECT)
                options["properties"].SessionExpiryInterval = 1000
        try:
            self.client.connect(HOST, 443, keepalive=60, **options)
        except (OSError, ssl.SSLError):
            return None
        self.client.loop_start()
        kind, value = self.wait("connected", "cut")
        return value if kind == "connected" else None

    def subscribe(self, topic, qos=1):
        """What the broker says to it, or that it cut the connection."""
        self.client.subscribe(topic, qos)
        kind, value = self.wait("subscribed", "cut")
        return value[1][0] if kind == "subscribed" else "cut"

    def publish(self, topic, payload, qos=1, retain=False):
        """What the broker says to it, or that it cut the connection."""
        self.client.publish(topic, payload, qos, retain)
        kind, value = self.wait("published", "cut")
        return value if kind == "published" else "cut"

    def message(self):
        return self.inbox.get(timeout=PATIENCE)

    def messages_until(self, last):
        """Messages up to the one on topic `last`, which is left out: it only marks the end."""
        messages = []
        while True:
            message = self.message()
            if message[0] == last:
                return messages
            messages.append(message)

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()


def echo():
    visitor = Visitor("app:echo")
    reason, properties, _ = visitor.connect()
    visitor.client.subscribe("panorama/app/+", 1)
    visitor.wait("subscribed")
    visitor.client.publish("panorama/app/echo", "hello", 1)
    message = visitor.message()
    visitor.leave()
    names = (
        "MaximumQoS", "ServerKeepAlive", "SharedSubscriptionAvailable", "RetainAvailable", "ReceiveMaximum",
        "TopicAliasMaximum", "SubscriptionIdentifierAvailable", "SessionExpiryInterval",
    )
    limits = {name: getattr(properties, name) for name in names} if VERSION == 5 else None
    return {"connected": reason, "messages": [message], "limits": limits}


def shut_out(**how):
    answer = Visitor("app:shut-out", **how).connect()
    return {"connected": answer and answer[0]}


def too_many(before_one_is_let_in):
    reasons = []
    for _ in range(before_one_is_let_in + 1):
        visitor = Visitor("app:many")
        answer = visitor.connect()
        reasons.append(answer and answer[0])
        visitor.client.loop_stop()
    return {"reasons": reasons}


def misled():
    """First whoever has the wrong certificate is met, then somebody with whom nothing is wrong, and who has a job."""
    wary = Visitor("app").connect()
    visitor = Visitor("app")
    reason, _, _ = visitor.connect()
    jobs = "$aws/things/app/jobs"
    told = [visitor.subscribe(f"{jobs}/notify-next"), visitor.message()[0]]
    told += [visitor.subscribe(f"{jobs}/$next/get/accepted"), visitor.publish(f"{jobs}/$next/get", "{}")]
    topic, payload, _, _ = visitor.message()
    job = json.loads(payload)["execution"]
    visitor.publish(f"{jobs}/{job['jobId']}/update", json.dumps({"status": "SUCCEEDED"}))
    return {"wary": wary, "connected": reason, "told": told, "topic": topic, "document": job["jobDocument"]}


def same_id_twice():
    first, second = Visitor("app:same"), Visitor("app:same")
    first.connect()
    second.connect()
    first.wait("cut")
    second.subscribe("panorama/app/same")
    second.client.publish("panorama/app/same", "still here", 1)
    second.message()
    second.leave()
    return {"first_cut": True, "second_lives": True}


def retained():
    writer, reader = Visitor("app:writer"), Visitor("app:reader")
    writer.connect()
    writer.publish("panorama/app/kept/topic", "kept", retain=True)
    reader.connect()
    # The wildcard is answered first; had it been sent the message, two would arrive.
    for topic in ("panorama/app/kept/#", "panorama/app/kept/topic", "panorama/app/end"):
        reader.subscribe(topic)
    writer.publish("panorama/app/end", "end")
    messages = reader.messages_until("panorama/app/end")
    writer.publish("panorama/app/kept/topic", "", retain=True)
    writer.leave()
    reader.leave()
    return {"messages": messages}


def parent_of_hash():
    visitor = Visitor("app:parent")
    visitor.connect()
    visitor.subscribe("panorama/app/parent/#")
    visitor.subscribe("panorama/app/end")
    for topic, payload in (("panorama/app/parent", "parent"), ("panorama/app/parent/child", "child"), ("panorama/app/end", "end")):
        visitor.client.publish(topic, payload, 1)
    messages = visitor.messages_until("panorama/app/end")
    visitor.leave()
    return {"messages": messages}


def cut_by(topic, qos):
    visitor = Visitor("app:cut")
    visitor.connect()
    if VERSION == 5 and qos == 2:
        # The library obeys the broker's limit unless it forgets what CONNACK said.
        visitor.client._maximum_qos = 2
    visitor.client.publish(topic, "x", qos)
    visitor.wait("cut")
    visitor.client.loop_stop()
    return {"cut": True}


def subscribe_twice():
    visitor = Visitor("app:twice")
    visitor.connect()
    visitor.client.subscribe("panorama/app/twice", 2)
    # An answer to the second says that none came to the first.
    visitor.client.subscribe("panorama/app/once", 1)
    _, (mid, _) = visitor.wait("subscribed")
    visitor.leave()
    return {"answered": mid}


def will():
    watcher, victim = Visitor("app:watcher"), Visitor("app:victim")
    watcher.connect()
    watcher.subscribe("panorama/app/will")
    victim.client.will_set("panorama/app/will", "gone", 1)
    victim.connect()
    # Gone without DISCONNECT.
    victim.client.socket().close()
    message = watcher.message()
    watcher.leave()
    return {"messages": [message]}


def iot_data():
    import boto3

    return boto3.client(
        "iot-data",
        region_name=cloud.CLIENT["region"],
        aws_access_key_id=cloud.CLIENT["access_key_id"],
        aws_secret_access_key=cloud.CLIENT["secret_access_key"],
        endpoint_url="https://" + HOST,
        verify=cloud.CLIENT["ca"],
    )


def posted():
    visitor = Visitor("app:posted")
    visitor.connect()
    visitor.subscribe("panorama/app/posted")
    iot_data().publish(topic="panorama/app/posted", qos=1, payload=b"posted")
    message = visitor.message()
    visitor.leave()
    return {"messages": [message]}


OPERATOR = cloud.CLIENT["things"].get("operator")


def operator(client_id="operator"):
    """Somebody whose policy allows everything."""
    return Visitor(client_id, certificate=(OPERATOR["certificate"], OPERATOR["key"]))


def of_others():
    """What a thing is told that tries what is another's."""
    thing = Visitor("app")
    thing.connect()
    told = {
        "own": thing.subscribe("$aws/things/app/jobs/notify"),
        "other": thing.subscribe("$aws/things/operator/jobs/notify"),
        "everybody": thing.subscribe("#"),
        "publish": thing.publish("panorama/operator/status", "x"),
    }
    thing.client.loop_stop()
    stranger = Visitor("operator").connect()
    return {**told, "client_id": stranger and stranger[0]}


def away():
    """Messages for a client that is away wait for it, in a session that goes on."""
    sender, thing = operator(), Visitor("app", stays=True)
    sender.connect()
    first = thing.connect()[2]
    thing.subscribe("panorama/app/orders")
    thing.subscribe("panorama/app/news", 0)
    thing.leave()
    for number in range(3):
        sender.publish("panorama/app/orders", str(number))
    sender.publish("panorama/app/news", "lost")
    back = Visitor("app", stays=True)
    second = back.connect()[2]
    messages = [back.message() for _ in range(3)]
    sender.publish("panorama/app/news", "live")
    messages.append(back.message())
    back.leave()
    clean = Visitor("app")
    third = clean.connect()[2]
    clean.leave()
    sender.leave()
    return {"present": [first, second, third], "messages": messages}


def presence():
    """What life-cycle events say, by topic, of a client that comes, listens, is replaced and vanishes."""
    watcher = operator()
    watcher.connect()
    for topic in ("$aws/events/presence/+/app", "$aws/events/subscriptions/subscribed/app"):
        watcher.subscribe(topic)
    first, second = Visitor("app"), Visitor("app")
    first.connect()
    first.subscribe("panorama/app/x")
    second.connect()
    first.wait("cut")
    second.client.socket().close()
    events = []
    while len(events) < 5:
        topic, payload, _, _ = watcher.message()
        event = json.loads(payload)
        events.append([topic.split("/")[3], event.get("disconnectReason"), event])
    watcher.leave()
    return {"events": events}


def kept_over_https():
    """What boto3 sees of a message that is retained."""
    thing = Visitor("app")
    thing.connect()
    for name in ("one", "two"):
        thing.publish("panorama/app/kept/" + name, name, retain=True)
    data = iot_data()
    pages = [data.list_retained_messages(maxResults=1)]
    pages.append(data.list_retained_messages(nextToken=pages[0]["nextToken"]))
    found = data.get_retained_message(topic="panorama/app/kept/one")
    try:
        data.get_retained_message(topic="panorama/app/none")
        absent = None
    except data.exceptions.ResourceNotFoundException as error:
        absent = error.response["ResponseMetadata"]["HTTPStatusCode"]
    thing.leave()
    topics = [entry["topic"] for page in pages for entry in page["retainedTopics"]]
    return {"topics": topics, "payload": found["payload"].decode(), "qos": found["qos"], "absent": absent}


def bystander():
    """A client that is told everything while another device takes its neighbour's name, and one goes where it may not."""
    watcher, first, second = operator(), Visitor("app"), operator("app")
    watcher.connect()
    watcher.subscribe("panorama/app/#")
    first.connect()
    first.publish("panorama/app/first", "1")
    second.connect()
    first.wait("cut")
    second.publish("panorama/app/second", "2")
    second.leave()
    third = Visitor("app")
    third.connect()
    refused = third.publish("panorama/operator/status", "x")
    third.client.loop_stop()
    fourth = Visitor("app")
    fourth.connect()
    fourth.publish("panorama/app/fourth", "4")
    fourth.leave()
    messages = [watcher.message()[:2] for _ in range(3)]
    watcher.leave()
    return {"refused": refused, "messages": messages}


def whole_document():
    """A job's document of 32 KiB, as it reaches a device by MQTT."""
    import boto3

    document = {"p": "x" * (32768 - len(json.dumps({"p": ""})))}
    boto3.client(
        "iot",
        region_name=cloud.CLIENT["region"],
        aws_access_key_id=cloud.CLIENT["access_key_id"],
        aws_secret_access_key=cloud.CLIENT["secret_access_key"],
        verify=cloud.CLIENT["ca"],
    ).create_job(
        jobId="whole",
        targets=[f"arn:aws:iot:{cloud.CLIENT['region']}:{cloud.CLIENT['account']}:thing/app"],
        document=json.dumps(document),
    )
    thing = Visitor("app")
    thing.connect()
    thing.subscribe("$aws/things/app/jobs/start-next/accepted")
    thing.publish("$aws/things/app/jobs/start-next", "{}")
    execution = json.loads(thing.message()[1])["execution"]
    thing.leave()
    return {"whole": execution["jobDocument"] == document, "status": execution["status"]}


SCENES = {
    "echo": echo,
    "without-certificate": lambda: shut_out(certificate=None),
    "foreign-certificate": lambda: shut_out(certificate=tuple(sys.argv[3:5])),
    "without-alpn": lambda: shut_out(alpn=None),
    "too-many": lambda: too_many(2),
    "misled": misled,
    "same-id-twice": same_id_twice,
    "retained": retained,
    "parent-of-hash": parent_of_hash,
    "publish-qos-2": lambda: cut_by("panorama/app/twice", 2),
    "publish-reserved": lambda: cut_by("$SYS/uptime", 0),
    "subscribe-qos-2": subscribe_twice,
    "will": will,
    "posted": posted,
    "of-others": of_others,
    "away": away,
    "presence": presence,
    "kept-over-https": kept_over_https,
    "bystander": bystander,
    "whole-document": whole_document,
}

cloud.show(SCENES[SCENE]())
