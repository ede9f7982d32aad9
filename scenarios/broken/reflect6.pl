# Repeats what is asked of cameras by IPv6 on one link on another one, under its own address there, as reflectors do:
# perl reflect6.pl LINK OTHER ADDRESS
use strict;
use warnings;
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);

my ($heard, $told, $own) = @ARGV;
my ($group, $port) = (inet_pton(AF_INET6, 'ff02::c'), 3702);
# AF_PACKET, SOCK_DGRAM, of IPv6 (packet(7)): it hears what a firewall keeps from others
socket(my $in, 17, 2, unpack('S', pack('n', 0x86dd))) or die "no packet socket: $!\n";
bind($in, pack('S n i x12', 17, 0x86dd, number($heard))) or die "not bound: $!\n";
socket(my $out, PF_INET6, SOCK_DGRAM, 17) or die "no socket: $!\n";
bind($out, pack_sockaddr_in6(0, inet_pton(AF_INET6, $own))) or die "$own: $!\n";
# IPV6_MULTICAST_IF
setsockopt($out, 41, 17, pack('i', number($told))) or die "$told has no groups: $!\n";
$| = 1;
print "listening at $heard\n";
while (defined(my $from = recv($in, my $packet, 65536, 0))) {
    # a sockaddr_ll: the packet's type stands behind family, protocol, link and hardware; 2 is a group's
    next unless unpack('x10C', $from) == 2 && substr($packet, 24, 16) eq $group && unpack('x6C', $packet) == 17;
    next unless unpack('x40x2n', $packet) == $port;
    send($out, substr($packet, 48), 0, pack_sockaddr_in6($port, $group, number($told))) or die "nothing was sent: $!\n";
}

# The kernel's number of a link: SIOCGIFINDEX (netdevice(7)).
sub number {
    my $request = pack('a16 x24', $_[0]);
    socket(my $any, PF_INET, SOCK_DGRAM, 17) or die "no socket: $!\n";
    ioctl($any, 0x8933, $request) or die "no link $_[0]: $!\n";
    return unpack('x16 i', $request);
}
