"""Plays one scene with the broker: SCENE VERSION [CERTIFICATE KEY]; version 4 is MQTT 3.1.1."""

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

    def __init__(self, client_id, certificate=(THING["certificate"], THING["key"]), alpn="x-amzn-mqtt-ca"):
        context = ssl.create_default_context(cafile=cloud.CLIENT["ca"])
        if alpn:
            context.set_alpn_protocols([alpn])
        if certificate:
            context.load_cert_chain(*certificate)
        self.events, self.inbox = queue.Queue(), queue.Queue()
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=VERSION, reconnect_on_failure=False
        )
        self.client.tls_set_context(context)
        put = self.events.put
        self.client.on_connect = lambda c, u, f, reason, properties: put(("connected", (str(reason), properties)))
        self.client.on_disconnect = lambda c, u, f, reason, properties: put(("cut", str(reason)))
        self.client.on_subscribe = lambda c, u, mid, reasons, properties: put(("subscribed", mid))
        self.client.on_publish = lambda c, u, mid, reason, properties: put(("published", None))
        self.client.on_message = lambda c, u, m: self.inbox.put([m.topic, m.payload.decode(), m.qos, m.retain])

    def wait(self, *kinds):
        """The value of the next event of one of these kinds; what comes before it is dropped."""
        while True:
            kind, value = self.events.get(timeout=PATIENCE)
            if kind in kinds:
                return kind, value

    def connect(self):
        """The reason and properties of CONNACK, or None where there was none."""
        try:
            self.client.connect(HOST, 443, keepalive=60)
        except (OSError, ssl.SSLError):
            return None
        self.client.loop_start()
        kind, value = self.wait("connected", "cut")
        return value if kind == "connected" else None

    def subscribe(self, topic, qos=1):
        self.client.subscribe(topic, qos)
        self.wait("subscribed")

    def publish(self, topic, payload, qos=1, retain=False):
        self.client.publish(topic, payload, qos, retain)
        self.wait("published")

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
    visitor = Visitor("echo")
    reason, properties = visitor.connect()
    visitor.client.subscribe("testbed/+", 1)
    visitor.wait("subscribed")
    visitor.client.publish("testbed/echo", "hello", 1)
    message = visitor.message()
    visitor.leave()
    names = ("MaximumQoS", "ServerKeepAlive", "SharedSubscriptionAvailable")
    limits = {name: getattr(properties, name) for name in names} if VERSION == 5 else None
    return {"connected": reason, "messages": [message], "limits": limits}


def shut_out(**how):
    answer = Visitor("shut-out", **how).connect()
    return {"connected": answer and answer[0]}


def same_id_twice():
    first, second = Visitor("same"), Visitor("same")
    first.connect()
    second.connect()
    first.wait("cut")
    second.subscribe("same/topic")
    second.client.publish("same/topic", "still here", 1)
    second.message()
    second.leave()
    return {"first_cut": True, "second_lives": True}


def retained():
    writer, reader = Visitor("writer"), Visitor("reader")
    writer.connect()
    writer.publish("kept/topic", "kept", retain=True)
    reader.connect()
    # The wildcard is answered first; had it been sent the message, two would arrive.
    for topic in ("kept/#", "kept/topic", "end"):
        reader.subscribe(topic)
    writer.publish("end", "end")
    messages = reader.messages_until("end")
    writer.publish("kept/topic", "", retain=True)
    writer.leave()
    reader.leave()
    return {"messages": messages}


def parent_of_hash():
    visitor = Visitor("parent")
    visitor.connect()
    visitor.subscribe("parent/#")
    visitor.subscribe("end")
    for topic, payload in (("parent", "parent"), ("parent/child", "child"), ("end", "end")):
        visitor.client.publish(topic, payload, 1)
    messages = visitor.messages_until("end")
    visitor.leave()
    return {"messages": messages}


def cut_by(topic, qos):
    visitor = Visitor("cut")
    visitor.connect()
    if VERSION == 5 and qos == 2:
        # The library obeys the broker's limit unless it forgets what CONNACK said.
        visitor.client._maximum_qos = 2
    visitor.client.publish(topic, "x", qos)
    visitor.wait("cut")
    visitor.client.loop_stop()
    return {"cut": True}


def subscribe_twice():
    visitor = Visitor("twice")
    visitor.connect()
    visitor.client.subscribe("testbed/twice", 2)
    # An answer to the second says that none came to the first.
    visitor.client.subscribe("testbed/once", 1)
    _, mid = visitor.wait("subscribed")
    visitor.leave()
    return {"answered": mid}


def will():
    watcher, victim = Visitor("watcher"), Visitor("victim")
    watcher.connect()
    watcher.subscribe("testbed/will")
    victim.client.will_set("testbed/will", "gone", 1)
    victim.connect()
    # Gone without DISCONNECT.
    victim.client.socket().close()
    message = watcher.message()
    watcher.leave()
    return {"messages": [message]}


def posted():
    import boto3

    visitor = Visitor("posted")
    visitor.connect()
    visitor.subscribe("testbed/posted")
    data = boto3.client(
        "iot-data",
        region_name=cloud.CLIENT["region"],
        aws_access_key_id=cloud.CLIENT["access_key_id"],
        aws_secret_access_key=cloud.CLIENT["secret_access_key"],
        endpoint_url="https://" + HOST,
        verify=cloud.CLIENT["ca"],
    )
    data.publish(topic="testbed/posted", qos=1, payload=b"posted")
    message = visitor.message()
    visitor.leave()
    return {"messages": [message]}


SCENES = {
    "echo": echo,
    "without-certificate": lambda: shut_out(certificate=None),
    "foreign-certificate": lambda: shut_out(certificate=tuple(sys.argv[3:5])),
    "without-alpn": lambda: shut_out(alpn=None),
    "same-id-twice": same_id_twice,
    "retained": retained,
    "parent-of-hash": parent_of_hash,
    "publish-qos-2": lambda: cut_by("testbed/twice", 2),
    "publish-reserved": lambda: cut_by("$SYS/uptime", 0),
    "subscribe-qos-2": subscribe_twice,
    "will": will,
    "posted": posted,
}

cloud.show(SCENES[SCENE]())
