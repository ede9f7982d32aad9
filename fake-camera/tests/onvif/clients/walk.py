"""Asks a camera everything that an ordinary client asks, with the package onvif-python, and prints it as JSON.

    walk.py HOST PORT wsse|digest [USER PASSWORD]

The package checks each answer against ONVIF's own WSDL files. A refusal is printed as {"refused": its subcodes}.
"""

import base64
import json
import sys

import requests
from onvif import CacheMode, ONVIFClient, ONVIFOperationException
from requests.auth import HTTPDigestAuth


def plain(value):
    """What zeep gives, as JSON."""
    import zeep.helpers

    return json.loads(json.dumps(zeep.helpers.serialize_object(value, dict), default=str))


def refusal(error):
    fault = error.original_exception
    subcodes = getattr(fault, "subcodes", None)
    if subcodes is None:
        return {"refused": str(fault)}
    return {"refused": [code.localname for code in subcodes]}


def asked(operation, **arguments):
    try:
        return plain(operation(**arguments))
    except ONVIFOperationException as error:
        return refusal(error)


def snapshot(uri, user, password):
    first = requests.get(uri, timeout=30)
    auth = HTTPDigestAuth(user, password) if user else None
    got = requests.get(uri, auth=auth, timeout=30)
    return {
        "without": first.status_code,
        "with": got.status_code,
        "type": got.headers.get("Content-Type"),
        "jpeg": base64.b64encode(got.content).decode(),
    }


def main():
    host, port, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    user, password = (sys.argv[4], sys.argv[5]) if len(sys.argv) > 5 else (None, None)
    client = ONVIFClient(
        host, port, user, password, http_digest=kind == "digest", cache=CacheMode.NONE, timeout=30
    )
    device, said = client.devicemgmt(), {}
    for name in [
        "GetSystemDateAndTime", "GetDeviceInformation", "GetScopes", "GetNetworkInterfaces", "GetHostname",
        "GetUsers", "GetNTP", "GetDNS", "GetNetworkProtocols", "GetServiceCapabilities", "GetEndpointReference",
    ]:
        said[name] = asked(getattr(device, name))
    said["GetCapabilities"] = asked(device.GetCapabilities, Category="All")
    said["GetServices"] = asked(device.GetServices, IncludeCapability=True)
    said["SetHostname"] = asked(device.SetHostname, Name="other")
    media = client.media()
    for name in [
        "GetProfiles", "GetVideoSources", "GetVideoSourceConfigurations", "GetVideoEncoderConfigurations",
        "GetServiceCapabilities",
    ]:
        said["media." + name] = asked(getattr(media, name))
    if isinstance(said["media.GetProfiles"], list):
        token = said["media.GetProfiles"][0]["token"]
        said["media.GetProfile"] = asked(media.GetProfile, ProfileToken=token)
        said["media.GetVideoEncoderConfigurationOptions"] = asked(
            media.GetVideoEncoderConfigurationOptions, ProfileToken=token
        )
        for protocol in ["RTSP", "UDP"]:
            setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": protocol}}
            said["media.GetStreamUri " + protocol] = asked(media.GetStreamUri, StreamSetup=setup, ProfileToken=token)
        said["media.GetSnapshotUri"] = asked(media.GetSnapshotUri, ProfileToken=token)
        said["snapshot"] = snapshot(said["media.GetSnapshotUri"]["Uri"], user, password)
        media2 = client.media2()
        said["media2.GetProfiles"] = asked(media2.GetProfiles, Type=["All"])
        said["media2.GetVideoEncoderConfigurations"] = asked(media2.GetVideoEncoderConfigurations)
        said["media2.GetVideoEncoderConfigurationOptions"] = asked(media2.GetVideoEncoderConfigurationOptions)
        said["media2.GetStreamUri"] = asked(media2.GetStreamUri, Protocol="RTSP", ProfileToken=token)
        said["media2.GetSnapshotUri"] = asked(media2.GetSnapshotUri, ProfileToken=token)
    print(json.dumps(said))


main()
