# A router that obeys source routes, as some do unless they are told not to.
set -e
for at in all default iso0 prod0 wan0; do
	echo 1 >/proc/sys/net/ipv4/conf/$at/accept_source_route
done
echo obeys
exec sleep 3600
