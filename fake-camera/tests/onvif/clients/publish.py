"""Says with the package WSDiscovery that something is there, until it is killed; prints `published` first.

    publish.py TYPE_NAMESPACE TYPE_NAME SERVICE
"""

import sys
import threading

from wsdiscovery import QName, Scope
from wsdiscovery.publishing import ThreadedWSPublishing


def main():
    publishing = ThreadedWSPublishing()
    publishing.start()
    publishing.publishService(
        types=[QName(*sys.argv[1:3])], scopes=[Scope("onvif://www.onvif.org/name/other")], xAddrs=[sys.argv[3]]
    )
    print("published", flush=True)
    threading.Event().wait()


main()
