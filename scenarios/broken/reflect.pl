# Repeats what is asked of cameras on one link on another one, under its own address there, as reflectors do:
# perl reflect.pl LINK ADDRESS
use strict;
use warnings;
use Socket;

my ($heard, $own) = @ARGV;
my ($group, $port) = (inet_aton('239.255.255.250'), 3702);
# a packet socket (17) hears what a firewall keeps from others; packets without their Ethernet header (2), of IPv4
socket(my $in, 17, 2, unpack('n', pack('S', 0x0800))) or die "a packet socket: $!";
socket(my $out, PF_INET, SOCK_DGRAM, 17) or die "a socket: $!";
bind($out, sockaddr_in(0, inet_aton($own))) or die "$own: $!";
# IP_MULTICAST_IF
setsockopt($out, 0, 32, inet_aton($own)) or die "$own has no groups: $!";
$| = 1;
print "listening at $heard\n";
while (defined(my $from = recv($in, my $packet, 65536, 0))) {
    # a sockaddr_ll: the packet's type stands behind family, protocol, link and hardware; 2 is a group's
    next unless unpack('x10C', $from) == 2 && substr($packet, 16, 4) eq $group && unpack('x9C', $packet) == 17;
    my $header = (unpack('C', $packet) & 15) * 4;
    next unless unpack("x${header}x2n", $packet) == $port;
    send($out, substr($packet, $header + 8), 0, sockaddr_in($port, $group)) or die "nothing was sent: $!";
}
