"""Asks for the time: ADDRESS PORT VERSION."""

import json
import sys

import ntplib

address, port, version = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
told = ntplib.NTPClient().request(address, port=port, version=version, timeout=10)
print(
    json.dumps(
        {
            "version": told.version,
            "mode": told.mode,
            "stratum": told.stratum,
            "leap": told.leap,
            "offset": told.offset,
            "reference": told.ref_id.to_bytes(4, "big").hex(),
        }
    )
)
