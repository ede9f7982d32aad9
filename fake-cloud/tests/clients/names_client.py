"""Resolves names as dnspython does: ADDRESS PORT NAME…; by UDP, by TCP, with and without EDNS."""

import json
import sys

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.resolver

address, port, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port, resolver.lifetime = [address], port, 20


def resolved(name, tcp):
    try:
        return [answer.address for answer in resolver.resolve(name, "A", tcp=tcp, search=False)]
    except dns.resolver.NXDOMAIN:
        return "no such name"


def asked(name, edns):
    """The header of an answer: code, authoritative, truncated, EDNS."""
    question = dns.message.make_query(name, "A", use_edns=edns, payload=1232 if edns is not False else None)
    answer = dns.query.udp(question, address, port=port, timeout=20)
    has = lambda flag: bool(answer.flags & flag)
    return [dns.rcode.to_text(answer.rcode()), has(dns.flags.AA), has(dns.flags.TC), answer.edns >= 0]


print(
    json.dumps(
        {
            name: {
                "udp": resolved(name, False),
                "tcp": resolved(name, True),
                "plain": asked(name, False),
                "edns": asked(name, 0),
            }
            for name in names
        }
    )
)
