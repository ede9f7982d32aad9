"""So many MQTT clients with a message a second each, over TLS: CLIENT-FILE CLIENTS SECONDS PID.

Each client listens to a topic of its own and publishes to it with QoS 1; each message has a moment at which it is due, whatever
became of those before, and its time counts from then until it has come back. A message that does not come back, is not confirmed,
or a connection that ends is an error. Prints one row of a Markdown table; PID is the server's, whose memory is looked at when
all are connected and messages have gone for five seconds, and at the end.
"""

import json
import selectors
import socket
import ssl
import sys
import time

import paho.mqtt.client as mqtt

# Until the last messages are waited for no more, seconds.
PATIENCE = 20


def resident(pid):
    """Memory that a process has now, MB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


class Device:
    """One client, without a thread of its own."""

    def __init__(self, number, told, context, load):
        self.topic, self.load = f"panorama/app/load/{number}", load
        self.ready = False
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, f"app:load-{number}", protocol=mqtt.MQTTv311, reconnect_on_failure=False
        )
        self.client.tls_set_context(context)
        self.client.on_connect = lambda client, *_: client.subscribe(self.topic, 1)
        self.client.on_subscribe = lambda *_: setattr(self, "ready", True)
        self.client.on_message = lambda _, __, message: load.came(float(message.payload))
        self.client.on_publish = lambda *_: load.confirm()
        self.client.on_disconnect = lambda *_: load.lost()
        self.client.connect(told["endpoints"]["iot"], 443, keepalive=60)

    def publish(self, due):
        self.client.publish(self.topic, repr(due), 1)


class Load:
    def __init__(self, told, count, seconds):
        context = ssl.create_default_context(cafile=told["ca"])
        context.set_alpn_protocols(["x-amzn-mqtt-ca"])
        thing = told["things"]["app"]
        context.load_cert_chain(thing["certificate"], thing["key"])
        self.times, self.confirmed, self.cut, self.ending = [], 0, 0, False
        self.total = count * seconds
        self.selector = selectors.DefaultSelector()
        self.devices = [Device(number, told, context, self) for number in range(count)]
        for device in self.devices:
            self.selector.register(device.client.socket(), selectors.EVENT_READ, device)

    def came(self, due):
        self.times.append(time.monotonic() - due)

    def confirm(self):
        self.confirmed += 1

    def lost(self):
        self.cut += not self.ending

    def work(self, until):
        """Reads and writes what there is, for no longer than until then."""
        for device in self.devices:
            if device.client.want_write():
                device.client.loop_write()
        for key, _ in self.selector.select(max(0.0, min(0.02, until - time.monotonic()))):
            client = key.data.client
            client.loop_read()
            # What TLS has read already, the selector does not see.
            while client.socket() is not None and client.socket().pending():
                client.loop_read()
            if client.socket() is None:
                self.selector.unregister(key.fileobj)
        for device in self.devices:
            device.client.loop_misc()

    def wait(self, done):
        deadline = time.monotonic() + PATIENCE
        while not done() and time.monotonic() < deadline:
            self.work(deadline)

    def run(self, pid):
        """Megabytes at first and at the end."""
        self.wait(lambda: all(device.ready for device in self.devices))
        begun, count, first = time.monotonic(), len(self.devices), 0.0
        for number in range(self.total):
            due = begun + number / count
            while time.monotonic() < due:
                self.work(due)
            self.devices[number % count].publish(due)
            if number == min(5 * count, self.total - 1):
                first = resident(pid)
        self.wait(lambda: len(self.times) >= self.total and self.confirmed >= self.total)
        last, self.ending = resident(pid), True
        return first, last


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        told = json.load(file)
    count, seconds, pid = (int(text) for text in sys.argv[2:])
    lead_here(told)
    load = Load(told, count, seconds)
    first, last = load.run(pid)
    failed = load.total - len(load.times) + load.total - load.confirmed + load.cut
    times = sorted(load.times) or [float("nan")]
    at = lambda part: 1000 * times[min(len(times) - 1, int(part * len(times)))]  # noqa: E731
    row = [str(count), str(len(times)), str(failed), f"{at(0.5):.1f}", f"{at(0.99):.1f}", f"{at(1):.1f}"]
    print("| " + " | ".join([*row, f"{first:.1f}", f"{last:.1f}"]) + " |")
    return failed > 0


def lead_here(told):
    """Leads the service's name to the server under load: the name in TLS stays."""
    real = socket.getaddrinfo
    socket.getaddrinfo = lambda host, port, *more, **named: real("127.0.0.1", told["https_port"], *more, **named)


sys.exit(main())
