"""Leads the real host names to the cloud under test: same names in TLS and HTTP, other address and port."""

import json
import os
import socket

CLIENT = json.load(open(os.environ["CLOUD_CLIENT_FILE"], encoding="utf-8"))
ADDRESS = os.environ.get("CLOUD_ADDRESS", "127.0.0.1")

_real = socket.getaddrinfo


def _led_here(host, port, *args, **kwargs):
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name.endswith((".amazonaws.com", ".aws.amazon.com")):
        return _real(ADDRESS, CLIENT["https_port"], *args, **kwargs)
    if name in ("localhost", ADDRESS):
        return _real(host, port, *args, **kwargs)
    raise socket.gaierror(socket.EAI_NONAME, f"{name} is outside of this test")


socket.getaddrinfo = _led_here


def show(result):
    """The one thing a client prints: its result, as JSON."""
    print(json.dumps(result))


def fetch(url):
    """Status and text of what is at a link, with the cloud's authority."""
    import urllib3

    answer = urllib3.PoolManager(ca_certs=CLIENT["ca"], retries=False).request("GET", url)
    return [answer.status, answer.data.decode(errors="replace")]
