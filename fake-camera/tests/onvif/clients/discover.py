"""Looks for cameras with the package WSDiscovery, and prints what it finds as JSON.

    discover.py probe TYPE_NAMESPACE TYPE_NAME [SCOPE]
    discover.py none TYPE_NAMESPACE TYPE_NAME [SCOPE]       the same, but does not look again if nobody answers
    discover.py watch       prints `watching`, then the first Hello and the first Bye
"""

import json
import queue
import sys

from wsdiscovery import QName, Scope
from wsdiscovery.discovery import ThreadedWSDiscovery

PATIENCE = 30


def described(service):
    return {
        "endpoint": service.getEPR(),
        "types": sorted([name.getNamespace(), name.getLocalname()] for name in service.getTypes()),
        "scopes": sorted(scope.getValue() for scope in service.getScopes()),
        "services": service.getXAddrs(),
    }


def probe(discovery, tries, types, scopes):
    """Probes until somebody has answered, at most so many times: a group loses datagrams."""
    for _ in range(tries):
        found = discovery.searchServices(types=types, scopes=scopes, timeout=2)
        if found:
            return [described(service) for service in found]
    return []


def watch(discovery):
    heard = queue.Queue()
    discovery.setRemoteServiceHelloCallback(lambda service: heard.put(["hello", described(service)]))
    discovery.setRemoteServiceByeCallback(lambda endpoint: heard.put(["bye", endpoint]))
    print("watching", flush=True)
    said = [heard.get(timeout=PATIENCE)]
    print(json.dumps(said[0]), flush=True)
    while True:
        word, what = heard.get(timeout=PATIENCE)
        if word == "bye":
            print(json.dumps([word, what]), flush=True)
            return


def main():
    discovery = ThreadedWSDiscovery()
    discovery.start()
    try:
        if sys.argv[1] == "watch":
            return watch(discovery)
        types = [QName(*sys.argv[2:4])]
        scopes = [Scope(sys.argv[4])] if len(sys.argv) > 4 else None
        print(json.dumps(probe(discovery, 1 if sys.argv[1] == "none" else 5, types, scopes)))
    finally:
        discovery.stop()


main()
