# A router that opens VXLAN from anybody, with whatever is inside.
set -e
PATH=$PATH:/usr/sbin:/sbin
ip link add tunnels address 02:00:00:00:47:89 type vxlan external nolearning dstport 4789
ip link set dev tunnels up
echo opens
exec sleep 3600
