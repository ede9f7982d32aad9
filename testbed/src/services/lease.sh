#!/bin/busybox sh
# Run by udhcpc for each thing that happens to a lease (busybox, networking/udhcp/dhcpc.c): gives the link its address.
# TESTBED_DEFAULT says whether the server's gateway becomes the default route, TESTBED_ROUTES what else leads over the
# link, one `to via` a line; TESTBED_HELD is a file that stands if the link has an address already. Names and time
# servers that the server names are not taken over.

ip() { busybox ip -4 "$@"; }

case $1 in
deconfig)
    # the address came from the other port, with its lease: it stays until that is refused
    if [ -n "$TESTBED_HELD" ] && busybox rm "$TESTBED_HELD" 2>/dev/null; then exit 0; fi
    ip addr flush dev "$interface"
    ;;
bound | renew)
    if ! ip addr show dev "$interface" | busybox grep -qF "inet $ip/$mask "; then
        ip addr flush dev "$interface"
        ip addr add "$ip/$mask" broadcast + dev "$interface"
    fi
    gateway=${router%% *}
    if [ "$TESTBED_DEFAULT" = yes ] && [ -n "$gateway" ]; then
        ip route replace default via "$gateway" dev "$interface"
    fi
    echo "$TESTBED_ROUTES" | while read -r to via; do
        if [ -n "$to" ]; then ip route replace "$to" via "$via" dev "$interface"; fi
    done
    echo "testbed: $interface has $ip/$mask" >&2
    ;;
esac
exit 0
