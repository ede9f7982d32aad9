"""Scans TLS as sslyze does: for each NAME, what is accepted of every version and cipher suite."""

import json
import sys

from cloud import ADDRESS, CLIENT, show
from sslyze import Scanner, ScanCommand, ServerNetworkConfiguration, ServerNetworkLocation, ServerScanRequest

VERSIONS = ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3"]
COMMANDS = {ScanCommand(f"{version}_cipher_suites") for version in VERSIONS}


def request(name):
    place = ServerNetworkLocation(hostname=name, port=CLIENT["https_port"], ip_address=ADDRESS)
    network = ServerNetworkConfiguration(tls_server_name_indication=name, network_timeout=20)
    return ServerScanRequest(server_location=place, network_configuration=network, scan_commands=COMMANDS)


def accepted(result, version):
    told = getattr(result, f"{version}_cipher_suites")
    if told.result is None:
        raise SystemExit(f"{version}: {told.status}: {told.error_reason} {told.error_trace}")
    return sorted(suite.cipher_suite.name for suite in told.result.accepted_cipher_suites)


scanner = Scanner(per_server_concurrent_connections_limit=8)
scanner.queue_scans([request(name) for name in sys.argv[1:]])
seen = {}
for told in scanner.get_results():
    if told.scan_result is None:
        raise SystemExit(f"{told.server_location.hostname}: {told.scan_status} {told.connectivity_error_trace}")
    seen[told.server_location.hostname] = {
        version: accepted(told.scan_result, version) for version in VERSIONS
    }
show(seen)
