# Opens at the same moment as whoever calls (RFC 9293, section 3.5, figure 8): perl crosses.pl LINK PORT. Its rules keep the other's
# SYN from its TCP, so that no answer is given; seen beside them, it has a SYN of our own go back between the same ends.
use strict;
use warnings;
use Socket;

my ($link, $port) = @ARGV;
# AF_PACKET, SOCK_DGRAM, of IPv4 (packet(7)); SIOCGIFINDEX (netdevice(7)).
socket(my $ear, 17, 2, unpack("S", pack("n", 0x0800))) or die "no packet socket: $!\n";
my $index = pack("a16 x24", $link);
ioctl($ear, 0x8933, $index) or die "no link $link: $!\n";
bind($ear, pack("S n i x12", 17, 0x0800, unpack("x16 i", $index))) or die "not bound: $!\n";
my @kept;
while (defined recv($ear, my $packet, 2048, 0)) {
    next if length($packet) < 40 || ord(substr($packet, 9, 1)) != 6;
    my $tcp = substr($packet, (ord($packet) & 15) * 4);
    my ($from, $to, $flags) = unpack("n n x9 C", $tcp);
    # SYN without ACK, for this port
    next unless $to == $port && ($flags & 0x12) == 0x02;
    socket(my $own, PF_INET, SOCK_STREAM, 0) or die "no socket: $!\n";
    setsockopt($own, SOL_SOCKET, SO_REUSEADDR, 1) or die "not set: $!\n";
    bind($own, pack_sockaddr_in($port, "\0\0\0\0")) or next;
    my $caller = substr($packet, 12, 4);
    # refused if it is gone by now
    connect($own, pack_sockaddr_in($from, $caller));
    push @kept, $own;
}
