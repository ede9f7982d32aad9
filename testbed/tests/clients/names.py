"""dig asks the node's own resolver for every name in both spellings: SERVICE=ADDRESS …"""

import re
import sys

from judge import cloud, expect, finish, run

CLIENT = cloud()


def ask(name, transport):
    """Status and addresses of the answer."""
    _, out, err = run("dig", "+tries=1", "+time=10", transport, name, "A")
    status = re.search(r"status: (\w+)", out)
    addresses = re.findall(r"^\S+\s+\d+\s+IN\s+A\s+(\S+)$", out, re.MULTILINE)
    return (status[1] if status else out + err, addresses)


for transport in ("+notcp", "+tcp"):
    for argument in sys.argv[1:]:
        service, address = argument.split("=")
        for spelling in ("corrected", "as_printed"):
            name = CLIENT["names"][spelling][service]
            expect(f"{name} {transport}", ask(name, transport), ("NOERROR", [address]))
    nobody = f"nobody.{CLIENT['region']}.amazonaws.com"
    expect(f"{nobody} {transport}", ask(nobody, transport), ("NXDOMAIN", []))
finish()
