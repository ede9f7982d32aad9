"""openssl s_client asks every service for one TLS version: VERSION=accepted or VERSION=refused …"""

import sys

from judge import cloud, expect, finish, run

CLIENT = cloud()
# Its own policy would keep the program from even trying the old version at the usual security level.
OPTIONS = {
    "TLSv1.1": ["-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
    "TLSv1.2": ["-tls1_2"],
    "TLSv1.3": ["-tls1_3"],
}


def answer(name, version):
    target = ["-connect", f"{name}:443", "-servername", name, "-verify_hostname", name]
    trust = ["-CAfile", CLIENT["ca"], "-verify_return_error"]
    _, out, err = run("openssl", "s_client", *target, *trust, *OPTIONS[version])
    if f"New, {version}, Cipher is" in out and "Verify return code: 0 (ok)" in out:
        return "accepted"
    if "SSL alert number" in err and "New, (NONE)" in out:
        return "refused"
    return " ".join(err.split())


# What this site's cloud has an address for: it serves nothing that is for operators.
ENDPOINTS = {name: at for name, at in CLIENT["endpoints"].items() if name not in ("sts", "panorama")}

for argument in sys.argv[1:]:
    version, wanted = argument.split("=")
    for service, name in ENDPOINTS.items():
        expect(f"{version} at {service}", answer(name, version), wanted)
finish()
