"""Signed PutMetricData at a steady rate over kept connections: URL CA-OR-DASH REGION KEY SECRET RATE SECONDS PID.

Each request has a moment at which it is due, whatever became of those before; its time counts from that moment, so that a
server that falls behind is seen to. Prints one row of a Markdown table; PID is the server's, whose work is told too.
"""

import http.client
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

CONNECTIONS = 8
TICKS = os.sysconf("SC_CLK_TCK")


def work(pid):
    """Seconds that a process has worked, and the most memory that it had, MB."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        peak = next(line for line in status if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / TICKS, int(peak.split()[1]) / 1024


class Load:
    def __init__(self, url, authority, region, keys, rate, seconds):
        self.url, self.region, self.keys = urllib.parse.urlsplit(url), region, keys
        self.context = ssl.create_default_context(cafile=authority) if authority != "-" else None
        self.rate, self.total = rate, rate * seconds
        self.next, self.lock = 0, threading.Lock()
        self.times, self.failed = [], 0

    def connect(self):
        host = self.url.netloc
        if self.context:
            return http.client.HTTPSConnection(host, context=self.context, timeout=30)
        return http.client.HTTPConnection(host, timeout=30)

    def request(self, number):
        data = [{"MetricName": f"Load{number % 100}", "Value": number, "Unit": "Count"}]
        body = json.dumps({"Namespace": "Load", "MetricData": data}).encode()
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData",
        }
        url = f"{self.url.scheme}://{self.url.netloc}/"
        request = AWSRequest("POST", url, data=body, headers=headers)
        SigV4Auth(self.keys, "monitoring", self.region).add_auth(request)
        return body, dict(request.headers.items())

    def run(self):
        self.begun = time.monotonic() + 0.2
        threads = [threading.Thread(target=self.send_some) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - self.begun

    def send_some(self):
        connection = self.connect()
        while True:
            with self.lock:
                number, self.next = self.next, self.next + 1
            if number >= self.total:
                return
            due = self.begun + number / self.rate
            time.sleep(max(0.0, due - time.monotonic()))
            body, headers = self.request(number)
            try:
                connection.request("POST", "/", body, headers)
                answer = connection.getresponse()
                answer.read()
                good = answer.status == 200
            except (OSError, http.client.HTTPException):
                connection.close()
                connection, good = self.connect(), False
            with self.lock:
                self.times.append(time.monotonic() - due)
                self.failed += not good


def main():
    url, authority, region, key, secret, rate, seconds, pid = sys.argv[1:]
    load = Load(url, authority, region, Credentials(key, secret), int(rate), int(seconds))
    before, _ = work(pid)
    took = load.run()
    after, peak = work(pid)
    times = sorted(load.times)
    at = lambda part: 1000 * times[min(len(times) - 1, int(part * len(times)))]  # noqa: E731
    row = [
        f"{len(times) / took:.0f}",
        str(load.failed),
        f"{at(0.5):.1f}",
        f"{at(0.99):.1f}",
        f"{at(1):.1f}",
        f"{1000 * (after - before) / len(times):.2f}",
        f"{peak:.0f}",
    ]
    print("| " + " | ".join(row) + " |")


main()
