"""paho-mqtt keeps a session by ALPN on port 443 and hears its own message; without a certificate it is cut: THING."""

import queue
import ssl
import sys

import paho.mqtt.client as paho
from judge import PATIENCE, cloud, expect, finish

CLIENT = cloud()
NAME = sys.argv[1]
THING = CLIENT["things"][NAME]
# A thing may use its own topics only, under its own name or one of `NAME:…`.
TOPIC = f"panorama/{NAME}/paho"


def visitor(version, certificate):
    """A client, and a queue of what happens to it."""
    context = ssl.create_default_context(cafile=CLIENT["ca"])
    context.set_alpn_protocols(["x-amzn-mqtt-ca"])
    if certificate:
        context.load_cert_chain(THING["certificate"], THING["key"])
    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2, f"{NAME}:paho-{version}", protocol=version, reconnect_on_failure=False
    )
    client.tls_set_context(context)
    events = queue.Queue()
    client.on_connect = lambda c, u, flags, reason, properties: events.put(f"connected: {reason}")
    client.on_subscribe = lambda c, u, mid, reasons, properties: events.put("subscribed")
    client.on_message = lambda c, u, message: events.put(f"{message.topic}: {message.payload.decode()}")
    client.on_disconnect = lambda c, u, flags, reason, properties: events.put("cut")
    return client, events


def session(version):
    client, events = visitor(version, certificate=True)
    client.connect(CLIENT["endpoints"]["iot"], 443)
    expect("application protocol", client.socket().selected_alpn_protocol(), "x-amzn-mqtt-ca")
    client.loop_start()
    expect(f"MQTT version {version}", events.get(timeout=PATIENCE), "connected: Success")
    client.subscribe(TOPIC, 1)
    expect("subscription", events.get(timeout=PATIENCE), "subscribed")
    client.publish(TOPIC, "hello", 1)
    expect("message", events.get(timeout=PATIENCE), f"{TOPIC}: hello")
    client.disconnect()
    client.loop_stop()


def stranger():
    """With TLS 1.3 the refusal may come with the handshake or behind it."""
    client, events = visitor(paho.MQTTv311, certificate=False)
    try:
        client.connect(CLIENT["endpoints"]["iot"], 443)
    except OSError:
        return "cut"
    client.loop_start()
    seen = events.get(timeout=PATIENCE)
    client.loop_stop()
    return seen


session(paho.MQTTv311)
session(paho.MQTTv5)
expect("without a certificate", stranger(), "cut")
finish()
